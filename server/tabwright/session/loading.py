"""With which options a model is loaded, from its manifest, the settings and its speed here."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from tabwright.completion.budget import Budget, Speeds, budget_for
from tabwright.model.client import model_key
from tabwright.model.manifest import Manifest
from tabwright.model.measurements import measurement_key
from tabwright.model.messages import LoadModel
from tabwright.model.weights import adapter_path, installed_weights
from tabwright.settings import CompletionSettings, Settings

_ROOM_FOR_DENSE_TEXT = 1.25
_MEASURING_CONTEXT_TOKENS = 512
_FEWEST_CORES = 2


def unsized_request(manifest: Manifest, settings: Settings) -> LoadModel | None:
    """Return how to load a model but for its context, None when its weights are not here."""
    weights = installed_weights(manifest)
    if weights is None:
        return None
    threads = settings.threads or cores()
    adapter = str(adapter_path(manifest) or "")
    gpu_layers = -1 if settings.gpu_layers == "auto" else settings.gpu_layers
    bounds = tuple(_bounds(each) for each in settings.everywhere())
    return LoadModel(
        request_id=0,
        model_key=model_key(
            (manifest.id, weights, adapter, _modified(adapter), threads, gpu_layers, bounds)
        ),
        weights_path=str(weights),
        adapter_path=adapter,
        context_tokens=0,
        prefill_threads=threads,
        decode_threads=threads,
        gpu_layers=gpu_layers,
        control_strings=manifest.control_strings,
        idle_unload_seconds=settings.idle_unload_seconds,
    )


def with_context(
    request: LoadModel, manifest: Manifest, settings: Settings, speeds: Speeds
) -> LoadModel:
    """Return how to load a model for all prompts that the settings and its speed allow."""
    wanted = max(_context_for(budget) for budget in _budgets(settings, speeds))
    return msgspec.structs.replace(request, context_tokens=min(manifest.context_tokens, wanted))


def for_measuring(request: LoadModel) -> LoadModel:
    """Return how to load a model to measure it.

    On all cores, whatever the setting `threads` says: a suggestion is not to depend on it.
    """
    return msgspec.structs.replace(
        request,
        model_key=f"{request.model_key}|measuring",
        context_tokens=_MEASURING_CONTEXT_TOKENS,
        prefill_threads=cores(),
        decode_threads=cores(),
    )


def measured_as(request: LoadModel) -> str:
    """Return the key of a model's measurement."""
    return measurement_key(
        Path(request.weights_path),
        request.adapter_path,
        request.gpu_layers,
        importlib.metadata.version("llama-cpp-python"),
    )


def cores() -> int:
    """Return the cores to compute on: all but one for the editor, and two of two.

    Hyper-threads are not counted where that is known.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    found = max(1, min(physical, allowed or physical))
    return found if found <= _FEWEST_CORES else found - 1


def _modified(adapter: str) -> int:
    """Return when an adapter was written: one that was trained again is another model."""
    try:
        return Path(adapter).stat().st_mtime_ns if adapter else 0
    except OSError:
        return 0


def _bounds(settings: CompletionSettings) -> tuple[object, ...]:
    """Return the settings that decide how long a context must be."""
    waits = (settings.wait_seconds, settings.wait_by_hand_seconds)
    return (settings.context_tokens, *waits, settings.max_lines)


def _budgets(settings: Settings, speeds: Speeds) -> Iterator[Budget]:
    for each in settings.everywhere():
        for is_automatic in (True, False):
            yield budget_for(each, speeds, is_automatic=is_automatic)


def _context_for(budget: Budget) -> int:
    answer = max(budget.line_tokens, budget.block_tokens)
    return int(budget.context_tokens * _ROOM_FOR_DENSE_TEXT) + answer
