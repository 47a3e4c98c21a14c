"""The file an index is kept in: made, opened, checked, thrown away. SQLite in WAL mode.

Whatever is wrong with it (another version, damage, no room, no permission) leads to a new or a
temporary one and a sentence: it holds nothing that cannot be read from the workspace again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 2

_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE contents(
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    first_chunk INTEGER NOT NULL,
    chunk_lengths BLOB NOT NULL,
    definitions BLOB NOT NULL,
    rest BLOB NOT NULL,
    full_text INTEGER NOT NULL
);
CREATE TABLE files(
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    content INTEGER,
    left_out TEXT
) WITHOUT ROWID;
CREATE INDEX files_by_content ON files(content);
CREATE INDEX contents_without_full_text ON contents(id) WHERE NOT full_text;
CREATE TABLE segments(
    id INTEGER PRIMARY KEY,
    family INTEGER NOT NULL,
    firsts BLOB NOT NULL,
    block_counts BLOB NOT NULL
);
CREATE TABLE blocks(id INTEGER PRIMARY KEY, block BLOB NOT NULL);
"""
IS_KNOWN = "SELECT 1 FROM contents WHERE hash = ? AND full_text >= ?"
BLOCK_BITS = 20
"""A block's id is its segment's with its own number in so many bits."""

_PAGE_BYTES = 8192
_CACHE_KILOBYTES = 8_000
_CHECKPOINT_PAGES = 4_000
_JOURNAL_BYTES = 64_000_000
_BUSY_SECONDS = 5.0


def database_file(folder: Path, directory: Path) -> Path:
    """Return where the index of a workspace folder is kept, whether it is there or not."""
    digest = hashlib.blake2b(str(folder).encode("utf-8", "replace"), digest_size=8).hexdigest()
    name = "".join(each if each.isalnum() or each in "-_." else "_" for each in folder.name)[:40]
    return directory / f"{name or 'root'}-{digest}.sqlite3"


