"""A loaded parser with its queries: the part of a language that costs memory."""

from __future__ import annotations

import importlib
import importlib.util
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import tree_sitter

from tabwright.errors import LanguageFileError
from tabwright.syntax.language_file import GrammarSource

PLACES_QUERY = "places.scm"
BLOCKS_QUERY = "blocks.scm"
FAULTS_QUERY = "faults.scm"
SCOPES_QUERY = "scopes.scm"
FACTS_QUERIES = ("definitions.scm", "imports.scm", "references.scm")
BUILTINS_FILE = "builtins.txt"
_PLACES_CAPTURES = frozenset({"comment", "string", "code", "code.inner"})
_BLOCKS_CAPTURES = frozenset({"body", "other", "list"})
_FAULTS_CAPTURES = frozenset({"fault"})
_SCOPES_CAPTURES = frozenset(
    {
        "reference",
        "mention",
        "mention.last",
        "other",
        "definition",
        "definition.outside",
        "definition.everywhere",
        "scope",
        "scope.class",
        "scope.body",
        "names",
        "module",
        "open",
        "open.inside",
        "silent",
        "silent.inside",
    }
)
_FACTS_CAPTURES = frozenset(
    {
        "definition.class",
        "definition.function",
        "definition.method",
        "definition.constant",
        "definition.field",
        "definition.attribute",
        "definition.type",
        "definition.module",
        "definition.macro",
        "scope",
        "whole",
        "before",
        "name",
        "parent",
        "body",
        "doc",
        "import",
        "import.module",
        "import.path",
        "import.name",
        "import.alias",
        "import.default",
        "import.namespace",
        "import.everything",
        "reference",
    }
)
_INHERITS = re.compile(r"[;#] inherits: ([a-z0-9_-]+)\n")


@dataclass(frozen=True)
class Grammar:
    """A parser and the questions that can be asked of its trees."""

    language: tree_sitter.Language
    places: tree_sitter.Query
    """Captures `@comment`, `@string`, and code in a string with (`@code`) or without
    (`@code.inner`) its marks.
    """
    blocks: tree_sitter.Query
    """Captures `@body`, `@list` for the statements in it where they have a node of their own, and
    `@other` for tokens that only look like a block opener.
    """
    faults: tree_sitter.Query | None
    """Captures `@fault`: what the parser lets pass; None when it lets nothing pass."""
    scopes: tree_sitter.Query | None
    """Captures where names are defined and used, see `names.py`; None when that is not known."""
    builtins: frozenset[str] | None
    """The names that need no definition; None when a file's names may come from anywhere."""
    folder: Path
    """Where the queries are."""

    @cached_property
    def facts(self) -> tree_sitter.Query | None:
        """Captures what a file defines, imports and mentions, see `outline.py`; None when that is
        not known. It is as large as all the other queries together, and read when first needed.

        Raises:
            LanguageFileError: one of the files cannot be used.
        """
        paths = [path for name in FACTS_QUERIES if (path := self.folder / name).exists()]
        return _read_query(self.language, paths, _FACTS_CAPTURES) if paths else None

    def parse(self, source: bytes, edited: tree_sitter.Tree | None = None) -> tree_sitter.Tree:
        """Parse UTF-8 text; tree-sitter always returns a tree, with faults marked in it.

        `edited` is a tree of another text that has been told what differs, see `SyntaxTree`.
        """
        parser = tree_sitter.Parser(self.language)
        return parser.parse(source) if edited is None else parser.parse(source, edited)

    def parse_within(self, source: bytes, seconds: float) -> tree_sitter.Tree | None:
        """Parse UTF-8 text in at most this much processor time, or return None."""
        latest = time.thread_time() + seconds
        earliest = time.perf_counter() + seconds  # asked often, and cheaper to ask

        def is_late(_byte: int, _has_fault: bool) -> bool:
            return time.perf_counter() > earliest and time.thread_time() > latest

        # Only a text that is read through a function can be given up. What such a function returns
        # is never freed (py-tree-sitter 0.26.1), which is why the index's workers start anew.
        try:
            tree = tree_sitter.Parser(self.language).parse(
                lambda byte, _point: source[byte:], progress_callback=is_late
            )
        except ValueError:
            return None
        return None if time.thread_time() > latest else tree


