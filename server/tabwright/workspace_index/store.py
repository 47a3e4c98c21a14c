"""The index of one workspace folder on disk: what was read from its files, and what finds it.

A *content* is what a file holds, known by its hash; files with the same content share it, and a
content that no file has any more is kept for a while, because it comes back with the next branch.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from tabwright.workspace_index.database import (
    BLOCK_BITS,
    Database,
    count_generation,
    read_generation,
)
from tabwright.workspace_index.facts import Definition, FileFacts
from tabwright.workspace_index.postings import (
    Places,
    Postings,
    Segment,
    Values,
    find_in_block,
    fitting,
    joined,
    make_segment,
    merged,
    to_merge,
)
from tabwright.workspace_index.records import FileRecord, decode_definitions, decode_facts
from tabwright.workspace_index.snapshot import (
    BY_CHUNK,
    BY_FILE,
    EMPTY,
    Family,
    Snapshot,
    load_snapshot,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

_DEAD_KEPT = 2_000
_ROWS_AT_ONCE = 500
_CACHED_DEFINITIONS = 512
_READ_ERRORS = (sqlite3.Error, ValueError, IndexError, msgspec.MsgspecError)


class KnownFile(NamedTuple):
    """A file as it was when it was last read."""

    path: str
    size: int
    modified_ns: int
    content: int | None
    """None where it was left out."""


class Store:
    """Reads from any thread; writes from one at a time. Nothing here raises for a broken file:
    the answers are empty then, `problems` has a sentence, and `is_broken` is true."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.snapshot: Snapshot = EMPTY
        self.is_broken = False
        self._write_lock = threading.RLock()
        self._retired: list[int] = []
        self._generation = -1
        self._own_problems: list[str] = []
        self._definitions = lru_cache(maxsize=_CACHED_DEFINITIONS)(self._read_definitions)
        self.reload()

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each thing that went wrong."""
        return (*self._database.problems, *self._own_problems)

    @property
    def is_leading(self) -> bool:
        """Whether this process writes the index."""
        return self._database.is_leading

    def take_lead(self) -> bool:
        """Become the process that writes, if there is none."""
        if not self.is_leading and self._database.take_lead():
            self.is_broken = False
            self.reload()
        return self.is_leading

    def reload(self) -> None:
        """Take over what another process has written since."""

        def read(connection: sqlite3.Connection) -> None:
            if not self._database.fits():
                self.snapshot = EMPTY
                return
            generation = read_generation(connection)
            if generation != self._generation:
                self.snapshot = load_snapshot(connection)
                self._definitions.cache_clear()
                self._generation = generation

        if self._database.notice_replaced():
            self._generation = -1
        if self._database.file.exists():
            self._asked(read, None)

    # -- reading --

    def postings(self, family: Family, term: int) -> tuple[Places, Values]:
        """Return where a term is, with its values; contents that no file has are left out."""
        snapshot = self.snapshot
        parts: list[tuple[Places, Values]] = []
        for segment in snapshot.segments[family]:
            number = segment.block_with(term)
            if number is None:
                continue
            block = self._block(_block_id(segment.id, number))
            found = None if block is None else self._asked(lambda _: find_in_block(block, term))  # noqa: B023 - called at once
            if found is not None:
                parts.append(found)
        if not parts:
            return np.empty(0, np.uint32), np.empty(0, np.uint16)
        places = np.concatenate([part[0] for part in parts])
        values = np.concatenate([part[1] for part in parts])
        limit = snapshot.next_content if family == BY_FILE else snapshot.next_chunk
        known = places < limit  # a segment may be newer than the snapshot
        contents = places if family == BY_FILE else snapshot.chunk_contents[places * known]
        kept = snapshot.is_live[contents * known] & known
        return places[kept], values[kept]

    def count_at_most(self, family: Family, term: int) -> int:
        """Return a bound for how many postings a term has, without a look at the disk."""
        bound = 0
        for segment in self.snapshot.segments[family]:
            number = segment.block_with(term)
            bound += int(segment.block_counts[number]) if number is not None else 0
        return bound

    def definitions(self, content: int) -> tuple[Definition, ...]:
        """Return what a content defines."""
        return self._definitions(content)

    def facts(self, content: int) -> FileFacts | None:
        """Return everything that is known about a content."""
        question = "SELECT definitions, rest FROM contents WHERE id = ?"

        def read(connection: sqlite3.Connection) -> FileFacts | None:
            row = connection.execute(question, (content,)).fetchone()
            return decode_facts(*row) if row is not None else None

        return self._asked(read, None)

    def paths_of(self, content: int) -> tuple[str, ...]:
        """Return the files that have a content, in order."""
        question = "SELECT path FROM files WHERE content = ? ORDER BY path"
        rows = self._asked(lambda connection: connection.execute(question, (content,)).fetchall())
        return tuple(row[0] for row in rows or ())

    def content_of(self, path: str) -> int | None:
        """Return the content of a file, None where it is not indexed."""
        found = self.file(path)
        return found.content if found is not None else None

    def hash_of(self, content: int) -> bytes | None:
        """Return the hash of a content."""
        question = "SELECT hash FROM contents WHERE id = ?"
        row = self._asked(lambda connection: connection.execute(question, (content,)).fetchone())
        return bytes(row[0]) if row else None

    def file(self, path: str) -> KnownFile | None:
        """Return what is known of one file."""
        question = "SELECT path, size, modified_ns, content FROM files WHERE path = ?"
        row = self._asked(lambda connection: connection.execute(question, (path,)).fetchone())
        return KnownFile(*row) if row else None

    def files(self, below: str = "") -> list[KnownFile]:
        """Return what is known of all files, or of those below a folder (`a/b/`), in order."""
        question = "SELECT path, size, modified_ns, content FROM files"
        bounds: tuple[str, ...] = ()
        if below:
            question += " WHERE path >= ? AND path < ?"
            bounds = (below, below[:-1] + chr(ord("/") + 1))
        question += " ORDER BY path"
        rows = self._asked(lambda connection: connection.execute(question, bounds).fetchall())
        return [KnownFile(*row) for row in rows or ()]

    def is_known(self, content_hash: bytes) -> bool:
        """Say whether a content is in the index."""
        question = "SELECT 1 FROM contents WHERE hash = ?"
        row = self._asked(
            lambda connection: connection.execute(question, (content_hash,)).fetchone()
        )
        return row is not None

    def counts(self) -> tuple[int, int, int]:
        """Return how many files are indexed, how many are left out, and how many bytes both are."""
        question = "SELECT COUNT(content), COUNT(*) - COUNT(content), SUM(size) FROM files"
        row = self._asked(lambda connection: connection.execute(question).fetchone())
        return (row[0], row[1], row[2] or 0) if row else (0, 0, 0)

    def _read_definitions(self, content: int) -> tuple[Definition, ...]:
        question = "SELECT definitions FROM contents WHERE id = ?"

        def read(connection: sqlite3.Connection) -> tuple[Definition, ...]:
            row = connection.execute(question, (content,)).fetchone()
            return decode_definitions(row[0]) if row is not None else ()

        return self._asked(read, ()) or ()

    def _block(self, block_id: int) -> bytes | None:
        question = "SELECT block FROM blocks WHERE id = ?"
        row = self._asked(lambda connection: connection.execute(question, (block_id,)).fetchone())
        return row[0] if row else None

    def _asked(
        self, read: Callable[[sqlite3.Connection], T], otherwise: T | None = None
    ) -> T | None:
        """Return what a function reads, or something else where the file is broken."""
        if self.is_broken:
            return otherwise
        try:
            return read(self._database.reader())
        except _READ_ERRORS as error:
            self._note_broken(error)
            return otherwise

    def _note_broken(self, error: Exception) -> None:
        if not self.is_leading and isinstance(error, sqlite3.OperationalError):
            return  # the other process is about to make it, or has made it anew
        self.is_broken = True
        logger.info("The index %s cannot be read: %s.", self._database.file.name, error)
        self._own_problems.append("The index was damaged; it is made anew by the next update.")

    # -- writing --

    def start_anew(self) -> bool:
        """Forget everything; return whether an empty index is there now."""
        with self._write_lock:
            try:
                self._database.start_anew()
            except (sqlite3.Error, OSError) as error:
                self._note_unwritable(error)
                return False
            self.snapshot = EMPTY
            self._definitions.cache_clear()
            self._retired.clear()
            self.is_broken = False
            return True

    def write(self, records: Sequence[FileRecord], gone: Iterable[str] = ()) -> bool:
        """Take in what was read from files, and forget files; all of it or nothing.

        Return whether that worked; `problems` says why not.
        """
        with self._write_lock:
            try:
                with self._database.writing() as connection:
                    change = _Change(connection, self.snapshot)
                    change.forget(gone)
                    change.take(records)
                    snapshot = change.finished()
                    self._delete_retired(connection)
                    count_generation(connection)
            except (*_READ_ERRORS, OSError) as error:
                self._note_unwritable(error)
                return False
            self.snapshot = snapshot
            return True

    def tidy(self, *, thoroughly: bool = False) -> None:
        """Merge small segments, and drop what no file has had for long.

        `thoroughly` makes as few segments as there can be.
        """
        if self._too_much_is_dead():
            self._purge()
        for family in (BY_FILE, BY_CHUNK):
            segments = self.snapshot.segments[family]
            chosen = fitting(segments) if thoroughly else to_merge(segments)
            if len(chosen) > 1 and not self._replace_segments(family, chosen):
                return

    def _too_much_is_dead(self) -> bool:
        live = int(np.count_nonzero(self.snapshot.is_live))
        kept = int(np.count_nonzero(np.diff(self.snapshot.first_chunks.astype(np.int64))))
        return kept - live > max(_DEAD_KEPT, live // 2)

    def _purge(self) -> None:
        """Drop the contents that no file has."""
        with self._write_lock:  # all along: what comes back in between must not lose its terms
            for family in (BY_FILE, BY_CHUNK):
                for segment in self.snapshot.segments[family]:
                    if not self._replace_segments(family, [segment]):
                        return
            try:
                with self._database.writing() as connection:
                    connection.execute(
                        "DELETE FROM contents WHERE id NOT IN"
                        " (SELECT content FROM files WHERE content IS NOT NULL)"
                    )
                    count_generation(connection)
                    snapshot = load_snapshot(connection)
            except _READ_ERRORS as error:
                self._note_unwritable(error)
                return
            self.snapshot = snapshot

    def _replace_segments(self, family: Family, chosen: Sequence[Segment]) -> bool:
        with self._write_lock:
            snapshot = self.snapshot
            kept = snapshot.is_live if family == BY_FILE else snapshot.live_chunks()
            if len(chosen) > 1:  # a merge is no reason to forget what may come back
                kept = np.ones_like(kept)
            try:
                postings = merged(chosen, self._blocks_of, kept)
                with self._database.writing() as connection:
                    self._delete_retired(connection)
                    segment = _write_segment(connection, family, snapshot.next_segment, postings)
                    ids = [(each.id,) for each in chosen]
                    connection.executemany("DELETE FROM segments WHERE id = ?", ids)
                    count_generation(connection)
            except _READ_ERRORS as error:
                self._note_unwritable(error)
                return False
            # Their blocks stay until the next change: another thread may be about to read them.
            self._retired.extend(each.id for each in chosen)
            self.snapshot = snapshot.with_segments(family, chosen, segment)
            return True

    def _blocks_of(self, segment: Segment) -> Iterator[bytes]:
        question = "SELECT block FROM blocks WHERE id >= ? AND id < ? ORDER BY id"
        bounds = (_block_id(segment.id, 0), _block_id(segment.id + 1, 0))
        for row in self._database.reader().execute(question, bounds):
            yield row[0]

    def _delete_retired(self, connection: sqlite3.Connection) -> None:
        bounds = [(_block_id(each, 0), _block_id(each + 1, 0)) for each in self._retired]
        connection.executemany("DELETE FROM blocks WHERE id >= ? AND id < ?", bounds)
        self._retired.clear()

    def _note_unwritable(self, error: Exception) -> None:
        logger.info("The index %s cannot be written: %s.", self._database.file.name, error)
        if _is_damage(error):
            self.is_broken = True
            sentence = "The index was damaged; it is made anew by the next update."
        else:
            sentence = f"The index cannot be written ({error}); it keeps what it had."
        if sentence not in self._own_problems:
            self._own_problems.append(sentence)


def _is_damage(error: Exception) -> bool:
    """Tell a broken file from one that cannot be written now."""
    return not isinstance(error, sqlite3.OperationalError | OSError)


class _Change:
    """One transaction: rows as they come, posting lists at its end."""

    def __init__(self, connection: sqlite3.Connection, snapshot: Snapshot) -> None:
        self._connection = connection
        self._snapshot = snapshot
        self._next_content = snapshot.next_content
        self._next_chunk = snapshot.next_chunk
        self._lengths: list[bytes] = []
        self._touched: set[int] = set()
        self._new_ids: dict[bytes, int] = {}
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
        snapshot = self._snapshot.with_contents(self._lengths)
        for family, parts in ((BY_FILE, self._by_file), (BY_CHUNK, self._by_chunk)):
            if parts:
                segment = _write_segment(
                    self._connection, family, snapshot.next_segment, joined(parts)
                )
                snapshot = snapshot.with_segments(family, (), segment)
        if not self._touched:
            return snapshot
        live = self._live_among(sorted(self._touched))
        return snapshot.with_liveness(live, self._touched - live)

    def _content_id(self, record: FileRecord) -> int | None:
        known = self._new_ids.get(record.content_hash)
        if known is not None:
            return known
        question = "SELECT id FROM contents WHERE hash = ?"
        row = self._connection.execute(question, (record.content_hash,)).fetchone()
        if row is not None:
            return int(row[0])
        return self._add_content(record) if record.terms is not None else None

    def _add_content(self, record: FileRecord) -> int:
        terms = record.terms
        assert terms is not None, "asked before"
        content = self._next_content
        self._connection.execute(
            "INSERT INTO contents VALUES(?, ?, ?, ?, ?, ?)",
            (
                content,
                record.content_hash,
                self._next_chunk,
                terms.chunk_lengths,
                record.definitions,
                record.rest,
            ),
        )
        by_file = np.frombuffer(terms.by_file, np.uint64)
        places = np.full(len(by_file), content, np.uint32)
        self._by_file.append(Postings(by_file, places, np.frombuffer(terms.file_values, np.uint16)))
        chunks = np.frombuffer(terms.chunk_numbers, np.uint16).astype(np.uint32)
        self._by_chunk.append(
            Postings(
                np.frombuffer(terms.by_chunk, np.uint64),
                chunks + np.uint32(self._next_chunk),
                np.frombuffer(terms.chunk_values, np.uint16),
            )
        )
        self._lengths.append(terms.chunk_lengths)
        self._new_ids[record.content_hash] = content
        self._next_content += 1
        self._next_chunk += len(terms.chunk_lengths) // 2
        return content

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


def _write_segment(
    connection: sqlite3.Connection, family: Family, segment_id: int, postings: Postings
) -> Segment:
    segment, blocks = make_segment(segment_id, postings)
    if blocks:
        connection.executemany(
            "INSERT INTO blocks VALUES(?, ?)",
            [(_block_id(segment_id, number), block) for number, block in enumerate(blocks)],
        )
        connection.execute(
            "INSERT INTO segments VALUES(?, ?, ?, ?)",
            (segment_id, family, segment.firsts.tobytes(), segment.block_counts.tobytes()),
        )
    return segment


def _block_id(segment_id: int, number: int) -> int:
    return (segment_id << BLOCK_BITS) | number
