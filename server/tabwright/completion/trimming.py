"""From what the model wrote to what is worth showing: cuts in two stages, each with its reason.

`context_free_cut` looks at what the model wrote and at the shape it was asked for. It runs once,
before the answer is kept. `context_cut` looks at the text around the cursor too, which changes
while the answer is kept: a person types along it, the editor adds a closer, a line below changes.
It runs whenever the answer is to be shown. Both are pure.

| Cut | Stage | Why there |
|---|---|---|
| further lines where one is asked for; the scope by indentation | free | the shape says |
| a line that ends in rounds; repeated lines, blocks and paragraphs | free | within the text |
| indentation as in the document | context | the document's unit, the lines above |
| repetition of the lines above | context | |
| closers that are there already, but for those an earlier suggestion owes | context | editors add |
| an end that the rest of the line begins with | context | |
| lines that say what the lines below say, whole or in part | context | |
| the end of the block by the syntax tree | context | closers below decide |
| what is left open at the end of a text that was cut short | context | strings around the cursor |
| the syntax; and what closes an opened block | context | it has the last word |
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tabwright.completion.following import lines_above, without_line_overlap, without_lines_below
from tabwright.completion.indentation import with_document_indentation
from tabwright.completion.repetition import repetition_start, without_cycle
from tabwright.completion.shape import Shape
from tabwright.completion.stopping import whole_length
from tabwright.completion.suggestion import Reason
from tabwright.document import line_end, line_start
from tabwright.syntax.block_end import block_end
from tabwright.syntax.closing import missing_closers
from tabwright.syntax.languages import Language
from tabwright.syntax.parse_window import parse_window
from tabwright.syntax.soundness import sound_length
from tabwright.syntax.typed_closers import PLAIN_SCANNER, undoubled_length

_LONGEST_TEXT = 8000
"""No model is asked for more; what is longer was not cut where it should have been."""
_MOST_LINES = 1000
_MOST_ROUNDS = 8
_EMPTY_COMMENT_LINES = re.compile(r"(\n[ \t]*(\*|//[/!]?|#|--)?[ \t]*)+\Z")
_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Draft:
    """What the model wrote, after the cuts that need no context: what is worth keeping."""

    text: str
    """With `\\n` line ends."""
    token_ends: tuple[int, ...]
    """Offsets in the text at which the model's tokens end."""
    shape: Shape
    """The form that the model was asked for."""
    is_cut_short: bool = False
    """Whether the model would have gone on, or had to be kept from going round in circles."""
    goes_on: bool = False
    """Whether it is the beginning of a line, of which the rest was not sure enough to be shown."""
    reason: Reason | None = None
    """The cut that took the last of the text, when nothing is left."""


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
    """Return what of `text` can be shown between `before` and `after`: both stages at once.

    `token_ends` are the offsets in `text` at which its tokens end. `is_unfinished` says that the
    model would have gone on.
    """
    draft = context_free_cut(
        text, token_ends, shape, language=language, is_unfinished=is_unfinished
    )
    trimmed = context_cut(draft, before, after, language)
    assert trimmed is not None, "nothing was typed that could differ from the draft"
    return trimmed


def context_free_cut(
    text: str,
    token_ends: Sequence[int],
    shape: Shape,
    *,
    language: Language | None = None,
    max_lines: int = _MOST_LINES,
    is_unfinished: bool = False,
) -> Draft:
    """Return what is worth keeping of what the model wrote; the same for every document.

    `is_unfinished` says that the model would have gone on.
    """
    ends = [end - text.count("\r\n", 0, end) for end in token_ends if 0 < end <= len(text)]
    text = text.replace("\r\n", "\n").replace("\r", "\n")[:_LONGEST_TEXT]
    length = whole_length(text, shape, max_lines, language)
    text = (text if length is None else text[:length]).rstrip()
    if not text:
        reason = Reason.MODEL_ENDED if length is None else Reason.LINE_COMPLETE
        return Draft("", (), shape, reason=reason)
    said_once = _to_fixed_point(lambda text: without_repetition(text, shape), text)
    ends = [end for end in ends if end <= len(said_once)]
    return Draft(
        said_once,
        tuple(ends),
        shape,
        is_cut_short=is_unfinished or said_once != text,
        reason=None if said_once else Reason.REPEATS_ITSELF,
    )


def context_cut(
    draft: Draft,
    before: str,
    after: str,
    language: Language | None,
    *,
    typed: str = "",
    owed: str = "",
) -> Trimmed | None:
    """Return what of a draft can be shown at the cursor now, between `before` and `after`.

    `typed` is what was typed since the draft was asked for, the end of `before`; None when it is
    not what the suggestion begins with. `owed` are the closers that the last accepted suggestion
    left out, see `openers_left.py`.
    """
    if draft.reason is not None:
        return Trimmed("", draft.reason)
    anchor = before[: len(before) - len(typed)]
    typed = typed.replace("\r\n", "\n").replace("\r", "\n")
    shape = draft.shape
    text = with_document_indentation(_with_empty_blank_lines(draft.text), shape, anchor, after)
    if not text.startswith(typed):
        return None
    ends = _moved(draft.token_ends, draft.text, text)
    said_once = without_repetition(text, shape, lines_above(anchor))
    is_cut_short = draft.is_cut_short or said_once != text
    text = said_once
    if len(text) <= len(typed):
        return Trimmed("", Reason.LINE_COMPLETE if typed else Reason.REPEATS_ITSELF)
    rest = text[len(typed) :]
    for _ in range(_MOST_ROUNDS):
        rest = _without_what_follows(rest, before, after, language, owed)
        if not rest.strip():
            return Trimmed("", Reason.REPEATS_FOLLOWING_CODE)
        text = _without_empty_comment_lines(typed + rest)
        if language is not None:
            text = _as_syntax_allows(
                text,
                ends,
                shape,
                anchor,
                after,
                language,
                is_cut_short=is_cut_short,
                goes_on=draft.goes_on,
            )
        rest = text[len(typed) :]
        if not rest.strip():
            return Trimmed("", Reason.SYNTAX_ERROR)
        if rest == _without_what_follows(rest, before, after, language, owed):
            break
    if language is not None and shape.kind == "block":
        # What a whole block opens it also closes, where it was cut off before it did.
        rest += missing_closers(language, *_window(anchor, text, after))
    return Trimmed(rest + _line_before_closer(rest, before, after))


