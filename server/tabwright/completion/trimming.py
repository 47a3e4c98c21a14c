"""From what the model wrote to what is worth showing: cuts, each with its reason.

The order matters: context-free cuts first (they depend on the text alone), then what depends on
the code around the cursor, then the syntax, which has the last word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.completion.shape import Shape
from tabwright.completion.stopping import repetition_start
from tabwright.completion.suggestion import Reason
from tabwright.document import line_end
from tabwright.syntax.closing import missing_closers
from tabwright.syntax.languages import Language
from tabwright.syntax.soundness import sound_length

_PAIRS = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'`"
_LINES_COMPARED = 3
_NEARLY_EQUAL = 0.95
_SHORTEST_OVERLAP = 3
_SHORTEST_CYCLE = 2
_CYCLES = 4
_CHARACTERS_AROUND = 4000
"""How much of the code around is compared with a suggestion: a page, however long the text is."""
_TELLING_BEGINNING = 8
_EMPTY_COMMENT_LINES = re.compile(r"(\n[ \t]*(\*|//[/!]?|#|--)?[ \t]*)+\Z")


@dataclass(frozen=True)
class Trimmed:
    """The text that is left and, when nothing is, the cut that took the last of it."""

    text: str
    reason: Reason | None = None


def trim(
    text: str,
    token_ends: Sequence[int],
    shape: Shape,
    before: str,
    after: str,
    language: Language | None,
    *,
    is_unfinished: bool = False,
) -> Trimmed:
    """Return what of `text` can be shown between `before` and `after`.

    `text` has `\\n` line ends; `token_ends` are the offsets in it at which its tokens end.
    `is_unfinished` says that the model would have gone on.
    """
    text = text.rstrip()
    if not text.strip():
        return Trimmed("", Reason.MODEL_ENDED)
    said_once = without_repetition(text, shape, before)
    if not said_once.strip():
        return Trimmed("", Reason.REPEATS_ITSELF)
    if language is not None and (is_unfinished or said_once != text):
        said_once = without_loose_end(said_once, before, after, language)
    text = said_once
    text = without_suffix_overlap(text, shape.line_before, shape.line_after, after)
    text = without_following_lines(text, shape, after)
    if not text.strip():
        return Trimmed("", Reason.REPEATS_FOLLOWING_CODE)
    text = _without_empty_comment_lines(_with_empty_blank_lines(text))
    text = with_document_indentation(text, before)
    if language is not None:
        length = sound_length(language, before, text, after, cut_points(text, token_ends))
        text = text[:length].rstrip()
        if not text.strip():
            return Trimmed("", Reason.SYNTAX_ERROR)
        if shape.kind == "block":
            # What a whole block opens it also closes, where it was cut off before it did.
            text += missing_closers(language, before, text, after)
    return Trimmed(text)


def cut_points(text: str, token_ends: Sequence[int]) -> list[int]:
    """Return where the syntax may cut: at line ends, and at tokens in the first line."""
    line_ends = [index for index, character in enumerate(text) if character == "\n"]
    first_line_end = line_ends[0] if line_ends else len(text)
    tokens = [end for end in token_ends if 0 < end < first_line_end]
    return sorted({*tokens, *line_ends})


def without_repetition(text: str, shape: Shape, before: str) -> str:
    """Cut a text before it starts to repeat lines or, within a line, a short piece."""
    lines = text.split("\n")
    above = before[-_CHARACTERS_AROUND : len(before) - len(shape.line_before)].splitlines()
    own = 0
    if not shape.is_on_blank_line:
        own = 1
        above.append(shape.line_before + lines[0])
    start = repetition_start(lines[own:], above)
    kept = lines if start is None else lines[: own + start]
    if not kept:
        return ""
    return "\n".join([*kept[:-1], _without_cycle(kept[-1])]).rstrip()


def without_loose_end(text: str, before: str, after: str, language: Language) -> str:
    """Cut a text that ends early back to its last line that leaves nothing open.

    What it opened and did not close would be in the way of whoever takes it. A text that has no
    such line is left as it is: the beginning of a long thing is better than nothing.
    """
    since = language.parse(before + after).open_since(len(before))
    ends = [index for index, character in enumerate(text) if character == "\n"]
    for end in (len(text), *reversed(ends)):
        if not text[:end].strip():
            break
        scan = language.scanner.scan(before + text[:end], since, len(before) + end)
        code = text[: max(0, scan.code_end - len(before))]
        is_header = bool(language.empty_block) and code.endswith(language.line_block_openers)
        is_closed = all(
            each.start < len(before) or each.kind == "line_comment" for each in scan.open
        )
        if is_closed and not is_header and (code.strip() or since < len(before)):
            return text[:end].rstrip()
    return text


def _without_cycle(line: str) -> str:
    """Cut `x, x, x, x` back to its first round when the line ends in at least four rounds.

    Rounds of white space and of one character (rulers, `====`) are left alone.
    """
    for length in range(_SHORTEST_CYCLE, len(line) // _CYCLES + 1):
        piece = line[-length:]
        if not any(character.isalnum() for character in piece):
            continue
        if line.endswith(piece * _CYCLES):
            start = len(line)
            while line.endswith(piece, 0, start):
                start -= length
            return line[: start + length].rstrip(" ,;")
    return line


def without_suffix_overlap(text: str, line_before: str, line_after: str, after: str) -> str:
    """Cut what the text after the cursor brings anyway: closers and repeated ends."""
    following = after.lstrip()[:1]
    closer = _first_unmatched_closer(text, line_before)
    if closer is not None and following and text[closer] == following:
        text = text[:closer]
    rest = line_after.strip()
    if not rest:
        return text.rstrip()
    for length in range(min(len(text), len(line_after)), 0, -1):
        piece = line_after[:length]
        if text.endswith(piece) and (
            (length == len(line_after.rstrip()) and _is_code(piece)) or length >= _SHORTEST_OVERLAP
        ):
            return text[: len(text) - length].rstrip()
    return text.rstrip()


def _is_code(text: str) -> bool:
    return any(character.isalnum() or character == "_" for character in text)


def _first_unmatched_closer(text: str, line_before: str) -> int | None:
    """Return the offset of the first closer that closes something opened before the text."""
    quote = _open_quote(line_before)
    stack: list[str] = []
    is_escaped = False
    for offset, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif quote:
            if character == quote:
                if not stack:
                    return offset
                quote = ""
                stack.pop()
            elif character == "\n":
                quote = ""
        elif character in _QUOTES:
            quote = character
            stack.append(character)
        elif character in "([{":
            stack.append(character)
        elif character in ")]}":
            if not stack:
                return offset
            if stack[-1] == _PAIRS[character]:
                stack.pop()
    return None


def _open_quote(line: str) -> str:
    """Return the quote that is open at the end of a line, or an empty string."""
    quote = ""
    is_escaped = False
    for character in line:
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
    return quote


def without_following_lines(text: str, shape: Shape, after: str) -> str:
    """Cut a text where it begins to repeat the lines that already follow the cursor's line."""
    below = after[line_end(after, 0) :]
    following = [line.rstrip() for line in below.splitlines() if line.strip()][:_LINES_COMPARED]
    if not following:
        return text
    lines = text.split("\n")
    if not shape.is_on_blank_line and _is_beginning_of(lines[0], below):
        return ""
    first = 0 if shape.is_on_blank_line else 1
    for start in range(first, len(lines)):
        if not _is_code(lines[start]):
            continue  # a lone bracket says nothing; brackets are matched before this
        own = [line.rstrip() for line in lines[start:] if line.strip()][:_LINES_COMPARED]
        if start == 0:
            own[0] = shape.line_before + own[0]
        pairs = list(zip(own, following, strict=False))
        # The next line itself, or several lines that are nearly the same at any indentation.
        repeats_next = own[0] == following[0]
        repeats_all = len(pairs) > 1 and all(
            _is_nearly_equal(mine.strip(), theirs.strip()) for mine, theirs in pairs
        )
        if repeats_next or repeats_all:
            return "\n".join(lines[:start]).rstrip()
    return text


