"""How often does the undefined-name check flag right code, and how often wrong names?

    python tests/benchmarks/undefined_names.py [--lines 1000] [--language python] [--show 10]

Takes random lines of third-party packages that were not looked at while the check was built, cuts
each at a random place, and hands over the true rest of the line as the suggestion. No model is
needed. What the check flags then is a false alarm. The same lines with one wrong name show what it
finds: a name of another file, or the local of another function of the same file.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import tree_sitter
from options import output_option, packages_option, seed_option, show_option
from packages import Package, SourceFile, fetch, source_files
from reporting import WIDTH, machine, median, percentile, say, write_results
from rich.console import Console
from rich.table import Table

from tabwright.commands.building import build_languages
from tabwright.document import TextRange
from tabwright.syntax.languages import Language
from tabwright.syntax.names import unknown_name
from tabwright.syntax.syntax_tree import SyntaxTree

NAMES_PACKAGES = (
    Package("rich", "13.9.4", "wheel", (".py",), "MIT"),
    Package("werkzeug", "3.1.3", "wheel", (".py",), "BSD-3-Clause"),
    Package("networkx", "3.4.2", "wheel", (".py",), "BSD-3-Clause"),
    Package("express", "5.1.0", "npm", (".js",), "MIT"),
    Package("commander", "13.1.0", "npm", (".js",), "MIT"),
    Package("eslint", "9.33.0", "npm", (".js",), "MIT"),
    Package("rxjs", "7.8.2", "npm", (".ts",), "Apache-2.0"),
    Package("zod", "4.0.17", "npm", (".ts",), "MIT"),
    Package("@tanstack/query-core", "5.85.5", "npm", (".ts",), "MIT"),
    Package("react-native-paper", "5.14.5", "npm", (".tsx",), "MIT"),
    Package("@react-navigation/elements", "2.6.3", "npm", (".tsx",), "MIT"),
    Package("tokenizers", "0.13.3", "sdist", (".rs",), "Apache-2.0"),
    Package("react-native-svg", "15.11.2", "npm", (".java",), "MIT"),
    Package("jpype1", "1.5.0", "sdist", (".java", ".cpp"), "Apache-2.0"),
    Package("psutil", "6.1.1", "sdist", (".c", ".h"), "BSD-3-Clause"),
)
"""Neither `pip` nor `npm` has a package with enough Go in it that unpacks without building."""

_WORD = re.compile(r"[\w$]+")
_TOKEN_END = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Item:
    """A line of a file, cut in two."""

    file: SourceFile
    language: Language
    start: int
    end: int

    @property
    def before(self) -> str:
        """The file up to the cursor."""
        return self.file.text[: self.start]

    @property
    def text(self) -> str:
        """The true rest of the line."""
        return self.file.text[self.start : self.end]

    @property
    def after(self) -> str:
        """The file from the end of the line on."""
        return self.file.text[self.end :]


@dataclass
class Count:
    """How many suggestions of one kind were judged and flagged."""

    judged: int = 0
    flagged: int = 0

    def add(self, is_flagged: bool) -> None:
        """Count one suggestion."""
        self.judged += 1
        self.flagged += is_flagged

    @property
    def share(self) -> float | None:
        """The share flagged, None of nothing."""
        return self.flagged / self.judged if self.judged else None


@click.command(context_settings={"max_content_width": 100})
@click.option("--lines", default=1000, show_default=True, help="How many in each language.")
@seed_option(20, "lines, cuts and wrong names")
@click.option("--language", "wanted", multiple=True, help="An id, such as python; all if unset.")
@show_option("false alarms of each kind")
@packages_option()
@output_option(__file__)
def main(
    lines: int, seed: int, wanted: tuple[str, ...], show: int, folder: Path, output: Path
) -> None:
    """Measure what the undefined-name check flags in right and in wrong code.

    \b
    true line    false alarms: the rest of the line as it is
    cut short    false alarms: the same up to a random token, and the rest of the line missing,
                 so that the program is usually broken
    other file   found: one name that the line refers to is replaced by a name of another file,
                 which neither this file nor the language knows
    other local  found: it is replaced by a local of another function of the file
    p50, p95     milliseconds for a true line, parsing included
    """
    report: dict[str, Any] = {"machine": machine(), "lines": lines, "seed": seed, "languages": {}}
    for language, files in files_by_language(folder):
        if wanted and language.id not in wanted:
            continue
        say(f"{language.name}: {len(files)} files")
        report["languages"][language.id] = measure(language, files, lines, seed, show)
    print_table(report["languages"])
    write_results(report, output)


def files_by_language(folder: Path) -> Iterator[tuple[Language, list[SourceFile]]]:
    """Yield each language that has names with the files it is measured on."""
    languages = build_languages()
    found: dict[str, tuple[Language, list[SourceFile]]] = {}
    for package in NAMES_PACKAGES:
        for file in source_files(package, fetch(package, folder)):
            language = languages.for_path(file.name)
            if language is not None and language.grammar.scopes is not None:
                found.setdefault(language.id, (language, []))[1].append(file)
    yield from found.values()


def measure(
    language: Language, files: list[SourceFile], lines: int, seed: int, show: int
) -> dict[str, Any]:
    """Judge lines of one language as they are and with a wrong name."""
    choice = random.Random(f"{seed} {language.id}")
    names = {file: sorted(names_of(language, file.text)) for file in files}
    counts = {kind: Count() for kind in ("true line", "cut short", "other file", "other local")}
    milliseconds = []
    shown = dict.fromkeys(counts, 0)

    def judge(kind: str, item: Item, text: str) -> None:
        found = unknown_name(language, item.before, text, item.after)
        counts[kind].add(found is not None)
        if found is not None and kind in ("true line", "cut short") and shown[kind] < show:
            shown[kind] += 1
            line = item.before[item.before.rfind("\n") + 1 :]
            number = item.before.count("\n") + 1
            say(f"{kind}: {item.file.path}:{number}\n    {line}‸{text[:found]}‸{text[found:]}")

    for item in choose_items(language, files, lines, choice):
        started = time.perf_counter()
        judge("true line", item, item.text)
        milliseconds.append(1000 * (time.perf_counter() - started))
        ends = [match.end() for match in _TOKEN_END.finditer(item.text)]
        judge("cut short", item, item.text[: choice.choice(ends)])
        references = references_of(item)
        if not references:
            continue
        replaced = choice.choice(references)
        for kind, candidates in (
            ("other file", names_elsewhere(item, names, choice)),
            ("other local", locals_elsewhere(item)),
        ):
            if candidates:
                wrong = choice.choice(candidates)
                text = item.text[: max(replaced.start, 0)] + wrong + item.text[replaced.end :]
                judge(kind, item, text)
    return {
        "files": len(files),
        **{kind: {**asdict(count), "share": count.share} for kind, count in counts.items()},
        "milliseconds_p50": round(median(milliseconds), 2),
        "milliseconds_p95": round(percentile(milliseconds, 0.95), 2),
    }


def choose_items(
    language: Language, files: list[SourceFile], count: int, choice: random.Random
) -> list[Item]:
    """Return lines that are not blank, every such line being equally likely, cut anywhere."""
    spans = []
    for file in files:
        start = 0
        for line in file.text.split("\n"):
            if line.strip():
                spans.append((file, start, start + len(line.rstrip())))
            start += len(line) + 1
    items = []
    for file, start, end in choice.sample(spans, min(count, len(spans))):
        indentation = len(file.text[start:end]) - len(file.text[start:end].lstrip())
        items.append(Item(file, language, choice.randrange(start + indentation, end), end))
    return items


def captured(
    language: Language, query: tree_sitter.Query, text: str
) -> list[tuple[str, TextRange]]:
    """Return what a query finds in a text, by capture name."""
    found = SyntaxTree(text, language.grammar).captures(query, 0, len(text))
    return [(name, TextRange(start, end)) for name, start, end in found]


def names_of(language: Language, text: str) -> set[str]:
    """Return what a file has as names of its own or of others."""
    query = language.grammar.scopes
    assert query is not None
    found = captured(language, query, text)
    return {text[span.start : span.end] for name, span in found if name == "reference"}


def references_of(item: Item) -> list[TextRange]:
    """Return where the rest of the line refers to a name, in offsets of it."""
    query = item.language.grammar.scopes
    assert query is not None
    captures: dict[TextRange, set[str]] = {}
    found = captured(item.language, query, item.file.text)
    for name, span in found:
        if item.start <= span.start and span.end <= item.end:
            captures.setdefault(span, set()).add(name)
    return [
        TextRange(span.start - item.start, span.end - item.start)
        for span, kinds in captures.items()
        if kinds == {"reference"}
    ]


def names_elsewhere(
    item: Item, names: dict[SourceFile, list[str]], choice: random.Random
) -> list[str]:
    """Return the names of another file that this file and the language do not know."""
    others = [file for file in names if file != item.file and names[file]]
    if not others:
        return []
    known = set(_WORD.findall(item.file.text)) | (item.language.grammar.builtins or set())
    return [name for name in names[choice.choice(others)] if name not in known]


def locals_elsewhere(item: Item) -> list[str]:
    """Return the names of one function that is not around the line, used nowhere else."""
    query = item.language.grammar.scopes
    assert query is not None
    text = item.file.text
    found = captured(item.language, query, text)
    scopes = [span for name, span in found if name == "scope"]
    homes: dict[str, TextRange] = {}
    for name, span in found:
        around = [scope for scope in scopes if scope.start <= span.start and span.end <= scope.end]
        if name == "definition" and around:
            homes[text[span.start : span.end]] = max(around, key=lambda scope: scope.start)
    used: dict[str, list[int]] = {}
    for word in _WORD.finditer(text):
        used.setdefault(word.group(), []).append(word.start())
    return sorted(
        name
        for name, home in homes.items()
        if not home.start <= item.start <= home.end
        and all(home.start <= start < home.end for start in used.get(name, ()))
    )


def print_table(languages: dict[str, Any]) -> None:
    """Print one row for each language."""
    kinds = ("true line", "cut short", "other file", "other local")
    table = Table(title="Share flagged by the undefined-name check")
    for title in ("language", *kinds, "p50 ms", "p95 ms"):
        table.add_column(title, justify="left" if title == "language" else "right")
    for language, row in languages.items():
        shares = [
            "-" if row[kind]["share"] is None else f"{100 * row[kind]['share']:.1f} %"
            for kind in kinds
        ]
        times = (f"{row['milliseconds_p50']:.1f}", f"{row['milliseconds_p95']:.1f}")
        table.add_row(language, *shares, *times)
    table.caption = "true line, cut short: false alarms; other file, other local: found"
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    main()
