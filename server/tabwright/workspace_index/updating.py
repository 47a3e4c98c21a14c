"""Brings an index up to date: compares files with what is known of them, and has them read."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.workspace_index.database import Database
from tabwright.workspace_index.ignoring import IgnoreRules, rules_of
from tabwright.workspace_index.indexing import ToRead, default_workers, read_in_workers
from tabwright.workspace_index.reading import languages_by_id, read_files
from tabwright.workspace_index.recognising import left_out_by_path
from tabwright.workspace_index.records import FileRecord
from tabwright.workspace_index.store import KnownFile, Store
from tabwright.workspace_index.terms import TermMaker
from tabwright.workspace_index.walking import FoundFile, find_file, walk
from tabwright.workspace_index.worker import WorkerStart

logger = logging.getLogger(__name__)

FEW_FILES = 50
"""So few files are read in the server itself: starting a process takes longer."""
_POSTINGS_AT_ONCE = 2_000_000
"""About so many postings are held in memory (12 bytes each, and what sorting them takes)."""
_SECONDS_BETWEEN_WRITES = 10.0
_FILES_PER_QUESTION = 64


@dataclass(frozen=True)
class Updated:
    """What an update has done."""

    files: int = 0
    """Files that were looked at."""
    read: int = 0
    """Files that were opened, because they are new or have changed."""
    parsed: int = 0
    """Files among them with a content that was not known."""
    gone: int = 0
    unsettled: tuple[str, ...] = ()
    """Files that were being written: look again at them later."""
    was_cancelled: bool = False


@dataclass(frozen=True)
class WhatToIndex:
    """A workspace folder, and which of its files are indexed."""

    folder: Path
    languages: LanguageRegistry
    exclude: tuple[str, ...]
    reads_ignore_files: bool
    workers: int

    def rules(self) -> IgnoreRules:
        """Read the ignore rules as they are now."""
        return rules_of(self.folder, self.exclude, reads_ignore_files=self.reads_ignore_files)

    def is_wanted(self, path: str) -> bool:
        """Say whether a file may be known: it is neither secret nor ignored nor excluded."""
        return self.rules().exclusion_of_path(path) is None

    def has_language(self, name: str) -> bool:
        """Say whether files of this name are in a known language."""
        return self.languages.id_for_path(name) is not None

    def to_read(self, found: FoundFile) -> ToRead | None:
        """Return how a file is to be read, None when its name or size says that it is not."""
        name = found.path.rpartition("/")[2]
        language = self.languages.id_for_path(name)
        if language is None or left_out_by_path(
            name, found.size, defines_names=language in self._defining
        ):
            return None
        return ToRead(found.path, language, found.size, found.modified_ns)

    @cached_property
    def by_id(self) -> dict[str, Language]:
        """Every language by its id."""
        return languages_by_id(self.languages)

    @cached_property
    def _defining(self) -> frozenset[str]:
        return frozenset(
            language.id
            for language in self.by_id.values()
            if (language.folder / "definitions.scm").exists()
        )


class Updater:
    """Writes to a store what is on disk."""

    def __init__(self, what: WhatToIndex, store: Store, database: Database) -> None:
        self._what = what
        self._store = store
        self._database = database
        self._update_lock = threading.Lock()
        self._is_stopped = threading.Event()
        self._noted_lock = threading.Lock()
        self._noted: set[str] | None = None
        """What was looked at on its own while an update is under way, which knows less of it."""

    def stop(self) -> None:
        """Have an update that is under way come to its end, and wait for that."""
        self._is_stopped.set()
        with self._update_lock:
            pass

    def update(
        self, on_progress: Callable[[int, int], None], is_cancelled: Callable[[], bool]
    ) -> Updated:
        """See `WorkspaceIndex.update`."""

        def must_stop() -> bool:
            return self._is_stopped.is_set() or is_cancelled()

        with self._update_lock:
            if not self._may_write():
                self._store.reload()
                return Updated()
            self._noted = set()
            try:
                return self._updated(on_progress, must_stop)
            finally:
                self._noted = None

    def note_changes(self, paths: Iterable[str]) -> tuple[str, ...]:
        """See `WorkspaceIndex.note_changes`."""
        if not self._may_write():
            self._store.reload()
            return ()
        rules = self._what.rules()
        found: list[FoundFile] = []
        known: list[KnownFile] = []
        for path in sorted(set(paths)):
            if not path or path.startswith(("/", "../")) or path == "..":
                continue
            known += self._known_at(path)
            if self._what.has_language(path.rpartition("/")[2]):
                one = find_file(rules, path)
                found += [one] if one is not None else []
            if (self._what.folder / path).is_dir():
                found += walk(rules, self._what.has_language, self._is_stopped.is_set, path)
        changed, gone = self._compared(found, {each.path: each for each in known})
        with self._noted_lock:
            if self._noted is not None:
                self._noted.update(gone)
                self._noted.update(each.path for each in changed)
        if gone:
            self._store.write([], gone)
        read = list(self._read(changed, self._is_stopped.is_set))
        records = [each for batch in read for each in batch]
        if records:
            self._store.write(records)
            self._store.tidy()
        return tuple(each.path for each in records if each.outcome == "unsettled")

    def _may_write(self) -> bool:
        if self._is_stopped.is_set() or not self._store.take_lead():
            return False
        return not self._store.is_broken or self._store.start_anew()

    def _known_at(self, path: str) -> list[KnownFile]:
        """Return what is known of a path, be it a file or a folder."""
        file = self._store.file(path)
        return [*([file] if file is not None else []), *self._store.files(below=f"{path}/")]

    def _updated(
        self, on_progress: Callable[[int, int], None], is_cancelled: Callable[[], bool]
    ) -> Updated:
        if not self._what.folder.is_dir():
            return Updated()  # it may be on a drive that comes back
        on_progress(0, 0)
        found = list(walk(self._what.rules(), self._what.has_language, is_cancelled))
        if is_cancelled():
            return Updated(files=len(found), was_cancelled=True)
        known = {each.path: each for each in self._store.files()}
        wants_more = self._store.wants_full_text
        incomplete = self._store.without_full_text() if wants_more else frozenset()
        changed, gone = self._compared(found, known, incomplete)
        del known
        if gone:
            self._store.write([], self._not_noted(gone))
        counts = _Counts()
        writer = _Batched(self._store, self._not_noted)
        for records in self._read(changed, is_cancelled):
            counts.add(records)
            if not writer.add(records):
                break  # the disk is full; `problems` says so
            on_progress(counts.read, len(changed))
        writer.finish()
        self._store.tidy(thoroughly=counts.parsed > FEW_FILES)
        return Updated(
            files=len(found),
            read=counts.read,
            parsed=counts.parsed,
            gone=len(gone),
            unsettled=tuple(counts.unsettled),
            was_cancelled=is_cancelled(),
        )

    def _compared(
        self,
        found: Iterable[FoundFile],
        known: dict[str, KnownFile],
        incomplete: frozenset[int] = frozenset(),
    ) -> tuple[list[ToRead], list[str]]:
        """Return which files must be read, and which of those known are gone.

        `incomplete` are contents of which not all is known that is wanted.
        """
        changed: list[ToRead] = []
        there: set[str] = set()
        for file in found:
            wanted = self._what.to_read(file)
            if wanted is None:
                continue
            there.add(file.path)
            before = known.get(file.path)
            if (
                before is None
                or (before.size, before.modified_ns) != (file.size, file.modified_ns)
                or before.content in incomplete
            ):
                changed.append(wanted)
        return changed, [path for path in known if path not in there]

    def _not_noted(self, paths: Iterable[str]) -> list[str]:
        with self._noted_lock:
            noted = self._noted or set()
            return [path for path in paths if path not in noted]

    def _read(
        self, files: Sequence[ToRead], is_cancelled: Callable[[], bool]
    ) -> Iterator[list[FileRecord]]:
        done = 0
        if len(files) >= FEW_FILES:
            start = WorkerStart(
                str(self._what.folder),
                tuple(str(folder) for folder in self._what.languages.folders),
                str(self._database.file),
            )
            workers = self._what.workers or default_workers()
            try:
                with contextlib.closing(
                    read_in_workers(
                        start, files, workers, is_cancelled, reads_full_text=self._reads_full_text
                    )
                ) as batches:
                    for batch in batches:
                        done += len(batch)
                        yield batch
                return
            except OSError as error:
                logger.warning("Files are read in the server itself: %s.", error)
        for first in range(done, len(files), _FILES_PER_QUESTION):
            if is_cancelled():
                return
            chosen = files[first : first + _FILES_PER_QUESTION]
            yield read_files(
                self._what.folder,
                [(file.path, self._what.by_id[file.language]) for file in chosen],
                TermMaker(),
                self._store.is_known,
                full_text=self._reads_full_text(),
            )

    def _reads_full_text(self) -> bool:
        return self._store.wants_full_text


class _Counts:
    def __init__(self) -> None:
        self.read = self.parsed = 0
        self.unsettled: list[str] = []

    def add(self, records: Sequence[FileRecord]) -> None:
        self.read += len(records)
        self.parsed += sum(each.outcome == "facts" for each in records)
        self.unsettled += [each.path for each in records if each.outcome == "unsettled"]


class _Batched:
    """Collects records and writes them in large transactions."""

    def __init__(self, store: Store, not_noted: Callable[[Iterable[str]], Sequence[str]]) -> None:
        self._store = store
        self._not_noted = not_noted
        self._waiting: list[FileRecord] = []
        self._postings = 0
        self._written = time.monotonic()

    def add(self, records: Sequence[FileRecord]) -> bool:
        self._waiting += records
        self._postings += (
            sum(
                len(each.terms.file_values) + len(each.terms.chunk_values)
                for each in records
                if each.terms is not None
            )
            // 2
        )
        is_late = time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES
        return self.finish() if is_late or self._postings > _POSTINGS_AT_ONCE else True

    def finish(self) -> bool:
        kept = set(self._not_noted(each.path for each in self._waiting))
        records = [each for each in self._waiting if each.path in kept]
        self._waiting, self._postings = [], 0
        is_written = self._store.write(records) if records else True
        self._written = time.monotonic()
        return is_written
