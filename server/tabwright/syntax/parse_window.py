"""Which part of a very long text to parse around a cursor.

A whole text of up to `WHOLE_TEXT_CHARACTERS` is parsed. Of a longer one, about
`BEFORE_CHARACTERS` before and `AFTER_CHARACTERS` after the cursor are, cut at line starts: first
choice is a line that starts with text in column zero other than a closing bracket, because a
definition usually starts there, then any line start, then any character (a file of one long
line). Distances are counted from the ends of the cursor's line, so that typing on it moves no
window, but from the cursor in a very long line. A cut may fall into a long string or block; what
is said about such a window is a guess.
"""

from __future__ import annotations

import re

from tabwright.document import line_end, line_start

WHOLE_TEXT_CHARACTERS = 100_000
BEFORE_CHARACTERS = 60_000
AFTER_CHARACTERS = 30_000
LINE_CHARACTERS = 2_000
"""How much of a line on each side of the cursor is left out when distances are counted."""

_DEFINITION_START = re.compile(r"^(?=[^\s)\]}])", re.MULTILINE)
_LINE_START = re.compile(r"(?<=\n)")


def parse_window(text: str, offset: int) -> tuple[int, int]:
    """Return the start and end of the part of `text` to parse for a question about `offset`."""
    if len(text) <= WHOLE_TEXT_CHARACTERS:
        return 0, len(text)
    start, end = line_start(text, offset), line_end(text, offset)
    start = start if offset - start <= LINE_CHARACTERS else offset
    end = end if end - offset <= LINE_CHARACTERS else offset
    return _window_start(text, start), _window_end(text, end)


def _window_start(text: str, offset: int) -> int:
    earliest = offset - BEFORE_CHARACTERS
    if earliest <= 0:
        return 0
    latest = offset - BEFORE_CHARACTERS // 2
    for pattern in (_DEFINITION_START, _LINE_START):
        # One character past the front keeps `^` from matching where the search starts.
        found = pattern.search(text, earliest + 1, latest)
        if found is not None:
            return found.start()
    return earliest


def _window_end(text: str, offset: int) -> int:
    latest = offset + AFTER_CHARACTERS
    if latest >= len(text):
        return len(text)
    earliest = offset + AFTER_CHARACTERS // 2
    for pattern in (_DEFINITION_START, _LINE_START):
        starts = [found.start() for found in pattern.finditer(text, earliest + 1, latest)]
        if starts:
            return starts[-1]
    return latest
