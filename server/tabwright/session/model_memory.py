"""Which loaded models must go for another one to fit the memory budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tabwright.model.manifest import Manifest
from tabwright.model.messages import LoadModel
from tabwright.settings import Settings

_SHARE_OF_MEMORY = 0.25
_MB = 1_000_000


@dataclass(frozen=True)
class Footprint:
    """What a loaded model takes, in units of 10^6 bytes."""

    weights_path: str
    weights_mb: float
    """The file is mapped: models that share it have it in memory once."""
    own_mb: float
    """Context, buffers and adapter."""


def footprint(manifest: Manifest, request: LoadModel) -> Footprint:
    """Return what a model takes, by its manifest and the sizes of its files."""
    weights = _size_mb(request.weights_path)
    own = max(0.0, manifest.memory_mb - weights) + _size_mb(request.adapter_path)
    return Footprint(request.weights_path, weights, own)


def total_mb(footprints: Mapping[str, Footprint]) -> float:
    """Return what several models take together."""
    weights = {each.weights_path: each.weights_mb for each in footprints.values()}
    return sum(weights.values()) + sum(each.own_mb for each in footprints.values())


def to_unload(
    loaded: Mapping[str, Footprint], wanted: Footprint, budget_mb: float
) -> tuple[str, ...]:
    """Return the models to unload before another one is loaded.

    `loaded` has the least recently used first. One that is larger than the budget by itself is
    loaded alone.
    """
    left = dict(loaded)
    unloaded: list[str] = []
    for key in loaded:
        if total_mb({**left, "": wanted}) <= budget_mb:
            break
        del left[key]
        unloaded.append(key)
    return tuple(unloaded)


def budget_mb(settings: Settings) -> float:
    """Return how much memory all loaded models may take together."""
    if settings.model_memory_mb == "auto":
        return float(psutil.virtual_memory().total) * _SHARE_OF_MEMORY / _MB
    return float(settings.model_memory_mb)


def _size_mb(path: str) -> float:
    try:
        return Path(path).stat().st_size / _MB if path else 0.0
    except OSError:
        return 0.0
