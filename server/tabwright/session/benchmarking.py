"""Time an installed model on this machine, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tabwright.completion.budget import Speeds
from tabwright.errors import WeightsMissing
from tabwright.model.client import ModelProcess
from tabwright.model.manifest import Manifest
from tabwright.model.measurements import Measurement, remember
from tabwright.model.messages import Description
from tabwright.model.weights import problem_with
from tabwright.session.loading import for_measuring, measured_as, unsized_request, with_context
from tabwright.settings import Settings


@dataclass(frozen=True)
class Benchmarked:
    """What a model costs here."""

    manifest: Manifest
    measured: Measurement
    context_tokens: int
    """The context that it is loaded with at this speed."""
    description: Description
    """What llama.cpp computes with."""


async def benchmark(
    manifest: Manifest,
    settings: Settings,
    on_step: Callable[[str], None] = lambda _step: None,
) -> Benchmarked:
    """Load a model with its adapter, measure it, and remember what came out.

    Speeds are those of all cores and hold whatever the setting `threads` says. Memory is that of
    a process which has read and written, with the context that the model is used with.

    Raises:
        WeightsMissing: its weights or its adapter are not here, or damaged.
        ModelError: it cannot be loaded, or the process ended.
    """
    problem = problem_with(manifest)
    request = unsized_request(manifest, settings)
    if problem or request is None:
        raise WeightsMissing(problem or f"The weights of {manifest.id} are not on this machine.")
    process = ModelProcess()
    try:
        on_step("loading")
        description = await process.describe()
        small = for_measuring(request)
        loaded = await process.load(small)
        on_step("measuring")
        first = await process.measure(small.model_key)
        await process.unload(small.model_key)
        speeds = Speeds(first.read_tokens_per_second, first.write_tokens_per_second)
        whole = with_context(request, manifest, settings, speeds)
        await process.load(whole)
        await process.measure(whole.model_key)  # touches what a request touches
        measured = Measurement(
            read=speeds.read,
            write=speeds.write,
            load_seconds=loaded.seconds,
            memory_mb=_resident_mb(process.process_id),
        )
    finally:
        await process.stop()
    remember(measured_as(small), measured)
    return Benchmarked(manifest, measured, whole.context_tokens, description)


def _resident_mb(process_id: int | None) -> float:
    try:
        return float(psutil.Process(process_id).memory_info().rss) / 1_000_000
    except psutil.Error:
        return 0.0
