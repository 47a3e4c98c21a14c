"""Where the weight file of a manifest is on this machine.

One folder per model under `weights_directory()` holds the file as it came, perhaps a faster copy
made from it, and `source.json`. Everything here is cheap enough for every start of the server and
reaches no network; what fetches is in `weights_fetching`.
"""

from __future__ import annotations

from pathlib import Path

from tabwright.errors import WeightsMissing
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
    raise WeightsMissing(
        f"The weights of {manifest.id} are not on this machine; fetch them with"
        f" `tabwright models pull {manifest.id}`."
    )


def weights_folder(manifest: Manifest) -> Path:
    """Return the folder of a model's fetched files; it may not exist."""
    return weights_directory() / manifest.id


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
