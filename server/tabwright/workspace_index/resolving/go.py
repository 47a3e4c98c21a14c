"""Go's imports: a package is a folder, found by the module path in the nearest fitting `go.mod`."""

from __future__ import annotations

import re
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

_MOST_FILES = 30
"""How many files of one package are named; few packages have more."""
_MODULE = re.compile(r'^\s*module\s+"?([^\s"]+)', re.MULTILINE)
_REPLACE = re.compile(r"^\s*(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>\s+(\.{1,2}/\S*)", re.MULTILINE)


def go_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the files of a package of the workspace, without its tests."""
    written = imported.module.strip('"`')
    if not written:
        return
    folder = _folder(workspace, path, written)
    if folder is not None:
        yield from _package_files(workspace.files, folder)


def _package_files(files: WorkspaceFiles, folder: str) -> list[str]:
    names = [name for name in files.inside(folder) if name.endswith(".go")]
    return [name for name in names if not name.endswith("_test.go")][:_MOST_FILES]


def _folder(workspace: Workspace, path: str, written: str) -> str | None:
    if written.startswith(("./", "../")):
        return normalised(folder_of(path), written)
    for module, folders in _modules(workspace):
        if written == module or written.startswith(module + "/"):
            rest = written[len(module) + 1 :]
            for folder in nearest(folders, path):
                if workspace.files.has_folder(joined(folder, rest)):
                    return joined(folder, rest)
    return _without_module(workspace.files, path, written)


def _without_module(files: WorkspaceFiles, path: str, written: str) -> str | None:
    """Find a package by its whole path (GOPATH, `vendor/`), else below the workspace's folder,
    which then is the checked-out repository of a path such as `example.com/owner/name`."""
    if "/" not in written or "." not in written.partition("/")[0]:
        return None  # the standard library
    whole = files.folders_ending_with(written)
    if whole:
        return nearest(whole, path)[0]
    if files.named("go.mod"):
        return None
    rest = "/".join(written.split("/")[3:])
    return rest if rest and _package_files(files, rest) else None


def _modules(workspace: Workspace) -> list[tuple[str, list[str]]]:
    """Return the modules of the workspace with their folders, the longest path first."""

    def work_out() -> list[tuple[str, list[str]]]:
        found: dict[str, list[str]] = {}
        for path in workspace.files.named("go.mod"):
            text = workspace.text_of(path) or ""
            module = _MODULE.search(text)
            if module is not None:
                found.setdefault(module[1], []).append(folder_of(path))
            for replace in _REPLACE.finditer(text):
                folder = normalised(folder_of(path), replace[2])
                if folder is not None and folder not in found.setdefault(replace[1], []):
                    found[replace[1]].append(folder)
        return sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0]))

    return workspace.derived("modules of Go", work_out)
