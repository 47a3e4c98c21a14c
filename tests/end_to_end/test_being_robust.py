"""The real server where something is missing, wrong or switched off."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from end_to_end.conftest import Start
from end_to_end.editor import PATIENCE_SECONDS, inline_params, until


@pytest.fixture
def nothing_installed(own_directories: Path) -> Mapping[str, str]:
    """An environment in which no model is installed."""
    return {
        "TABWRIGHT_DATA_DIR": str(own_directories / "data"),
        "TABWRIGHT_CONFIG_DIR": str(own_directories / "config"),
    }


async def reason(start: Start, tmp_path: Path, name: str, language: str, text: str = "x = ") -> str:
    """Open one document in a folder of its own and ask as typing does."""
    client = await start(folder=tmp_path)
    uri = (tmp_path / name).as_uri()
    await client.open(uri, text, language)
    assert await client.suggest(uri, 0, 4, by_hand=False) == []
    assert client.pop_ups == []
    return await client.why()


async def test_without_a_model_the_answer_is_nothing_and_says_what_to_do(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    client = await start(environment=nothing_installed)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "x = ")
    for by_hand in (False, True):
        assert await client.suggest(uri, 0, 4, by_hand=by_hand) == []
    explained = await client.run("tabwright.explain")
    assert explained["reason"] == "model_missing"
    assert "tabwright models pull" in explained["message"]
    assert any(status.kind == "Warning" for status in client.statuses)
    assert client.pop_ups == []
    assert await client.process_id_of_model() is None


async def test_the_server_opens_no_network_connection_by_itself(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        proxy = f"http://127.0.0.1:{trap.getsockname()[1]}"
        proxies = {f"{name}_PROXY": proxy for name in ("HTTP", "HTTPS", "ALL")}
        client = await start(environment={**nothing_installed, **proxies, "NO_PROXY": ""})
        uri = (tmp_path / "a.py").as_uri()
        await client.open(uri, "x = ")
        await client.suggest(uri, 0, 4)
        server = client._server
        assert server is not None
        inet = psutil.Process(server.pid).net_connections("inet")
        assert inet == []
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.real_model
async def test_weights_that_appear_later_are_noticed(
    start: Start,
    tmp_path: Path,
    nothing_installed: Mapping[str, str],
    default_weights: Path,
) -> None:
    client = await start(environment=nothing_installed)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "import os\nprint(os.getc")
    assert await client.suggest(uri, 1, 14) == []
    target = Path(nothing_installed["TABWRIGHT_DATA_DIR"]) / "weights" / default_weights.parent.name
    shutil.copytree(default_weights.parent, target)

    async def has_suggestion() -> bool:
        return bool(await client.suggest(uri, 1, 14))

    await until(has_suggestion)


@pytest.mark.real_model
@pytest.mark.parametrize("damage", ["truncated", "no model at all"])
async def test_damaged_weights_are_named_and_the_server_lives(
    start: Start,
    tmp_path: Path,
    nothing_installed: Mapping[str, str],
    default_weights: Path,
    damage: str,
) -> None:
    models = Path(nothing_installed["TABWRIGHT_CONFIG_DIR"]) / "models"
    models.mkdir(parents=True)
    broken = models / "broken.gguf"
    with default_weights.open("rb") as file:
        broken.write_bytes(file.read(3_000_000) if damage == "truncated" else b"text\n" * 1000)
    (models / "broken.toml").write_text(
        """
        id = "broken"
        name = "Broken"
        family = "test"
        parameters_millions = 1
        languages = ["*"]
        context_tokens = 1024
        memory_mb = 10
        [licence]
        name = "test"
        commercial_use = "allowed"
        [weights]
        quantisation = "Q4_0"
        size_mb = 3
        [weights.source]
        kind = "file"
        path = "broken.gguf"
        """
    )
    client = await start({"model": "broken"}, environment=nothing_installed)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "x = ")
    assert await client.suggest(uri, 0, 4) == []
    explained = await client.run("tabwright.explain")
    assert explained["reason"] in {"model_failed", "model_missing"}
    assert "broken" in explained["message"]
    assert await client.suggest(uri, 0, 4) == []
    assert client.pop_ups == []


async def test_secret_ignored_and_excluded_files_are_left_alone(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("build/\n")
    assert await reason(start, tmp_path, ".env", "shellscript") == "excluded_file"
    assert await reason(start, tmp_path, "build/a.py", "python") == "ignored_file"


async def test_wrong_settings_are_named_in_the_log_and_do_no_harm(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    client = await start({"maxLines": "many", "enabled": True}, environment=nothing_installed)
    await until(lambda: any("maxLines" in line for line in client.log))
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "x = ")
    await client.suggest(uri, 0, 4)
    assert await client.why() == "model_missing"
    assert client.pop_ups == []


async def test_settings_change_live(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    client = await start(environment=nothing_installed)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "x = ")
    for values, expected in (
        ({"languages": {"python": {"enabled": False}}}, "disabled"),
        ({"trigger": "manual"}, "manual_only"),
        ({"exclude": ["*.py"]}, "excluded_file"),
        ({}, "model_missing"),
    ):
        client.take_settings(values)
        client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))

        async def is_in_force(wanted: str = expected) -> bool:
            await client.suggest(uri, 0, 4, by_hand=False)
            return await client.why() == wanted

        await until(is_in_force)


async def test_settings_pushed_by_a_client_that_cannot_be_asked(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    client = await start(capabilities=types.ClientCapabilities(), environment=nothing_installed)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "x = ")
    client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"tabwright": {"enabled": False}})
    )
    await client.suggest(uri, 0, 4)
    assert await client.why() == "disabled"


async def test_a_client_that_does_not_show_the_status_is_not_told_of_it(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    client = await start(capabilities=types.ClientCapabilities(), environment=nothing_installed)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "x = ")
    await client.suggest(uri, 0, 4)
    assert await client.why() == "model_missing"  # of which others are told
    assert client.statuses == []


async def test_a_document_that_is_not_open_is_answered(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    client = await start(environment=nothing_installed)
    assert await client.suggest((tmp_path / "never.py").as_uri(), 3, 4) == []
    assert await client.why() == "document_not_open"


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("a\0b", (0, 1), "binary_file"),
        ("x" * 5_000_001, (0, 5), "file_too_large"),
        ("x = \ny", (99, 99), "model_missing"),
        ("", (0, 0), "nothing_to_go_on"),
    ],
    ids=["binary", "too large", "beyond the end", "empty"],
)
async def test_unusual_documents_get_a_reason(
    start: Start,
    tmp_path: Path,
    nothing_installed: Mapping[str, str],
    text: str,
    position: tuple[int, int],
    expected: str,
) -> None:
    client = await start(environment=nothing_installed)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, text)
    assert await client.suggest(uri, *position, by_hand=False) == []
    assert await client.why() == expected


async def test_folders_come_and_go_and_may_be_deleted_while_open(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    client = await start(folder=project, environment=nothing_installed)
    uri = (project / "a.py").as_uri()
    await client.open(uri, "x = ")
    other = types.WorkspaceFolder((tmp_path / "other").as_uri(), "other")
    first = types.WorkspaceFolder(project.as_uri(), "project")
    client.workspace_did_change_workspace_folders(
        types.DidChangeWorkspaceFoldersParams(
            types.WorkspaceFoldersChangeEvent(added=[other], removed=[first])
        )
    )
    shutil.rmtree(project)
    assert await client.suggest(uri, 0, 4) == []
    assert await client.why() == "model_missing"


async def test_a_message_that_makes_no_sense_pops_nothing_up(
    start: Start, tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    client = await start(environment=nothing_installed)
    client.send_raw("no/such/notification", {"x": 1})
    client.send_raw(types.TEXT_DOCUMENT_DID_OPEN, {"textDocument": 7})
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "x = ")
    await client.suggest(uri, 0, 4)
    assert await client.why() == "model_missing"
    assert client.pop_ups == []


@pytest.mark.real_model
async def test_the_server_ends_with_its_client(
    start: Start, tmp_path: Path, default_weights: Path
) -> None:
    del default_weights
    client = await start()
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, "import os\n")
    await client.suggest(uri, 1, 0)
    server = client._server
    assert server is not None
    assert server.stdin is not None
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    assert len(family) == 2
    server.stdin.close()  # the editor is gone without a word
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=PATIENCE_SECONDS)
    assert alive == []


@pytest.mark.real_model
@pytest.mark.parametrize("milliseconds", [0, 5, 10, 15])
async def test_the_server_ends_also_while_the_model_process_is_being_started(
    start: Start, tmp_path: Path, default_weights: Path, milliseconds: int
) -> None:
    del default_weights
    client = await start()
    server = client._server
    assert server is not None
    assert server.stdin is not None
    await client.open((tmp_path / "a.py").as_uri(), "import os\n")
    await asyncio.sleep(milliseconds / 1000)
    server.stdin.close()
    await asyncio.wait_for(server.wait(), PATIENCE_SECONDS)


async def test_the_server_can_be_reached_over_tcp_on_loopback(
    tmp_path: Path, nothing_installed: Mapping[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tabwright",
        "serve",
        "--tcp",
        f"127.0.0.1:{port}",
        env={**os.environ, **nothing_installed},
    )
    client = LanguageClient("tests", "0")

    async def is_connected() -> bool:
        try:
            await client.start_tcp("127.0.0.1", port)
        except OSError:
            return False
        return True

    try:
        await until(is_connected)
        answer = await asyncio.wait_for(
            client.initialize_async(
                types.InitializeParams(types.ClientCapabilities(), root_uri=tmp_path.as_uri())
            ),
            PATIENCE_SECONDS,
        )
        assert answer.capabilities.inline_completion_provider
        result = await client.text_document_inline_completion_async(
            inline_params("file:///none.py", 0, 0)
        )
        assert isinstance(result, types.InlineCompletionList)
        await client.shutdown_async(None)
        client.exit(None)
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await client.stop()


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("0.0.0.0:7000", "not a loopback address"),
        ("127.0.0.1", "no HOST:PORT"),
        ("127.0.0.1:99999", "no port"),
    ],
)
async def test_an_address_that_others_could_reach_is_refused(address: str, complaint: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tabwright",
        "serve",
        "--tcp",
        address,
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 1
    assert complaint in error.decode()
    assert "Traceback" not in error.decode()
