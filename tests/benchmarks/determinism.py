"""Does the same question always get the same answer, byte by byte?

    python tests/benchmarks/determinism.py [--places 12] [--cold-keys 0]

Asks the real server at places of real code: cold, typed up to, with other files in between, after
a restart in another order, and with another number of threads.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from fresh_documents import OpenedItem, workspace_folders
from lsp_client import Answer, LspClient
from options import (
    languages_option,
    model_option,
    names_in,
    output_option,
    packages_option,
    seed_option,
)
from packages import PACKAGES
from reporting import WIDTH, installed_model, machine, say, write_results
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typing_items import Item, choose_items, next_key
from typing_tabwright import running_tabwright

SETTINGS_WITHOUT_TIME: Mapping[str, Any] = {
    "debounceSeconds": 0,
    "timeLimitSeconds": 0,
    "idleUnloadSeconds": 0,
    "inIgnoredFiles": True,
}
"""Nothing that is measured or limited in seconds may change an answer."""

COLD, TYPED, OTHER_FILES, RESTARTED = "cold", "typed", "other files", "restarted"
_FEWEST_KEYS, _MOST_KEYS = 10, 40
_FILES_BETWEEN = (2, 6)
"""The first returns to a prompt that is still held, the second to one that was given up."""


@dataclass(frozen=True)
class Place:
    """A piece of code that is typed, and the cursor after each of its keys."""

    number: int
    item: Item
    offsets: tuple[int, ...]
    """Characters of the removed piece that are there after each key."""
    cold_offsets: tuple[int, ...]
    """Those at which the document is also asked just opened."""


@dataclass
class Answers:
    """All answers, by condition, place and offset."""

    found: dict[str, dict[tuple[int, int], list[Answer]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, condition: str, place: Place, offset: int, answer: Answer) -> None:
        """Keep an answer of the model; what is answered without it is left out."""
        if answer.reason == "model_loading":
            raise click.ClickException("The model was not there any more; its process has ended.")
        if answer.was_asked:
            by_cursor = self.found.setdefault(condition, {})
            by_cursor.setdefault((place.number, offset), []).append(answer)

    def reference(self, cursor: tuple[int, int]) -> tuple[str, Answer] | None:
        """Return what the others are compared with: the cold answer, else the typed one."""
        for condition in (COLD, TYPED):
            answers = self.found.get(condition, {}).get(cursor)
            if answers:
                return condition, answers[0]
        return None


@dataclass(frozen=True)
class Difference:
    """Two answers to the same question that are not the same."""

    language: str
    package: str
    file: str
    line: int
    typed: str
    """What of the line is there before the cursor."""
    condition: str
    answer: Answer
    reference_condition: str
    reference: Answer

    @property
    def likely_cause(self) -> str:
        """What the counts of tokens tell of the cause."""
        if self.answer.prompt_tokens != self.reference.prompt_tokens:
            return "another prompt"
        if self.answer.reused_tokens != self.reference.reused_tokens:
            return "the same prompt, of which another part was held"
        return "the same prompt, whose held part was evaluated in other batches"


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--places",
    default=36,
    show_default=True,
    type=click.IntRange(min=1),
    help="Pieces of code, the languages in turn; 36 make about 1,750 requests.",
)
@click.option(
    "--cold-keys",
    default=4,
    show_default=True,
    type=click.IntRange(min=0),
    help="Cursors of each place that are also asked in a document just opened; 0 for all.",
)
@click.option("--threads", default=2, show_default=True, help="Threads of the main servers.")
@click.option("--other-threads", default=1, show_default=True, help="Threads of the other one.")
@languages_option()
@seed_option(17, "places and orders")
@click.option("--show", default=20, show_default=True, help="Differences to print; JSON has all.")
@model_option()
@packages_option()
@output_option(__file__)
def main(
    places: int,
    cold_keys: int,
    threads: int,
    other_threads: int,
    languages: str,
    seed: int,
    show: int,
    model: str,
    folder: Path,
    output: Path,
) -> None:
    """Compare the bytes of answers to the same question, asked on different ways.

    A question is a document, a cursor, the settings and the weights. Each condition has a server
    process and a model process of its own, and settings in which no time counts. Answers that the
    settings give without the model (in comments, for instance) are left out.

    \b
    cold         the document was just opened; the reference where it was asked
    typed        the first 10 to 40 keys of the place, one by one, with a request each; the
                 reference elsewhere
    other files  back in a document after two, or six, others were typed in
    restarted    another server, at all those cursors in a random order, by insertions and
                 deletions
    N threads    another server with another number of threads, at the cursors asked cold
    """
    manifest, weights = installed_model(model)
    wanted = names_in(languages)
    chosen = choose_places(places, cold_keys, seed, folder, wanted)
    if not chosen:
        raise click.ClickException(f"None of the packages has code in {languages}.")
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "places": len(chosen),
        "cold_keys": cold_keys,
        "threads": threads,
        "other_threads": other_threads,
        "seed": seed,
        "settings": dict(SETTINGS_WITHOUT_TIME),
        "packages": [package.title for package in PACKAGES],
    }
    settings = {**SETTINGS_WITHOUT_TIME, "model": manifest.id}
    answers = asyncio.run(ask_all(chosen, settings, threads, other_threads, seed))
    report |= summarised(chosen, answers)
    print_report(report, show)
    write_results(report, output)


def choose_places(
    count: int, cold_keys: int, seed: int, folder: Path, wanted: Sequence[str]
) -> list[Place]:
    """Return places, the languages in turn, each in a file of its own."""
    by_language = choose_items(count, seed, folder, wanted)
    turns = [
        group[turn] for turn in range(count) for group in by_language.values() if turn < len(group)
    ]
    choice = random.Random(seed)
    return [_place(number, item, cold_keys, choice) for number, item in enumerate(turns[:count])]


def _place(number: int, item: Item, cold_keys: int, choice: random.Random) -> Place:
    offsets: list[int] = []
    keys = choice.randint(_FEWEST_KEYS, _MOST_KEYS)
    end = 0
    while len(offsets) < keys and end < len(item.removed):
        end += len(next_key(item.removed, end))
        offsets.append(end)
    cold = offsets
    if 0 < cold_keys < len(offsets):
        others = choice.sample(offsets[:-1], cold_keys - 1)
        cold = sorted([*others, offsets[-1]])
    return Place(number, item, tuple(offsets), tuple(cold))


async def ask_all(
    places: Sequence[Place],
    settings: Mapping[str, Any],
    threads: int,
    other_threads: int,
    seed: int,
) -> Answers:
    """Ask under every condition, each in a server of its own."""
    answers = Answers()
    conditions = (
        (COLD, threads, _ask_cold),
        (TYPED, threads, _ask_typed),
        (RESTARTED, threads, _ask_in_any_order),
        (f"{other_threads} thread{'s' * (other_threads != 1)}", other_threads, _ask_forwards),
    )
    turns = max(len(place.cold_offsets) for place in places)
    with tempfile.TemporaryDirectory(prefix="tabwright-determinism-") as base:
        folders = workspace_folders(Path(base), [str(turn) for turn in range(turns)])
        for condition, count, ask in conditions:
            started = time.monotonic()
            say(condition)
            async with running_tabwright(folders, {**settings, "threads": count}) as tabwright:
                asking = Asking(tabwright.client, folders, answers, condition, seed)
                await ask(asking, places)
            answers.seconds[condition] = round(time.monotonic() - started, 1)
    return answers


@dataclass(frozen=True)
class Asking:
    """One server under one condition."""

    client: LspClient
    folders: Sequence[Path]
    answers: Answers
    condition: str
    seed: int

    def open(self, place: Place, turn: int = 0, offset: int = 0) -> OpenedItem:
        """Open a place's file in the folder of this turn."""
        return OpenedItem(self.client, place.item, self.folders[turn], offset)

    async def ask(self, place: Place, opened: OpenedItem, condition: str = "") -> None:
        """Ask at the cursor, and keep the answer."""
        answer = await opened.ask()
        self.answers.add(condition or self.condition, place, opened.offset, answer)


