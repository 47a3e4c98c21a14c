"""Whether a suggestion uses a name that nothing defines: not its file, imports or the language.

What a name is in its place comes from `scopes.scm`, what needs no definition from `builtins.txt`,
see `grammars/README.md`. The rule errs on the side of silence, because a right suggestion that is
not shown costs more than a wrong one that is:

- A name is known when it occurs anywhere else in the file as a name, defined or not, unless all
  that is found of it are locals of functions that the suggestion is not in.
- Where the text is broken, which is usual under a cursor, functions are not told apart, and what
  the parser could not place is neither judged nor taken for proof of the contrary.
- A file whose names may come from elsewhere unseen (a language without `builtins.txt`, a star
  import) is judged by those locals alone, or not at all.

A program is parsed once for all that is written on a line, see `line_trees`. Only the places where
a name occurs are looked at, and before one is called unknown what the other lines say of the file.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabwright.document import TextRange, line_start
from tabwright.syntax.parsed_text import Place

if TYPE_CHECKING:
    import tree_sitter

    from tabwright.syntax.languages import Language
    from tabwright.syntax.line_trees import ProgramAtCursor

_MOST_OCCURRENCES = 200
"""A name that occurs more often is known without a look at all of them."""
_FACTS = frozenset({"silent", "open", "module", "names"})
"""Captures that say something about the whole file."""
_WORD = re.compile(r"[\w$]+")
_BEFORE_NO_USE = re.compile(
    r"((?<!\.)\.|::|->|\b(as|class|const|def|enum|fn|for|from|func|function|import|interface|let"
    r"|mod|module|mut|namespace|static|struct|trait|type|union|var)\s)\s*\Z"
)
"""What stands, in any language, before a member and a name that is being defined."""
_AFTER_NO_USE = re.compile(r"\s*(:=|=(?!=)|![(\[{]|:(?!:))")
"""What follows a target, a parameter of an arrow function, a macro's name and a key."""
_CHARACTERS_BEFORE = 100


def unknown_name(language: Language, before: str, text: str, after: str) -> int | None:
    """Return where in `text` the first use of a name begins that nothing defines, else None.

    `text` is a suggestion between `before` and `after`. A name that begins in `before` counts as
    the whole word, and its offset is 0. None for a language without `scopes.scm`.

    Raises:
        LanguageFileError: the language cannot be loaded.
    """
    query = language.grammar.scopes
    if query is None or not text.strip():
        return None
    program = language.program_at(before, after)
    file = _File(language, query, program, text)
    outside = (before[: program.parsed.start], after[program.parsed.end - len(before) :])
    for use in file.uses_in_suggestion():
        name = file.text[use.span.start : use.span.end]
        if not any(_occurrences(name, part, 1) for part in outside) and file.is_unknown(use):
            return max(use.span.start - file.suggestion.start, 0)
    return None


def _occurrences(name: str, text: str, most: int) -> list[TextRange]:
    """Return where a name, which is not empty, stands as a whole word; `most` places at most."""
    found: list[TextRange] = []
    start = text.find(name)
    while start >= 0 and len(found) < most:
        end = start + len(name)
        if not (_is_in_word(text[start - 1 : start]) or _is_in_word(text[end : end + 1])):
            found.append(TextRange(start, end))
        start = text.find(name, end)
    return found


def _is_in_word(character: str) -> bool:
    return character.isalnum() or (bool(character) and character in "_$")


class _Role(enum.IntEnum):
    """What a name is in its place; where a query says several things, the highest holds."""

    REFERENCE = enum.auto()
    OTHER = enum.auto()
    """Not the name of a variable or type: an attribute, a keyword argument."""
    MENTION = enum.auto()
    """Perhaps a reference, perhaps a definition."""
    DEFINITION = enum.auto()
    DEFINITION_OUTSIDE = enum.auto()
    """Defined around the innermost scope, as a function's name is."""
    DEFINITION_EVERYWHERE = enum.auto()


_ROLES = {
    "reference": _Role.REFERENCE,
    "other": _Role.OTHER,
    "mention": _Role.MENTION,
    "definition": _Role.DEFINITION,
    "definition.outside": _Role.DEFINITION_OUTSIDE,
    "definition.everywhere": _Role.DEFINITION_EVERYWHERE,
}


@dataclass(frozen=True)
class _Occurrence:
    """A name in one place."""

    span: TextRange
    role: _Role
    scopes: tuple[TextRange, ...]
    """The scopes around it whose names it sees, outermost first; that of the file is left out."""
    outermost: TextRange | None
    """The outermost scope around it, seen or not."""

    @property
    def home(self) -> TextRange | None:
        """The scope that a definition belongs to, None for the file's."""
        if self.role is _Role.DEFINITION_EVERYWHERE:
            return None
        inner = len(self.scopes) - (self.role is _Role.DEFINITION_OUTSIDE)
        return self.scopes[inner - 1] if inner > 0 else None


