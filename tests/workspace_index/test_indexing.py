"""Files read in worker processes: order, deaths, and nothing left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from tabwright.workspace_index import indexing
from tabwright.workspace_index.indexing import ToRead, in_batches, read_in_workers
from tabwright.workspace_index.records import FileRecord
from tabwright.workspace_index.worker import WorkerStart
from workspace_index.workspaces import languages, opened, write

DIES_AT_POISON = """
import struct, sys
import msgspec
from tabwright.workspace_index import worker
whole = worker.read_files
def read_files(folder, files, maker, is_known, *, full_text):
    if any("poison" in path for path, _ in files):
        sys.exit(3)
    return whole(folder, files, maker, is_known, full_text=full_text)
worker.read_files = read_files
worker._main()
"""


def workspace(tmp_path: Path, count: int) -> tuple[WorkerStart, list[ToRead]]:
    files = {f"m{n:03}.py": f"def function_{n}(): pass\n" for n in range(count)}
    folder = write(tmp_path / "w", files)
    folders = tuple(str(each) for each in languages().folders)
    start = WorkerStart(str(folder), folders, str(tmp_path / "none.sqlite3"))
    return start, [ToRead(name, "python", 100_000, 0) for name in files]


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children(recursive=True)}


def test_files_are_put_together_by_number_and_size() -> None:
    small = [ToRead(f"{n}", "python", 10, 0) for n in range(130)]
    assert [len(each) for each in in_batches(small)] == [64, 64, 2]
    large = [ToRead(f"{n}", "python", 300_000, 0) for n in range(3)]
    assert [len(each) for each in in_batches(large)] == [1, 1, 1]
    assert list(in_batches([])) == []


def test_records_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    start, files = workspace(tmp_path, 41)
    before = children()
    records = [each for batch in read_in_workers(start, files, 3) for each in batch]
    assert [each.path for each in records] == [each.path for each in files]
    assert {each.outcome for each in records} == {"facts"}
    assert children() <= before


def test_workers_that_start_anew_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_BATCHES_PER_LIFE", 2)
    start, files = workspace(tmp_path, 21)  # four files are a batch
    before = children()
    records = [each for batch in read_in_workers(start, files, 1) for each in batch]
    assert [each.path for each in records] == [each.path for each in files]
    assert children() <= before


def test_a_file_that_ends_a_worker_is_left_out_and_the_others_are_not(tmp_path: Path) -> None:
    start, files = workspace(tmp_path, 12)
    write(Path(start.folder), {"poison.py": "x = 1\n"})
    files.insert(5, ToRead("poison.py", "python", 100_000, 0))
    command = [sys.executable, "-c", DIES_AT_POISON]
    records = [
        each for batch in read_in_workers(start, files, 2, command=command) for each in batch
    ]
    assert [each.path for each in records] == [each.path for each in files]
    assert [each.path for each in records if each.outcome != "facts"] == ["poison.py"]


def test_what_comes_after_full_text_search_was_wanted_has_it(tmp_path: Path) -> None:
    start, files = workspace(tmp_path, 30)
    wanted: list[bool] = []
    records: list[FileRecord] = []
    batches = read_in_workers(start, files, 1, reads_full_text=lambda: bool(wanted))
    for batch in batches:
        records += batch
        wanted.append(True)
    has_full_text = [each.has_full_text for each in records]
    assert has_full_text == sorted(has_full_text)
    assert {False, True} == set(has_full_text)
    for each in records:
        assert each.terms is not None
        assert bool(each.terms.by_chunk) is each.has_full_text


def test_workers_that_never_live_are_given_up(tmp_path: Path) -> None:
    start, files = workspace(tmp_path, 60)
    command = [sys.executable, "-c", "raise SystemExit(1)"]
    with pytest.raises(OSError, match="before they have read anything"):
        list(read_in_workers(start, files, 2, command=command))


def test_a_program_that_cannot_be_started_is_an_os_error(tmp_path: Path) -> None:
    start, files = workspace(tmp_path, 3)
    with pytest.raises(OSError, match=r"no such program|No such file"):
        list(read_in_workers(start, files, 2, command=[str(tmp_path / "no such program")]))


def test_cancelling_ends_the_processes(tmp_path: Path) -> None:
    start, files = workspace(tmp_path, 30)
    before = children()
    seen: list[FileRecord] = []
    for batch in read_in_workers(start, files, 2, lambda: bool(seen)):
        seen.extend(batch)
    assert 0 < len(seen) < 30
    assert children() <= before


def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    start, files = workspace(tmp_path, 30)
    before = children()
    batches = read_in_workers(start, files, 2)
    next(batches)
    batches.close()
    assert children() <= before


def test_workers_do_not_run_files_of_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, files = workspace(tmp_path, 3)
    mine = "import pathlib; pathlib.Path('was_run').touch()\n"
    folder = write(Path(start.folder), {"json.py": mine, "numpy.py": mine, "msgspec.py": mine})
    monkeypatch.chdir(folder)
    records = [each for batch in read_in_workers(start, files, 1) for each in batch]
    assert len(records) == 3
    assert not (folder / "was_run").exists()


def test_workers_give_the_same_index_as_the_server_itself(tmp_path: Path) -> None:
    names = {f"m{n:03}.py": f"class C{n}:\n    def run(self): return {n}\n" for n in range(80)}
    folder = write(tmp_path / "w", names)
    index = opened(folder, workers=2)
    assert index.update().parsed == 80
    alone = opened(folder, directory=tmp_path / "other")
    for name in names:
        alone.note_changes([name])
    for question in (["C7", "run"], ["C79"]):
        assert index.definitions_of(question, 3) == alone.definitions_of(question, 3)
    assert index.facts_of("m042.py") == alone.facts_of("m042.py")
    assert [each.path for each in index.search(["C12"], 3)] == [
        each.path for each in alone.search(["C12"], 3)
    ]
