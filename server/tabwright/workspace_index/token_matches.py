"""Where some tokens stand elsewhere: all places, with how many of the tokens before them agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.lexing import Numbers, Tokens, joined

Places: TypeAlias = NDArray[np.int64]

DEEPEST: Final = 32
"""Tokens of context that are compared; what agrees further says nothing more."""
_SORTED_DEPTH: Final = 16
_MOST_LOOKED_AT: Final = 4_000
"""Places. A context that is at more places than this says little about how it goes on."""
_MOST_AGREEING: Final = 12_000
"""Places looked at even though the longest context is at so many."""

_MOST_CHOSEN: Final = 3_000
"""Places behind a single token."""


@dataclass(frozen=True)
class Matches:
    """Places in a text (the token that follows the context) and how many tokens agree there."""

    places: Places
    depths: Places

    def __len__(self) -> int:
        return len(self.places)

    def only(self, wanted: NDArray[np.bool_] | NDArray[np.intp]) -> Matches:
        """Return those that a mask or their numbers name."""
        return Matches(self.places[wanted], self.depths[wanted])


NO_MATCHES: Final = Matches(np.zeros(0, np.int64), np.zeros(0, np.int64))


def scan(cores: Numbers, context: Sequence[int]) -> Matches:
    """Find a context, given from its last token backwards, by looking at every token."""
    if not context:
        return NO_MATCHES
    places = np.flatnonzero(cores[:-1] == context[0]) + 1
    return Matches(places, depths_at(cores, places, context, 1))


def depths_at(cores: Numbers, places: Places, context: Sequence[int], known: int) -> Places:
    """Return how many tokens of a context, given from its last token backwards, agree before each
    place, of which `known` are known to."""
    depths = np.full(len(places), known, np.int64)
    going_on = np.arange(len(places))
    for depth in range(known, len(context)):
        before = places[going_on] - depth - 1
        agrees = (cores[before] == context[depth]) & (before >= 0)
        going_on = going_on[agrees]
        if not len(going_on):
            break
        depths[going_on] = depth + 1
    return depths


def agreeing_after(cores: Numbers, places: Places, following: Sequence[int]) -> Places:
    """Return how many tokens from each place on agree with those that follow somewhere else."""
    counts = np.zeros(len(places), np.int64)
    going_on = np.arange(len(places))
    for count, wanted in enumerate(following):
        at = places[going_on] + count
        # Behind the last token there is none; the last is a border, which agrees with nothing.
        going_on = going_on[cores[np.minimum(at, len(cores) - 1)] == wanted]
        if not len(going_on):
            break
        counts[going_on] = count + 1
    return counts


class SortedTokens:
    """Files whose places are sorted by the tokens before them, to be searched in microseconds.

    A suffix array of the text read backwards, cut off at a depth of 16 tokens and made by prefix
    doubling (Manber and Myers, 1993), each round of which is one sort.
    """

    def __init__(self, files: Sequence[tuple[str, Tokens]]) -> None:
        """Sort the tokens of files, given with their paths in a fixed order."""
        self.paths = [path for path, _ in files]
        self.numbers = {path: number for number, path in enumerate(self.paths)}
        self.tokens = joined([tokens for _, tokens in files])
        lengths = np.array([len(tokens) + 1 for _, tokens in files], np.int64)
        self.starts = np.cumsum(lengths) - lengths + 1
        self._order = _sorted_by_what_is_before(self.tokens.cores)

    def __len__(self) -> int:
        return len(self.tokens)

    def file_tokens(self, number: int) -> Tokens:
        """Return one file's tokens, without copying them."""
        start = int(self.starts[number])
        last = number + 1 == len(self.starts)
        end = len(self.tokens) - 1 if last else int(self.starts[number + 1]) - 1
        return Tokens(
            self.tokens.surfaces[start:end],
            self.tokens.cores[start:end],
            self.tokens.rests[start:end],
            self.tokens.lengths[start:end],
        )

    def find(self, context: Sequence[int]) -> Matches:
        """Find a context, given from its last token backwards, at as many tokens as agree anywhere,
        and at fewer until too many places have them."""
        ranges = self._ranges(context)
        if not ranges:
            return NO_MATCHES
        shortest = len(ranges)
        while shortest > 1 and ranges[shortest - 2][1] - ranges[shortest - 2][0] <= _MOST_LOOKED_AT:
            shortest -= 1
        low, high = ranges[shortest - 1]
        high = min(high, low + _MOST_AGREEING)
        places = self._order[low:high].astype(np.int64)
        depths = np.full(len(places), shortest, np.int64)
        for inner_low, inner_high in ranges[shortest:]:
            depths[inner_low - low : inner_high - low] += 1
        if len(ranges) == _SORTED_DEPTH:
            deep = np.flatnonzero(depths == _SORTED_DEPTH)
            cores = self.tokens.cores
            depths[deep] = depths_at(cores, places[deep], context, _SORTED_DEPTH)
        return Matches(places, depths)

    def find_any(self, context: Sequence[int]) -> Matches:
        """Return places behind a context's last token at which not all of it agrees, evenly chosen
        where there are many."""
        ranges = self._ranges(context[:1])
        if not ranges:
            return NO_MATCHES
        low, high = ranges[0]
        places = self._order[low : high : 1 + (high - low) // _MOST_CHOSEN].astype(np.int64)
        found = Matches(places, depths_at(self.tokens.cores, places, context, 1))
        return found.only(found.depths < len(context))

    def _ranges(self, context: Sequence[int]) -> list[tuple[int, int]]:
        """Return by depth from 1 where in the order the places are at which so many agree."""
        order, cores = self._order.data, self.tokens.cores.data
        low, high = 0, len(order)
        ranges = []
        for depth, wanted in enumerate(context[:_SORTED_DEPTH], start=1):
            low = _first(order, cores, depth, wanted, low, high)
            high = _first(order, cores, depth, wanted + 1, low, high)
            if low == high:
                break
            ranges.append((low, high))
        return ranges


def _first(
    order: memoryview, cores: memoryview, depth: int, wanted: int, low: int, high: int
) -> int:
    """Return the first place in the order whose token at a depth is not below the wanted one."""
    while low < high:
        middle = (low + high) // 2
        before = order[middle] - depth
        if before >= 0 and cores[before] >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def _sorted_by_what_is_before(cores: Numbers) -> Numbers:
    """Return all places in the order of the tokens before them, the nearest one first."""
    count = len(cores)
    ranks = np.zeros(count, np.uint32)
    ranks[1:] = cores[:-1] + np.uint32(1)
    order = np.zeros(count, np.int64)
    depth = 1
    while depth < _SORTED_DEPTH:
        keys = ranks.astype(np.uint64) << np.uint64(32)
        keys[depth:] |= ranks[:-depth]
        order = np.argsort(keys, kind="stable" if depth * 2 == _SORTED_DEPTH else None)
        keys = keys[order]
        is_new = keys[1:] != keys[:-1]
        del keys  # as early as possible: these are the largest arrays that there are
        ranks[order[0]] = 0
        ranks[order[1:]] = np.cumsum(is_new, dtype=np.uint32)
        depth *= 2
    return order.astype(np.uint32)
