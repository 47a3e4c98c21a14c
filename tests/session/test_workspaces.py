"""What is known of the workspace folders, and how it follows them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tabwright.commands.building import build_languages
from tabwright.completion.knowledge import Knowledge
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.session.workspace import WorkspaceEvent
from tabwright.session.workspaces import Workspaces
from tabwright.settings import Settings

SHELF = """class Shelf:
    def weigh_everything(self, in_kilograms):
        return self.scale.weigh_everything(in_kilograms, precision=3)
"""
USE = "from shelf import Shelf\n\n\nclass Other:\n    def weigh_everything(self, in_kilograms):\n"
TOKEN = "ghp_" + "a8Kd72mQzX91LpWv" + "T3nRb6YcE0sJu5Hf4GiO"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    (folder / "inner").mkdir(parents=True)
    (folder / "shelf.py").write_text(SHELF)
    return folder


@pytest.fixture
async def workspaces(folder: Path) -> AsyncIterator[Workspaces]:
    events: list[WorkspaceEvent] = []
    known = Workspaces(build_languages(), events.append)
    known.configure(Settings(), [])
    known.follow([folder], [])
    await known.settle()
    yield known
    await known.stop()


def guessed(knowledge: Knowledge | None, text: str, path: str = "use.py") -> list[str]:
    assert knowledge is not None
    snapshot = DocumentSnapshot(f"file:///{path}", "python", 1, text, path)
    return [each.text for each in knowledge.guesses(snapshot, Cursor(len(text)))]


async def eventually(knowledge_at: Workspaces, path: Path, text: str, wanted: str) -> bool:
    """Whether a line is guessed before long."""
    for _ in range(200):
        known = knowledge_at.knowledge_for(path, Settings())
        if wanted in guessed(known, text):
            return True
        await asyncio.sleep(0.05)
    return False


REST = "self.scale.weigh_everything(in_kilograms, precision=3)"
PLACE = USE + "        return "


async def test_a_line_of_another_file_is_guessed_at_a_like_place(
    workspaces: Workspaces, folder: Path
) -> None:
    known = workspaces.knowledge_for(folder / "use.py", Settings())
    assert guessed(known, PLACE)[0] == REST


async def test_a_document_outside_all_folders_knows_itself_alone(
    workspaces: Workspaces, tmp_path: Path
) -> None:
    known = workspaces.knowledge_for(tmp_path / "elsewhere.py", Settings())
    assert REST not in guessed(known, PLACE)
    assert guessed(known, SHELF + "\n\n" + PLACE)[0] == REST


async def test_nothing_is_known_where_a_setting_says_so(
    workspaces: Workspaces, folder: Path
) -> None:
    assert workspaces.knowledge_for(folder / "use.py", Settings(use_workspace=False)) is None


@pytest.mark.parametrize(
    ("name", "ignored"),
    [("secrets.json", None), (".env", None), ("build/made.py", "build/\n"), ("made.py", "made.py")],
)
async def test_files_that_git_ignores_and_secret_files_are_not_known(
    workspaces: Workspaces, folder: Path, name: str, ignored: str | None
) -> None:
    if ignored:
        (folder / ".gitignore").write_text(ignored)
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("def hidden_thing():\n    return hidden_value_of_the_thing\n")
    workspaces.note_saved(file)
    await workspaces.settle()
    known = workspaces.knowledge_for(folder / "use.py", Settings())
    text = "def hidden_thing():\n    return "
    assert "hidden_value_of_the_thing" not in guessed(known, text)


async def test_a_secret_in_a_literal_is_not_guessed(workspaces: Workspaces, folder: Path) -> None:
    line = f'    access_token = "{TOKEN}"'
    (folder / "tokens.py").write_text(f"def connect():\n{line}\n")
    workspaces.note_saved(folder / "tokens.py")
    await workspaces.settle()
    text = "def connect():\n    access_token = "
    for document in (text, f"def connect():\n{line}\n\n\n{text}"):
        known = workspaces.knowledge_for(folder / "use.py", Settings())
        assert not [each for each in guessed(known, document) if TOKEN in each]


async def test_what_changes_on_disk_is_known_soon(workspaces: Workspaces, folder: Path) -> None:
    path = folder / "use.py"
    revision = getattr(workspaces.knowledge_for(path, Settings()), "revision", None)
    (folder / "inner" / "new.py").write_text(SHELF.replace("precision=3", "precision=7"))
    (folder / "shelf.py").unlink()
    assert await eventually(workspaces, path, PLACE, REST.replace("3", "7"))
    known = workspaces.knowledge_for(path, Settings())
    assert known is not None and known.revision != revision
    assert REST not in guessed(known, PLACE)


async def test_a_folder_that_is_left_is_forgotten(workspaces: Workspaces, folder: Path) -> None:
    workspaces.follow([], [])
    known = workspaces.knowledge_for(folder / "use.py", Settings())
    assert REST not in guessed(known, PLACE)


async def test_a_workspace_deleted_while_open_is_forgotten(
    workspaces: Workspaces, folder: Path
) -> None:
    await asyncio.to_thread(shutil.rmtree, folder)
    for _ in range(100):
        known = workspaces.knowledge_for(folder / "use.py", Settings())
        if REST not in guessed(known, PLACE):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it is still known")


async def test_a_whole_home_or_disk_is_no_workspace(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    workspaces.follow([folder, Path(folder.anchor)], [])
    assert workspaces.of(folder / "use.py") is None


async def test_reading_is_told_and_its_end(folder: Path) -> None:
    events: list[WorkspaceEvent] = []
    known = Workspaces(build_languages(), events.append)
    known.configure(Settings(), [])
    known.follow([folder], [])
    await known.settle()
    await known.stop()
    assert events[0].phase == "reading"
    assert events[-1] == WorkspaceEvent(folder, "ready")
