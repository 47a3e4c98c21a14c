"""What is counted of the infilling answers: exact, similar, passing, and free of new faults."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infilling_asking import TYPING, Answer
from infilling_items import Item
from infilling_programs import ProgramRunner
from line_end_positions import is_sound
from reporting import median

from tabwright.specialization.comparison import edit_similarity
from tabwright.syntax.closing import missing_closers
from tabwright.syntax.languages import Language


@dataclass(frozen=True)
class Judged:
    """One contestant's answer to one item, and what is true of it."""

    item: Item
    contestant: str
    answer: Answer
    exact: bool
    first_line_exact: bool
    similarity: float
    passes: bool | None
    """None where the tests tell nothing, or cannot be run here."""
    strict: bool | None
    """Whether the document has no more faults with the suggestion than without it."""
    closed: bool | None
    """The same, or it does with what `missing_closers` adds to the suggestion."""
    sound: bool | None
    """The same, or it does with an empty body or a statement's end after it; asked as typing asks,
    where a suggestion may only begin a line, behind a name."""

    @property
    def is_shown(self) -> bool:
        """Whether anything was suggested."""
        return bool(self.answer.text.strip())


def judge(
    item: Item, contestant: str, answer: Answer, language: Language, runner: ProgramRunner
) -> Judged:
    """Judge an answer."""
    text = answer.text
    strict = closed = sound = None
    if text.strip():
        is_begun = contestant == TYPING and "\n" not in text
        strict, closed, sound = faultless(language, item, text, is_begun=is_begun)
    return Judged(
        item=item,
        contestant=contestant,
        answer=answer,
        exact=is_exact(text, item.middle),
        first_line_exact=is_exact(text.partition("\n")[0], item.middle.partition("\n")[0]),
        similarity=round(edit_similarity(text.rstrip(), item.middle.rstrip()), 4),
        passes=passes(item, text, runner),
        strict=strict,
        closed=closed,
        sound=sound,
    )


def passes(item: Item, text: str, runner: ProgramRunner) -> bool | None:
    """Whether the tests pass with a suggestion; None where they tell nothing or cannot be run.

    They are not run where the outcome is known: a suggestion of nothing is never a pass, and the
    very piece that was taken out is one.
    """
    if not item.can_be_judged or runner.missing(item.language):
        return None
    if text == item.middle and item.reference_passes:
        return True
    if not text.strip():
        return False
    return runner.passes(item.language, item.program_before + text + item.program_after)


def is_exact(text: str, middle: str) -> bool:
    """Whether a suggestion is the piece taken out; white space at its end does not count.

    It does where there is nothing else: a suggestion of nothing is not exact.
    """
    return text.rstrip() == middle.rstrip() if middle.strip() else text == middle


def faultless(
    language: Language, item: Item, text: str, *, is_begun: bool = False
) -> tuple[bool, bool, bool]:
    """Return whether a suggestion adds no fault: strictly, closed, and sound."""
    before, after = item.before, item.after

    def faults(inserted: str) -> int:
        return language.parse(before + inserted + after).fault_count()

    allowed = faults("")
    strict = faults(text) <= allowed
    closed = strict or faults(text + missing_closers(language, before, text, after)) <= allowed
    return strict, closed, closed or is_sound(language, before, text, after, is_begun=is_begun)


def summary(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return counts and shares of some answers of one contestant."""
    shown = [each for each in judged if each.is_shown]
    tested = [each for each in judged if each.passes is not None]
    reasons = collections.Counter(each.answer.reason for each in judged if each.answer.reason)
    return {
        "items": len(judged),
        "shown": _share(len(shown), len(judged)),
        "exact": _share(sum(each.exact for each in judged), len(judged)),
        "exact_of_shown": _share(sum(each.exact for each in shown), len(shown)),
        "first_line_exact": _share(sum(each.first_line_exact for each in judged), len(judged)),
        "similarity": round(sum(each.similarity for each in judged) / len(judged), 4)
        if judged
        else 0.0,
        "tested": len(tested),
        "passes": _share(sum(bool(each.passes) for each in tested), len(tested)),
        "adds_fault": sum(each.strict is False for each in shown),
        "adds_fault_when_closed": sum(each.closed is False for each in shown),
        "adds_fault_when_sound": sum(each.sound is False for each in shown),
        "reasons": dict(reasons.most_common()),
        "median_milliseconds": median([each.answer.milliseconds for each in judged]),
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
