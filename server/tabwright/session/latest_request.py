"""The newest request wins; everything about waiting and giving way is here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(eq=False)
class _Work(Generic[Result]):
    key: Hashable
    task: asyncio.Task[Result]
    waiters: int = 0


class LatestRequest(Generic[Result]):
    """Runs one request at a time: a new one takes the place of the old one at once.

    A request for the same thing joins the one under way. A request that had to give way is
    answered with a value. When everybody who waited for a piece of work has gone, it is cancelled.
    """

    def __init__(self, superseded: Result) -> None:
        self._superseded = superseded
        self._current: _Work[Result] | None = None

    async def run(
        self, key: Hashable, work: Callable[[], Awaitable[Result]], debounce_seconds: float
    ) -> Result:
        """Wait for the debounce, then do the work; or join the same work under way."""
        current = self._current
        if current is None or current.task.done() or current.key != key:
            if current is not None:
                current.task.cancel()
            task = asyncio.create_task(_delayed(work, debounce_seconds))
            current = self._current = _Work(key, task)
        current.waiters += 1
        try:
            return await asyncio.shield(current.task)
        except asyncio.CancelledError:
            if current.task.cancelled():
                return self._superseded
            raise
        finally:
            current.waiters -= 1
            if current.waiters == 0 and not current.task.done():
                current.task.cancel()

    def cancel(self) -> None:
        """End the work under way; whoever waits is answered as superseded."""
        if self._current is not None:
            self._current.task.cancel()


async def _delayed(work: Callable[[], Awaitable[Result]], debounce_seconds: float) -> Result:
    if debounce_seconds > 0:
        await asyncio.sleep(debounce_seconds)
    return await work()
