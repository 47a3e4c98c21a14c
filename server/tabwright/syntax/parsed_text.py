"""A text together with its syntax tree, and the questions that are asked about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tabwright.document import TextRange, line_end, line_start
from tabwright.syntax.line_trees import LineTrees, ProgramAtCursor
from tabwright.syntax.syntax_tree import SyntaxTree

if TYPE_CHECKING:
    import tree_sitter

    from tabwright.syntax.grammar import Grammar
    from tabwright.syntax.language_file import LanguageFile
    from tabwright.syntax.rough_scanner import RoughScanner

_LINES_ABOVE = 50
"""How many blank and comment lines are looked through for the line that opened a block."""
_FAULT_REACH = 20_000
"""How many characters back a fault may start to be taken for an unclosed string."""


class Place(enum.Enum):
    """What the cursor stands in."""

    CODE = "code"
    COMMENT = "comment"
    STRING = "string"


class ParsedText:
    """One text in one language.

    It is parsed when the first question comes. For a question about a place that is a window
    around it when the text is very long, see `parse_window`, and the tree is made as `line_trees`
    says. Questions about all faults parse all of it.
    """

    def __init__(
        self,
        text: str,
        definition: LanguageFile,
        grammar: Grammar,
        scanner: RoughScanner,
        line_trees: LineTrees,
    ) -> None:
        self.text = text
        self._definition = definition
        self._grammar = grammar
        self._scanner = scanner
        self._line_trees = line_trees

    def place_at(self, offset: int) -> Place:
        """Say what the cursor stands strictly inside of.

        At the end of a line comment it is still in the comment, because typing would extend it.
        Right before a comment or string, and right after a closing mark, it is in code. Where the
        text is broken at the cursor, a rough scan decides whether a string was left open.
        """
        program = self._program_at(offset)
        return self._window(program).place_at(program.offset)

    def open_since(self, offset: int) -> int:
        """Return where the comment or string around the cursor starts, `offset` in code."""
        program = self._program_at(offset)
        return program.start + self._window(program).open_since(program.offset)

    def fault_count(self) -> int:
        """Return how many ERROR and MISSING nodes there are, and nodes named by `faults.scm`."""
        return len(self._whole.faults)

    def fault_spans(self) -> tuple[TextRange, ...]:
        """Return where the faults are, in order; that of a missing token is empty."""
        return self._whole.faults

    def is_at_block_opening(self, offset: int) -> bool:
        """Say whether what comes next is a new, still empty block.

        That is at the end of a line that opens a block, on a blank line below it while nothing
        but comments stands in the block, and between the two braces of an empty block.
        """
        program = self._program_at(offset)
        return self._window(program).is_at_block_opening(program.offset)

    @cached_property
    def _whole(self) -> SyntaxTree:
        return SyntaxTree(self.text, self._grammar)

    def _program_at(self, offset: int) -> ProgramAtCursor:
        return ProgramAtCursor(self.text, offset, self._grammar, self._scanner, self._line_trees)

    def _window(self, program: ProgramAtCursor) -> _Window:
        return _Window(program.tree, self._definition, self._grammar, self._scanner)


def place_in(
    tree: SyntaxTree, offset: int, definition: LanguageFile, grammar: Grammar, scanner: RoughScanner
) -> Place:
    """Say the same as `ParsedText.place_at` of a text whose tree is there already."""
    return _Window(tree, definition, grammar, scanner).place_at(offset)


class _Window:
    """The part of a text around a cursor with its tree; all offsets are those in this part."""

    def __init__(
        self,
        tree: SyntaxTree,
        definition: LanguageFile,
        grammar: Grammar,
        scanner: RoughScanner,
    ) -> None:
        self.text = tree.text
        self._tree = tree
        self._definition = definition
        self._grammar = grammar
        self._scanner = scanner

    def place_at(self, offset: int) -> Place:
        found = self._found_around(offset)
        return found.place if found is not None else Place.CODE

    def open_since(self, offset: int) -> int:
        found = self._found_around(offset)
        return offset if found is None or found.place is Place.CODE else found.start

    def is_at_block_opening(self, offset: int) -> bool:
        if self.place_at(offset) is not Place.CODE:
            return False
        if self._is_in_empty_body(offset):
            return True
        start, end = line_start(self.text, offset), line_end(self.text, offset)
        if self.text[offset:end].strip():
            return False
        if self.text[start:offset].strip():
            return self._opens_block(start, offset)
        return self._is_on_blank_line_in_empty_block(start, end)

    def _found_around(self, offset: int) -> _Found | None:
        found = self._captured_place(offset)
        if found is None and self._tree.has_faults:
            found = self._place_in_broken_text(offset)
        return found

    def _captured_place(self, offset: int) -> _Found | None:
        """Return the innermost captured node that the cursor stands in, None in plain code."""
        innermost: _Found | None = None
        for name, start, end in self._tree.captures(self._grammar.places, offset):
            is_inside = start < offset < end
            if name == "comment":
                is_inside = is_inside or self._is_extended_at(start, end, offset)
            elif name == "code.inner":
                is_inside = start <= offset <= end
            if is_inside and (innermost is None or end - start <= innermost.length):
                innermost = _Found(_PLACES[name], start, end - start)
        return innermost

    def _is_extended_at(self, start: int, end: int, offset: int) -> bool:
        """Say whether typing at `offset` extends the comment that spans `start` to `end`."""
        comment = self.text[start:end]
        end = start + len(comment.rstrip("\r\n"))
        if not start < offset <= end:
            return False
        for form in self._definition.block_comments:
            if comment.startswith(form.open):
                return not comment.endswith(form.close)
        marks = (self._definition.line_comment, *self._definition.other_line_comments)
        return any(mark and comment.startswith(mark) for mark in marks)

    def _place_in_broken_text(self, offset: int) -> _Found | None:
        start = line_start(self.text, offset)
        touching = [
            fault.start
            for fault in self._tree.faults
            if fault.start <= offset
            and offset - fault.start < _FAULT_REACH
            and (fault.end >= start or self._opens_more_lines(fault))
        ]
        if not touching:
            return None
        start = line_start(self.text, min(start, *touching))
        around = self._captured_place(start)
        if around is not None:
            start = around.start
        innermost = self._scanner.scan(self.text, start, offset).innermost
        if innermost is None or innermost.kind in ("bracket", "keyword"):
            return None
        place = Place.STRING if innermost.kind == "string" else Place.COMMENT
        return _Found(place, innermost.start, offset - innermost.start)

    def _opens_more_lines(self, fault: TextRange) -> bool:
        """Say whether the fault has the opening mark of a comment or string of several lines.

        One plain quote does not count: a stray one is too common to doubt all that follows it.
        """
        marks = [form.open for form in self._definition.block_comments]
        marks += [form.open for form in self._definition.strings if form.multiline]
        end = fault.end + 1  # a fault may be the first character of a mark alone
        found = (mark for mark in marks if self.text.find(mark, fault.start, end) >= 0)
        return any(mark not in ("'", '"') for mark in found)

    def _is_in_empty_body(self, offset: int) -> bool:
        body = self._tree.innermost_node(self._grammar.blocks, "body", offset)
        if body is None:
            return False
        return all(self._is_comment(node) for node in body.named_children)

    def _is_comment(self, node: tree_sitter.Node) -> bool:
        start, end = self._tree.range_of(node)
        return any(
            name == "comment" and (first, last) == (start, end)
            for name, first, last in self._tree.captures(self._grammar.places, start)
        )

    def _is_on_blank_line_in_empty_block(self, start: int, end: int) -> bool:
        above = start
        for _ in range(_LINES_ABOVE):
            if above == 0:
                return False
            below, above = above, _previous_line_start(self.text, above)
            if self._has_code(above, below):
                break
        else:
            return False
        if not self._opens_block(above, below):
            return False
        next_line = self._next_code_line(end)
        return next_line is None or _indentation(self.text, next_line) <= _indentation(
            self.text, above
        )

    def _next_code_line(self, offset: int) -> int | None:
        """Return the start of the first line with code below the line around `offset`."""
        for _ in range(_LINES_ABOVE):
            start = _next_line_start(self.text, line_end(self.text, offset))
            if start is None:
                return None
            offset = start
            if self._has_code(start, line_end(self.text, start)):
                return start
        return offset

    def _has_code(self, start: int, end: int) -> bool:
        line = self.text[start:end]
        first = start + len(line) - len(line.lstrip())
        if first >= end:
            return False
        return self.place_at(first + 1) is not Place.COMMENT

    def _opens_block(self, start: int, end: int) -> bool:
        """Say whether the line from `start` to `end` leaves a block open at its end."""
        around = self._captured_place(start)
        scan = self._scanner.scan(self.text, start if around is None else around.start, end)
        open_here = [construct for construct in scan.open if construct.start >= start]
        innermost = open_here[-1] if open_here else None
        if innermost is not None and innermost.kind == "line_comment":
            open_here.pop()
        elif innermost is not None and innermost.kind in ("string", "block_comment"):
            return False
        if any(construct.kind == "keyword" for construct in open_here):
            return True
        code = self.text[start : scan.code_end]
        for opener in self._definition.line_block_openers:
            if _ends_with_token(code, opener):
                if self._definition.block_style == "indentation" and self._is_in_bracket(
                    start, scan.code_end
                ):
                    return False
                return not self._only_looks_like_opener(scan.code_end, len(opener))
        return False

    def _is_in_bracket(self, start: int, end: int) -> bool:
        """Say whether a bracket is open at `end`, on its line or the line it is indented below."""
        indentation = _indentation(self.text, start)
        above = start
        for _ in range(_LINES_ABOVE):
            if above == 0 or indentation == 0:
                break
            above = _previous_line_start(self.text, above)
            is_blank = not self.text[above : line_end(self.text, above)].strip()
            if not is_blank and _indentation(self.text, above) < indentation:
                start = above
                break
        if self.place_at(start) is not Place.CODE:
            return False
        innermost = self._scanner.scan(self.text, start, end).innermost
        return innermost is not None and innermost.kind == "bracket"

    def _only_looks_like_opener(self, end: int, length: int) -> bool:
        other = self._tree.innermost_node(self._grammar.blocks, "other", end - length, length)
        return other is not None and self._tree.range_of(other)[1] == end


@dataclass(frozen=True)
class _Found:
    place: Place
    start: int
    length: int


_PLACES = {
    "comment": Place.COMMENT,
    "string": Place.STRING,
    "code": Place.CODE,
    "code.inner": Place.CODE,
}


def _previous_line_start(text: str, start: int) -> int:
    """Return the start of the line above the one that starts at `start`, which is not 0."""
    end = start - 1
    if text[end] == "\n" and end > 0 and text[end - 1] == "\r":
        end -= 1
    return line_start(text, end)


def _next_line_start(text: str, end: int) -> int | None:
    """Return the start of the line below the one that ends at `end`, None on the last line."""
    if end >= len(text):
        return None
    return end + (2 if text.startswith("\r\n", end) else 1)


def _indentation(text: str, start: int) -> int:
    line = text[start : line_end(text, start)].expandtabs(8)
    return len(line) - len(line.lstrip())


def _ends_with_token(code: str, token: str) -> bool:
    if not code.endswith(token):
        return False
    before = code[: -len(token)]
    return not (token[0].isalpha() and before and (before[-1].isalnum() or before[-1] in "_.$@:"))
