"""Where the block that a suggestion writes ends: the syntax tree is asked with the text in it.

Indentation is only a guess at it: a preprocessor line, a label or the text of a string may stand
further left than the block that it is in, and a block may be written in one line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabwright.document import line_start
from tabwright.syntax.parse_window import parse_window
from tabwright.syntax.parsed_text import ParsedText, Place
from tabwright.syntax.rough_scanner import closing_text
from tabwright.syntax.typed_closers import undoubled_length

if TYPE_CHECKING:
    from tabwright.syntax.languages import Language

_MORE_CLOSERS = re.compile(r"[)\]};,]*")
_TAB_WIDTH = 4


def block_end(
    language: Language, before: str, text: str, after: str, *, around: ParsedText | None = None
) -> int | None:
    """Return the length of `text` at which the block around its beginning ends.

    That is the innermost body that the cursor stands in or right behind the opener of; its closer
    belongs to it unless the text after the cursor has it already. Where the cursor's line has code
    and `text` itself opens a body, it is the statement that the line began.

    The whole length when all of the text belongs to the block. None when the tree does not say:
    outside of code, or where the text is broken between the cursor and the end.

    `around` is `before + after` where that has been parsed already.
    """
    content = len(text) - len(text.lstrip())
    if content == len(text):
        return None
    around = language.parse(before + after) if around is None else around
    if around.place_at(len(before)) is not Place.CODE:
        return None
    window_start, window_end = parse_window(before + after, len(before))
    before, after = before[window_start:], after[: window_end - len(before)]
    cursor = len(before)
    parsed = language.parse(before + text + _ending(language, text) + after)
    line = line_start(before, cursor)
    line += len(before[line:]) - len(before[line:].lstrip())
    end = parsed.block_end_around(cursor + content, line, cursor)
    if end is None:
        return None
    end -= cursor
    if end >= len(text.rstrip()):
        end = len(text)
    elif _has_faults(parsed, cursor, cursor + end):
        return None
    elif language.block_style == "indentation":
        end = _with_comments_below(language, before, text, end)
    else:
        closers = _MORE_CLOSERS.match(text, end)
        end = closers.end() if closers is not None else end
    return min(end, undoubled_length(language.scanner, before, text[:end], after))


def _ending(language: Language, text: str) -> str:
    """Return what finishes a text that breaks off, so that the tree around it stays whole."""
    scan = language.scanner.scan(text, 0, len(text))
    code = text[: scan.code_end]
    is_header = bool(language.empty_block) and code.endswith(language.line_block_openers)
    body = language.empty_block if is_header and scan.code_end == len(text) else ""
    return body + closing_text(scan.open)


def _has_faults(parsed: ParsedText, start: int, end: int) -> bool:
    return any(span.start < end and span.end > start for span in parsed.fault_spans())


def _with_comments_below(language: Language, before: str, text: str, end: int) -> int:
    """Return the end of a block with the comment lines below it that are indented as it is.

    Parsers of indented languages leave comments at the end of a block out of it.
    """
    block = _width(_last_line(before + text[:end]))
    position = end
    while True:
        start = text.find("\n", position) + 1
        if not start:
            return end
        stop = text.find("\n", start)
        line = text[start : len(text) if stop < 0 else stop]
        stripped = line.strip()
        is_comment = bool(language.line_comment) and stripped.startswith(language.line_comment)
        if stripped and not (is_comment and _width(line) >= block):
            return end
        position = start + len(line)
        if stripped:
            end = position


def _last_line(text: str) -> str:
    return text[line_start(text, len(text)) :]


def _width(line: str) -> int:
    line = line.expandtabs(_TAB_WIDTH)
    return len(line) - len(line.lstrip(" "))
