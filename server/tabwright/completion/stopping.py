"""When streamed text is a whole suggestion, so that the model need not go on."""

from __future__ import annotations

from tabwright.completion.shape import Shape

_CODE_FENCE = "```"
_REPEATS = 3


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
        if not stripped:
            if is_complete and has_content and not shape.is_body:
                return position
        else:
            width = _width(line[: len(line) - len(line.lstrip(" \t"))])
            ends = has_content and (
                width < base if starts_inside or not shape.is_body else width <= base
            )
            if ends:
                closes = stripped[0] in "}])" or stripped.startswith("end")
                if not (closes and shape.is_body and not starts_inside and width == base):
                    return position
                return position + 1 + len(line) if is_complete else None
            has_content = True
            if has_content and is_complete and _repeats(lines[: number + 1]):
                return position
        position += 1 + len(line)
        if number >= max_lines and is_complete:
            return position
    return None


def _repeats(lines: list[str]) -> bool:
    """Whether the last line has come several times in a row."""
    tail = [line.strip() for line in lines if line.strip()][-_REPEATS:]
    return len(tail) == _REPEATS and len(set(tail)) == 1 and len(tail[0]) > 1


def _code_fence(text: str) -> int | None:
    """Instruction-tuned models end code with a Markdown fence; it is never part of the code."""
    if text.startswith(_CODE_FENCE):
        return 0
    found = text.find("\n" + _CODE_FENCE)
    return found if found >= 0 else None


def _width(white_space: str) -> int:
    return len(white_space.expandtabs(4))
