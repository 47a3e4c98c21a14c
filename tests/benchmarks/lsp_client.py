"""A small editor for measurements: the language server over stdio, nothing shown.

Unlike a test client it checks nothing and adds nothing to the time of an answer but one JSON
decoding. It counts positions in UTF-16, as every server must understand.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tabwright.model.safe_python import python_module_command

AUTOMATIC = 2
"""`InlineCompletionTriggerKind.Automatic` of LSP 3.18."""
_CAPABILITIES: dict[str, Any] = {
    "textDocument": {"inlineCompletion": {}},
    "workspace": {"workspaceFolders": True},
    "experimental": {"didChangeStatus": True},
}
_END_SECONDS = 10.0
NOT_ASKED = frozenset(
    {"in_comment", "in_string", "text_after_cursor", "excluded_file", "nothing_to_go_on"}
)
"""Reasons for which the model is not asked; such answers say nothing about it."""


class ServerEnded(Exception):
    """The server closed its output while an answer was awaited."""


@dataclass(frozen=True)
class Answer:
    """What came of one request."""

    text: str
    """The suggestion; empty for none."""
    reason: str
    """`shown`, or why there is none."""
    seconds: float
    prompt_tokens: int
    reused_tokens: int

    @property
    def was_asked(self) -> bool:
        """Whether it says anything about the model."""
        return self.reason not in NOT_ASKED


@dataclass
class LspClient:
    """One running server and the requests it has not answered yet."""

    process: asyncio.subprocess.Process
    statuses: list[str] = field(default_factory=list)
    """The message of every `didChangeStatus`, in order."""
    status_changed: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _waiting: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _reader: asyncio.Task[None] | None = None

    async def request(self, method: str, params: object) -> Any:
        """Send a request and return its result.

        Raises:
            ServerEnded: the server is gone.
            RuntimeError: it answered with an error.
        """
        request_id = next(self._ids)
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        self._send({"id": request_id, "method": method, "params": params})
        return await answer

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    async def initialize(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Shake hands."""
        await self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
                "capabilities": _CAPABILITIES,
                "initializationOptions": dict(settings),
            },
        )
        self.notify("initialized", {})

    def open(self, uri: str, language: str, text: str) -> None:
        """Open a document."""
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def close(self, uri: str) -> None:
        """Close a document."""
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def insert(self, uri: str, version: int, position: dict[str, int], text: str) -> None:
        """Type something."""
        self.replace(uri, version, position, position, text)

    def replace(
        self,
        uri: str,
        version: int,
        start: dict[str, int],
        end: dict[str, int],
        text: str,
    ) -> None:
        """Put a text in the place of a range."""
        change = {"range": {"start": start, "end": end}, "text": text}
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]},
        )

    async def inline_completion(self, uri: str, position: dict[str, int]) -> list[dict[str, Any]]:
        """Ask as typing does; return the items."""
        answer = await self.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": uri},
                "position": position,
                "context": {"triggerKind": AUTOMATIC},
            },
        )
        items = answer["items"] if isinstance(answer, dict) else answer
        return list(items or [])

    async def explained_completion(self, uri: str, position: dict[str, int]) -> Answer:
        """Ask as typing does, and then what came of it, which is not counted as waiting."""
        started = time.monotonic()
        items = await self.inline_completion(uri, position)
        seconds = time.monotonic() - started
        explained = await self.command("tabwright.explain")
        return Answer(
            text=items[0]["insertText"] if items else "",
            reason=explained["reason"],
            seconds=seconds,
            prompt_tokens=explained.get("promptTokens", 0),
            reused_tokens=explained.get("reusedTokens", 0),
        )

    async def command(self, name: str) -> Any:
        """Run a command without arguments."""
        return await self.request("workspace/executeCommand", {"command": name, "arguments": []})

    async def stop(self) -> None:
        """Shut the server down as the protocol wants it, and wait for its end."""
        with contextlib.suppress(ServerEnded, asyncio.TimeoutError):
            await asyncio.wait_for(self.request("shutdown", None), _END_SECONDS)
        self.notify("exit", None)
        try:
            await asyncio.wait_for(self.process.wait(), _END_SECONDS)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()
        if self._reader is not None:
            await asyncio.wait([self._reader])

    def start_reading(self) -> None:
        """Begin to take what the server sends."""
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None, "stdout was asked for as a pipe"
        try:
            while True:
                header = (await stdout.readuntil(b"\r\n\r\n")).decode("ascii")
                lengths = [
                    int(line.partition(":")[2])
                    for line in header.split("\r\n")
                    if line.lower().startswith("content-length")
                ]
                self._take(json.loads(await stdout.readexactly(lengths[0])))
        except asyncio.IncompleteReadError:
            pass
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ServerEnded("The server ended."))

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            waiting = self._waiting.pop(message["id"], None)
            if waiting is None or waiting.done():
                return
            if "error" in message:
                waiting.set_exception(RuntimeError(str(message["error"].get("message"))))
            else:
                waiting.set_result(message.get("result"))
        elif "id" in message:  # the server asks for progress bars and registrations
            self._send({"id": message["id"], "result": None})
        elif method == "didChangeStatus":
            self.statuses.append(str(message["params"].get("message", "")))
            self.status_changed.set()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode("utf-8")
        stdin = self.process.stdin
        assert stdin is not None, "stdin was asked for as a pipe"
        if not stdin.is_closing():
            stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


@contextlib.asynccontextmanager
async def running_server(folder: Path) -> AsyncIterator[LspClient]:
    """Start `tabwright serve` in a folder, and end it at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *python_module_command("tabwright"),
        "serve",
        "--stdio",
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    client = LspClient(process)
    client.start_reading()
    try:
        yield client
    finally:
        await client.stop()
