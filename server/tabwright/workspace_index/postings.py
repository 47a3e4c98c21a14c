"""Posting lists: for each term, where it is and a small number about it. Only arrays, no disk.

A *segment* is many postings sorted by term and cut into *blocks*, so that one term is found with
one look into a short list in memory and one block from disk. Segments never change; new ones are
added, and several small ones are merged into one, as in Lucene
(https://lucene.apache.org/core/9_0_0/core/org/apache/lucene/index/TieredMergePolicy.html).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Terms = npt.NDArray[np.uint64]
Places = npt.NDArray[np.uint32]
Values = npt.NDArray[np.uint16]

BLOCK_POSTINGS = 2048
"""About so many postings are in a block; all postings of a term are in one."""
LARGEST_MERGE = 8_000_000
"""Merges would take too much memory (30 bytes a posting) beyond this."""
_MERGED_AT_ONCE = 8
_SMALLEST_TIER = 4096

_HEADER = struct.Struct("<II")


@dataclass(frozen=True)
class Postings:
    """Postings in any order."""

    terms: Terms
    places: Places
    values: Values

    def __len__(self) -> int:
        return len(self.terms)

    def kept(self, is_kept: npt.NDArray[np.bool_]) -> Postings:
        """Return those at places for which an array by place says True."""
        chosen = is_kept[self.places]
        return Postings(self.terms[chosen], self.places[chosen], self.values[chosen])


@dataclass(frozen=True)
class Segment:
    """What is kept in memory of a segment."""

    id: int
    firsts: Terms
    """The first term of each block."""
    block_counts: npt.NDArray[np.uint32]
    """How many postings each block has."""

    @property
    def count(self) -> int:
        """How many postings there are."""
        return int(self.block_counts.sum())

    def block_with(self, term: int) -> int | None:
        """Return the number of the only block that a term can be in."""
        block = int(np.searchsorted(self.firsts, np.uint64(term), side="right")) - 1
        return block if block >= 0 else None


NOTHING = Postings(
    np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint16)
)  # fmt: skip


def joined(parts: Sequence[Postings]) -> Postings:
    """Return the postings of several, in the order given."""
    if not parts:
        return NOTHING
    return Postings(
        np.concatenate([part.terms for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def make_segment(segment_id: int, postings: Postings) -> tuple[Segment, list[bytes]]:
    """Return a segment and its blocks."""
    order = np.argsort(postings.terms)  # three times as fast as the stable kinds
    terms, places, values = (
        postings.terms[order],
        postings.places[order],
        postings.values[order],
    )
    if not len(terms):
        return Segment(segment_id, terms, np.empty(0, np.uint32)), []
    starts = np.flatnonzero(np.concatenate(([True], terms[1:] != terms[:-1])))
    firsts = _block_starts(starts)
    limits = [*firsts[1:].tolist(), len(starts)]
    blocks: list[bytes] = []
    counts: list[int] = []
    for first, limit in zip(firsts.tolist(), limits, strict=True):
        start = int(starts[first])
        end = int(starts[limit]) if limit < len(starts) else len(terms)
        block = (
            _HEADER.pack(limit - first, end - start),
            terms[starts[first:limit]].tobytes(),
            (starts[first:limit] - start).astype(np.uint32).tobytes(),
            places[start:end].tobytes(),
            values[start:end].tobytes(),
        )
        blocks.append(b"".join(block))
        counts.append(end - start)
    directory = terms[starts[firsts]]
    return Segment(segment_id, directory, np.array(counts, np.uint32)), blocks


def _block_starts(starts: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return which terms begin a block, given at which posting each term begins."""
    block = starts // BLOCK_POSTINGS
    return np.flatnonzero(np.concatenate(([True], block[1:] != block[:-1])))


def find_in_block(block: bytes, term: int) -> tuple[Places, Values] | None:
    """Return places and values of a term in a block, in any order; None when it is not there.

    Raises:
        ValueError: the block is damaged.
    """
    terms, starts, places, values = _parts_of(block)
    index = int(np.searchsorted(terms, np.uint64(term)))
    if index == len(terms) or int(terms[index]) != term:
        return None
    start = int(starts[index])
    end = int(starts[index + 1]) if index + 1 < len(starts) else len(places)
    return places[start:end], values[start:end]


def postings_of_block(block: bytes) -> Postings:
    """Return all postings of a block.

    Raises:
        ValueError: the block is damaged.
    """
    terms, starts, places, values = _parts_of(block)
    lengths = np.diff(np.append(starts, np.uint32(len(places))))
    return Postings(np.repeat(terms, lengths), places, values)


def _parts_of(block: bytes) -> tuple[Terms, npt.NDArray[np.uint32], Places, Values]:
    if len(block) < _HEADER.size:
        raise ValueError("a block of postings is cut off")
    terms, postings = _HEADER.unpack_from(block)
    if len(block) != _HEADER.size + 12 * terms + 6 * postings:
        raise ValueError("a block of postings has another length than it says")
    at = _HEADER.size
    return (
        np.frombuffer(block, np.uint64, terms, at),
        np.frombuffer(block, np.uint32, terms, at + 8 * terms),
        np.frombuffer(block, np.uint32, postings, at + 12 * terms),
        np.frombuffer(block, np.uint16, postings, at + 12 * terms + 4 * postings),
    )


def to_merge(segments: Sequence[Segment]) -> list[Segment]:
    """Return segments of about the same size that should become one, none when there are few."""
    tiers: dict[int, list[Segment]] = {}
    for segment in sorted(segments, key=lambda each: each.count):
        tier, size = 0, _SMALLEST_TIER
        while segment.count > size:
            tier, size = tier + 1, size * _MERGED_AT_ONCE
        tiers.setdefault(tier, []).append(segment)
    for _, alike in sorted(tiers.items()):
        chosen = fitting(alike)
        if len(alike) >= _MERGED_AT_ONCE and len(chosen) > 1:
            return chosen
    return []


def fitting(segments: Sequence[Segment]) -> list[Segment]:
    """Return the smallest segments that can be merged at once, in the order of their ids."""
    chosen: list[Segment] = []
    total = 0
    for segment in sorted(segments, key=lambda each: each.count):
        total += segment.count
        if total > LARGEST_MERGE:
            break
        chosen.append(segment)
    return sorted(chosen, key=lambda each: each.id)


def merged(
    segments: Iterable[Segment],
    blocks_of: Callable[[Segment], Iterable[bytes]],
    is_kept: npt.NDArray[np.bool_],
) -> Postings:
    """Return the postings of several segments, less those at places that are gone."""
    parts = [
        postings_of_block(block).kept(is_kept)
        for segment in segments
        for block in blocks_of(segment)
    ]
    return joined(parts)
