"""How many threads to compute with, while other programs want the processor too.

llama.cpp's threads wait for one another many times per token. As long as each has a core to itself,
two are nearly twice as fast as one; beside busy neighbours one that waits holds up all, and a
single thread is several times as fast (`python tests/benchmarks/under_load.py`). The answer is the
same with any number, see `llama.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

_MEMORY = 0.6
_LEAST_SHARE = 0.75
"""Of the processor time that the threads could have had."""
_TELLING_TOKENS = 8
"""A smaller batch takes longer per token."""
_ASSUMED_SPEED = 400.0
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
