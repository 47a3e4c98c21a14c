"""Work that nobody has asked for yet: when it starts, when it gives way, and how much of it.

One piece of work at a time: the newest wins, and any request ends it at once. In the model process
it ranks below every request as well.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable

from tabwright.errors import ModelError

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

_AT_ONCE_SECONDS = 0.02
"""Editors that ask right behind a change do so within this time; others wait for 50 ms or more."""
_MOST_UNASKED = 3
"""Edits behind which nobody asked; then no answers are made ahead any more."""


class AskingHabit:
    """When the editor asks for suggestions, from what it did last."""

    def __init__(self) -> None:
        self._unasked = _MOST_UNASKED
        self._edited_at = math.inf
        self._asks_at_once = True

    @property
    def asks_at_edits(self) -> bool:
        """Whether a question about the last edit is to be expected."""
        return self._unasked <= _MOST_UNASKED

    @property
    def delay_seconds(self) -> float:
        """How long to wait for it before work ahead begins: where it mostly comes at once, until
        it is clear that it does not come."""
        return _AT_ONCE_SECONDS if self._asks_at_once else 0.0

    def note_edit(self) -> None:
        """The document was edited."""
        self._unasked += 1
        self._edited_at = time.monotonic()

    def note_question(self) -> None:
        """The editor asked for what it shows while one types."""
        if self._unasked:
            self._unasked = 0
            self._asks_at_once = time.monotonic() - self._edited_at < _AT_ONCE_SECONDS


class WorkAhead:
    """Holds the one piece of work ahead of a session."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def schedule(self, work: Work, delay_seconds: float) -> None:
        """Do this after a delay, in place of whatever was to be done."""
        self.cancel()
        self._task = asyncio.create_task(_run(work, delay_seconds))

    def cancel(self) -> None:
        """Drop what is under way or to come."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def wait(self) -> None:
        """Wait until nothing is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])


async def _run(work: Work, delay_seconds: float) -> None:
    try:
        await asyncio.sleep(delay_seconds)
        await work()
    except ModelError:
        pass  # the request that comes next says what is wrong
    except Exception:  # a bug here must not cost the suggestion that is asked for
        logger.exception("Work ahead failed.")
