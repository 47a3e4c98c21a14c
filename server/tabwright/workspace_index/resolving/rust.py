"""Rust's imports: modules of the own crate, of other crates of the workspace, and `mod x;`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.configuration_texts import (
    table,
    text_or_empty,
    toml_table,
)
from tabwright.workspace_index.resolving.workspace import Workspace
from tabwright.workspace_index.resolving.workspace_files import (
    WorkspaceFiles,
    folder_of,
    folders_up,
    joined,
    last_part,
    nearest,
    normalised,
)

_ROOT_NAMES = ("lib.rs", "main.rs")
_ROOT_FOLDERS = ("src/bin", "tests", "examples", "benches")
_DECLARED = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+", re.UNICODE)


@dataclass(frozen=True)
class _Module:
    """A module in a file of its own."""

    file: str
    inner_folder: str
    """Where the files of the modules inside it are."""


def rust_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the files of the modules that a `use` or `mod x;` names; what is no module is
    an item, and named by the file of the module it is in."""
    written = _DECLARED.sub("self::", imported.module.strip()).strip(";").removeprefix("::")
    segments = [segment.strip() for segment in written.split("::") if segment.strip()]
    names = [name for name in imported.names if name not in ("*", "self")] or [""]
    if len(names) < len(imported.names):
        names = ["", *(name for name in names if name)]
    for name in names:
        inner = [segment for segment in name.split("::") if segment and segment != "*"]
        if segments or inner:
            found = _named(workspace, path, [*segments, *inner])
            if found is not None and found != path:
                yield found


def _named(workspace: Workspace, path: str, segments: Sequence[str]) -> str | None:
    files = workspace.files
    here = _module_of(files, path)
    first, rest = segments[0].removeprefix("r#"), segments[1:]
    if first == "crate":
        root = _root_of(workspace, path)
        return _walk(files, root, rest) if root is not None else None
    if first in ("self", "super"):
        module: _Module | None = here
        for position, segment in enumerate(segments):
            if segment == "super":
                module = _parent(files, module) if module is not None else None
            elif segment != "self" or position:
                rest = segments[position:]
                break
            rest = segments[position + 1 :]
        return _walk(files, module, rest) if module is not None else None
    child = _child(files, here, first)
    if child is not None:
        return _walk(files, child, rest)
    root = _other_crate(workspace, path, first)
    return _walk(files, root, rest) if root is not None else None


def _walk(files: WorkspaceFiles, module: _Module, segments: Sequence[str]) -> str:
    """Follow segments as long as they name modules."""
    for segment in segments:
        child = _child(files, module, segment.removeprefix("r#"))
        if child is None:
            break
        module = child
    return module.file


def _child(files: WorkspaceFiles, module: _Module, name: str) -> _Module | None:
    inner = joined(module.inner_folder, name)
    file = files.first((f"{inner}.rs", f"{inner}/mod.rs"))
    return None if file is None or file == module.file else _Module(file, inner)


def _parent(files: WorkspaceFiles, module: _Module) -> _Module | None:
    folder = folder_of(module.file)
    if last_part(module.file) == "mod.rs":
        folder = folder_of(folder)
    names = (*_ROOT_NAMES, "mod.rs")
    file = files.first((*(joined(folder, name) for name in names), f"{folder}.rs"))
    return None if file is None or file == module.file else _Module(file, folder)


def _module_of(files: WorkspaceFiles, path: str) -> _Module:
    folder, name = folder_of(path), last_part(path)
    is_root = name in ("mod.rs", *_ROOT_NAMES, "build.rs") or any(
        folder == root or folder.endswith("/" + root) for root in _ROOT_FOLDERS
    )
    return _Module(path, folder if is_root else path.removesuffix(".rs"))


def _root_of(workspace: Workspace, path: str) -> _Module | None:
    """Return the root of the crate that a file belongs to."""
    files = workspace.files
    if _module_of(files, path).inner_folder == folder_of(path) and last_part(path) != "mod.rs":
        return _module_of(files, path)  # it is a root itself
    for folder in folders_up(folder_of(path)):
        file = files.first(joined(folder, name) for name in _ROOT_NAMES)
        if file is not None:
            return _Module(file, folder)
        if joined(folder, "Cargo.toml") in files:
            return _root_in(workspace, folder)
    return None


def _root_in(workspace: Workspace, folder: str) -> _Module | None:
    """Return the root that a `Cargo.toml` in a folder declares, or the usual one."""
    cargo = _cargo(workspace, joined(folder, "Cargo.toml"))
    declared = normalised(folder, text_or_empty(table(cargo.get("lib")).get("path")))
    usual = (joined(folder, f"src/{name}") for name in _ROOT_NAMES)
    file = workspace.files.first((declared or "", *usual))
    return None if file is None else _Module(file, folder_of(file))


def _cargo(workspace: Workspace, path: str) -> Mapping[str, object]:
    return workspace.derived(("cargo", path), lambda: toml_table(workspace.text_of(path)))


def _other_crate(workspace: Workspace, path: str, name: str) -> _Module | None:
    def work_out() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for cargo_path in workspace.files.named("Cargo.toml"):
            cargo = _cargo(workspace, cargo_path)
            for part in ("package", "lib"):
                declared = text_or_empty(table(cargo.get(part)).get("name")).replace("-", "_")
                if declared and folder_of(cargo_path) not in found.setdefault(declared, []):
                    found[declared].append(folder_of(cargo_path))
        return found

    folders = workspace.derived("crates", work_out).get(name, [])
    roots = (_root_in(workspace, folder) for folder in nearest(folders, path))
    return next((root for root in roots if root is not None), None)
