"""Which indexes are deleted because their workspace is gone."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tabwright.commands.building import build_languages
from tabwright.workspace_index.forgetting import KEPT_DAYS, forget_left_over
from tabwright.workspace_index.index import WorkspaceIndex

LATER = time.time() + (KEPT_DAYS + 1) * 86_400


def indexed(folder: Path, directory: Path) -> None:
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    index = WorkspaceIndex.open(folder, build_languages(), directory=directory)
    index.update()
    index.close()


def test_the_index_of_a_folder_that_is_long_gone_is_deleted_and_no_other(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    for name in ("here", "gone"):
        indexed(tmp_path / name, directory)
    shutil.rmtree(tmp_path / "gone")
    (directory / "damaged.sqlite3").write_bytes(b"\0" * 100)
    assert forget_left_over(directory) == 0, "it was used today"
    assert forget_left_over(directory, LATER) == 1
    left = sorted(file.name.split("-")[0] for file in directory.glob("*.sqlite3"))
    assert left == ["damaged.sqlite3", "here"]


def test_without_any_index_nothing_happens(tmp_path: Path) -> None:
    assert forget_left_over(tmp_path / "nowhere", LATER) == 0
