"""Manifests made from a few words, for tests."""

from __future__ import annotations

import msgspec

from tabwright.bundled_data import models_folder
from tabwright.model.catalogue import read_manifest
from tabwright.model.manifest import Evidence, Manifest

_BASE = read_manifest(models_folder() / "qwen2.5-coder-0.5b.toml")


def a_manifest(model_id: str, *languages: str, **fields: object) -> Manifest:
    """A manifest that differs from a bundled one in what is said."""
    values: dict[str, object] = {"id": model_id, "languages": languages or ("*",), **fields}
    return msgspec.structs.replace(_BASE, **values)


def evidence(
    against: str, low: float = 0.1, high: float = 0.3, language: str = "python"
) -> Evidence:
    """A comparison on held-out code."""
    return Evidence(
        language=language,
        against=against,
        measure="exact_match",
        ours=0.3,
        theirs=0.1,
        low=low,
        high=high,
        items=400,
        command="python compare.py",
    )
