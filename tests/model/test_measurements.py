"""How fast models are here is remembered, whatever the disk does."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from tabwright.model import measurements
from tabwright.model.measurements import (
    Measurement,
    forget_all,
    measurement_key,
    remember,
    remembered,
)
from tabwright.user_directories import data_directory

FAST = Measurement(read=2000.0, write=150.5)
SLOW = Measurement(read=20.0, write=1.5)

pytestmark = pytest.mark.usefixtures("own_directories")


def the_file() -> Path:
    return data_directory() / "measurements.json"


def files() -> list[str]:
    """Return what lies in the data directory and is no lock."""
    return [each.name for each in data_directory().iterdir() if each.suffix != ".lock"]


def test_what_was_measured_is_there_after_a_restart() -> None:
    assert remembered("a") is None
    remember("a", FAST)
    remember("b", SLOW)
    remember("a", SLOW)
    assert (remembered("a"), remembered("b"), remembered("c")) == (SLOW, SLOW, None)
    assert files() == ["measurements.json"]


def test_everything_can_be_forgotten_also_twice() -> None:
    remember("a", FAST)
    forget_all()
    forget_all()
    assert remembered("a") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe nonsense",
        b"[1, 2]",
        b'{"a": {"read": "fast", "write": 1}}',
        b'{"a": {"read": 1.0}}',
        b'{"a": {"read": 2000.0, "wri',
    ],
    ids=["empty", "no text", "a list", "no number", "half", "cut short"],
)
def test_a_file_that_cannot_be_read_is_as_none_and_written_anew(content: bytes) -> None:
    the_file().parent.mkdir(parents=True)
    the_file().write_bytes(content)
    assert remembered("a") is None
    remember("b", FAST)
    assert remembered("b") == FAST


def test_a_folder_in_the_file_s_place_costs_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    the_file().mkdir(parents=True)
    assert remembered("a") is None
    remember("a", FAST)
    forget_all()
    assert remembered("a") is None
    assert len(caplog.records) == 1
    assert "cannot be kept" in caplog.records[0].getMessage()
    assert files() == ["measurements.json"]


def test_a_full_disk_costs_one_warning_and_what_was_there_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remember("a", FAST)
    write_bytes = Path.write_bytes

    def fill_the_disk(path: Path, data: bytes) -> int:
        write_bytes(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
    remember("b", SLOW)
    assert "No space left on device" in caplog.text
    assert (remembered("a"), remembered("b")) == (FAST, None)
    assert files() == ["measurements.json"]


def test_a_data_directory_that_is_a_file_costs_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data_directory().parent.mkdir(parents=True, exist_ok=True)
    data_directory().write_text("not a directory")
    remember("a", FAST)
    assert remembered("a") is None
    assert [each.levelno for each in caplog.records] == [logging.WARNING]


def test_a_data_directory_that_was_deleted_is_made_again() -> None:
    remember("a", FAST)
    the_file().unlink()
    for left in data_directory().iterdir():
        left.unlink()
    data_directory().rmdir()
    remember("b", FAST)
    assert remembered("b") == FAST


def test_writers_at_the_same_time_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = measurements._read

    def read_slowly() -> dict[str, Measurement]:
        found = read()
        time.sleep(0.005)
        return found

    monkeypatch.setattr(measurements, "_read", read_slowly)
    monkeypatch.setattr(measurements, "_PATIENCE_SECONDS", 20.0)

    def write(writer: int) -> None:
        for number in range(3):
            remember(f"{writer}-{number}", FAST)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    keys = [f"{writer}-{number}" for writer in range(4) for number in range(3)]
    assert [key for key in keys if remembered(key) != FAST] == []
    assert caplog.records == []
    assert files() == ["measurements.json"]


def test_another_file_device_or_version_is_measured_anew(tmp_path: Path) -> None:
    weights = tmp_path / "a.gguf"
    weights.write_bytes(b"1234")
    other_folder = tmp_path / "elsewhere" / "a.gguf"
    other_folder.parent.mkdir()
    other_folder.write_bytes(b"4321")
    key = measurement_key(weights, "", 0, "1.0")
    assert key == measurement_key(other_folder, "", 0, "1.0")
    weights.write_bytes(b"12345")
    others = {
        measurement_key(weights, "", 0, "1.0"),
        measurement_key(weights, "/x/adapter.gguf", 0, "1.0"),
        measurement_key(weights, "", -1, "1.0"),
        measurement_key(weights, "", 0, "1.1"),
        measurement_key(tmp_path / "gone.gguf", "", 0, "1.0"),
        key,
    }
    assert len(others) == 6
    assert the_file().name == measurements._FILE
