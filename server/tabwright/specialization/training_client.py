"""Runs the training process and watches it: its words, its memory, its disk, and its silence.

It is a process of its own so that neither the command nor the server holds PyTorch, and so that
whatever goes wrong in it costs nothing else. What it is told and what it says are the messages of
`training_messages.py`; it keeps checkpoints, and ends when its standard input ends. What it makes
it writes into its run's folder; nothing that is installed is within its reach.
"""

from __future__ import annotations

import collections
import contextlib
import importlib.util
import logging
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from tabwright.errors import TrainerMissing, TrainingFailed, TrainingInterrupted
from tabwright.model.safe_python import python_module_command
from tabwright.specialization.training_messages import (
    NotTrained,
    Progress,
    Report,
    Trained,
    Training,
)

logger = logging.getLogger(__name__)

TRAINER_MODULE = "tabwright.specialization.training_process"
_NEEDED_PACKAGES = ("torch", "gguf")
"""Those of the extra `train` that the training process imports."""
_LOOK_SECONDS = 0.5
_SIGN_OF_LIFE_SECONDS = 1.0
"""So much computing is more than waiting takes."""
_BUSY_TIMES = 6
_NICE = 5
"""A person goes on working meanwhile."""
_LAST_WORDS = 20
_LONGEST_LINE = 300

_reports: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


@dataclass(frozen=True)
class Limits:
    """When the process is ended."""

    memory_mb: int
    """The most it may hold, its children included, in units of 10^6 bytes."""
    free_disk_mb: int = 200
    """What is to stay free on the disk of its folder."""
    silent_seconds: float = 600.0
    """How long it may neither say nor compute anything; one that computes may be silent for six
    times as long, as loading, compiling and timing are on a slow or busy machine."""
    stopping_seconds: float = 20.0
    """How long it may take to end when it is to stop."""


@dataclass
class _Child:
    """The process and what is known of it."""

    process: subprocess.Popen[bytes]
    lines: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    """What it says; None is its end."""
    last_words: collections.deque[str] = field(
        default_factory=lambda: collections.deque(maxlen=_LAST_WORDS)
    )


def require_trainer() -> None:
    """Look whether the packages that train are installed, without loading them.

    Raises:
        TrainerMissing: some are not.
    """
    missing = [name for name in _NEEDED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainerMissing(
            f"Training needs {_listed(missing)}, not installed here: run"
            " `pip install 'tabwright[train]'` in the environment of this command."
        )


def trainer_command() -> list[str]:
    """Return the command line of the training process."""
    return python_module_command(TRAINER_MODULE)


def run_training(
    training: Training,
    folder: Path,
    limits: Limits,
    on_progress: Callable[[Progress], None],
    command: Sequence[str] = (),
) -> Trained:
    """Train in a process of its own, and return what it says at its end.

    `folder` is where it works. After Ctrl-C its last checkpoint is there to go on from.

    Raises:
        TrainingFailed: it crashed, fell silent, or ran out of memory or disk; one sentence says
            which, and nothing of it runs any more.
        TrainingInterrupted: Ctrl-C.
    """
    with _started(command or trainer_command(), training) as child:
        try:
            return _watch(child, folder, limits, on_progress)
        except KeyboardInterrupt:
            _stop_gently(child, limits.stopping_seconds)
            raise TrainingInterrupted("Training was stopped.") from None


@contextmanager
def _started(command: Sequence[str], training: Training) -> Iterator[_Child]:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C in a terminal is for this process, which then ends that one gently.
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    except OSError as error:
        raise TrainingFailed(f"The training process cannot be started: {error}.") from error
    child = _Child(process)
    threads = [
        threading.Thread(target=reader, args=(child,), daemon=True)
        for reader in (_read_lines, _read_errors)
    ]
    for thread in threads:
        thread.start()
    try:
        with contextlib.suppress(psutil.Error, OSError):
            psutil.Process(process.pid).nice(_NICE if os.name == "posix" else _below_normal())
        assert process.stdin is not None, "asked for as a pipe"
        with contextlib.suppress(OSError):  # one that ends at once says why on stderr
            process.stdin.write(msgspec.json.encode(training) + b"\n")
            process.stdin.flush()
        yield child
    finally:
        _kill(process)
        for thread in threads:
            thread.join(5)
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()


def _below_normal() -> int:
    return int(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 0))


