"""What is known of the workspace folders, and how it follows them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tabwright.commands.building import build_languages
from tabwright.completion.knowledge import Knowledge
from tabwright.completion.prompt import Room
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.session.documents import OpenDocument
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
    monkeypatch.setenv("TABWRIGHT_INDEX_DIR", str(tmp_path / "index"))
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


# -- excerpts --


def excerpts(knowledge: Knowledge | None, text: str, sources: frozenset[str]) -> dict[str, str]:
    assert knowledge is not None
    snapshot = DocumentSnapshot("file:///use.py", "python", 1, text, "use.py")
    language = build_languages().for_editor_id("python")
    assert language is not None
    room = Room(1200, 1800, 0)
    shown = knowledge.excerpts(snapshot, Cursor(len(text)), language, room, sources)
    return {each.path: each.text for each in shown}


async def saved_use(workspaces: Workspaces, folder: Path, text: str) -> Path:
    path = folder / "use.py"
    path.write_text(text)
    workspaces.note_saved(path)
    await workspaces.settle()
    return path


async def test_what_is_imported_is_shown_as_signatures(
    workspaces: Workspaces, folder: Path
) -> None:
    text = "from shelf import Shelf\n\n\ndef weigh(shelf: Shelf):\n    return shelf."
    path = await saved_use(workspaces, folder, text)
    known = workspaces.knowledge_for(path, Settings())
    shown = excerpts(known, text, frozenset({"definitions", "members", "imported"}))
    assert "def weigh_everything(self, in_kilograms)" in shown["shelf.py"]
    assert REST not in shown["shelf.py"]


async def test_an_open_document_counts_as_it_is_and_not_as_it_was_saved(
    workspaces: Workspaces, folder: Path
) -> None:
    text = "from shelf import Shelf\n\n\ndef weigh(shelf: Shelf):\n    return shelf."
    path = await saved_use(workspaces, folder, text)
    edited = SHELF.replace("weigh_everything(self, in", "weigh_it_all(self, in")
    shelf = folder / "shelf.py"
    document = OpenDocument(shelf.as_uri(), "python", 1, edited, shelf)
    known = workspaces.knowledge_for(path, Settings(), [document])
    shown = excerpts(known, text, frozenset({"definitions", "members", "imported"}))
    assert "def weigh_it_all(self, in_kilograms)" in shown["shelf.py"]


async def test_similar_code_is_looked_for_when_excerpts_are_first_asked_for(
    workspaces: Workspaces, folder: Path
) -> None:
    text = "import shelf\n\n\ndef weigh_boxes(boxes, in_kilograms):\n    everything = "
    path = await saved_use(workspaces, folder, text)
    workspace = workspaces.of(path)
    assert workspace is not None
    known = workspaces.knowledge_for(path, Settings())
    excerpts(known, text, frozenset({"definitions", "imported"}))
    await workspaces.settle()
    assert not workspace.index.state().has_full_text
    assert excerpts(known, text, frozenset({"similar"})) == {}
    await workspaces.settle()
    assert workspace.index.state().has_full_text
    assert "shelf.py" in excerpts(known, text, frozenset({"similar"}))


async def test_installed_packages_are_shown_once_they_were_looked_into(
    workspaces: Workspaces, folder: Path
) -> None:
    packages = folder / ".venv" / "lib" / "python3.11" / "site-packages"
    (packages / "weights").mkdir(parents=True)
    (folder / ".venv" / "pyvenv.cfg").write_text("version = 3.11.2\n")
    (packages / "weights" / "__init__.py").write_text(
        "def kilograms(pounds, *, rounded=False):\n    return pounds * 0.45\n"
    )
    text = "from weights import kilograms\n\n\ndef weigh(unit=kilograms):\n    return "
    path = await saved_use(workspaces, folder, text)
    known = workspaces.knowledge_for(path, Settings())
    sources = frozenset({"dependencies"})
    assert excerpts(known, text, sources) == {}
    await workspaces.settle()
    shown = excerpts(workspaces.knowledge_for(path, Settings()), text, sources)
    assert "def kilograms(pounds, *, rounded=False)" in "".join(shown.values())
