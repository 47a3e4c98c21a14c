"""Puts a finished model among the installed ones, and takes it back.

A model is three files in the folder of the models made here: its adapter and its card, which have a
hash in their names, and last its manifest, which names them; each is written under another name
first. Until the manifest is there nobody knows of the others, and replacing it is one step: what is
interrupted leaves the earlier model, or none. The
folder is for its owner alone, because an adapter repeats what it was made from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tabwright.errors import ManifestError, SpecializationError
from tabwright.model.catalogue import read_manifest
from tabwright.model.manifest import FillInTheMiddle, LocalSource, Manifest, RepositoryFormat
from tabwright.model.weights import local_weights_path
from tabwright.user_directories import specialised_models_directory

ADAPTERS = "weights"
PRIVATE = 0o700
_HASH_DIGITS = 12
_NAME_CHARACTERS = 24

TAUGHT_FORM = FillInTheMiddle(
    order="spm-joined", prefix="<jupyter_start>", suffix="<jupyter_code>", middle="<jupyter_output>"
)
"""How a model without fill-in-the-middle is taught it: by tokens of its vocabulary that its own
training never used."""
TAUGHT_FILES = RepositoryFormat(file_separator="<file_sep>")
TAUGHT_FAMILIES = frozenset({"smollm2"})
TAUGHT_END = "<|im_end|>"
"""The token by which these say that they are done."""


def workspace_model_id(folder: Path) -> str:
    """Return the id of a workspace's model, which follows from the folder's path."""
    path = str(folder.resolve())
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    return f"workspace-{name[:_NAME_CHARACTERS] or 'folder'}-{digest[:8]}"


def language_model_id(language: str) -> str:
    """Return the id of a language's model that was made here."""
    return f"own-{re.sub(r'[^a-z0-9]+', '-', language.lower()).strip('-')}"


def candidate_manifest(
    base: Manifest,
    model_id: str,
    name: str,
    *,
    languages: tuple[str, ...],
    products: tuple[str, ...] = (),
) -> Manifest:
    """Return the manifest of a model made from another one, with neither adapter nor evidence yet.

    Raises:
        SpecializationError: the base cannot fill in the middle, and nobody knows which of its
            tokens it could be taught that with.
    """
    form, stops, files = base.fill_in_the_middle, base.stop_strings, base.repository_format
    if form is None:
        if base.family not in TAUGHT_FAMILIES:
            raise SpecializationError(
                f"{base.id} cannot fill in the middle, and its manifest names no tokens to teach it"
                " that with; choose another model with --base."
            )
        form, stops = TAUGHT_FORM, tuple(dict.fromkeys((*stops, TAUGHT_END)))
        files = files or TAUGHT_FILES
    return msgspec.structs.replace(
        base,
        id=model_id,
        name=name,
        base=base.id,
        languages=languages,
        products=products,
        use_cases=(),
        evidence=(),
        weights=_weights_anywhere(base),
        fill_in_the_middle=form,
        repository_format=files,
        stop_strings=stops,
        adapter="",
        is_default=False,
        uncertain=(),
        notes="Made on this machine by `tabwright specialize`; its card lies beside this file.",
        folder="",
    )


def _weights_anywhere(base: Manifest) -> Any:
    """Return the base's weights with a path that does not start at the base's folder."""
    source = base.weights.source
    if not isinstance(source, LocalSource):
        return base.weights
    path = str(local_weights_path(base, source))
    return msgspec.structs.replace(base.weights, source=msgspec.structs.replace(source, path=path))


