"""What a newer version of a package added to an older one, as places to ask at."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from held_out_items import LINE_END, MID_WORD, Place, draw, places_in
from infilling_items import Item
from packages import Package, SourceFile

from tabwright.syntax.languages import LanguageRegistry

KINDS = (LINE_END, MID_WORD)
_MOVED_LINES = 3


@dataclass(frozen=True)
class Release:
    """Two released versions of a package: one to learn from, one to be asked about."""

    old: Package
    new: Package
    language: str

    @property
    def name(self) -> str:
        """The package's."""
        return self.old.name


@dataclass(frozen=True)
class Added:
    """A piece of a line that the newer version added."""

    item: Item
    is_known_line: bool
    """Whether the older version has the same line somewhere, if in another place."""


def added_places(old: Iterable[SourceFile], new: Sequence[SourceFile]) -> list[Place]:
    """Return the lines of the new files that are not in the old file of the same name.

    A line that was only indented otherwise is not added, and neither is one that was moved, from
    whatever file: with a line before and one after it, it stands together in the old version.
    """
    before = {file.name: _lines(file.text) for file in old}
    moved = {
        window for lines in before.values() for window in _windows([line for line in lines if line])
    }
    found = []
    for file in new:
        lines = _lines(file.text)
        fresh = set(_added_lines(before.get(file.name, []), lines))
        known = set(_known_lines(lines, moved))
        found += [place for place in places_in([file]) if place.line - 1 in fresh - known]
    return found


def added_items(
    old: Sequence[SourceFile],
    new: Sequence[SourceFile],
    language: str,
    count: int,
    seed: int,
    registry: LanguageRegistry,
) -> list[Added]:
    """Return `count` pieces of added lines, no line twice; fewer where there are not so many.

    The rest of the new file is as it was released: the line is written when all else is there.
    """
    places = added_places(old, new)
    random.Random(f"{seed} {language}").shuffle(places)
    known = {line for file in old for line in _lines(file.text)}
    items: list[Added] = []
    for number, kind in enumerate(KINDS):
        choice = random.Random(f"{seed} {language} {kind}")
        share = count // len(KINDS) + (number < count % len(KINDS))
        for item in draw(places[number :: len(KINDS)], language, kind, share, choice, registry):
            line = (item.before.rpartition("\n")[2] + item.middle).strip()
            items.append(Added(item, line in known))
    return items


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n")]


def _added_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the new lines that a comparison finds added, counted from 0."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag in ("insert", "replace"):
            yield from range(start, end)


def _known_lines(lines: Sequence[str], windows: set[tuple[str, ...]]) -> Iterator[int]:
    """Yield the numbers of the lines that stand, with their neighbours, among the windows."""
    numbers = [number for number, line in enumerate(lines) if line]
    for start in range(len(numbers) - _MOVED_LINES + 1):
        around = numbers[start : start + _MOVED_LINES]
        if tuple(lines[number] for number in around) in windows:
            yield from around


def _windows(lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(len(lines) - _MOVED_LINES + 1):
        yield tuple(lines[start : start + _MOVED_LINES])