async def _ask_cold(asking: Asking, places: Sequence[Place]) -> None:
    """Open every file anew for each cursor; all files take turns, so that no prompt is held."""
    for turn in range(len(asking.folders)):
        for place in places:
            if turn < len(place.cold_offsets):
                opened = asking.open(place, turn, place.cold_offsets[turn])
                await asking.ask(place, opened)
                opened.close()
        say(f"  {turn + 1} of {len(asking.folders)} cursors of every place")


async def _ask_typed(asking: Asking, places: Sequence[Place]) -> None:
    """Type every place key by key, and come back to earlier files now and then."""
    opened: list[OpenedItem] = []
    for place in places:
        opened.append(asking.open(place))
        for offset in place.offsets:
            opened[-1].move_to(offset)
            await asking.ask(place, opened[-1])
        for between in _FILES_BETWEEN:
            earlier = place.number - between
            if earlier >= 0:
                await asking.ask(places[earlier], opened[earlier], OTHER_FILES)
        say(f"  {place.number + 1} of {len(places)} places")


async def _ask_in_any_order(asking: Asking, places: Sequence[Place]) -> None:
    """Go to a place's cursors in a random order."""
    choice = random.Random(asking.seed)
    for place in choice.sample(list(places), len(places)):
        opened = asking.open(place)
        for offset in choice.sample(list(place.offsets), len(place.offsets)):
            opened.move_to(offset)
            await asking.ask(place, opened)
        opened.close()


