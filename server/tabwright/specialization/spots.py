"""Places in held-out files at which models are asked what stands there."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tabwright.specialization.examples import CLOSING_SIGNS
from tabwright.specialization.sources import SourceFile
from tabwright.syntax.languages import LanguageRegistry

Kind: TypeAlias = Literal["line_end", "mid_line"]

_MID_LINE_SHARE = 3
"""One spot in so many is inside a line, as far as there are any."""
_SHORTEST_LINE = 8
_LONGEST_LINE = 160
_SHORTEST_MIDDLE = 3


@dataclass(frozen=True)
class Spot:
    """A piece of one line that was taken out, and a cursor in its place."""

    file: SourceFile
    start: int
    end: int
    kind: Kind

    @property
    def middle(self) -> str:
        """What stood there."""
        return self.file.text[self.start : self.end]

    @property
    def text(self) -> str:
        """The file without it."""
        return self.file.text[: self.start] + self.file.text[self.end :]

    @property
    def line_after(self) -> str:
        """The rest of the line."""
        return self.file.text[self.end :].split("\n", 1)[0].rstrip("\r")


def choose_spots(
    files: Sequence[SourceFile],
    languages: LanguageRegistry,
    count: int,
    seed: int,
    learned: Iterable[SourceFile] = (),
) -> list[Spot]:
    """Return at most `count` spots, no two in one line, the same for the same files and seed.

    Comments are left out: nobody can know them. So are lines that also stand, but for white space,
    in one of the `learned` files: who has learned those by heart need not know more.
    """
    choice = random.Random(seed)
    known = frozenset(_without_space(line) for file in learned for line in file.text.split("\n"))
    places = [place for file in files for place in _lines_of(file, languages, known)]
    choice.shuffle(places)
    spots: list[Spot] = []
    for place in places:
        if len(spots) == count:
            break
        inside = sum(spot.kind == "mid_line" for spot in spots)
        wants_mid_line = inside * _MID_LINE_SHARE <= len(spots)
        spot = _mid_line(place, choice) if wants_mid_line else None
        spots.append(spot or _line_end(place, choice))
    # Neighbours share much of their prompts, which is then read once.
    return sorted(spots, key=lambda spot: (spot.file.path, spot.start))


@dataclass(frozen=True)
class _Line:
    file: SourceFile
    start: int
    """Of its first character that is no white space."""
    end: int
    """After the last one."""


def _lines_of(file: SourceFile, languages: LanguageRegistry, known: Set[str]) -> Iterator[_Line]:
    language = languages.for_editor_id(file.language)
    mark = language.line_comment if language is not None else ""
    for first, last in file.kept_aside or ((0, len(file.text)),):
        offset = first
        for line in file.text[first:last].split("\n"):
            code = line.strip()
            is_comment = (bool(mark) and code.startswith(mark)) or code.startswith(("/*", "*"))
            is_fit = _SHORTEST_LINE <= len(code) <= _LONGEST_LINE and not is_comment
            if is_fit and _without_space(line) not in known:
                start = offset + len(line) - len(line.lstrip())
                yield _Line(file, start, start + len(code))
            offset += len(line) + 1


def _without_space(line: str) -> str:
    return "".join(line.split())


def _line_end(line: _Line, choice: random.Random) -> Spot:
    start = choice.randrange(line.start, line.end - _SHORTEST_MIDDLE + 1)
    while line.file.text[start].isspace():  # the space is typed, and asked behind
        start += 1
    return Spot(line.file, start, line.end, "line_end")


def _mid_line(line: _Line, choice: random.Random) -> Spot | None:
    text = line.file.text
    ends = [
        end
        for end in range(line.start + _SHORTEST_MIDDLE + 1, line.end)
        if text[end] in CLOSING_SIGNS and not text[end - 1].isspace()
    ]
    if not ends:
        return None
    end = choice.choice(ends)
    start = choice.randrange(line.start, end - _SHORTEST_MIDDLE + 1)
    while text[start].isspace():
        start += 1
    return Spot(line.file, start, end, "mid_line")
