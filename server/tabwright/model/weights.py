"""Where the weight file of a manifest, and its adapter, are on this machine.

A folder under `weights_directory()` holds the file as it came, perhaps a faster copy made from it,
and `source.json`. Models with the same `[weights.source]` share one: that of the first of them that
was fetched. Everything here is cheap enough for every start of the server and reaches no network;
what fetches is in `weights_fetching`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tabwright.errors import WeightsDamaged, WeightsMissing
from tabwright.model.gguf_file import check_adapter
from tabwright.model.manifest import LocalSource, Manifest
from tabwright.model.source_record import SourceRecord, StoredFile, read_record
from tabwright.user_directories import weights_directory


def installed_weights(manifest: Manifest) -> Path | None:
    """Return the file to load, or None when it is not (or not wholly) on this machine.

    It compares sizes and hashes nothing. A faster copy goes before the original. Weights fetched
    for another `[weights.source]` do not count.
    """
    if isinstance(manifest.weights.source, LocalSource):
        path = local_weights_path(manifest, manifest.weights.source)
        return path if path.is_file() else None
    folder = weights_folder(manifest)
    record = stored_files(manifest)
    if record is None or not _is_whole(folder, record.original):
        return None
    if record.faster is not None and _is_whole(folder, record.faster):
        return folder / record.faster.name
    return folder / record.original.name


def require_weights(manifest: Manifest) -> Path:
    """Return the file to load.

    Raises:
        WeightsMissing: it is not there; the message says which command fetches it.
    """
    path = installed_weights(manifest)
    if path is not None:
        return path
    if isinstance(manifest.weights.source, LocalSource):
        wanted = local_weights_path(manifest, manifest.weights.source)
        raise WeightsMissing(
            f"The weights of {manifest.id} are not at {wanted}; put the file there or correct"
            " `weights.source.path` in its manifest."
        )
    if damage := damage_of(manifest):
        raise WeightsMissing(damage)
    raise WeightsMissing(
        f"The weights of {manifest.id} are not on this machine; fetch them with"
        f" `tabwright models pull {manifest.id}`."
    )


def damage_of(manifest: Manifest) -> str:
    """Return in one sentence that fetched weights are not what was fetched, nothing otherwise."""
    record = stored_files(manifest)
    if record is None or _is_whole(weights_folder(manifest), record.original):
        return ""
    return (
        f"The weights of {manifest.id} are missing or damaged,"
        f" {weights_folder(manifest) / record.original.name}; fetch them anew with"
        f" `tabwright models pull {manifest.id}`."
    )


def weights_folder(manifest: Manifest) -> Path:
    """Return the folder of a model's fetched files; it may not exist.

    It is called after the model, or after another one with the same source that was fetched; where
    nothing was fetched, a model that was made from another one takes that one's.
    """
    root = weights_directory()
    own, of_base = root / manifest.id, root / (manifest.base or manifest.id)
    for folder in (own, of_base, *_folders_in(root)):
        if _holds(folder, manifest):
            return folder
    is_taken = read_record(of_base) is not None
    return own if is_taken else of_base


def _folders_in(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir())
    except OSError:
        return []


def _holds(folder: Path, manifest: Manifest) -> bool:
    record = read_record(folder)
    return record is not None and record.source == manifest.weights.source


def adapter_path(manifest: Manifest) -> Path | None:
    """Return where a model's adapter is expected; None for a model without one."""
    return Path(manifest.folder) / manifest.adapter if manifest.adapter else None


def adapter_problem(manifest: Manifest) -> str:
    """Return what is wrong with a model's adapter in one sentence, nothing where all is well."""
    path = adapter_path(manifest)
    if path is None:
        return ""
    try:
        state = path.stat()
    except FileNotFoundError:
        return f"The adapter of {manifest.id} is not at {path}."
    except OSError as error:
        return f"The adapter of {manifest.id}, {path}, cannot be read: {error.strerror or error}."
    return _problem_with_adapter(path, state.st_mtime_ns, state.st_size, manifest.id)


@lru_cache(maxsize=256)
def _problem_with_adapter(path: Path, _modified: int, _size: int, model_id: str) -> str:
    """Read the file's header, once for each state that it is in."""
    try:
        check_adapter(path)
    except WeightsDamaged as error:
        return f"The adapter of {model_id} cannot be used: {error}"
    except OSError as error:
        return f"The adapter of {model_id}, {path}, cannot be read: {error.strerror or error}."
    return ""


def problem_with(manifest: Manifest) -> str:
    """Return why a model cannot be loaded, as far as can be told cheaply; nothing if it can."""
    try:
        require_weights(manifest)
    except WeightsMissing as error:
        return str(error)
    return adapter_problem(manifest)


def local_weights_path(manifest: Manifest, source: LocalSource) -> Path:
    """Return where a user's own file is; a relative path starts at the manifest's folder."""
    return Path(manifest.folder) / Path(source.path).expanduser()


def stored_files(manifest: Manifest) -> SourceRecord | None:
    """Return what is recorded about a model's fetched files.

    None when nothing was fetched, or it was fetched for another `[weights.source]`.
    """
    record = read_record(weights_folder(manifest))
    return record if record is not None and record.source == manifest.weights.source else None


def _is_whole(folder: Path, file: StoredFile) -> bool:
    try:
        return (folder / file.name).stat().st_size == file.size
    except OSError:
        return False
