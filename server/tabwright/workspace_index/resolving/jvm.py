"""Imports of Java, Kotlin and Scala: `a.b.C` is `a/b/C.java` or the like below some source root."""

from __future__ import annotations

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

_ENDINGS = (".java", ".kt", ".scala", ".groovy")
_MOST_IN_PACKAGE = 30
_MOST_GUESSED = 5
"""Where a package has no more files than this, all of them are named for something in it that
has no file of its own name (functions of Kotlin, several classes in one file)."""


def jvm_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the files of imported classes; of a package for a wildcard, at most 30."""
    module = imported.module.strip().removeprefix("static ").strip(" ;").removeprefix("_root_.")
    is_wildcard = False
    for mark in (".*", "._"):
        if module.endswith(mark):
            module, is_wildcard = module.removesuffix(mark), True
    parts = [part for part in module.split(".") if part]
    names = [name for name in imported.names if name not in ("*", "_", "given")]
    if len(names) < len(imported.names) or is_wildcard:
        yield from _everything(workspace.files, path, parts)
    for name in names:
        yield from _named(workspace.files, path, [*parts, *name.split(".")])
    if not imported.names and not is_wildcard:
        yield from _named(workspace.files, path, parts)


def _named(files: WorkspaceFiles, path: str, parts: Sequence[str]) -> list[str]:
    file = _class_file(files, path, parts)
    if file is not None:
        return [file]
    sources = _sources(files, path, parts[:-1])
    return sources if len(sources) <= _MOST_GUESSED else []


def _everything(files: WorkspaceFiles, path: str, parts: Sequence[str]) -> list[str]:
    file = _class_file(files, path, parts)
    return [file] if file is not None else _sources(files, path, parts)[:_MOST_IN_PACKAGE]


def _class_file(files: WorkspaceFiles, path: str, parts: Sequence[str]) -> str | None:
    """Return the file of a class, or of the class that a member or nested class is in."""
    for length in range(len(parts), 1, -1):
        end = "/".join(parts[:length])
        found = [file for ending in _ENDINGS for file in files.ending_with(end + ending)]
        if found:
            return nearest(found, path)[0]
    return None


def _sources(files: WorkspaceFiles, path: str, parts: Sequence[str]) -> list[str]:
    """Return the sources of a package from the nearest root that has it."""
    if len(parts) < 2:
        return []
    folders = files.folders_ending_with("/".join(parts))
    candidates = [joined(folder, "*") for folder in folders]
    for candidate in nearest(candidates, path):
        inside = files.inside(folder_of(candidate))
        found = [file for file in inside if last_part(file).endswith(_ENDINGS) and file != path]
        if found:
            return found
    return []