def install(manifest: Manifest, adapter: Path, card: str) -> Manifest:
    """Install a model in place of an earlier one of its id, and return its manifest.

    Raises:
        SpecializationError: the disk cannot take it, or it cannot be used; what was installed
            before still is.
    """
    folder = specialised_models_directory()
    before = _files_of(manifest.id, folder)
    written: list[Path] = []
    try:
        for each in (folder, folder / ADAPTERS):
            make_private_folder(each)
        stem = f"{ADAPTERS}/{manifest.id}-{_digest(adapter)}"
        files = [folder / f"{stem}.gguf", folder / f"{stem}.md"]
        written = [path for path in files if not path.exists()]
        _write(files[0], lambda partial: shutil.copyfile(adapter, partial))
        _write(files[1], lambda partial: partial.write_text(card, encoding="utf-8"))
        complete = msgspec.structs.replace(manifest, adapter=f"{stem}.gguf")
        installed = _write_manifest(folder / f"{manifest.id}.toml", manifest_toml(complete))
    except (OSError, ManifestError) as error:
        _delete(written)
        reason = str(getattr(error, "strerror", "") or error).rstrip(".")
        raise SpecializationError(
            f"The model cannot be installed in {folder}: {reason}. What was installed before still"
            " is."
        ) from error
    _delete(path for path in before if path not in (*files, folder / f"{manifest.id}.toml"))
    return installed


def card_of(manifest: Manifest) -> Path:
    """Return where the card of a model that was made here is."""
    return (Path(manifest.folder) / manifest.adapter).with_suffix(".md")


def remove(model_id: str) -> bool:
    """Take a model back; says whether there was one.

    Raises:
        SpecializationError: its files cannot be deleted.
    """
    folder = specialised_models_directory()
    files = sorted(_files_of(model_id, folder), key=lambda path: path.suffix != ".toml")
    try:
        for path in files:  # the manifest first: without it nobody asks for the others
            path.unlink(missing_ok=True)
    except OSError as error:
        raise SpecializationError(
            f"{error.filename} cannot be deleted: {error.strerror or error}."
        ) from error
    return any(path.suffix == ".toml" for path in files)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can look into, also where it was there already.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    folder.chmod(PRIVATE)


def manifest_toml(manifest: Manifest) -> str:
    """Return a manifest as TOML, without what it leaves at its defaults."""
    values = msgspec.to_builtins(msgspec.structs.replace(manifest, folder=""))
    return "\n".join(_toml(values, ())) + "\n"


def _toml(table: Mapping[str, Any], way: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table: its values, then the tables in it."""
    kept = {key: value for key, value in table.items() if not _is_nothing(value)}
    for key, value in kept.items():
        if not _is_table(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in kept.items():
        inside = (*way, _key(key))
        if isinstance(value, Mapping):
            yield from ("", f"[{'.'.join(inside)}]", *_toml(value, inside))
        elif _is_table(value):
            for each in value:
                yield from ("", f"[[{'.'.join(inside)}]]", *_toml(each, inside))


def _is_nothing(value: object) -> bool:
    return value is None or (not isinstance(value, bool | int | float) and not value)


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)
    )


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    """Return a value: TOML's are JSON's where neither has nulls (TOML 1.0, "String")."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    written = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return written.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be said


def _write_manifest(path: Path, text: str) -> Manifest:
    """Check a manifest where it will lie, and put it there."""
    checked = path.parent / "checking" / path.name
    make_private_folder(checked.parent)
    try:
        checked.write_text(text, encoding="utf-8")
        read_manifest(checked)
    finally:
        shutil.rmtree(checked.parent, ignore_errors=True)
    _write(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return read_manifest(path)


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """Write a file under another name, wholly to the disk, and then give it its own."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        fill(partial)
        partial.chmod(0o600)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def _files_of(model_id: str, folder: Path) -> list[Path]:
    """Return a model's files, those of interrupted installations too."""
    own = [folder / f"{model_id}.toml", folder / f"{model_id}.toml.partial"]
    pattern = re.compile(
        rf"{re.escape(model_id)}-[0-9a-f]{{{_HASH_DIGITS}}}\.(?:gguf|md)(?:\.partial)?"
    )
    with contextlib.suppress(OSError):
        own += [path for path in (folder / ADAPTERS).iterdir() if pattern.fullmatch(path.name)]
    return [path for path in own if path.exists()]


def _delete(files: Iterable[Path]) -> None:
    for path in files:
        with contextlib.suppress(OSError):
            path.unlink()


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()[:_HASH_DIGITS]
