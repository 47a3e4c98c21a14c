"""`tabwright complete` and `tabwright try`, as typed in a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tabwright.commands.complete import complete, print_outcome, read_place
from tabwright.commands.try_it import try_it
from tabwright.completion.suggestion import NoSuggestion, Reason, Timings
from tabwright.errors import CommandError
from tabwright.main import cli


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    file = tmp_path / "sample.py"
    file.write_text("import os\nprint(os.\n🦜 = 1\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("place", "offset"),
    [(":1:1", 0), (":1:10", 9), (":2:7", 16), (":2", 19), (":3:2", 21), (":4:1", 26)],
)
def test_lines_and_columns_count_from_one_in_characters(
    sample: Path, place: str, offset: int
) -> None:
    assert read_place(f"{sample}{place}").offset == offset


def test_a_crlf_line_ends_before_its_carriage_return(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"x = 1\r\ny = 2\r\n")
    assert read_place(f"{file}:1").offset == 5


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("sample.py", "no FILE:LINE:COLUMN"),
        ("sample.py:x:1", "There is no file"),  # a name may hold a colon
        ("sample.py:1:x", "no FILE:LINE:COLUMN"),
        ("sample.py:9:1", "there is no line 9"),
        ("sample.py:1:99", "has columns 1 to 10"),
        ("sample.py:1:0", "has columns 1 to 10"),
        ("missing.py:1:1", "There is no file"),
        (".:1:1", "is a folder"),
        ("binary.bin:1:1", "binary"),
        ("latin.py:1:1", "not UTF-8"),
        ("huge.py:1:1", "too large"),
    ],
)
def test_a_place_that_makes_no_sense_gets_one_sentence(
    sample: Path, monkeypatch: pytest.MonkeyPatch, place: str, complaint: str
) -> None:
    folder = sample.parent
    (folder / "binary.bin").write_bytes(b"\x00\x01" * 100)
    (folder / "latin.py").write_bytes(b"x = '\xe9'\n")
    with (folder / "huge.py").open("wb") as file:
        file.truncate(50_000_000)
    monkeypatch.chdir(folder)
    with pytest.raises(CommandError, match=complaint) as raised:
        read_place(place)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("own_directories")
def test_without_a_model_the_reason_is_printed(sample: Path) -> None:
    shown = CliRunner().invoke(complete, [f"{sample}:2"])
    assert shown.exit_code == 1
    assert "model_missing" in shown.output
    assert "tabwright models pull" in shown.output
    answer = json.loads(CliRunner().invoke(complete, [f"{sample}:2", "--json"]).output)
    assert answer["reason"] == "model_missing"
    assert answer["suggestion"] == ""


def test_what_took_no_time_is_printed_without_timings(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = read_place(f"{sample}:2")
    failed = NoSuggestion(Reason.MODEL_FAILED, model="a-model")
    print_outcome(where, failed, as_json=False)
    assert capsys.readouterr().out.endswith("\n\na-model\n")
    timings = Timings(total_seconds=0.02, prompt_tokens=7)
    unsure = NoSuggestion(Reason.UNSURE, model="a-model", timings=timings)
    print_outcome(where, unsure, as_json=False)
    assert "a-model · 20 ms: 7 prompt tokens" in capsys.readouterr().out


@pytest.mark.real_model
def test_the_suggestion_is_printed_in_its_place(sample: Path, default_weights: Path) -> None:
    del default_weights
    sample.write_text("import json\n\n\ndef load(path):\n    return js\n\n\nEND = 1\n")
    shown = CliRunner().invoke(complete, [f"{sample}:5"])
    assert shown.exit_code == 0
    assert "    return js⟦on" in shown.output
    assert "prompt tokens" in shown.output
    answer = json.loads(CliRunner().invoke(complete, [f"{sample}:5", "--json"]).output)
    assert answer["suggestion"].startswith("on")
    assert answer["model"] == "smollm2-135m"
    assert answer["timings"]["prompt_tokens"] > 0


@pytest.mark.real_model
def test_as_typing_does_the_restrictions_of_typing_hold(
    sample: Path, default_weights: Path
) -> None:
    del default_weights
    sample.write_text("x = 1  # a comment\n")
    arguments = [f"{sample}:1", "--json", "--automatic"]
    answer = json.loads(CliRunner().invoke(complete, arguments).output)
    assert answer["reason"] == "in_comment"


@pytest.mark.real_model
def test_try_completes_its_sample(default_weights: Path) -> None:
    del default_weights
    shown = CliRunner().invoke(try_it, [])
    assert shown.exit_code == 0, shown.output
    assert "⟦" in shown.output
    assert "smollm2-135m · " in shown.output


def test_every_command_explains_itself() -> None:
    overview = CliRunner().invoke(cli, ["--help"]).output
    for name in ("complete", "context", "doctor", "models", "replay", "serve", "try"):
        assert name in overview
        explained = CliRunner().invoke(cli, [name, "--help"])
        assert explained.exit_code == 0
        assert all(len(line) <= 80 for line in explained.output.splitlines())


def test_a_set_up_error_is_one_sentence_and_exit_status_1(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tabwright", "complete", str(tmp_path / "none.py:1:1")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("tabwright: There is no file")
    assert done.stderr.count("\n") == 1
