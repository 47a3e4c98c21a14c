"""An editor without a screen: a client that remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest_lsp
from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp.client import register_lsp_features

PATIENCE_SECONDS = 60.0
"""Importing lsprotocol alone takes seconds on a loaded machine."""


class RecordingClient(pytest_lsp.LanguageClient):
    """An editor without a screen.

    pytest-lsp's client keeps log messages, pop-ups and progress, and checks what the server sends
    against the capabilities that this client has declared.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(converter_factory=default_converter)
        register_lsp_features(self)
        self.take_settings(settings)
        self.statuses: list[Any] = []

        def note_status(params: Any) -> None:  # `object` would be taken for the server
            self.statuses.append(params)

        self.feature("didChangeStatus")(note_status)
        self.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda _params: None)
        self._versions: dict[str, int] = {}

    def take_settings(self, settings: Mapping[str, Any]) -> None:
        """Answer the server's next question for settings with these."""
        self.set_configuration(dict(settings), section="tabwright")

    @property
    def log(self) -> list[str]:
        return [each.message for each in self.log_messages]

    @property
    def pop_ups(self) -> list[str]:
        return [each.message for each in self.messages]

    def send_raw(self, method: str, params: object) -> None:
        """Send a notification as it is, also one that no typed client could."""
        self.protocol._send_data({"jsonrpc": "2.0", "method": method, "params": params})

    async def open(self, uri: str, text: str, language: str = "python") -> None:
        self._versions[uri] = 1
        self.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
        )

    def type(self, uri: str, line: int, character: int, text: str) -> None:
        self._versions[uri] += 1
        place = types.Position(line, character)
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self._versions[uri], uri),
                [types.TextDocumentContentChangePartial(types.Range(place, place), text)],
            )
        )

    async def suggest(
        self, uri: str, line: int, character: int, *, by_hand: bool = True
    ) -> list[types.InlineCompletionItem]:
        answer = await asyncio.wait_for(
            self.text_document_inline_completion_async(
                inline_params(uri, line, character, by_hand=by_hand)
            ),
            PATIENCE_SECONDS,
        )
        assert isinstance(answer, types.InlineCompletionList)
        return list(answer.items)

    async def run(self, command: str, *arguments: Any) -> Any:
        return await asyncio.wait_for(
            self.workspace_execute_command_async(
                types.ExecuteCommandParams(command, list(arguments))
            ),
            PATIENCE_SECONDS,
        )

    async def why(self) -> str:
        return str((await self.run("tabwright.explain"))["reason"])

    async def process_id_of_model(self) -> int | None:
        found = (await self.run("tabwright.showStatus"))["modelProcess"]["pid"]
        return None if found is None else int(found)


def inline_params(
    uri: str, line: int, character: int, *, by_hand: bool = True
) -> types.InlineCompletionParams:
    kind = types.InlineCompletionTriggerKind
    return types.InlineCompletionParams(
        types.InlineCompletionContext(kind.Invoked if by_hand else kind.Automatic),
        types.TextDocumentIdentifier(uri),
        types.Position(line, character),
    )


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a condition."""

    async def poll() -> None:
        while True:
            value = condition()
            if await value if isinstance(value, Awaitable) else value:
                return
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), PATIENCE_SECONDS)


def modern_capabilities() -> types.ClientCapabilities:
    return types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities()
        ),
        window=types.WindowClientCapabilities(work_done_progress=True),
        workspace=types.WorkspaceClientCapabilities(
            configuration=True,
            did_change_configuration=types.DidChangeConfigurationClientCapabilities(
                dynamic_registration=True
            ),
            workspace_folders=True,
        ),
        experimental={"didChangeStatus": True},
    )
