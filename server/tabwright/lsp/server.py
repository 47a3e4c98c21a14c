"""The pygls server, with what it does by itself and should not taken out."""

from __future__ import annotations

import asyncio
import inspect
import io
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, BinaryIO

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import JsonRPCNotification

import tabwright

logger = logging.getLogger(__name__)

_SECONDS_TO_END_BY_ITSELF = 5.0


class _Protocol(LanguageServerProtocol):
    """Leaves text synchronisation, and the end, to our handlers.

    pygls keeps documents of its own, with lines split at characters that are no line ends for the
    protocol. Its `shutdown` cancels itself where it is a notification, and its `exit` does not wait
    for it. A name that is not callable is not registered as a built-in feature, so the
    handlers of `lsp.handlers` are the only ones.
    """

    lsp_shutdown = None  # type: ignore[assignment]  # see the class docstring
    lsp_exit = None  # type: ignore[assignment]

    lsp_text_document__did_open = None  # type: ignore[assignment]
    lsp_text_document__did_change = None  # type: ignore[assignment]
    lsp_text_document__did_close = None  # type: ignore[assignment]
    lsp_notebook_document__did_open = None  # type: ignore[assignment]
    lsp_notebook_document__did_change = None  # type: ignore[assignment]
    lsp_notebook_document__did_close = None  # type: ignore[assignment]
    is_over = False

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Return a message as an object; Kate says `shutdown` without an id, as a notification."""
        if data.get("method") == types.SHUTDOWN and "jsonrpc" in data and "id" not in data:
            return JsonRPCNotification(types.SHUTDOWN, data["jsonrpc"], None)
        return super().structure_message(data)

    def _send_data(self, data: Any) -> None:
        """Send a message, unless the client has said good-bye."""
        if not self.is_over:
            super()._send_data(data)

    def _run_generator(
        self,
        future: Any,
        *,
        gen: Generator[Any, Any, Any],
        result_future: Any,
    ) -> None:
        """Go on with a built-in feature; where its handler was cancelled, so is the request.

        pygls would raise `CancelledError` in the event loop, which prints a traceback.
        """
        if future is not None and future.cancelled():
            gen.close()
            result_future.cancel()
        else:
            super()._run_generator(future, gen=gen, result_future=result_future)


class TabwrightServer(LanguageServer):
    """A language server that logs its errors and never pops them up."""

    def __init__(self) -> None:
        super().__init__(
            "tabwright",
            tabwright.__version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")],
                save=False,
            ),
            protocol_cls=_Protocol,
        )
        self._is_ending = False

    def shutdown(self) -> None:
        """Stop serving; called by pygls when the connection is gone."""
        self.end_soon()
        if self.protocol._shutdown:
            # All is put away. A thread still reads what the client says, and nothing but the
            # client can end that: pygls would wait for it.
            logging.shutdown()
            os._exit(0)
        super().shutdown()  # type: ignore[no-untyped-call]  # pygls leaves it untyped
        if isinstance(self.protocol, _Protocol) and self.protocol.is_over:
            sys.exit(self._exit_status)  # pygls has caught the one that `leave` raised

    def end_soon(self) -> None:
        """Make sure that this process ends, now that its client is gone.

        Ending the event loop can wait for ever for a child process whose start was cancelled
        (CPython 3.11, `_make_subprocess_transport`). The model process ends with its stdin.
        """
        if self._is_ending:
            return
        self._is_ending = True

        def end() -> None:
            time.sleep(_SECONDS_TO_END_BY_ITSELF)
            os._exit(self._exit_status)

        threading.Thread(target=end, name="end", daemon=True).start()

    def note_shutdown(self) -> None:
        """The client has asked for the end: nothing but `exit` is taken from now on."""
        self.protocol._shutdown = True

    async def leave(self) -> None:
        """End this process: with 0 after `shutdown`, else with 1, as the protocol has it."""
        protocol, writer = self.protocol, self.protocol.writer
        if isinstance(protocol, _Protocol):
            protocol.is_over = True
        if writer is not None:
            closing = writer.close()
            if inspect.isawaitable(closing):
                await closing
        # Raised in a task, it would be the task's own failure.
        asyncio.get_running_loop().call_soon(sys.exit, self._exit_status)

    @property
    def _exit_status(self) -> int:
        return 0 if self.protocol._shutdown else 1

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log the kind of error; pygls's own would show a message box.

        The error's text is left out, because it may quote the document.
        """
        logger.error("A message could not be handled: %s (%s).", type(error).__name__, source)

    @property
    def position_encoding(self) -> types.PositionEncodingKind | str:
        """The negotiated encoding of positions."""
        return self.server_capabilities.position_encoding or types.PositionEncodingKind.Utf16


class ClientInput(io.BufferedIOBase):
    """Standard input that says when the client is gone."""

    def __init__(self, stream: BinaryIO, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._on_end = on_end

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line; the empty one that ends the stream is reported."""
        return self._reported(self._stream.readline(-1 if size is None else size))

    def read(self, size: int | None = -1, /) -> bytes:
        """Read that many bytes; fewer end the stream, which is reported."""
        return self._reported(self._stream.read(-1 if size is None else size))

    def _reported(self, data: bytes) -> bytes:
        if not data:
            self._on_end()
        return data
