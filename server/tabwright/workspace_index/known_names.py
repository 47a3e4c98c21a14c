"""The words of a workspace, and in how many of its files each is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np

from tabwright.workspace_index.lexing import UNKNOWN, Numbers, Vocabulary

_FEWEST_SORTED: Final = 2_000
_MOST_UNSORTED: Final = 100
"""Words that are looked at one by one."""


class NamesInText:
    """The names in one text, and how far each is from a place in it."""

    def __init__(self, cores: Numbers, place: int, vocabulary: Vocabulary) -> None:
        different, which = np.unique(cores, return_inverse=True)
        nearest = np.full(len(different), len(cores), np.int64)
        np.minimum.at(nearest, which, np.abs(np.arange(len(cores)) - place))
        self._distances: dict[str, int] = {
            word: distance
            for core, distance in zip(different.tolist(), nearest.tolist(), strict=True)
            if _is_name(word := vocabulary.words[core])
        }
        self.in_order = sorted(self._distances)

    def distance_of(self, name: str) -> int:
        """Return how many tokens the nearest place is away that has a name of the text."""
        return self._distances[name]


class KnownNames:
    """In how many files each word is, kept up to date file by file."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._files = np.zeros(1024, np.int64)
        self._in_order: list[str] = []
        self._sorted_until = 0
        """How many of the vocabulary's words are in order."""
        self._newest: list[str] = []
        self._newest_until = 0
        """The words since then are in an order of their own, up to this one."""

    def add(self, cores: Numbers) -> None:
        """Count a file's words."""
        words = np.unique(cores)
        while len(self._files) <= int(words[-1]):
            self._files = np.concatenate([self._files, np.zeros_like(self._files)])
        self._files[words] += 1
        known = len(self._vocabulary.words)
        if known - self._sorted_until > max(_FEWEST_SORTED, self._sorted_until // 2):
            self._in_order = sorted(filter(_is_name, self._vocabulary.words[:known]))
            self._sorted_until = self._newest_until = known
            self._newest = []

    def remove(self, cores: Numbers) -> None:
        """Count a file's words no more."""
        self._files[np.unique(cores)] -= 1

    def knows(self, name: str) -> bool:
        """Whether any file has a word."""
        return self._count(name) > 0

    def beginning_with(
        self, prefix: str, document: NamesInText, file_count: int, limit: int
    ) -> tuple[tuple[str, float], ...]:
        """Return names with a prefix, those in a document first; see `LineMemory.names`."""
        weights = {
            name: 1 + 1 / (1 + document.distance_of(name) / 100)
            for name in _with_prefix(document.in_order, prefix)
            if name != prefix
        }
        for word in self._workspace_words(prefix):
            count = self._count(word)
            if count > 0 and word != prefix and word not in weights:
                weights[word] = count / (file_count + 1)
        ordered = sorted(weights.items(), key=lambda each: (-each[1], each[0]))
        return tuple(ordered[:limit])

    def _workspace_words(self, prefix: str) -> list[str]:
        words = self._vocabulary.words
        known = len(words)
        if known - self._newest_until > _MOST_UNSORTED:
            self._newest = sorted(filter(_is_name, words[self._sorted_until : known]))
            self._newest_until = known
        unsorted = words[self._newest_until :]
        return [
            *_with_prefix(self._in_order, prefix),
            *_with_prefix(self._newest, prefix),
            *(word for word in unsorted if word.startswith(prefix) and _is_name(word)),
        ]

    def _count(self, name: str) -> int:
        core = self._vocabulary.core(name)
        return int(self._files[core]) if core != UNKNOWN and core < len(self._files) else 0


def _with_prefix(in_order: Sequence[str], prefix: str) -> Sequence[str]:
    first = last = bisect_left(in_order, prefix)
    while last < len(in_order) and in_order[last].startswith(prefix):
        last += 1
    return in_order[first:last]


def _is_name(word: str) -> bool:
    return len(word) > 1 and word.isidentifier()
