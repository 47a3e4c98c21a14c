"""Which files of a workspace the imports of a file name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from tabwright.syntax.language_file import ImportFamily
from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.by_path import (
    csharp_files,
    lua_files,
    path_files,
    ruby_files,
)
from tabwright.workspace_index.resolving.c import c_files
from tabwright.workspace_index.resolving.go import go_files
from tabwright.workspace_index.resolving.javascript import javascript_files
from tabwright.workspace_index.resolving.jvm import jvm_files
from tabwright.workspace_index.resolving.php import php_files
from tabwright.workspace_index.resolving.python import python_files
from tabwright.workspace_index.resolving.rust import rust_files
from tabwright.workspace_index.resolving.workspace import Workspace, is_configuration

__all__ = ["Resolver", "is_configuration"]

_MOST_FILES = 200
"""How many files the imports of one file name at most."""

_Rules = Callable[[Workspace, str, Import], Iterator[str]]

_RULES: Mapping[ImportFamily, _Rules] = {
    "python": python_files,
    "javascript": javascript_files,
    "go": go_files,
    "rust": rust_files,
    "jvm": jvm_files,
    "c": c_files,
    "csharp": csharp_files,
    "ruby": ruby_files,
    "php": php_files,
    "lua": lua_files,
    "path": path_files,
}


class Resolver:
    """Answers for one set of files, which may change. Not to be used by two threads at once.

    `files` are paths relative to the workspace, with forward slashes. They should include the
    configuration files that `is_configuration` knows, of no matter what language. `read_text`
    returns the text of one of them, or None; it is asked for configuration files only, when they
    first matter. Broken ones count as empty.
    """

    def __init__(self, files: Set[str] | Sequence[str], read_text: Callable[[str], str | None]):
        self._workspace = Workspace(files, read_text)

    def update(
        self,
        added: Sequence[str] = (),
        removed: Sequence[str] = (),
        changed: Sequence[str] = (),
    ) -> None:
        """Follow what happened to files. Of changed ones only configuration files matter."""
        self._workspace.update(added, removed, changed)

    def resolve(
        self, path: str, family: ImportFamily, imports: Sequence[Import]
    ) -> tuple[str, ...]:
        """Return the files that a file's imports name, in order, each once and not itself.

        `family` is the `imports` of the file's language. What is outside the workspace names
        nothing; `dependencies.py` may find it.
        """
        rules = _RULES.get(family)
        if rules is None:
            return ()
        self._workspace.files.limit_memory()
        found: dict[str, None] = {}
        for imported in imports:
            for file in rules(self._workspace, path, imported):
                if file != path:
                    found.setdefault(file)
            if len(found) >= _MOST_FILES:
                break
        return tuple(found)[:_MOST_FILES]
