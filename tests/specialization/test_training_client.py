"""What becomes of a training process that does not do what it should."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from completion.scripted import manifest
from tabwright.errors import TrainerMissing, TrainingFailed, TrainingInterrupted
from tabwright.specialization import training_client
from tabwright.specialization.training_client import Limits, require_trainer, run_training
from tabwright.specialization.training_messages import Progress, Trained, Training

FAKE = Path(__file__).parent / "fake_trainer.py"
PLENTY = Limits(memory_mb=100_000, free_disk_mb=0)


def training_in(folder: Path) -> Training:
    return Training(
        manifest=manifest(),
        weights_path="",
        corpus_path="",
        held_out_path="",
        output_path=str(folder / "adapter.gguf"),
        checkpoint_path=str(folder / "checkpoint"),
    )


def fake(mode: str) -> tuple[str, ...]:
    return (sys.executable, str(FAKE), mode)


def run(mode: str, folder: Path, limits: Limits = PLENTY) -> tuple[Trained, list[Progress]]:
    heard: list[Progress] = []
    trained = run_training(training_in(folder), folder, limits, heard.append, fake(mode))
    return trained, heard


def why(mode: str, folder: Path, limits: Limits = PLENTY) -> str:
    with pytest.raises(TrainingFailed) as failure:
        run(mode, folder, limits)
    assert not children()
    return str(failure.value)


def children() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if any("fake_trainer" in part for part in each.cmdline())
    ]


def test_it_tells_its_progress_and_its_result(tmp_path: Path) -> None:
    trained, heard = run("normally", tmp_path)
    assert [progress.step for progress in heard] == [25, 90]
    assert heard[1].held_out_loss == 1.6
    assert trained.tokens == 2000
    assert (tmp_path / "adapter.gguf").is_file()


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("crashes", "ended unexpectedly (exit status 1): ValueError: the tensors do not fit."),
        ("is killed", "too little free memory"),
        ("fills the disk", "is full"),
        ("says why it failed", "Training failed: no GPU has 40 GB."),
        ("no such thing", "no such mode"),
    ],
)
def test_each_way_to_fail_is_one_clear_sentence(mode: str, sentence: str, tmp_path: Path) -> None:
    said = why(mode, tmp_path)
    assert sentence in said
    assert "\n" not in said


def test_it_is_ended_at_its_memory_ceiling(tmp_path: Path) -> None:
    assert "--memory-mb" in why("wants memory", tmp_path, Limits(memory_mb=200, free_disk_mb=0))


def test_it_is_ended_before_the_disk_is_full(tmp_path: Path) -> None:
    limits = Limits(memory_mb=100_000, free_disk_mb=10**12)
    assert "full" in why("waits", tmp_path, limits)


def test_it_is_ended_when_it_says_nothing(tmp_path: Path) -> None:
    limits = Limits(memory_mb=100_000, free_disk_mb=0, silent_seconds=1)
    assert "was silent for" in why("says nothing", tmp_path, limits)


def test_one_that_computes_may_be_silent_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = itertools.count(step=2)
    monkeypatch.setattr(training_client, "_computed_seconds", lambda _pid: next(computed))
    limits = Limits(memory_mb=100_000, free_disk_mb=0, silent_seconds=3)
    trained, heard = run("is silent for a while", tmp_path, limits)
    assert trained.steps == 100
    assert heard == []


def test_a_program_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="cannot be started"):
        run_training(training_in(tmp_path), tmp_path, PLENTY, lambda _: None, ("/no/such/program",))


def interrupt_when_training(limits: Limits, mode: str, folder: Path) -> None:
    """Press Ctrl-C as soon as the process has said something."""

    def interrupt(_progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        run_training(training_in(folder), folder, limits, interrupt, fake(mode))
    assert not children()


def test_ctrl_c_lets_it_keep_a_checkpoint(tmp_path: Path) -> None:
    interrupt_when_training(PLENTY, "waits", tmp_path)
    assert (tmp_path / "checkpoint").read_text() == "from a checkpoint"


def test_one_that_does_not_stop_is_ended(tmp_path: Path) -> None:
    limits = Limits(memory_mb=100_000, free_disk_mb=0, stopping_seconds=0.5)
    interrupt_when_training(limits, "ignores its end", tmp_path)


def test_missing_packages_are_one_sentence_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_spec(name: str) -> object | None:
        return None if name in {"torch", "gguf"} else object()

    monkeypatch.setattr(training_client.importlib.util, "find_spec", find_spec)
    with pytest.raises(TrainerMissing, match=r"torch and gguf.*pip install 'tabwright\[train\]'"):
        require_trainer()


def test_a_process_whose_starter_is_gone_keeps_a_checkpoint(tmp_path: Path) -> None:
    """The end of standard input is all that it needs to know."""
    with training_client._started(fake("waits"), training_in(tmp_path)) as child:
        assert child.process.stdin is not None
        child.process.stdin.close()
        child.process.wait(30)
    assert (tmp_path / "checkpoint").exists()


def test_it_leaves_no_threads_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    run("normally", tmp_path)
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
