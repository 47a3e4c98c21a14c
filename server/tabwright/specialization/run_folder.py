"""The folder in which one model is made: its texts, its checkpoint, and what came of the training.

It lies in the user's data directory, for its owner alone, and is deleted once the model is
installed or has lost. What was interrupted goes on from it when nothing has changed since: the same
texts, the same base, the same options.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from tabwright.errors import SpecializationError
from tabwright.specialization.installing import make_private_folder
from tabwright.specialization.sources import Sources, write_sources
from tabwright.specialization.training_messages import Trained
from tabwright.user_directories import specialising_directory

_RUN_FILE = "run.json"
_RESULT_FILE = "result.json"


@dataclass(frozen=True)
class RunFolder:
    """Where one model is made; got from `opened_run`."""

    path: Path
    is_resumed: bool
    """Whether there is something to go on from."""
    was_outdated: bool = False
    """Whether there was, and was of other texts, another base or other options."""

    @property
    def checkpoint(self) -> Path:
        """The file that the training process keeps and goes on from."""
        return self.path / "checkpoint"

    @property
    def adapter(self) -> Path:
        """Where the training process puts what it has made."""
        return self.path / "adapter.gguf"

    @property
    def excerpts(self) -> Path:
        """Where the texts are laid out to find excerpts in, while that is needed."""
        return self.path / "excerpts"

    @property
    def has_checkpoint(self) -> bool:
        """Whether the training process has left something to go on from."""
        return self.checkpoint.is_file()

    def trained(self) -> Trained | None:
        """Return what the training process said at its end, None where it has not come to it."""
        try:
            found = msgspec.json.decode((self.path / _RESULT_FILE).read_bytes(), type=Trained)
        except (OSError, msgspec.DecodeError):
            return None
        return found if self.adapter.is_file() else None

    def note_trained(self, trained: Trained) -> None:
        """Keep what the training process said at its end, so that it need not be asked again.

        Raises:
            OSError: the disk cannot take it.
        """
        _write(self.path / _RESULT_FILE, trained)

    def discard(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.path, ignore_errors=True)


@contextmanager
def opened_run(
    model_id: str, sources: Sources, identity: Mapping[str, Any], *, is_fresh: bool
) -> Iterator[RunFolder]:
    """Open the folder in which a model is made, alone, and put the texts there.

    `identity` is what must be the same, besides the texts, for a checkpoint to be of use.

    Raises:
        SpecializationError: another process makes this model, or the disk cannot take it.
    """
    root = specialising_directory()
    path = root / model_id
    wanted = {**identity, "sources": sources.digest}
    try:
        make_private_folder(root)
        lock = FileLock(root / f"{model_id}.lock", timeout=0)
        with _held(lock, model_id):
            is_same = not is_fresh and _read(path / _RUN_FILE) == wanted
            was_outdated = not is_fresh and not is_same and (path / _RUN_FILE).exists()
            if not is_same:
                shutil.rmtree(path, ignore_errors=True)
            make_private_folder(path)
            folder = RunFolder(path, is_same, was_outdated)
            write_sources(sources, path)
            _write(path / _RUN_FILE, wanted)
            yield folder
    except BrokenPipeError:
        raise  # who reads the progress has gone; the disk is well
    except OSError as error:
        raise SpecializationError(
            f"{path} cannot be written: {error.strerror or error}. Nothing that is installed was"
            " changed."
        ) from error


def discard_run(model_id: str) -> bool:
    """Delete what an interrupted run has left; says whether there was anything.

    Raises:
        SpecializationError: a process makes this model now.
    """
    root = specialising_directory()
    path = root / model_id
    if not path.exists():
        return False
    with _held(FileLock(root / f"{model_id}.lock", timeout=0), model_id):
        shutil.rmtree(path, ignore_errors=True)
    return True


@contextmanager
def _held(lock: FileLock, model_id: str) -> Iterator[None]:
    try:
        lock.acquire()
    except Timeout:
        raise SpecializationError(
            f"{model_id} is being made by another process: wait for its end, or stop it."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _read(path: Path) -> object:
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes())
    return None


def _write(path: Path, value: object) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(value))
    partial.replace(path)
