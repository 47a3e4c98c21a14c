"""How long it takes to choose excerpts, and how seldom they change while one types.

    python tests/benchmarks/excerpts_speed.py FOLDER [--cursors 300] [--typed 40]

The index of FOLDER is built in a folder of its own, which `--index DIR` keeps. Then excerpts are
chosen at random cursors of random files, after a few to warm up, and at another cursor in each:
for the first one the index finds out which files import this one, which it then remembers.
Another document is open, as in an editor. `key`
is finding out what the excerpts depend on, which is done at every key, `choice` is choosing them,
which is done when that has changed, both in processor time. For the second table the lines before
some of these cursors, about 200 characters, are taken out and typed again, while the index knows
the file without them.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting import machine, results_file, say, spread_in_ms, warning_of_other_work, write_results

from tabwright.bundled_data import grammars_folder
from tabwright.completion.excerpt_key import ExcerptKey, border_of, excerpt_key
from tabwright.completion.excerpt_sources import ALL_SOURCES
from tabwright.completion.excerpts import Choice, choose_excerpts
from tabwright.completion.prompt import Room, room_for
from tabwright.document import Cursor, DocumentSnapshot, line_end
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.workspace_index.extracting import facts_of
from tabwright.workspace_index.facts import FileFacts
from tabwright.workspace_index.index import WorkspaceIndex
from tabwright.workspace_index.overlaid import OverlaidView, open_file
from tabwright.workspace_index.view import WorkspaceView

LANGUAGES = LanguageRegistry([grammars_folder()])
MANIFEST = read_catalogue(catalogue_folders()).default
WARM_UP = 10
TYPED_CHARACTERS = 200
SHORTEST_FILE = 400
KEYS = re.compile(r"\r?\n[ \t]*|.", re.DOTALL)
"""Editors indent by themselves."""


@dataclass(frozen=True)
class Spot:
    """A cursor in a file of the workspace."""

    snapshot: DocumentSnapshot
    cursor: Cursor
    language: Language
    room: Room

    def with_text(self, text: str, offset: int) -> Spot:
        before = self.snapshot
        snapshot = DocumentSnapshot(
            before.uri, before.language, before.version + 1, text, before.relative_path
        )
        return Spot(snapshot, Cursor(offset), self.language, self.room)

    def key(self, view: WorkspaceView) -> ExcerptKey:
        return excerpt_key(self.snapshot, self.cursor, self.language, view, self.room)


def spots(folder: Path, paths: list[str], count: int, tokens: int) -> list[Spot]:
    chosen, found = random.Random(1), []
    while len(found) < count:
        path = chosen.choice(paths)
        language = LANGUAGES.for_path(path)
        text = (folder / path).read_text(encoding="utf-8", errors="replace")
        if language is None or not language.line_comment or len(text) < SHORTEST_FILE:
            continue
        snapshot = DocumentSnapshot(f"file:///{path}", language.editor_ids[0], 1, text, path)
        room = room_for(
            snapshot, language, MANIFEST, context_tokens=tokens, can_fill_in_the_middle=False
        )
        found.append(Spot(snapshot, Cursor(chosen.randrange(len(text))), language, room))
    return found


def as_served(index: WorkspaceIndex, found: list[Spot]) -> WorkspaceView:
    """Return the index under an open document in which nothing is asked, as in an editor."""
    last = found[-1].snapshot
    opened = open_file(last.text, found[-1].language)
    return OverlaidView(index, {last.relative_path: opened})


def timed(spot: Spot, view: WorkspaceView, sources: frozenset[str]) -> tuple[Choice, float, float]:
    started = time.process_time()
    key = spot.key(view)
    known = time.process_time()
    choice = choose_excerpts(key, spot.language, view, sources=sources)
    return choice, known - started, time.process_time() - known


def speed(found: list[Spot], view: WorkspaceView) -> dict[str, Any]:
    """Time every spot, another one in the same file, and then each source alone."""
    for spot in found[:WARM_UP]:
        timed(spot, view, ALL_SOURCES)
    first, later = [], []
    for spot in found[WARM_UP:]:
        first.append(timed(spot, view, ALL_SOURCES))
        other = len(spot.snapshot.text) - spot.cursor.offset
        later.append(timed(spot.with_text(spot.snapshot.text, other), view, ALL_SOURCES))
    measured = first + later
    result: dict[str, Any] = {
        "key": spread_in_ms([key for _, key, _ in measured]),
        "choice, first in file": spread_in_ms([choice for _, _, choice in first]),
        "choice, later in file": spread_in_ms([choice for _, _, choice in later]),
        "with excerpts": sum(1 for choice, _, _ in measured if choice.excerpts) / len(measured),
        "tokens": sum(choice.tokens for choice, _, _ in measured) / len(measured),
    }
    sources: Counter[str] = Counter(
        part.source for choice, _, _ in measured for each in choice.excerpts for part in each.parts
    )
    result["shown"] = dict(sources.most_common())
    for source in sorted(ALL_SOURCES):
        alone = [timed(spot, view, frozenset({source}))[2] for spot in found[WARM_UP:]]
        result[f"{source} alone"] = spread_in_ms(alone)
    return result


class BeforeTyping:
    """A view of a workspace in which one file is as it was before something was typed there."""

    def __init__(self, view: WorkspaceView, path: str, facts: FileFacts) -> None:
        self._view, self._path, self._facts = view, path, facts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def facts_of(self, path: str) -> FileFacts | None:
        return self._facts if path == self._path else self._view.facts_of(path)


def stability(found: list[Spot], view: WorkspaceView) -> dict[str, float]:
    """Type the lines before each cursor again and count where the excerpts change."""
    counts: Counter[str] = Counter()
    for spot in found:
        text = spot.snapshot.text
        end = line_end(text, spot.cursor.offset)
        start = line_end(text, max(0, end - TYPED_CHARACTERS))
        facts = facts_of(text[:start] + text[end:], spot.language)
        before: Any = BeforeTyping(view, spot.snapshot.relative_path, facts)
        last = _at(spot.with_text(text[:start] + text[end:], start), before, None)
        offset = start
        for piece in KEYS.findall(text[start:end]):
            offset += len(piece)
            now = _at(spot.with_text(text[:offset] + text[end:], offset), before, last)
            counts["keys"] += 1
            counts["choices anew"] += now.key != last.key
            counts["borders passed"] += now.border != last.border
            counts["definitions entered or left"] += now.key.headers != last.key.headers
            counts["excerpts changed"] += now.choice.excerpts != last.choice.excerpts
            last = now
    return {
        name: round(100 * count / max(1, counts["keys"]), 2) if name != "keys" else count
        for name, count in counts.items()
    }


@dataclass(frozen=True)
class Moment:
    """What is chosen after one key."""

    key: ExcerptKey
    choice: Choice
    border: int


def _at(spot: Spot, view: WorkspaceView, last: Moment | None) -> Moment:
    key = spot.key(view)
    if last is not None and last.key == key:
        choice = last.choice
    else:
        choice = choose_excerpts(key, spot.language, view)
    return Moment(key, choice, border_of(spot.cursor.offset, spot.room)[1])


def print_report(report: dict[str, Any]) -> None:
    times = report["times"]
    print(f"{report['files']:,} files, prompts of {report['context_tokens']} tokens")
    print(f"{'':24}{'n':>6}{'p50 ms':>10}{'p95 ms':>10}{'most ms':>10}")
    for name, spread in times.items():
        if isinstance(spread, dict) and "p95" in spread:
            numbers = "".join(f"{spread[each]:10.1f}" for each in ("p50", "p95", "most"))
            print(f"{name:24}{spread['n']:6}{numbers}")
    print(f"{times['with excerpts']:.0%} of cursors with excerpts, {times['tokens']:.0f} tokens")
    print("shown: " + ", ".join(f"{name} {count}" for name, count in times["shown"].items()))
    print(f"\nwhile {report['typing']['keys']:,} keys were typed, per 100 keys")
    for name, value in report["typing"].items():
        if name != "keys":
            print(f"  {name:30}{value:6}")


def measure(arguments: argparse.Namespace, directory: Path) -> dict[str, Any]:
    os.environ["TABWRIGHT_DATA_DIR"] = str(directory)
    from tabwright.commands.opening_index import up_to_date_index  # reads it

    say(f"indexing {arguments.folder}")
    with up_to_date_index(arguments.folder.absolute(), LANGUAGES) as index:
        paths = index.paths()
        if not paths:
            raise SystemExit(f"There is no code in {arguments.folder}.")
        found = spots(arguments.folder, paths, arguments.cursors + WARM_UP + 1, arguments.tokens)
        gc.collect()
        say(f"{len(paths)} files; choosing at {arguments.cursors} cursors")
        view = as_served(index, found)
        found.pop()
        times = speed(found, view)
        say("typing")
        typing = stability(found[: arguments.typed], view)
    return {
        "files": len(paths),
        "context_tokens": arguments.tokens,
        "times": times,
        "typing": typing,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cursors", type=int, default=300)
    parser.add_argument("--typed", type=int, default=40, help="places that are typed anew")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--index", type=Path, help="keep the index in this folder")
    parser.add_argument("--json", type=Path, default=results_file(__file__))
    arguments = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as temporary:
        report = measure(arguments, arguments.index or Path(temporary))
    report = {"machine": before, "folder": str(arguments.folder), **report}
    print_report(report)
    if warning := warning_of_other_work(before):
        print(warning)
    write_results(report, arguments.json)


if __name__ == "__main__":
    main()
