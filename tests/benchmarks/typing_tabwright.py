"""Tabwright in the typing benchmark: the real server over stdio, asked as VS Code asks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psutil
from lsp_client import AUTOMATIC, LspClient, ServerEnded
from typing_editor import Ask, Document

from tabwright.model.safe_python import python_module_command

_LOADING_SECONDS = 120.0
_ASK_AGAIN_SECONDS = 0.25
_LEARNING_SECONDS = 8.0
"""For the memory of these workspaces, whose lines are learned after their files are read."""
_WARM_UP = "def add(first, second):\n    return first"


class CancellingClient(LspClient):
    """The small editor, whose requests can be cancelled."""

    def begin(self, method: str, params: object) -> tuple[int, asyncio.Future[Any]]:
        """Send a request; return its id and what will be its answer."""
        request_id = next(self._ids)
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        self._send({"id": request_id, "method": method, "params": params})
        return request_id, answer

    def cancel(self, request_id: int) -> None:
        """Tell that an answer is not needed any more."""
        self.notify("$/cancelRequest", {"id": request_id})


@dataclass
class Tabwright:
    """One server with its model process, asked at every key."""

    client: CancellingClient
    name: str = "tabwright"
    accepts_first_line: bool = False
    _processes: list[psutil.Process] = field(default_factory=list)
    _pending: tuple[int, asyncio.Future[Any], Ask] | None = None
    _items: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The item shown for an ask, by the ask's identity."""
    _last: Ask | None = None
    _errands: set[asyncio.Task[Any]] = field(default_factory=set)

    def processes(self) -> list[psutil.Process]:
        """Return the server and its model process."""
        return self._processes

    async def open(self, document: Document) -> None:
        """Open a file, and tell where the cursor is, as the plugin for Neovim does."""
        self.client.open(document.uri, document.language, document.before + document.after)
        place = {"textDocument": {"uri": document.uri}, "position": document.position}
        self.client.notify("tabwright/didMoveCursor", place)

    def key(self, document: Document, ask: Ask) -> None:
        """Cancel what is under way, send the change and ask."""
        self._drop_pending()
        position = _position_before(document, ask.inserted)
        self.client.insert(document.uri, document.version, position, ask.inserted)
        if ask.was_accepted and self._last is not None:
            self._run_item_command(self._items.get(id(self._last), {}))
        self._last = ask
        request_id, answer = self.client.begin(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": document.uri},
                "position": document.position,
                "context": {"triggerKind": AUTOMATIC},
            },
        )
        self._pending = (request_id, answer, ask)
        answer.add_done_callback(lambda done: self._take(done, ask))

    async def close(self, document: Document) -> None:
        """Cancel what is under way and close the file."""
        self._drop_pending()
        self.client.close(document.uri)
        if self._errands:
            await asyncio.wait(self._errands)
        self._items.clear()

    async def prefilled_tokens(self) -> int | None:
        """Return the server's own count, None while it has none."""
        status = await self.client.command("tabwright.showStatus")
        count = status["statistics"].get("prefilledTokens")
        return count if isinstance(count, int) else None

    async def load(self, folder: Path) -> None:
        """Wait until the model answers.

        Raises:
            click.ClickException: it does not.
        """
        uri = (folder / "warm_up.py").as_uri()
        document = Document(uri, "python", _WARM_UP, "\n")
        await self.open(document)
        deadline = time.monotonic() + _LOADING_SECONDS
        while True:
            self.client.status_changed.clear()
            items = await self.client.inline_completion(uri, document.position)
            answer = await self.client.command("tabwright.explain")
            if items or answer["reason"] != "model_loading":
                break
            if time.monotonic() > deadline:
                raise click.ClickException(f"Tabwright gives no suggestion: {answer['message']}")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.client.status_changed.wait(), _ASK_AGAIN_SECONDS)
        self.client.close(uri)
        server = psutil.Process(self.client.process.pid)
        # The workspaces are read first: what that costs is another benchmark's question.
        for _ in range(int(_LOADING_SECONDS / _ASK_AGAIN_SECONDS)):
            if not any("worker" in " ".join(each.cmdline()) for each in server.children()):
                break
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        await asyncio.sleep(_LEARNING_SECONDS)
        self._processes = [server, *server.children(recursive=True)]

    def _drop_pending(self) -> None:
        if self._pending is None:
            return
        request_id, answer, ask = self._pending
        self._pending = None
        if not answer.done():
            ask.cancelled = True
            self.client.cancel(request_id)

    def _take(self, done: asyncio.Future[Any], ask: Ask) -> None:
        # A cancelled request is answered too, with an error or with nothing.
        if done.cancelled() or done.exception() is not None or ask.cancelled:
            return
        answer = done.result()
        items = answer["items"] if isinstance(answer, dict) else answer or []
        ask.answer(items[0]["insertText"] if items else "")
        if ask.is_over:
            return
        if items:
            self._items[id(ask)] = items[0]
            self.client.notify("textDocument/didShowCompletion", {"item": items[0]})
        self._begin_errand(self._note_tokens(ask))

    async def _note_tokens(self, ask: Ask) -> None:
        """Ask how much was read; the answer is on the screen already, and no key waits for it."""
        answer = await self.client.command("tabwright.explain")
        if not ask.is_over:
            ask.add_tokens(answer.get("evaluatedTokens", 0))

    def _run_item_command(self, item: Mapping[str, Any]) -> None:
        command = item.get("command")
        if command:
            params = {"command": command["command"], "arguments": command.get("arguments", [])}
            self._begin_errand(self.client.request("workspace/executeCommand", params))

    def _begin_errand(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._end_errand)

    def _end_errand(self, task: asyncio.Task[Any]) -> None:
        self._errands.discard(task)
        if not task.cancelled():
            task.exception()  # a server that is gone is reported by the next request


def _position_before(document: Document, inserted: str) -> dict[str, int]:
    """Return where an insertion that was made began."""
    before = document.before[: len(document.before) - len(inserted)]
    line = before[before.rfind("\n") + 1 :]
    return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}


@contextlib.asynccontextmanager
async def running_tabwright(
    folders: Sequence[Path], settings: Mapping[str, Any]
) -> AsyncIterator[Tabwright]:
    """Start the server for some folders and load its model; at the end nothing of it is left."""
    process = await asyncio.create_subprocess_exec(
        *python_module_command("tabwright"),
        "serve",
        "--stdio",
        cwd=folders[0],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    client = CancellingClient(process)
    client.start_reading()
    try:
        await client.initialize(folders[0], settings)
        added = [{"uri": folder.as_uri(), "name": folder.name} for folder in folders[1:]]
        client.notify(
            "workspace/didChangeWorkspaceFolders", {"event": {"added": added, "removed": []}}
        )
        contestant = Tabwright(client)
        await contestant.load(folders[0])
        yield contestant
    except ServerEnded as error:
        raise click.ClickException(
            "The server ended by itself. Start `tabwright serve` by hand to see why."
        ) from error
    finally:
        await client.stop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
