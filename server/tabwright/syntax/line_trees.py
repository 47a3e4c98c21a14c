"""The trees of one program with many a text on the cursor's line, each made at little cost.

While someone types along a line, and while a suggestion is tried in several ways, nothing but the
text on that line differs. So the program is parsed without it, once, and every tree with something
on the line is made from that tree. Where the program is sound without the line, only the
definitions around it are kept: what is far away has no part in what the line means, but where a
bracket is open, tree-sitter would read all that follows again.

Which tree a text has follows from the text and the cursor's line alone; what is kept here from
earlier questions saves time and changes no answer.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tabwright.document import TextRange, line_end, line_start
from tabwright.syntax.newest import Newest
from tabwright.syntax.parse_window import parse_window
from tabwright.syntax.syntax_tree import SyntaxTree

if TYPE_CHECKING:
    from tabwright.syntax.grammar import Grammar
    from tabwright.syntax.rough_scanner import OpenConstruct, RoughScanner

ITEMS_BEFORE_CHARACTERS = 4_000
ITEMS_AFTER_CHARACTERS = 4_000
_PROGRAMS_KEPT = 4
_LINES_KEPT = 16
_WHOLE_LINES_KEPT = 2
_ENDS_KEPT = 2


class ProgramAroundLine:
    """A program but for what stands on one line: its trees for whatever stands there.

    `place` is where in `without_line` the line was left out; `start` and `end` are what part of
    `whole`, the program with nothing on the line, was taken.
    """

    def __init__(
        self,
        without_line: SyntaxTree,
        place: int,
        start: int,
        whole: SyntaxTree,
        scanner: RoughScanner,
    ) -> None:
        self.without_line = without_line
        self.whole = whole
        self.start = start
        self.end = start + len(without_line.text)
        self._place = place
        self._scanner = scanner
        self._with_line: Newest[str, SyntaxTree] = Newest(_LINES_KEPT)
        self._whole_with_line: Newest[str, SyntaxTree] = Newest(_WHOLE_LINES_KEPT)
        self._with_end: Newest[str, ProgramAroundLine] = Newest(_ENDS_KEPT)

    def with_line(self, line: str) -> SyntaxTree:
        """Return the tree with `line`, which may be several lines, where the line was left out."""
        if not line:
            return self.without_line
        return self._with_line.get(
            line, lambda: self.without_line.with_replaced(self._place, self._place, line)
        )

    def whole_with_line(self, line: str) -> SyntaxTree:
        """Return the same of the whole program, all that is far away included."""
        if self.without_line is self.whole:
            return self.with_line(line)
        place = self.start + self._place
        return self._whole_with_line.get(line, lambda: self.whole.with_replaced(place, place, line))

    def with_end(self, end: str) -> ProgramAroundLine:
        """Return the program with `end` added after its last line."""
        if not end:
            return self
        return self._with_end.get(end, lambda: self._extended(end))

    @cached_property
    def open_constructs(self) -> tuple[OpenConstruct, ...]:
        """What the program without the line leaves open, outermost first."""
        text = self.without_line.text
        return self._scanner.scan(text, 0, len(text)).open

    def _extended(self, end: str) -> ProgramAroundLine:
        length = len(self.without_line.text)
        extended = self.without_line.with_replaced(length, length, end)
        return ProgramAroundLine(extended, self._place, self.start, self.whole, self._scanner)


class ProgramAtCursor:
    """A program, or the part of it around the cursor, and where the cursor is.

    All offsets are those in the part, which starts at `start` of the whole text. `parsed` is what
    of the whole text was parsed to find the part.
    """

    def __init__(
        self, text: str, offset: int, grammar: Grammar, scanner: RoughScanner, trees: LineTrees
    ) -> None:
        start, end = parse_window(text, offset)
        first = max(start, line_start(text, offset))
        last = min(end, line_end(text, offset))
        self.around = trees.around(text[start:first], text[last:end], grammar, scanner)
        self.parsed = TextRange(start, end)
        self.start = start + self.around.start
        self.text = text[self.start : start + self.around.end + last - first]
        self.offset = offset - self.start
        self.line_start = first - self.start
        self.line_end = last - self.start

    @property
    def tree(self) -> SyntaxTree:
        """The tree of the program as it is."""
        return self.with_inserted("")

    def with_inserted(self, text: str, end: str = "") -> SyntaxTree:
        """Return the tree with `text` at the cursor, and `end` after the program's last line."""
        return self.around.with_end(end).with_line(self._line_with(text))

    def whole_with_inserted(self, text: str) -> SyntaxTree:
        """Return the tree of all that was parsed, with `text` at the cursor."""
        return self.around.whole_with_line(self._line_with(text))

    def _line_with(self, text: str) -> str:
        before = self.text[self.line_start : self.offset]
        return before + text + self.text[self.offset : self.line_end]


class LineTrees:
    """The programs asked about last, for one language. Several threads may ask at a time."""

    def __init__(self) -> None:
        self._programs: Newest[tuple[str, str], ProgramAroundLine] = Newest(_PROGRAMS_KEPT)

    def around(
        self, above: str, below: str, grammar: Grammar, scanner: RoughScanner
    ) -> ProgramAroundLine:
        """Return the program that has `above` before a line and `below` after it."""
        return self._programs.get(
            (above, below),
            lambda: _program_around(above, below, grammar, scanner),
        )


def _program_around(
    above: str, below: str, grammar: Grammar, scanner: RoughScanner
) -> ProgramAroundLine:
    """Parse a program without a line, and take the definitions around the line when they can be
    parsed by themselves.

    They cannot where what stands above decides how they are read, like the `<?php` of a page. Then
    only what follows them is left out.
    """
    whole, place = SyntaxTree(above + below, grammar), len(above)
    first, last = whole.items_around(place, ITEMS_BEFORE_CHARACTERS, ITEMS_AFTER_CHARACTERS)
    for start, end in dict.fromkeys(((first, last), (0, last))):
        if (start, end) == (0, len(whole.text)):
            break
        part = SyntaxTree(whole.text[start:end], grammar)
        if part.has_items_of(whole, start):
            return ProgramAroundLine(part, place - start, start, whole, scanner)
    return ProgramAroundLine(whole, place, 0, whole, scanner)
