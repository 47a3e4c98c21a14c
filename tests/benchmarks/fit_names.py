"""Which name comes next, and what does each piece of evidence say about it?

    python tests/benchmarks/fit_names.py [--lines 150]

Asks the memory for the names in random lines of real packages, at several places in each name, and
fits the weights of `workspace_index/naming.py` on the packages of calibrate.py, on which no result
is reported. How often the likeliest name is the right one is printed for these and for the
packages of workspace_gain.py. No model is needed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import calibrate
import click
import numpy as np
import workspace_gain
from memory_items import learned, workspace
from numpy.typing import NDArray
from options import output_option, packages_option, seed_option
from packages import Package, SourceFile
from reporting import WIDTH, machine, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tabwright.workspace_index.line_memory import LineMemory
from tabwright.workspace_index.naming import BEGUN_WEIGHTS, FEATURES, UNBEGUN_WEIGHTS

Floats = NDArray[np.float64]

TYPED = (0, 1, 2, 3, 5)
"""How many characters of a name stand there."""
_LINE = re.compile(r"(?m)^([ \t]*)([^\s#/*\"'][^\r\n]*?)[ \t]*\r?$")
_NAME = re.compile(r"[^\W\d]\w{2,}")
_TEXT_STARTS = ("//", "#", '"', "'", "`")
_ROUNDS, _STEP, _RIDGE = 400, 0.1, 1e-3


@dataclass(frozen=True)
class Place:
    """A place in a name."""

    typed: int
    features: Floats
    """Candidates x FEATURES."""
    truth: int
    """Which of them is right, -1 if none is."""


@click.command(context_settings={"max_content_width": 100})
@click.option("--lines", default=150, show_default=True, help="In each package.")
@seed_option(3, "the lines")
@packages_option()
@output_option(__file__)
def main(lines: int, seed: int, folder: Path, output: Path) -> None:
    """Fit the weights by which names are judged."""
    own = _places(calibrate.PACKAGES, lines, seed, folder)
    others = _places(workspace_gain.PACKAGES, lines, seed, folder)
    weights = {
        "begun": fitted([each for each in own if each.typed]),
        "unbegun": fitted([each for each in own if not each.typed]),
    }
    in_use = {"begun": np.array(BEGUN_WEIGHTS), "unbegun": np.array(UNBEGUN_WEIGHTS)}
    report: dict[str, Any] = {
        "machine": machine(),
        "seed": seed,
        "weights": {name: values.round(2).tolist() for name, values in weights.items()},
        "fitted on": _rows(own, in_use, weights),
        "others": _rows(others, in_use, weights),
    }
    _print(report)
    write_results(report, output)


def _places(packages: Sequence[Package], lines: int, seed: int, folder: Path) -> list[Place]:
    found: list[Place] = []
    for package in packages:
        place = workspace(package, folder)
        memory = learned(place.files)
        choice = random.Random(f"{seed} {package.title}")
        matches = [(file, match) for file in place.files for match in _LINE.finditer(file.text)]
        for file, match in choice.sample(matches, min(lines, len(matches))):
            found += _in_line(memory, file, match)
        say(f"{package.title}: {len(found):,} places so far")
    return found


def _in_line(memory: LineMemory, file: SourceFile, line: re.Match[str]) -> Iterator[Place]:
    start, end = line.span(2)
    for name in _NAME.finditer(line[2]):
        if any(sign in line[2][: name.start()] for sign in _TEXT_STARTS):
            return
        for typed in TYPED:
            if typed < len(name.group()):
                offset = start + name.start() + typed
                text = file.text[:offset] + file.text[end:]
                candidates = memory.name_candidates(file.name, text, offset)
                words = [memory.word(core) for core in candidates.cores.tolist()]
                truth = words.index(name.group()) if name.group() in words else -1
                yield Place(typed, candidates.features, truth)


def fitted(places: Sequence[Place]) -> Floats:
    """Return the weights under which the right names are most probable, by Adam."""
    known = [each for each in places if each.truth >= 0]
    matrix = np.concatenate([each.features for each in known])
    starts = np.cumsum([0] + [len(each.features) for each in known])[:-1]
    right = starts + np.array([each.truth for each in known])
    which = np.repeat(np.arange(len(known)), [len(each.features) for each in known])
    scale = matrix.std(axis=0) + 1e-9
    matrix = matrix / scale
    values, mean, square = (np.zeros(matrix.shape[1]) for _ in range(3))
    for number in range(1, _ROUNDS + 1):
        scores = matrix @ values
        odds = np.exp(scores - np.maximum.reduceat(scores, starts)[which])
        shares = odds / np.add.reduceat(odds, starts)[which]
        slope = (matrix.T @ shares - matrix[right].sum(axis=0)) / len(known) + _RIDGE * values
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        step = mean / (1 - 0.9**number) / (np.sqrt(square / (1 - 0.99**number)) + 1e-8)
        values = values - _STEP * step
    found: Floats = values / scale
    return found


def _rows(
    places: Sequence[Place], in_use: dict[str, Floats], weights: dict[str, Floats]
) -> list[dict[str, float]]:
    rows = []
    for typed in TYPED:
        group = [each for each in places if each.typed == typed]
        kind = "begun" if typed else "unbegun"
        rows.append(
            {
                "typed": typed,
                "places": len(group),
                "known": sum(each.truth >= 0 for each in group) / len(group),
                "in use": _right(group, in_use[kind]),
                "fitted": _right(group, weights[kind]),
                "nats in use": _nats(group, in_use[kind]),
                "nats fitted": _nats(group, weights[kind]),
            }
        )
    return rows


def _right(places: Sequence[Place], weights: Floats) -> float:
    """Return how often the likeliest is the right one."""
    hits = [
        each.truth >= 0 and int((each.features @ weights).argmax()) == each.truth
        for each in places
        if len(each.features)
    ]
    return sum(hits) / len(places)


def _nats(places: Sequence[Place], weights: Floats) -> float:
    """Return the mean negative log-probability of right names that are among the candidates."""
    losses = []
    for each in places:
        if each.truth >= 0:
            scores = each.features @ weights
            most = scores.max()
            losses.append(most + np.log(np.exp(scores - most).sum()) - scores[each.truth])
    return float(np.mean(losses))


def _print(report: dict[str, Any]) -> None:
    console = Console(width=WIDTH)
    for title in ("fitted on", "others"):
        table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
        columns = ("typed", "places", "known", "in use", "fitted", "nats in use", "nats fitted")
        for column in columns:
            table.add_column(column, justify="right")
        for row in report[title]:
            shares = [f"{100 * row[name]:.1f} %" for name in ("known", "in use", "fitted")]
            nats = [f"{row[name]:.2f}" for name in ("nats in use", "nats fitted")]
            table.add_row(str(row["typed"]), f"{row['places']:,}", *shares, *nats)
        console.print(table)
    console.print("known: the right name is among the candidates; in use, fitted: it comes first.")
    for name, values in report["weights"].items():
        console.print(f"{name}: {tuple(values)}", markup=False)
    console.print(f"of: {', '.join(FEATURES)}", markup=False)


if __name__ == "__main__":
    main()
