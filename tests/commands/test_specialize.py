"""`tabwright specialize` on the command line."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from session.test_models_made_here import an_installed_base
from specialization.workspaces import write_workspace
from tabwright.commands.specialize import specialize
from tabwright.errors import TabwrightError
from tabwright.specialization import training_client
from tabwright.specialization.training_client import trainer_command
from tabwright.user_directories import data_directory, user_models_directory

FAKE = str(Path(__file__).parents[1] / "specialization" / "fake_trainer.py")
has_trainer = importlib.util.find_spec("torch") is not None


def run(*words: str) -> Result:
    return CliRunner().invoke(specialize, words)


def sentence(*words: str) -> str:
    result = run(*words)
    assert isinstance(result.exception, TabwrightError), result.output
    return str(result.exception)


def messages(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines()]


@pytest.fixture
def workspace(own_directories: Path) -> Path:
    an_installed_base(own_directories)
    return write_workspace(own_directories / "workspace")


def test_a_dry_run_says_what_would_be_learned_from_and_does_nothing(workspace: Path) -> None:
    result = run("--workspace", str(workspace), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "python 100%" in result.output
    assert "smollm2-135m" in result.output
    assert "module_" not in result.output
    assert not data_directory().exists()


def test_a_dry_run_as_json_is_one_line(workspace: Path) -> None:
    (plan,) = messages(run("--workspace", str(workspace), "--dry-run", "--json"))
    assert plan["kind"] == "plan"
    assert plan["files"] == 40
    assert 12 <= plan["held_out_pieces"] >= plan["held_out_files"] >= 1
    assert plan["languages"].keys() == {"python"}
    assert plan["model"].startswith("workspace-workspace-")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give --workspace DIR"),
        (("--language", "python"), "--corpus"),
        (("--language", "klingon"), "no language 'klingon'"),
        (("--language", "python", "--corpus", "/no/such/folder"), "cannot be read"),
        (("--workspace", "/no/such/folder"), "no folder"),
        (("--remove",), "whose model is to go"),
        (("--workspace", ".", "--corpus", "."), "not both"),
    ],
)
@pytest.mark.usefixtures("own_directories")
def test_what_makes_no_sense_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    assert said in sentence(*words)


def test_a_base_that_nobody_knows_suggests_the_nearest(workspace: Path) -> None:
    said = sentence("--workspace", str(workspace), "--base", "smollm2", "--dry-run")
    assert "did you mean smollm2-135m" in said


def test_other_languages_of_a_workspace_are_served_when_they_are_much(workspace: Path) -> None:
    text = "".join(
        f"export function part{number}(value: number): number {{\n  return value * {number};\n}}\n"
        for number in range(40)
    )
    for number in range(10):
        (workspace / f"page_{number}.ts").write_text(text.replace("part", f"part{number}_"))
    (plan,) = messages(run("--workspace", str(workspace), "--dry-run", "--json"))
    assert plan["languages"].keys() == {"python", "typescript"}
    (plan,) = messages(
        run("--workspace", str(workspace), "--language", "python", "--dry-run", "--json")
    )
    assert plan["languages"].keys() == {"python"}


@pytest.mark.skipif(has_trainer, reason="the packages that train are installed")
def test_without_the_packages_that_train_the_command_that_installs_them_is_named(
    workspace: Path,
) -> None:
    assert "pip install 'tabwright[train]'" in sentence("--workspace", str(workspace), "--yes")
    (failed,) = messages(run("--workspace", str(workspace), "--json"))
    assert failed["kind"] == "failed"


def as_if_installed(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(training_client, "_NEEDED_PACKAGES", ())
    monkeypatch.setattr(training_client, "trainer_command", lambda: [sys.executable, FAKE, mode])


def test_a_failed_training_is_a_message_for_editors(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_if_installed(monkeypatch, "says why it failed")
    result = run("--workspace", str(workspace), "--json", "--memory-mb", "100000")
    assert result.exit_code == 1
    assert [each["kind"] for each in messages(result)] == ["plan", "started", "progress", "failed"]
    assert messages(result)[-1]["message"] == "Training failed: no GPU has 40 GB."


def test_removing_what_is_not_there_says_so(workspace: Path) -> None:
    result = run("--workspace", str(workspace), "--remove")
    assert result.exit_code == 0
    assert "is not installed" in result.output


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_it_says_how_to_go_on(how: signal.Signals, workspace: Path) -> None:
    script = (
        "from tabwright.specialization import training_client as c; import sys;"
        # Whoever runs the tests in the background has Ctrl-C ignored, which children inherit.
        " import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        " c._NEEDED_PACKAGES = ();"
        f" c.trainer_command = lambda: [sys.executable, {FAKE!r}, 'waits'];"
        " from tabwright.commands.specialize import specialize; specialize()"
    )
    words = ("--workspace", str(workspace), "--json", "--memory-mb", "100000")
    with subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            last = line
            if '"progress"' in line:
                process.send_signal(how)
    assert process.returncode == 130
    assert json.loads(last)["kind"] == "interrupted"
    (run_folder,) = [
        path for path in (data_directory() / "specialising").iterdir() if path.is_dir()
    ]
    assert (run_folder / "checkpoint").is_file()


def test_the_training_process_is_started_without_the_users_own_files() -> None:
    assert "tabwright.specialization.training_process" in trainer_command()


def test_it_starts_from_the_languages_adapter_where_the_model_that_answers_cannot_fill_in(
    workspace: Path,
) -> None:
    models = user_models_directory()
    base = (models / "smollm2-135m.toml").read_text(encoding="utf-8")
    fill_in = (
        '[fill_in_the_middle]\norder = "psm"\nprefix = "<p>"\nsuffix = "<s>"\nmiddle = "<m>"\n'
    )
    made = base.replace('id = "smollm2-135m"', 'id = "taught"\nbase = "smollm2-135m"', 1)
    made = made.replace('languages = ["*"]', 'languages = ["python"]', 1)
    (models / "taught.toml").write_text(f"{made}\n{fill_in}", encoding="utf-8")

    result = run("--workspace", str(workspace), "--dry-run")

    assert result.exit_code == 0, result.output
    assert "taught" in result.output
