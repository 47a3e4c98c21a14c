"""What does each source of excerpts add to what the model knows of the next words?

    python tests/benchmarks/excerpt_sources.py [--items 8] [--languages Python,Rust]

Lines are taken out of six real repositories in six languages, from the disk too; a cursor is put
before a random word of each, and the model is asked how likely it finds the rest of the line: with
no excerpts, with those of all sources, and with those of all but one. This tells far smaller
differences than typing does, see workspace_gain.py, and nothing of what is shown to the user.
"""

from __future__ import annotations

import math
import random
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from known_text import likelihood
from options import (
    items_option,
    languages_option,
    model_option,
    names_in,
    output_option,
    packages_option,
    seed_option,
)
from raw_model import Served, loaded
from reporting import WIDTH, machine, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from specialist_figures import compare_pairs
from specialist_models import base_of, served
from typing_items import Item, choose_items, copy_without_answers
from workspace_gain import PACKAGES

from tabwright.commands.building import build_languages
from tabwright.commands.opening_index import up_to_date_index
from tabwright.completion.excerpt_key import excerpt_key
from tabwright.completion.excerpt_layout import Excerpt
from tabwright.completion.excerpt_sources import ALL_SOURCES, SOURCE_WEIGHTS
from tabwright.completion.excerpts import choose_excerpts
from tabwright.completion.prompt import build_prompt, room_for
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.llama import LlamaModel, NativeLog
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.workspace_index.index import WorkspaceIndex

NONE, ALL = "none", "all"
_WORD = re.compile(r"[^\W\d]\w*")
_NEEDS = {"recent", "together", "dependencies"}
"""These need someone who has edited, git's history, or installed packages, which are not there."""


@dataclass(frozen=True)
class Asked:
    """One place, and how likely the model finds what stood there, in each way."""

    language: str
    file: str
    middle: str
    bits: Mapping[str, float]
    """Per character, by way."""
    tokens: Mapping[str, int]
    """Of the excerpts, estimated."""
    shown: frozenset[str]
    """The sources of what is shown where all are asked."""


@click.command(context_settings={"max_content_width": 100})
@items_option(8, "Lines in each language.")
@seed_option(41, "the lines")
@languages_option()
@model_option()
@click.option("--tokens", default=512, show_default=True, help="The length of prompts.")
@packages_option()
@output_option(__file__)
def main(
    items: int, seed: int, languages: str, model: str, tokens: int, folder: Path, output: Path
) -> None:
    """Ask how likely what stood there is, with the excerpts of each source and without.

    \b
    bits     per character of the rest of the line, its mean over the lines; lower is better
    change   of that, against all sources together, with its 95 % interval (paired bootstrap)
    shown    at how many places the source has a part in the excerpts
    tokens   of the excerpts

    A source whose removal raises the bits helps. Lines that the model cannot be asked about, since
    their tokens do not fit the prompt's end, are left out.
    """
    catalogue = read_catalogue(catalogue_folders())
    chosen = served(catalogue, catalogue.get(model) if model else base_of(catalogue))
    if chosen is None:
        raise click.ClickException("The model is not on this machine; see `tabwright models pull`.")
    wanted = choose_items(items, seed, folder, names_in(languages), PACKAGES)
    asked = list(_asked(wanted, chosen, tokens, seed))
    report: dict[str, Any] = {
        "machine": machine(),
        "model": chosen.manifest.id,
        "context_tokens": tokens,
        "seed": seed,
        "packages": [package.title for package in PACKAGES],
        "rows": rows_of(asked, seed),
        "languages": languages_of(asked, seed),
        "items": [
            {
                "language": each.language,
                "file": each.file,
                "middle": each.middle,
                "bits": each.bits,
                "tokens": each.tokens,
                "shown": sorted(each.shown),
            }
            for each in asked
        ],
    }
    _print(report)
    write_results(report, output)


def _asked(
    wanted: Mapping[str, Sequence[Item]], model: Served, tokens: int, seed: int
) -> Iterator[Asked]:
    registry = build_languages()
    llama = loaded(model, tokens, NativeLog())
    with tempfile.TemporaryDirectory(prefix="tabwright-sources-") as base, ExitStack() as opened:
        items = copy_without_answers(wanted, Path(base) / "repositories")
        indexes: dict[Path, WorkspaceIndex] = {}
        for number, item in enumerate(items, start=1):
            root = item.file.root
            if root not in indexes:
                one = up_to_date_index(root, registry, shows_progress=False)
                indexes[root] = opened.enter_context(one)
            choice = random.Random(f"{seed} {item.file.name} {item.start}")
            found = _ask(item, indexes[root], llama, model, registry, tokens, choice)
            if found is not None:
                yield found
            say(f"{number} of {len(items)}: {item.language}, {item.file.name}")
    llama.close()


