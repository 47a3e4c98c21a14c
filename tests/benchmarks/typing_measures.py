"""What is counted of the typed items: completed code, right and wrong suggestions, time, work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reporting import median, percentile
from typing_editor import Ask, Typed, right_part
from typing_items import Line, count_keys

from tabwright.specialization.comparison import edit_similarity

_WITHIN_MS = (100, 200, 400)
_CHARACTERS_TYPED = 3
_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")


@dataclass(frozen=True)
class _LineStart:
    """How well a line was guessed whose start was reached by typing Enter."""

    exact_at_start: bool
    exact_after_three: bool | None
    """None for a line that is no longer than that."""
    similarity: float | None
    """Of the first suggestion shown in the line; None if none was."""


def summary(typed: Sequence[Typed]) -> dict[str, Any]:
    """Return every figure over some items that were typed with the same tool."""
    asks = [ask for each in typed for ask in each.asks]
    judged = [(each, ask) for each in typed for ask in _judged(each)]
    shown = [(each, ask) for each, ask in judged if ask.shown]
    wrong = [ask for each, ask in shown if not _right(each, ask)]
    wrong_words = [ask for each, ask in shown if not right_words(ask.shown, _rest(each, ask))]
    whole = sum(count_keys(each.item.removed) for each in typed)
    accepted = sum(count_keys(ask.inserted) for ask in asks if ask.was_accepted)
    answered = [ask.answered_after for ask in asks if ask.answered_after is not None]
    starts = [start for each in typed for start in _line_starts(each)]
    threes = [start.exact_after_three for start in starts if start.exact_after_three is not None]
    similarities = [start.similarity for start in starts if start.similarity is not None]
    tokens = [ask.prefilled_tokens for ask in asks if ask.prefilled_tokens is not None]
    totals = [each.prefilled_tokens for each in typed]
    counted = [total for total in totals if total is not None]
    return {
        "items": len(typed),
        "keys": len(asks),
        "characters": whole,
        "completed": _share(accepted, whole),
        "completed_by_words": _share(sum(map(_keys_right_by_words, typed)), whole),
        "accepted_suggestions": sum(ask.was_accepted for ask in asks),
        "lines": len(starts),
        "exact_at_start": _share(sum(start.exact_at_start for start in starts), len(starts)),
        "exact_after_three": _share(sum(threes), len(threes)),
        "edit_similarity": _mean(similarities),
        "lines_with_suggestion": len(similarities),
        "requests": len(judged),
        "shown": _share(len(shown), len(judged)),
        "shown_wrong": _share(len(wrong), len(shown)),
        "shown_wrong_from_the_first_word": _share(len(wrong_words), len(shown)),
        "answered": _share(len(answered), len(asks)),
        "cancelled": sum(ask.cancelled for ask in asks),
        "late": sum(ask.was_late for ask in asks),
        **{
            f"answered_within_{limit}_ms": _share(
                sum(seconds * 1000 <= limit for seconds in answered), len(asks)
            )
            for limit in _WITHIN_MS
        },
        "key_to_answer_ms": _times(answered),
        "half_of_keys_answered_within_ms": _median_of_all_keys(asks),
        "key_to_ghost_text_ms": _times(
            ask.shown_after for _, ask in shown if ask.shown_after is not None
        ),
        "tokens_prefilled_per_key": {
            "median_of_known": median(tokens),
            "mean_of_known": _mean(tokens),
            "known": len(tokens),
            "mean_of_all": (
                round(sum(counted) / len(asks), 1) if asks and len(counted) == len(totals) else None
            ),
        },
        "cpu_seconds_per_key": round(sum(each.cpu_seconds for each in typed) / len(asks), 4)
        if asks
        else 0.0,
    }


def _judged(typed: Typed) -> Iterable[Ask]:
    """Return the asks after which something remained to be typed."""
    return (ask for ask in typed.asks if ask.offset < len(typed.item.removed))


def _rest(typed: Typed, ask: Ask) -> str:
    return typed.item.removed[ask.offset :]


def _right(typed: Typed, ask: Ask) -> bool:
    return bool(right_part(ask.shown, _rest(typed, ask), typed.accepts_first_line))


def right_words(shown: str, rest: str) -> str:
    """Return the leading words of a suggestion that are a prefix of the rest."""
    end = 0
    for word in _WORD.finditer(shown):
        if not rest.startswith(shown[: word.end()]):
            break
        end = word.end()
    return shown[:end]


def _keys_right_by_words(typed: Typed) -> int:
    """Return how many keys a person saves who accepts suggestions word by word."""
    removed = typed.item.removed
    is_right = [False] * len(removed)
    for ask in _judged(typed):
        end = ask.offset + len(right_words(ask.shown, removed[ask.offset :]))
        is_right[ask.offset : end] = [True] * (end - ask.offset)
    return count_keys("".join(each for each, right in zip(removed, is_right, strict=True) if right))


def _line_starts(typed: Typed) -> Iterable[_LineStart]:
    by_offset = {ask.offset: ask for ask in typed.asks}
    for line in typed.item.lines:
        first = by_offset.get(line.start)
        if first is not None:
            yield _line_start(typed, line, first)


def _line_start(typed: Typed, line: Line, first: Ask) -> _LineStart:
    text = typed.item.removed[line.start : line.end]
    inside = [ask for ask in typed.asks if line.start <= ask.offset < line.end]
    later = [ask for ask in inside if ask.offset >= line.start + _CHARACTERS_TYPED]
    suggested = next((ask for ask in inside if ask.shown), None)
    return _LineStart(
        exact_at_start=_is_exact(first, typed, line),
        exact_after_three=(
            # Without a later key in the line its end was accepted by then.
            _is_exact(later[0], typed, line) if later else True
        )
        if len(text) > _CHARACTERS_TYPED
        else None,
        similarity=(
            edit_similarity(
                suggested.shown.partition("\n")[0], typed.item.removed[suggested.offset : line.end]
            )
            if suggested is not None
            else None
        ),
    )


def _is_exact(ask: Ask, typed: Typed, line: Line) -> bool:
    rest = typed.item.removed[ask.offset : line.end]
    return bool(ask.shown) and ask.shown.partition("\n")[0].rstrip() == rest.rstrip()


def _median_of_all_keys(asks: Sequence[Ask]) -> float | None:
    """Return the median over all keys, None where half get no answer before the next key.

    Cancelled requests are in it, as slower than any: a tool that cancels its slow answers does
    not look quicker for that.
    """
    never = float("inf")
    waits = [
        never if ask.answered_after is None or ask.was_late else ask.answered_after for ask in asks
    ]
    middle = percentile(waits, 0.5) if waits else never
    return None if middle == never else round(middle * 1000, 1)


def _times(seconds: Iterable[float]) -> dict[str, float]:
    values = [each * 1000 for each in seconds]
    return {
        "n": len(values),
        "p50": round(median(values), 1),
        "p95": round(percentile(values, 0.95), 1) if values else 0.0,
    }


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
