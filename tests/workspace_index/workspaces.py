"""Workspaces made of a few files, and their indexes. Shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.index import WorkspaceIndex


@lru_cache(maxsize=1)
def languages() -> LanguageRegistry:
    return LanguageRegistry([grammars_folder()])


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def opened(folder: Path, **options: Any) -> WorkspaceIndex:
    directory = options.pop("directory", folder.parent / "indexes")
    return WorkspaceIndex.open(folder, languages(), directory=directory, **options)


def places(found: Any) -> list[tuple[str, str]]:
    return [(each.path, each.definition.name) for each in found]
