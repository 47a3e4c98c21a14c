"""Whether the machine runs on its battery."""

from __future__ import annotations

import functools
import time

import psutil

_ASKED_AGAIN_SECONDS = 30.0


def is_on_battery() -> bool:
    """Return whether the battery is in use; False where there is none or nobody can tell."""
    return _asked(int(time.monotonic() // _ASKED_AGAIN_SECONDS))


@functools.lru_cache(maxsize=1)
def _asked(_period: int) -> bool:
    try:
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    except (OSError, ValueError, RuntimeError):  # drivers report nonsense at times
        return False
    return battery is not None and not battery.power_plugged
