"""Processes that never pause, as a compiler beside an editor does."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

_LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""
"""It also ends when whoever started it is gone, however that came."""


@contextlib.contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Let some processes compute without a pause meanwhile; afterwards they are gone."""
    others: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            others.append(subprocess.Popen([sys.executable, "-c", _LOOP]))
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
