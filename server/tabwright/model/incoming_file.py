"""A weight file on its way in: written beside its place, checked, then renamed into it.

Nothing under a weight file's own name is ever incomplete: readers see the whole file or none.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from tabwright.errors import WeightsDamaged, WeightsUnavailable
from tabwright.model.gguf_file import check_gguf

OnProgress: TypeAlias = Callable[[str, int, int], None]
"""Called with a phase in plain words, the bytes done, and the bytes in all (0 when unknown)."""

PIECE_BYTES = 1024 * 1024
_SPARE_BYTES = 64 * 1024 * 1024
"""Room that must stay on the disk: filling it to the last byte breaks other programs."""


def check_free_space(folder: Path, needed_bytes: int) -> None:
    """Check that so many bytes fit on the disk of an existing folder.

    Raises:
        WeightsUnavailable: they do not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + _SPARE_BYTES:
        raise WeightsUnavailable(
            f"The disk of {folder} has {in_megabytes(free)} free and"
            f" {in_megabytes(needed_bytes + _SPARE_BYTES)} are needed; free some space, or set"
            " TABWRIGHT_DATA_DIR to a folder on another disk."
        )


def write_pieces(
    pieces: Iterable[bytes],
    partial: Path,
    *,
    start: int,
    total: int,
    phase: str,
    on_progress: OnProgress,
) -> None:
    """Write pieces to `partial` from the byte offset `start` on; at 0 the file begins anew.

    Progress is reported under the name `phase`.

    Raises:
        WeightsUnavailable: the disk is full or refuses; the partial file is deleted then. What
            the iterable raises passes through and leaves the partial file for a later resume.
    """
    done = start
    # Unbuffered: a full disk shows at the write, not when the file is closed.
    with _disk_errors_explained(partial, total):
        file = partial.open("ab" if start else "wb", buffering=0)
    with file:
        for piece in pieces:
            with _disk_errors_explained(partial, total):
                _write_whole(file.fileno(), piece)
            done += len(piece)
            on_progress(phase, done, total)
        with _disk_errors_explained(partial, total):
            _synchronise(file.fileno())


def accept(
    partial: Path, destination: Path, size: int, sha256: str, on_progress: OnProgress
) -> str:
    """Check a complete partial file, move it to its place and return its SHA-256.

    `size` 0 and `sha256` "" mean that nothing is known beforehand. The hash is taken from what
    the disk gives back, so it also covers the writing.

    Raises:
        WeightsDamaged: the size, the hash or the structure is wrong; the file is deleted.
    """
    try:
        found_sha256 = _checked(partial, destination.name, size, sha256, on_progress)
    except WeightsDamaged:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(destination)
    synchronise_folder(destination.parent)
    return found_sha256


def hash_file(path: Path, on_progress: OnProgress) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    total = path.stat().st_size
    done = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            done += len(piece)
            on_progress("verifying", done, total)
    return digest.hexdigest()


def synchronise_folder(folder: Path) -> None:
    """Make a rename inside the folder survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def in_megabytes(size: int) -> str:
    """Return a size in words, in units of 10^6 bytes."""
    return f"{size / 1e6:,.0f} MB"


def _checked(partial: Path, name: str, size: int, sha256: str, on_progress: OnProgress) -> str:
    found_size = partial.stat().st_size
    if size and found_size != size:
        raise WeightsDamaged(
            f"{name} came with {found_size:,} bytes instead of {size:,}; it was deleted. Try again."
        )
    found_sha256 = hash_file(partial, on_progress)
    if sha256 and found_sha256 != sha256:
        raise WeightsDamaged(
            f"{name} has another SHA-256 ({found_sha256[:12]}…) than its source promises"
            f" ({sha256[:12]}…); it was deleted. Try again, and distrust the source when it happens"
            " twice."
        )
    check_gguf(partial)
    return found_sha256


@contextlib.contextmanager
def _disk_errors_explained(partial: Path, total: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsUnavailable(
                f"The disk is full: {partial.parent} could not take the {in_megabytes(total)} of"
                " the weights; free some space, or set TABWRIGHT_DATA_DIR to another disk."
            ) from error
        raise WeightsUnavailable(
            f"{partial.parent} cannot be written: {error.strerror or error}."
        ) from error


def _synchronise(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems cannot synchronise and say so; a full or broken disk is another matter.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _write_whole(handle: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]
