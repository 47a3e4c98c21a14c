"""What does the syntax cost at each key, apart from any model?

    python tests/benchmarks/syntax_cost.py [--lines 12] [--languages python,c]

Takes files of ten pinned third-party packages, removes the rest of a line and types it back key by
key, as someone does who writes a new line. At each key it asks what the server asks for an
automatic request, and then judges one suggestion, in turn: the true rest of the line, the same
with unbalanced brackets, and a block that is cut off. Each key judges one only, because what one
judgement has found out would speed up the next. Every sixth line is typed along its suggestion: at
each key the true rest is judged, as happens to a suggestion that stays.

Times are CPU times of the one thread that works, so that a busy neighbour changes little.
"""

from __future__ import annotations

import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from packages import PACKAGES, Position, SourceFile, default_folder, fetch, source_files
from reporting import WIDTH, machine, percentile, results_file, say, write_results
from rich.console import Console
from rich.table import Table

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.closing import missing_closers
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.syntax.parsed_text import Place
from tabwright.syntax.soundness import sound_length

SIZES = ((0, "under 10 KB"), (10_000, "10-25 KB"), (25_000, "25-40 KB"), (40_000, "40-60 KB"))
_FILES_PER_SIZE = 6
_BLOCK_LINES = 6
_SHORTEST_LINE = 8
_LINES_PER_TYPED_ALONG = 6
_STEPS = ("shape", "good", "bad", "closers", "along")


@dataclass(frozen=True)
class Cost:
    """What one key took."""

    language: str
    size: str
    step: str
    """What was asked besides where the cursor is."""
    milliseconds: float
    is_first_on_line: bool


@click.command(context_settings={"max_content_width": 100})
@click.option("--lines", default=12, show_default=True, help="Lines per language and file size.")
@click.option("--seed", default=20, show_default=True, help="Chooses files and lines.")
@click.option("--languages", default="", help="Ids with commas between them; all if unset.")
@click.option(
    "--packages",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_folder(),
    help="Where fetched packages are kept; the user's cache if unset.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=results_file(__file__),
    help="Where to write the JSON; tests/benchmarks/results if unset.",
)
def main(lines: int, seed: int, languages: str, folder: Path, output: Path) -> None:
    """Measure what the syntax of one automatic request costs.

    \b
    key      the place of the cursor, and whether a block opens here
    good     that and the judgement of the true rest of the line
    bad      that and the judgement of the same with unbalanced brackets
    block    that and the judgement of a cut-off block, and what closes it
    along    that and the judgement of the true rest at each key of the line
    """
    report: dict[str, Any] = {"machine": machine(), "seed": seed, "lines": lines}
    started = time.monotonic()
    chosen = choose_lines(lines, seed, folder)
    wanted = {each for each in languages.split(",") if each} or {each[0] for each in chosen}
    registry = LanguageRegistry([grammars_folder()])
    costs: list[Cost] = []
    for (language_id, size), positions in sorted(chosen.items()):
        if language_id not in wanted:
            continue
        say(f"{language_id}, {size}: {len(positions)} lines")
        for number, position in enumerate(positions):
            language = registry.for_path(position.file.name)
            assert language is not None, "it has chosen the file"
            costs += type_line(language, position, size, number)
    report["rows"] = rows(costs)
    report["seconds"] = round(time.monotonic() - started, 1)
    print_report(report)
    write_results(report, output)


def choose_lines(count: int, seed: int, folder: Path) -> dict[tuple[str, str], list[Position]]:
    """Return starts of lines by language and file size, a few files of each size."""
    choice = random.Random(seed)
    registry = LanguageRegistry([grammars_folder()])
    files: dict[tuple[str, str], list[SourceFile]] = defaultdict(list)
    for package in PACKAGES:
        for file in source_files(package, fetch(package, folder)):
            language = registry.for_path(file.name)
            if language is not None:
                files[language.id, size_of(file.text)].append(file)
    chosen = {}
    for key, group in sorted(files.items()):
        few = choice.sample(group, min(len(group), _FILES_PER_SIZE))
        everything = [position for file in few for position in _line_starts(file)]
        chosen[key] = choice.sample(everything, min(count, len(everything)))
    return chosen


def size_of(text: str) -> str:
    """Return the name of the size that a text has."""
    return [name for least, name in SIZES if len(text) >= least][-1]


