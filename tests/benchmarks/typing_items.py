"""What is typed in the typing benchmark: pieces of real files, and when each key falls."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import tree_sitter
from packages import PACKAGES, Package, SourceFile, fetch, source_files

from tabwright.commands.building import build_languages
from tabwright.syntax.languages import Language

_EVERY_NTH_A_BLOCK = 5
"""Four lines, then a block: most of what is typed are single lines."""
_BLOCK_LINES = (3, 5)
_SHORTEST_LINE, _LONGEST_LINE = 12, 90
_SHORTEST_BLOCK, _LONGEST_BLOCK = 60, 220
"""Characters, without the indentation."""
_NEWLINE_AND_INDENTATION = re.compile(r"\n[ \t]*")
_TEXT_STARTS = ("//", "/*", '"', "'", "`")
_TRIES = 2000

_KEY_SECONDS = (0.12, 0.2)
_BURST_SECONDS = (0.06, 0.11)
_PAUSE_SECONDS = (0.3, 0.9)
_ENTER_SECONDS = (0.3, 0.7)
_BURST_SHARE = 0.25
"""Of the words."""
_PAUSE_SHARE = 0.12
"""Of the words."""


@dataclass(frozen=True)
class Line:
    """A line of the removed text, from where Enter leaves the cursor."""

    start: int
    end: int


@dataclass(frozen=True)
class Item:
    """A piece taken out of a file, to be typed again.

    It begins with a newline: the first key is Enter at the end of the line before.
    """

    language: str
    editor_id: str
    file: SourceFile
    start: int
    removed: str
    delays: tuple[float, ...]
    """Seconds that a person takes before each character of `removed`."""

    @property
    def before(self) -> str:
        """The file up to the cursor."""
        return self.file.text[: self.start]

    @property
    def after(self) -> str:
        """The file from the cursor on, without what is typed."""
        return self.file.text[self.start + len(self.removed) :]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines that are not blank."""
        starts = [match.end() for match in _NEWLINE_AND_INDENTATION.finditer(self.removed)]
        ends = [self.removed.find("\n", start) for start in starts]
        found = [
            Line(start, len(self.removed) if end < 0 else end)
            for start, end in zip(starts, ends, strict=True)
        ]
        return tuple(line for line in found if self.removed[line.start : line.end].strip())

    @property
    def is_block(self) -> bool:
        """Whether it has several lines."""
        return len(self.lines) > 1

    @property
    def seconds(self) -> float:
        """How long it takes to type without help."""
        total, offset = 0.0, 0
        while offset < len(self.removed):
            total += self.delays[offset]
            offset += len(next_key(self.removed, offset))
        return total


def next_key(text: str, offset: int) -> str:
    """Return what the next key puts in: a character, or a newline and the indentation after it.

    Editors indent by themselves, so that Enter is one key.
    """
    newline = _NEWLINE_AND_INDENTATION.match(text, offset)
    return newline.group() if newline else text[offset]


def count_keys(text: str) -> int:
    """Return how many keys it takes to type a text."""
    return len(_NEWLINE_AND_INDENTATION.sub("\n", text))


def choose_items(
    count: int,
    seed: int,
    folder: Path,
    wanted: Sequence[str] = (),
    packages: Sequence[Package] = PACKAGES,
    accepts: Callable[[SourceFile, range], bool] = lambda _file, _lines: True,
) -> dict[str, list[Item]]:
    """Return items of each language, at most one in a file as far as the files reach.

    `accepts` says whether lines of a file, counted from 0, may be taken.
    """
    return {
        language.name: _choose(
            language, files, count, random.Random(f"{seed} {language.name}"), accepts
        )
        for language, files in _files_by_language(folder, packages)
        if not wanted or language.name.lower() in wanted
    }


def _files_by_language(
    folder: Path, packages: Sequence[Package]
) -> list[tuple[Language, list[SourceFile]]]:
    registry = build_languages()
    found: dict[str, tuple[Language, list[SourceFile]]] = {}
    for package in packages:
        for file in source_files(package, fetch(package, folder)):
            language = registry.for_path(file.path.name)
            if language is not None and "\r" not in file.text:
                found.setdefault(language.name, (language, []))[1].append(file)
    return list(found.values())


