"""Work that nobody has asked for yet: when it starts, and when it gives way.

One piece of work at a time: the newest wins, and any request ends it at once. In the model process
it ranks below every request as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tabwright.errors import ModelError

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


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
