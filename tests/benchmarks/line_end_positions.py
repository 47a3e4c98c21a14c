"""How often is there a usable suggestion at the end of a line of real code?

    python tests/benchmarks/line_end_positions.py [--positions 200] [--through-command 10]

Asks by hand at random ends of lines in ten pinned third-party packages of six languages, as
`tabwright complete FILE:LINE` does, but in one session, so that the model is loaded once.

A suggestion is inserted where it was asked for, and the whole file is parsed by tree-sitter
before and after. The strict figure shares no code with what trims suggestions. The other one closes
what a suggestion leaves open with the same rough scan and the same endings as the trimming does, so
it can only find fault with the trimming's choice among them, not with the rule.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import tree_sitter
from options import model_option, output_option, packages_option, seed_option, show_option
from packages import PACKAGES, Position, fetch, line_ends, source_files
from reporting import (
    WIDTH,
    installed_model,
    machine,
    median,
    percentile,
    say,
    write_results,
)
from rich.console import Console
from rich.table import Table

from tabwright.commands.building import build_session
from tabwright.completion.suggestion import Suggestion
from tabwright.model.safe_python import python_module_command
from tabwright.session.documents import OpenDocument
from tabwright.session.session import Session
from tabwright.settings import read_settings
from tabwright.syntax.languages import Language

TARGET = 0.9
_CONTEXT_LINES = 4


@dataclass(frozen=True)
class Answer:
    """What came of one position."""

    package: str
    file: str
    line: int
    language: str
    suggestion: str
    reason: str
    """Why there was nothing; empty for a suggestion."""
    strict: bool
    sound: bool
    milliseconds: float
    prompt_tokens: int
    generated_tokens: int
    before: str
    after: str


@click.command(context_settings={"max_content_width": 100})
@click.option("--positions", default=200, show_default=True, help="How many, over all packages.")
@seed_option(20, "the positions")
@model_option()
@click.option(
    "--through-command",
    default=0,
    metavar="N",
    show_default=True,
    help="Also ask at N of the positions through `tabwright complete FILE:LINE --json`.",
)
@show_option("answers in their places")
@packages_option()
@output_option(__file__)
def main(
    positions: int,
    seed: int,
    model: str,
    through_command: int,
    show: int,
    folder: Path,
    output: Path,
) -> None:
    """Measure how often a line end of real code gets a usable suggestion.

    \b
    non-empty  positions with a suggestion
    strict     of those: the file with the suggestion has no more ERROR and MISSING nodes
               than without it
    sound      of those: the same, or it does once what the suggestion leaves open is closed:
               its brackets and blocks, an empty body, a statement's end
    both       of all positions: non-empty and sound; the target is 90 %
    """
    manifest, weights = installed_model(model)
    chosen = choose_positions(positions, seed, folder)
    started = time.monotonic()
    report: dict[str, Any] = {"machine": machine(), "model": manifest.id, "weights": weights.name}
    answers = asyncio.run(ask_everywhere(chosen, manifest.id))
    report |= {
        "packages": [asdict(package) for package in PACKAGES],
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        "summary": {
            name: summary(group) for name, group in (("all", answers), *by_language(answers))
        },
    }
    if through_command:
        report["through_command"] = ask_through_command(
            chosen, answers, manifest.id, through_command
        )
    report["answers"] = [asdict(answer) for answer in answers]
    print_report(report)
    for answer in answers[:: max(1, len(answers) // show)][:show] if show else []:
        print_answer(answer)
    write_results(report, output)


def choose_positions(count: int, seed: int, folder: Path) -> list[Position]:
    """Return the positions, about as many in each package."""
    chosen = []
    for index, package in enumerate(PACKAGES):
        files = source_files(package, fetch(package, folder))
        share = count // len(PACKAGES) + (index < count % len(PACKAGES))
        chosen += line_ends(files, share, seed)
    return chosen


# -- asking --


async def ask_everywhere(positions: Sequence[Position], model: str) -> list[Answer]:
    """Ask at every position in one session."""
    session = build_session()
    settings = read_settings({"model": model, "inIgnoredFiles": True, "debounceSeconds": 0})
    session.configure(settings.settings)
    answers = []
    try:
        await _load(session)
        for number, position in enumerate(positions, start=1):
            answers.append(await _ask(session, position))
            if number % 20 == 0:
                say(f"{number} of {len(positions)} positions")
    finally:
        await session.stop()
    return answers


async def _load(session: Session) -> None:
    """Load the model first, so that the first position takes no longer than the others."""
    session.open(OpenDocument("untitled:warm-up", "python", 1, "x = ", None))
    await session.complete("untitled:warm-up", 4, is_automatic=False)
    session.close("untitled:warm-up")


async def _ask(session: Session, position: Position) -> Answer:
    file = position.file
    language = session.languages.for_path(file.path.name)
    assert language is not None, "every package is of a bundled language"
    uri = file.path.as_uri()
    session.documents.folders = [file.root]
    session.open(OpenDocument(uri, language.editor_ids[0], 1, file.text, file.path))
    started = time.monotonic()
    outcome = await session.complete(uri, position.offset, is_automatic=False)
    seconds = time.monotonic() - started
    session.close(uri)
    text = outcome.text if isinstance(outcome, Suggestion) else ""
    before, after = file.text[: position.offset], file.text[position.offset :]
    return Answer(
        package=file.package.title,
        file=file.name,
        line=position.line,
        language=language.name,
        suggestion=text,
        reason="" if isinstance(outcome, Suggestion) else outcome.reason.value,
        strict=bool(text) and is_strictly_valid(language, before, text, after),
        sound=bool(text) and is_sound(language, before, text, after),
        milliseconds=round(seconds * 1000, 1),
        prompt_tokens=outcome.timings.prompt_tokens,
        generated_tokens=outcome.timings.generated_tokens,
        before="\n".join(before.split("\n")[-_CONTEXT_LINES:]),
        after="\n".join(after.split("\n")[:_CONTEXT_LINES]),
    )


def ask_through_command(
    positions: Sequence[Position], answers: Sequence[Answer], model: str, count: int
) -> dict[str, Any]:
    """Ask again at some of the positions, each through a `tabwright complete` of its own."""
    say(f"{count} positions through the command")
    step = max(1, len(positions) // count)
    milliseconds, failures, differing = [], [], []
    for position, answer in itertools.islice(
        zip(positions[::step], answers[::step], strict=True), count
    ):
        place = f"{position.file.path}:{position.line}"
        start = python_module_command("tabwright")  # the package may have a module of any name
        command = [*start, "complete", place, "--json", "--model", model]
        started = time.monotonic()
        finished = subprocess.run(
            command, capture_output=True, cwd=position.file.root, text=True, check=False
        )
        milliseconds.append(round((time.monotonic() - started) * 1000))
        where = f"{position.file.package.name}/{position.file.name}:{position.line}"
        if finished.returncode:
            failures.append(f"{where}: {finished.stderr.strip()[-200:]}")
        elif json.loads(finished.stdout)["suggestion"] != answer.suggestion:
            differing.append(where)
    return {
        "asked": len(milliseconds),
        "failures": failures,
        "differing": differing,
        "milliseconds": milliseconds,
        "median_milliseconds": median(milliseconds),
    }


# -- judging --

_MORE_OF_A_LINE = ("x", " x", " x x", "x>", " x()", "'", '"')


def is_strictly_valid(language: Language, before: str, text: str, after: str) -> bool:
    """Whether the file has no more faults with the suggestion than without it."""
    return faults(language, before + text + after) <= faults(language, before + after)


def is_sound(
    language: Language, before: str, text: str, after: str, *, is_begun: bool = False
) -> bool:
    """Whether the same holds with the suggestion's own open ends closed in one of a few ways; where
    it only begins a line, behind a name and with those of the whole line.
    """
    if _is_closed_soundly(language, before, text, after, len(before)):
        return True
    line = before.rfind("\n") + 1
    return is_begun and any(
        _is_closed_soundly(language, before, text + more, after, line) for more in _MORE_OF_A_LINE
    )


def _is_closed_soundly(
    language: Language, before: str, text: str, after: str, opened_from: int
) -> bool:
    allowed = faults(language, before + after)
    start = language.parse(before + after).open_since(opened_from)
    scan = language.scanner.scan(before + text, start, len(before + text))
    closers = "".join(
        f"\n{each.closer}" if each.kind == "keyword" else each.closer
        for each in reversed(scan.open)
        if each.start >= opened_from and not each.is_text
    )
    body, end = language.definition.empty_block, language.definition.statement_end
    endings = dict.fromkeys(("", closers, body + closers, closers + end, closers + body))
    return any(faults(language, before + text + ending + after) <= allowed for ending in endings)


def faults(language: Language, text: str) -> int:
    """Return how many ERROR and MISSING nodes tree-sitter finds."""
    tree = tree_sitter.Parser(language.grammar.language).parse(text.encode("utf-8"))
    waiting, count = [tree.root_node], 0
    while waiting:
        node = waiting.pop()
        count += node.is_error or node.is_missing
        if node.has_error:
            waiting.extend(node.children)
    return count


# -- reporting --


def by_language(answers: Sequence[Answer]) -> list[tuple[str, list[Answer]]]:
    """Return the answers of each language, in the order of the packages."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.language, []).append(answer)
    return list(groups.items())


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return counts, shares and times of some answers."""
    shown = [answer for answer in answers if answer.suggestion.strip()]
    usable = sum(answer.sound for answer in shown)
    times = [answer.milliseconds for answer in answers]
    reasons = collections.Counter(answer.reason for answer in answers if answer.reason)
    return {
        "positions": len(answers),
        "non_empty": _share(len(shown), len(answers)),
        "strict_of_non_empty": _share(sum(answer.strict for answer in shown), len(shown)),
        "sound_of_non_empty": _share(usable, len(shown)),
        "non_empty_and_strict": _share(sum(answer.strict for answer in shown), len(answers)),
        "non_empty_and_sound": _share(usable, len(answers)),
        "reasons": dict(reasons.most_common()),
        "median_milliseconds": median(times),
        "p95_milliseconds": percentile(times, 0.95),
        "median_generated_tokens": median([answer.generated_tokens for answer in shown]),
        "suggestions_of_several_lines": sum("\n" in answer.suggestion for answer in shown),
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def print_report(report: dict[str, Any]) -> None:
    """Print the table, the reasons for empty answers and the verdict."""
    console = Console(width=min(WIDTH, Console().width))
    table = Table(title=f"Suggestions at line ends, {report['model']}")
    titles = ("", "n", "non-empty", "strict", "sound", "both", "median ms", "p95 ms")
    for title in titles:
        table.add_column(title, justify="right" if title else "left")
    groups = report["summary"]
    for name in [*(name for name in groups if name != "all"), "all"]:
        group = groups[name]
        table.add_row(
            name,
            str(group["positions"]),
            f"{group['non_empty']:.1%}",
            f"{group['strict_of_non_empty']:.1%}",
            f"{group['sound_of_non_empty']:.1%}",
            f"{group['non_empty_and_sound']:.1%}",
            f"{group['median_milliseconds']:.0f}",
            f"{group['p95_milliseconds']:.0f}",
            style="bold" if name == "all" else "",
        )
    console.print(table)
    reasons = groups["all"]["reasons"]
    named = ", ".join(f"{reason} {count}" for reason, count in reasons.items()) or "none"
    console.print(f"Empty answers: {named}.")
    both = groups["all"]["non_empty_and_sound"]
    verdict = "reached" if both >= TARGET else "missed"
    console.print(f"Target: {TARGET:.0%} non-empty and sound: {verdict} with {both:.1%}.")
    command = report.get("through_command")
    if command:
        console.print(
            f"Through the command: {command['asked']} asked, {len(command['failures'])} failed,"
            f" {len(command['differing'])} differ from the session's answer;"
            f" median {command['median_milliseconds']:.0f} ms with loading."
        )


def print_answer(answer: Answer) -> None:
    """Print a suggestion in its place, marked."""
    verdict = answer.reason or ("sound" if answer.sound else "NOT SOUND")
    print(f"\n==== {answer.package} {answer.file}:{answer.line} ({verdict})")
    print(f"{answer.before}⟦{answer.suggestion}⟧{answer.after}")


if __name__ == "__main__":
    main()
