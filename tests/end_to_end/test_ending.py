"""How a real server ends: at once, with the right status, and without a word."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from end_to_end.editor import PATIENCE_SECONDS
from end_to_end.scripted_server import scripted_command, scripted_environment

SHUTDOWN = {"id": 2, "method": "shutdown"}
SHUTDOWN_AS_KATE_SAYS_IT = {"method": "shutdown", "params": {}}
SPECIALIZE = {
    "id": 3,
    "method": "workspace/executeCommand",
    "params": {"command": "tabwright.specializeWorkspace", "arguments": []},
}
EXIT = {"method": "exit"}


@pytest.mark.parametrize("stays_open", [True, False])
@pytest.mark.parametrize(
    ("last_words", "status"),
    [
        pytest.param([SHUTDOWN, EXIT], 0, id="nobody waits for the answer to shutdown"),
        pytest.param([SHUTDOWN_AS_KATE_SAYS_IT, EXIT], 0, id="shutdown is a notification"),
        pytest.param([SHUTDOWN, SHUTDOWN, EXIT], 0, id="shutdown is said twice"),
        pytest.param([EXIT], 1, id="exit without shutdown"),
        pytest.param([SPECIALIZE, EXIT], 1, id="exit while a command runs"),
    ],
)
async def test_the_end_is_quiet(
    last_words: list[dict[str, Any]], status: int, stays_open: bool, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    server = await asyncio.create_subprocess_exec(
        *scripted_command(),
        "serve",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=scripted_environment(tmp_path, " * height"),
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    document = {"uri": (project / "a.py").as_uri(), "languageId": "python", "version": 1}
    beginning: list[dict[str, Any]] = [
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "processId": None,
                "rootUri": project.as_uri(),
                "capabilities": {"experimental": {"didChangeStatus": True}},
            },
        },
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": {**document, "text": "x"}}},
    ]
    for message in beginning:
        server.stdin.write(framed(message))
    said = b""
    while b"is ready" not in said:  # the model runs, and is to be ended too
        said += await asyncio.wait_for(server.stdout.read(1000), PATIENCE_SECONDS)
    for message in last_words:
        server.stdin.write(framed(message))
    if not stays_open:  # many leave their end of the pipe open
        server.stdin.close()
    rest, complaints = await asyncio.wait_for(
        asyncio.gather(server.stdout.read(), server.stderr.read()), PATIENCE_SECONDS
    )
    assert complaints.decode() == ""
    assert await server.wait() == status
    if SHUTDOWN in last_words:
        assert b'"id": 2' in rest


def framed(message: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
