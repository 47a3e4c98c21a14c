"""Work-done progress in the editor for what takes a while: loading and fetching models."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from lsprotocol import types

from tabwright.lsp.server import TabwrightServer

logger = logging.getLogger(__name__)

_SHOW_AFTER_SECONDS = 0.5


@dataclass(eq=False)
class Progress:
    """One bar. It appears only when the work outlasts half a second, and ends exactly once."""

    server: TabwrightServer
    title: str
    on_cancel: Callable[[], None] | None = None
    """Called on the event loop when the user stops the work; without it that is not offered."""
    _token: str = field(default_factory=lambda: str(uuid.uuid4()))
    _message: str = ""
    _percentage: int = 0
    _is_shown: bool = False
    _is_over: bool = False
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to wait; does nothing for a client that shows no progress."""
        window = self.server.client_capabilities.window
        if window is not None and window.work_done_progress:
            self._task = asyncio.create_task(self._show_later())

    def report(self, fraction: float, message: str = "") -> None:
        """Say how far the work is, 0 to 1."""
        percentage = min(100, max(0, int(fraction * 100)))
        if (percentage, message) == (self._percentage, self._message):
            return
        self._percentage, self._message = percentage, message
        if self._is_shown and not self._is_over:
            self.server.work_done_progress.report(
                self._token,
                types.WorkDoneProgressReport(message=message or None, percentage=percentage),
            )

    def end(self, message: str = "") -> None:
        """Take the bar away."""
        if self._is_over:
            return
        self._is_over = True
        if self._is_shown:
            self.server.work_done_progress.end(
                self._token, types.WorkDoneProgressEnd(message=message or None)
            )
        elif self._task is not None:
            self._task.cancel()

    async def _show_later(self) -> None:
        await asyncio.sleep(_SHOW_AFTER_SECONDS)
        try:
            await self.server.work_done_progress.create_async(self._token)
        except Exception as error:
            logger.debug("The client shows no progress: %s", type(error).__name__)
            return
        if self._is_over:
            return
        self._is_shown = True
        if self.on_cancel is not None:
            self._listen(self.on_cancel)
        self.server.work_done_progress.begin(
            self._token,
            types.WorkDoneProgressBegin(
                title=self.title,
                percentage=self._percentage,
                message=self._message or None,
                cancellable=self.on_cancel is not None,
            ),
        )

    def _listen(self, on_cancel: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        taken_back = self.server.work_done_progress.tokens.get(self._token)
        if taken_back is not None:
            # pygls cancels it for the client's `window/workDoneProgress/cancel`.
            taken_back.add_done_callback(
                lambda future: loop.call_soon_threadsafe(on_cancel) if future.cancelled() else None
            )