class _File:
    """A program with a suggestion in it, or as much of it as is parsed around the cursor."""

    def __init__(
        self, language: Language, query: tree_sitter.Query, program: ProgramAtCursor, text: str
    ) -> None:
        self._language = language
        self._query = query
        self._builtins = language.grammar.builtins
        self._without_line = program.around.whole
        self._tree = program.whole_with_inserted(text)
        self.text = self._tree.text
        shift = program.start - program.parsed.start
        cursor = shift + program.offset
        self.suggestion = TextRange(cursor, cursor + len(text))
        self._line = TextRange(shift + program.line_start, shift + program.line_end + len(text))
        self._last_word_end = cursor + len(text.rstrip())
        self._is_faultless = not self._tree.has_faults

    def uses_in_suggestion(self) -> list[_Occurrence]:
        """Return the references that the suggestion writes, in order."""
        start, end = self.suggestion.start, self.suggestion.end
        found = self._captured(start, end)
        spans = {
            span
            for name, span in found
            if name == "reference" and start < span.end and span.start < min(end, span.end)
        }
        uses = [self._occurrence(span) for span in sorted(spans, key=lambda span: span.start)]
        return [use for use in uses if use is not None and use.role is _Role.REFERENCE]

    def is_unknown(self, use: _Occurrence) -> bool:
        """Say whether nothing stands for the name that `use` is a use of."""
        text = self.text
        name = text[use.span.start : use.span.end]
        if self._builtins is not None and name in self._builtins:
            return False
        if not self._is_faultless and not self._is_plain_use(use.span):
            return False
        spans = _occurrences(name, text, _MOST_OCCURRENCES + 1)
        if len(spans) > _MOST_OCCURRENCES:
            return False
        spans.sort(key=lambda span: abs(span.start - use.span.start))
        homes_elsewhere = self._homes_elsewhere(use, spans)
        if homes_elsewhere is None:
            return False
        return self._is_told_by_file(use, name, is_local_elsewhere=bool(homes_elsewhere))

    def _is_plain_use(self, span: TextRange) -> bool:
        """Say whether the text around a name agrees, where the tree may be wrong about it."""
        text = self.text
        if _AFTER_NO_USE.match(text, span.end):
            return False
        if _BEFORE_NO_USE.search(text, max(0, span.start - _CHARACTERS_BEFORE), span.start):
            return False
        return self._language.place_in(self._tree, span.start) is Place.CODE

    def _homes_elsewhere(
        self, use: _Occurrence, spans: Sequence[TextRange]
    ) -> set[TextRange] | None:
        """Return the scopes out of reach that alone define the name, None when it is known."""
        is_use_trusted = self._has_trusted_scopes(use)
        homes: set[TextRange] = set()
        unexplained: list[_Occurrence] = []
        for span in spans:
            found = self._occurrence(span)
            if found is None or found.role is _Role.OTHER:
                continue
            if found.role is _Role.REFERENCE and self._is_in_suggestion(span):
                continue
            if not is_use_trusted or not self._has_trusted_scopes(found):
                return None
            if found.role >= _Role.DEFINITION:
                home = found.home
                if home is None or home in use.scopes:
                    return None
                homes.add(home)
            elif set(found.scopes) <= set(use.scopes):
                return None
            else:
                unexplained.append(found)
        if any(homes.isdisjoint(found.scopes) for found in unexplained):
            return None
        return homes

    def _has_trusted_scopes(self, name: _Occurrence) -> bool:
        """Say whether no fault can have moved a border between the file and the scopes around.

        The outermost scope must be sound and start on a line without indentation: what follows a
        stray closing bracket seems to stand in no function, but it is indented.
        """
        if self._is_faultless:
            return True
        outermost = name.outermost
        if outermost is None:
            return False
        text = self.text
        if text[line_start(text, outermost.start)].isspace():
            return False
        return not any(
            fault.start <= outermost.end and fault.end >= outermost.start
            for fault in self._tree.faults
        )

    def _is_told_by_file(self, use: _Occurrence, name: str, *, is_local_elsewhere: bool) -> bool:
        """Say whether a name that the file does not define is unknown for that reason."""
        facts = list(self._without_line.all_captures(self._query, _FACTS))
        for capture, span in self._captured(self._line.start, self._line.end):
            kind, _, where = capture.partition(".")
            is_around = span.start <= use.span.start < span.end
            if kind in _FACTS and (is_around or where != "inside"):
                facts.append((kind, self.text[span.start : span.end]))
        kinds = {kind for kind, _ in facts}
        if "silent" in kinds:
            return False
        if any(kind == "names" and name in _WORD.findall(text) for kind, text in facts):
            return False
        is_open = self._builtins is None or "open" in kinds
        is_open = is_open or ("module" not in kinds and self._asks_for_module())
        return is_local_elsewhere or not is_open

    def _asks_for_module(self) -> bool:
        names = (self._query.capture_name(index) for index in range(self._query.capture_count))
        return "module" in names

    def _captured(self, start: int, end: int) -> list[tuple[str, TextRange]]:
        """Return what the query finds where it touches a range, by capture name."""
        found = self._tree.captures(self._query, start, end - start)
        return [(name, TextRange(first, last)) for name, first, last in found]

    def _is_in_suggestion(self, span: TextRange) -> bool:
        return span.start < self.suggestion.end and span.end > self.suggestion.start

    def _occurrence(self, span: TextRange) -> _Occurrence | None:
        """Return what stands at `span`, None for what is no name to the query."""
        role: _Role | None = None
        scopes: list[tuple[TextRange, str]] = []
        for name, found in self._captured(span.start, span.end):
            if name in _ROLES and found == span:
                role = max(role or _ROLES[name], _ROLES[name])
            elif name == "mention.last" and found == span and span.end >= self._last_word_end:
                role = max(role or _Role.MENTION, _Role.MENTION)
            elif name.startswith("scope") and found.start <= span.start and found.end >= span.end:
                scopes.append((found, name))
        if role is None:
            return None
        scopes.sort(key=lambda scope: (scope[0].start, -scope[0].end))
        seen: list[TextRange] = []
        for index, (scope, name) in enumerate(scopes):
            is_hidden = any(inner == "scope.body" for _, inner in scopes[index + 1 :])
            if name == "scope" or (name == "scope.class" and not is_hidden):
                seen.append(scope)
        return _Occurrence(span, role, tuple(seen), scopes[0][0] if scopes else None)