def _is_beginning_of(text: str, below: str) -> bool:
    """Whether a text is what the next lines begin with, however it is spread over lines."""
    told = "".join(text.split())
    return len(told) >= _TELLING_BEGINNING and "".join(
        below[:_CHARACTERS_AROUND].split()
    ).startswith(told)


def _is_nearly_equal(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < 0.9 * max(len(one), len(other)):
        return False
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() >= _NEARLY_EQUAL


def _with_empty_blank_lines(text: str) -> str:
    """Take the white space out of blank lines; the last line goes on after the cursor."""
    *lines, last = text.split("\n")
    return "\n".join([*(line if line.strip() else "" for line in lines), last])


def _without_empty_comment_lines(text: str) -> str:
    """Drop comment lines without a word at the end, unless there is nothing else."""
    cut = _EMPTY_COMMENT_LINES.sub("", text)
    return cut if cut.strip() else text


def with_document_indentation(text: str, before: str) -> str:
    """Indent with tabs where the document does: models fall back to spaces."""
    if "\n" not in text or "\n\t" not in before or "\n    " in before:
        return text
    first, *rest = text.split("\n")
    return "\n".join([first, *(_tabbed(line) for line in rest)])


def _tabbed(line: str) -> str:
    body = line.lstrip(" ")
    tabs, spaces = divmod(len(line) - len(body), 4)
    return "\t" * tabs + " " * spaces + body
