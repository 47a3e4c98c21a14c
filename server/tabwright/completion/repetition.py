"""Where a text goes round in circles, and how alike two texts are.

Small models do so when they have nothing more to say. All of it depends on the text alone, but for
the lines right above, which may be given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_LONGEST_GROUP = 4
_COUNTED_ROUNDS = 4
_LIKE_LINES = 5
_LIKE_PARAGRAPHS = 3
_LIKE_SHARE = 0.1
_DIGITS = re.compile(r"\d+")
_LONG_LINE = 24
_STUTTER = re.compile(r"(?=[\w.:]*[A-Za-z])(?!(.)\1)([\w.:]{3,20}?)\2{2}")
"""`_ctx_ctx_ctx` or `.Type.Type.Type`, but not `0xFFFFFFFFF`."""
_LONGEST_SEARCHED = 1000
_NAME_OR_NUMBER = re.compile(r"\w")
_SHORTEST_CYCLE = 2
_LONGEST_CYCLE = 100
_CYCLES = 4
_LONGEST_COMPARED = 500


def repetition_start(lines: Sequence[str], above: Sequence[str] = ()) -> int | None:
    """Return the index of the line where a text begins to go round in circles, or None.

    Models write up to four lines or a whole paragraph once more, or a long line that is already
    there, count (`a1`, `a2`, `a3`: the fourth round is where it is cut), vary a line or a
    paragraph by less than a tenth (the fifth line or third paragraph is), or stutter within a name.
    `above` are the lines before the text: to write the last of those once more is no better, but to
    go on with their counting is what is wanted. Blank lines and indentation do not count; lines of
    brackets alone, or `end` after `end`, are no repetition.
    """
    numbered = [(index, line.rstrip()) for index, line in enumerate(lines) if line.strip()]
    own = [line.strip() for _, line in numbered]
    before = [line.strip() for line in above if line.strip()][-_LONGEST_GROUP:]
    said = [*before, *own]
    counted = [_DIGITS.sub("0", line) for line in own]
    for last, line in enumerate(own):
        start = _repeated_group_start(said, counted, last)
        if start is None and (
            _STUTTER.search(line[:_LONGEST_SEARCHED])
            or _is_said_above(numbered, last)
            or _is_varied(own, last)
        ):
            start = last
        if start is not None:
            start = _without_header(numbered, start)
            paragraph = _repeated_paragraph_start(lines[:start])
            return start if paragraph is None else paragraph
    return _repeated_paragraph_start(lines)


def without_cycle(line: str) -> str:
    """Cut `x, x, x, x` back to its first round where a line ends in at least four rounds.

    Rounds of white space and of one character (rulers, `====`) are left alone.
    """
    for length in range(_SHORTEST_CYCLE, min(_LONGEST_CYCLE, len(line) // _CYCLES) + 1):
        piece = line[-length:]
        if not any(character.isalnum() for character in piece):
            continue
        if line.endswith(piece * _CYCLES):
            start = len(line)
            while line.endswith(piece, 0, start):
                start -= length
            return line[: start + length].rstrip(" ,;")
    return line


def is_nearly_equal(one: str, other: str, share: float) -> bool:
    """Say whether the edit distance is at most `share` of the longer text.

    Of what is longer than a paragraph, only equal texts are.
    """
    if one == other:
        return True
    longer = max(len(one), len(other))
    limit = int(share * longer)
    if longer > _LONGEST_COMPARED or abs(len(one) - len(other)) > limit:
        return False
    return _edit_distance(one, other, limit) <= limit


def _edit_distance(one: str, other: str, limit: int) -> int:
    """Return Levenshtein's distance, or something above `limit` where it is larger.

    Only a band of the table is filled, see Ukkonen 1985, "Algorithms for approximate string
    matching".
    """
    too_far = limit + 1
    above = [min(column, too_far) for column in range(len(other) + 1)]
    for row, character in enumerate(one, start=1):
        first, last = max(1, row - limit), min(len(other), row + limit)
        current = [too_far] * (len(other) + 1)
        if row <= limit:
            current[0] = row
        for column in range(first, last + 1):
            changed = above[column - 1] + (character != other[column - 1])
            current[column] = min(changed, above[column] + 1, current[column - 1] + 1, too_far)
        if min(current[first - 1 : last + 1], default=too_far) > limit:
            return too_far
        above = current
    return above[-1]


def _repeated_group_start(said: Sequence[str], counted: Sequence[str], last: int) -> int | None:
    """Return where the group of own lines starts that ends with line `last` and is a repetition."""
    offset = len(said) - len(counted)
    for size in range(1, min(_LONGEST_GROUP, last + 1) + 1):
        start = last + 1 - size
        if any(map(_is_telling, said[offset + start : offset + last + 1])) and (
            _rounds(said, offset + last, size) >= 2
            or _rounds(counted, last, size) >= _COUNTED_ROUNDS
        ):
            return start
    return None


def _is_said_above(numbered: Sequence[tuple[int, str]], last: int) -> bool:
    """Whether a long line has come before with the same indentation."""
    line = numbered[last][1]
    return len(line.strip()) >= _LONG_LINE and any(line == other for _, other in numbered[:last])


def _without_header(numbered: Sequence[tuple[int, str]], start: int) -> int:
    """Return the index of the line to cut at: a line above it that is left without a body goes."""
    index, line = numbered[start]
    if start and _indentation(numbered[start - 1][1]) < _indentation(line):
        return numbered[start - 1][0]
    return index


def _rounds(lines: Sequence[str], last: int, size: int) -> int:
    """Return how often the group of `size` lines that ends with line `last` comes in a row."""
    group = lines[last + 1 - size : last + 1]
    rounds, start = 1, last + 1 - 2 * size
    while start >= 0 and lines[start : start + size] == group:
        rounds += 1
        start -= size
    return rounds


def _is_telling(line: str) -> bool:
    return bool(_NAME_OR_NUMBER.search(line)) and len(line) > 1 and line.rstrip(";,)") != "end"


def _is_varied(own: Sequence[str], last: int) -> bool:
    """Say whether the lines that end with line `last` have nearly been the same all along."""
    if last + 1 < _LIKE_LINES or len(own[last]) < _LONG_LINE:
        return False
    run = own[last + 1 - _LIKE_LINES : last + 1]
    pairs = pairwise(run)
    return all(is_nearly_equal(one, other, _LIKE_SHARE) for one, other in pairs)


@dataclass(frozen=True)
class _Paragraph:
    start: int
    """The index of its first line."""
    text: str


def _repeated_paragraph_start(lines: Sequence[str]) -> int | None:
    """Return the index of the line where a paragraph of two lines or more comes once too often."""
    paragraphs: list[_Paragraph] = []
    start = None
    for index, line in enumerate([*lines, ""]):
        if line.strip():
            start = index if start is None else start
        elif start is not None:
            text = "\n".join(each.strip() for each in lines[start:index])
            paragraphs.append(_Paragraph(start, text))
            start = None
    for last in range(1, len(paragraphs)):
        this = paragraphs[last]
        if "\n" not in this.text or not _is_telling(this.text):
            continue
        if this.text == paragraphs[last - 1].text:
            return this.start
        run = paragraphs[max(0, last + 1 - _LIKE_PARAGRAPHS) : last + 1]
        pairs = pairwise(run)
        if len(run) == _LIKE_PARAGRAPHS and all(
            is_nearly_equal(one.text, other.text, _LIKE_SHARE) for one, other in pairs
        ):
            return this.start
    return None


def _indentation(line: str) -> int:
    line = line.expandtabs(4)
    return len(line) - len(line.lstrip(" "))
