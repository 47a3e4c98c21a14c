"""Whether one model is really better than another: the same items, compared in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
_NUMBERS_AT_ONCE = 1_000_000
"""How many indices are drawn at a time, so that memory does not grow with the items."""


@dataclass(frozen=True)
class Interval:
    """A mean difference, and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float

    @property
    def is_gain(self) -> bool:
        """Whether even the low end is better than nothing."""
        return self.low > 0

    @property
    def is_loss(self) -> bool:
        """Whether even the high end is worse than nothing."""
        return self.high < 0


def paired_bootstrap(
    ours: Sequence[float], theirs: Sequence[float], *, seed: int, resamples: int = RESAMPLES
) -> Interval:
    """Return how much higher `ours` is than `theirs`, the same item at the same place in both.

    The interval is that of the percentile bootstrap (Efron 1979; for paired scores of two systems
    Koehn 2004, https://aclanthology.org/W04-3250): as many items as there are, drawn with
    replacement, `resamples` times. The same seed gives the same interval. Of no items at all
    nothing is known, and the interval is 0 to 0: neither a gain nor a loss.

    Raises:
        ValueError: there are not as many of ours as of theirs.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} values cannot be paired with {len(theirs)}")
    if not len(ours):
        return Interval(0.0, 0.0, 0.0)
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    count = len(differences)
    choice = np.random.default_rng(seed)
    means = []
    rows_at_once = max(1, _NUMBERS_AT_ONCE // count)
    for start in range(0, resamples, rows_at_once):
        rows = min(rows_at_once, resamples - start)
        drawn = choice.integers(count, size=(rows, count))
        means.append(differences[drawn].mean(axis=1))
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), (outside, 1 - outside))
    return Interval(float(differences.mean()), float(low), float(high))


def edit_similarity(one: str, other: str) -> float:
    """Return 1 minus the Levenshtein distance over the longer length; two empty texts are alike.

    It takes time in proportion to the product of both lengths.
    """
    longest = max(len(one), len(other))
    if not longest:
        return 1.0
    row = list(range(len(other) + 1))
    for number, character in enumerate(one, start=1):
        previous, row[0] = row[0], number
        for column, wanted in enumerate(other, start=1):
            replaced = previous + (character != wanted)
            previous = row[column]
            row[column] = min(previous + 1, row[column - 1] + 1, replaced)
    return 1.0 - row[-1] / longest
