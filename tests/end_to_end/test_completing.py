"""The real server with the real default weights, as an editor meets it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from lsprotocol import types

from end_to_end.conftest import Start
from end_to_end.editor import RecordingClient, inline_params, until

pytestmark = [pytest.mark.real_model, pytest.mark.usefixtures("default_weights")]

PYTHON = '''\
import json


def read_settings(path):
    """Read the settings from a JSON file."""
    with open(path) as file:
        '''
LINE, CHARACTER = 6, 8


def document_uri(tmp_path: Path, name: str = "settings.py") -> str:
    return (tmp_path / name).as_uri()


async def test_a_suggestion_by_hand_is_a_pure_insertion_at_the_cursor(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    (item, *_) = await client.suggest(uri, LINE, CHARACTER)
    assert isinstance(item.insert_text, str)
    assert "json." in item.insert_text
    cursor = types.Position(LINE, CHARACTER)
    assert item.range == types.Range(cursor, cursor)
    assert item.command is not None
    assert item.command.command == "tabwright.accepted"
    assert client.pop_ups == []


async def test_typing_gets_suggestions_once_the_model_is_loaded(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    client.type(uri, LINE, CHARACTER, "return js")

    async def has_suggestion() -> bool:
        return bool(await client.suggest(uri, LINE, CHARACTER + 9, by_hand=False))

    await until(has_suggestion)
    (item,) = await client.suggest(uri, LINE, CHARACTER + 9, by_hand=False)
    assert str(item.insert_text).startswith("on")
    client.type(uri, LINE, CHARACTER + 9, "on")
    (rest,) = await client.suggest(uri, LINE, CHARACTER + 11, by_hand=False)
    assert str(rest.insert_text) == str(item.insert_text)[2:]


async def test_asked_by_hand_there_are_alternatives_to_go_through(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    items = await client.suggest(uri, LINE, CHARACTER)
    texts = [str(item.insert_text) for item in items]
    assert len(texts) > 1
    assert len(set(texts)) == len(texts)
    assert all(item.range == items[0].range for item in items)


async def test_every_request_is_answered_and_the_newest_wins(start: Start, tmp_path: Path) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    await client.suggest(uri, LINE, CHARACTER)
    requests = [
        asyncio.ensure_future(
            client.text_document_inline_completion_async(inline_params(uri, line, 0))
        )
        for line in (0, 1, 2, 3)
    ]
    last = asyncio.ensure_future(client.suggest(uri, LINE, CHARACTER))
    answers = await asyncio.wait_for(asyncio.gather(*requests), 60)
    assert all(isinstance(answer, types.InlineCompletionList) for answer in answers)
    assert all(not answer.items for answer in answers)
    assert await last
    counts = (await client.run("tabwright.showStatus"))["statistics"]["outcomes"]
    assert counts["superseded"] == 4


async def test_a_cancelled_request_is_answered_as_cancelled(start: Start, tmp_path: Path) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON * 40)
    future = client.protocol.send_request(
        types.TEXT_DOCUMENT_INLINE_COMPLETION, inline_params(uri, 200, 0), msg_id="slow"
    )
    client.cancel_request(types.CancelParams(id="slow"))
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asyncio.wrap_future(future), 60)
    assert await client.suggest(uri, LINE, CHARACTER)


async def test_the_model_process_killed_while_typing_costs_one_suggestion(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    assert await client.suggest(uri, LINE, CHARACTER)
    process_id = await client.process_id_of_model()
    assert process_id is not None
    os.kill(process_id, signal.SIGKILL)
    client.type(uri, LINE, CHARACTER, "return js")
    answers = [await client.suggest(uri, LINE, CHARACTER + 9, by_hand=False)]
    assert await client.why() in {"model_restarting", "model_loading", "shown"}

    async def has_suggestion() -> bool:
        return bool(await client.suggest(uri, LINE, CHARACTER + 9, by_hand=False))

    await until(has_suggestion)
    assert len(answers) == 1
    assert await client.process_id_of_model() != process_id
    assert client.pop_ups == []


async def test_the_model_process_killed_between_two_keys_costs_nothing(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    assert await client.suggest(uri, LINE, CHARACTER)
    process_id = await client.process_id_of_model()
    assert process_id is not None
    os.kill(process_id, signal.SIGKILL)
    client.type(uri, LINE, CHARACTER, "return js")  # reading ahead finds it gone

    async def is_ready_again() -> bool:
        status = await client.run("tabwright.showStatus")
        return "ready" in status["message"] and status["modelProcess"]["pid"] != process_id

    await until(is_ready_again)
    assert await client.suggest(uri, LINE, CHARACTER + 9, by_hand=False)
    assert (
        "model_restarting"
        not in (await client.run("tabwright.showStatus"))["statistics"]["outcomes"]
    )


async def test_the_data_directory_may_be_deleted_while_the_server_runs(
    start: Start, tmp_path: Path, own_directories: Path, default_weights: Path
) -> None:
    data = own_directories / "data"
    weights = data / "weights" / default_weights.parent.name
    shutil.copytree(default_weights.parent, weights)
    environment = {"TABWRIGHT_DATA_DIR": str(data)}
    client = await start(environment=environment)
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    assert await client.suggest(uri, LINE, CHARACTER)
    shutil.rmtree(data)
    client.type(uri, LINE, CHARACTER, "return js")

    async def is_missing() -> bool:
        await client.suggest(uri, LINE, CHARACTER + 9)
        return await client.why() == "model_missing"

    await until(is_missing)
    shutil.copytree(default_weights.parent, weights)

    async def has_suggestion() -> bool:
        return bool(await client.suggest(uri, LINE, CHARACTER + 9))

    await until(has_suggestion)
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log


async def test_astral_characters_and_crlf_count_as_the_client_counts(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    text = "names = ['🦜🦜', 'é']\r\n\r\nfor name in names:\r\n    "
    await client.open(uri, text)
    client.type(uri, 0, 14, "🦜")  # after two parrots of two UTF-16 units each
    (item, *_) = await client.suggest(uri, 3, 4)
    assert str(item.insert_text).startswith("print(")
    assert "\n" not in str(item.insert_text).replace("\r\n", "")
    client.type(uri, 3, 4, "print(name)")
    await client.suggest(uri, 0, 17)
    explained = await client.run("tabwright.explain")
    assert explained["reason"] != "internal_error"


async def test_a_notebook_s_earlier_and_last_cells_are_one_text(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    notebook = document_uri(tmp_path, "plot.ipynb")
    cells = [f"vscode-notebook-cell:/plot.ipynb#{name}" for name in ("a", "b")]
    client.notebook_document_did_open(
        types.DidOpenNotebookDocumentParams(
            types.NotebookDocument(
                notebook,
                "jupyter-notebook",
                1,
                [types.NotebookCell(types.NotebookCellKind.Code, cell) for cell in cells],
            ),
            [
                types.TextDocumentItem(
                    cells[0], "python", 1, "def peculiar_mean(xs):\n    return sum(xs) / len(xs)"
                ),
                types.TextDocumentItem(cells[1], "python", 1, "print(peculiar_"),
            ],
        )
    )
    (item, *_) = await client.suggest(cells[1], 0, 15)
    assert str(item.insert_text).startswith("mean")
    assert item.range == types.Range(types.Position(0, 15), types.Position(0, 15))


async def test_an_item_selected_in_the_completion_list_is_extended(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON + "return js")
    where = types.Range(types.Position(LINE, CHARACTER + 7), types.Position(LINE, CHARACTER + 9))
    params = inline_params(uri, LINE, CHARACTER + 9)
    params.context.selected_completion_info = types.SelectedCompletionInfo(where, "json")
    answer = await client.text_document_inline_completion_async(params)
    assert isinstance(answer, types.InlineCompletionList)
    (item, *_) = answer.items
    assert str(item.insert_text).startswith("json")
    assert len(str(item.insert_text)) > len("json")
    assert item.range == where


async def test_a_client_without_inline_completion_gets_a_completion_list(
    start: Start, tmp_path: Path
) -> None:
    client = await start(capabilities=types.ClientCapabilities())
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON + "return js")
    place = types.Position(LINE, CHARACTER + 9)

    async def items() -> list[types.CompletionItem]:
        answer = await client.text_document_completion_async(
            types.CompletionParams(types.TextDocumentIdentifier(uri), place)
        )
        assert isinstance(answer, types.CompletionList)
        return list(answer.items)

    async def has_items() -> bool:
        return bool(await items())

    await until(has_items)
    (item,) = await items()
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text.startswith("json")
    assert item.text_edit.range.end == place
    assert item.label.startswith("json")


async def test_an_accepted_suggestion_is_counted(start: Start, tmp_path: Path) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    (item, *_) = await client.suggest(uri, LINE, CHARACTER)
    client.protocol.notify("textDocument/didShowCompletion", {"item": {"insertText": "x"}})
    assert item.command is not None
    await client.run(item.command.command, *(item.command.arguments or []))
    client.protocol.notify(
        "textDocument/didPartiallyAcceptCompletion", {"item": {}, "acceptedLength": 4}
    )
    counts = (await client.run("tabwright.showStatus"))["statistics"]
    assert (counts["shown"], counts["accepted"]) == (1, 2)
    assert counts["acceptedCharacters"] == len(str(item.insert_text)) + 4


async def test_the_model_restarts_and_switches_on_command(start: Start, tmp_path: Path) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    await client.suggest(uri, LINE, CHARACTER)
    before = await client.process_id_of_model()
    assert (await client.run("tabwright.restartModel"))["ok"]
    assert await client.suggest(uri, LINE, CHARACTER)
    assert await client.process_id_of_model() != before
    refused = await client.run("tabwright.switchModel", "smollm2-135")
    assert not refused["ok"]
    assert "smollm2-135m" in refused["message"]
    missing = await client.run("tabwright.switchModel", "qwen2.5-coder-7b")
    assert missing["ok"]
    assert await client.suggest(uri, LINE, CHARACTER) == []
    assert await client.why() == "model_missing"


async def test_no_source_text_is_logged(start: Start, tmp_path: Path) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, "unmistakable_secret_name = 1\n" + PYTHON)
    await client.suggest(uri, LINE + 1, CHARACTER)
    # A malformed change of the document must not be quoted either.
    client.send_raw(types.TEXT_DOCUMENT_DID_CHANGE, {"textDocument": "unmistakable_secret_name"})
    await client.suggest(uri, LINE + 1, CHARACTER)
    client.type(uri, LINE + 1, CHARACTER, "return json.load(")
    client.send_raw(
        "tabwright/didMoveCursor",
        {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 0}},
    )
    for nonsense in ({}, {"textDocument": {"uri": uri}, "position": {"line": "x"}}, [1], None):
        client.send_raw("tabwright/didMoveCursor", nonsense)
    await client.suggest(uri, LINE + 1, CHARACTER + 17)
    await client.shutdown_async(None)
    client.exit(None)
    log = (tmp_path / "server.log").read_text()
    assert "never retrieved" not in log
    assert "was destroyed" not in log
    assert "unmistakable_secret_name" not in log
    assert "read_settings" not in log
    assert "could not be handled" in log
    assert client.pop_ups == []


async def status_messages(client: RecordingClient) -> list[str]:
    return [str(getattr(each, "message", "")) for each in client.statuses]


async def test_the_status_tells_of_loading_and_of_the_last_answer(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    uri = document_uri(tmp_path)
    await client.open(uri, PYTHON)
    await client.suggest(uri, LINE, CHARACTER)
    await until(lambda: len(client.statuses) >= 3)
    messages = await status_messages(client)
    assert any(message.startswith("Loading smollm2-135m") for message in messages)
    assert any("smollm2-135m: " in message for message in messages)
