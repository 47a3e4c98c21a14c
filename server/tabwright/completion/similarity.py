"""How alike two pieces of code are, by their words."""

from __future__ import annotations

import re
from collections import Counter

DUPLICATE = 0.9
"""Two excerpts this much alike are one (llama.vim's figure)."""
ECHO = 0.5
"""Code this much like that at the cursor makes a model repeat it (llama.vim's figure)."""

_WORD = re.compile(r"\w+")


def words_of(text: str) -> Counter[str]:
    """Return the words of a text with how often they occur."""
    return Counter(_WORD.findall(text))


def dice(one: Counter[str], other: Counter[str]) -> float:
    """Return how alike two bags of words are: 0 (nothing in common, or nothing at all) to 1.

    It is the Sørensen-Dice coefficient with repeats: twice what both have, by what they have.
    """
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


class Surroundings:
    """The code around a cursor, to be asked whether it has something like an excerpt.

    An excerpt is held against every run of as many lines as it has itself, in steps of half of
    that, because a short piece is never much like a long text.
    """

    def __init__(self, text: str) -> None:
        self._lines = [line for line in text.splitlines() if line.strip()]
        self._runs: dict[int, list[Counter[str]]] = {}

    def likeness(self, text: str) -> float:
        """Return how much the most similar run of lines is like `text`, 0 to 1."""
        words = words_of(text)
        count = sum(1 for line in text.splitlines() if line.strip())
        return max((dice(words, run) for run in self._runs_of(count)), default=0.0)

    def _runs_of(self, count: int) -> list[Counter[str]]:
        count = max(1, min(count, len(self._lines)))
        if count not in self._runs:
            starts = range(0, max(1, len(self._lines) - count + 1), max(1, count // 2))
            self._runs[count] = [
                words_of("\n".join(self._lines[start : start + count]))
                for start in starts
                if self._lines
            ]
        return self._runs[count]