def _ask(
    item: Item,
    index: WorkspaceIndex,
    llama: LlamaModel,
    model: Served,
    registry: LanguageRegistry,
    tokens: int,
    choice: random.Random,
) -> Asked | None:
    language = registry.for_path(item.file.path.name)
    words = [match.start() for match in _WORD.finditer(item.removed, 0, item.lines[0].end)]
    if language is None or not words:
        return None
    start = choice.choice(words)
    middle = item.removed[start : item.lines[0].end]
    before = item.before + item.removed[:start]
    snapshot = DocumentSnapshot(
        item.file.path.as_uri(),
        item.editor_id,
        1,
        before + item.after,
        item.file.path.relative_to(item.file.root).as_posix(),
    )
    cursor = Cursor(len(before))
    known: dict[tuple[Excerpt, ...], float | None] = {}
    bits: dict[str, float] = {}
    costs: dict[str, int] = {}
    shown: frozenset[str] = frozenset()
    for way, sources in _ways():
        excerpts, costs[way] = _chosen(snapshot, cursor, language, index, model, tokens, sources)
        if way == ALL:
            shown = frozenset(part.source for each in excerpts for part in each.parts)
        if excerpts not in known:
            known[excerpts] = _nats(
                llama, model, snapshot, cursor, language, tokens, excerpts, middle
            )
        nats = known[excerpts]
        if nats is None:
            return None
        bits[way] = nats / math.log(2) / len(middle)
    return Asked(item.language, item.file.name, middle, bits, costs, shown)


def _ways() -> Iterator[tuple[str, frozenset[str]]]:
    yield NONE, frozenset()
    yield ALL, ALL_SOURCES
    for source in SOURCE_WEIGHTS:
        if source not in _NEEDS:
            yield source, ALL_SOURCES - {source}


def _chosen(
    snapshot: DocumentSnapshot,
    cursor: Cursor,
    language: Language,
    index: WorkspaceIndex,
    model: Served,
    tokens: int,
    sources: frozenset[str],
) -> tuple[tuple[Excerpt, ...], int]:
    if not sources:
        return (), 0
    room = room_for(
        snapshot,
        language,
        model.manifest,
        context_tokens=tokens,
        can_fill_in_the_middle=model.fills_in,
    )
    key = excerpt_key(snapshot, cursor, language, index, room)
    choice = choose_excerpts(key, language, index, sources=sources)
    return choice.excerpts, choice.tokens


def _nats(
    llama: LlamaModel,
    model: Served,
    snapshot: DocumentSnapshot,
    cursor: Cursor,
    language: Language,
    tokens: int,
    excerpts: tuple[Excerpt, ...],
    middle: str,
) -> float | None:
    prompt = build_prompt(
        snapshot,
        cursor,
        language,
        model.manifest,
        context_tokens=tokens,
        can_fill_in_the_middle=model.fills_in,
        excerpts=excerpts,
    )
    read = llama.prompt_tokens(prompt.segments, add_bos=prompt.add_bos)
    heals = not prompt.segments[-1].is_control
    found = likelihood(llama, read, middle, heals=heals)
    return found.nats if found is not None else None


# -- reporting --


def rows_of(asked: Sequence[Asked], seed: int) -> list[dict[str, Any]]:
    """Return a row for each way: its bits, and how much more they are than those of all."""
    rows = []
    for way, _ in _ways():
        bits = [each.bits[way] for each in asked]
        change = compare_pairs([(each.bits[way], each.bits[ALL]) for each in asked], seed).as_row()
        is_source = way not in (NONE, ALL)
        rows.append(
            {
                "way": f"without {way}" if is_source else way,
                "bits": sum(bits) / max(1, len(bits)),
                "change": change["difference"],
                "low": change["low"],
                "high": change["high"],
                "shown": sum(way in each.shown for each in asked) if is_source else None,
                "tokens": sum(each.tokens[way] for each in asked) / max(1, len(asked)),
            }
        )
    return rows


def languages_of(asked: Sequence[Asked], seed: int) -> list[dict[str, Any]]:
    """Return by language how much excerpts change, none against all."""
    rows = []
    for language in dict.fromkeys(each.language for each in asked):
        those = [each for each in asked if each.language == language]
        change = compare_pairs([(each.bits[ALL], each.bits[NONE]) for each in those], seed).as_row()
        row = {name: change[name] for name in ("low", "high")}
        found = {"language": language, "items": len(those), "change": change["difference"]}
        rows.append(found | row)
    return rows


def _print(report: Mapping[str, Any]) -> None:
    console = Console(width=WIDTH)
    table = Table(
        title=f"{len(report['items'])} places, {report['model']},"
        f" prompts of {report['context_tokens']} tokens",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for number, title in enumerate(("excerpts", "bits", "change", "95 %", "shown", "tokens")):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for row in report["rows"]:
        is_all = row["way"] == ALL
        table.add_row(
            row["way"],
            f"{row['bits']:.3f}",
            "" if is_all else f"{row['change']:+.3f}",
            "" if is_all else f"{row['low']:+.3f} {row['high']:+.3f}",
            "" if row["shown"] is None else str(row["shown"]),
            f"{row['tokens']:.0f}",
        )
    console.print(table)
    for row in report["languages"]:
        console.print(
            f"{row['language']} ({row['items']}): excerpts change the bits by {row['change']:+.3f}"
            f" ({row['low']:+.3f} to {row['high']:+.3f}).",
            highlight=False,
        )


if __name__ == "__main__":
    main()
