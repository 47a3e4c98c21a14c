"""What is counted of the specialists' answers, and whether they are better than the base's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from infilling_items import Item
from infilling_measures import Judged
from raw_model import RawAnswer

from tabwright.specialization.comparison import Interval, paired_bootstrap

ALL = "all"
FEWEST = 20
"""Items of which a comparison says anything: resampling a handful finds nothing but those."""
SINGLE = "single lines"
Answer = TypeVar("Answer", RawAnswer, Judged)


@dataclass(frozen=True)
class Comparison:
    """One model beside another on the same items."""

    items: int
    ours: float
    theirs: float
    difference: Interval

    @property
    def verdict(self) -> str:
        """Say whether it is better, worse, neither for sure, or that the items are too few."""
        if self.items < FEWEST:
            return "few"
        if self.difference.is_gain:
            return "better"
        return "worse" if self.difference.is_loss else "-"

    def as_row(self) -> dict[str, Any]:
        """Return all of it for the JSON; no ratio to nothing."""
        return {
            "items": self.items,
            "ours": round(self.ours, 4),
            "theirs": round(self.theirs, 4),
            "ratio": round(self.ours / self.theirs, 2) if self.theirs else None,
            "difference": round(self.difference.mean, 4),
            "low": round(self.difference.low, 4),
            "high": round(self.difference.high, 4),
            "verdict": self.verdict,
        }


def groups_of(item: Item) -> tuple[str, ...]:
    """Return the groups an item is counted in: all, its language, its kind, and what they share."""
    named = [ALL, item.language, f"{item.language} {item.kind}", item.kind]
    if item.lines == "single":
        named += [f"{item.language} {SINGLE}", SINGLE]
    return tuple(named)


def grouped(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Return the answers by group."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        for name in groups_of(answer.item):
            groups.setdefault(name, []).append(answer)
    return groups


def raw_figures(answers: Sequence[RawAnswer]) -> dict[str, Any]:
    """Return counts and shares of some raw answers.

    The perplexity is that of what was taken out, per token as the model cuts it; models with
    different tokens are compared by the bits per character.
    """
    known = [(each.known, len(each.item.middle)) for each in answers if each.known is not None]
    nats = sum(likelihood.nats for likelihood, _ in known)
    tokens = sum(likelihood.tokens for likelihood, _ in known)
    characters = sum(length for _, length in known)
    return {
        "items": len(answers),
        "exact": _mean(each.exact for each in answers),
        "exact_when_cut": _mean(each.exact_when_cut for each in answers),
        "similarity": _mean(each.similarity for each in answers),
        "stopped": _mean(each.stopped for each in answers),
        "perplexity": round(math.exp(nats / tokens), 3) if tokens else None,
        "bits_per_character": round(nats / math.log(2) / characters, 4) if characters else None,
    }


def compared(
    ours: Sequence[Answer],
    theirs: Sequence[Answer],
    value: Callable[[Answer], float | None],
    seed: int,
) -> dict[str, Comparison]:
    """Return how our answers compare by group, over the items that both have a value for."""
    others = {answer.item.id: value(answer) for answer in theirs}
    found = {}
    for name, group in grouped(ours).items():
        pairs = [
            (mine, other)
            for answer in group
            if (mine := value(answer)) is not None
            and (other := others.get(answer.item.id)) is not None
        ]
        if pairs:
            found[name] = compare_pairs(pairs, seed)
    return found


def compare_pairs(pairs: Sequence[tuple[float, float]], seed: int) -> Comparison:
    """Compare our values with theirs, ours first in each pair."""
    ours, theirs = [mine for mine, _ in pairs], [other for _, other in pairs]
    difference = paired_bootstrap(ours, theirs, seed=seed)
    return Comparison(len(pairs), sum(ours) / len(pairs), sum(theirs) / len(pairs), difference)


def rows(comparisons: Mapping[str, Comparison]) -> dict[str, dict[str, Any]]:
    """Return comparisons for the JSON."""
    return {name: each.as_row() for name, each in comparisons.items()}


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return round(sum(found) / len(found), 4) if found else 0.0
