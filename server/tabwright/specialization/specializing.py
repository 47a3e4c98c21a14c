"""One model made from another: trained, judged, and installed where it is better."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

import tabwright
from tabwright.errors import SpecializationError, TrainingInterrupted
from tabwright.model.manifest import Evidence, Manifest
from tabwright.model.weights import adapter_path, require_weights
from tabwright.specialization.installing import TAUGHT_END, TAUGHT_FAMILIES, install
from tabwright.specialization.judging import SPOTS, Contestant, Judgement, ask, judged
from tabwright.specialization.model_card import model_card
from tabwright.specialization.package_excerpts import PackageExcerpts
from tabwright.specialization.run_folder import RunFolder, opened_run
from tabwright.specialization.sources import HELD_OUT_FILE, TRAIN_FILE, Sources
from tabwright.specialization.spots import choose_spots
from tabwright.specialization.training_client import Limits, require_trainer, run_training
from tabwright.specialization.training_messages import Progress, Trained, Training
from tabwright.syntax.languages import LanguageRegistry
from tabwright.user_directories import data_directory

FEWEST_SPOTS = 60
"""Fewer could not tell a gain from luck."""
_MEGABYTES_PER_MILLION = 6
"""Of memory while training, by millions of parameters: weights in 32 bits, and some more."""
_MEGABYTES_BESIDES = 700
"""The libraries, and what a step computes."""
_DISK_MB = 500
_DISK_MB_PER_MILLION = 2

OnEvent = Callable[[Mapping[str, Any]], None]
"""Is told what happens: a `kind`, and what belongs to it."""


@dataclass(frozen=True)
class Plan:
    """What is to be made."""

    base: Manifest
    candidate: Manifest
    """The manifest of what is made, without its adapter and evidence."""
    sources: Sources
    what: str
    """What it is made for, as in a sentence."""
    command: str
    """What repeats it, but for how long it trains."""
    minutes: float
    seed: int
    memory_mb: int
    steps: int = 0
    """How many steps training takes; 0 for as many as there is time for."""
    is_fresh: bool = False


@dataclass(frozen=True)
class Commands:
    """The programs that do the work; empty ones are this package's own."""

    trainer: tuple[str, ...] = ()
    model_process: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """What came of it."""

    judgement: Judgement
    installed: Manifest | None
    """The model that was installed, None where it has not won and nothing has changed."""


def specialize(
    plan: Plan, languages: LanguageRegistry, on_event: OnEvent, commands: Commands | None = None
) -> Finished:
    """Make a model, and install it if it is better than the one that it was made from.

    Raises:
        TabwrightError: it cannot be made; what was installed before still is.
        TrainingInterrupted: Ctrl-C; the same call goes on from there.
    """
    commands = commands or Commands()
    if not commands.trainer:
        require_trainer()
    weights = require_weights(plan.base)
    _check_room(plan)
    learned = plan.sources.train if plan.candidate.products else ()
    spots = choose_spots(plan.sources.held_out, languages, SPOTS, plan.seed, learned)
    if len(spots) < FEWEST_SPOTS:
        raise SpecializationError(
            f"There are only {len(spots)} places to judge a model at; {FEWEST_SPOTS} are needed."
        )
    identity = _identity(plan, weights)
    with (
        opened_run(plan.candidate.id, plan.sources, identity, is_fresh=plan.is_fresh) as run,
        _interruptible(run),
    ):
        trained = _trained(plan, run, weights, on_event, commands)
        contestants = (
            Contestant(plan.base, weights, adapter_path(plan.base)),
            Contestant(plan.candidate, weights, run.adapter),
        )

        def on_asked(done: int, total: int) -> None:
            on_event({"kind": "judging", "done": done, "total": total})

        with _excerpts_to_judge_by(plan, run, languages) as excerpts:
            base, candidate = asyncio.run(
                ask(contestants, spots, languages, on_asked, commands.model_process, excerpts)
            )
        judgement = judged(spots, base, candidate, plan.seed)
        installed = None
        if judgement.wins:
            installed = _installed(plan, run, trained, judgement)
        run.discard()
    return Finished(judgement, installed)


@contextmanager
def _excerpts_to_judge_by(
    plan: Plan, run: RunFolder, languages: LanguageRegistry
) -> Iterator[PackageExcerpts | None]:
    """Give what shows other files to who is to see them: all of them, as the server would."""
    if not (plan.base.wants_excerpts or plan.candidate.wants_excerpts):
        yield None
        return
    # A file of which only pieces are kept aside is in both parts; whole in the second.
    files = {
        (file.package, file.path): file for file in (*plan.sources.train, *plan.sources.held_out)
    }
    with PackageExcerpts(files.values(), run.excerpts, languages) as excerpts:
        yield excerpts


