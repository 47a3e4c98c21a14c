"""When streamed text is a whole suggestion, so that the model need not go on.

Asked after every token: lines and indentation only. It errs on the long side; the cuts in
`trimming.py` see the whole text and its syntax tree.
"""

from __future__ import annotations

import re

from tabwright.completion.repetition import repetition_start
from tabwright.completion.shape import Shape
from tabwright.syntax.languages import Language
from tabwright.syntax.typed_closers import PLAIN_SCANNER

_CODE_FENCE = "```"
_CLOSERS = re.compile(r"[)\]}]+[)\]};,]*|(?:end|fi|done|esac)(?:$|[)\]};,]+)")
_LABEL = re.compile(r"[A-Za-z_]\w*(?: \w+)?\s*:(?!:)")
_CASE = re.compile(r"(?:case\b.*|default\s*):")
_PREPROCESSOR = re.compile(
    r"#\s*(?:if|ifdef|ifndef|elif|else|endif|define|undef|pragma|region|endregion)\b"
)
_BEGINNING = re.compile(r"case\b.*|#\s*\w*|[A-Za-z_]\w*(?: \w*)?\s*")
"""What may become one of these three while the line grows."""


def whole_length(
    text: str, shape: Shape, max_lines: int, language: Language | None = None
) -> int | None:
    """Return how much of the streamed text is the suggestion, None while more is wanted."""
    fence = _code_fence(text)
    if fence is not None:
        text = text[:fence]
    if shape.kind == "line":
        end = _whole_line(text, shape)
    else:
        end = _whole_block(text, shape, max_lines, language)
        if end is None and repetition_start(text.split("\n")[:-1]) is not None:
            end = text.rindex("\n")  # trimming sees it too, and cuts it
    return fence if end is None else end


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


def _whole_block(text: str, shape: Shape, max_lines: int, language: Language | None) -> int | None:
    """A block ends before the first line that is indented less than its own lines.

    The closers that such a line begins with belong to it: whether the text after the cursor has
    them already is not known here.
    """
    lines = text.split("\n")
    position = len(lines[0])
    has_content = bool(lines[0].strip())
    depths = _Depths(shape)
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
            above = text[: position + 1]
            if depths.end_before(line, above, language) and has_content:
                length = _length_at_end(above, stripped, depths, language, is_complete=is_complete)
                if length == _UNKNOWN:
                    return None
                if length is not None:
                    return position + 1 + (line.index(stripped) + length if length else -1)
            has_content = True
        position += 1 + len(line)
        if number >= max_lines and is_complete:
            return position
    return None


class _Depths:
    """How far the lines of a block are indented, as far as they are known."""

    def __init__(self, shape: Shape) -> None:
        self.base = _width(shape.indentation)
        self.width = 0
        """Of the line that was last asked about."""
        self._is_below_header = shape.is_body and not shape.is_on_blank_line
        self._body: int | None = None

    def end_before(self, line: str, above: str, language: Language | None) -> bool:
        """Say whether a line with text stands too far left for the block."""
        self.width = _indentation(line)
        if not self._is_below_header:
            return self.width < self.base
        self._body = self.width if self._body is None else self._body
        if self._body > self.base:
            return self.width <= self.base
        # Below a header of several lines, or in a body that is not indented.
        closes = line.lstrip()[0] in ")]}" and _closes_more(above + line, language)
        return self.width < self._body or closes


_UNKNOWN = -1


def _length_at_end(
    above: str, line: str, depths: _Depths, language: Language | None, *, is_complete: bool
) -> int | None:
    """Return how much of a line too far left belongs to the block: its closers, if any.

    None when it belongs to the block after all, `_UNKNOWN` while it grows.
    """
    if language is not None:
        if _is_inside_anyway(above, line, language, is_at_opener=depths.width == depths.base):
            return None
        if not is_complete and _may_be_inside_anyway(line, language):
            return _UNKNOWN
    closers = _CLOSERS.match(line)
    if closers is None:
        return 0
    if not is_complete and closers.end() == len(line):
        return _UNKNOWN  # `}` may become `});`
    return closers.end()


def _closes_more(text: str, language: Language | None) -> bool:
    """Say whether a text closes something that it has not opened."""
    scanner = PLAIN_SCANNER if language is None else language.scanner
    return any(each.opened_at is None for each in scanner.scan(text, 0, len(text)).closers)


def _is_inside_anyway(
    text_above: str, line: str, language: Language, *, is_at_opener: bool
) -> bool:
    """Say whether a line belongs to a block that it is not indented with.

    So do labels, `case` at the depth of its `switch`, preprocessor lines, and what is inside a
    string or comment of several lines.
    """
    if _has_labels(language) and (
        _PREPROCESSOR.match(line)
        or (_CASE.match(line) and is_at_opener)
        or (_LABEL.match(line) and not _CASE.match(line))
    ):
        return True
    innermost = language.scanner.scan(text_above, 0, len(text_above)).innermost
    return innermost is not None and innermost.is_text and innermost.kind != "line_comment"


def _may_be_inside_anyway(line: str, language: Language) -> bool:
    return _has_labels(language) and _BEGINNING.fullmatch(line) is not None


def _has_labels(language: Language) -> bool:
    return language.block_style == "braces" and language.line_comment == "//"


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
