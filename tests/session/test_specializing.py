"""The command in a child process, as an editor's server runs it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tabwright.session.specializing import Outcome, Specializing

SCRIPT = """
import json, sys, time
say = lambda **message: print(json.dumps(message), flush=True)
mode = sys.argv[1]
say(kind="plan", files=3)
say(kind="progress", fraction=0.25, message="1:30 left")
if mode == "finishes":
    print("what a library prints")
    print("x" * 3_000_000)
    say(kind="judging", fraction=0.5, message="5 of 10 questions")
    say(kind="finished", installed=False, message=" ".join(sys.argv[2:]))
elif mode == "fails":
    say(kind="failed", message="The disk is full.")
    sys.exit(1)
elif mode == "dies":
    sys.exit(9)
else:
    import signal
    def stop(*_):
        say(kind="interrupted", message="Stopped.")
        sys.exit(130)
    signal.signal(signal.SIGTERM, stop)
    say(kind="progress", fraction=0.3, message="ready to be stopped")
    time.sleep(600)
"""


def running(mode: str) -> Specializing:
    return Specializing((sys.executable, "-c", SCRIPT, mode))


async def test_progress_and_the_last_word_are_told(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    outcome = await running("finishes").run(
        tmp_path, ("--minutes", "5"), lambda fraction, words: told.append((fraction, words))
    )
    assert outcome == Outcome(True, f"--workspace {tmp_path} --json --yes --minutes 5")
    assert told == [(0.25, "Training: 1:30 left"), (0.5, "Judging: 5 of 10 questions")]


@pytest.mark.parametrize(
    ("mode", "sentence"), [("fails", "The disk is full."), ("dies", "exit status 9")]
)
async def test_a_failure_is_one_sentence(mode: str, sentence: str, tmp_path: Path) -> None:
    specializing = running(mode)
    outcome = await specializing.run(tmp_path, (), lambda *_: None)
    assert not outcome.is_done
    assert sentence in outcome.message
    assert specializing.folder is None


async def test_a_command_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    outcome = await Specializing(("/no/such/program",)).run(tmp_path, (), lambda *_: None)
    assert "cannot be started" in outcome.message


async def begun(specializing: Specializing, folder: Path) -> asyncio.Task[Outcome]:
    ready = asyncio.Event()

    def on_progress(_fraction: float, words: str) -> None:
        if "ready" in words:
            ready.set()

    task = asyncio.create_task(specializing.run(folder, (), on_progress))
    await asyncio.wait_for(ready.wait(), 30)
    return task


async def test_a_second_one_is_refused_and_the_first_can_be_stopped(tmp_path: Path) -> None:
    specializing = running("waits")
    first = await begun(specializing, tmp_path)
    second = await specializing.run(tmp_path, (), lambda *_: None)
    assert not second.is_done
    assert tmp_path.name in second.message
    await specializing.stop()
    assert await first == Outcome(False, "Stopped.")
    assert specializing.folder is None


async def test_cancelling_ends_the_process(tmp_path: Path) -> None:
    specializing = running("waits")
    task = await begun(specializing, tmp_path)
    process = specializing._process
    assert process is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert process.returncode == 130


async def test_stopping_where_nothing_runs_does_nothing() -> None:
    await Specializing().stop()
