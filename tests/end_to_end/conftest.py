"""A real server over stdio, started as an editor starts it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types

from end_to_end.editor import PATIENCE_SECONDS, RecordingClient, modern_capabilities
from end_to_end.fetching import NotHere
from end_to_end.neovims import NEOVIMS, Neovim

Start = Callable[..., Awaitable[RecordingClient]]


@pytest.fixture
def neovim(request: pytest.FixtureRequest) -> Neovim:
    """The Neovim that the test asks for by name, or the installed one."""
    try:
        return NEOVIMS[getattr(request, "param", "installed")]()
    except NotHere as missing:
        pytest.skip(str(missing))


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a server as an editor does; every one is ended after the test."""
    clients: list[RecordingClient] = []

    async def start_server(
        settings: Mapping[str, Any] | None = None,
        *,
        capabilities: types.ClientCapabilities | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> RecordingClient:
        client = RecordingClient(settings or {})
        clients.append(client)
        await client.start_io(
            sys.executable,
            "-P" if sys.version_info >= (3, 11) else "-s",
            "-m",
            "tabwright",
            "serve",
            "--log-level",
            "info",
            "--log-file",
            str(tmp_path / "server.log"),
            env={
                **os.environ,
                "TABWRIGHT_INDEX_DIR": str(tmp_path / "index"),
                **(environment or {}),
            },
        )
        root = folder or tmp_path
        await asyncio.wait_for(
            client.initialize_session(
                types.InitializeParams(
                    capabilities=capabilities or modern_capabilities(),
                    root_uri=root.as_uri(),
                    workspace_folders=[types.WorkspaceFolder(root.as_uri(), root.name)],
                    initialization_options=settings or {},
                )
            ),
            PATIENCE_SECONDS,
        )
        return client

    yield start_server
    for client in clients:
        await _end(client)


async def _end(client: RecordingClient) -> None:
    try:
        await asyncio.wait_for(client.shutdown_async(None), 10)
        client.exit(None)
    except (asyncio.TimeoutError, RuntimeError, BrokenPipeError):
        pass  # the test has ended the server itself
    await asyncio.wait_for(client.stop(), 30)
