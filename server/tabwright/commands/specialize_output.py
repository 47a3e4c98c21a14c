"""What `tabwright specialize` shows: for people in a terminal or a pipe, and for editors."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from tabwright.specialization.installing import card_of
from tabwright.specialization.judging import Judgement
from tabwright.specialization.model_card import interval_lines, judgement_rows
from tabwright.specialization.sources import counted, lines_of, pieces_kept_aside
from tabwright.specialization.specializing import Finished, Plan

OnEvent = Callable[[Mapping[str, Any]], None]

_PIPE_SECONDS = 30.0
"""How often a line of progress is written where there is no terminal."""
_WIDTH = 100
_WITHOUT_FIGURES = frozenset({"loading", "timing", "choosing", "writing"})


class Output(Protocol):
    """Where a run is shown."""

    def show_plan(self, plan: Plan, left_out: Mapping[str, int]) -> None:
        """Say what will be learned from."""

    def progress(self) -> Any:
        """Return a context in which events are shown as they come."""

    def show_finished(self, plan: Plan, finished: Finished) -> None:
        """Say how it was judged, and whether it was installed."""

    def show_interrupted(self, sentence: str) -> None:
        """Say that it was stopped, and how to go on."""

    def show_failure(self, sentence: str) -> None:
        """Say why nothing was made."""

    def show_removed(self, model_id: str, *, was_installed: bool, had_run: bool) -> None:
        """Say what was taken back."""


def terminal_output() -> Output:
    """Return the output for people: results on stdout, progress on stderr."""
    return _ForPeople()


def json_output() -> Output:
    """Return the output for editors: one JSON object a line on stdout, each with a `kind`."""
    return _ForEditors()


def fraction_of(event: Mapping[str, Any], before: float = 0.0) -> float:
    """Return how far a phase is, 0 to 1, as an event says it."""
    if event.get("kind") == "judging" and event.get("total"):
        return float(event["done"] / event["total"])
    found = event.get("fraction")
    return min(1.0, max(0.0, float(found))) if isinstance(found, int | float) else before


def words_for(event: Mapping[str, Any]) -> str:
    """Return what an event says besides its fraction, in a few words."""
    if event.get("kind") == "judging":
        return f"{event.get('done')} of {event.get('total')} questions"
    if event.get("phase") in _WITHOUT_FIGURES:
        return str(event["phase"])
    parts = []
    if isinstance(left := event.get("seconds_left"), int | float):
        parts.append(f"{_clock(left)} left")
    if isinstance(tokens := event.get("tokens"), int):
        parts.append(f"{tokens:,} tokens")
    if isinstance(loss := event.get("loss"), int | float):
        parts.append(f"loss {loss:.3f}")
    if isinstance(held_out := event.get("held_out_loss"), int | float):
        parts.append(f"held-out loss {held_out:.3f}")
    return ", ".join(parts) or str(event.get("phase") or "")


class _ForPeople:
    def __init__(self) -> None:
        self._out = _console(to_stderr=False)

    def show_plan(self, plan: Plan, left_out: Mapping[str, int]) -> None:
        train, held_out = plan.sources.train, plan.sources.held_out
        length = f"{plan.steps:,} steps" if plan.steps else f"{plan.minutes:g} minutes"
        for line in (
            f"Learning from {len(train):,} files, {_millions(train)} characters,"
            f" {lines_of(train):,} lines: {_languages(plan)}.",
            f"Kept aside to judge by: {counted(held_out)}, {lines_of(held_out):,} lines.",
            *([f"Left out: {_listed(left_out)}."] if left_out else []),
            f"Starting from {plan.base.id}; {length}; seed {plan.seed};"
            f" at most {plan.memory_mb:,} MB of memory.",
            f"It will be called {plan.candidate.id}.",
        ):
            self._out.print(line, soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[OnEvent]:
        console = _console(to_stderr=True)
        if not console.is_terminal:
            yield _Lines()
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}"),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("Starting", total=1.0, words="")

            def on_event(event: Mapping[str, Any]) -> None:
                kind = event.get("kind")
                if kind == "started":
                    for line in _start_lines(event):
                        bar.console.print(line)
                elif kind in _PHASES:
                    fraction = fraction_of(event, bar.tasks[task].completed)
                    bar.update(
                        task,
                        description=_PHASES[kind],
                        completed=fraction,
                        words=words_for(event),
                    )

            yield on_event

    def show_finished(self, plan: Plan, finished: Finished) -> None:
        judgement = finished.judgement
        self._out.print(_judgement_table(plan, judgement))
        for line in interval_lines(judgement):
            self._out.print(line)
        if finished.installed is None:
            self._out.print(
                f"Not surely better than {plan.base.id}: nothing was installed or changed.",
                soft_wrap=True,
            )
            return
        if judgement.decided_by != "exact_match":
            what = (
                "the likeness of the answers"
                if judgement.decided_by == "edit_similarity"
                else "how likely each finds what stood there"
            )
            self._out.print(f"Exact answers alone do not tell them apart; {what} does.")
        option = _option(plan)
        for line in (
            f"{finished.installed.id} is installed; editors that are open use it now.",
            f"Its card: {card_of(finished.installed)}",
            f"`tabwright specialize {option} --remove` takes it back.",
        ):
            self._out.print(line, soft_wrap=True)

    def show_interrupted(self, sentence: str) -> None:
        click.echo(sentence, err=True)

    def show_failure(self, sentence: str) -> None:
        click.echo(f"tabwright: {sentence}", err=True)

    def show_removed(self, model_id: str, *, was_installed: bool, had_run: bool) -> None:
        click.echo(_removed_sentence(model_id, was_installed=was_installed, had_run=had_run))


class _ForEditors:
    def show_plan(self, plan: Plan, left_out: Mapping[str, int]) -> None:
        train, held_out = plan.sources.train, plan.sources.held_out
        _say(
            kind="plan",
            model=plan.candidate.id,
            base=plan.base.id,
            minutes=plan.minutes,
            seed=plan.seed,
            memory_mb=plan.memory_mb,
            files=len(train),
            characters=sum(len(file.text) for file in train),
            lines=lines_of(train),
            languages=dict(plan.sources.languages),
            held_out_files=len(held_out),
            held_out_pieces=pieces_kept_aside(held_out),
            held_out_lines=lines_of(held_out),
            left_out=dict(left_out),
        )

    @contextmanager
    def progress(self) -> Iterator[OnEvent]:
        def on_event(event: Mapping[str, Any]) -> None:
            words = {"message": words_for(event)} if event.get("kind") in _PHASES else {}
            fraction = {"fraction": round(fraction_of(event), 4)} if words else {}
            _say(**{**event, **fraction, **words})

        yield on_event

    def show_finished(self, plan: Plan, finished: Finished) -> None:
        judgement = finished.judgement
        for measure, interval, ours, _ in judgement.measures:
            _say(
                kind="judged",
                measure=measure,
                difference=round(interval.mean, 4),
                low=round(interval.low, 4),
                high=round(interval.high, 4),
                places=len(ours),
            )
        is_installed = finished.installed is not None
        sentence = (
            f"{plan.candidate.id} is installed: exact answers"
            f" {judgement.exact.mean * 100:+.1f} points in files it has not seen."
            if is_installed
            else f"Not surely better than {plan.base.id}: nothing was installed or changed."
        )
        _say(
            kind="finished",
            installed=is_installed,
            model=plan.candidate.id,
            decided_by=judgement.decided_by,
            message=sentence,
        )

    def show_interrupted(self, sentence: str) -> None:
        _say(kind="interrupted", message=sentence)

    def show_failure(self, sentence: str) -> None:
        _say(kind="failed", message=sentence)

    def show_removed(self, model_id: str, *, was_installed: bool, had_run: bool) -> None:
        sentence = _removed_sentence(model_id, was_installed=was_installed, had_run=had_run)
        _say(kind="removed", model=model_id, was_installed=was_installed, message=sentence)


class _Lines:
    """Progress where there is no terminal: a line now and then, and one for each phase."""

    def __init__(self) -> None:
        self._phase = ""
        self._said = 0.0
        self._fraction = 0.0

    def __call__(self, event: Mapping[str, Any]) -> None:
        kind = str(event.get("kind"))
        if kind == "started":
            for line in _start_lines(event):
                click.echo(line, err=True)
        if kind not in _PHASES:
            return
        now = time.monotonic()
        if kind != self._phase:
            self._phase, self._fraction = kind, 0.0
        elif now - self._said < _PIPE_SECONDS:
            return
        self._said = now
        self._fraction = fraction_of(event, self._fraction)
        click.echo(f"{_PHASES[kind]} {self._fraction:.0%}: {words_for(event)}", err=True)


_PHASES: Mapping[object, str] = {"progress": "Training", "judging": "Judging"}


def _start_lines(event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("resumed"):
        yield "Going on from where it was stopped."
    elif event.get("outdated"):
        yield "The code or the options have changed since it was stopped: beginning anew."


def _judgement_table(plan: Plan, judgement: Judgement) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("never seen", no_wrap=True)
    for title in ("places", f"exact\n{plan.base.id}", "exact\nnew", "likeness\nbefore", "new"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, count, *figures in judgement_rows(judgement):
        old, new, likeness, new_likeness = figures
        table.add_row(
            name,
            str(count),
            f"{old:.1f} %",
            f"{new:.1f} %",
            f"{likeness:.1f}",
            f"{new_likeness:.1f}",
        )
    return table


def _option(plan: Plan) -> str:
    if plan.candidate.products:
        return f"--workspace {Path(plan.candidate.products[0])}"
    return f"--language {plan.candidate.languages[0]}"


def _languages(plan: Plan) -> str:
    total = sum(count for _, count in plan.sources.languages)
    return ", ".join(f"{name} {count / total:.0%}" for name, count in plan.sources.languages)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()))


def _millions(files: Any) -> str:
    characters = sum(len(file.text) for file in files)
    return f"{characters / 1e6:.1f} million" if characters >= 1e6 else f"{characters:,}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _removed_sentence(model_id: str, *, was_installed: bool, had_run: bool) -> str:
    rest = " What an interrupted run had left is deleted." if had_run else ""
    if was_installed:
        return f"{model_id} is removed; editors that are open use the general model now.{rest}"
    return f"{model_id} is not installed.{rest}"


def _say(**values: Any) -> None:
    click.echo(json.dumps(values, ensure_ascii=False))


def _console(*, to_stderr: bool) -> Console:
    stream = sys.stderr if to_stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _WIDTH, highlight=False)
