"""The index of one workspace folder on disk: what was read from its files, and what finds it.

A *content* is what a file holds, known by its hash; files with the same content share it, and a
content that no file has any more is kept for a while, because it comes back with the next branch.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from tabwright.workspace_index.change import Change, block_id, write_segment
from tabwright.workspace_index.database import (
    IS_KNOWN,
    Database,
    count_generation,
    note_full_text,
    read_generation,
    reads_full_text,
)
from tabwright.workspace_index.facts import Definition, FileFacts
from tabwright.workspace_index.postings import (
    Places,
    Segment,
    Values,
    find_in_block,
    fitting,
    merged,
    to_merge,
)
from tabwright.workspace_index.records import (
    EncodedDefinitions,
    FileImports,
    FileRecord,
    decode_facts,
    decode_imports,
)
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

_TRIES = 5
_DEAD_KEPT = 2_000
_CACHED_CONTENTS = 2_000
_CACHED_PATHS = 20_000
_ROWS_AT_ONCE = 500
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
        self._snapshot: Snapshot = EMPTY
        self.version = 0
        """Counts how often what is known has changed."""
        self.is_broken = False
        self.wants_full_text = False
        """Whether full-text search is to find what is read from now on."""
        self._write_lock = threading.RLock()
        self._retired: list[int] = []
        self._generation = -1
        self._own_problems: list[str] = []
        self._definitions: dict[int, EncodedDefinitions] = {}
        self._paths: dict[int, tuple[str, ...]] = {}
        self.reload()

    @property
    def snapshot(self) -> Snapshot:
        """What is in the index now."""
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.version += 1

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
            self.wants_full_text = self.wants_full_text or reads_full_text(connection)
            generation = read_generation(connection)
            if generation != self._generation:
                self.snapshot = load_snapshot(connection)
                self._definitions = {}
                self._paths = {}
                self._generation = generation

        if self._database.notice_replaced():
            self._generation = -1
        if self._database.file.exists():
            self._asked(read, None)

    # -- reading --

    def postings(self, family: Family, terms: Sequence[int]) -> list[tuple[Places, Values]]:
        """Return where each term is, with its values; contents in order, chunks in any order.

        What no file has any more is left out.
        """
        for _ in range(_TRIES):
            snapshot = self.snapshot
            found = self._asked(partial(self._postings_in, snapshot, family, terms))
            if found is not None:
                return found
            # Its segments were merged meanwhile, by another thread or process.
        return [(np.empty(0, np.uint32), np.empty(0, np.uint16)) for _ in terms]

    def _postings_in(
        self,
        snapshot: Snapshot,
        family: Family,
        terms: Sequence[int],
        _connection: sqlite3.Connection,
    ) -> list[tuple[Places, Values]] | None:
        """Return what `postings` does, None where a block is not there any more."""
        wanted = [
            [
                block_id(segment.id, number)
                for segment in snapshot.segments[family]
                if (number := segment.block_with(term)) is not None
            ]
            for term in terms
        ]
        blocks = self._blocks({each for ids in wanted for each in ids})
        if any(each not in blocks for ids in wanted for each in ids):
            return None
        return [
            self._live_part(snapshot, family, [find_in_block(blocks[each], term) for each in ids])
            for term, ids in zip(terms, wanted, strict=True)
        ]

    def _live_part(
        self,
        snapshot: Snapshot,
        family: Family,
        parts: Sequence[tuple[Places, Values] | None],
    ) -> tuple[Places, Values]:
        there = [part for part in parts if part is not None]
        if not there:
            return np.empty(0, np.uint32), np.empty(0, np.uint16)
        places, values = there[0]
        if len(there) > 1:
            places = np.concatenate([part[0] for part in there])
            values = np.concatenate([part[1] for part in there])
        contents = places if family == BY_FILE else snapshot.chunk_contents[places]
        is_live = snapshot.is_live[contents]
        if not is_live.all():
            places, values = places[is_live], values[is_live]
        # Mostly they are in order, as they were written; those of one content always are.
        if family == BY_FILE and (places[1:] < places[:-1]).any():
            order = np.lexsort((values, places))
            places, values = places[order], values[order]
        return places, values

    def count_at_most(self, family: Family, term: int) -> int:
        """Return a bound for how many postings a term has, without a look at the disk."""
        bound = 0
        for segment in self.snapshot.segments[family]:
            number = segment.block_with(term)
            bound += int(segment.block_counts[number]) if number is not None else 0
        return bound

    def definitions(self, content: int) -> tuple[Definition, ...]:
        """Return what a content defines, in order."""
        encoded = self._encoded_definitions(content)
        count = len(encoded) if encoded is not None else 0
        found = (self.definition(content, number) for number in range(count))
        return tuple(each for each in found if each is not None)

    def definition(self, content: int, number: int) -> Definition | None:
        """Return one of the definitions of a content by its place among them."""
        encoded = self._encoded_definitions(content)
        if encoded is None or number >= len(encoded):
            return None
        try:
            return encoded[number]
        except msgspec.MsgspecError as error:
            self._note_broken(error)
            return None

    def _encoded_definitions(self, content: int) -> EncodedDefinitions | None:
        if content not in self._definitions:
            self.prefetch_definitions((content,))
        return self._definitions.get(content)

    def paths_of(self, content: int) -> tuple[str, ...]:
        """Return the files that have a content, in order."""
        if content not in self._paths:
            self.prefetch_paths((content,))
        return self._paths.get(content, ())

    def prefetch_definitions(self, contents: Iterable[int]) -> None:
        """Read what many contents define at once, which costs a third."""
        if len(self._definitions) > _CACHED_CONTENTS:
            self._definitions = {}
        known = self._definitions
        for chosen, marks in _in_pieces(set(contents).difference(known)):
            question = f"SELECT id, definitions FROM contents WHERE id IN ({marks})"
            known.update(self._asked(partial(_encoded, question, chosen)) or ())

    def prefetch_paths(self, contents: Iterable[int]) -> None:
        """Read which files have many contents at once, which costs a third."""
        if len(self._paths) > _CACHED_PATHS:
            self._paths = {}
        known = self._paths
        for chosen, marks in _in_pieces(set(contents).difference(known)):
            question = f"SELECT content, path FROM files WHERE content IN ({marks}) ORDER BY path"
            found: dict[int, list[str]] = {each: [] for each in chosen}
            for content, path in self._rows(question, chosen):
                found[content].append(path)
            known.update((content, tuple(each)) for content, each in found.items())

    def facts(self, content: int) -> FileFacts | None:
        """Return everything that is known about a content."""
        return self._decoded(content, "definitions, rest", decode_facts)

    def imports(self, content: int) -> FileImports | None:
        """Return what a content imports, and its language."""
        return self._decoded(content, "rest", decode_imports)

    def _decoded(self, content: int, columns: str, decode: Callable[..., T]) -> T | None:
        question = f"SELECT {columns} FROM contents WHERE id = ?"

        def read(connection: sqlite3.Connection) -> T | None:
            row = connection.execute(question, (content,)).fetchone()
            return decode(*row) if row is not None else None

        return self._asked(read, None)

    def content_of(self, path: str) -> int | None:
        """Return the content of a file, None where it is not indexed."""
        found = self.file(path)
        return found.content if found is not None else None

    def hash_of(self, content: int) -> bytes | None:
        """Return the hash of a content."""
        question = "SELECT hash FROM contents WHERE id = ?"
        rows = self._rows(question, (content,))
        return bytes(rows[0][0]) if rows else None

    def file(self, path: str) -> KnownFile | None:
        """Return what is known of one file."""
        question = "SELECT path, size, modified_ns, content FROM files WHERE path = ?"
        rows = self._rows(question, (path,))
        return KnownFile(*rows[0]) if rows else None

    def files(self, below: str = "") -> list[KnownFile]:
        """Return what is known of all files, or of those below a folder (`a/b/`), in order."""
        question = "SELECT path, size, modified_ns, content FROM files"
        bounds: tuple[str, ...] = ()
        if below:
            question += " WHERE path >= ? AND path < ?"
            bounds = (below, below[:-1] + chr(ord("/") + 1))
        question += " ORDER BY path"
        return [KnownFile(*row) for row in self._rows(question, bounds)]

    def is_known(self, content_hash: bytes, full_text: bool) -> bool:
        """Say whether a content is in the index; with True, whether full-text search finds it."""
        return bool(self._rows(IS_KNOWN, (content_hash, full_text)))

    def without_full_text(self) -> frozenset[int]:
        """Return the contents that files have and full-text search does not find."""
        question = (
            "SELECT DISTINCT id FROM contents JOIN files ON files.content = contents.id"
            " WHERE NOT full_text"
        )
        return frozenset(row[0] for row in self._rows(question))

    def counts(self) -> tuple[int, int, int]:
        """Return how many files are indexed, how many are left out, and how many bytes both are."""
        question = "SELECT COUNT(content), COUNT(*) - COUNT(content), SUM(size) FROM files"
        rows = self._rows(question)
        return (rows[0][0], rows[0][1], rows[0][2] or 0) if rows else (0, 0, 0)

    def _rows(self, question: str, values: Sequence[object] = ()) -> list[Any]:
        return self._asked(lambda connection: connection.execute(question, values).fetchall()) or []

    def _blocks(self, ids: Collection[int]) -> dict[int, bytes]:
        question = f"SELECT id, block FROM blocks WHERE id IN ({','.join('?' * len(ids))})"

        def read(connection: sqlite3.Connection) -> dict[int, bytes]:
            return dict(connection.execute(question, sorted(ids)).fetchall())

        return self._asked(read) or {} if ids else {}

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
            self._definitions, self._paths = {}, {}
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
                    change = Change(connection, self.snapshot)
                    change.forget(gone)
                    change.take(records)
                    snapshot = change.finished()
                    self._delete_retired(connection)
                    count_generation(connection)
                    if self.wants_full_text:
                        note_full_text(connection)
            except (*_READ_ERRORS, OSError) as error:
                self._note_unwritable(error)
                return False
            self.snapshot = snapshot
            self._paths = {}
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
        return self.snapshot.contents - live > max(_DEAD_KEPT, live // 2)

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
            kept = snapshot.is_live if family == BY_FILE else snapshot.live_chunks
            if len(chosen) > 1:  # a merge is no reason to forget what may come back
                kept = np.ones_like(kept)
            try:
                postings = merged(chosen, self._blocks_of, kept)
                with self._database.writing() as connection:
                    self._delete_retired(connection)
                    segment = write_segment(connection, family, snapshot.next_segment, postings)
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

    def _blocks_of(self, segment: Segment, numbers: range) -> Iterator[bytes]:
        question = "SELECT block FROM blocks WHERE id >= ? AND id < ? ORDER BY id"
        bounds = (block_id(segment.id, numbers.start), block_id(segment.id, numbers.stop))
        for row in self._database.reader().execute(question, bounds):
            yield row[0]

    def _delete_retired(self, connection: sqlite3.Connection) -> None:
        bounds = [(block_id(each, 0), block_id(each + 1, 0)) for each in self._retired]
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


def _in_pieces(contents: Iterable[int]) -> Iterator[tuple[list[int], str]]:
    """Yield contents with the marks that stand for them in a question, as many as it can have."""
    waiting = iter(contents)
    while chosen := list(islice(waiting, _ROWS_AT_ONCE)):
        yield chosen, ",".join("?" * len(chosen))


def _encoded(
    question: str, values: Sequence[object], connection: sqlite3.Connection
) -> list[tuple[int, EncodedDefinitions]]:
    rows = connection.execute(question, values).fetchall()
    return [(row[0], EncodedDefinitions(row[1])) for row in rows]


def _is_damage(error: Exception) -> bool:
    """Tell a broken file from one that cannot be written now."""
    return not isinstance(error, sqlite3.OperationalError | OSError)
