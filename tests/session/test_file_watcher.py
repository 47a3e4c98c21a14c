"""Changes of a workspace folder, as they come from the system."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tabwright.session import file_watcher
from tabwright.session.file_watcher import WorkspaceWatcher

LONG_ENOUGH_SECONDS = 20.0


class Told:
    def __init__(self) -> None:
        self.bursts: list[frozenset[str]] = []
        self.something = asyncio.Event()

    def __call__(self, paths: frozenset[str]) -> None:
        self.bursts.append(paths)
        self.something.set()

    async def until(self, is_there: Callable[[set[str]], bool]) -> set[str]:
        while not is_there({path for burst in self.bursts for path in burst}):
            self.something.clear()
            await asyncio.wait_for(self.something.wait(), LONG_ENOUGH_SECONDS)
        return {path for burst in self.bursts for path in burst}


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    (tmp_path / "sub").mkdir()
    told = Told()
    watcher = WorkspaceWatcher(
        tmp_path, told, is_telling=lambda path: not path.startswith("ignored")
    )
    watcher.start()
    for number in range(200):  # the system begins to watch in its own time
        (tmp_path / f"first{number}").write_text("")
        await asyncio.sleep(0.05)
        if told.bursts:
            break
    told.bursts.clear()
    yield told
    watcher.stop()


async def test_saved_renamed_and_deleted_files_are_told(tmp_path: Path, told: Told) -> None:
    (tmp_path / "sub" / "a.py").write_text("x = 1\n")
    await told.until(lambda paths: "sub/a.py" in paths)
    told.bursts.clear()
    (tmp_path / "sub" / "a.py").rename(tmp_path / "b.py")
    await told.until(lambda paths: {"sub/a.py", "b.py"} <= paths)
    told.bursts.clear()
    (tmp_path / "b.py").unlink()
    await told.until(lambda paths: "b.py" in paths)


async def test_moved_folders_and_new_folders_are_told(tmp_path: Path, told: Told) -> None:
    (tmp_path / "sub").rename(tmp_path / "moved")
    await told.until(lambda paths: {"sub", "moved"} <= paths)
    (tmp_path / "moved" / "deep").mkdir()
    (tmp_path / "moved" / "deep" / "x.py").write_text("")
    await told.until(lambda paths: any(path.startswith("moved/deep") for path in paths))


async def test_what_does_not_matter_is_not_told(tmp_path: Path, told: Told) -> None:
    (tmp_path / "ignored.py").write_text("")
    (tmp_path / "told.py").write_text("")
    assert "ignored.py" not in await told.until(lambda paths: "told.py" in paths)


async def test_a_burst_is_told_in_few_pieces(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watcher, "_MANY_PATHS", 100)
    for number in range(2_000):
        (tmp_path / f"f{number}.py").write_text("x\n")
    wanted = {f"f{number}.py" for number in range(2_000)}
    await told.until(lambda paths: wanted <= paths)
    assert len(told.bursts) < 100


async def test_a_flood_of_events_means_that_anything_may_have_changed(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watcher, "_FLOOD_EVENTS", 500)
    for number in range(2_000):
        (tmp_path / f"ignored{number}.py").write_text("x\n")
    paths = await told.until(lambda paths: "." in paths)
    assert not any(path.startswith("ignored") for path in paths)


async def test_reading_is_no_change(tmp_path: Path, told: Told) -> None:
    (tmp_path / "a.py").write_text("x\n")
    await told.until(lambda paths: "a.py" in paths)
    await asyncio.sleep(0.3)
    told.bursts.clear()
    (tmp_path / "a.py").read_text()
    assert os.listdir(tmp_path / "sub") == []  # noqa: PTH208 - a look into it and no more
    (tmp_path / "b.py").write_text("x\n")
    assert await told.until(lambda paths: "b.py" in paths) == {"b.py"}


async def test_a_folder_without_events_is_looked_through(tmp_path: Path) -> None:
    told = Told()
    watcher = WorkspaceWatcher(tmp_path, told, polls=True, polling_seconds=0.01)
    watcher.start()
    assert watcher.is_polling
    await told.until(lambda paths: paths == {"."})
    watcher.stop()
    assert not watcher.is_polling


async def test_where_no_watch_is_left_the_folder_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(file_watcher.Observer):  # type: ignore[name-defined, misc]
        def schedule(self, *_arguments: object, **_options: object) -> None:
            raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(file_watcher, "Observer", Refusing)
    told = Told()
    watcher = WorkspaceWatcher(tmp_path, told, polling_seconds=0.01)
    watcher.start()
    await told.until(lambda paths: paths == {"."})
    watcher.stop()


async def test_a_folder_that_is_deleted_is_looked_for_again(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    folder.mkdir()
    told = Told()
    watcher = WorkspaceWatcher(folder, told, polling_seconds=0.05)
    watcher.start()
    for number in range(200):
        (folder / f"first{number}").write_text("")
        await asyncio.sleep(0.05)
        if told.bursts:
            break
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    await told.until(lambda paths: "." in paths)
    watcher.stop()
