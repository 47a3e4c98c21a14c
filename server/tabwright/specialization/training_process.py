"""The program that trains: `python -m tabwright.specialization.training_process`.

Reads one JSON line, `Training`, from stdin; writes `Report`s as JSON lines to stdout. When its
stdin ends it keeps a checkpoint and ends too, so that it does not outlive the command that started
it.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time

import msgspec

from tabwright.errors import TabwrightError
from tabwright.specialization.training_messages import NotTrained, Report, Training

_MISSING = 3
_SECONDS_TO_STOP = 15.0
"""A step, and what is kept of the run, take less."""


def main() -> int:
    """Run one training; the exit code is 0 when it came to its end."""
    outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not reach the reports

    def say(report: Report) -> None:
        outgoing.write(msgspec.json.encode(report) + b"\n")

    try:
        training = msgspec.json.decode(sys.stdin.buffer.readline(), type=Training)
    except msgspec.DecodeError as error:
        say(NotTrained("input", f"The options cannot be read: {error}."))
        return 1
    stop = threading.Event()
    threading.Thread(target=_end_with_stdin, args=(stop,), name="stdin", daemon=True).start()
    try:
        from tabwright.specialization.training import train  # noqa: PLC0415 # it may be missing
    except ImportError as error:
        say(
            NotTrained("input", f"{error.name or error} is missing: pip install 'tabwright[train]'")
        )
        return _MISSING
    try:
        say(train(training, say, stop.is_set))
    except TabwrightError as error:
        say(NotTrained("input", str(error)))
    except OSError as error:
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        say(NotTrained("disk" if is_full else "other", f"{error.strerror or error}."))
    except MemoryError:
        say(NotTrained("memory", "There is not enough memory."))
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        is_memory = "memory" in said
        say(NotTrained("memory" if is_memory else "other", said))
    else:
        return 0
    return 1


def _end_with_stdin(stop: threading.Event) -> None:
    while os.read(0, 4096):  # not `sys.stdin`, whose lock must be free when Python ends
        pass
    stop.set()
    time.sleep(_SECONDS_TO_STOP)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
