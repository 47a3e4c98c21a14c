"""The languages that are known: one folder each, bundled or a user's own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from tabwright.errors import LanguageFileError
from tabwright.syntax.grammar import Grammar, check_grammar_module, load_grammar
from tabwright.syntax.language_file import FILE_NAME, ImportFamily, LanguageFile, read_language_file
from tabwright.syntax.line_trees import LineTrees, ProgramAtCursor
from tabwright.syntax.parsed_text import ParsedText, Place, place_in
from tabwright.syntax.rough_scanner import RoughScanner
from tabwright.syntax.syntax_tree import SyntaxTree


class Language:
    """One language; its parser is loaded when it is first used, and then kept.

    It never changes, and an answer about a text is the same whatever was asked before; the trees of
    the texts asked about last are kept to save time. All names are those of `language.toml`, see
    `grammars/README.md`.
    """

    def __init__(self, definition: LanguageFile, folder: Path) -> None:
        self.definition = definition
        self.folder = folder
        self.id: str = definition.id
        self.name: str = definition.name
        self.editor_ids: tuple[str, ...] = definition.editor_ids
        self.extensions: tuple[str, ...] = definition.extensions
        self.file_names: tuple[str, ...] = definition.file_names
        self.line_comment: str = definition.line_comment
        self.block_style: Literal["braces", "indentation", "keywords"] = definition.block_style
        self.line_block_openers: tuple[str, ...] = definition.line_block_openers
        self.empty_block: str = definition.empty_block
        self.imports: ImportFamily = definition.imports
        self._line_trees = LineTrees()

    def __repr__(self) -> str:
        return f"Language({self.id!r})"

    @cached_property
    def grammar(self) -> Grammar:
        """The parser and its queries.

        Raises:
            LanguageFileError: they cannot be loaded. A registry never hands out such a language
                by editor id or path.
        """
        return load_grammar(self.definition.grammar, self.folder)

    @cached_property
    def scanner(self) -> RoughScanner:
        """The rough scan for pieces of programs."""
        return RoughScanner(self.definition)

    def parse(self, text: str) -> ParsedText:
        """Return the text with everything that can be asked about its syntax."""
        return ParsedText(text, self.definition, self.grammar, self.scanner, self._line_trees)

    def program_at(self, before: str, after: str) -> ProgramAtCursor:
        """Return the program around a cursor, to be asked what a text there would make of it."""
        return ProgramAtCursor(
            before + after, len(before), self.grammar, self.scanner, self._line_trees
        )

    def place_in(self, tree: SyntaxTree, offset: int) -> Place:
        """Say what a place in a tree of this language is."""
        return place_in(tree, offset, self.definition, self.grammar, self.scanner)


class LanguageRegistry:
    """Every language found in some folders; a later folder wins by language id.

    A folder that cannot be used becomes a sentence in `problems`, and its language is then the
    one of an earlier folder, or unknown.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders: tuple[Path, ...] = tuple(folders)
        self._problems: list[str] = []
        self._lock = threading.Lock()
        self._found = [language for folder in folders for language in self._read_folder(folder)]

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each folder that cannot be used; a parser that cannot be loaded is
        found when its language is first asked for.
        """
        return tuple(self._problems)

    def all(self) -> tuple[Language, ...]:
        """Return every language in order of id, without loading a parser."""
        by_id = {language.id: language for language in self._found}
        return tuple(by_id[key] for key in sorted(by_id))

    def for_editor_id(self, editor_id: str) -> Language | None:
        """Return the language an editor calls `editor_id`."""
        return self._usable(
            [language for language in self._newest() if editor_id in language.editor_ids]
        )

    def for_path(self, path: str) -> Language | None:
        """Return the language of a file by its name, else by its longest known extension."""
        name = path.replace("\\", "/").rpartition("/")[2]
        by_name = [language for language in self._newest() if name in language.file_names]
        lowered = name.lower()
        by_extension = sorted(
            (
                (-len(extension), language)
                for language in self._newest()
                for extension in language.extensions
                if lowered.endswith(extension.lower()) and len(lowered) > len(extension)
            ),
            key=lambda pair: pair[0],
        )
        return self._usable([*by_name, *(language for _, language in by_extension)])

    def id_for_path(self, path: str) -> str | None:
        """Return the id of the language that `for_path` tries first, without loading a parser."""
        name = path.replace("\\", "/").rpartition("/")[2]
        by_name, by_extension = self._ids
        found = by_name.get(name)
        lowered = name.lower()
        dot = lowered.find(".", 1)
        while found is None and dot > 0:
            found = by_extension.get(lowered[dot:])
            dot = lowered.find(".", dot + 1)
        return found

    @cached_property
    def _ids(self) -> tuple[dict[str, str], dict[str, str]]:
        """Ids by file name and by extension in lower case, a user's own first."""
        by_name: dict[str, str] = {}
        by_extension: dict[str, str] = {}
        for language in self._newest():
            for name in language.file_names:
                by_name.setdefault(name, language.id)
            for extension in language.extensions:
                by_extension.setdefault(extension.lower(), language.id)
        return by_name, by_extension

    def _newest(self) -> list[Language]:
        """Return the languages with a user's own first, so that they win by name too."""
        return self._found[::-1]

    def _usable(self, candidates: list[Language]) -> Language | None:
        """Return the first candidate whose parser can be loaded, and forget the others."""
        for language in candidates:
            with self._lock:
                try:
                    _ = language.grammar
                except LanguageFileError as error:
                    self._problems.append(str(error))
                    self._found = [other for other in self._found if other is not language]
                else:
                    return language
        return None

    def _read_folder(self, folder: Path) -> list[Language]:
        try:
            inside = sorted(path for path in folder.iterdir() if (path / FILE_NAME).exists())
        except OSError:
            return []  # no folder of one's own is the normal case
        found = []
        for path in inside:
            try:
                definition = read_language_file(path)
                check_grammar_module(definition.grammar, path)
                found.append(Language(definition, path))
            except LanguageFileError as error:
                self._problems.append(str(error))
        return found
