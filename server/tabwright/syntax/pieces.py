"""A text cut into pieces on syntax borders: of a size to be found, and shown, as a whole."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import numpy as np
import tree_sitter

LONGEST_PIECE_LINES = 40
ENOUGH_LINES = 10
"""A shorter piece is joined with its neighbour, as far as both fit into a longest one."""
LONGEST_HEADER_LINES = 4
"""What stands before a large body, such as the line of its class, stays with the first piece of it.
"""
LONGEST_PIECE_BYTES = 4_000
"""The same for texts with long lines: 40 lines of 100 characters."""
_DEEPEST = 24
"""How many nodes inside each other are looked into; what is large below is cut at its lines."""
_MOST_CHILDREN = 20_000
"""A node with more is a table of data, and cut at its lines."""
_LINE_END = ord("\n")


def pieces_of(root: tree_sitter.Node, source: bytes) -> list[tuple[int, int]]:
    """Return byte ranges without gaps that cover the source; each starts at the start of a line,
    unless a line alone is too long.
    """
    if not source:
        return []
    cutter = _Cutter(source)
    cutter.cut(root, 0)
    return list(pairwise(sorted({0, len(source), *cutter.borders})))


class _Cutter:
    def __init__(self, source: bytes) -> None:
        self.borders: list[int] = []
        """The bytes to cut at, in no order, some of them more than once."""
        self._source = source
        line_ends = np.flatnonzero(np.frombuffer(source, np.uint8) == _LINE_END)
        self._starts: list[int] = [0, *(line_ends + 1).tolist()]
        self._long_line = -1
        """The line without syntax borders that was cut last."""

    def cut(self, node: tree_sitter.Node, depth: int) -> None:
        """Cut a large node between its children, and large ones of these between theirs."""
        piece = last = self._line_of(node.start_byte)
        if depth > _DEEPEST or not 0 < node.child_count <= _MOST_CHILDREN:
            self._cut_lines(piece, self._line_of(node.end_byte))
            return
        follows_large = False
        comments: int | None = None  # where those begin that stand right before the next child
        for child in node.children:
            first, last = self._line_of(child.start_byte), self._line_of(child.end_byte)
            if "comment" in child.type and not self._is_large(first, last):
                comments = first if comments is None else comments
                continue
            border = max(first if comments is None else comments, piece)
            comments = None
            if follows_large and child.is_named:  # a closing brace stays with what it closes
                self.borders.append(self._starts[border])
                follows_large = False
            if self._is_large(border, last):
                if border - piece > LONGEST_HEADER_LINES:
                    self.borders.append(self._starts[border])
                if first < last:
                    self.cut(child, depth + 1)
                elif first != self._long_line:
                    self._long_line = first
                    self._cut_lines(border, last)
                piece = min(last + 1, len(self._starts) - 1)
                follows_large = True
            elif self._is_large(piece, last) or (
                border - piece >= ENOUGH_LINES and last - first >= ENOUGH_LINES - 1
            ):
                self.borders.append(self._starts[border])
                piece = border
        self._cut_lines(piece, last)

    def _cut_lines(self, first: int, last: int) -> None:
        """Cut lines without syntax borders, and in a line that is too long."""
        while first <= last and self._is_large(first, last):
            border = first + 1
            while border <= last and not self._is_large(first, border):
                border += 1
            start, end = self._starts[first], self._end_of(border - 1)
            for byte in range(start + LONGEST_PIECE_BYTES, end, LONGEST_PIECE_BYTES):
                self.borders.append(self._character_start(byte))
            self.borders.append(end)
            first = border

    def _is_large(self, first: int, last: int) -> bool:
        return (
            last - first >= LONGEST_PIECE_LINES
            or self._end_of(last) - self._starts[first] > LONGEST_PIECE_BYTES
        )

    def _line_of(self, byte: int) -> int:
        return bisect_right(self._starts, byte) - 1

    def _end_of(self, line: int) -> int:
        return self._starts[line + 1] if line + 1 < len(self._starts) else len(self._source)

    def _character_start(self, byte: int) -> int:
        while byte < len(self._source) and self._source[byte] & 0xC0 == 0x80:
            byte += 1
        return byte
