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
    swift_files,
)
from tabwright.workspace_index.resolving.c import c_files
from tabwright.workspace_index.resolving.go import go_files
from tabwright.workspace_index.resolving.javascript import javascript_files
from tabwright.workspace_index.resolving.jvm import jvm_files
from tabwright.workspace_index.resolving.php import php_files
from tabwright.workspace_index.resolving.python import python_files
from tabwright.workspace_index.resolving.rust import rust_files
from tabwright.workspace_index.resolving.workspace import Workspace, is_configuration
from tabwright.workspace_index.resolving.workspace_files import folder_of

__all__ = ["Resolver", "is_configuration"]

_MOST_FILES = 200
"""How many files the imports of one file name at most."""

_MOST_BESIDE = 60

_SHARED_FOLDERS: Mapping[ImportFamily, tuple[str, ...]] = {
    "go": (".go",),
    "jvm": (".java", ".kt", ".scala"),
    "csharp": (".cs",),
    "swift": (".swift",),
}
"""Where the files of one folder see each other, those with these endings."""

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
    "swift": swift_files,
    "path": path_files,
}


NAMING_FILES: frozenset[ImportFamily] = frozenset(
    {"python", "javascript", "rust", "c", "ruby", "php", "lua", "path"}
)
"""In these an import that means a file says its name, or that of the folder it stands for; in the
others it may name a folder and mean every file there."""


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
        """Follow what happened to files. Of changed ones only configuration files matter; they may
        be new or gone, too."""
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

    def visible_without_import(self, path: str, family: ImportFamily) -> tuple[str, ...]:
        """Return the other files whose names a file can use as they are, sorted, at most 60.

        Those are the files of its package in Go, tests only for a test, and those of its folder in
        Java, Kotlin, Scala, C# and Swift.
        """
        endings = _SHARED_FOLDERS.get(family)
        if endings is None or not path.endswith(endings):
            return ()
        sees_tests = path.endswith("_test.go")
        inside = self._workspace.files.inside(folder_of(path))
        return tuple(
            file
            for file in inside
            if file.endswith(endings)
            and file != path
            and (sees_tests or not file.endswith("_test.go"))
        )[:_MOST_BESIDE]