def _choose(
    language: Language,
    files: Sequence[SourceFile],
    count: int,
    choice: random.Random,
    accepts: Callable[[SourceFile, range], bool],
) -> list[Item]:
    items: list[Item] = []
    used: set[Path] = set()
    for _ in range(_TRIES):
        if len(items) == count:
            break
        file = choice.choice(files)
        if file.path in used:
            continue
        is_block = len(items) % _EVERY_NTH_A_BLOCK == _EVERY_NTH_A_BLOCK - 1
        line_count = choice.randint(*_BLOCK_LINES) if is_block else 1
        item = _take(language, file, line_count, choice, accepts)
        if item is not None:
            items.append(item)
            used.add(file.path)
    return items


def _take(
    language: Language,
    file: SourceFile,
    line_count: int,
    choice: random.Random,
    accepts: Callable[[SourceFile, range], bool],
) -> Item | None:
    """Return an item at a random place in a file, None where the place is unsuitable."""
    lines = file.text.split("\n")
    first = choice.randrange(1, len(lines))
    taken = lines[first : first + line_count]
    length = count_keys("\n".join(taken))
    fits = (
        _SHORTEST_LINE <= length <= _LONGEST_LINE
        if line_count == 1
        else len(taken) == line_count and _SHORTEST_BLOCK <= length <= _LONGEST_BLOCK
    )
    if not fits or not taken[0].strip() or not taken[-1].strip():
        return None
    if not accepts(file, range(first, first + line_count)):
        return None
    removed = "".join(f"\n{line}" for line in taken)
    item = Item(
        language=language.name,
        editor_id=language.editor_ids[0],
        file=file,
        start=sum(len(line) + 1 for line in lines[:first]) - 1,
        removed=removed,
        delays=_delays(removed, choice),
    )
    return item if _is_code(language, item) else None


def _is_code(language: Language, item: Item) -> bool:
    """Whether no line begins a comment or a string, or stands inside one.

    Some tools say nothing there by default, at once, which would pass for quick answers.
    """
    root = tree_sitter.Parser(language.grammar.language).parse(item.file.text.encode()).root_node
    return all(is_code(root, item.file.text, item.start + line.start) for line in item.lines)


def is_code(root: tree_sitter.Node, text: str, offset: int) -> bool:
    """Whether at an offset no comment or string begins, and none is around it."""
    if text.startswith(_TEXT_STARTS, offset):
        return False
    place = len(text[:offset].encode())
    node = root.descendant_for_byte_range(place, place + 1)
    while node is not None:
        if "comment" in node.type or "string" in node.type:
            return False
        node = node.parent
    return True


def _delays(text: str, choice: random.Random) -> tuple[float, ...]:
    """Return human key times: words in bursts, pauses before words, longer ones after Enter."""
    delays = []
    span = _KEY_SECONDS
    for index, character in enumerate(text):
        before = text[index - 1] if index else "\n"
        starts_word = character.isalnum() and not before.isalnum()
        if starts_word:
            span = _BURST_SECONDS if choice.random() < _BURST_SHARE else _KEY_SECONDS
        delay = choice.uniform(*span)
        if "\n" in text[:index] and not text[text.rfind("\n", 0, index) : index].strip():
            delay = choice.uniform(*_ENTER_SECONDS)
        elif starts_word and choice.random() < _PAUSE_SHARE:
            delay = choice.uniform(*_PAUSE_SECONDS)
        delays.append(delay)
    return tuple(delays)


def copy_without_answers(items: Mapping[str, Sequence[Item]], folder: Path) -> list[Item]:
    """Copy the packages into a folder with every removed piece gone, and return items in them.

    A server that reads its workspace must not find on the disk what is to be typed. The items
    are ordered so that the languages take turns.
    """
    roots: dict[Path, Path] = {}
    for item in (item for group in items.values() for item in group):
        root = item.file.root
        if root not in roots:
            roots[root] = folder / root.name
            shutil.copytree(root, roots[root], symlinks=True)
    moved = [[_moved(item, roots[item.file.root]) for item in group] for group in items.values()]
    for item in (item for group in moved for item in group):
        item.file.path.write_text(item.before + item.after, encoding="utf-8", newline="\n")
    longest = max((len(group) for group in moved), default=0)
    return [group[turn] for turn in range(longest) for group in moved if turn < len(group)]


def _moved(item: Item, root: Path) -> Item:
    path = root / item.file.path.relative_to(item.file.root)
    return replace(item, file=replace(item.file, root=root, path=path))
