"""Where the memory is asked: random places in real files, with the rest of the line taken out."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packages import Package, SourceFile, fetch, source_files

from tabwright.workspace_index.line_memory import LineMemory

KINDS = ("line's beginning", "three typed", "between words", "within a word")
_LINE = re.compile(r"(?m)^([ \t]*)(\S[^\r\n]*?)[ \t]*\r?$")
_LANGUAGES = {
    ".py": "Python",
    ".js": "JavaScript",
    ".ts": "TypeScript",
    ".c": "C",
    ".rs": "Rust",
    ".java": "Java",
    ".go": "Go",
}
_TRIES = 50


@dataclass(frozen=True)
class Workspace:
    """The files of one package, each text once: builds often hold copies of their sources."""

    name: str
    language: str
    files: tuple[SourceFile, ...]


@dataclass(frozen=True)
class Spot:
    """A place in a line, with what was taken out from there to the line's end."""

    path: str
    kind: str
    text: str
    """The document, without the rest of the line."""
    offset: int
    rest: str


def workspace(package: Package, folder: Path) -> Workspace:
    """Return the workspace that a package is, fetched if need be."""
    return _workspace(package, package.title, fetch(package, folder))


def workspace_in(folder: Path, extension: str) -> Workspace:
    """Return the workspace that any folder is."""
    package = Package(folder.name, "", "sdist", (extension,), "")
    return _workspace(package, folder.name, folder)


def _workspace(package: Package, name: str, root: Path) -> Workspace:
    by_text: dict[str, SourceFile] = {}
    for file in source_files(package, root):
        by_text.setdefault(file.text, file)
    language = _LANGUAGES.get(package.extensions[0], package.extensions[0])
    return Workspace(name, language, tuple(by_text.values()))


def learned(files: Sequence[SourceFile]) -> LineMemory:
    """Return a memory of files."""
    memory = LineMemory()
    for file in files:
        memory.learn(file.name, file.text)
    memory.settle()
    return memory


def spots(place: Workspace, count: int, seed: int, missing_share: float = 0.0) -> list[Spot]:
    """Return places, about as many of each kind; every line that is not blank is equally likely.

    The memory leaves aside what it learned of a document that is asked about, so the rest of the
    line is hidden from it unless another place has it too, as in a person's workspace. At a
    share of the places, the next one to seven lines are taken out too.
    """
    choice = random.Random(f"{seed} {place.name}")
    lines = [(file, match) for file in place.files for match in _LINE.finditer(file.text)]
    found: list[Spot] = []
    while lines and len(found) < count:
        kind = KINDS[len(found) % len(KINDS)]
        for _ in range(_TRIES):
            file, match = choice.choice(lines)
            column = _column(match[2], kind, choice)
            if column is not None:
                break
        else:
            break
        offset, end = match.start(2) + column, match.end(2)
        after = file.text[end:]
        if choice.random() < missing_share:
            after = "\n" + after.split("\n", choice.randint(2, 8))[-1]
        text = file.text[:offset] + after
        found.append(Spot(file.name, kind, text, offset, file.text[offset:end]))
    return found


def _column(line: str, kind: str, choice: random.Random) -> int | None:
    """Return a place in a line, None where it has none of this kind."""
    if kind == KINDS[0]:
        return 0
    if kind == KINDS[1]:
        return 3 if len(line) > 3 else None
    words = [match.span() for match in re.finditer(r"\w+|[^\w\s]", line)]
    if kind == KINDS[2]:
        borders = [start for start, _ in words[1:]]
    else:
        borders = [at for start, end in words for at in range(start + 1, end)]
    return choice.choice(borders) if borders else None
