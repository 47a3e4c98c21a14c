"""Which closers of a suggestion the text after the cursor has already.

Editors type `)`, `}` and `"` together with their openers, on the cursor's line or below it. A model
that does not see them, or does not heed them, writes them once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.document import line_end, line_start
from tabwright.syntax.language_file import GrammarSource, LanguageFile, StringForm
from tabwright.syntax.rough_scanner import RoughScanner, Scan

WINDOW_CHARACTERS = 4000
"""How much text on either side of the cursor is looked at, however long the document is."""

_MOST_CONSTRUCTS = 64
_TAB_WIDTH = 4

PLAIN_SCANNER = RoughScanner(
    LanguageFile(
        schema=1,
        id="plain",
        name="Plain",
        editor_ids=(),
        grammar=GrammarSource(module="none"),
        block_style="braces",
        strings=tuple(StringForm(open=quote, close=quote) for quote in "\"'`"),
    )
)
"""The scan for text in a language that is not known: brackets, and quotes within a line."""


def undoubled_length(
    scanner: RoughScanner, before: str, inserted: str, after: str, owed: str = ""
) -> int:
    """Return how much of `inserted` may stay so that no closer comes twice.

    A closer that ends something opened in `before` may stay while the closers in `after` still
    find their openers without it: as many may be written as are missing. Indentation tells to
    which opener a closer at the start of a line belongs, so that the end of an outer block is not
    taken for that of an inner one. `owed` are closers that are known to be missing, innermost
    first; they may be written whatever the text after the cursor looks like.
    """
    if not scanner.has_closing_mark(inserted):
        return len(inserted)
    start = max(0, len(before) - WINDOW_CHARACTERS)
    if start:
        next_line = line_end(before, start)
        start = next_line if next_line < len(before) else start
    is_cut = start > 0 or len(after) > WINDOW_CHARACTERS
    before, after = before[start:], after[:WINDOW_CHARACTERS]
    scanned = scanner.scan_at_cursor(before, len(before))
    in_text = next((each for each in scanned.open if each.is_text), None)
    if in_text is not None and is_cut and in_text.start < line_start(before, len(before)):
        # The window may start inside a string: then what looks like one is the text between two.
        before, is_cut = before[line_start(before, len(before)) :], True
        scanned = scanner.scan_at_cursor(before, len(before))
    written = _closing_outwards(before, inserted, scanner)
    if not written:
        return len(inserted)
    is_cut = is_cut or len(scanned.open) > _MOST_CONSTRUCTS
    openers = _with_indentation(before, scanned)
    following = _closing_outwards(before, after, scanner)
    accepted = _unmatched(openers, following, is_cut=is_cut)
    so_far = ""
    for number, closer in enumerate(written, start=1):
        so_far += closer.text
        if number > len(openers) or openers[-number].closer != closer.text:
            is_next = bool(following) and following[0].text == closer.text
            return closer.offset if is_next and number == 1 else len(inserted)
        left_over = _unmatched(openers[:-number], following, is_cut=is_cut)
        if owed.startswith(so_far):
            accepted = max(accepted, left_over)
        elif left_over > accepted:
            return closer.offset
    return len(inserted)


@dataclass(frozen=True)
class _Opener:
    closer: str
    indentation: int


@dataclass(frozen=True)
class _OuterCloser:
    text: str
    offset: int
    """Counted from the cursor."""
    indentation: int | None
    """None when something other than closers stands before it in its line."""


def _with_indentation(text: str, scan: Scan) -> list[_Opener]:
    return [
        _Opener(each.closer, _indentation(text, each.start))
        for each in scan.open[-_MOST_CONSTRUCTS:]
        if each.kind not in ("line_comment", "block_comment")
    ]


def _closing_outwards(before: str, text: str, scanner: RoughScanner) -> list[_OuterCloser]:
    """Return the closers in `text` of what was opened before it, in order."""
    joined = before + text
    found = []
    for closer in scanner.scan_at_cursor(joined, len(before)).closers:
        is_outer = closer.opened_at is None or closer.opened_at < len(before)
        if closer.start < len(before) or not is_outer:
            continue
        in_line = joined[line_start(joined, closer.start) : closer.start]
        starts_line = not in_line.strip(" \t)]};,")
        found.append(
            _OuterCloser(
                closer.text,
                closer.start - len(before),
                _indentation(joined, closer.start) if starts_line else None,
            )
        )
        if len(found) == _MOST_CONSTRUCTS:
            break
    return found


def _unmatched(openers: Sequence[_Opener], closers: Sequence[_OuterCloser], *, is_cut: bool) -> int:
    """Return how many of the closers find no opener."""
    waiting = list(openers)
    unmatched = 0
    for closer in closers:
        alike = [index for index, each in enumerate(waiting) if each.closer == closer.text]
        level = [index for index in alike if waiting[index].indentation == closer.indentation]
        if closer.indentation is not None and level:
            alike = level
        elif closer.indentation is not None and is_cut and closer.text not in (")", "]"):
            alike = []  # its opener may lie outside of what is looked at
        if alike:
            del waiting[alike[-1] :]
        else:
            unmatched += 1
    return unmatched


def _indentation(text: str, offset: int) -> int:
    line = text[line_start(text, offset) : line_end(text, offset)].expandtabs(_TAB_WIDTH)
    return len(line) - len(line.lstrip(" "))