async def _ask_forwards(asking: Asking, places: Sequence[Place]) -> None:
    """Go to the cursors that were asked cold, in order."""
    for place in places:
        opened = asking.open(place, offset=place.cold_offsets[0])
        for offset in place.cold_offsets:
            opened.move_to(offset)
            await asking.ask(place, opened)
        opened.close()


# -- reporting --


def summarised(places: Sequence[Place], answers: Answers) -> dict[str, Any]:
    """Return counts by condition and language, and every difference."""
    by_number = {place.number: place for place in places}
    languages = list(dict.fromkeys(place.item.language for place in places))
    conditions: dict[str, dict[str, dict[str, int]]] = {}
    differences: list[Difference] = []
    for condition, by_cursor in answers.found.items():
        counts = {
            language: {"asked": 0, "compared": 0, "identical": 0, "shown": 0}
            for language in [*languages, "all"]
        }
        for cursor, given in by_cursor.items():
            place = by_number[cursor[0]]
            reference = answers.reference(cursor)
            for answer in given:
                is_same = reference is not None and answer.text == reference[1].text
                is_compared = reference is not None and reference[1] is not answer
                for row in (counts[place.item.language], counts["all"]):
                    row["asked"] += 1
                    row["compared"] += is_compared
                    row["identical"] += is_compared and is_same
                    row["shown"] += bool(answer.text)
                if reference is not None and not is_same:
                    differences.append(_difference(place, cursor[1], condition, answer, *reference))
        conditions[condition] = counts
    return {
        "seconds": answers.seconds,
        "conditions": conditions,
        "questions": len({cursor for found in answers.found.values() for cursor in found}),
        "asked": sum(counts["all"]["asked"] for counts in conditions.values()),
        "compared": sum(counts["all"]["compared"] for counts in conditions.values()),
        "identical": sum(counts["all"]["identical"] for counts in conditions.values()),
        "differences": [
            {**asdict(each), "likely_cause": each.likely_cause} for each in differences
        ],
    }


def _difference(
    place: Place,
    offset: int,
    condition: str,
    answer: Answer,
    reference_condition: str,
    reference: Answer,
) -> Difference:
    item = place.item
    before = item.before + item.removed[:offset]
    return Difference(
        language=item.language,
        package=item.file.package.title,
        file=item.file.name,
        line=before.count("\n") + 1,
        typed=before[before.rfind("\n") + 1 :],
        condition=condition,
        answer=answer,
        reference_condition=reference_condition,
        reference=reference,
    )


def print_report(report: Mapping[str, Any], show: int) -> None:
    """Print the shares, then differences."""
    console = Console(width=min(WIDTH, Console().width))
    conditions = report["conditions"]
    table = Table(title=f"Identical answers, {report['weights']}, {report['threads']} threads")
    table.add_column("")
    for name in conditions:
        table.add_column(name, justify="right")
    languages = list(next(iter(conditions.values())))
    for language in languages:
        if language == "all":
            table.add_section()
        table.add_row(language, *(_cell(counts[language]) for counts in conditions.values()))
    table.add_row("seconds", *(f"{report['seconds'].get(name, 0):.0f}" for name in conditions))
    console.print(table)
    asked, compared, identical = (report[name] for name in ("asked", "compared", "identical"))
    shown = sum(counts["all"]["shown"] for counts in conditions.values())
    console.print(
        f"{asked} requests at {report['questions']} cursors of {report['places']} places;"
        f" {shown} got a suggestion. {identical} of {compared} compared answers are identical"
        f" ({identical / max(1, compared):.2%})."
    )
    differences = report["differences"]
    causes: dict[str, int] = {}
    for each in differences:
        causes[each["likely_cause"]] = causes.get(each["likely_cause"], 0) + 1
    for cause, count in causes.items():
        console.print(f"{count} differences: {cause}.")
    for each in differences[:show]:
        console.print(_described(each))
    if len(differences) > show:
        console.print(f"... and {len(differences) - show} more in the JSON.")


def _cell(counts: Mapping[str, int]) -> str:
    if not counts["compared"]:
        return f"{counts['asked']} asked"
    return f"{counts['identical']} of {counts['compared']}"


def _described(difference: Mapping[str, Any]) -> str:
    reference, answer = difference["reference"], difference["answer"]
    width = max(len(difference["reference_condition"]), len(difference["condition"]))
    lines = [
        f"\n{difference['package']} {difference['file']}:{difference['line']}, after"
        f" {difference['typed']!r}",
        f"  {difference['reference_condition']:{width}}  {_answer_text(reference)}",
        f"  {difference['condition']:{width}}  {_answer_text(answer)}",
    ]
    return escape("\n".join(lines))


def _answer_text(answer: Mapping[str, Any]) -> str:
    said = repr(answer["text"]) if answer["text"] else f"({answer['reason']})"
    return f"{said} [{answer['prompt_tokens']} tokens, {answer['reused_tokens']} reused]"


if __name__ == "__main__":
    main()
