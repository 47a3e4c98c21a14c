"""Which suggestions are sure enough to be shown unasked, by model and language?

    python tests/benchmarks/calibrate.py [--items 20] [--model ID]

Types pieces of real files again without waiting between the keys, on packages that no other
benchmark uses, and asks at every key. What the model writes is kept whole, so that every threshold
can be tried on it: how much of the code is completed, and how many of the suggestions are wrong.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import msgspec
from options import (
    items_option,
    languages_option,
    model_option,
    names_in,
    output_option,
    packages_option,
    seed_option,
)
from packages import Package
from reporting import WIDTH, installed_model, machine, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typing_editor import accepted_part
from typing_items import Item, choose_items, copy_without_answers, count_keys, next_key

from tabwright.commands.building import build_session
from tabwright.completion import pipeline
from tabwright.completion.pipeline import CompletionRequest, ReadyModel
from tabwright.completion.shape import Shape
from tabwright.completion.suggestion import NoSuggestion, Suggestion
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.session.session import Session
from tabwright.settings import read_settings

PACKAGES = (
    Package("requests", "2.32.3", "wheel", (".py",), "Apache-2.0"),
    Package("attrs", "24.2.0", "wheel", (".py",), "MIT"),
    Package("koa", "2.15.3", "npm", (".js",), "MIT"),
    Package("debug", "4.3.7", "npm", (".js",), "MIT"),
    Package("winston", "3.15.0", "npm", (".js",), "MIT"),
    Package("immer", "10.1.1", "npm", (".ts",), "MIT"),
    Package("redux", "5.0.1", "npm", (".ts",), "MIT"),
    Package("ujson", "5.10.0", "sdist", (".c", ".h"), "BSD-3-Clause"),
    Package("simplejson", "3.19.3", "sdist", (".c", ".h"), "MIT"),
    Package("cryptography", "41.0.7", "sdist", (".rs",), "Apache-2.0"),
    Package("react-native-webview", "13.12.2", "npm", (".java",), "MIT"),
    Package("react-native-gesture-handler", "1.10.3", "npm", (".java",), "MIT"),
)
"""Disjoint from the packages that results are reported on."""

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9)
_COST_OF_WRONG = 1.0
"""Keys: what it costs to read a suggestion that is wrong. A key that Tab saves is worth one."""


@dataclass(frozen=True)
class Answer:
    """What would be shown at a place, by threshold; empty for nothing."""

    shown: Mapping[float, str]


@dataclass(frozen=True)
class Score:
    """What one threshold comes to."""

    threshold: float
    completed: float
    shown: float
    wrong: float
    worth: float
    """Keys saved, less what wrong suggestions cost, per character."""


@click.command(context_settings={"max_content_width": 100})
@items_option(12, "Pieces of code in each language.")
@seed_option(5, "the pieces")
@languages_option()
@model_option()
@click.option("--context-tokens", default=0, help="The setting `contextTokens`; `auto` if unset.")
@click.option("--alone", is_flag=True, help="Without what is known of the workspace.")
@click.option(
    "--following", is_flag=True, help="Show the model the lines after the cursor's first."
)
@packages_option()
@output_option(__file__)
def main(
    items: int,
    seed: int,
    languages: str,
    model: str,
    context_tokens: int,
    alone: bool,
    following: bool,
    folder: Path,
    output: Path,
) -> None:
    """Find the least probability of a suggestion that is shown unasked.

    \b
    completed   characters accepted, of all; a suggestion is accepted whole if it is right
    shown       of the keys
    wrong       of the suggestions shown
    worth       keys saved less wrong suggestions shown, per 100 characters; the threshold that is
                worth most is chosen, here and in all languages together

    The last lines are the table `[confidence]` of the model's manifest.
    """
    manifest, weights = installed_model(model)
    wanted = names_in(languages)
    chosen = choose_items(items, seed, folder, wanted, PACKAGES)
    context: object = context_tokens or "auto"
    settings = {
        "model": manifest.id,
        "contextTokens": context,
        "timeLimitSeconds": 0,
        "useWorkspace": not alone,
    }
    answers = asyncio.run(_run(chosen, settings, following=following))
    scores = {
        name: [_score(group, answers, threshold) for threshold in THRESHOLDS]
        for name, group in [*_groups(answers), ("all", list(answers))]
    }
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "seed": seed,
        "settings": settings,
        "following_lines": following,
        "packages": [package.title for package in PACKAGES],
        "scores": {name: [each.__dict__ for each in rows] for name, rows in scores.items()},
    }
    _print(scores, answers)
    write_results(report, output)


async def _run(
    chosen: Mapping[str, Sequence[Item]], settings: Mapping[str, Any], *, following: bool
) -> dict[Item, dict[int, Answer]]:
    session = build_session()
    session.configure(read_settings(settings).settings)
    found: dict[Item, dict[int, Answer]] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="tabwright-calibrate-") as folder:
            items = copy_without_answers(chosen, Path(folder))
            manifest = session.models.choose("python")
            if isinstance(manifest, NoSuggestion):
                raise click.ClickException(manifest.sentence)
            loading = session.models.begin_loading(manifest)
            assert loading is not None, "the weights are there"
            ready = await loading
            shown = msgspec.structs.replace(ready.manifest, following_lines=following)
            ready = replace(ready, manifest=shown)
            session.follow(list(dict.fromkeys(item.file.root for item in items)))
            await session.workspaces.settle()
            for number, item in enumerate(items):
                found[item] = await _answers(session, ready, item)
                say(f"{number + 1} of {len(items)}: {item.language}, {item.file.name}")
    finally:
        await session.stop()
    return found


async def _answers(session: Session, ready: ReadyModel, item: Item) -> dict[int, Answer]:
    """Ask at every place that a key can lead to."""
    answers: dict[int, Answer] = {}
    offset = 0
    while offset < len(item.removed):
        offset += len(next_key(item.removed, offset))
        if offset == len(item.removed):
            break
        before = item.before + item.removed[:offset]
        snapshot = DocumentSnapshot(
            uri=item.file.path.as_uri(),
            language=item.editor_id,
            version=offset,
            text=before + item.after,
            relative_path=item.file.path.relative_to(item.file.root).as_posix(),
        )
        request = CompletionRequest(
            snapshot=snapshot,
            cursor=Cursor(len(before)),
            settings=session.settings.for_language(item.editor_id),
            is_automatic=True,
            language=session.languages.for_editor_id(item.editor_id),
            knowledge=session.workspaces.knowledge_for(
                item.file.path, session.settings.for_language(item.editor_id)
            ),
        )
        answers[offset] = Answer(await _by_threshold(request, ready))
    return answers


async def _by_threshold(request: CompletionRequest, ready: ReadyModel) -> dict[float, str]:
    shape = pipeline.decide(request)
    if not isinstance(shape, Shape):
        return {}
    # The lowest threshold lets the model write the most; the others cut it shorter.
    written = await pipeline.write(request, shape, ready, math.log(THRESHOLDS[0]))
    shown = {}
    for threshold in THRESHOLDS:
        manifest = msgspec.structs.replace(ready.manifest, confidence={"*": threshold})
        model = replace(ready, manifest=manifest)
        outcome = pipeline.outcome_of(request, shape, model, written)
        shown[threshold] = outcome.text if isinstance(outcome, Suggestion) else ""
    return shown


def _groups(answers: Mapping[Item, object]) -> list[tuple[str, list[Item]]]:
    groups: dict[str, list[Item]] = {}
    for item in answers:
        groups.setdefault(item.language, []).append(item)
    return list(groups.items())


def _score(
    items: Sequence[Item], answers: Mapping[Item, Mapping[int, Answer]], threshold: float
) -> Score:
    """Type the items with this threshold, and count."""
    characters = accepted = asked = shown = wrong = tabs = 0
    for item in items:
        removed = item.removed
        characters += count_keys(removed)
        offset = len(next_key(removed, 0))
        while offset < len(removed):
            text = answers[item][offset].shown.get(threshold, "")
            asked += 1
            shown += bool(text)
            wrong += bool(text) and not removed[offset:].startswith(text)
            taken = accepted_part(text, removed[offset:], accepts_first_line=False)
            if taken:
                accepted += count_keys(taken)
                tabs += 1
            offset += len(taken or next_key(removed, offset))
    return Score(
        threshold=threshold,
        completed=accepted / characters,
        shown=shown / asked if asked else 0.0,
        wrong=wrong / shown if shown else 0.0,
        worth=(accepted - tabs - _COST_OF_WRONG * wrong) / characters,
    )


def _print(
    scores: Mapping[str, Sequence[Score]], answers: Mapping[Item, Mapping[int, Answer]]
) -> None:
    console = Console(width=WIDTH)
    for name, rows in scores.items():
        table = Table(title=name, box=SIMPLE_HEAD, title_justify="left")
        for title in ("at least", "completed", "shown", "wrong", "worth"):
            table.add_column(title, justify="right")
        for row in rows:
            figures = (row.completed, row.shown, row.wrong, row.worth)
            table.add_row(f"{row.threshold:.2f}", *(f"{100 * each:.1f}" for each in figures))
        console.print(table)
    console.print("[confidence]", markup=False)
    for name, rows in scores.items():
        best = chosen(rows, scores["all"])
        editor_ids = {item.editor_id for item in answers if item.language == name} or {"*"}
        for editor_id in sorted(editor_ids):
            console.print(f'"{editor_id}" = {best}', markup=False)


def chosen(rows: Sequence[Score], overall: Sequence[Score]) -> float:
    """Return the threshold that is worth most.

    What all languages say counts as much as the language itself, whose items are few.
    """
    own, all_ = (max(row.worth for row in each) for each in (rows, overall))
    values = {
        row.threshold: row.worth / own + other.worth / all_
        for row, other in zip(rows, overall, strict=True)
    }
    return max(values, key=lambda threshold: (values[threshold], threshold))


if __name__ == "__main__":
    main()
