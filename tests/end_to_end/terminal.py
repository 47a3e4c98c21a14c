"""A program in a terminal that nobody looks at."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 30.0


class Terminal:
    """Runs a program on a terminal of 80 columns and types into it."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.output = b""
        self._status: int | None = None
        self._process, self._ours = pty.fork()
        if not self._process:  # the child, whose terminal this now is
            try:
                os.chdir(folder)
                os.execvpe(command[0], command, {**environment, "TERM": "xterm-256color"})
            finally:
                os._exit(127)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        with contextlib.suppress(OSError):  # the end of a terminal is an error to its reader
            while data := os.read(self._ours, 65536):
                self.output += data

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_error: object) -> None:
        if not self._has_ended():
            os.killpg(self._process, signal.SIGKILL)
            self.wait_for_end()
        os.close(self._ours)

    def _has_ended(self) -> bool:
        if self._status is None:
            process, status = os.waitpid(self._process, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if process else None
        return self._status is not None

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition is true, and return its value."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (value := condition()):
            if time.monotonic() > deadline:
                screen = self.output[-2000:].decode(errors="replace")
                raise AssertionError(f"nothing came of it; the terminal's last: {screen!r}")
            time.sleep(0.1)
        return value

    def wait_for_end(self) -> int | None:
        """Wait until the program has ended and return its exit status."""
        self.until(self._has_ended)
        return self._status


def saved(file: Path) -> str:
    """Return what is in a file; nothing while an editor that saves has it moved out of the way."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