class Database:
    """One index file with its connections: one that writes, and one per thread that reads.

    Only the process that holds the lock writes; others read what it has written.
    """

    def __init__(self, file: Path, workspace: str, fingerprint: str) -> None:
        """Open or make the file.

        `fingerprint` says what made the facts in it; with another one they are made again.
        """
        self.problems: list[str] = []
        self.file = file
        self.is_new = False
        self._workspace = workspace
        self._fingerprint = fingerprint
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._temporary: str | None = None
        self._writer: sqlite3.Connection | None = None
        self._lock: FileLock | None = None
        self._identity = 0
        self.epoch = 0
        """Counts how often the file was made anew; connections of before are of no use then."""
        self.take_lead()

    @property
    def is_leading(self) -> bool:
        """Whether this process is the one that writes."""
        return self._writer is not None

    def take_lead(self) -> bool:
        """Try to become the process that writes; return whether this one is."""
        if self._writer is not None:
            return True
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(f"{self.file}.lock", timeout=0, thread_local=False, mode=0o600)
            lock.acquire()
        except Timeout:
            return False
        except OSError as error:
            self._use_temporary_file(error)
            return self._writer is not None
        self._lock = lock
        try:
            self._open_or_replace()
        except (sqlite3.Error, OSError) as error:
            self._release_lock()
            self._use_temporary_file(error)
        return self._writer is not None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the writing connection inside of one transaction, kept only if nothing is raised.

        Raises:
            sqlite3.Error: it cannot be written; nothing has changed then.
        """
        if self._writer is None:
            raise sqlite3.OperationalError("another process writes this index")
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            raise

    def reader(self) -> sqlite3.Connection:
        """Return this thread's reading connection.

        Raises:
            sqlite3.Error: there is no file that can be read.
        """
        known: tuple[int, sqlite3.Connection] | None = getattr(self._local, "reader", None)
        if known is not None and known[0] == self.epoch:
            return known[1]
        connection = sqlite3.connect(
            f"{self.file.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
            check_same_thread=False,  # closed by whoever closes the index
        )
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KILOBYTES}")
        self._local.reader = (self.epoch, connection)
        with self._readers_lock:
            self._readers.append(connection)
        return connection

    def fits(self) -> bool:
        """Say whether what is in the file was made by this version.

        Raises:
            sqlite3.Error: the file is damaged or not there.
        """
        return _is_current(self.reader(), self._fingerprint)

    def notice_replaced(self) -> bool:
        """Say whether another process has made the file anew since this was asked last."""
        if self.is_leading:
            return False
        try:
            identity = self.file.stat().st_ino
        except OSError:
            identity = 0
        was_replaced = identity != self._identity
        if was_replaced:
            self._close_connections()
        self._identity = identity
        return was_replaced

    def start_anew(self) -> None:
        """Throw the file away and make an empty one; only for the process that writes.

        Raises:
            sqlite3.Error, OSError: that is impossible.
        """
        self._close_connections()
        delete_database(self.file)
        self._writer = self._made()

    def size_bytes(self) -> int:
        """Return how much room the file takes, with what SQLite keeps beside it."""
        size = 0
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                size += self.file.with_name(self.file.name + suffix).stat().st_size
        return size

    def close(self) -> None:
        """Close everything; a temporary file is gone then."""
        self._close_connections()
        self._release_lock()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _open_or_replace(self) -> None:
        if self.file.exists():
            try:
                writer = _connected(self.file)
            except sqlite3.Error as error:
                self._say_damaged(error)
            else:
                try:
                    if _is_current(writer, self._fingerprint):
                        _delete_left_over_blocks(writer)
                        self._writer = writer
                        return
                except sqlite3.Error as error:
                    self._say_damaged(error)
                writer.close()
        delete_database(self.file)
        self._writer = self._made()

    def _say_damaged(self, error: Exception) -> None:
        self.problems.append(f"The index of {self._workspace} was damaged and is made anew.")
        logger.info("The index %s is damaged: %s.", self.file.name, error)

    def _made(self) -> sqlite3.Connection:
        self.is_new = True
        self.epoch += 1
        self.file.touch(mode=0o600)
        writer = _connected(self.file)
        try:
            writer.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            writer.executemany(
                "INSERT INTO meta VALUES(?, ?)",
                [("workspace", self._workspace), ("fingerprint", self._fingerprint)],
            )
            writer.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        except BaseException:
            writer.close()
            raise
        return writer

    def _use_temporary_file(self, error: Exception) -> None:
        """Keep the index where it is forgotten afterwards, because of an error."""
        reason = getattr(error, "strerror", None) or str(error)
        name = self.file.name
        try:
            self._temporary = tempfile.mkdtemp(prefix="tabwright-")
            self.file = Path(self._temporary) / name
            self._writer = self._made()
        except (sqlite3.Error, OSError):
            self._writer = None
            outcome = "nothing is known about this workspace"
        else:
            outcome = "it is made anew at every start"
        self.problems.append(
            f"The index of {self._workspace} cannot be kept ({reason}); {outcome}."
        )

    def _close_connections(self) -> None:
        self.epoch += 1
        with self._readers_lock:
            readers, self._readers = self._readers, []
        for connection in [*readers, *([self._writer] if self._writer else [])]:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._writer = None

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def delete_database(file: Path) -> int:
    """Delete an index file with what SQLite keeps beside it; return how many bytes that freed."""
    freed = 0
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        with contextlib.suppress(OSError):
            size = part.stat().st_size
            part.unlink()
            freed += size
    return freed


def delete_unused(file: Path) -> int | None:
    """Delete an index file unless a process writes it; return the bytes freed, None if so."""
    lock_file = file.with_name(f"{file.name}.lock")
    try:
        with FileLock(lock_file, timeout=0):
            freed = delete_database(file)
            with contextlib.suppress(OSError):
                lock_file.unlink()
    except Timeout:
        return None
    return freed


def workspace_of(file: Path) -> str | None:
    """Return which workspace folder an index file is about, None when it cannot be read."""
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return None
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'workspace'").fetchone()
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return str(row[0]) if row else None


def known_hash_lookup(file: Path) -> Callable[[bytes, bool], bool]:
    """Return a function for another process that tells whether a content is in the index; with
    True, whether full-text search finds it, too."""
    connection: list[sqlite3.Connection] = []

    def is_known(content_hash: bytes, full_text: bool) -> bool:
        try:
            if not connection:
                opened = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
                connection.append(opened)
            found = connection[0].execute(IS_KNOWN, (content_hash, full_text)).fetchone()
            return found is not None
        except sqlite3.Error:
            return False

    return is_known


def read_generation(connection: sqlite3.Connection) -> int:
    """Return how often the index was written.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
    return int(row[0]) if row else 0


def count_generation(connection: sqlite3.Connection) -> None:
    """Note in a transaction that the index is written once more.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    connection.execute(
        "INSERT INTO meta VALUES('generation', '1')"
        " ON CONFLICT(key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )


def reads_full_text(connection: sqlite3.Connection) -> bool:
    """Return whether full-text search is wanted of this index.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    row = connection.execute("SELECT 1 FROM meta WHERE key = 'full text'").fetchone()
    return row is not None


def note_full_text(connection: sqlite3.Connection) -> None:
    """Note in a transaction that full-text search is wanted from now on.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    connection.execute("INSERT OR IGNORE INTO meta VALUES('full text', '1')")


def _delete_left_over_blocks(connection: sqlite3.Connection) -> None:
    """Delete blocks whose segment is gone; a process that is killed leaves some."""
    ids = [row[0] for row in connection.execute("SELECT id FROM segments ORDER BY id")]
    lower = [0, *((each + 1) << BLOCK_BITS for each in ids)]
    upper = [*(each << BLOCK_BITS for each in ids), (1 << 63) - 1]
    connection.executemany(
        "DELETE FROM blocks WHERE id >= ? AND id < ?", zip(lower, upper, strict=True)
    )


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False
    )
    try:
        connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KILOBYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit={_JOURNAL_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_current(connection: sqlite3.Connection, fingerprint: str) -> bool:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        return False
    row = connection.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
    return row is not None and row[0] == fingerprint
