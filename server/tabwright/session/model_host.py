"""The models a session uses: chosen, loaded in the background, and given up when they fail."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import psutil

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
from tabwright.model.client import ModelProcess, ProcessPolicy, ProcessState
from tabwright.model.manifest import Manifest
from tabwright.model.measurements import Measurement
from tabwright.model.messages import Loaded, LoadModel
from tabwright.model.routing import Machine, Route, Routed, route
from tabwright.model.weights import adapter_problem, damage_of, installed_weights, problem_with
from tabwright.session.load_requests import SECONDS_BELIEVED, LoadRequests
from tabwright.session.loading import for_measuring, ready_model
from tabwright.session.model_memory import budget_mb, footprint, to_unload
from tabwright.session.places import AskedAbout, asked_about
from tabwright.settings import Settings

logger = logging.getLogger(__name__)

_LOAD_ATTEMPTS = 2
_CHOICES_KEPT = 200


@dataclass(frozen=True)
class LoadEvent:
    """Something to tell the user about a model."""

    model: str
    phase: str
    """`loading`, `ready`, `failed` or `unloaded`."""
    fraction: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Choice:
    """The model for a place."""

    model: Manifest | NoSuggestion
    reason: str = ""
    """Why this one, in a few words."""


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
        self.requests = LoadRequests()
        """How models are loaded, and how fast they are taken to be."""
        self._slots: dict[str, _Slot] = {}
        self._failures: dict[str, ModelError] = {}
        self._choices: dict[Route, tuple[float, Choice]] = {}
        self._told: set[str] = set()
        self._gpu_memory_mb: int | None = None
        """None until a process was asked."""
        self._is_stopped = False

    def configure(self, settings: Settings) -> None:
        """Take new settings; a model whose options change is loaded anew when next needed."""
        self._settings = settings
        self.requests.configure(settings)
        self.process.policy = replace(
            self.process.policy or ProcessPolicy(), hang_seconds=settings.hang_seconds
        )
        self._forget()

    def refresh(self) -> None:
        """Read the manifests again and forget failures: something changed on disk."""
        self.catalogue = self._read_catalogue()
        self.requests.forget_measurements()
        self._forget()

    def _forget(self) -> None:
        """Look at the disk again, and give what failed another chance."""
        self._failures.clear()
        self._choices.clear()
        self.requests.look_again()

    @property
    def asked_about(self) -> AskedAbout:
        """What the models make a difference by."""
        return asked_about(self.catalogue.manifests)

    def known(self) -> list[tuple[Manifest, bool]]:
        """Return every model with whether its weights are on this machine."""
        return [
            (manifest, installed_weights(manifest) is not None)
            for manifest in self.catalogue.manifests
        ]

    def choose(self, where: Route | str) -> Manifest | NoSuggestion:
        """Return the model for a place, or why there is none.

        A language id alone stands for any place in that language. The disk is asked every few
        seconds at most, and at once when something changed there.
        """
        return self.choice(where).model

    def choice(self, where: Route | str) -> Choice:
        """Return the same with the reason."""
        where = Route(where) if isinstance(where, str) else where
        asked, choice = self._choices.get(where, (-math.inf, None))
        if choice is None or time.monotonic() - asked > SECONDS_BELIEVED:
            while len(self._choices) >= _CHOICES_KEPT:
                del self._choices[next(iter(self._choices))]
            choice = self._choose(where)
            self._choices[where] = (time.monotonic(), choice)
        return choice

    def _choose(self, where: Route) -> Choice:
        wanted = self._settings.for_place(where.language, where.workspace).model
        if wanted == "auto":
            return self._routed(where)
        return Choice(self._wanted(wanted), "chosen in the settings")

    def _routed(self, where: Route) -> Choice:
        found = self.routed(where)
        if found.chosen is not None:
            return Choice(found.chosen.manifest, found.chosen.reason)
        for judged in found.others:
            if installed_weights(judged.manifest) is not None and self._failed_before(
                judged.manifest
            ):
                return Choice(judged.manifest, judged.reason)  # whoever asks is told of its failure
        for judged in found.others:
            if damage := damage_of(judged.manifest):
                return Choice(NoSuggestion(Reason.MODEL_FAILED, damage, judged.manifest.id))
        return Choice(NoSuggestion(Reason.MODEL_MISSING))

    def routed(self, where: Route, machine: Machine | None = None) -> Routed:
        """Return which model the rules choose for a place, and what became of the others."""
        return route(self.catalogue.manifests, where, machine or self.machine(), self._problem_with)

    def _wanted(self, model_id: str) -> Manifest | NoSuggestion:
        try:
            manifest = self.catalogue.get(model_id)
        except ManifestError as error:
            return NoSuggestion(Reason.MODEL_MISSING, str(error))
        problem = damage_of(manifest) or adapter_problem(manifest)
        if not problem and installed_weights(manifest) is None:
            detail = f"The chosen model is fetched by `tabwright models pull {manifest.id}`."
            return NoSuggestion(Reason.MODEL_MISSING, detail, manifest.id)
        return NoSuggestion(Reason.MODEL_FAILED, problem, manifest.id) if problem else manifest

    def machine(self) -> Machine:
        """Return what models may take here, and how fast those are that were measured."""
        measured = {
            manifest.id: found
            for manifest in self.catalogue.manifests
            if (request := self.requests.of(manifest)) is not None
            and (found := self.requests.measurement(request)) is not None
        }
        return Machine(
            memory_mb=psutil.virtual_memory().total // 1_000_000,
            gpu_memory_mb=(self._gpu_memory_mb or 0) if self._settings.gpu_layers != 0 else 0,
            speeds=measured,
        )

    def _problem_with(self, manifest: Manifest) -> str:
        """Return why a model cannot be used; a broken adapter is told in the log too, once."""
        problem = problem_with(manifest)
        if not problem:
            failure = self._failed_before(manifest)
            return f"It cannot be loaded: {failure}" if failure else ""
        if installed_weights(manifest) is not None and problem not in self._told:
            self._told.add(problem)
            logger.warning("%s", problem)
        return problem

    def _failed_before(self, manifest: Manifest) -> ModelError | None:
        request = self.requests.of(manifest)
        failure = self._failures.get(request.model_key) if request is not None else None
        return failure if isinstance(failure, ModelLoadFailed) else None

    def ready_now(self, manifest: Manifest) -> ReadyModel | NoSuggestion | None:
        """Return the model if it can be asked, why it cannot ever be, or None while it loads."""
        request = self.requests.of(manifest)
        if request is None:
            return NoSuggestion(Reason.MODEL_MISSING, model=manifest.id)
        failure = self._failures.get(request.model_key)
        if failure is not None:
            return failed(failure, manifest.id)
        slot = self._slots.pop(request.model_key, None)
        if slot is None:
            return None
        self._slots[request.model_key] = slot  # the last is the one that was used last
        return slot.ready

    def begin_loading(self, manifest: Manifest) -> asyncio.Task[ReadyModel] | None:
        """Start to load a model unless that is under way; None when its weights are gone.

        After `stop` nothing is started any more, whatever a late message asks for.
        """
        request = self.requests.of(manifest)
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
            await self._ask_for_gpu()
            await self._make_room(manifest, request)
            if self.requests.wants_measurement(request):
                await self._measure(request)
                request = self.requests.of(manifest) or request
            loaded = await self._load_with_fallback(request, report)
        except (ModelError, asyncio.CancelledError) as error:
            self._slots.pop(request.model_key, None)
            problem = str(error) if isinstance(error, ModelError) else ""
            if isinstance(error, ModelLoadFailed | ModelGaveUp):
                self._failures[request.model_key] = error
                self._choices.clear()  # another model can answer
            self._on_event(LoadEvent(manifest.id, "failed", problem=problem))
            raise
        ready = ready_model(
            manifest,
            loaded,
            self.process.generator_for(request.model_key),
            self.requests.speeds(request),
        )
        slot = self._slots.get(request.model_key)
        if slot is not None:
            slot.ready = ready
        self._on_event(LoadEvent(manifest.id, "ready", 1.0))
        return ready

    async def _ask_for_gpu(self) -> None:
        """Take into account how much memory the largest GPU has, once a process can say so."""
        if self._gpu_memory_mb is None:
            self._gpu_memory_mb = max((await self.process.describe()).gpu_memory_mb, default=0)
            if self._gpu_memory_mb:
                self._choices.clear()

    async def _measure(self, request: LoadModel) -> None:
        """Measure a model that was never loaded here; its prompts are sized by its speed."""
        small = for_measuring(request)
        key = small.model_key
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
        self.requests.note_measured(request, found)

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

    async def _make_room(self, manifest: Manifest, request: LoadModel) -> None:
        """Unload what is out of date, then what was not used for longest, to the memory budget."""
        others = {
            key: slot
            for key, slot in self._slots.items()
            if key != request.model_key and slot.ready is not None
        }
        stale = [key for key in others if self._is_stale(key)]
        held = {
            key: footprint(slot.manifest, slot.request)
            for key, slot in others.items()
            if key not in stale
        }
        wanted = footprint(manifest, request)
        for key in (*stale, *to_unload(held, wanted, budget_mb(self._settings))):
            self._slots.pop(key, None)
            await self.process.unload(key)

    def _is_stale(self, key: str) -> bool:
        """Whether a loaded model has options that are no longer asked for."""
        slot = self._slots[key]
        request = self.requests.of(slot.manifest)
        return request is None or request.model_key != key

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


def _retrieve(task: asyncio.Task[ReadyModel]) -> None:
    """Look at a background load's failure, which was reported as an event already."""
    if not task.cancelled() and (error := task.exception()) is not None:
        if isinstance(error, ModelError):
            logger.warning("%s", error)
        else:
            logger.error("Loading a model failed.", exc_info=error)
