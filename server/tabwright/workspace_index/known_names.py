"""The words of a workspace, and in how many of its files each is."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np

from tabwright.workspace_index.lexing import UNKNOWN, Numbers, Vocabulary

_FEWEST_SORTED: Final = 2_000


class KnownNames:
    """In how many files each word is, kept up to date file by file."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._files = np.zeros(1024, np.int64)
        self._in_order: list[str] = []
        self._sorted_until = 0
        """How many of the vocabulary's words are in order."""

    def add(self, cores: Numbers) -> None:
        """Count a file's words."""
        words = np.unique(cores)
        while len(self._files) <= int(words[-1]):
            self._files = np.concatenate([self._files, np.zeros_like(self._files)])
        self._files[words] += 1
        known = len(self._vocabulary.words)
        if known - self._sorted_until > max(_FEWEST_SORTED, self._sorted_until // 2):
            self._in_order = sorted(filter(_is_name, self._vocabulary.words[:known]))
            self._sorted_until = known

    def remove(self, cores: Numbers) -> None:
        """Count a file's words no more."""
        self._files[np.unique(cores)] -= 1

    def knows(self, name: str) -> bool:
        """Whether any file has a word."""
        return self._count(name) > 0

    def beginning_with(
        self, prefix: str, document: Numbers, cursor_place: int, file_count: int, limit: int
    ) -> tuple[tuple[str, float], ...]:
        """Return names with a prefix, those in a document first; see `LineMemory.names`."""
        words = self._vocabulary.words
        weights: dict[str, float] = {}
        for core in np.unique(document).tolist():
            word = words[core]
            if word.startswith(prefix) and word != prefix and _is_name(word):
                distance = int(np.abs(np.flatnonzero(document == core) - cursor_place).min())
                weights[word] = 1 + 1 / (1 + distance / 100)
        for word in self._workspace_words(prefix):
            count = self._count(word)
            if count > 0 and word != prefix and word not in weights:
                weights[word] = count / (file_count + 1)
        ordered = sorted(weights.items(), key=lambda each: (-each[1], each[0]))
        return tuple(ordered[:limit])

    def _workspace_words(self, prefix: str) -> list[str]:
        first = last = bisect_left(self._in_order, prefix)
        while last < len(self._in_order) and self._in_order[last].startswith(prefix):
            last += 1
        newest = self._vocabulary.words[self._sorted_until :]
        return self._in_order[first:last] + [
            word for word in newest if word.startswith(prefix) and _is_name(word)
        ]

    def _count(self, name: str) -> int:
        core = self._vocabulary.core(name)
        return int(self._files[core]) if core != UNKNOWN and core < len(self._files) else 0


def _is_name(word: str) -> bool:
    return len(word) > 1 and word.isidentifier()