def _line_starts(file: SourceFile) -> Iterator[Position]:
    start = 0
    for number, line in enumerate(file.text.split("\n"), start=1):
        code = line.strip()
        if len(code) >= _SHORTEST_LINE:
            yield Position(file, number, start + line.index(code))
        start += len(line) + 1


def type_line(language: Language, position: Position, size: str, number: int) -> Iterator[Cost]:
    """Type one line and yield what each key took."""
    text = position.file.text
    end = text.find("\n", position.offset)
    end = len(text) if end < 0 else end
    line, after = text[position.offset : end].rstrip("\r"), text[end:]
    is_along = number % _LINES_PER_TYPED_ALONG == _LINES_PER_TYPED_ALONG - 1
    for key in range(1, len(line)):
        before, rest = text[: position.offset + key], line[key:]
        step = "along" if is_along else _STEPS[1 + (key + number) % 3]
        ask = _judgement(step, language, before, rest, after)
        started = time.thread_time()
        parsed = language.parse(before + after)
        is_code = parsed.place_at(len(before)) is Place.CODE
        if is_code:
            parsed.is_at_block_opening(len(before))
        shape = time.thread_time() - started
        yield Cost(language.id, size, "shape", shape * 1000, key == 1)
        if is_code:
            ask()
            total = time.thread_time() - started
            yield Cost(language.id, size, step, total * 1000, key == 1)


def _judgement(
    step: str, language: Language, before: str, rest: str, after: str
) -> Callable[[], object]:
    middle = len(rest) // 2
    suggestion = {
        "good": rest,
        "along": rest,
        "bad": f"{rest[:middle]})]}}{rest[middle:]}",
        "closers": rest + "\n".join(after.split("\n")[: _BLOCK_LINES + 1]),
    }[step]
    first_line = suggestion.partition("\n")[0]
    cuts = [found.end() for found in re.finditer(r"\w+|\s+|[^\w\s]", first_line)]
    cuts += [index for index, character in enumerate(suggestion) if character == "\n"]

    def judge() -> None:
        length = sound_length(language, before, suggestion, after, sorted(set(cuts)))
        if step == "closers":
            missing_closers(language, before, suggestion[:length], after)

    return judge


def rows(costs: list[Cost]) -> list[dict[str, Any]]:
    """Return one row per language and size, and one per size for all languages."""
    groups: dict[tuple[str, str], list[Cost]] = defaultdict(list)
    for cost in costs:
        groups[cost.language, cost.size].append(cost)
        groups["all", cost.size].append(cost)
    order = [name for _, name in SIZES]
    made = []
    for (language, size), group in sorted(
        groups.items(), key=lambda item: (order.index(item[0][1]), item[0][0] == "all", item[0][0])
    ):
        row: dict[str, Any] = {"language": language, "size": size}
        for step in _STEPS:
            values = [cost.milliseconds for cost in group if cost.step == step]
            if values:
                row[step] = _spread(values)
        firsts = [cost.milliseconds for cost in group if cost.is_first_on_line]
        row["first_key_of_line"] = _spread(firsts) if firsts else None
        made.append(row)
    return made


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "keys": len(values),
        "p50_ms": round(percentile(values, 0.5), 3),
        "p95_ms": round(percentile(values, 0.95), 3),
        "most_ms": round(max(values), 3),
    }


def print_report(report: dict[str, Any]) -> None:
    """Print the table."""
    console = Console(width=min(WIDTH, Console().width))
    table = Table(title="CPU milliseconds per key, p50 / p95")
    for name in ("", "file", "key", "good", "bad", "block", "along"):
        table.add_column(name, justify="right" if len(table.columns) > 1 else "left", no_wrap=True)
    previous = ""
    for row in report["rows"]:
        if row["size"] != previous:
            table.add_section()
        previous = row["size"]
        figures = (row.get(step) for step in _STEPS)
        table.add_row(
            row["language"],
            row["size"],
            *(f"{each['p50_ms']:.1f}/{each['p95_ms']:.1f}" if each else "-" for each in figures),
        )
    console.print(table)
    console.print("key: the place of the cursor and whether a block opens. The others are that and")
    console.print("the judgement of a suggestion: the true rest of the line, the same with")
    console.print("unbalanced brackets, a cut-off block with what closes it, and the true rest")
    console.print(f"while it is typed along. Took {report['seconds']:.0f} s.")


if __name__ == "__main__":
    main()
