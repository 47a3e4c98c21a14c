"""The models a session uses: chosen, loaded in the background, and given up when they fail."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import psutil

from tabwright.completion.budget import UNMEASURED, Budget, Speeds, budget_for
from tabwright.completion.pipeline import ReadyModel
from tabwright.completion.suggestion import NoSuggestion, Reason
from tabwright.errors import (
    ManifestError,
    ModelCrashed,
    ModelError,
    ModelGaveUp,
    ModelHung,
    ModelLoadFailed,
    ModelNotLoaded,
    TabwrightError,
)
from tabwright.model.catalogue import Catalogue
from tabwright.model.client import ModelProcess, ProcessPolicy, ProcessState, model_key
from tabwright.model.manifest import Manifest
from tabwright.model.measurements import (
    Measurement,
    measurement_key,
    remember,
    remembered,
)
from tabwright.model.messages import Loaded, LoadModel
from tabwright.model.routing import choose_manifest
from tabwright.model.weights import installed_weights
from tabwright.settings import CompletionSettings, Settings

logger = logging.getLogger(__name__)

_ROOM_FOR_DENSE_TEXT = 1.25
_MEASURING_CONTEXT_TOKENS = 512
_SHARE_OF_MEMORY = 0.25
_FEWEST_CORES = 2
_SECONDS_BELIEVED = 5.0
_LOAD_ATTEMPTS = 2


@dataclass(frozen=True)
class LoadEvent:
    """Something to tell the user about a model."""

    model: str
    phase: str
    """`loading`, `ready`, `failed` or `unloaded`."""
    fraction: float = 0.0
    problem: str = ""


@dataclass
class _Slot:
    """A model that is loaded or on its way."""

    manifest: Manifest
    request: LoadModel
    task: asyncio.Task[ReadyModel]
    ready: ReadyModel | None = None


class ModelHost:
    """Chooses and loads models; one per session, on its event loop."""

    def __init__(
        self,
        read_catalogue: Callable[[], Catalogue],
        on_event: Callable[[LoadEvent], None],
        on_process_state: Callable[[ProcessState], None] = lambda _state: None,
    ) -> None:
        self._read_catalogue = read_catalogue
        self._on_event = on_event
        self._settings = Settings()
        self.catalogue = read_catalogue()
        self.process = ModelProcess(on_state=on_process_state, on_unloaded=self._note_unloaded)
        self._slots: dict[str, _Slot] = {}
        self._failures: dict[str, ModelError] = {}
        self._measurements: dict[str, Measurement | None] = {}
        self._assumed_speeds: Speeds | None = None
        self._choices: dict[str, tuple[float, Manifest | NoSuggestion]] = {}
        self._requests: dict[str, tuple[float, LoadModel | None]] = {}
        self._is_stopped = False

    def configure(self, settings: Settings) -> None:
        """Take new settings; a model whose options change is loaded anew when next needed."""
        self._settings = settings
        self.process.policy = replace(
            self.process.policy or ProcessPolicy(), hang_seconds=settings.hang_seconds
        )
        self._forget()

    def refresh(self) -> None:
        """Read the manifests again and forget failures: something changed on disk."""
        self.catalogue = self._read_catalogue()
        self._measurements.clear()
        self._forget()

    def _forget(self) -> None:
        """Look at the disk again, and give what failed another chance."""
        self._failures.clear()
        self._choices.clear()
        self._requests.clear()

    def known(self) -> list[tuple[Manifest, bool]]:
        """Return every model with whether its weights are on this machine."""
        return [
            (manifest, installed_weights(manifest) is not None)
            for manifest in self.catalogue.manifests
        ]

    def choose(self, language: str) -> Manifest | NoSuggestion:
        """Return the model for a language, or why there is none.

        The disk is asked every few seconds at most, and at once when something changed there.
        """
        asked, chosen = self._choices.get(language, (-math.inf, None))
        if chosen is None or time.monotonic() - asked > _SECONDS_BELIEVED:
            chosen = self._choose(language)
            self._choices[language] = (time.monotonic(), chosen)
        return chosen

    def _choose(self, language: str) -> Manifest | NoSuggestion:
        wanted = self._settings.for_language(language).model
        if wanted == "auto":
            chosen = choose_manifest(
                self.catalogue.manifests,
                language,
                is_installed=lambda manifest: installed_weights(manifest) is not None,
                memory_mb=psutil.virtual_memory().total // 1_000_000,
            )
            return chosen or NoSuggestion(Reason.MODEL_MISSING)
        try:
            manifest = self.catalogue.get(wanted)
        except ManifestError as error:
            return NoSuggestion(Reason.MODEL_MISSING, str(error))
        if installed_weights(manifest) is None:
            detail = f"The chosen model is fetched by `tabwright models pull {manifest.id}`."
            return NoSuggestion(Reason.MODEL_MISSING, detail, manifest.id)
        return manifest

    def ready_now(self, manifest: Manifest) -> ReadyModel | NoSuggestion | None:
        """Return the model if it can be asked, why it cannot ever be, or None while it loads."""
        request = self._load_request(manifest)
        if request is None:
            return NoSuggestion(Reason.MODEL_MISSING, model=manifest.id)
        failure = self._failures.get(request.model_key)
        if failure is not None:
            return failed(failure, manifest.id)
        slot = self._slots.get(request.model_key)
        return slot.ready if slot is not None else None

    def begin_loading(self, manifest: Manifest) -> asyncio.Task[ReadyModel] | None:
        """Start to load a model unless that is under way; None when its weights are gone.

        After `stop` nothing is started any more, whatever a late message asks for.
        """
        request = self._load_request(manifest)
        if self._is_stopped or request is None or request.model_key in self._failures:
            return None
        slot = self._slots.get(request.model_key)
        if slot is None:
            task = asyncio.create_task(self._load(manifest, request))
            task.add_done_callback(_retrieve)
            slot = self._slots[request.model_key] = _Slot(manifest, request, task)
        return slot.task

    def note_failure(self, model: ReadyModel, error: ModelError) -> None:
        """Take the failure of a request into account: load the model again if that can help."""
        for key, slot in list(self._slots.items()):
            if slot.ready is model:
                del self._slots[key]
        if isinstance(error, ModelCrashed | ModelHung | ModelNotLoaded):
            self._slots.clear()  # a new process holds no model at all
            self.begin_loading(model.manifest)

    async def restart(self) -> None:
        """End the process and forget every failure."""
        self._drop_slots()
        self._failures.clear()
        await self.process.restart()

    async def stop(self) -> None:
        """End the process, for good."""
        self._is_stopped = True
        self._drop_slots()
        await self.process.stop()

    def _drop_slots(self) -> None:
        for slot in self._slots.values():
            slot.task.cancel()
        self._slots.clear()

    async def _load(self, manifest: Manifest, request: LoadModel) -> ReadyModel:
        def report(fraction: float) -> None:
            self._on_event(LoadEvent(manifest.id, "loading", fraction))

        report(0.0)
        try:
            await self._make_room(manifest, request.model_key)
            if self._assumed_speeds is None and self._measurement(request) is None:
                await self._measure(request)
                request = self._load_request(manifest) or request
            loaded = await self._load_with_fallback(request, report)
        except (ModelError, asyncio.CancelledError) as error:
            self._slots.pop(request.model_key, None)
            problem = str(error) if isinstance(error, ModelError) else ""
            if isinstance(error, ModelLoadFailed | ModelGaveUp):
                self._failures[request.model_key] = error
            self._on_event(LoadEvent(manifest.id, "failed", problem=problem))
            raise
        ready = self._ready(manifest, request, loaded)
        slot = self._slots.get(request.model_key)
        if slot is not None:
            slot.ready = ready
        self._on_event(LoadEvent(manifest.id, "ready", 1.0))
        return ready

    async def _measure(self, request: LoadModel) -> None:
        """Measure a model that was never loaded here; its prompts are sized by its speed.

        On all cores, whatever the setting `threads` says: a suggestion is not to depend on it.
        """
        key = f"{request.model_key}|measuring"
        small = msgspec.structs.replace(
            request,
            model_key=key,
            context_tokens=_MEASURING_CONTEXT_TOKENS,
            prefill_threads=_cores(),
            decode_threads=_cores(),
        )
        await self._load_with_fallback(small, lambda _fraction: None)
        measured = await self.process.measure(key)
        await self.process.unload(key)
        found = Measurement(
            read=measured.read_tokens_per_second, write=measured.write_tokens_per_second
        )
        logger.info(
            "Measured here: it reads %.0f and writes %.0f tokens per second.",
            found.read,
            found.write,
        )
        remember(_measured_as(request), found)
        self._measurements.clear()
        self._requests.clear()
        self._measurements[_measured_as(request)] = found

    def _measurement(self, request: LoadModel) -> Measurement | None:
        key = _measured_as(request)
        if key not in self._measurements:
            self._measurements[key] = remembered(key)
        return self._measurements[key]

    def assume_speeds(self, speeds: Speeds | None) -> None:
        """Take every model to be this fast, measured or not; None goes back to measuring."""
        self._assumed_speeds = speeds
        self._requests.clear()

    def speeds_of(self, manifest: Manifest) -> Speeds | None:
        """Return how fast a model is taken to be, None when its weights are gone."""
        request = self._load_request(manifest)
        return self._speeds(request) if request is not None else None

    def _speeds(self, request: LoadModel) -> Speeds:
        if self._assumed_speeds is not None:
            return self._assumed_speeds
        found = self._measurement(request)
        return UNMEASURED if found is None else Speeds(found.read, found.write)

    async def _load_with_fallback(
        self, request: LoadModel, report: Callable[[float], None]
    ) -> Loaded:
        """Load, once more after a crash, and without the GPU where `auto` finds it too small."""
        for attempt in range(_LOAD_ATTEMPTS):
            try:
                return await self.process.load(request, report)
            except (ModelCrashed, ModelHung):
                if attempt == _LOAD_ATTEMPTS - 1:
                    raise
            except ModelLoadFailed:
                if self._settings.gpu_layers != "auto" or request.gpu_layers == 0:
                    raise
                logger.warning("The model does not load on the GPU; the CPU is used.")
                request = msgspec.structs.replace(request, gpu_layers=0)
        return await self.process.load(request, report)

    def _ready(self, manifest: Manifest, request: LoadModel, loaded: Loaded) -> ReadyModel:
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
        usable = manifest
        if bad:
            usable = _without_strings(manifest, bad)
        return ReadyModel(
            manifest=usable,
            generator=self.process.generator_for(request.model_key),
            can_fill_in_the_middle=knows_all,
            context_tokens=loaded.context_tokens,
            speeds=self._speeds(request),
            name=f"{manifest.id}+{manifest.adapter}" if manifest.adapter else manifest.id,
        )

    async def _make_room(self, manifest: Manifest, key: str) -> None:
        """Unload other models until all together take at most a quarter of the memory."""
        budget_mb = psutil.virtual_memory().total * _SHARE_OF_MEMORY / 1_000_000
        others = [each for each in self._slots if each != key]
        total = manifest.memory_mb + sum(self._slots[each].manifest.memory_mb for each in others)
        for other in others:
            if total <= budget_mb and not self._is_stale(other):
                continue
            total -= self._slots[other].manifest.memory_mb
            del self._slots[other]
            await self.process.unload(other)

    def _is_stale(self, key: str) -> bool:
        """Whether a loaded model has options that are no longer asked for."""
        slot = self._slots[key]
        request = self._load_request(slot.manifest)
        return request is None or request.model_key != key

    def _load_request(self, manifest: Manifest) -> LoadModel | None:
        asked, request = self._requests.get(manifest.id, (-math.inf, None))
        if request is None or time.monotonic() - asked > _SECONDS_BELIEVED:
            request = self._new_load_request(manifest)
            self._requests[manifest.id] = (time.monotonic(), request)
        return request

    def _new_load_request(self, manifest: Manifest) -> LoadModel | None:
        weights = installed_weights(manifest)
        if weights is None:
            return None
        settings = self._settings
        threads = settings.threads or _cores()
        adapter = str(Path(manifest.folder) / manifest.adapter) if manifest.adapter else ""
        bounds = tuple(_bounds(each) for each in _settings_of_languages(settings))
        request = LoadModel(
            request_id=0,
            model_key="",
            weights_path=str(weights),
            adapter_path=adapter,
            context_tokens=0,
            prefill_threads=threads,
            decode_threads=threads,
            gpu_layers=-1 if settings.gpu_layers == "auto" else settings.gpu_layers,
            control_strings=manifest.control_strings,
            idle_unload_seconds=settings.idle_unload_seconds,
        )
        key = model_key(
            (manifest.id, request.weights_path, adapter, threads, request.gpu_layers, bounds)
        )
        speeds = self._speeds(request)
        wanted = max(_context_for(budget) for budget in _budgets(settings, speeds))
        return msgspec.structs.replace(
            request, model_key=key, context_tokens=min(manifest.context_tokens, wanted)
        )

    def _note_unloaded(self, key: str) -> None:
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._on_event(LoadEvent(slot.manifest.id, "unloaded"))


def failed(error: TabwrightError, model: str) -> NoSuggestion:
    """Return the outcome that tells of a failure of the model."""
    if isinstance(error, ModelGaveUp):
        return NoSuggestion(Reason.MODEL_GAVE_UP, str(error), model)
    if isinstance(error, ModelCrashed | ModelHung | ModelNotLoaded):
        return NoSuggestion(Reason.MODEL_RESTARTING, str(error), model)
    return NoSuggestion(Reason.MODEL_FAILED, str(error), model)


def _settings_of_languages(settings: Settings) -> list[CompletionSettings]:
    return [settings, *(settings.for_language(language) for language in settings.languages)]


def _bounds(settings: CompletionSettings) -> tuple[object, ...]:
    """Return the settings that decide how long a context must be."""
    waits = (settings.wait_seconds, settings.wait_by_hand_seconds)
    return (settings.context_tokens, *waits, settings.max_lines)


def _budgets(settings: Settings, speeds: Speeds) -> Iterator[Budget]:
    for each in _settings_of_languages(settings):
        for is_automatic in (True, False):
            yield budget_for(each, speeds, is_automatic=is_automatic)


def _context_for(budget: Budget) -> int:
    answer = max(budget.line_tokens, budget.block_tokens)
    return int(budget.context_tokens * _ROOM_FOR_DENSE_TEXT) + answer


def _measured_as(request: LoadModel) -> str:
    return measurement_key(
        Path(request.weights_path),
        request.adapter_path,
        request.gpu_layers,
        importlib.metadata.version("llama-cpp-python"),
    )


def _cores() -> int:
    """Return the cores to compute on: all but one for the editor, and two of two.

    Hyper-threads are not counted where that is known.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    cores = max(1, min(physical, allowed or physical))
    return cores if cores <= _FEWEST_CORES else cores - 1


def _retrieve(task: asyncio.Task[ReadyModel]) -> None:
    """Look at a background load's failure, which was reported as an event already."""
    if not task.cancelled() and (error := task.exception()) is not None:
        if isinstance(error, ModelError):
            logger.warning("%s", error)
        else:
            logger.error("Loading a model failed.", exc_info=error)


def _without_strings(manifest: Manifest, bad: set[str]) -> Manifest:
    """Return the manifest without the control strings that the loaded file does not have."""
    names = manifest.repository_format
    if names is not None and bad & {names.file_separator, names.repository_name}:
        names = None
    stops = tuple(text for text in manifest.stop_strings if text not in bad)
    return msgspec.structs.replace(manifest, repository_format=names, stop_strings=stops)
