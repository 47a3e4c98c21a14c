"""The real server with the real default weights, in a workspace that it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from end_to_end.conftest import Start
from end_to_end.editor import RecordingClient, until

pytestmark = [pytest.mark.real_model, pytest.mark.usefixtures("default_weights")]

SHELF = """\
class Shelf{number}:
    def weigh_everything(self, in_kilograms):
        return self.scale.weigh_everything(in_kilograms, precision={precision})
"""
REST = "scale.weigh_everything(in_kilograms, precision={precision})"
USE = """\
class Other:
    def weigh_everything(self, in_kilograms):
        return self."""
LINE, CHARACTER = 2, 20


def write_shelves(folder: Path, precision: int) -> list[Path]:
    """Write the same line into many files."""
    paths = [folder / f"shelf_{number}.py" for number in range(8)]
    for number, path in enumerate(paths):
        path.write_text(SHELF.format(number=number, precision=precision))
    return paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write_shelves(folder, 3)
    return folder


def suggests(client: RecordingClient, uri: str, wanted: str) -> Callable[[], Any]:
    async def ask() -> bool:
        items = await client.suggest(uri, LINE, CHARACTER)
        return wanted in [str(item.insert_text) for item in items]

    return ask


async def test_a_line_of_another_file_is_suggested_at_a_like_place_and_followed(
    start: Start, folder: Path
) -> None:
    client = await start(folder=folder)
    uri = (folder / "use.py").as_uri()
    await client.open(uri, USE)
    await until(suggests(client, uri, REST.format(precision=3)))
    write_shelves(folder, 7)
    await until(suggests(client, uri, REST.format(precision=7)))
    assert client.pop_ups == []


async def test_what_is_saved_is_known_without_any_event_of_the_system(
    start: Start, folder: Path
) -> None:
    client = await start({"watch": "polling"}, folder=folder)
    uri = (folder / "use.py").as_uri()
    await client.open(uri, USE)
    await until(suggests(client, uri, REST.format(precision=3)))
    for shelf in write_shelves(folder, 7):
        await client.open(shelf.as_uri(), shelf.read_text())
        client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(shelf.as_uri()))
        )
    await until(suggests(client, uri, REST.format(precision=7)))


async def test_where_a_setting_says_so_nothing_is_read(start: Start, folder: Path) -> None:
    client = await start({"indexWorkspace": False}, folder=folder)
    uri = (folder / "use.py").as_uri()
    await client.open(uri, USE)
    items = await client.suggest(uri, LINE, CHARACTER)
    assert REST.format(precision=3) not in [str(item.insert_text) for item in items]