def _watch(
    child: _Child,
    folder: Path,
    limits: Limits,
    on_progress: Callable[[Progress], None],
) -> Trained:
    last_heard = last_alive = last_look = time.monotonic()
    computed = 0.0
    while True:
        now = time.monotonic()
        if now - last_look > _LOOK_SECONDS:
            last_look = now
            _check_limits(child, folder, limits)
            so_far = _computed_seconds(child.process.pid)
            if so_far > computed + _SIGN_OF_LIFE_SECONDS:
                computed, last_alive = so_far, now
        if (
            now - max(last_heard, last_alive) > limits.silent_seconds
            or now - last_heard > _BUSY_TIMES * limits.silent_seconds
        ):
            raise TrainingFailed(
                f"The training process was silent for {now - last_heard:.0f} s and was ended."
            )
        try:
            line = child.lines.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            raise TrainingFailed(_why_it_ended(child, folder, limits))
        last_heard = time.monotonic()
        match _report_in(line):
            case Progress() as progress:
                on_progress(progress)
            case Trained() as trained:
                return trained
            case NotTrained(kind="disk"):
                raise TrainingFailed(_disk_sentence(folder))
            case NotTrained(message=reason):
                raise TrainingFailed(f"Training failed: {reason.rstrip('.')}.")
            case None:
                pass


def _check_limits(child: _Child, folder: Path, limits: Limits) -> None:
    used = _memory_mb(child.process.pid)
    if used > limits.memory_mb:
        raise TrainingFailed(
            f"Training needs more than the {limits.memory_mb:,} MB it may take and was ended;"
            " --memory-mb raises that."
        )
    if _free_mb(folder) < limits.free_disk_mb:
        raise TrainingFailed(_disk_sentence(folder))


def _computed_seconds(pid: int) -> float:
    """Return how long a process has computed, 0 once it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _memory_mb(pid: int) -> float:
    """Return what a process and its children hold in memory, 0 once it has ended."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    except psutil.Error:
        return 0.0
    return total / 1_000_000


def _free_mb(folder: Path) -> float:
    try:
        return shutil.disk_usage(folder).free / 1_000_000
    except OSError:
        return float("inf")  # a folder that vanished is the process's to report


def _disk_sentence(folder: Path) -> str:
    return f"Training was ended, because the disk of {folder} is full."


def _why_it_ended(child: _Child, folder: Path, limits: Limits) -> str:
    try:
        code = child.process.wait(limits.stopping_seconds)
    except subprocess.TimeoutExpired:
        return "The training process closed its output and was ended."
    for _ in range(10):  # its last words may still be under way
        if child.last_words:
            break
        time.sleep(0.05)
    words = list(child.last_words)
    if any("No space left on device" in line or "ENOSPC" in line for line in words):
        return _disk_sentence(folder)
    if code == -9 or any("MemoryError" in line or "out of memory" in line for line in words):
        return (
            "The training process was ended, most likely because the machine has too little free"
            " memory; close something large, or choose a smaller model with --base."
        )
    missing = next((line for line in reversed(words) if "ModuleNotFoundError" in line), "")
    if missing:
        return (
            f"The training process lacks a package ({missing.rpartition(' ')[2]}): run"
            " `pip install 'tabwright[train]'`."
        )
    how = f"signal {-code}" if code < 0 else f"exit status {code}"
    said = f": {words[-1].rstrip('.')}" if words else ""
    return f"The training process ended unexpectedly ({how}){said}."


def _report_in(line: bytes) -> Report | None:
    """Return what a line says, None for what a library may have printed."""
    try:
        return _reports.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _read_lines(child: _Child) -> None:
    stdout = child.process.stdout
    assert stdout is not None, "asked for as a pipe"
    with contextlib.suppress(OSError, ValueError):
        for line in stdout:
            child.lines.put(line)
    child.lines.put(None)


def _read_errors(child: _Child) -> None:
    """Keep the last lines of stderr. It must be read whatever it holds: a full pipe blocks."""
    stderr = child.process.stderr
    assert stderr is not None, "asked for as a pipe"
    with contextlib.suppress(OSError, ValueError):
        for line in stderr:
            text = line.decode("utf-8", "replace").strip()[:_LONGEST_LINE]
            if text:
                child.last_words.append(text)
                logger.debug("training process: %s", text)


def _stop_gently(child: _Child, seconds: float) -> None:
    """Let the process end by itself; a second Ctrl-C does not wait for it."""
    stdin = child.process.stdin
    with contextlib.suppress(OSError):
        if stdin is not None:
            stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        child.process.wait(seconds)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children; they are in a session of their own."""
    with contextlib.suppress(psutil.Error):
        for each in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                each.kill()
    with contextlib.suppress(OSError):
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
