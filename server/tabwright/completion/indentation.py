"""Indents a suggestion as the document is indented.

Models fall back to the unit they have seen most, and begin a line on a blank line of the cursor
with the white space that stands there already, or with one space too many. Only what is certain is
changed: the white space at the starts of lines, never the words.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tabwright.completion.shape import Shape

_SAMPLE_BEFORE = 20_000
_SAMPLE_AFTER = 5_000
_UNITS = (2, 3, 4, 8)
_TAB_WIDTH = 4
_LINES_ABOVE = 60
_CLEAR_MAJORITY = 3
_COMMENTS = ("*", "/*", "//", "#", "--", "'", '"')
_FEWEST_STEPS = 2
_OPENS_BLOCK = re.compile(
    r"(?:[:{]|\b(?:then|do|else))\s*\Z"
    r"|^\s*(?:def|class|module|if|unless|while|for|case|begin|(?:local )?function)\b"
)
_OPENERS = (":", "{", "(", "[", " then", " do", " else", "->", "=>")
_CONTINUED = (",", "\\", "(", "[", "=", "+", "-", "*", "/", "|", "&", ".", "<", "?")
_CONTINUING = (".", "?", ":", "&", "|", "+", "<", "=")


def document_unit(before: str, after: str) -> str | None:
    """Return what the document indents one level with; None where it has not shown it clearly.

    That is tabs or spaces by a clear majority of its lines, and the commonest step to a line below
    one that opens a block. Comments do not count, they are laid out freely.
    """
    text = before[-_SAMPLE_BEFORE:].split("\n")[1 if len(before) > _SAMPLE_BEFORE else 0 :]
    text += after[:_SAMPLE_AFTER].split("\n")[1:]
    lines = [line for line in text if line.strip() and not line.lstrip().startswith(_COMMENTS)]
    white = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines]
    tabs = sum(each.startswith("\t") for each in white)
    spaces = sum(each.startswith("  ") for each in white)
    if tabs > _CLEAR_MAJORITY * spaces:
        return "\t"
    if spaces <= _CLEAR_MAJORITY * tabs:
        return None
    steps = Counter(
        len(below) - len(above)
        for line, above, below in zip(lines, white, white[1:], strict=False)
        if "\t" not in above + below
        and len(below) - len(above) in _UNITS
        and _OPENS_BLOCK.search(line)
    )
    most = max(steps.values(), default=0)
    if most < _FEWEST_STEPS or most <= _CLEAR_MAJORITY * (sum(steps.values()) - most):
        return None
    return " " * next(step for step, count in steps.items() if count == most)


def with_document_indentation(text: str, shape: Shape, before: str, after: str = "") -> str:
    """Return the text with the document's unit and, on a blank line, at the right depth.

    `before` and `after` are the text around the place that the text was written for, which `shape`
    describes.
    """
    if "\n" not in text and not shape.is_on_blank_line:
        return text  # nothing of it is at the start of a line
    unit = document_unit(before, after)
    lines = [_Line.of(line, unit) for line in text.split("\n")]
    if unit is not None:
        lines = _with_unit(lines, unit, shape)
    if shape.is_on_blank_line and lines[0].body and not lines[0].body.startswith(_CONTINUING):
        lines = _with_first_line_in_place(lines, unit, shape, before)
    first, *rest = lines
    return "\n".join([first.leading + first.body, *(each.written(unit) for each in rest)])


@dataclass(frozen=True)
class _Line:
    leading: str
    """The white space as the model wrote it."""
    width: int
    body: str

    @staticmethod
    def of(line: str, unit: str | None) -> _Line:
        body = line.lstrip(" \t")
        leading = line[: len(line) - len(body)]
        return _Line(leading, _width(leading, unit), body)

    def moved(self, width: int) -> _Line:
        return self if width == self.width else _Line("", max(0, width), self.body)

    def written(self, unit: str | None) -> str:
        is_kept = _width(self.leading, unit) == self.width and not self._is_foreign(unit)
        if is_kept or not self.body:
            return self.leading + self.body
        return _white_space(self.width, unit) + self.body

    def _is_foreign(self, unit: str | None) -> bool:
        """Whether the white space is of the kind that the document does not use."""
        if unit is None:
            return False
        return " " * _TAB_WIDTH in self.leading if unit == "\t" else "\t" in self.leading


def _with_unit(lines: list[_Line], unit: str, shape: Shape) -> list[_Line]:
    """Return the lines below the first with the model's unit made the document's."""
    base = _width(shape.indentation, unit)
    written = _written_unit(lines, shape, base)
    wanted = _width(unit, unit)
    if written is None or written == wanted:
        return lines
    scaled = [lines[0]]
    for line in lines[1:]:
        levels, rest = divmod(line.width - base, written)
        scaled.append(line.moved(base + levels * wanted + rest) if line.width > base else line)
    return scaled


def _written_unit(lines: list[_Line], shape: Shape, base: int) -> int | None:
    """Return the one step, in columns, that the text makes below every line that opens a block."""
    above = shape.line_before.rstrip() + lines[0].body
    width = base + (lines[0].width if shape.is_on_blank_line else 0)
    steps = set()
    for line in lines[1:]:
        if not line.body:
            continue
        if above.rstrip().endswith((":", "{")) and line.width > width:
            steps.add(line.width - width)
        above, width = line.body, line.width
    return steps.pop() if len(steps) == 1 and steps <= set(_UNITS) else None


def _with_first_line_in_place(
    lines: list[_Line], unit: str | None, shape: Shape, before: str
) -> list[_Line]:
    """Return the lines with the first, which goes on after the cursor's white space, in depth."""
    there = _width(shape.line_before, unit)
    written = there + lines[0].width
    wanted = _wanted_depth(written, there, unit, shape, before)
    if wanted is None or wanted == written:
        return lines
    first = _Line(_white_space(wanted - there, unit), wanted - there, lines[0].body)
    rest = lines[1:]
    if all(line.width >= written for line in rest if line.body):
        rest = [line.moved(line.width + wanted - written) if line.body else line for line in rest]
    return [first, *rest]


