"""`tabwright specialize` in a child process, for an editor: one at a time, and never waited for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tabwright.model.safe_python import python_module_command

logger = logging.getLogger(__name__)

OnProgress = Callable[[float, str], None]
"""Is told how far it is, 0 to 1, and a few words."""

_STOPPING_SECONDS = 30.0
_LONGEST_LINE_BYTES = 1 << 20
_PHASES = {"progress": "Training", "judging": "Judging"}
_LAST_KINDS = frozenset({"finished", "failed", "interrupted", "removed"})


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    is_done: bool
    """Whether it came to its end; a model that was not better is an end too."""
    message: str
    """One sentence for a person."""


class Specializing:
    """The run that is under way, if there is one; on the event loop."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        """`command` stands in for this package's own in tests."""
        self._command = tuple(command) or (*python_module_command("tabwright"), "specialize")
        self._process: asyncio.subprocess.Process | None = None
        self._folder: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The workspace folder whose model is being made, None when there is none."""
        return self._folder

    async def run(self, folder: Path, options: Sequence[str], on_progress: OnProgress) -> Outcome:
        """Make the model of a workspace folder and return what came of it.

        A second one is refused while one is under way. Cancelling stops the run, which goes on
        where it stopped when it is asked for again.
        """
        if self._folder is not None:
            return Outcome(False, f"{self._folder.name} is being specialised for; wait or stop it.")
        self._folder = folder
        try:
            return await self._run(folder, options, on_progress)
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            self._folder = self._process = None

    async def stop(self) -> None:
        """End the run; what it has learned so far is kept."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOPPING_SECONDS)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _run(self, folder: Path, options: Sequence[str], on_progress: OnProgress) -> Outcome:
        words = ("--workspace", str(folder), "--json", "--yes", *options)
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # all that is to be said is on stdout
                limit=_LONGEST_LINE_BYTES,
            )
        except OSError as error:
            return Outcome(False, f"The command cannot be started: {error}.")
        assert process.stdout is not None, "asked for as a pipe"
        last: Outcome | None = None
        while line := await _line_of(process.stdout):
            message = _message_in(line)
            kind = message.get("kind")
            if kind in _PHASES:
                said = f"{_PHASES[str(kind)]}: {message.get('message', '')}"
                on_progress(_number(message.get("fraction")), said)
            elif kind in _LAST_KINDS:
                last = Outcome(kind in {"finished", "removed"}, str(message.get("message", "")))
        code = await process.wait()
        if last is None:
            return Outcome(False, f"Specialising ended without a word (exit status {code}).")
        return last


async def _line_of(stream: asyncio.StreamReader) -> bytes:
    """Return the next line, nothing at the end; one that is too long is passed over."""
    while True:
        try:
            return await stream.readline()
        except ValueError:
            logger.warning("A line of the specialising command was too long.")


def _message_in(line: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
