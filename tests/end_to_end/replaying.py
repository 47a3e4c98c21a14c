"""The editor's side of a recorded conversation, said again to a real server."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from end_to_end.editor import PATIENCE_SECONDS, until

_SETTINGS = "workspace/configuration"
_UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@dataclass(frozen=True)
class Asked:
    """One request of the editor, and what came back."""

    method: str
    params: Any
    before: str
    """The document up to the position that is asked about; empty where there is none."""
    answers: Sequence[Mapping[str, Any]]
    """The whole responses: exactly one, if all is well."""
    recorded: Any
    """The result that was recorded, None where it was none or an error."""

    @property
    def result(self) -> Any:
        return self.answers[0].get("result")


class Replay:
    """Sends what the editor sent, in its order, and waits where the editor had its answer."""

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self.encoding = "utf-16"
        self._entries = entries
        self._documents: dict[str, str] = {}
        self._asked: dict[Any, tuple[str, Any, str]] = {}
        self._answers: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
        self._about_settings = {
            entry["message"]["id"]
            for entry in entries
            if entry["from"] == "server" and entry["message"].get("method") == _SETTINGS
        }
        self._answers_to_give = _answers_of_the_editor(entries)
        self._settings_given = 0
        self._settings_to_give = 0
        self._is_ready = False

    async def run(self, command: Sequence[str], environment: Mapping[str, str]) -> list[Asked]:
        """Hold the conversation and return every request with its answer."""
        pipe = asyncio.subprocess.PIPE
        server = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env=dict(environment)
        )
        assert server.stdin is not None
        assert server.stdout is not None
        listening = asyncio.create_task(self._listen(server.stdout, server.stdin))
        try:
            for entry in self._entries:
                if entry["from"] == "editor":
                    await self._say(entry["message"], server.stdin)
                elif "method" not in entry["message"]:
                    await self._has_answer(entry["message"]["id"])
            for request in self._asked:
                await self._has_answer(request)
        finally:
            server.stdin.close()
            await asyncio.wait_for(server.wait(), PATIENCE_SECONDS)
            await listening
        recorded = {
            entry["message"]["id"]: entry["message"].get("result")
            for entry in self._entries
            if entry["from"] == "server" and "method" not in entry["message"]
        }
        return [
            Asked(*asked, self._answers[key], recorded.get(key))
            for key, asked in self._asked.items()
        ]

    async def _has_answer(self, request: Any) -> None:
        await until(lambda: bool(self._answers[request]))

    async def _say(self, message: Mapping[str, Any], stream: asyncio.StreamWriter) -> None:
        method, params = message.get("method"), message.get("params") or {}
        if method is None:  # an answer; it is given when this server asks
            if message["id"] in self._about_settings:  # what follows was said with them in force
                self._settings_to_give += 1
                await until(lambda: self._settings_given >= self._settings_to_give)
            return
        if method == "exit":  # sent when all was answered, though Helix lets no one write that down
            for request in self._asked:
                await self._has_answer(request)
        if "id" in message:
            self._asked[message["id"]] = (method, params, self._text_before(params))
        self._follow(method, params)
        _send(stream, _declaring_status(message) if method == "initialize" else message)
        if method == "initialize":
            await self._has_answer(message["id"])
            result = self._answers[message["id"]][0]["result"]
            self.encoding = result["capabilities"]["positionEncoding"]
        elif method == "textDocument/didOpen":
            await until(lambda: self._is_ready)

    async def _listen(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while (message := await _next(source)) is not None:
            method = message.get("method")
            if method is None:
                self._answers[message["id"]].append(message)
            elif "id" in message:
                # A busy machine shows progress where the recorded one had no need to.
                known = self._answers_to_give[method] or [{"result": None}]
                answer = known.pop(0) if len(known) > 1 else known[0]
                _send(target, {"jsonrpc": "2.0", "id": message["id"], **answer})
                self._settings_given += method == _SETTINGS
            elif method == "didChangeStatus":
                self._is_ready |= "ready" in message["params"]["message"]

    # -- the documents, by the protocol's rules and nothing of the server's --

    def _follow(self, method: str, params: Any) -> None:
        if method == "textDocument/didOpen":
            item = params["textDocument"]
            self._documents[item["uri"]] = item["text"]
        elif method == "textDocument/didClose":
            del self._documents[params["textDocument"]["uri"]]
        elif method == "textDocument/didChange":
            uri = params["textDocument"]["uri"]
            for change in params["contentChanges"]:
                self._documents[uri] = self._changed(self._documents[uri], change)

    def _changed(self, text: str, change: Mapping[str, Any]) -> str:
        where = change.get("range")
        if where is None:
            return str(change["text"])
        start, end = (self._offset(text, where[each]) for each in ("start", "end"))
        return text[:start] + change["text"] + text[end:]

    def _offset(self, text: str, position: Mapping[str, int]) -> int:
        start = 0
        for _ in range(position["line"]):
            start = text.index("\n", start) + 1
        end = text.find("\n", start)
        line = (text[start:] if end < 0 else text[start:end]).removesuffix("\r")
        codec, width = _UNITS[self.encoding]
        units = line.encode(codec)
        assert position["character"] * width <= len(units), "a position beyond its line"
        return start + len(units[: position["character"] * width].decode(codec))

    def _text_before(self, params: Any) -> str:
        if not isinstance(params, Mapping) or "position" not in params:
            return ""
        text = self._documents[params["textDocument"]["uri"]]
        return text[: self._offset(text, params["position"])]


def _answers_of_the_editor(
    entries: Sequence[Mapping[str, Any]],
) -> dict[str, list[dict[str, Any]]]:
    """What the editor answered to each method of the server's, in order."""
    methods: dict[Any, str] = {}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        message = entry["message"]
        if entry["from"] == "server" and "method" in message and "id" in message:
            methods[message["id"]] = message["method"]
        elif entry["from"] == "editor" and "method" not in message:
            kept = {key: message[key] for key in ("result", "error") if key in message}
            found[methods[message["id"]]].append(kept)
    return found


def _declaring_status(message: Mapping[str, Any]) -> dict[str, Any]:
    """Add to `initialize` that this client is told of the status: it waits for the model."""
    params = message["params"]
    wishes = {**params["capabilities"].get("experimental", {}), "didChangeStatus": True}
    capabilities = {**params["capabilities"], "experimental": wishes}
    return {**message, "params": {**params, "capabilities": capabilities}}


def _send(stream: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    body = json.dumps(message).encode()
    stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


async def _next(stream: asyncio.StreamReader) -> dict[str, Any] | None:
    length = 0
    while (line := await stream.readline()) not in (b"", b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not length:
        return None
    message: dict[str, Any] = json.loads(await stream.readexactly(length))
    return message
