"""How fast models are on this machine, remembered from when each was first loaded.

Remembered, because what a model may read follows from its speed: were it measured anew at each
start, the same place could get another suggestion every day.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import msgspec

from tabwright.user_directories import data_directory

logger = logging.getLogger(__name__)

_FILE = "measurements.json"


class Measurement(msgspec.Struct, frozen=True):
    """Tokens per second."""

    read: float
    write: float


def measurement_key(
    weights: Path, adapter: str, threads: int, gpu_layers: int, library_version: str
) -> str:
    """Return what a measurement holds for: the files, the threads, the device and llama.cpp."""
    try:
        size = weights.stat().st_size
    except OSError:
        size = 0
    parts = (weights.name, size, Path(adapter).name, threads, gpu_layers, library_version)
    return "|".join(str(part) for part in parts)


def remembered(key: str) -> Measurement | None:
    """Return what was measured, None if nothing was or the file cannot be read."""
    return _read().get(key)


def remember(key: str, measurement: Measurement) -> None:
    """Keep a measurement; a disk that cannot take it costs only the next start a second."""
    everything = {**_read(), key: measurement}
    path = data_directory() / _FILE
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(everything)))
        partial.replace(path)
    except OSError as error:
        logger.warning("The measured speed cannot be kept in %s: %s.", path, error.strerror)
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


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
