"""What is kept in memory of an index: which contents count, their chunks, and where terms are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tabwright.workspace_index.postings import Segment

Family: TypeAlias = Literal[0, 1]
BY_FILE: Family = 0
"""Places are contents: definitions, members, uses, imported modules."""
BY_CHUNK: Family = 1
"""Places are chunks: words."""


@dataclass(frozen=True)
class Snapshot:
    """An index at one moment; it never changes."""

    is_live: npt.NDArray[np.bool_]
    """By content id: whether a file has this content now."""
    first_chunks: npt.NDArray[np.uint32]
    """By content id: the id of its first chunk."""
    chunk_contents: npt.NDArray[np.uint32]
    """By chunk id: the content it is in."""
    chunk_lengths: npt.NDArray[np.uint16]
    """By chunk id: its length in words."""
    segments: tuple[tuple[Segment, ...], tuple[Segment, ...]] = ((), ())
    """By family, in the order of their ids."""
    next_segment: int = 0
    contents: int = 0
    """How many contents are kept, whether they count or not."""

    @property
    def next_content(self) -> int:
        """The id of the next new content."""
        return len(self.is_live)

    @property
    def next_chunk(self) -> int:
        """The id of the next new chunk."""
        return len(self.chunk_contents)

    @cached_property
    def live_chunks(self) -> npt.NDArray[np.bool_]:
        """For each chunk, whether it counts."""
        return self.is_live[self.chunk_contents]

    @cached_property
    def live_chunk_count(self) -> int:
        """How many chunks count."""
        return int(np.count_nonzero(self.live_chunks))

    @cached_property
    def average_chunk_length(self) -> float:
        """How many words a chunk that counts has; 1 where there is none."""
        total = int(self.chunk_lengths.sum(where=self.live_chunks, dtype=np.int64))
        return max(1.0, total / max(1, self.live_chunk_count))

    def with_contents(self, count: int, chunks: Sequence[tuple[int, bytes]]) -> Snapshot:
        """Return it with new, live contents, and with new chunks.

        `chunks` are by content, each given by the lengths of its chunks; besides the new contents
        these may be others that had none.
        """
        if not count and not chunks:
            return self
        ids = np.array([content for content, _ in chunks], np.uint32)
        counts = np.array([len(lengths) // 2 for _, lengths in chunks], np.uint32)
        first_chunks = np.concatenate((self.first_chunks, np.zeros(count, np.uint32)))
        first_chunks[ids] = self.next_chunk + np.cumsum(counts) - counts
        lengths = b"".join([each for _, each in chunks])
        return replace(
            self,
            is_live=np.concatenate((self.is_live, np.ones(count, np.bool_))),
            first_chunks=first_chunks,
            chunk_contents=np.concatenate((self.chunk_contents, np.repeat(ids, counts))),
            chunk_lengths=np.concatenate((self.chunk_lengths, np.frombuffer(lengths, np.uint16))),
            contents=self.contents + count,
        )

    def with_liveness(self, live: Iterable[int], dead: Iterable[int]) -> Snapshot:
        """Return it with other contents counting."""
        is_live = self.is_live.copy()
        is_live[np.fromiter(dead, np.int64)] = False
        is_live[np.fromiter(live, np.int64)] = True
        return replace(self, is_live=is_live)

    def with_segments(self, family: Family, gone: Iterable[Segment], new: Segment) -> Snapshot:
        """Return it with a segment in place of others."""
        left = {each.id for each in gone}
        kept = [each for each in self.segments[family] if each.id not in left]
        own = (*kept, new) if new.count else tuple(kept)
        both = (own, self.segments[1]) if family == BY_FILE else (self.segments[0], own)
        return replace(self, segments=both, next_segment=max(self.next_segment, new.id + 1))


EMPTY = Snapshot(
    np.zeros(1, np.bool_), np.zeros(1, np.uint32), np.empty(0, np.uint32), np.empty(0, np.uint16)
)
"""Nothing; ids of contents start at 1, as SQLite counts."""


def load_snapshot(connection: sqlite3.Connection) -> Snapshot:
    """Read what is kept in memory.

    Raises:
        sqlite3.Error: the file is damaged.
        ValueError: the file holds something else than was written.
    """
    rows = connection.execute(
        "SELECT id, first_chunk, chunk_lengths FROM contents ORDER BY id"
    ).fetchall()
    live = connection.execute("SELECT DISTINCT content FROM files WHERE content IS NOT NULL")
    live_ids = np.array([row[0] for row in live], np.int64)
    snapshot = _of_contents(rows)
    if len(live_ids) and int(live_ids.max()) >= snapshot.next_content:
        raise ValueError("a file refers to a content that is not there")
    snapshot.is_live[live_ids] = True
    segments = connection.execute(
        "SELECT id, family, firsts, block_counts FROM segments ORDER BY id"
    ).fetchall()
    by_family: tuple[list[Segment], list[Segment]] = ([], [])
    for segment_id, family, firsts, counts in segments:
        by_family[family].append(
            Segment(segment_id, np.frombuffer(firsts, np.uint64), np.frombuffer(counts, np.uint32))
        )
    return replace(
        snapshot,
        segments=(tuple(by_family[0]), tuple(by_family[1])),
        next_segment=segments[-1][0] + 1 if segments else 0,
    )


def _of_contents(rows: Sequence[tuple[int, int, bytes]]) -> Snapshot:
    if not rows:
        return EMPTY
    ids = np.array([row[0] for row in rows], np.int64)
    firsts = np.array([row[1] for row in rows], np.int64)
    counts = np.array([len(row[2]) // 2 for row in rows], np.int64)
    contents = int(ids[-1]) + 1
    chunks = int((firsts + counts).max())
    if int(ids[0]) < 0 or int(firsts.min()) < 0 or chunks > np.iinfo(np.uint32).max:
        raise ValueError("the contents of an index are out of order")
    first_chunks = np.zeros(contents, np.uint32)
    first_chunks[ids] = firsts
    # Chunks of contents that are purged belong to content 0, which never counts.
    chunk_contents = np.zeros(chunks, np.uint32)
    chunk_lengths = np.zeros(chunks, np.uint16)
    where = np.repeat(firsts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    chunk_contents[where] = np.repeat(ids, counts)
    chunk_lengths[where] = np.frombuffer(b"".join(row[2] for row in rows), np.uint16)
    return Snapshot(
        np.zeros(contents, np.bool_),
        first_chunks,
        chunk_contents,
        chunk_lengths,
        contents=len(rows),
    )
