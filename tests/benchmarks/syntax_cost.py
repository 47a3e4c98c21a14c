"""What does the syntax cost at each key, apart from any model?

    python tests/benchmarks/syntax_cost.py [--lines 12] [--languages python,c]

Takes files of ten pinned third-party packages, removes the rest of a line and types it back key by
key, as someone does who writes a new line. At each key it asks for the shape of a suggestion, as
the server does for an automatic request, and then makes the cuts that depend on the text around
the cursor and looks for unknown names in one suggestion, in turn: the true rest of the line, the
same with unbalanced brackets, and a block that is cut off. Each key judges one only, because what
one judgement has found out would speed up the next. Every sixth line is typed along its suggestion:
at each key the true rest is judged, as happens to a suggestion that stays.

Times are CPU times of the one thread that works, so that a busy neighbour changes little.
"""

from __future__ import annotations

import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from options import output_option, packages_option, seed_option
from packages import PACKAGES, Position, SourceFile, fetch, source_files
from reporting import WIDTH, machine, percentile, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tabwright.bundled_data import grammars_folder
from tabwright.completion.shape import Shape, decide_shape
from tabwright.completion.trimming import Draft, context_cut
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.settings import CompletionSettings
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.syntax.names import unknown_name

SIZES = ((0, "under 10 KB"), (10_000, "10-25 KB"), (25_000, "25-40 KB"), (40_000, "40-60 KB"))
_FILES_PER_SIZE = 6
_BLOCK_LINES = 6
_SHORTEST_LINE = 8
_LINES_PER_TYPED_ALONG = 6
_STEPS = ("shape", "good", "bad", "closers", "begun", "along", "names")


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
@seed_option(20, "files and lines")
@click.option("--languages", default="", help="Ids with commas between them; all if unset.")
@packages_option()
@output_option(__file__)
def main(lines: int, seed: int, languages: str, folder: Path, output: Path) -> None:
    """Measure what the syntax of one automatic request costs.

    \b
    key      the shape of a suggestion here
    good     that and the judgement of the true rest of the line
    bad      that and the judgement of the same with unbalanced brackets
    block    that and the judgement of a cut-off block, and what closes it
    begun    that and the judgement of the true beginning of the rest, of which more is to come
    along    that and the judgement of the true rest at each key of the line
    names    the look for unknown names alone, a part of each judgement
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
        step = "along" if is_along else _STEPS[1 + (key + number) % 4]
        written = _written(step, rest, after)
        snapshot = DocumentSnapshot("file:///typed", language.id, key, before + after)
        started = time.thread_time()
        shape = decide_shape(
            snapshot, Cursor(len(before)), language, CompletionSettings(), is_automatic=True
        )
        shaped = time.thread_time()
        yield Cost(language.id, size, "shape", (shaped - started) * 1000, key == 1)
        if isinstance(shape, Shape):
            if step == "closers":
                shape = replace(shape, kind="block")
            draft = Draft(written, tuple(_token_ends(written)), shape, goes_on=step == "begun")
            started += time.thread_time() - shaped
            trimmed = context_cut(draft, before, after, language)
            assert trimmed is not None, "nothing was typed since"
            cut = time.thread_time()
            if trimmed.text:
                unknown_name(language, before, trimmed.text, after)
            ended = time.thread_time()
            yield Cost(language.id, size, step, (ended - started) * 1000, key == 1)
            yield Cost(language.id, size, "names", (ended - cut) * 1000, key == 1)


def _written(step: str, rest: str, after: str) -> str:
    middle = len(rest) // 2
    return {
        "good": rest,
        "along": rest,
        "begun": rest[: middle + 1],
        "bad": f"{rest[:middle]})]}}{rest[middle:]}",
        "closers": rest + "\n".join(after.split("\n")[: _BLOCK_LINES + 1]),
    }[step].rstrip()


def _token_ends(text: str) -> list[int]:
    return [found.end() for found in re.finditer(r"\w+|\s+|[^\w\s]", text)]


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
    table = Table(
        title="CPU milliseconds per key, p50 / p95", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for name in ("", "KB", "key", "good", "bad", "block", "begun", "along", "names"):
        table.add_column(name, justify="right" if len(table.columns) > 1 else "left", no_wrap=True)
    previous = ""
    for row in report["rows"]:
        if row["size"] != previous:
            table.add_section()
        previous = row["size"]
        figures = (row.get(step) for step in _STEPS)
        table.add_row(
            {"javascript": "js", "typescript": "ts"}.get(row["language"], row["language"]),
            row["size"].replace("under ", "<").removesuffix(" KB"),
            *("-" if each is None else _p50_and_p95(each) for each in figures),
        )
    console.print(table)
    console.print(
        "KB: the file's size. key: the shape of a suggestion. The others are that and the "
        "judgement of one: the true rest of the line, the same with unbalanced brackets, a cut-off "
        "block with what closes it, the true beginning of the rest, and the rest while it is typed "
        "along. names: the look for unknown names alone, a part of each judgement. "
        f"Took {report['seconds']:.0f} s."
    )


def _p50_and_p95(figures: dict[str, float]) -> str:
    return f"{_short(figures['p50_ms'])}/{_short(figures['p95_ms'])}"


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.{1 if milliseconds < 10 else 0}f}"


if __name__ == "__main__":
    main()
