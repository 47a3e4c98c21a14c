"""How often does the workspace's memory alone know how a line goes on, and what does it cost?

    python tests/benchmarks/memory_alone.py [--spots 400] [--also FOLDER .go]

No model is needed. The rest of the line is taken out at random places of pinned third-party
packages, and the memory of the same package is asked for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import psutil
from memory_items import Spot, Workspace, learned, spots, workspace, workspace_in
from options import output_option, packages_option, seed_option
from packages import PACKAGES
from reporting import WIDTH, machine, say, spread_in_ms, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tabwright.workspace_index.line_memory import LineMemory

THRESHOLDS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
_LIMIT = 8
_SPEED_CHARACTERS = 10_000_000
_SPEED_KEYS = 1_000


@dataclass(frozen=True)
class Answer:
    """What came of one spot."""

    workspace: str
    language: str
    kind: str
    is_right: bool
    """The first proposal is what was taken out."""
    has_right: bool
    """One of the first eight is."""
    probability: float
    """Of the first proposal; 0 where there is none."""
    saved: int
    """Characters of the first proposal, if it is right."""


@click.command(context_settings={"max_content_width": 100})
@click.option("--spots", "count", default=400, show_default=True, help="In each package.")
@seed_option(23, "the places")
@click.option(
    "--also",
    multiple=True,
    nargs=2,
    metavar="FOLDER EXTENSION",
    help="Also measure the code in a folder, as `~/src/project .go`.",
)
@click.option("--no-speed", is_flag=True, help="Leave out the times in a workspace of 10 MB.")
@packages_option()
@output_option(__file__)
def main(
    count: int,
    seed: int,
    also: Sequence[tuple[str, str]],
    no_speed: bool,
    folder: Path,
    output: Path,
) -> None:
    """Measure how often the memory has the rest of a line exactly.

    \b
    first      the first proposal is what was taken out, of all places
    of 8       one of the first eight is
    """
    places = [workspace(package, folder) for package in PACKAGES]
    places += [workspace_in(Path(each).expanduser(), extension) for each, extension in also]
    answers = []
    for place in places:
        say(f"{place.name}: {len(place.files)} files")
        memory = learned(place.files)
        answers += [answer(memory, place, spot) for spot in spots(place, count, seed)]
    report: dict[str, Any] = {"machine": machine(), "seed": seed, "spots": count}
    report["by_language"] = _summaries(answers, "language")
    report["by_kind"] = _summaries(answers, "kind")
    report["by_workspace"] = _summaries(answers, "workspace")
    report["by_threshold"] = thresholds(answers)
    if not no_speed:
        report["speed"] = speed(places, seed)
    print_report(report)
    write_results(report | {"answers": [asdict(each) for each in answers]}, output)


def answer(memory: LineMemory, place: Workspace, spot: Spot) -> Answer:
    """Ask at one spot."""
    found = memory.proposals(spot.path, spot.text, spot.offset, _LIMIT)
    first = found[0] if found else None
    is_right = first is not None and first.text == spot.rest
    return Answer(
        workspace=place.name,
        language=place.language,
        kind=spot.kind,
        is_right=is_right,
        has_right=any(each.text == spot.rest for each in found),
        probability=first.probability if first else 0.0,
        saved=len(spot.rest) if is_right else 0,
    )


def _summaries(answers: Sequence[Answer], field: str) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Answer]] = {}
    for each in answers:
        groups.setdefault(getattr(each, field), []).append(each)
    return {name: _summary(group) for name, group in (*groups.items(), ("all", list(answers)))}


def _summary(answers: Sequence[Answer]) -> dict[str, float]:
    return {
        "spots": len(answers),
        "first": sum(each.is_right for each in answers) / len(answers),
        "of_8": sum(each.has_right for each in answers) / len(answers),
    }


def thresholds(answers: Sequence[Answer]) -> list[dict[str, float]]:
    """Return what showing only proposals of some probability comes to."""
    rows = []
    for threshold in THRESHOLDS:
        shown = [each for each in answers if each.probability >= threshold]
        right = sum(each.is_right for each in shown)
        expected = sum(each.probability for each in shown)
        rows.append(
            {
                "threshold": threshold,
                "shown": len(shown) / len(answers),
                "right": right / max(1, len(shown)),
                "expected": expected / max(1, len(shown)),
            }
        )
    return rows


def speed(places: Sequence[Workspace], seed: int) -> dict[str, Any]:
    """Measure learning and asking in a workspace of 10 MB, made of all the packages under several
    names, in processor time."""
    files: dict[str, str] = {}
    asked: list[tuple[str, Spot]] = []
    turn = size = 0
    while size < _SPEED_CHARACTERS:
        for place in places:
            name = f"{turn}/{place.name}"
            for file in place.files:
                # Other words in each copy, so that not everything is there several times.
                text = file.text.replace("e", "eé"[turn % 2]) if turn else file.text
                files[f"{name}/{file.name}"] = text
                size += len(text)
            if not turn:
                asked += [(name, each) for each in spots(place, _SPEED_KEYS // len(places), seed)]
        turn += 1
    before = psutil.Process().memory_info().rss
    memory = LineMemory()
    started = time.process_time()
    for path, text in files.items():
        memory.learn(path, text)
    memory.settle()
    learning = time.process_time() - started
    grown = psutil.Process().memory_info().rss - before
    first, next_key, again = [], [], []
    for name, spot in asked:
        path = f"{name}/{spot.path}"
        typed = spot.text[: spot.offset] + spot.rest[:1] + spot.text[spot.offset :]
        first.append(_seconds(memory, path, spot.text, spot.offset))
        next_key.append(_seconds(memory, path, typed, spot.offset + 1))
    for path, text in list(files.items())[:: len(files) // 100]:
        started = time.process_time()
        memory.learn(path, text + "\n")
        again.append(time.process_time() - started)
    return {
        "megabytes": size / 1e6,
        "files": len(files),
        "learning_megabytes_per_second": size / 1e6 / learning,
        "bytes_per_character": grown / size,
        "opening_a_document": spread_in_ms(first),
        "next_key": spread_in_ms(next_key),
        "learning_a_saved_file": spread_in_ms(again),
    }


def _seconds(memory: LineMemory, path: str, text: str, offset: int) -> float:
    started = time.process_time()
    memory.proposals(path, text, offset, _LIMIT)
    return time.process_time() - started


def print_report(report: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console(width=WIDTH)
    for field in ("by_language", "by_kind", "by_workspace"):
        table = Table("", "places", "first", "of 8", box=SIMPLE_HEAD)
        for name, row in report[field].items():
            shares = [row[key] for key in ("first", "of_8")]
            table.add_row(name, str(row["spots"]), *(f"{share:.1%}" for share in shares))
        console.print(table)
    table = Table("probability from", "shown", "right", "expected", box=SIMPLE_HEAD)
    for row in report["by_threshold"]:
        shares = [row[key] for key in ("shown", "right", "expected")]
        table.add_row(f"{row['threshold']:.2f}", *(f"{share:.1%}" for share in shares))
    console.print(table)
    if "speed" in report:
        for name, value in report["speed"].items():
            console.print(f"{name.replace('_', ' ')}: {value}", highlight=False)


if __name__ == "__main__":
    main()
