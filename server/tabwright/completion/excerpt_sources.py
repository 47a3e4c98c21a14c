"""Where excerpts come from: each source turns what is asked into candidates with a score.

`excerpt_question.py` documents the score.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tabwright.completion.excerpt_question import SAME_FOLDER, Question
from tabwright.completion.skeleton import Piece
from tabwright.document import places_of_word
from tabwright.workspace_index.facts import Definition, FileFacts

SOURCE_WEIGHTS = {
    "definitions": 1.0,
    "members": 0.8,
    "imported": 0.5,
    "dependencies": 0.4,
    "importers": 0.4,
    "similar": 0.35,
    "recent": 0.3,
    "together": 0.2,
}
"""The sources, with how much what they find is worth; not fitted yet."""
ALL_SOURCES = frozenset(SOURCE_WEIGHTS)

_UNASKED = 0.3
"""Relevance of what is imported, or changes together, but is not named near the cursor."""
_OUT_OF_SIGHT = 0.2
"""The same of what the document itself defines outside of the prompt."""
_CHANGES_TOGETHER = 0.6
"""The same of what is in a file that changes in every commit that the document changes in."""
_CLASSES = 6
_MEMBERS_PER_CLASS = 24
_DEFINITIONS_PER_FILE = 20
_IMPORTERS = 4
_USES_PER_IMPORTER = 2
_LONGEST_LINE = 200
_SEARCH_WORDS = 12
_SEARCH_RESULTS = 4
_SEARCH_LIMIT = 12
"""More, because the document's own chunks fit its names best."""
_RECENT = 4
_TOGETHER = 4
_LINES_PER_PIECE = 8
_LINES_AROUND = 4
_FIELD = 0.6
"""What a field is worth beside the methods of its class."""
_CLASS_KINDS = frozenset({"class", "type"})
_IMPORT_LINE = re.compile(r"\s*(import|from|use|using|#\s*include|require|package|export \*)\b")
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Candidate:
    """Something that might be shown."""

    source: str
    because_of: str
    path: str
    piece: Piece
    score: float


def candidates_of(question: Question, sources: frozenset[str]) -> list[Candidate]:
    """Return what the sources find, in the order of `SOURCE_WEIGHTS`; packages and namespaces
    are left out, because their names alone say nothing.
    """
    return [
        each
        for source in SOURCE_WEIGHTS
        if source in sources
        for each in _SOURCES[source](question)
        if each.piece.definition is None or each.piece.definition.kind != "module"
    ]


def _definition(
    source: str, because_of: str, path: str, definition: Definition, worth: float
) -> Candidate:
    piece = Piece(definition.start, definition.end, definition)
    return Candidate(source, because_of, path, piece, SOURCE_WEIGHTS[source] * worth)


def _definitions(question: Question) -> Iterator[Candidate]:
    """Yield definitions of names near the cursor, and those of the document outside the window."""
    for name, each, closeness in question.found:
        if not each.is_dependency:
            worth = question.asked(each.definition) * closeness
            yield _definition("definitions", name, each.path, each.definition, worth)
    for own in question.key.elsewhere:
        worth = question.relevance(own, _OUT_OF_SIGHT)
        yield _definition("definitions", own.name, question.key.path, own, worth)


def _members(question: Question) -> Iterator[Candidate]:
    """Yield the members of classes named near the cursor, base classes in headers included."""
    key = question.key
    around = set(key.header_names)
    for own in key.elsewhere:
        owner = own.parent.rpartition(".")[2]
        if owner and owner in around:
            worth = _openness(own) * question.wanted[owner]
            yield _definition("members", owner, key.path, own, worth)
    classes = [
        (name, each, closeness)
        for name, each, closeness in question.found
        if each.definition.kind in _CLASS_KINDS and closeness >= SAME_FOLDER
    ]
    classes.sort(key=lambda each: (-question.wanted[each[0]] * each[2], each[1].path))
    for name, owner_found, closeness in classes[:_CLASSES]:
        members = question.view.members_of(owner_found.definition.name, owner_found.path)
        for member in members[:_MEMBERS_PER_CLASS]:
            asked = max(question.wanted[name] * 0.8, question.asked(member.definition))
            worth = asked * closeness * _openness(member.definition)
            yield _definition("members", name, member.path, member.definition, worth)


def _openness(member: Definition) -> float:
    """Return how likely a member is used from outside: less for private and magic ones."""
    if member.name == "__init__":
        return 1.0
    if member.name.startswith("__"):
        return 0.3
    openness = 0.5 if member.name.startswith(("_", "#")) else 1.0
    return openness * (_FIELD if member.kind == "field" else 1.0)


def _imported(question: Question) -> Iterator[Candidate]:
    """Yield what the top of imported files defines; more of it what is imported by name."""
    taken = frozenset(name for each in question.key.imports for name in each.names)
    for path in question.imported_files:
        asked: list[Definition] = []
        others: list[Definition] = []
        for each in question.definitions(path):
            if not each.parent:
                is_asked = each.name in taken or each.name in question.wanted
                (asked if is_asked else others).append(each)
        for each in (*asked, *others)[:_DEFINITIONS_PER_FILE]:
            worth = 2 * _UNASKED if each.name in taken else question.relevance(each, _UNASKED)
            worth = max(worth, question.asked(each))
            yield _definition("imported", path, path, each, worth * _openness(each))


def _dependencies(question: Question) -> Iterator[Candidate]:
    """Yield signatures from installed packages of names that are used near the cursor."""
    names = {question.original_names.get(name, name): name for name in question.wanted}
    near = [each for _, each, _ in question.found if each.is_dependency]
    for found in (*question.dependencies, *near):
        name = names.get(found.definition.name)
        if name is not None:
            worth = question.wanted[name]
            yield _definition("dependencies", name, found.path, found.definition, worth)


