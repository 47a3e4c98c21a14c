"""Changes on disk, handed to the event loop. The only importer of watchdog."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

logger = logging.getLogger(__name__)

_SETTLING_SECONDS = 0.5
_READING = frozenset({"opened", "closed_no_write"})

_QUIET_SECONDS = 0.05
"""A save is several events; this long after the last one it is over."""
_LONGEST_WAIT_SECONDS = 0.2
"""Changes that go on are told after this long nevertheless."""
_MANY_PATHS = 1_000
_MANY_QUIET_SECONDS = 1.0
"""While thousands of files change (a checkout), everything waits until they have."""
_MANY_LONGEST_WAIT_SECONDS = 10.0
_FLOOD_EVENTS = 8_000
"""The system keeps 16,384 events at most and loses the others; after half of them in one flood,
anything may have changed."""
_FLOOD_PAUSE_SECONDS = 1.0
_WRITING: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
"""Without these, every look into a large folder would be thousands of events."""
POLLING_SECONDS = 5.0
"""How often a folder without events is looked through."""


class FileWatcher(FileSystemEventHandler):
    """Calls back on the event loop, once per burst of changes below some folders."""

    def __init__(self, folders: Sequence[Path], on_change: Callable[[], None]) -> None:
        self._folders = folders
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Watch the folders that exist. A system without watches is logged, not raised."""
        observer = Observer()
        try:
            for folder in self._folders:
                if folder.is_dir():
                    observer.schedule(self, str(folder), recursive=True)
            observer.start()
        except OSError as error:
            logger.warning("Cannot watch for changes of models: %s.", error)
            return
        self._observer = observer

    def stop(self) -> None:
        """Stop watching; the last burst is not reported."""
        if self._timer is not None:
            self._timer.cancel()
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Take an event on watchdog's thread to the event loop."""
        if event.event_type not in _READING and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._note)

    def _note(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(_SETTLING_SECONDS, self._on_change)


class WorkspaceWatcher(FileSystemEventHandler):
    """Tells on the event loop which paths below a workspace folder have changed, by bursts.

    Paths are relative to the folder, with forward slashes; that of the folder itself, `.`, means
    that anything may have changed. Where the system gives no events (a network drive, no watches
    left), or when told so, `.` is told every few seconds: comparing sizes and times of the files
    that matter costs less than what watchdog does for polling, which looks at all of them.
    """

    def __init__(
        self,
        folder: Path,
        on_change: Callable[[frozenset[str]], None],
        *,
        is_telling: Callable[[str], bool] = lambda _path: True,
        polls: bool = False,
        polling_seconds: float = POLLING_SECONDS,
    ) -> None:
        """`is_telling` is asked on another thread whether a changed path matters."""
        self._folder = folder
        self._on_change = on_change
        self._is_telling = is_telling
        self._polls = polls
        self._polling_seconds = polling_seconds
        self._loop = asyncio.get_running_loop()
        self._observer: BaseObserver | None = None
        self._starter: threading.Thread | None = None
        self._is_stopped = False
        self._polling: asyncio.TimerHandle | None = None
        self._changed_lock = threading.Lock()
        self._changed: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._first_noted = 0.0
        self._last_event = 0.0
        self._flood = 0

    @property
    def is_polling(self) -> bool:
        """Whether the folder is looked through every few seconds for want of events."""
        return self._polling is not None

    def start(self) -> None:
        """Begin to watch; the first events come once the system watches every folder."""
        if self._polls:
            self._poll_later()
            return
        # Large trees take seconds: a watch is set on each of their folders.
        self._starter = threading.Thread(
            target=self._start_observer, name="tabwright-watch", daemon=True
        )
        self._starter.start()

    def stop(self) -> None:
        """Stop watching; the last burst is not told."""
        self._is_stopped = True
        for timer in (self._timer, self._polling):
            if timer is not None:
                timer.cancel()
        self._timer = self._polling = None
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note an event on watchdog's thread; the event loop is told once per burst."""
        if event.event_type in _READING or self._loop.is_closed():
            return
        if event.event_type == "deleted" and self._relative(event.src_path) == ".":
            self._loop.call_soon_threadsafe(self._poll_later)  # it may come back, without a watch
        paths = [self._relative(each) for each in (event.src_path, event.dest_path) if each]
        telling = [path for path in paths if path is not None and self._is_telling(path)]
        if self._is_flood():
            telling.append(".")
        if not telling:
            return
        with self._changed_lock:
            is_first = not self._changed
            is_many = len(self._changed) > _MANY_PATHS
            self._changed.update(telling)
        # The loop is not woken by each of thousands: its timer looks again by itself.
        if is_first or not is_many:
            self._loop.call_soon_threadsafe(self._note)

    def _is_flood(self) -> bool:
        """Say once in each flood of events that some of them may be lost."""
        now = time.monotonic()
        self._flood = self._flood + 1 if now - self._last_event < _FLOOD_PAUSE_SECONDS else 1
        self._last_event = now
        return self._flood % _FLOOD_EVENTS == 0

    def _relative(self, path: bytes | str) -> str | None:
        try:
            inside = os.path.relpath(os.fsdecode(path), self._folder)
        except ValueError:
            return None  # on another drive
        inside = inside.replace(os.sep, "/")
        return None if inside.startswith("../") else inside

    def _start_observer(self) -> None:
        observer = Observer()
        try:
            observer.schedule(self, str(self._folder), recursive=True, event_filter=_WRITING)
            observer.start()
        except OSError as error:
            logger.warning(
                "The system gives no events for %s (%s); it is looked through every %g s instead.",
                self._folder.name,
                error.strerror or error,
                self._polling_seconds,
            )
            observer.stop()
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._poll_later)
            return
        self._observer = observer
        if self._is_stopped:
            observer.stop()

    def _poll_later(self) -> None:
        if not self._is_stopped:
            if self._polling is not None:
                self._polling.cancel()
            self._polling = self._loop.call_later(self._polling_seconds, self._poll)

    def _poll(self) -> None:
        self._poll_later()
        self._on_change(frozenset({"."}))

    def _note(self) -> None:
        now = self._loop.time()
        if self._timer is None:
            self._first_noted = now
        else:
            self._timer.cancel()
        is_many = len(self._changed) > _MANY_PATHS
        quiet = _MANY_QUIET_SECONDS if is_many else _QUIET_SECONDS
        longest = _MANY_LONGEST_WAIT_SECONDS if is_many else _LONGEST_WAIT_SECONDS
        due = min(now + quiet, self._first_noted + longest)
        self._timer = self._loop.call_at(max(due, now), self._tell, len(self._changed))

    def _tell(self, noted: int) -> None:
        has_grown = len(self._changed) > max(noted, _MANY_PATHS)
        if has_grown and self._loop.time() < self._first_noted + _MANY_LONGEST_WAIT_SECONDS:
            self._note()
            return
        self._timer = None
        with self._changed_lock:
            changed, self._changed = frozenset(self._changed), set()
        if changed:
            self._on_change(changed)
