"""What may be suggested at this cursor: nothing, the rest of the line, or a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tabwright.completion.suggestion import NoSuggestion, Reason
from tabwright.document import Cursor, DocumentSnapshot, line_end, line_start
from tabwright.settings import CompletionSettings
from tabwright.syntax.languages import Language
from tabwright.syntax.parsed_text import Place

CLOSERS = frozenset(")]}>\"'`;,:")
"""What an editor or an earlier suggestion has typed already to the right of the cursor."""


@dataclass(frozen=True)
class Shape:
    """The form of a suggestion, decided before the model is asked."""

    kind: Literal["line", "block"]
    line_before: str
    """The cursor's line up to the cursor."""
    line_after: str
    """The rest of the cursor's line, without its line end."""
    may_start_new_line: bool
    """Whether a suggestion may leave the cursor's line as it is and go on below it."""
    is_body: bool
    """Whether the block is the body of something just opened: it ends where its indentation does.
    Otherwise it also ends at the first blank line."""

    @property
    def indentation(self) -> str:
        """The white space at the start of the cursor's line."""
        return self.line_before[: len(self.line_before) - len(self.line_before.lstrip(" \t"))]

    @property
    def is_on_blank_line(self) -> bool:
        """Whether only white space stands before the cursor in its line."""
        return not self.line_before.strip()


def decide_shape(
    snapshot: DocumentSnapshot,
    cursor: Cursor,
    language: Language | None,
    settings: CompletionSettings,
    *,
    is_automatic: bool,
) -> Shape | NoSuggestion:
    """Decide from the text, its syntax and the settings, without asking the model."""
    if not settings.enabled:
        return NoSuggestion(Reason.DISABLED)
    if is_automatic and settings.trigger == "manual":
        return NoSuggestion(Reason.MANUAL_ONLY)
    text, offset = snapshot.text, cursor.offset
    if "\0" in text[max(0, offset - 4096) : offset + 4096]:
        return NoSuggestion(Reason.BINARY_FILE)
    if is_automatic and not text.strip():
        return NoSuggestion(Reason.NOTHING_TO_GO_ON)
    line_before = text[line_start(text, offset) : offset]
    line_after = text[offset : line_end(text, offset)]
    has_code_after = bool(set(line_after) - CLOSERS - set(" \t"))
    is_opening = False
    if language is not None:
        parsed = language.parse(text)
        if is_automatic and not settings.in_comments_and_strings:
            place = parsed.place_at(offset)
            if place is Place.COMMENT:
                return NoSuggestion(Reason.IN_COMMENT)
            if place is Place.STRING:
                return NoSuggestion(Reason.IN_STRING)
        is_opening = parsed.is_at_block_opening(offset)
    if is_automatic and has_code_after:
        return NoSuggestion(Reason.TEXT_AFTER_CURSOR)
    has_anything_after = bool(line_after.strip())
    may_be_block = {
        "single": False,
        "multi": True,
        "auto": is_opening or not is_automatic,
    }[settings.lines] and (not has_anything_after or (is_opening and not has_code_after))
    return Shape(
        kind="block" if may_be_block else "line",
        line_before=line_before,
        line_after=line_after,
        may_start_new_line=may_be_block or (not is_automatic and not has_anything_after),
        is_body=is_opening,
    )
