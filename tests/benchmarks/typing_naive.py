"""A naive tool in the typing benchmark: the last 2,000 characters, greedy to the newline."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psutil
from llama_server_peer import LlamaServer
from typing_editor import Ask, Document

_CHARACTERS = 2000
_MOST_TOKENS = 128


@dataclass
class Naive:
    """One request for each key; the next key closes its connection."""

    server: LlamaServer
    name: str = "naive"
    accepts_first_line: bool = False
    _task: asyncio.Task[None] | None = None
    _ask: Ask | None = None

    def processes(self) -> list[psutil.Process]:
        """Return llama-server."""
        return [self.server.process]

    async def open(self, document: Document) -> None:
        """Nothing is done about an opened file."""

    def key(self, document: Document, ask: Ask) -> None:
        """Ask anew."""
        self._cancel()
        self._ask = ask
        self._task = asyncio.create_task(self._complete(document.before[-_CHARACTERS:], ask))

    async def close(self, document: Document) -> None:
        """Close the last connection."""
        self._cancel()

    async def prefilled_tokens(self) -> int | None:
        """Return llama-server's count."""
        return await self.server.prefilled_tokens()

    def _cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            assert self._ask is not None, "a task is made for an ask"
            self._ask.cancelled = True

    async def _complete(self, prompt: str, ask: Ask) -> None:
        body = {
            "prompt": prompt,
            "n_predict": _MOST_TOKENS,
            "temperature": 0.0,
            "stop": ["\n"],
            "response_fields": ["content", "timings/prompt_n"],
        }
        answer = await self.server.complete("/completion", body)
        if answer is not None:
            ask.add_tokens(answer.prefilled_tokens)
            ask.answer(answer.content)
