"""With which options a model is loaded, from its manifest, the settings and its speed here; and
what can be asked of it then.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from tabwright.completion.budget import Budget, Speeds, budget_for
from tabwright.completion.pipeline import ReadyModel
from tabwright.model.client import TextGenerator, model_key
from tabwright.model.manifest import Manifest
from tabwright.model.measurements import measurement_key
from tabwright.model.messages import Loaded, LoadModel
from tabwright.model.weights import adapter_path, installed_weights
from tabwright.settings import CompletionSettings, Settings

logger = logging.getLogger(__name__)

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


def ready_model(
    manifest: Manifest, loaded: Loaded, generator: TextGenerator, speeds: Speeds
) -> ReadyModel:
    """Return a loaded model as it can be asked: what its file does not know is left off."""
    form = manifest.fill_in_the_middle
    bad = set(loaded.bad_control_strings)
    knows_all = form is not None and not bad & {form.prefix, form.suffix, form.middle}
    if form is not None and not knows_all:
        logger.warning(
            "Model %s runs without fill-in-the-middle: its file does not have exactly one"
            " token for each of %s.",
            manifest.id,
            ", ".join(sorted(bad)),
        )
    return ReadyModel(
        manifest=_without_strings(manifest, bad) if bad else manifest,
        generator=generator,
        can_fill_in_the_middle=knows_all,
        context_tokens=loaded.context_tokens,
        speeds=speeds,
        name=manifest.display_name,
    )


def _without_strings(manifest: Manifest, bad: set[str]) -> Manifest:
    """Return the manifest without the control strings that the loaded file does not have."""
    names = manifest.repository_format
    if names is not None and bad & {names.file_separator, names.repository_name}:
        names = None
    stops = tuple(text for text in manifest.stop_strings if text not in bad)
    return msgspec.structs.replace(manifest, repository_format=names, stop_strings=stops)


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
