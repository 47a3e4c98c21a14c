"""Which models the specialists' benchmark asks, and the files they are loaded from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raw_model import Served

from tabwright.errors import ManifestError
from tabwright.model.catalogue import Catalogue
from tabwright.model.manifest import Manifest
from tabwright.model.weights import installed_weights

_GENERAL = "*"


def base_of(catalogue: Catalogue) -> Manifest:
    """Return the bare base model: the default, or what the default is an adapter to.

    Raises:
        ManifestError: there is no default, or it is an adapter to nothing that has a manifest.
    """
    default = catalogue.default
    if not default.adapter:
        return default
    for manifest in catalogue.manifests:
        if not manifest.adapter and manifest.weights.source == default.weights.source:
            return manifest
    raise ManifestError(f"No manifest is that of the model to which {default.id} is an adapter.")


def models_asked(catalogue: Catalogue, ids: Sequence[str]) -> tuple[list[Served], list[str]]:
    """Return the models with these ids, the base first; and a sentence for each that is left out.

    Without ids these are all adapters whose files are here.

    Raises:
        ManifestError: there is no such model, or the base is not to be had.
    """
    base = base_of(catalogue)
    found = served(catalogue, base)
    if found is None:
        raise ManifestError(
            f"The weights of {base.id} are not here; fetch them with `tabwright models pull`."
        )
    asked, left_out = [found], []
    chosen = (
        [catalogue.get(each) for each in ids]
        if ids
        else [each for each in catalogue.manifests if each.adapter]
    )
    for manifest in chosen:
        model = served(catalogue, manifest)
        if manifest.id == base.id:
            continue
        if model is None:
            left_out.append(f"{manifest.id}: its weights are not on this machine")
        else:
            asked.append(model)
    return asked, left_out


def served(catalogue: Catalogue, manifest: Manifest) -> Served | None:
    """Return a model with its files, None where they are not all here.

    An adapter's weights are its base's, which may be stored under the base's id.
    """
    adapter = Path(manifest.folder) / manifest.adapter if manifest.adapter else None
    if adapter is not None and not adapter.is_file():
        return None
    same = [each for each in catalogue.manifests if each.weights.source == manifest.weights.source]
    for each in (manifest, *same):
        weights = installed_weights(each)
        if weights is not None:
            return Served(manifest, weights, adapter)
    return None


def speaks(model: Served, language: str) -> bool:
    """Whether a model is meant for a language."""
    return language in model.manifest.languages or _GENERAL in model.manifest.languages


def role(model: Served, base: Served) -> str:
    """Return what a model is beside the base."""
    if model.manifest.id == base.manifest.id:
        return "base"
    if getattr(model.manifest, "products", ()):
        return "workspace"
    if _GENERAL in model.manifest.languages:
        return "general"
    return "language"
