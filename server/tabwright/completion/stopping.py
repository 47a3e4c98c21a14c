"""When streamed text is a whole suggestion, so that the model need not go on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabwright.completion.shape import Shape

_CODE_FENCE = "```"
_LONGEST_GROUP = 4
_COUNTED_ROUNDS = 4
_DIGITS = re.compile(r"\d+")
_LONG_LINE = 24
_STUTTER = re.compile(r"(?=[\w.:]*[A-Za-z])(?!(.)\1)([\w.:]{3,20}?)\2{2}")
"""`_ctx_ctx_ctx` or `.Type.Type.Type`, but not `0xFFFFFFFFF`."""
_NAME_OR_NUMBER = re.compile(r"\w")


def whole_length(text: str, shape: Shape, max_lines: int) -> int | None:
    """Return how much of the streamed text is the suggestion, None while more is wanted."""
    fence = _code_fence(text)
    if fence is not None:
        return fence
    if shape.kind == "line":
        return _whole_line(text, shape)
    return _whole_block(text, shape, max_lines)


def _whole_line(text: str, shape: Shape) -> int | None:
    """A line ends at the first line end after something else than white space.

    Where the model wants to leave the cursor's line as it is, the empty rest is the answer,
    unless the suggestion may go on below.
    """
    content = len(text) - len(text.lstrip())
    if "\n" in text[:content] and not shape.may_start_new_line:
        return 0
    end = text.find("\n", content)
    return end if end >= 0 else None


def _whole_block(text: str, shape: Shape, max_lines: int) -> int | None:
    """A block ends before the first line that is indented less than its own lines.

    A line that only closes what the cursor's line has opened belongs to the block.
    """
    lines = text.split("\n")
    base = _width(shape.indentation)
    starts_inside = shape.is_on_blank_line
    position = len(lines[0])
    has_content = bool(lines[0].strip())
    # The last element is still growing: until the next line end it is looked at only as far as
    # its indentation is certain.
    for number, line in enumerate(lines[1:], start=1):
        is_complete = number < len(lines) - 1
        stripped = line.strip()
        if stripped and not stripped.startswith("*") and _is_starred(shape.line_before):
            return position
        if not stripped:
            if is_complete and has_content and not shape.is_body:
                return position
        else:
            width = _indentation(line)
            ends = has_content and (
                width < base if starts_inside or not shape.is_body else width <= base
            )
            if ends:
                closes = stripped[0] in "}])" or stripped.startswith("end")
                if not (closes and shape.is_body and not starts_inside and width == base):
                    return position
                return position + 1 + len(line) if is_complete else None
            has_content = True
            if is_complete and repetition_start(lines[: number + 1]) is not None:
                return position + 1 + len(line)  # trimming sees it too, and cuts it
        position += 1 + len(line)
        if number >= max_lines and is_complete:
            return position
    return None


def repetition_start(lines: Sequence[str], above: Sequence[str] = ()) -> int | None:
    """Return the index of the line where a text begins to go round in circles, or None.

    Small models do so when they have nothing more to say: they write up to four lines once more,
    or a long line that is already there, count (`a1`, `a2`, `a3`: the fourth round is where it is
    cut), or stutter within a name.
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
        if start is None and (_STUTTER.search(line) or _is_said_above(numbered, last)):
            start = last
        if start is not None:
            return _without_header(numbered, start)
    return None


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


def _is_starred(line_before: str) -> bool:
    """Whether the cursor is in a block comment each line of which begins with a star."""
    text = line_before.strip()
    return text == "*" or (text.startswith(("* ", "/**")) and "*/" not in text)


def _code_fence(text: str) -> int | None:
    """Instruction-tuned models end code with a Markdown fence; it is never part of the code."""
    if text.startswith(_CODE_FENCE):
        return 0
    found = text.find("\n" + _CODE_FENCE)
    return found if found >= 0 else None


def _indentation(line: str) -> int:
    return _width(line[: len(line) - len(line.lstrip(" \t"))])


def _width(white_space: str) -> int:
    return len(white_space.expandtabs(4))
