"""Pieces taken out of packages that no model here was trained on, in eight languages."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import tree_sitter
from infilling_items import Item
from packages import Package, SourceFile, fetch, source_files
from reporting import say
from typing_items import is_code

from tabwright.syntax.languages import Language, LanguageRegistry

SET = "packages"
LINE_END, MID_LINE, MID_WORD, BLOCK = (
    "single_line_end",
    "single_mid_line",
    "single_mid_word",
    "multi_block",
)
KINDS = (LINE_END, MID_LINE, MID_WORD, BLOCK)
PACKAGES: Mapping[str, tuple[Package, ...]] = {
    "python": (
        Package("requests", "2.32.3", "wheel", (".py",), "Apache-2.0"),
        Package("werkzeug", "3.1.3", "wheel", (".py",), "BSD-3-Clause"),
    ),
    "javascript": (
        Package("winston", "3.15.0", "npm", (".js",), "MIT"),
        Package("mocha", "11.7.1", "npm", (".js",), "MIT"),
    ),
    "typescript": (
        Package("immer", "10.1.1", "npm", (".ts",), "MIT"),
        Package("redux", "5.0.1", "npm", (".ts",), "MIT"),
        Package("rxjs", "7.8.2", "npm", (".ts",), "Apache-2.0"),
    ),
    "go": (
        Package("golang-github-spf13-viper-dev", "1.10.1-1", "deb", (".go",), "MIT"),
        Package("golang-github-gorilla-mux-dev", "1.8.0-1", "deb", (".go",), "BSD-3-Clause"),
    ),
    "rust": (
        Package("cryptography", "41.0.7", "sdist", (".rs",), "Apache-2.0"),
        Package("tokenizers", "0.13.3", "sdist", (".rs",), "Apache-2.0"),
    ),
    "java": (
        Package("react-native-webview", "13.12.2", "npm", (".java",), "MIT"),
        Package("react-native-gesture-handler", "1.10.3", "npm", (".java",), "MIT"),
    ),
    "c": (
        Package("psutil", "6.1.1", "sdist", (".c", ".h"), "BSD-3-Clause"),
        Package("simplejson", "3.19.3", "sdist", (".c",), "MIT"),
    ),
    "cpp": (
        Package("kiwisolver", "1.4.7", "sdist", (".cpp",), "BSD-3-Clause"),
        Package("jpype1", "1.5.0", "sdist", (".cpp",), "Apache-2.0"),
    ),
}
"""By language. None may be in a training corpus (`test_specialists.py` looks)."""

_SHORTEST, _LONGEST_LINE, _LONGEST_BLOCK = 3, 120, 320
"""Characters of what is taken out."""
_BLOCK_LINES = (2, 5)
_MOST_WORDS_AHEAD = 8
_TRIES_PER_ITEM = 200
_WORD = re.compile(r"\w+|[^\w\s]")
_NAME = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True)
class Place:
    """A line of a file, as an offset range without its indentation and its end."""

    file: SourceFile
    line: int
    """Counted from 1."""
    start: int
    end: int


def held_out_items(
    languages: Sequence[str], count: int, seed: int, folder: Path, registry: LanguageRegistry
) -> list[Item]:
    """Return `count` items of each language and kind, as far as its packages reach.

    A language whose packages cannot be fetched is left out, and said so.
    """
    items: list[Item] = []
    for name in languages:
        try:
            files = [
                file
                for package in PACKAGES[name]
                for file in source_files(package, fetch(package, folder))
            ]
        except click.ClickException as error:
            say(f"skipped: {name} of packages: {error.message}")
            continue
        files = [file for file in files if is_asked_about(file, name, registry)]
        for kind in KINDS:
            choice = random.Random(f"{seed} {name} {kind}")
            items += draw(places_in(files), name, kind, count, choice, registry)
    return items


def is_asked_about(file: SourceFile, language: str, registry: LanguageRegistry) -> bool:
    """Whether a file is of the language, with line ends as models write them."""
    found = registry.for_path(file.path.name)
    return found is not None and found.editor_ids[0] == language and "\r" not in file.text


def places_in(files: Sequence[SourceFile]) -> list[Place]:
    """Return the lines that are not blank; a text that several files have counts once."""
    return [
        place for file in {file.text: file for file in files}.values() for place in _lines(file)
    ]


def _lines(file: SourceFile) -> Iterator[Place]:
    offset = 0
    for number, line in enumerate(file.text.split("\n"), start=1):
        if line.strip():
            indentation = len(line) - len(line.lstrip())
            yield Place(file, number, offset + indentation, offset + len(line.rstrip()))
        offset += len(line) + 1


def draw(
    places: Sequence[Place],
    language: str,
    kind: str,
    count: int,
    choice: random.Random,
    registry: LanguageRegistry,
) -> list[Item]:
    """Return items of one kind at random places, no line twice; fewer where the places run out.

    A larger count gives the same items and more.
    """
    order = list(places)
    choice.shuffle(order)
    trees: dict[Path, tree_sitter.Node] = {}
    items: list[Item] = []
    for place in order[: _TRIES_PER_ITEM * count]:
        if len(items) == count:
            break
        found = registry.for_path(place.file.path.name)
        assert found is not None, "the files are of a bundled language"
        span = _span(place, kind, choice)
        if span is None:
            continue
        if place.file.path not in trees:
            trees[place.file.path] = _root(found, place.file.text)
        root, text = trees[place.file.path], place.file.text
        if is_code(root, text, place.start) and is_code(root, text, span[0]):
            items.append(item_at(place, span, language, kind))
    return items


def _root(language: Language, text: str) -> tree_sitter.Node:
    return tree_sitter.Parser(language.grammar.language).parse(text.encode()).root_node


def item_at(place: Place, span: tuple[int, int], language: str, kind: str) -> Item:
    """Return the item that asks for a range of a file."""
    text = place.file.text
    start, end = span
    package = place.file.package.title
    return Item(
        id=f"{package} {place.file.name}:{place.line} {kind}",
        set=SET,
        language=language,
        kind=kind,
        before=text[:start],
        after=text[end:],
        middle=text[start:end],
        program_before="",
        program_after="",
        reference_passes=False,
        can_be_judged=False,
        path=place.file.name,
    )


def _span(place: Place, kind: str, choice: random.Random) -> tuple[int, int] | None:
    """Return what is taken out at a line, None where it has nothing of this kind."""
    line = place.file.text[place.start : place.end]
    if kind == BLOCK:
        return _block(place, choice.randint(*_BLOCK_LINES))
    if len(line) > _LONGEST_LINE:
        return None
    words = [match.span() for match in _WORD.finditer(line)]
    if kind == LINE_END:
        starts = [start for start, _ in words if len(line) - start >= _SHORTEST]
        return (place.start + choice.choice(starts), place.end) if starts else None
    if kind == MID_WORD:
        inside = [
            at for match in _NAME.finditer(line) for at in range(match.start() + 1, match.end())
        ]
        inside = [at for at in inside if len(line) - at >= _SHORTEST]
        return (place.start + choice.choice(inside), place.end) if inside else None
    ranges = [
        (start, end)
        for index, (start, _) in enumerate(words)
        for _, end in words[index : index + _MOST_WORDS_AHEAD]
        if end - start >= _SHORTEST and line[end:].strip()
    ]
    if not ranges:
        return None
    start, end = choice.choice(ranges)
    return place.start + start, place.start + end


def _block(place: Place, lines: int) -> tuple[int, int] | None:
    """Return the range of so many lines, unless they are too long or end in a blank one."""
    text = place.file.text
    end = place.start
    for _ in range(lines):
        border = text.find("\n", end + 1)
        if border < 0:
            return None
        end = border
    last = text[text.rfind("\n", 0, end) + 1 : end]
    length = end - place.start
    return (place.start, end) if last.strip() and length <= _LONGEST_BLOCK else None
