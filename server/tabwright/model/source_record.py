"""`source.json` beside a weight file: where it came from and what it must look like."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from tabwright.errors import WeightsUnavailable
from tabwright.model.incoming_file import synchronise_folder
from tabwright.model.manifest import WeightsSource

_NAME = "source.json"


class StoredFile(msgspec.Struct, frozen=True):
    """One weight file in the folder."""

    name: str
    size: int
    sha256: str
    quantisation: str


class SourceRecord(msgspec.Struct, frozen=True):
    """What was fetched, and the faster copy that was made of it, if any."""

    source: WeightsSource
    """The manifest's own entry when it was fetched; another one means other weights."""
    origin: str
    """Exactly what was fetched: an address with a commit, or a pinned requirement."""
    original: StoredFile
    faster: StoredFile | None = None
    """The same weights in a format this machine computes faster, see `requantise`."""
    faster_reason: str = ""
    """Why there is a faster copy, or why there is none."""
    faster_is_decided: bool = False
    """False when fetching again should try (again) to make a faster copy."""


def read_record(folder: Path) -> SourceRecord | None:
    """Return the record of a folder of weights; None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / _NAME).read_bytes(), type=SourceRecord)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(folder: Path, record: SourceRecord) -> None:
    """Replace the record of a folder in one step.

    Raises:
        WeightsUnavailable: the folder cannot be written.
    """
    partial = folder / f"{_NAME}.partial"
    try:
        with partial.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / _NAME)
    except OSError as error:
        raise WeightsUnavailable(
            f"{folder} cannot be written: {error.strerror or error}."
        ) from error
    synchronise_folder(folder)
