"""A text together with its syntax tree, and the questions that are asked about it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tree_sitter

from tabwright.document import TextRange, line_end, line_start
from tabwright.syntax.parse_window import parse_window
from tabwright.syntax.text_bytes import TextBytes

if TYPE_CHECKING:
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

    It is parsed when the first question comes, and only a window around the cursor when it is
    very long, see `parse_window`. Questions about all faults parse all of it.
    """

    def __init__(
        self, text: str, definition: LanguageFile, grammar: Grammar, scanner: RoughScanner
    ) -> None:
        self.text = text
        self._definition = definition
        self._grammar = grammar
        self._scanner = scanner
        self._pieces: dict[tuple[int, int], _Piece] = {}

    def place_at(self, offset: int) -> Place:
        """Say what the cursor stands strictly inside of.

        At the end of a line comment it is still in the comment, because typing would extend it.
        Right before a comment or string, and right after a closing mark, it is in code. Where the
        text is broken at the cursor, a rough scan decides whether a string was left open.
        """
        piece = self._piece_around(offset)
        found = self._captured_place(piece, offset)
        if found is None and piece.has_faults:
            found = self._place_in_broken_text(piece, offset)
        return found.place if found is not None else Place.CODE

    def open_since(self, offset: int) -> int:
        """Return where the comment or string around the cursor starts, `offset` in code."""
        piece = self._piece_around(offset)
        found = self._captured_place(piece, offset)
        if found is None and piece.has_faults:
            found = self._place_in_broken_text(piece, offset)
        return offset if found is None or found.place is Place.CODE else found.start

    def fault_count(self) -> int:
        """Return how many ERROR and MISSING nodes there are, and nodes named by `faults.scm`."""
        return len(self._whole().faults())

    def fault_spans(self) -> tuple[TextRange, ...]:
        """Return where the faults are, in order; that of a missing token is empty."""
        return self._whole().faults()

    def captured(
        self, query: tree_sitter.Query, start: int, end: int
    ) -> list[tuple[str, TextRange]]:
        """Return what a query of the grammar finds, by capture name, where it touches a range."""
        found = self._whole().captures(query, start, end - start)
        return [(name, TextRange(first, last)) for name, first, last in found]

    def is_faultless(self) -> bool:
        """Say whether the parser has seen no fault, those of `faults.scm` aside."""
        return not self._whole().has_faults

    def is_at_block_opening(self, offset: int) -> bool:
        """Say whether what comes next is a new, still empty block.

        That is at the end of a line that opens a block, on a blank line below it while nothing
        but comments stands in the block, and between the two braces of an empty block.
        """
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

    def block_end_around(self, offset: int, line: int, cursor: int) -> int | None:
        """Return where the body around the character at `offset` ends, or the end of the text.

        `offset` is where a suggestion made at `cursor` begins, and `line` where the code of the
        cursor's line does. Where the suggestion opens a body itself, and there is code before it
        in its line, the end is that of the statement which the line began. None where the body is
        not in the tree: it has a fault there.
        """
        piece = self._piece_around(cursor)
        end = len(self.text)
        body = piece.innermost_body(self._grammar.blocks, offset, opened_before=cursor)
        if body is not None:
            start, end = piece.range_of(body)
            # A body without marks of its own starts with its first statement.
            if start > line or (start == line and not _begins_with_named_node(body)):
                return end
        if line < cursor:
            statement = piece.statement_with_body(self._grammar.blocks, line, cursor, offset)
            if statement is not None:
                return piece.range_of(statement)[1]
        return end

    def _whole(self) -> _Piece:
        return self._piece(0, len(self.text))

    def _piece_around(self, offset: int) -> _Piece:
        return self._piece(*parse_window(self.text, offset))

    def _piece(self, start: int, end: int) -> _Piece:
        piece = self._pieces.get((start, end))
        if piece is None:
            piece = self._pieces[start, end] = _Piece(self.text, start, end, self._grammar)
        return piece

    def _captured_place(self, piece: _Piece, offset: int) -> _Found | None:
        """Return the innermost captured node that the cursor stands in, None in plain code."""
        innermost: _Found | None = None
        for name, start, end in piece.captures(self._grammar.places, offset):
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

    def _place_in_broken_text(self, piece: _Piece, offset: int) -> _Found | None:
        start = line_start(self.text, offset)
        touching = [
            fault.start
            for fault in piece.faults()
            if fault.start <= offset
            and offset - fault.start < _FAULT_REACH
            and (fault.end >= start or self._opens_more_lines(fault))
        ]
        if not touching:
            return None
        start = line_start(self.text, min(start, *touching))
        around = self._captured_place(piece, start)
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
        piece = self._piece_around(offset)
        body = piece.innermost_node(self._grammar.blocks, "body", offset)
        if body is None:
            return False
        return all(self._is_comment(piece, node) for node in body.named_children)

    def _is_comment(self, piece: _Piece, node: tree_sitter.Node) -> bool:
        start, end = piece.range_of(node)
        return any(
            name == "comment" and (first, last) == (start, end)
            for name, first, last in piece.captures(self._grammar.places, start)
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
        around = self._captured_place(self._piece_around(start), start)
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
        piece = self._piece_around(end)
        other = piece.innermost_node(self._grammar.blocks, "other", end - length, length)
        return other is not None and piece.range_of(other)[1] == end


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


class _Piece:
    """The tree of one part of a text; all offsets are those of the whole text."""

    def __init__(self, text: str, start: int, end: int, grammar: Grammar) -> None:
        self._start = start
        self._bytes = TextBytes(text[start:end])
        self._root = grammar.parse(self._bytes.source).root_node
        self._fault_query = grammar.faults
        self._faults: tuple[TextRange, ...] | None = None

    @property
    def has_faults(self) -> bool:
        return self._root.has_error

    def range_of(self, node: tree_sitter.Node) -> tuple[int, int]:
        return (
            self._start + self._bytes.to_offset(node.start_byte),
            self._start + self._bytes.to_offset(node.end_byte),
        )

    def captures(
        self, query: tree_sitter.Query, offset: int, length: int = 0
    ) -> Iterator[tuple[str, int, int]]:
        """Yield name, start and end of the captured nodes that touch the range."""
        for name, nodes in self._captured(query, offset, length).items():
            for node in nodes:
                yield name, *self.range_of(node)

    def innermost_node(
        self, query: tree_sitter.Query, name: str, offset: int, length: int = 0
    ) -> tree_sitter.Node | None:
        """Return the smallest node captured as `name` around the range.

        An empty range must be strictly inside of the node.
        """
        first = self._bytes.to_byte(offset - self._start)
        last = self._bytes.to_byte(offset + length - self._start)
        around = [
            node
            for node in self._captured(query, offset, length).get(name, ())
            if (node.start_byte <= first and last <= node.end_byte)
            and (length or node.start_byte < first < node.end_byte)
        ]
        return min(around, key=lambda node: node.end_byte - node.start_byte, default=None)

    def innermost_body(
        self, query: tree_sitter.Query, offset: int, *, opened_before: int
    ) -> tree_sitter.Node | None:
        """Return the smallest body around the character at `offset` with its marks before that."""
        first = self._bytes.to_byte(offset - self._start)
        latest = self._bytes.to_byte(opened_before - self._start)
        around = [
            node
            for node in self._captured(query, offset, 1).get("body", ())
            if node.start_byte <= first < node.end_byte
            and (node.start_byte < latest or _begins_with_named_node(node))
        ]
        return min(around, key=lambda node: node.end_byte - node.start_byte, default=None)

    def statement_with_body(
        self, query: tree_sitter.Query, line: int, cursor: int, offset: int
    ) -> tree_sitter.Node | None:
        """Return the largest node from `line` on around `offset` that opens a body after `cursor`.

        It is inside of one body or list of statements and spans several lines.
        """
        first_line = self._bytes.to_byte(line - self._start)
        first = self._bytes.to_byte(cursor - self._start)
        byte = self._bytes.to_byte(offset - self._start)
        statement = None
        node = self._root.descendant_for_byte_range(byte, byte + 1)
        groups = self._captured(query, offset, 1)
        outside = {each.id for name in ("body", "list") for each in groups.get(name, ())}
        while node is not None and node.parent is not None and node.start_byte >= first_line:
            if node.start_byte < first and node.id in outside:
                break
            statement, node = node, node.parent
        if statement is None or statement.start_point[0] == statement.end_point[0]:
            return None
        cursor_query = tree_sitter.QueryCursor(query)
        cursor_query.set_byte_range(first, statement.end_byte)
        bodies = cursor_query.captures(statement).get("body", [])
        return statement if any(each.start_byte >= first for each in bodies) else None

    def faults(self) -> tuple[TextRange, ...]:
        if self._faults is None:
            nodes = list(_faulty_nodes(self._root))
            if self._fault_query is not None:
                captured = tree_sitter.QueryCursor(self._fault_query).captures(self._root)
                nodes += captured.get("fault", ())
            spans = [TextRange(*self.range_of(node)) for node in nodes]
            self._faults = tuple(sorted(spans, key=lambda span: (span.start, -span.end)))
        return self._faults

    def _captured(
        self, query: tree_sitter.Query, offset: int, length: int
    ) -> dict[str, list[tree_sitter.Node]]:
        cursor = tree_sitter.QueryCursor(query)
        first = self._bytes.to_byte(offset - self._start)
        last = self._bytes.to_byte(offset + length - self._start)
        cursor.set_byte_range(max(first - 1, 0), last + 1)
        return cursor.captures(self._root)


def _begins_with_named_node(node: tree_sitter.Node) -> bool:
    """Say whether a body has no opening mark, as those of indented languages."""
    first = node.child(0)
    return first is not None and first.is_named


def _faulty_nodes(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """Yield ERROR and MISSING nodes in order, looking only where tree-sitter saw a fault."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        if node.has_error:
            waiting.extend(reversed(node.children))


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
