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
    def area(self):
        return self.width * self.{other}
"""
USE = """\
class Board:
    def area(self):
        return self.width * self."""
LINE, CHARACTER = 2, 33


def write_shelves(folder: Path, other: str) -> list[Path]:
    """Write the same line into many files."""
    paths = [folder / f"shelf_{number}.py" for number in range(8)]
    for number, path in enumerate(paths):
        path.write_text(SHELF.format(number=number, other=other))
    return paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write_shelves(folder, "depth")
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
    await until(suggests(client, uri, "depth"))
    write_shelves(folder, "length")
    await until(suggests(client, uri, "length"))
    assert client.pop_ups == []


async def test_what_is_saved_is_known_without_any_event_of_the_system(
    start: Start, folder: Path
) -> None:
    client = await start({"watch": "polling"}, folder=folder)
    uri = (folder / "use.py").as_uri()
    await client.open(uri, USE)
    await until(suggests(client, uri, "depth"))
    for shelf in write_shelves(folder, "length"):
        await client.open(shelf.as_uri(), shelf.read_text())
        client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(shelf.as_uri()))
        )
    await until(suggests(client, uri, "length"))


async def test_whoever_asks_is_told_which_files_the_model_was_shown_and_why(
    start: Start, folder: Path
) -> None:
    (folder / "rows.py").write_text("class Row:\n    def width(self):\n        return 1\n")
    client = await start({"excerpts": "always"}, folder=folder)
    uri = (folder / "use.py").as_uri()
    await client.open(uri, "from rows import Row\n\n\ndef width(row: Row):\n    return row.")

    async def is_told() -> bool:
        await client.suggest(uri, 4, 15)
        files = (await client.run("tabwright.explain"))["shownFiles"]
        return any(each["path"] == "rows.py" and "defines Row" in each["reasons"] for each in files)

    await until(is_told)


async def test_where_a_setting_says_so_nothing_is_read(start: Start, folder: Path) -> None:
    client = await start({"indexWorkspace": False}, folder=folder)
    uri = (folder / "use.py").as_uri()
    await client.open(uri, USE)
    items = await client.suggest(uri, LINE, CHARACTER)
    assert "depth" not in [str(item.insert_text) for item in items]
