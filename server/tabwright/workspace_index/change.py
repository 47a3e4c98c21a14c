"""One transaction on an index: what was read from some files becomes rows and posting lists."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np

from tabwright.workspace_index.database import BLOCK_BITS
from tabwright.workspace_index.postings import Postings, Segment, joined, make_segment
from tabwright.workspace_index.records import FileRecord
from tabwright.workspace_index.snapshot import BY_CHUNK, BY_FILE, Family, Snapshot
from tabwright.workspace_index.terms import FileTerms

_ROWS_AT_ONCE = 500


class Change:
    """One transaction: rows as they come, posting lists at its end."""

    def __init__(self, connection: sqlite3.Connection, snapshot: Snapshot) -> None:
        self._connection = connection
        self._snapshot = snapshot
        self._next_content = snapshot.next_content
        self._next_chunk = snapshot.next_chunk
        self._new_contents = 0
        self._chunks: list[tuple[int, bytes]] = []
        """Contents that get chunks, with the lengths of these, in the order of their ids."""
        self._touched: set[int] = set()
        self._by_file: list[Postings] = []
        self._by_chunk: list[Postings] = []

    def forget(self, paths: Iterable[str]) -> None:
        """Take files out."""
        waiting = iter(paths)
        while chosen := list(islice(waiting, _ROWS_AT_ONCE)):
            self._touch_contents_of(chosen)
            self._connection.executemany(
                "DELETE FROM files WHERE path = ?", [(each,) for each in chosen]
            )

    def take(self, records: Sequence[FileRecord]) -> None:
        """Take in what was read."""
        self.forget(each.path for each in records if each.outcome == "gone")
        taken = [each for each in records if each.outcome in {"facts", "known", "left out"}]
        rows: list[tuple[str, int, int, int | None, str | None]] = []
        for record in taken:
            content = self._content_id(record) if record.outcome != "left out" else None
            if content is None and record.outcome == "known":
                continue  # purged in between; the file is read again when it is looked at again
            why = record.left_out if record.outcome == "left out" else None
            rows.append((record.path, record.size, record.modified_ns, content, why))
            if content is not None:
                self._touched.add(content)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            self._touch_contents_of([row[0] for row in rows[start : start + _ROWS_AT_ONCE]])
        self._connection.executemany("INSERT OR REPLACE INTO files VALUES(?, ?, ?, ?, ?)", rows)

    def finished(self) -> Snapshot:
        """Write the posting lists, and return what is in the index now."""
        snapshot = self._snapshot.with_contents(self._new_contents, self._chunks)
        for family, parts in ((BY_FILE, self._by_file), (BY_CHUNK, self._by_chunk)):
            if parts:
                segment = write_segment(
                    self._connection, family, snapshot.next_segment, [joined(parts)]
                )
                snapshot = snapshot.with_segments(family, (), segment)
        if not self._touched:
            return snapshot
        live = self._live_among(sorted(self._touched))
        return snapshot.with_liveness(live, self._touched - live)

    def _content_id(self, record: FileRecord) -> int | None:
        question = "SELECT id, full_text FROM contents WHERE hash = ?"
        row = self._connection.execute(question, (record.content_hash,)).fetchone()
        if row is None:
            return self._add_content(record, record.terms) if record.terms is not None else None
        content, has_full_text = row
        if record.terms is not None and record.has_full_text and not has_full_text:
            self._connection.execute(
                "UPDATE contents SET first_chunk = ?, chunk_lengths = ?, rest = ?, full_text = 1"
                " WHERE id = ?",
                (self._next_chunk, record.terms.chunk_lengths, record.rest, content),
            )
            self._add_chunks(content, record.terms)
        return int(content)

    def _add_content(self, record: FileRecord, terms: FileTerms) -> int:
        content = self._next_content
        self._connection.execute(
            "INSERT INTO contents VALUES(?, ?, ?, ?, ?, ?, ?)",
            (
                content,
                record.content_hash,
                self._next_chunk,
                terms.chunk_lengths,
                record.definitions,
                record.rest,
                record.has_full_text,
            ),
        )
        by_file = np.frombuffer(terms.by_file, np.uint64)
        places = np.full(len(by_file), content, np.uint32)
        self._by_file.append(Postings(by_file, places, np.frombuffer(terms.file_values, np.uint16)))
        self._next_content += 1
        self._new_contents += 1
        self._add_chunks(content, terms)
        return content

    def _add_chunks(self, content: int, terms: FileTerms) -> None:
        chunks = np.frombuffer(terms.chunk_numbers, np.uint16).astype(np.uint32)
        self._by_chunk.append(
            Postings(
                np.frombuffer(terms.by_chunk, np.uint64),
                chunks + np.uint32(self._next_chunk),
                np.frombuffer(terms.chunk_values, np.uint16),
            )
        )
        self._chunks.append((content, terms.chunk_lengths))
        self._next_chunk += len(terms.chunk_lengths) // 2

    def _touch_contents_of(self, paths: Sequence[str]) -> None:
        """Note that what these files had until now may be gone."""
        marks = ",".join("?" * len(paths))
        question = f"SELECT content FROM files WHERE content IS NOT NULL AND path IN ({marks})"
        self._touched.update(row[0] for row in self._connection.execute(question, list(paths)))

    def _live_among(self, contents: Sequence[int]) -> set[int]:
        live: set[int] = set()
        for start in range(0, len(contents), _ROWS_AT_ONCE):
            chosen = contents[start : start + _ROWS_AT_ONCE]
            marks = ",".join("?" * len(chosen))
            question = f"SELECT DISTINCT content FROM files WHERE content IN ({marks})"
            live.update(row[0] for row in self._connection.execute(question, chosen))
        return live


def write_segment(
    connection: sqlite3.Connection, family: Family, segment_id: int, parts: Iterable[Postings]
) -> Segment:
    """Write postings as a segment in a transaction; see `make_segment` for the parts.

    Raises:
        sqlite3.Error: that is impossible.
    """

    def write_block(number: int, block: bytes) -> None:
        row = (block_id(segment_id, number), block)
        connection.execute("INSERT INTO blocks VALUES(?, ?)", row)

    segment = make_segment(segment_id, parts, write_block)
    if segment.count:
        connection.execute(
            "INSERT INTO segments VALUES(?, ?, ?, ?)",
            (segment_id, family, segment.firsts.tobytes(), segment.block_counts.tobytes()),
        )
    return segment


def block_id(segment_id: int, number: int) -> int:
    """Return under which id the block of a segment is kept."""
    return (segment_id << BLOCK_BITS) | number
