"""Python's imports: packages below any root that makes them fit, namespaces, relative levels.

A root is a folder that could be on `sys.path`. Nobody declares it, so it is found from the other
side: where `a/b.py` ends a path, what comes before is a root for `import a.b`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.workspace import Workspace
from tabwright.workspace_index.resolving.workspace_files import (
    WorkspaceFiles,
    folder_of,
    joined,
    last_part,
    nearest,
)

_ENDINGS = (".py", ".pyi", ".pyx")
_MANY_ROOTS = 50
"""Of so many modules of one name (`utils`), only those of roots around the file are considered."""
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_SOURCE_FOLDERS = ("src", "lib", "python", "source", "server", "tests", "test")


def python_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the modules that `import a.b` or `from a.b import c` names: a module `c` of the
    package if there is one, else the module (or `__init__`) that should define `c`."""
    files = workspace.files
    written = imported.module.strip()
    parts = [part for part in written.lstrip(".").split(".") if part]
    level = len(written) - len(written.lstrip("."))
    if level:
        yield from _relative(files, path, level, parts, imported.names)
    elif parts:
        yield from _absolute(files, path, parts, imported.names)


def _relative(
    files: WorkspaceFiles, path: str, level: int, parts: Sequence[str], names: Sequence[str]
) -> Iterator[str]:
    base = folder_of(path)
    for _ in range(level - 1):
        if not base:
            return  # more dots than folders
        base = folder_of(base)
    where = joined(base, "/".join(parts))
    module = _module_at(files, where) if where else files.first(["__init__.py", "__init__.pyi"])
    submodules = [_module_at(files, joined(where, name)) for name in names]
    yield from _chosen(module, submodules)


def _absolute(
    files: WorkspaceFiles, path: str, parts: Sequence[str], names: Sequence[str]
) -> Iterator[str]:
    module = _find(files, path, tuple(parts))
    submodules: list[str | None] = []
    for name in names:
        if module is None:
            submodules.append(_find(files, path, (*parts, name)))  # perhaps a namespace package
        elif last_part(module).startswith("__init__."):
            submodules.append(_module_at(files, joined(folder_of(module), name)))
        else:
            submodules.append(None)
    yield from _chosen(module, submodules)


def _chosen(module: str | None, submodules: Sequence[str | None]) -> Iterator[str]:
    """Leave the package's own file out where every name is one of its modules."""
    if module is not None and (not submodules or None in submodules):
        yield module
    for submodule in submodules:
        if submodule is not None:
            yield submodule


def _module_at(files: WorkspaceFiles, where: str) -> str | None:
    package = [f"{where}/__init__{ending}" for ending in _ENDINGS]
    return files.first([*package, *(where + ending for ending in _ENDINGS)])


def _find(files: WorkspaceFiles, path: str, parts: tuple[str, ...]) -> str | None:
    """Return the file of an absolute module from the root that fits best."""
    end = "/".join(parts)
    question = ("module of Python", folder_of(path), end)
    return files.remembered(question, lambda: _search(files, path, parts[0], end))


def _search(files: WorkspaceFiles, path: str, top_name: str, end: str) -> str | None:
    found: dict[str, str] = {}
    for folder in files.folders_ending_with(end):
        package = files.first(f"{folder}/__init__{ending}" for ending in _ENDINGS)
        if package is not None:
            found.setdefault(_root(folder, end), package)
    for ending in _ENDINGS:
        for module in files.ending_with(end + ending):
            found.setdefault(_root(module, end + ending), module)
    roots = list(found)
    if len(roots) > _MANY_ROOTS:
        roots = [root for root in roots if _is_around(root, path)]
    usable = [root for root in roots if _is_root(files, root, path, top_name, found[root], end)]
    best = nearest((joined(root, "*") for root in usable), path)
    return found[folder_of(best[0])] if best else None


def _root(path: str, end: str) -> str:
    return path[: -len(end)].rstrip("/")


def _is_root(
    files: WorkspaceFiles, root: str, path: str, top_name: str, file: str, end: str
) -> bool:
    """Whether modules right inside this folder can be imported by their bare name from a file."""
    is_package = files.first(joined(root, f"__init__{ending}") for ending in _ENDINGS) is not None
    is_around = _is_around(root, path)
    if top_name in sys.stdlib_module_names:
        return is_around and not is_package
    if is_package:
        return root == folder_of(path)  # a script beside its helpers
    is_lone_module = "/" not in end and "/__init__." not in file
    return is_around or not is_lone_module or _is_project_root(files, root)


def _is_around(root: str, path: str) -> bool:
    return root == "" or path.startswith(root + "/")


def _is_project_root(files: WorkspaceFiles, root: str) -> bool:
    return last_part(root) in _SOURCE_FOLDERS or any(
        joined(root, name) in files for name in _PROJECT_FILES
    )
