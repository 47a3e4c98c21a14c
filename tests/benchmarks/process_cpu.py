"""How much processor time a process has used, looked at finely enough to see when it stops."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

_STEP_SECONDS = 0.0005
_NOTHING_SECONDS = 0.001
"""Less processor time than that is no work: a thread that reads a message, a timer."""


class CpuSampler:
    """The processor time of all threads of a process.

    Linux tells it in nanoseconds (`/proc/PID/task/*/schedstat`); it is up to date for threads that
    wait, and at most a tick (1 to 10 ms) behind for threads that run. Elsewhere it is what psutil
    says, in ticks of 10 ms.
    """

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._tasks = Path(f"/proc/{process.pid}/task")

    def seconds(self) -> float:
        """Return what the process has used so far."""
        try:
            files = [task / "schedstat" for task in self._tasks.iterdir()]
            return sum(int(file.read_bytes().split()[0]) for file in files) / 1e9
        except OSError:
            times = self._process.cpu_times()
            return float(times.user + times.system)

    def busy_until(self, seconds: float) -> float:
        """Watch for so many seconds; return the last moment (monotonic) at which it worked.

        That is now if it does not work at all.
        """
        start = time.monotonic()
        samples: list[tuple[float, float]] = []
        while not samples or samples[-1][0] < start + seconds:
            used = self.seconds()
            samples.append((time.monotonic(), used))
            time.sleep(_STEP_SECONDS)
        end = samples[-1][1]
        return next(moment for moment, used in samples if end - used <= _NOTHING_SECONDS)
