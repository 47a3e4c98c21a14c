"""Every model that can be chosen: the bundled `models/*.toml`, those made here, the user's own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from tabwright.bundled_data import models_folder
from tabwright.errors import ManifestError
from tabwright.model.manifest import GENERAL, Manifest
from tabwright.user_directories import specialised_models_directory, user_models_directory


@dataclass(frozen=True)
class Catalogue:
    """The manifests that could be read, and one sentence for each that could not."""

    manifests: tuple[Manifest, ...]
    """Sorted by id."""
    problems: tuple[str, ...]

    def get(self, model_id: str) -> Manifest:
        """Return the manifest with this id.

        Raises:
            ManifestError: there is none; the message suggests the nearest ids.
        """
        for manifest in self.manifests:
            if manifest.id == model_id:
                return manifest
        known = [manifest.id for manifest in self.manifests]
        near = difflib.get_close_matches(model_id, known, n=2, cutoff=0.5)
        advice = (
            f"did you mean {' or '.join(near)}?"
            if near
            else "`tabwright models list` shows every model."
        )
        raise ManifestError(f"There is no model {model_id!r}: {advice}")

    @property
    def default(self) -> Manifest:
        """The model that is used when nothing else is chosen.

        A user's manifest with `is_default = true` goes before the bundled default.

        Raises:
            ManifestError: no readable manifest says `is_default = true`.
        """
        chosen = [manifest for manifest in self.manifests if manifest.is_default]
        if not chosen:
            raise ManifestError(
                "No model manifest says `is_default = true`; choose a model in the settings."
            )
        bundled = str(models_folder())
        return min(chosen, key=lambda manifest: manifest.folder == bundled)


def catalogue_folders() -> tuple[Path, ...]:
    """Return the folders of manifests: the bundled one, that of the models made here, and the
    user's; only the first is sure to exist.
    """
    return models_folder(), specialised_models_directory(), user_models_directory()


def read_catalogue(folders: Sequence[Path]) -> Catalogue:
    """Read every `*.toml` directly inside the folders; a later folder overrides by id.

    Raises nothing for a bad file: it is left out and named in `Catalogue.problems`. A folder that
    does not exist holds no manifests.
    """
    manifests: dict[str, Manifest] = {}
    problems: list[str] = []
    for folder in folders:
        for path in _manifest_files(folder, problems):
            try:
                manifest = read_manifest(path)
            except ManifestError as error:
                problems.append(str(error))
            else:
                manifests[manifest.id] = manifest
    for orphan in _orphans(manifests):
        problems.append(
            f"{orphan.folder}/{orphan.id}.toml: field `base` names {orphan.base!r}, which is no"
            " model here, or was itself made from this one."
        )
        del manifests[orphan.id]
    in_order = tuple(manifests[model_id] for model_id in sorted(manifests))
    return Catalogue(manifests=in_order, problems=tuple(problems))


def _orphans(manifests: Mapping[str, Manifest]) -> list[Manifest]:
    """Return the models that do not lead, by way of their bases, to one without a base."""
    found = []
    for manifest in manifests.values():
        ancestor, seen = manifest, {manifest.id}
        while ancestor.base in manifests and ancestor.base not in seen:
            ancestor = manifests[ancestor.base]
            seen.add(ancestor.id)
        if ancestor.base:
            found.append(manifest)
    return found


def read_manifest(path: Path) -> Manifest:
    """Read and check one manifest.

    Raises:
        ManifestError: one sentence that names the file and, where there is one, the field.
    """
    try:
        manifest = msgspec.toml.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is not UTF-8 text.") from error
    except msgspec.ValidationError as error:
        raise ManifestError(f"{path}: {_in_words(str(error))}.") from error
    except msgspec.DecodeError as error:
        raise ManifestError(f"{path} is not valid TOML: {error}.") from error
    manifest = msgspec.structs.replace(manifest, folder=str(path.parent))
    for contradiction in _contradictions(manifest, path):
        raise ManifestError(f"{path}: {contradiction}.")
    return manifest


def _manifest_files(folder: Path, problems: list[str]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problems.append(f"{folder} cannot be read: {error.strerror or error}.")
        return []


def _in_words(message: str) -> str:
    """Turn msgspec's ``Expected `int`, got `str` - at `$.a.b` `` into "field `a.b`: expected…"."""
    text, _, place = message.partition(" - at ")
    field = place.strip("`").removeprefix("$").removeprefix(".")
    missing = re.fullmatch(r"Object missing required field `(.+)`", text)
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", text)
    inside = f"{field}." if field else ""
    if missing:
        return f"field `{inside}{missing[1]}` is missing"
    if unknown:
        return f"field `{inside}{unknown[1]}` is not known"
    return f"field `{field}`: {text[:1].lower()}{text[1:]}" if field else text


def _contradictions(manifest: Manifest, path: Path) -> Iterator[str]:
    """Yield what the types alone cannot rule out, most important first."""
    if manifest.id != path.stem:
        yield f"field `id` is {manifest.id!r} but must be {path.stem!r}, as in the file's name"
    if manifest.licence.commercial_use != "allowed" and not manifest.licence.warning:
        yield "field `licence.warning` must say in a sentence what the licence does not allow"
    form = manifest.fill_in_the_middle
    if form is not None and len({form.prefix, form.suffix, form.middle}) < 3:
        yield "field `fill_in_the_middle` needs three different strings"
    if manifest.adapter and not _is_below(manifest.adapter):
        yield (
            f"field `adapter` is {manifest.adapter!r} but must be a path below the manifest's"
            " folder, such as `weights/mine.gguf`"
        )
    if not manifest.languages:
        yield 'field `languages` is empty; use ["*"] for a general model'
    for each in manifest.evidence:
        if each.low > each.high:
            yield f"field `evidence.low` is {each.low}, above `evidence.high`, {each.high}"
        if each.against == manifest.id:
            yield "field `evidence.against` names the model itself"
        if not {each.language, GENERAL} & set(manifest.languages) and each.language != GENERAL:
            yield (
                f"field `evidence.language` is {each.language!r}, which is none of the model's"
                " `languages`"
            )
    for name in manifest.uncertain:
        if not _is_field(manifest, name):
            yield f"field `uncertain` names {name!r}, which is no field of this manifest"


def _is_below(adapter: str) -> bool:
    """Whether a path stays inside the folder that it starts at, on every system."""
    windows = PureWindowsPath(adapter)
    is_absolute = PurePosixPath(adapter).is_absolute() or bool(windows.drive or windows.root)
    return not is_absolute and ".." not in windows.parts and "\0" not in adapter


def _is_field(value: object, dotted_name: str) -> bool:
    for part in dotted_name.split("."):
        if not isinstance(value, msgspec.Struct) or part not in value.__struct_fields__:
            return False
        value = getattr(value, part)
    return True