def cut_points(text: str, token_ends: Sequence[int]) -> list[int]:
    """Return where the syntax may cut: at line ends, and at tokens in the first line."""
    line_ends = [index for index, character in enumerate(text) if character == "\n"]
    first_line_end = line_ends[0] if line_ends else len(text)
    tokens = [end for end in token_ends if 0 < end < first_line_end]
    return sorted({*tokens, *line_ends})


def without_repetition(text: str, shape: Shape, above: Sequence[str] = ()) -> str:
    """Cut a text before it starts to repeat lines or, within a line, a short piece.

    With the lines `above` the cursor's line given, to write the last of those once more counts.
    """
    lines = text.split("\n")
    first = shape.line_before + lines[0]
    if shape.is_on_blank_line:
        own, start = 0, repetition_start([first, *lines[1:]], above)
    else:
        own, start = 1, repetition_start(lines[1:], [*above, first])
    kept = lines if start is None else lines[: own + start]
    if not kept:
        return ""
    return "\n".join([*kept[:-1], without_cycle(kept[-1])]).rstrip()


def without_loose_end(text: str, before: str, since: int, language: Language) -> str:
    """Cut a text that ends early back to its last line that leaves nothing open.

    What it opened and did not close would be in the way of whoever takes it. A text that has no
    such line is left as it is: the beginning of a long thing is better than nothing. `since` is
    where the comment or string around the cursor starts, the cursor itself in code.
    """
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


def _without_what_follows(
    text: str, before: str, after: str, language: Language | None, owed: str
) -> str:
    """Cut what the text after the cursor brings anyway: closers, the rest of the line, lines."""
    scanner = PLAIN_SCANNER if language is None else language.scanner
    line_before = before[line_start(before, len(before)) :]
    line_after = after[: line_end(after, 0)]

    def cut(text: str) -> str:
        text = text[: undoubled_length(scanner, before, text, after, owed)].rstrip()
        text = without_line_overlap(text, line_after)
        return without_lines_below(text, line_before, after, scanner)

    return _to_fixed_point(cut, text)


def _as_syntax_allows(
    text: str,
    token_ends: Sequence[int],
    shape: Shape,
    before: str,
    after: str,
    language: Language,
    *,
    is_cut_short: bool,
    goes_on: bool,
) -> str:
    """Cut a text where its block ends and where it breaks the program."""
    before, text, after = _window(before, text, after)
    if shape.kind == "block":
        text = text[: block_end(language, before, text, after)].rstrip()
    if is_cut_short:
        since = language.parse(before + after).open_since(len(before))
        text = without_loose_end(text, before, since, language)
    text = text.rstrip()
    # Blanks at the end are not shown, and a program may be sound with them only: Ruby's `a: `.
    points = sorted({len(text[:point].rstrip()) for point in cut_points(text, token_ends)} - {0})
    return text[: sound_length(language, before, text, after, points, goes_on=goes_on)]


def _window(before: str, text: str, after: str) -> tuple[str, str, str]:
    """Return the text with as much around it as is parsed of a long document."""
    start, end = parse_window(before + after, len(before))
    return before[start:], text, after[: end - len(before)]


def _line_before_closer(text: str, before: str, after: str) -> str:
    """Return the line end that belongs between a block and the closer right of the cursor.

    In `f(() => {|});` a block of lines is followed by `});` on a line of its own.
    """
    first_line, found, _ = text.partition("\n")
    line_before = before[line_start(before, len(before)) :]
    opener = line_before.rstrip()[-1:]
    closer = after[: line_end(after, 0)].lstrip()[:1]
    if not found or first_line.strip() or not closer or _PAIRS.get(opener) != closer:
        return ""
    return "\n" + line_before[: len(line_before) - len(line_before.lstrip(" \t"))]


def _to_fixed_point(cut: Callable[[str], str], text: str) -> str:
    """Apply a cut until it leaves its own result alone; each round makes the text shorter."""
    for _ in range(_MOST_ROUNDS):
        shorter = cut(text)
        if shorter == text:
            break
        text = shorter
    return text


def _moved(token_ends: Sequence[int], text: str, indented: str) -> list[int]:
    """Return where the ends of tokens are after the lines of a text were indented otherwise."""
    starts, shifts = [0], []
    position = 0
    for old, new in zip(text.split("\n"), indented.split("\n"), strict=True):
        shifts.append(position + len(new) - len(old) - starts[-1])
        starts.append(starts[-1] + len(old) + 1)
        position += len(new) + 1
    return [max(0, end + shifts[bisect_right(starts, end) - 1]) for end in token_ends]


def _with_empty_blank_lines(text: str) -> str:
    """Take the white space out of blank lines; the last line goes on after the cursor."""
    *lines, last = text.split("\n")
    return "\n".join([*(line if line.strip() else "" for line in lines), last])


def _without_empty_comment_lines(text: str) -> str:
    """Drop comment lines without a word at the end, unless there is nothing else."""
    cut = _EMPTY_COMMENT_LINES.sub("", text)
    return cut if cut.strip() else text