def _importers(question: Question) -> Iterator[Candidate]:
    """Yield lines of other files that use what is being written at the cursor."""
    own = question.key.own_names
    names = [name for name in question.key.header_names if name in own]
    if not names:
        return
    for path in question.view.importers_of(question.key.path, names, _IMPORTERS):
        facts = question.facts(path)
        used = {name for name, _ in facts.references} if facts is not None else set()
        name = next((each for each in names if each in used), None)
        text = question.view.text_of(path) if name is not None else None
        if text is None or name is None:
            continue
        for start, line in _lines_with(name, text):
            yield _lines("importers", name, path, start, line.strip(), question.wanted[name])


def _lines_with(name: str, text: str) -> list[tuple[int, str]]:
    """Return the first lines that use a name, with their places; no imports, and no long lines."""
    found: dict[int, str] = {}
    for place in places_of_word(text, name):
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place + len(name))
        end = len(text) if end < 0 else end
        if end - start < _LONGEST_LINE and not _IMPORT_LINE.match(text, start, end):
            found[start] = text[start:end]
        if len(found) == _USES_PER_IMPORTER:
            break
    return list(found.items())


def _lines(
    source: str, because_of: str, path: str, start: int, text: str, worth: float
) -> Candidate:
    piece = Piece(start, start + len(text), None, text)
    return Candidate(source, because_of, path, piece, SOURCE_WEIGHTS[source] * worth)


def _similar(question: Question) -> Iterator[Candidate]:
    """Yield the pieces of other files that full-text search finds for the names at the cursor.

    The worth follows from the rank: BM25 values change a little with every file that is saved.
    """
    words = (*question.key.header_names, *question.key.names)[:_SEARCH_WORDS]
    if len(words) < 2:
        return
    rank = 0
    for chunk in question.view.search(words, _SEARCH_LIMIT):
        if chunk.path == question.key.path or rank == _SEARCH_RESULTS:
            continue
        text = question.view.text_of(chunk.path)
        if text is None:
            continue
        start, lines = _best_lines(text, chunk.start, chunk.end, frozenset(words))
        if not _are_imports(lines):
            rank += 1
            because_of = " ".join(words[:3])
            yield _lines("similar", because_of, chunk.path, start, lines, 1 / rank)


def _are_imports(lines: str) -> bool:
    """Say whether lines mostly import something, which no other file needs to see."""
    each = lines.splitlines()
    return 2 * sum(1 for line in each if _IMPORT_LINE.match(line)) >= len(each)


def _best_lines(text: str, start: int, end: int, words: frozenset[str]) -> tuple[int, str]:
    """Return the run of lines within a piece that has most of the words, and where it starts."""
    lines = text[start:end].rstrip().splitlines(keepends=True)
    if len(lines) > _LINES_PER_PIECE:
        scores = [len(words.intersection(_WORD.findall(line))) for line in lines]
        sums = [
            sum(scores[first : first + _LINES_PER_PIECE])
            for first in range(len(lines) - _LINES_PER_PIECE + 1)
        ]
        first = sums.index(max(sums))
        start += sum(len(line) for line in lines[:first])
        lines = lines[first : first + _LINES_PER_PIECE]
    return start, _dedented(lines)


def _dedented(lines: Sequence[str]) -> str:
    filled = [line for line in lines if line.strip()]
    shared = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    return "\n".join(line[shared:].rstrip() for line in lines).strip("\n")


def _recent(question: Question) -> Iterator[Candidate]:
    """Yield the lines around places that were edited or viewed lately."""
    places = [each for each in question.recent if each.path != question.key.path]
    for rank, place in enumerate(places[:_RECENT], 1):
        text = question.view.text_of(place.path)
        if text is None:
            continue
        start, end = _around(text, min(max(0, place.offset), len(text)), question.facts(place.path))
        _, lines = _best_lines(text, start, end, frozenset(question.wanted))
        worth = (1.0 if place.kind == "edited" else 0.7) / rank
        yield _lines("recent", place.kind, place.path, start, lines, worth)


def _around(text: str, offset: int, facts: FileFacts | None) -> tuple[int, int]:
    """Return the chunk around a place, or some lines where it is long or there is none."""
    for chunk in facts.chunks if facts is not None else ():
        if chunk.start <= offset <= chunk.end:
            if text.count("\n", chunk.start, chunk.end) <= _LINES_PER_PIECE:
                return chunk.start, chunk.end
            break
    start = end = offset
    for _ in range(_LINES_AROUND):
        start = text.rfind("\n", 0, max(0, start - 1)) + 1
        end = (text.find("\n", end) + 1) or len(text)
    return start, end


def _together(question: Question) -> Iterator[Candidate]:
    """Yield what the top of files defines that change in the same commits."""
    for path, share in question.view.changed_together_with(question.key.path)[:_TOGETHER]:
        if path == question.key.path:
            continue
        tops = (each for each in question.definitions(path) if not each.parent)
        for each in _first(tops, _DEFINITIONS_PER_FILE):
            worth = question.relevance(each, _CHANGES_TOGETHER) * share
            yield _definition("together", path, path, each, worth * _openness(each))


def _first(items: Iterable[Definition], count: int) -> list[Definition]:
    return [each for each, _ in zip(items, range(count), strict=False)]


_SOURCES = {
    "definitions": _definitions,
    "members": _members,
    "imported": _imported,
    "dependencies": _dependencies,
    "importers": _importers,
    "similar": _similar,
    "recent": _recent,
    "together": _together,
}
