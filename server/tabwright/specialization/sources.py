"""Files to learn from and files to be judged by, and how they lie on disk while a model is made.

A part is JSON lines, one file each, with its editor language id, its path and its text; a corpus
of packages has more fields, which are not needed here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from tabwright.errors import CommandError

TRAIN_FILE = "train.jsonl"
HELD_OUT_FILE = "held_out.jsonl"


class SourceFile(msgspec.Struct, frozen=True):
    """One file of code, with line ends as they are and secrets masked."""

    language: str
    """The editor's language id, for example `python`."""
    path: str
    """Relative to its workspace or package, with forward slashes."""
    text: str
    package: str = ""
    version: str = ""
    kept_aside: tuple[tuple[int, int], ...] = ()
    """What of it is not learned from, where the rest is: half-open, in string offsets, ascending;
    empty where all or nothing of it is learned from. Only files that are held out have it."""

    @property
    def pieces(self) -> tuple[str, ...]:
        """What is kept aside of a file that is held out; of another file, all of it."""
        return tuple(self.text[start:end] for start, end in self.kept_aside) or (self.text,)


@dataclass(frozen=True)
class Sources:
    """What is learned from, and what never is."""

    train: tuple[SourceFile, ...]
    held_out: tuple[SourceFile, ...]

    @cached_property
    def digest(self) -> str:
        """A hash of everything in both parts: 64 hexadecimal digits."""
        found = hashlib.sha256()
        for part in (self.train, self.held_out):
            for file in part:
                for value in (file.language, file.path, file.package, file.text):
                    found.update(value.encode("utf-8", "surrogatepass"))
                    found.update(b"\0")
                found.update(repr(file.kept_aside).encode())
            found.update(b"\1")
        return found.hexdigest()

    @property
    def languages(self) -> tuple[tuple[str, int], ...]:
        """Characters to learn from by editor language id, most first."""
        counts: Counter[str] = Counter()
        for file in self.train:
            counts[file.language] += len(file.text)
        return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def counted(files: Sequence[SourceFile]) -> str:
    """Return how many files there are, and how many pieces of them where only these are meant."""
    pieces = pieces_kept_aside(files)
    return f"{pieces:,} pieces of {len(files):,} files" if pieces else f"{len(files):,} files"


def pieces_kept_aside(files: Iterable[SourceFile]) -> int:
    """Return how many pieces of files are kept aside; 0 where whole files are."""
    return sum(len(file.kept_aside) for file in files)


def lines_of(files: Iterable[SourceFile]) -> int:
    """Return how many lines with something in them the files have, or their pieces kept aside."""
    pieces = (piece for file in files for piece in file.pieces)
    return sum(1 for piece in pieces for line in piece.splitlines() if line.strip())


def write_sources(sources: Sources, folder: Path) -> None:
    """Write both parts into a folder, for nobody else to read; of the files that are held out, the
    pieces that are kept aside.

    Raises:
        OSError: the disk cannot take them.
    """
    held_out = [
        msgspec.structs.replace(file, text=piece, kept_aside=())
        for file in sources.held_out
        for piece in file.pieces
    ]
    for name, part in ((TRAIN_FILE, sources.train), (HELD_OUT_FILE, held_out)):
        partial = folder / f"{name}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for each in part:
                    file.write(msgspec.json.encode(_sayable(each)) + b"\n")
            partial.replace(folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise


def read_corpus(folder: Path, language: str) -> Sources:
    """Read the files of one editor language id from a corpus that `tabwright corpus build` made.

    Raises:
        CommandError: the folder holds no such corpus, or nothing in that language.
    """
    train, held_out = (_read_part(folder / name) for name in (TRAIN_FILE, HELD_OUT_FILE))
    chosen = Sources(
        tuple(file for file in train if file.language == language),
        tuple(file for file in held_out if file.language == language),
    )
    if not chosen.train or not chosen.held_out:
        there = sorted({file.language for file in (*train, *held_out)})
        raise CommandError(
            f"The corpus in {folder} has no {language} in both of its parts; it has"
            f" {', '.join(there) or 'nothing'}."
        )
    return chosen


def _read_part(path: Path) -> Sequence[SourceFile]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read ({error.strerror or error}); `tabwright corpus build` makes a"
            " corpus."
        ) from error
    try:
        return msgspec.json.decode(
            b"[" + b",".join(line for line in content.splitlines() if line.strip()) + b"]",
            type=list[SourceFile],
        )
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is no part of a corpus: {error}.") from error


def _sayable(file: SourceFile) -> SourceFile:
    """Return a file without half surrogate pairs, which UTF-8 cannot say."""
    text = file.text.encode("utf-8", "replace").decode()
    return msgspec.structs.replace(file, text=text)
