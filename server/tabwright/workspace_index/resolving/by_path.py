"""Languages whose imports are paths: of files as they are, of `a/b` for `a/b.rb`, of `a.b`."""

from __future__ import annotations

from collections.abc import Iterator

from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.workspace import Workspace
from tabwright.workspace_index.resolving.workspace_files import (
    WorkspaceFiles,
    folder_of,
    joined,
    nearest,
    normalised,
)

_RUBY_ROOTS = ("lib", "app", "test", "spec", "config", "src", "")
_LUA_ENDINGS = (".lua", "/init.lua", ".luau")
_MOST_OF_NAMESPACE = 10


def path_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the file that a path names, seen from the file or from the workspace."""
    written = imported.module.strip("\"'` ").partition("?")[0].partition("#")[0]
    if not written or "://" in written or "$" in written:
        return
    folders = [""] if written.startswith("/") else [folder_of(path), ""]
    for folder in folders:
        where = normalised(folder, written)
        if where and where in workspace.files:
            yield where
            return


def ruby_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the file of `require_relative` or `require`."""
    written = imported.module.strip("\"' ").removesuffix(".rb")
    if not written:
        return
    beside = normalised(folder_of(path), written)
    if beside and f"{beside}.rb" in workspace.files:
        yield f"{beside}.rb"
    elif not written.startswith("."):
        found = workspace.files.ending_with(f"{written}.rb")
        roots = ((file, file[: -len(written) - 3].rstrip("/")) for file in found)
        usable = [file for file, root in roots if root.rpartition("/")[2] in _RUBY_ROOTS]
        yield from nearest(usable, path)[:1]


def lua_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the file of `require "a.b"`, below whatever root makes it fit."""
    written = imported.module.strip("\"'[]() ").replace(".", "/").strip("/")
    if written:
        yield from _first_ending(workspace.files, path, written, _LUA_ENDINGS)


def csharp_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the files in the folder of a namespace, at most 10: `A.B.C` is `A/B/C` or, in a
    project of that name, `A.B/C`. A namespace that has no such folder names nothing."""
    written = imported.module.removeprefix("static ").strip(" ;")
    parts = [part for part in written.split(".") if part]
    for length in range(1, len(parts) + 1):
        folder_end = joined(".".join(parts[:length]), "/".join(parts[length:]))
        for folder in nearest(workspace.files.folders_ending_with(folder_end), path):
            inside = [file for file in workspace.files.inside(folder) if file.endswith(".cs")]
            if inside:
                yield from inside[:_MOST_OF_NAMESPACE]
                return


def _first_ending(
    files: WorkspaceFiles, path: str, stem: str, endings: tuple[str, ...]
) -> list[str]:
    for ending in endings:
        found = files.ending_with(stem + ending)
        if found:
            return nearest(found, path)[:1]
    return []
