"""What is in the archive of a package, read into memory within limits.

Nothing is unpacked to the disk, so a path that leads elsewhere, a link or a device can do no harm;
they are left out. What unpacks to far more than packages hold ends the reading with an error.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tabwright.errors import CorpusError

LARGEST_UNPACKED_BYTES = 1_000_000_000
MOST_MEMBERS = 200_000
LARGEST_MEMBER_BYTES = 1_000_000
"""Of larger members only the size is told."""

_UNSAFE = re.compile(r"[\x00-\x1f\\]|(?:^|/)\.\.(?:/|$)|^/|^[A-Za-z]:")
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60


@dataclass(frozen=True)
class Member:
    """One file of an archive."""

    path: str
    """With forward slashes, relative, without `..`."""
    size: int
    content: bytes | None
    """None when it is larger than LARGEST_MEMBER_BYTES."""


def read_members(archive: Path, is_wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Yield the regular files whose path is wanted, in the archive's order.

    Raises:
        CorpusError: it is damaged, of no known kind, or unpacks to more than packages hold.
    """
    try:
        if archive.name.endswith(".whl"):
            yield from _zip_members(archive, is_wanted)
        elif archive.name.endswith(".deb"):
            yield from _deb_members(archive, is_wanted)
        else:
            with archive.open("rb") as file:
                yield from _tar_members(file, archive.name, is_wanted)
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
        raise _damaged(archive, error) from error
    except (EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _damaged(archive, error) from error
    except OSError as error:  # gzip and bz2 tell damage this way, too
        raise _damaged(archive, error) from error


def _zip_members(archive: Path, is_wanted: Callable[[str], bool]) -> Iterator[Member]:
    read = 0
    with zipfile.ZipFile(archive) as wheel:
        members = wheel.infolist()
        if len(members) > MOST_MEMBERS:
            raise _too_large(archive.name)
        for member in members:
            kind = (member.external_attr >> 16) & 0o170000
            if member.is_dir() or kind not in {0, 0o100000} or not _is_safe(member.filename):
                continue
            if not is_wanted(member.filename):
                continue
            if member.file_size > LARGEST_MEMBER_BYTES:
                yield Member(member.filename, member.file_size, None)
                continue
            with wheel.open(member) as file:  # the size told may be a lie
                content = file.read(LARGEST_MEMBER_BYTES + 1)
            read += len(content)
            if read > LARGEST_UNPACKED_BYTES or len(content) > LARGEST_MEMBER_BYTES:
                raise _too_large(archive.name)
            yield Member(member.filename, len(content), content)


def _tar_members(file: IO[bytes], name: str, is_wanted: Callable[[str], bool]) -> Iterator[Member]:
    limited = _Limited(_decompressed(file, name), name)
    count = 0
    with tarfile.open(fileobj=cast("IO[bytes]", limited), mode="r|") as tar:
        for member in tar:
            count += 1
            if count > MOST_MEMBERS:
                raise _too_large(name)
            path = member.name.removeprefix("./")
            if not member.isreg() or not _is_safe(path) or not is_wanted(path):
                continue
            if member.size > LARGEST_MEMBER_BYTES:
                yield Member(path, member.size, None)
                continue
            extracted = tar.extractfile(member)
            if extracted is not None:
                yield Member(path, member.size, extracted.read())


def _deb_members(archive: Path, is_wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Read the data of a Debian package: an `ar` archive around a tar, see deb(5)."""
    with archive.open("rb") as file:
        if file.read(len(_AR_MAGIC)) != _AR_MAGIC:
            raise ValueError("it is no Debian package")
        while len(header := file.read(_AR_HEADER_BYTES)) == _AR_HEADER_BYTES:
            name = header[:16].decode("ascii", "replace").strip().rstrip("/")
            size = int(header[48:58])
            if name.startswith("data.tar"):
                yield from _tar_members(file, name, is_wanted)
                return
            file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("it holds no data")


def _decompressed(file: IO[bytes], name: str) -> IO[bytes]:
    if name.endswith((".tgz", ".gz")):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if name.endswith(".xz"):
        return lzma.LZMAFile(file)
    if name.endswith(".bz2"):
        return bz2.BZ2File(file)
    if name.endswith(".tar"):
        return file
    raise ValueError("it is compressed in an unknown way")


class _Limited:
    """A stream that ends with an error where it gives more than packages hold."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name
        self._left = LARGEST_UNPACKED_BYTES

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(self._name)
        return piece


def _is_safe(path: str) -> bool:
    return bool(path) and _UNSAFE.search(path) is None


def _too_large(name: str) -> CorpusError:
    return CorpusError(f"{name} unpacks to more than a package holds; it is not read.")


def _damaged(archive: Path, error: Exception) -> CorpusError:
    return CorpusError(
        f"{archive.name} is damaged: {error}. Delete {archive.parent} to fetch it anew."
    )
