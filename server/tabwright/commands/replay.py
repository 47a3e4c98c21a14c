"""`tabwright replay RECORD`: do a recorded completion again, and say whether it comes out alike."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from tabwright.commands.asking import Asked, ask_once
from tabwright.commands.record import (
    Program,
    Record,
    RecordedModel,
    RecordedOutcome,
    model_of,
    program_of,
    read_record,
    recorded_outcome,
)
from tabwright.completion.budget import Speeds
from tabwright.errors import CommandError
from tabwright.settings import read_settings


@dataclass(frozen=True)
class Replayed:
    """A record, and what the same question comes to now."""

    record: Record
    program: Program
    model: RecordedModel | None
    """The installed model of the record's id; None where the record names none."""
    outcome: RecordedOutcome

    @property
    def is_identical(self) -> bool:
        """Whether the same bytes came out, or the same reason."""
        before, now = self.record.outcome, self.outcome
        return (before.suggestion, before.reason) == (now.suggestion, now.reason)


@click.command()
@click.argument("record", metavar="RECORD", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--other-weights",
    is_flag=True,
    help="Replay also with weights that are not the recorded ones, to see what they change.",
)
def replay(record: Path, as_json: bool, other_weights: bool) -> None:
    """Do a completion again from the record that `complete --record` wrote.

    Prints `identical` if the same bytes come out. Else it prints how the two differ and the
    likely cause, and the exit status is 1. The record holds the source text it is about; nothing
    else is read, and nothing is sent anywhere.
    """
    replayed = replay_record(read_record(record), accepts_other_weights=other_weights)
    if as_json:
        click.echo(json.dumps(_as_json(replayed), ensure_ascii=False))
    else:
        _print(replayed)
    if not replayed.is_identical:
        sys.exit(1)


def replay_record(record: Record, *, accepts_other_weights: bool = False) -> Replayed:
    """Do a recorded completion again in a session of its own.

    Raises:
        ManifestError: there is no such model any more.
        WeightsMissing: its weights are not on this machine.
        CommandError: the weights at hand are others, and that is not accepted.
    """
    model = _installed(record.model) if record.model is not None else None
    if record.model is not None and model is not None and not accepts_other_weights:
        _check_weights(record.model, model)
    speeds = record.speeds
    folder = Path.cwd()
    answered = ask_once(
        Asked(
            text=record.text,
            offset=record.cursor_offset,
            path=folder / (record.relative_path or "unnamed"),
            folder=folder,
            language=record.language,
            is_automatic=record.is_automatic,
            settings={**record.settings, "inIgnoredFiles": True},
            speeds=Speeds(speeds.read, speeds.write) if speeds is not None else None,
            recorded_guesses=record.guesses,
            recorded_excerpts=record.excerpts,
            recorded_unknown_names=record.unknown_names,
        )
    )
    return Replayed(record, program_of(answered), model, recorded_outcome(answered.outcome))


def _installed(recorded: RecordedModel) -> RecordedModel:
    from tabwright.commands.building import build_catalogue  # noqa: PLC0415 - tree-sitter

    return model_of(build_catalogue().get(recorded.id))


def _check_weights(recorded: RecordedModel, installed: RecordedModel) -> None:
    for name, was, now in (
        ("weights", recorded.sha256, installed.sha256),
        ("adapter", recorded.adapter_sha256, installed.adapter_sha256),
    ):
        if was != now:
            raise CommandError(
                f"The record was made with other {name} of {recorded.id}"
                f" ({recorded.weights}, SHA-256 {_short(was)}) than this machine has"
                f" ({installed.weights}, {_short(now)}); --other-weights replays it nevertheless."
            )


def _short(sha256: str) -> str:
    return f"{sha256[:12]}…" if sha256 else "none"


def likely_causes(replayed: Replayed) -> Iterator[str]:
    """Yield a sentence for each thing that is not as it was, likeliest cause first."""
    record, now = replayed.record, replayed.program
    was = record.program
    if record.model is not None and replayed.model != record.model:
        yield f"The weights of {record.model.id} are others than the recorded ones."
    if was.tabwright != now.tabwright:
        yield f"The record was made by Tabwright {was.tabwright}; this is {now.tabwright}."
    if was.llama_cpp_python != now.llama_cpp_python:
        yield (
            f"The record was made with llama-cpp-python {was.llama_cpp_python};"
            f" this is {now.llama_cpp_python}."
        )
    if was.system_info and now.system_info and was.system_info != now.system_info:
        yield "llama.cpp computes with other processor features than it did for the record."
    yield from read_settings(record.settings).problems


def difference(before: RecordedOutcome, now: RecordedOutcome) -> str:
    """Return a unified diff of two outcomes, with line ends and trailing spaces made visible."""
    lines = difflib.unified_diff(
        _lines(before), _lines(now), fromfile="recorded", tofile="now", lineterm=""
    )
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _lines(outcome: RecordedOutcome) -> list[str]:
    if outcome.reason:
        return [f"(no suggestion: {outcome.reason})"]
    return [_visible(line) for line in outcome.suggestion.split("\n")]


def _visible(line: str) -> str:
    line = line.replace("\r", "␍")
    end = len(line.rstrip(" "))
    return line[:end] + "·" * (len(line) - end)


def _print(replayed: Replayed) -> None:
    before, now = replayed.record.outcome, replayed.outcome
    if replayed.is_identical:
        click.echo("identical")
        if before != now:
            click.echo(
                f"Computed a little differently: {_figures(before)} then, {_figures(now)} now."
            )
        return
    click.echo("different\n")
    click.echo(difference(before, now))
    click.echo(f"\n{_figures(before)} then, {_figures(now)} now")
    causes = list(likely_causes(replayed))
    if not causes:
        click.echo("Program, weights and processor are the recorded ones: please report this.")
    for cause in causes:
        click.echo(f"Likely cause: {cause}")


def _figures(outcome: RecordedOutcome) -> str:
    return f"{outcome.generated_tokens} tokens at {outcome.mean_log_probability:.3f}"


def _as_json(replayed: Replayed) -> dict[str, Any]:
    return {
        "identical": replayed.is_identical,
        "recorded": msgspec.to_builtins(replayed.record.outcome),
        "now": msgspec.to_builtins(replayed.outcome),
        "causes": list(likely_causes(replayed)),
    }
