"""String offsets to UTF-8 byte offsets and back: tree-sitter counts bytes, we count characters."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

LONGEST_MARKS_RUN = 600
"""How many punctuation marks in a row, without a letter, digit, space or line end, are too many.

tree-sitter takes a time, and memory, that grows with the square of it where they make no sense: two
seconds for `/*` 4,000 times with a line end in the middle, read as Python. In 18,000 files of
installed packages no run is longer than 200.
"""
_CHARACTERS_PER_MARK = 1024
_STEP = 500
_MARK = rb"[!-/:-@\[-^`{-~]"
_SOME_MARKS = re.compile(_MARK + rb"{%d}" % (LONGEST_MARKS_RUN - _STEP))
_MANY_MARKS = re.compile(_MARK + rb"{%d,}" % LONGEST_MARKS_RUN)


class TextBytes:
    """A text with its UTF-8 form, one byte count per character kept consistent.

    A lone surrogate becomes one `?`. A NUL becomes a space, because tree-sitter's lexers take it
    for the end of the file; so does each mark of a run of `LONGEST_MARKS_RUN` or more.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        source = text.encode("utf-8", errors="replace").replace(b"\0", b" ")
        # A long run has some of its marks at a multiple of the step; looking there alone is fast.
        if any(_SOME_MARKS.match(source, start) for start in range(0, len(source), _STEP)):
            source = _MANY_MARKS.sub(lambda found: b" " * len(found.group()), source)
        self.source = source
        self._marks: list[int] = []
        """The byte offset of every 1,024th character; empty when bytes and characters agree."""
        if len(self.source) != len(text):
            total = 0
            for start in range(0, len(text) + 1, _CHARACTERS_PER_MARK):
                self._marks.append(total)
                total += _byte_length(text[start : start + _CHARACTERS_PER_MARK])

    def to_byte(self, offset: int) -> int:
        """Return the byte offset of a string offset; out of range is moved into the text."""
        offset = min(max(offset, 0), len(self.text))
        if not self._marks:
            return offset
        mark = offset // _CHARACTERS_PER_MARK
        return self._marks[mark] + _byte_length(self.text[mark * _CHARACTERS_PER_MARK : offset])

    def to_offset(self, byte: int) -> int:
        """Return the string offset of a byte offset; inside a character gives its start."""
        byte = min(max(byte, 0), len(self.source))
        if not self._marks:
            return byte
        mark = bisect_right(self._marks, byte) - 1
        part = self.source[self._marks[mark] : byte].decode("utf-8", errors="ignore")
        return mark * _CHARACTERS_PER_MARK + len(part)

    def to_offsets(self, places: Iterable[int]) -> dict[int, int]:
        """Return the string offsets of many byte offsets, each the start of a character or the
        end.
        """
        offsets: dict[int, int] = {}
        last_byte = offset = 0
        for byte in sorted(places):
            offset += len(self.source[last_byte:byte].decode("utf-8", errors="ignore"))
            offsets[byte] = offset
            last_byte = byte
        return offsets


def _byte_length(text: str) -> int:
    return len(text.encode("utf-8", errors="replace"))