def _wanted_depth(
    written: int, there: int, unit: str | None, shape: Shape, before: str
) -> int | None:
    """Return the depth of the cursor's blank line in columns, `there` or more; None if unsure."""
    lines = before[-_SAMPLE_BEFORE:].split("\n")[:-1]
    above = [line.rstrip() for line in lines if line.strip()][-_LINES_ABOVE:]
    if not above:
        return None
    last = above[-1]
    depth = _depth(last, unit)
    if shape.is_body:
        body: int | None
        if not last.endswith(_OPENERS):
            body = depth  # a comment that stands in the body already
        elif last.lstrip()[:1] in (")", "]", "}") or last.count(")") <= last.count("("):
            body = depth + _width(unit, unit) if unit is not None else None
        else:
            return None  # the end of a header over several lines
        is_chosen = there > depth and (unit is None or there % _width(unit, unit) == 0)
        if is_chosen or body is None:
            return there if there > depth else None
        if written == there and not last.endswith(":"):
            return None  # some do not indent what stands in braces
        return max(body, there)
    if last.endswith(_CONTINUED + _OPENERS):
        return None
    levels = {there}
    for line in reversed(above):
        if _depth(line, unit) <= depth:
            depth = _depth(line, unit)
            levels.add(depth)
    possible = [level for level in levels if level >= there]
    nearest = min(possible, key=lambda level: (abs(level - written), -level))
    # A whole level deeper may go on with the line above; twice the cursor's white space does not.
    is_doubled = written == 2 * there and nearest == there
    is_slip = abs(nearest - written) < (_TAB_WIDTH if unit is None else _width(unit, unit))
    return nearest if is_slip or is_doubled else None


def _depth(line: str, unit: str | None) -> int:
    return _width(line[: len(line) - len(line.lstrip(" \t"))], unit)


def _width(white_space: str, unit: str | None) -> int:
    tab = len(unit) if unit is not None and unit != "\t" else _TAB_WIDTH
    return len(white_space.expandtabs(tab))


def _white_space(width: int, unit: str | None) -> str:
    if unit != "\t":
        return " " * width
    tabs, spaces = divmod(width, _TAB_WIDTH)
    return "\t" * tabs + " " * spaces
