"""PHP's imports: classes by the PSR-4 and PSR-0 rules of `composer.json`, files by path."""

from __future__ import annotations

from collections.abc import Iterator

from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.by_path import path_files
from tabwright.workspace_index.resolving.configuration_texts import json_table, table, texts
from tabwright.workspace_index.resolving.workspace import Workspace
from tabwright.workspace_index.resolving.workspace_files import (
    folder_of,
    joined,
    nearest,
    normalised,
)


def php_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    r"""Go through the files of `use A\B` (with names: of `A\B\Name` too) or `require 'a.php'`."""
    module = imported.module.strip("\"' ;")
    if module.endswith((".php", ".inc")):
        yield from path_files(workspace, path, Import(module.lstrip("/"), (), ()))
        return
    module = module.removeprefix("function ").removeprefix("const ").strip("\\ ")
    for name in imported.names or ("",):
        full_name = "\\".join(part for part in (module, name) if part and part != "*")
        file = _class_file(workspace, path, full_name)
        if file is None and name:  # a function or constant
            file = _class_file(workspace, path, module)
        if file is not None:
            yield file


def _class_file(workspace: Workspace, path: str, name: str) -> str | None:
    for prefix, folder in _prefixes(workspace):
        if name.startswith(prefix):
            file = joined(folder, name[len(prefix) :].replace("\\", "/") + ".php")
            if file in workspace.files:
                return file
    # Without composer: a namespace of at least two parts that some folders are called like.
    parts = [part for part in name.split("\\") if part]
    for start in range(len(parts) - 1):
        found = workspace.files.ending_with("/".join(parts[start:]) + ".php")
        if found and (start == 0 or len(found) == 1):
            return nearest(found, path)[0]
    return None


def _prefixes(workspace: Workspace) -> list[tuple[str, str]]:
    r"""Return the prefixes of class names (`App\`) with their folders, the longest first."""

    def work_out() -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for path in workspace.files.named("composer.json"):
            config = json_table(workspace.text_of(path))
            for section in ("autoload", "autoload-dev"):
                rules = table(config.get(section))
                for prefix, folders in table(rules.get("psr-4")).items():
                    found += _rule(path, prefix, folders, "")
                for prefix, folders in table(rules.get("psr-0")).items():
                    found += _rule(path, prefix, folders, prefix.strip("\\").replace("\\", "/"))
        return sorted(found, key=lambda rule: (-len(rule[0]), rule))

    return workspace.derived("prefixes of PHP", work_out)


def _rule(path: str, prefix: str, folders: object, inner: str) -> list[tuple[str, str]]:
    where = (normalised(folder_of(path), folder) for folder in texts(folders))
    return [(prefix, joined(folder, inner)) for folder in where if folder is not None]