def check_grammar_module(source: GrammarSource, folder: Path) -> None:
    """Look whether the parser's module is installed, without importing it.

    Raises:
        LanguageFileError: there is no such module.
    """
    try:
        found = importlib.util.find_spec(source.module)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise LanguageFileError(
            f"{folder.name}: the grammar module {source.module!r} is not installed; "
            "install it into the environment that Tabwright runs in."
        )


def load_grammar(source: GrammarSource, folder: Path) -> Grammar:
    """Import the parser and compile the queries of one language folder.

    Raises:
        LanguageFileError: the module, its function or a query cannot be used.
    """
    try:
        module = importlib.import_module(source.module)
        language = tree_sitter.Language(getattr(module, source.function)())
    except ImportError as error:
        raise LanguageFileError(
            f"{folder.name}: the grammar module {source.module!r} cannot be imported: {error}."
        ) from error
    except AttributeError as error:
        raise LanguageFileError(
            f"{folder.name}: the grammar module {source.module!r} "
            f"has no function {source.function!r}."
        ) from error
    except (TypeError, ValueError) as error:
        raise LanguageFileError(
            f"{folder.name}: {source.module}.{source.function} gives no usable parser: {error}."
        ) from error
    return Grammar(
        language=language,
        places=_read_query(language, [folder / PLACES_QUERY], _PLACES_CAPTURES),
        blocks=_read_query(language, [folder / BLOCKS_QUERY], _BLOCKS_CAPTURES),
        faults=(
            _read_query(language, [folder / FAULTS_QUERY], _FAULTS_CAPTURES)
            if (folder / FAULTS_QUERY).exists()
            else None
        ),
        scopes=(
            _read_query(language, [folder / SCOPES_QUERY], _SCOPES_CAPTURES)
            if (folder / SCOPES_QUERY).exists()
            else None
        ),
        builtins=(
            _read_names(folder / BUILTINS_FILE) if (folder / BUILTINS_FILE).exists() else None
        ),
        folder=folder,
    )


def _read_names(path: Path) -> frozenset[str]:
    """Return the words of a file, and of those it inherits, without its `#` comments."""
    lines = _read_with_inherited(path).splitlines()
    return frozenset(name for line in lines for name in line.partition("#")[0].split())


def _read_with_inherited(path: Path) -> str:
    """Return a file's text after that of the files of the same name that it says it inherits."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LanguageFileError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise LanguageFileError(f"{path} is not UTF-8: {error}.") from error
    inherited = _INHERITS.match(text)
    if inherited is None:
        return text
    return f"{_read_with_inherited(path.parent.parent / inherited[1] / path.name)}\n{text}"


def _read_query(
    language: tree_sitter.Language, paths: Sequence[Path], allowed: frozenset[str]
) -> tree_sitter.Query:
    """Read one or several files as one query."""
    text = "\n".join(_read_with_inherited(path) for path in paths)
    try:
        query: tree_sitter.Query = tree_sitter.Query(language, text)
    except tree_sitter.QueryError as error:
        path = _first_wrong(language, paths)
        raise LanguageFileError(f"{path} is not a query for this parser: {error}.") from error
    names = {query.capture_name(index) for index in range(query.capture_count)}
    # A leading underscore marks captures that only serve a query's own predicates.
    unknown = sorted(name for name in names - allowed if not name.startswith("_"))
    if unknown:
        path = next(each for each in paths if f"@{unknown[0]}" in _read_with_inherited(each))
        raise LanguageFileError(
            f"{path} captures @{unknown[0]}, but only "
            f"{', '.join('@' + name for name in sorted(allowed))} have a meaning."
        )
    return query


def _first_wrong(language: tree_sitter.Language, paths: Sequence[Path]) -> Path:
    for path in paths:
        try:
            tree_sitter.Query(language, _read_with_inherited(path))
        except tree_sitter.QueryError:
            return path
    return paths[0]