@contextmanager
def _interruptible(run: RunFolder) -> Iterator[None]:
    """Turn Ctrl-C into a sentence that says whether there is something to go on from."""
    try:
        yield
    except (KeyboardInterrupt, TrainingInterrupted):
        if run.has_checkpoint or run.trained() is not None:
            raise TrainingInterrupted(
                "Stopped; nothing was installed or changed. The same command goes on from what was"
                " learned; --fresh begins anew."
            ) from None
        run.discard()
        raise TrainingInterrupted(
            "Stopped before anything was learned; nothing was installed or changed."
        ) from None


def _trained(
    plan: Plan, run: RunFolder, weights: Path, on_event: OnEvent, commands: Commands
) -> Trained:
    """Return what the training process says at its end, now or when it was interrupted later."""
    trained = run.trained()
    on_event(
        {
            "kind": "started",
            "resumed": run.is_resumed and (trained is not None or run.has_checkpoint),
            "outdated": run.was_outdated,
        }
    )
    if trained is not None:
        return trained
    training = Training(
        manifest=plan.candidate,
        weights_path=str(weights),
        corpus_path=str(run.path / TRAIN_FILE),
        held_out_path=str(run.path / HELD_OUT_FILE),
        output_path=str(run.adapter),
        adapter_path=_start_adapter(plan.base),
        checkpoint_path=str(run.checkpoint),
        minutes=plan.minutes,
        steps=plan.steps,
        seed=plan.seed,
        learns_prompts=bool(plan.candidate.products),
        ends_with=TAUGHT_END if plan.candidate.family in TAUGHT_FAMILIES else "",
        excerpts_folder=str(run.excerpts) if plan.candidate.wants_excerpts else "",
    )
    trained = run_training(
        training,
        run.path,
        Limits(plan.memory_mb),
        lambda progress: on_event(_event_of(progress)),
        commands.trainer,
    )
    if not run.adapter.is_file():
        raise SpecializationError("Training ended without a model; nothing was changed.")
    run.note_trained(trained)
    return trained


def _event_of(progress: Progress) -> dict[str, Any]:
    """Return progress with how far it is, 0 to 1."""
    all_seconds = progress.seconds + progress.seconds_left
    fraction = progress.seconds / all_seconds if all_seconds > 0 else 0.0
    return {"kind": "progress", "fraction": fraction, **msgspec.structs.asdict(progress)}


def _start_adapter(base: Manifest) -> str:
    start = adapter_path(base)
    return str(start) if start is not None else ""


def _identity(plan: Plan, weights: Path) -> dict[str, Any]:
    """Return what decides, besides the texts, what training makes."""
    return {
        "version": tabwright.__version__,
        "base": plan.base.id,
        "weights": f"{weights} {weights.stat().st_size}",
        "adapter": _start_adapter(plan.base),
        "form": msgspec.to_builtins(plan.candidate.fill_in_the_middle),
        "excerpts": plan.candidate.wants_excerpts,
        "minutes": plan.minutes,
        "steps": plan.steps,
        "seed": plan.seed,
    }


def _check_room(plan: Plan) -> None:
    """Look whether memory and disk will do before anything is begun.

    Raises:
        SpecializationError: one of them will not.
    """
    millions = plan.base.parameters_millions
    needed = _MEGABYTES_BESIDES + _MEGABYTES_PER_MILLION * millions
    if needed > plan.memory_mb:
        raise SpecializationError(
            f"Training {plan.base.id} takes about {needed:,} MB of memory, and it may take"
            f" {plan.memory_mb:,}: choose a smaller model with --base, or give more with"
            " --memory-mb."
        )
    folder = data_directory()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1_000_000
    needed = _DISK_MB + _DISK_MB_PER_MILLION * millions
    if free < needed:
        raise SpecializationError(
            f"Training {plan.base.id} takes up to {needed:,} MB in {folder}, where {free:,.0f} MB"
            " are free."
        )


def _installed(plan: Plan, run: RunFolder, trained: Trained, judgement: Judgement) -> Manifest:
    # So many steps give the same model; so many minutes need not.
    command = f"{plan.command} --steps {trained.steps}"
    manifest = msgspec.structs.replace(
        plan.candidate, evidence=tuple(evidence_of(judgement, plan.base.id, command))
    )
    card = model_card(manifest, plan.sources, judgement, trained, plan.what, command)
    return install(manifest, run.adapter, card)


def evidence_of(judgement: Judgement, against: str, command: str) -> Sequence[Evidence]:
    """Return a judgement as a manifest says it, the deciding measure first."""
    deciding_first = sorted(judgement.measures, key=lambda each: each[0] != judgement.decided_by)
    return [
        Evidence(
            language="*",
            against=against,
            measure=name,
            ours=round(sum(ours) / len(ours), 4),
            theirs=round(sum(theirs) / len(theirs), 4),
            low=round(interval.low, 6),
            high=round(interval.high, 6),
            items=len(ours),
            command=command,
        )
        for name, interval, ours, theirs in deciding_first
        if len(ours)
    ]


def default_memory_mb() -> int:
    """Return what training may take: most of what is free now, in units of 10^6 bytes."""
    return int(psutil.virtual_memory().available * 0.8 / 1_000_000)
