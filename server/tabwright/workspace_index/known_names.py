"""The words of a workspace, and in how many of its files each is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.lexing import UNKNOWN, Numbers, Vocabulary

_FEWEST_SORTED: Final = 2_000
_MOST_UNSORTED: Final = 100
"""Words that are looked at one by one."""


class NamesInText:
    """The names in one text, how often each is there and how far from a place in it."""

    def __init__(self, cores: Numbers, place: int) -> None:
        different, which = np.unique(cores, return_inverse=True)
        nearest = np.full(len(different), len(cores), np.int64)
        np.minimum.at(nearest, which, np.abs(np.arange(len(cores)) - place))
        self._cores = different.astype(np.int64)
        self._nearest = nearest
        self._counts = np.bincount(which, minlength=len(different))

    def of_cores(self, cores: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how often some words are in the text, and how many tokens away the nearest one
        is; -1 for what is not there."""
        if not len(self._cores):
            return np.zeros(len(cores), np.int64), np.full(len(cores), -1)
        at = np.minimum(np.searchsorted(self._cores, cores), len(self._cores) - 1)
        is_there = self._cores[at] == cores
        return np.where(is_there, self._counts[at], 0), np.where(is_there, self._nearest[at], -1)


class KnownNames:
    """In how many files each word is, kept up to date file by file."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._files = np.zeros(1024, np.int64)
        self._in_order = _Ordered((), vocabulary)
        self._sorted_until = 0
        """How many of the vocabulary's words are in order."""
        self._newest = _Ordered((), vocabulary)
        self._newest_until = 0
        """The words since then are in an order of their own, up to this one."""
        self._are_names = np.zeros(0, np.bool_)

    def add(self, cores: Numbers) -> None:
        """Count a file's words."""
        words = np.unique(cores)
        while len(self._files) <= int(words[-1]):
            self._files = np.concatenate([self._files, np.zeros_like(self._files)])
        self._files[words] += 1
        known = len(self._vocabulary.words)
        if known - self._sorted_until > max(_FEWEST_SORTED, self._sorted_until // 2):
            self._in_order = _Ordered(range(known), self._vocabulary)
            self._sorted_until = self._newest_until = known
            self._newest = _Ordered((), self._vocabulary)

    def remove(self, cores: Numbers) -> None:
        """Count a file's words no more."""
        self._files[np.unique(cores)] -= 1

    def knows(self, name: str) -> bool:
        """Whether any file has a word."""
        core = self._vocabulary.core(name)
        return core != UNKNOWN and core < len(self._files) and bool(self._files[core])

    def file_counts(self, cores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return in how many files some words are, given by their numbers."""
        known = np.minimum(cores, len(self._files) - 1)
        counts: NDArray[np.int64] = np.where(cores < len(self._files), self._files[known], 0)
        return counts

    def commonest(self, names: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
        """Return those of some names that most files have, in falling order."""
        counts = self.file_counts(names)
        names, counts = names[counts > 0], counts[counts > 0]
        return names[np.lexsort((names, -counts))[:limit]]

    def are_names(self) -> NDArray[np.bool_]:
        """Return for each word of the vocabulary whether it is a name."""
        words, found = self._vocabulary.words, self._are_names
        if len(found) < len(words):
            newer = np.array([is_name(word) for word in words[len(found) :]], np.bool_)
            found = self._are_names = np.concatenate([found, newer])
        return found  # not what another thread may have put there by now

    def beginning_with(self, prefix: str) -> NDArray[np.int64]:
        """Return the numbers of all names that are longer than a prefix they begin with, those of
        documents too."""
        words = self._vocabulary.words
        known = len(words)
        if known - self._newest_until > _MOST_UNSORTED:
            self._newest = _Ordered(range(self._sorted_until, known), self._vocabulary)
            self._newest_until = known
        unsorted = [
            core
            for core in range(self._newest_until, known)
            if words[core].startswith(prefix) and words[core] != prefix and is_name(words[core])
        ]
        return np.concatenate(
            [
                self._in_order.beginning_with(prefix),
                self._newest.beginning_with(prefix),
                np.array(unsorted, np.int64),
            ]
        )


class _Ordered:
    """Names in the order of their letters."""

    def __init__(self, cores: Sequence[int], vocabulary: Vocabulary) -> None:
        words = vocabulary.words
        named = sorted((words[core], core) for core in cores if is_name(words[core]))
        self._words = [word for word, _ in named]
        self._cores = np.array([core for _, core in named], np.int64)

    def beginning_with(self, prefix: str) -> NDArray[np.int64]:
        return self._cores[_with_prefix(self._words, prefix)]


def is_name(word: str) -> bool:
    """Whether a word is an identifier of at least two characters."""
    return len(word) > 1 and word.isidentifier()


def _with_prefix(in_order: Sequence[str], prefix: str) -> slice:
    """Return where the words are that are longer than a prefix they begin with."""
    first = bisect_left(in_order, prefix)
    if first < len(in_order) and in_order[first] == prefix:
        first += 1
    # No word has a character beyond the last one there is.
    return slice(first, bisect_left(in_order, prefix + "\U0010ffff", first))
