"""What is asked in the infilling benchmark: programs with a piece taken out, and their tests."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE_NAMES = {
    "python": "solution.py",
    "cpp": "solution.cpp",
    "java": "Solution.java",
    "javascript": "solution.js",
    "typescript": "solution.ts",
    "go": "solution.go",
    "rust": "solution.rs",
    "c": "solution.c",
}
"""The name an editor has open, by the language of the sets."""

_SPANS = "random_span"


@dataclass(frozen=True)
class Item:
    """A program with a piece taken out; the document in an editor is `before + after`."""

    id: str
    set: str
    language: str
    kind: str
    """`single_...` or `multi_...` for the rest of a line or several, or `random_span`."""
    before: str
    after: str
    middle: str
    """The piece taken out."""
    program_before: str
    program_after: str
    """What stands around a suggestion when it is run: the document, imports and tests."""
    reference_passes: bool
    """Whether the piece taken out is known to pass the tests."""
    can_be_judged: bool
    """Whether its tests tell a right suggestion from none: they pass with the piece taken out and
    fail without it, as far as that is known."""
    path: str = ""
    """The file's place in its workspace; empty for the usual name of its language."""

    @property
    def file_path(self) -> str:
        """The place that an editor has open, below the workspace's folder."""
        return self.path or FILE_NAMES[self.language]

    @property
    def group(self) -> tuple[str, str, str]:
        """What it is reported with."""
        return self.set, self.language, self.kind

    @property
    def lines(self) -> str:
        """The value of the setting `lines` under which it is asked."""
        return {"single": "single", "multi": "multi"}.get(self.kind.partition("_")[0], "auto")

    @property
    def line_count(self) -> int:
        """How many lines were taken out, or parts of lines."""
        return self.middle.count("\n") + 1


def read_items(folder: Path) -> list[Item]:
    """Return the items of every set in a folder, in the order of the files."""
    return [
        read_item(json.loads(line), path.stem)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def read_item(record: dict[str, Any], name: str) -> Item:
    """Make an item of a record of a set.

    Where whole lines were taken out with the end of the last one, that stays in the document: a
    person who writes a line between two others has an empty line to write it on. Spans taken out
    at random are left as they come.
    """
    test = record["test"]
    middle, end = record["middle"], ""
    if record["kind"] != _SPANS and middle.endswith("\n"):
        middle, end = middle[:-1], "\n"
    return Item(
        id=record["id"],
        set=name,
        language=record["language"],
        kind=record["kind"],
        before=record["prefix"],
        after=end + record["suffix"],
        middle=middle,
        program_before=test["program_prefix"],
        program_after=end + test["program_suffix"],
        reference_passes=test.get("reference_passes") is True,
        can_be_judged=test.get("reference_passes") is not False
        and test.get("empty_fails") is not False,
    )


def choose(items: Iterable[Item], count: int, seed: int, only: Sequence[str] = ()) -> list[Item]:
    """Return `count` items of each set, language and kind, all for 0, group by group.

    A larger count takes the same items and more. Each word of `only` names a set, a language or a
    kind; an item must have one of those named of each.

    Raises:
        ValueError: a word of `only` names none.
    """
    groups: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    wanted = [{group[part] for group in groups} & set(only) for part in range(3)]
    if unknown := set(only) - set().union(*wanted):
        known = sorted({name for group in groups for name in group})
        raise ValueError(f"{', '.join(sorted(unknown))}: not among {', '.join(known)}")
    chosen = []
    for group, members in groups.items():
        if all(not names or name in names for names, name in zip(wanted, group, strict=True)):
            random.Random(f"{seed} {group}").shuffle(members)
            chosen += members[: count or None]
    return chosen
