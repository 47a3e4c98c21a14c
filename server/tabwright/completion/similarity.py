"""How alike two pieces of code are, by their words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

DUPLICATE = 0.9
"""Two excerpts this much alike are one (llama.vim's figure)."""
ECHO = 0.5
"""Code this much like that at the cursor makes a model repeat it (llama.vim's figure)."""

_WORD = re.compile(r"\w+")


class Words:
    """The words of a text, with how often each occurs."""

    __slots__ = ("counts", "total")

    def __init__(self, text: str) -> None:
        self.counts: dict[str, int] = Counter(_WORD.findall(text))
        self.total = sum(self.counts.values())


def dice(one: Words, other: Words) -> float:
    """Return how alike two bags of words are: 0 (nothing in common, or nothing at all) to 1.

    It is the Sørensen-Dice coefficient with repeats: twice what both have, by what they have.
    """
    if not one.total or not other.total:
        return 0.0
    few, many = one.counts, other.counts
    if len(few) > len(many):
        few, many = many, few
    shared = sum(min(count, many[word]) for word, count in few.items() if word in many)
    return 2 * shared / (one.total + other.total)


def is_like_any(words: Words, others: Iterable[Words], limit: float) -> bool:
    """Say whether a bag of words is at least this much like one of several; quick where their sizes
    forbid it.
    """
    # Twice the smaller size, by both together, is the most that they can be alike.
    least, most = words.total * limit, words.total * (2 - limit)
    for each in others:
        fits = least <= each.total * (2 - limit) and each.total * limit <= most
        if fits and dice(words, each) >= limit:
            return True
    return False


class Surroundings:
    """The code around a cursor, to be asked whether it has something like an excerpt.

    An excerpt is held against every run of as many lines as it has itself, in steps of half of
    that, because a short piece is never much like a long text.
    """

    def __init__(self, text: str) -> None:
        self._lines = [line for line in text.splitlines() if line.strip()]
        self._runs: dict[int, list[Words]] = {}

    def have_like(self, words: Words, line_count: int, limit: float) -> bool:
        """Say whether some run of lines is at least this much like an excerpt of so many lines."""
        return is_like_any(words, self._runs_of(line_count), limit)

    def _runs_of(self, count: int) -> list[Words]:
        count = max(1, min(count, len(self._lines)))
        if count not in self._runs:
            starts = range(0, max(1, len(self._lines) - count + 1), max(1, count // 2))
            self._runs[count] = [
                Words("\n".join(self._lines[start : start + count])) for start in starts
            ]
        return self._runs[count]
