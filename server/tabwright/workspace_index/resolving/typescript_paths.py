"""What `baseUrl` and `paths` of a `tsconfig.json` or `jsconfig.json` make of a bare specifier.

After https://www.typescriptlang.org/tsconfig/, with what `extends` and `references` add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tabwright.workspace_index.resolving.configuration_texts import (
    items,
    json_table,
    table,
    text_or_empty,
    texts,
)
from tabwright.workspace_index.resolving.workspace import Workspace
from tabwright.workspace_index.resolving.workspace_files import (
    folder_of,
    folders_up,
    joined,
    normalised,
)

_NAMES = ("tsconfig.json", "jsconfig.json")
_MOST_FILES = 30
"""How many files one configuration may be put together from."""

_Paths: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]

FindPackageFile = Callable[[str], Sequence[str]]
"""From `@acme/tsconfig/base.json` to files of the workspace it may be."""


@dataclass(frozen=True)
class PathMapping:
    """Where modules that are named without `./` are looked for."""

    base: str | None = None
    """The folder of `baseUrl`, if there is one."""
    paths: _Paths = ()
    """Patterns, the longest prefix first, with their targets below the workspace's folder."""

    def candidates(self, specifier: str) -> Iterator[str]:
        """Go through paths without endings that a specifier may stand for, best first."""
        for pattern, targets in self.paths:
            before, star, after = pattern.partition("*")
            if not star and specifier != pattern:
                continue
            long_enough = len(specifier) >= len(before) + len(after)
            if not (long_enough and specifier.startswith(before) and specifier.endswith(after)):
                continue
            middle = specifier[len(before) : len(specifier) - len(after)]
            for target in targets:
                where = normalised("", target.replace("*", middle))
                if where is not None:
                    yield where
            break
        if self.base is not None:
            where = normalised(self.base, specifier)
            if where is not None:
                yield where


def mapping_for(workspace: Workspace, path: str, find_package: FindPackageFile) -> PathMapping:
    """Return the mapping of the nearest configuration around a file that has one."""
    folder = folder_of(path)
    return workspace.derived(
        ("paths", folder), lambda: _mapping_for_folder(workspace, folder, find_package)
    )


def _mapping_for_folder(
    workspace: Workspace, folder: str, find_package: FindPackageFile
) -> PathMapping:
    for around in folders_up(folder):
        file = workspace.files.first(joined(around, name) for name in _NAMES)
        found = PathMapping() if file is None else _mapping_of(workspace, file, find_package)
        if found != PathMapping():
            return found
    return PathMapping()


def _mapping_of(workspace: Workspace, path: str, find_package: FindPackageFile) -> PathMapping:
    return workspace.derived(("paths of", path), lambda: _read(workspace, path, find_package))


def _read(workspace: Workspace, path: str, find_package: FindPackageFile) -> PathMapping:
    """Return the mapping of a configuration; of its `references` where it has none itself."""
    seen: set[str] = set()
    found = _with_bases(workspace, path, find_package, seen)
    if found != PathMapping():
        return found
    for reference in items(json_table(workspace.text_of(path)).get("references")):
        written = text_or_empty(table(reference).get("path"))
        file = _configuration_at(workspace, normalised(folder_of(path), written))
        if written and file is not None:
            found = _with_bases(workspace, file, find_package, seen)
            if found != PathMapping():
                return found
    return PathMapping()


def _with_bases(
    workspace: Workspace, path: str, find_package: FindPackageFile, seen: set[str]
) -> PathMapping:
    """Return the mapping of one file, with that of the files it extends where it is silent."""
    if path in seen or len(seen) >= _MOST_FILES:
        return PathMapping()
    seen.add(path)
    config = json_table(workspace.text_of(path))
    base: str | None = None
    paths: _Paths = ()
    for written in texts(config.get("extends")):
        file = _extended(workspace, folder_of(path), written, find_package)
        if file is not None:
            inherited = _with_bases(workspace, file, find_package, seen)
            base = inherited.base if inherited.base is not None else base
            paths = inherited.paths or paths
    own = table(config.get("compilerOptions"))
    own_base = text_or_empty(own.get("baseUrl"))
    if own_base:
        base = normalised(folder_of(path), _without_variable(own_base))
    own_paths = table(own.get("paths"))
    if own_paths:
        paths = _targets(own_paths, base if base is not None else folder_of(path))
    return PathMapping(base, paths)


def _targets(paths: Mapping[str, object], folder: str) -> _Paths:
    found = [
        (pattern, tuple(joined(folder, _without_variable(target)) for target in texts(targets)))
        for pattern, targets in paths.items()
    ]
    return tuple(sorted(found, key=lambda pair: ("*" in pair[0], -len(pair[0].partition("*")[0]))))


def _without_variable(written: str) -> str:
    return written.replace("${configDir}", ".")


def _extended(
    workspace: Workspace, folder: str, written: str, find_package: FindPackageFile
) -> str | None:
    if written.startswith((".", "/")):
        return _configuration_at(workspace, normalised(folder, written))
    for where in find_package(written):
        file = _configuration_at(workspace, where)
        if file is not None:
            return file
    return None


def _configuration_at(workspace: Workspace, where: str | None) -> str | None:
    if where is None:
        return None
    return workspace.files.first((where, f"{where}.json", joined(where, _NAMES[0])))
