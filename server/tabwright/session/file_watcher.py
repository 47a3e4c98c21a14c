"""Changes on disk, handed to the event loop. The only importer of watchdog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

logger = logging.getLogger(__name__)

_SETTLING_SECONDS = 0.5
_READING = frozenset({"opened", "closed_no_write"})


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
