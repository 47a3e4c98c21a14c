"""How many threads to compute with, while other programs want the processor too.

llama.cpp's threads wait for one another many times per token. As long as each has a core to itself,
two are nearly twice as fast as one; beside busy neighbours one that waits holds up all, and a
single thread is several times as fast (`python tests/benchmarks/under_load.py`). The answer is the
same with any number, see `llama.py`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

_MEMORY = 0.6
_LEAST_SHARE = 0.75
"""Of the processor time that the threads could have had."""
_TELLING_TOKENS = 8
"""A smaller batch takes longer per token."""
_ASSUMED_SPEED = 400.0
_LOOK_SECONDS = 0.05
_BUSY_NEIGHBOURS, _QUIET_NEIGHBOURS = 0.35, 0.15
"""Of all cores. One busy program on two cores is busy already."""
_CALLS_ALONE = 40
"""How many batches one thread computes alone before several are tried again."""


@dataclass
class Pace:
    """What the last batches have told about the neighbours."""

    most_threads: int
    share: float = 1.0
    calls_alone: int = 0
    tokens_per_second: float = _ASSUMED_SPEED
    """How fast prompts were read lately."""

    @property
    def threads(self) -> int:
        """How many threads the next batch is best computed with."""
        return 1 if self.calls_alone > 0 else self.most_threads

    def note_neighbours(self, share: float) -> None:
        """Take into account how much of the machine other programs have used lately."""
        if share > _BUSY_NEIGHBOURS:
            self.calls_alone = _CALLS_ALONE
        elif share < _QUIET_NEIGHBOURS and self.calls_alone > 0:
            self.calls_alone = 0
            self.share = 1.0

    def note_speed(self, tokens: int, seconds: float) -> None:
        """Take the speed of a batch into account."""
        if tokens >= _TELLING_TOKENS:
            speed = tokens / max(seconds, 1e-9)
            self.tokens_per_second = self.tokens_per_second * _MEMORY + speed * (1 - _MEMORY)

    def note(self, elapsed_seconds: float, processor_seconds: float, threads: int) -> None:
        """Take a batch into account: how long it took, and how much of that it computed."""
        share = min(1.0, processor_seconds / max(elapsed_seconds * threads, 1e-9))
        self.share = self.share * _MEMORY + share * (1 - _MEMORY)
        if self.calls_alone > 0:
            self.calls_alone -= 1
            if self.calls_alone == 0:
                self.share = 1.0
        elif threads > 1 and self.share < _LEAST_SHARE:
            self.calls_alone = _CALLS_ALONE


class Neighbours:
    """What other programs use of the machine."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._busy, self._all = _machine_seconds()
        self._own = time.process_time()

    def share(self) -> float | None:
        """Return their share of all cores since the last look, None if that was just now."""
        now = time.monotonic()
        if now - self._at < _LOOK_SECONDS:
            return None
        busy, everything = _machine_seconds()
        own = time.process_time()
        others = busy - self._busy - (own - self._own)
        share = others / max(everything - self._all, 1e-9)
        self._at, self._busy, self._all, self._own = now, busy, everything, own
        return min(max(share, 0.0), 1.0)


def _machine_seconds() -> tuple[float, float]:
    """Return the processor time that was used on all cores, and that there was."""
    times = psutil.cpu_times()
    everything = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return everything - times.idle - getattr(times, "iowait", 0.0), everything
