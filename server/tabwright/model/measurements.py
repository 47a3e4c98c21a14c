"""How fast models are on this machine, remembered from when each was first loaded.

Remembered, because what a model may read follows from its speed: were it measured anew at each
start, the same place could get another suggestion every day.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
from filelock import FileLock

from tabwright.user_directories import data_directory

logger = logging.getLogger(__name__)

_FILE = "measurements.json"
_PATIENCE_SECONDS = 0.5
"""Another process holds the lock for as long as it takes to write a few lines."""


class Measurement(msgspec.Struct, frozen=True):
    """What a model costs here."""

    read: float
    """Prompt tokens per second."""
    write: float
    """Answer tokens per second."""
    load_seconds: float = 0.0
    """0 where nobody has asked for it."""
    memory_mb: float = 0.0
    """Resident memory of a process with this model alone; 0 where nobody has asked for it."""


def measurement_key(weights: Path, adapter: str, gpu_layers: int, library_version: str) -> str:
    """Return what a measurement holds for: the files, the device and llama.cpp."""
    try:
        size = weights.stat().st_size
    except OSError:
        size = 0
    parts = (weights.name, size, Path(adapter).name, gpu_layers, library_version)
    return "|".join(str(part) for part in parts)


def remembered(key: str) -> Measurement | None:
    """Return what was measured, None if nothing was or the file cannot be read."""
    return _read().get(key)


def remember(key: str, measurement: Measurement) -> None:
    """Keep a measurement; a disk that cannot take it costs only the next start a second."""
    path = data_directory() / _FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two editor windows may measure two models at the same time.
        with FileLock(path.with_suffix(".lock"), timeout=_PATIENCE_SECONDS):
            _write(path, {**_read(), key: measurement})
    except OSError as error:
        logger.warning("The measured speed cannot be kept in %s: %s.", path, error)


def _write(path: Path, everything: Mapping[str, Measurement]) -> None:
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(everything)))
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def forget_all() -> None:
    """Measure every model again when it is next loaded."""
    with contextlib.suppress(OSError):
        (data_directory() / _FILE).unlink(missing_ok=True)


def _read() -> dict[str, Measurement]:
    path = data_directory() / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Measurement])
    except (OSError, msgspec.DecodeError):
        return {}
