"""Posting lists: for each term, where it is and a small number about it. Only arrays, no disk.

A *segment* is many postings sorted by term and cut into *blocks*, so that one term is found with
one look into a short list in memory and one block from disk. Segments never change; new ones are
added, and several small ones are merged into one, as in Lucene
(https://lucene.apache.org/core/9_0_0/core/org/apache/lucene/index/TieredMergePolicy.html).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Terms = npt.NDArray[np.uint64]
Places = npt.NDArray[np.uint32]
Values = npt.NDArray[np.uint16]

BLOCK_POSTINGS = 2048
"""About so many postings are in a block; all postings of a term are in one."""
LARGEST_MERGE = 30_000_000
"""No more postings are merged at once: that takes seconds, and as much room again on disk."""
_PART_POSTINGS = 1_000_000
"""Merges go through the terms in parts of about this size, so that they take little memory."""
_MERGED_AT_ONCE = 8
_SMALLEST_TIER = 4096

LARGEST_TERM = (1 << 64) - 1

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
        return self.chosen(is_kept[self.places])

    def chosen(self, which: npt.NDArray[np.bool_]) -> Postings:
        """Return those for which an array says True."""
        if which.all():
            return self
        return Postings(self.terms[which], self.places[which], self.values[which])


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

    def blocks_between(self, lower: int, upper: int) -> range:
        """Return the numbers of the blocks that may have terms from `lower` to before `upper`."""
        first = self.block_with(lower) or 0
        last = int(np.searchsorted(self.firsts, np.uint64(upper - 1), side="right"))
        return range(first, last)

    def block_with(self, term: int) -> int | None:
        """Return the number of the only block that a term can be in."""
        block = int(np.searchsorted(self.firsts, np.uint64(term), side="right")) - 1
        return block if block >= 0 else None


NOTHING = Postings(np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint16))


def joined(parts: Sequence[Postings]) -> Postings:
    """Return the postings of several, in the order given."""
    if not parts:
        return NOTHING
    return Postings(
        np.concatenate([part.terms for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def make_segment(
    segment_id: int, parts: Iterable[Postings], take: Callable[[int, bytes], None]
) -> Segment:
    """Return a segment of postings, and hand over its blocks with their numbers.

    All terms of a part are larger than those of the parts before.
    """
    firsts: list[Terms] = [np.empty(0, np.uint64)]
    counts: list[int] = []
    for part in parts:
        if len(part):
            firsts.append(_make_blocks(part, counts, take))
    return Segment(segment_id, np.concatenate(firsts), np.array(counts, np.uint32))


def _make_blocks(
    postings: Postings, counts: list[int], take: Callable[[int, bytes], None]
) -> Terms:
    """Hand over the blocks of some postings, note their sizes, and return their first terms."""
    order = _order_of(postings.terms)
    terms, places, values = postings.terms[order], postings.places[order], postings.values[order]
    starts = np.flatnonzero(np.concatenate(([True], terms[1:] != terms[:-1])))
    firsts = _block_starts(starts)
    limits = [*firsts[1:].tolist(), len(starts)]
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
        take(len(counts), b"".join(block))
        counts.append(end - start)
    return terms[starts[firsts]]


def _order_of(terms: Terms) -> npt.NDArray[np.intp]:
    """Return the stable order of some terms, by 16 bits at a time: NumPy sorts these by radix,
    which is faster than all 64 bits at once, above all where the processor has no AVX-512.
    """
    order = np.argsort(terms.astype(np.uint16), kind="stable")
    for shift in (16, 32, 48):
        bits = (terms >> np.uint64(shift)).astype(np.uint16)
        order = order[np.argsort(bits[order], kind="stable")]
    return order


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
    segments: Sequence[Segment],
    blocks_of: Callable[[Segment, range], Iterable[bytes]],
    is_kept: npt.NDArray[np.bool_],
) -> Iterator[Postings]:
    """Yield the postings of several segments, less those at places that are gone, part by part.

    Terms are spread evenly, as hashes are: equal ranges of them have about as many postings.
    """
    parts = max(1, sum(segment.count for segment in segments) // _PART_POSTINGS)
    borders = [((LARGEST_TERM + 1) * number) // parts for number in range(parts + 1)]
    for lower, upper in pairwise(borders):
        pieces = []
        for segment in segments:
            for block in blocks_of(segment, segment.blocks_between(lower, upper)):
                piece = postings_of_block(block).kept(is_kept)
                inside = piece.terms >= np.uint64(lower)
                inside &= piece.terms <= np.uint64(upper - 1)
                pieces.append(piece.chosen(inside))
        yield joined(pieces)
