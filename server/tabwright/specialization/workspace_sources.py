"""Which text of a workspace a model learns from, and which it is judged by.

What git ignores, what usually holds secrets, what others have written and what tools have made
stays out, by the same rules as for the index; keys and passwords in the rest are masked. Links are
not followed, so nothing outside of the folder is read.

What is kept aside to judge by are pieces of files, cut on syntax borders: what one writes next in a
code base is mostly a new function among known ones, seldom a file that is like none of the others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tabwright.errors import CommandError
from tabwright.specialization.alike_files import groups_of_alike
from tabwright.specialization.sources import SourceFile, Sources, lines_of
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.workspace_index.extracting import facts_of
from tabwright.workspace_index.ignoring import rules_of
from tabwright.workspace_index.reading import masked_code
from tabwright.workspace_index.recognising import LeftOut, left_out_by_path
from tabwright.workspace_index.walking import walk

HELD_OUT_LINES = 200
"""Fewer lines to be judged by could not tell a gain from luck."""
_HELD_OUT_PIECES = 12
_SHARES = (0.1, 0.15, 0.2, 0.3, 0.4)
"""The share of the pieces that is held out; the first that gives enough to be judged by."""
_SHORTEST_FILE = 40
"""Characters; shorter files say nothing."""


@dataclass(frozen=True)
class WorkspaceText:
    """What was found in a workspace."""

    sources: Sources
    left_out: Mapping[str, int]
    """How many files in a programming language were left out, by reason."""


def read_workspace(
    folder: Path,
    languages: LanguageRegistry,
    exclude: Sequence[str] = (),
    is_cancelled: Callable[[], bool] = lambda: False,
) -> WorkspaceText:
    """Read a workspace and divide it.

    `exclude` are patterns as in `.gitignore`. The same files give the same parts; a piece that
    is changed a little stays in its part.

    Raises:
        CommandError: the folder cannot be used, or is too small to judge a model by.
    """
    if not folder.is_dir():
        raise CommandError(f"{folder} is no folder.")
    left_out: Counter[str] = Counter()
    files = list(_files(folder.resolve(), languages, exclude, left_out, is_cancelled))
    return WorkspaceText(_divided(folder, files, languages), dict(left_out))


def in_languages(found: WorkspaceText, folder: Path, wanted: Collection[str]) -> WorkspaceText:
    """Return what is in some languages, by the ids that editors have for them, in the same parts.

    Raises:
        CommandError: that is too little to judge a model by.
    """
    parts = (
        tuple(file for file in part if file.language in wanted)
        for part in (found.sources.train, found.sources.held_out)
    )
    sources = Sources(*parts)
    _check_size(folder, sources)
    return WorkspaceText(sources, found.left_out)


def _files(
    folder: Path,
    languages: LanguageRegistry,
    exclude: Sequence[str],
    left_out: Counter[str],
    is_cancelled: Callable[[], bool],
) -> Iterator[SourceFile]:
    programming = {
        language.id: language for language in languages.all() if _is_programming(language)
    }

    def language_of(name: str) -> Language | None:
        return programming.get(languages.id_for_path(name) or "")

    rules = rules_of(folder, exclude, reads_ignore_files=True)
    for found in walk(rules, lambda name: language_of(name) is not None, is_cancelled):
        language = language_of(found.path)
        assert language is not None, "it was asked while walking"
        name = found.path.rpartition("/")[2]
        code = left_out_by_path(name, found.size, defines_names=True) or masked_code(
            folder, found.path
        )
        if isinstance(code, LeftOut):
            left_out[code.value] += 1
        elif len(code.strip()) < _SHORTEST_FILE:
            left_out["nearly empty"] += 1
        else:
            yield SourceFile(language.editor_ids[0], found.path, code)


def _is_programming(language: Language) -> bool:
    """Whether a language defines names, which data and markup do not."""
    return (language.folder / "definitions.scm").exists()


@dataclass(frozen=True)
class _Piece:
    file: int
    start: int
    end: int
    text: str
    chance: float
    """From 0 to 1, by its place and first line alone."""


def _divided(folder: Path, files: Sequence[SourceFile], languages: LanguageRegistry) -> Sources:
    """Hold out whole groups of pieces that are alike, chosen by a hash of their first one."""
    pieces = [
        piece
        for number, file in enumerate(files)
        for piece in _pieces(number, file, languages.for_editor_id(file.language))
    ]
    groups = groups_of_alike([piece.text for piece in pieces])
    kept_aside: dict[int, list[_Piece]] = {}
    for share in _SHARES:
        kept_aside.clear()
        for piece, group in zip(pieces, groups, strict=True):
            if pieces[group].chance < share:
                kept_aside.setdefault(piece.file, []).append(piece)
        sources = _parts(files, kept_aside)
        if _has_enough(sources.held_out):
            break
    _check_size(folder, sources)
    return sources


def _pieces(number: int, file: SourceFile, language: Language | None) -> Iterator[_Piece]:
    """Cut a file on syntax borders, or not where nothing is known of its syntax."""
    chunks = facts_of(file.text, language).chunks if language is not None else ()
    names: Counter[str] = Counter()
    for start, end in [(each.start, each.end) for each in chunks] or [(0, len(file.text))]:
        text = file.text[start:end]
        name = text.lstrip().partition("\n")[0].rstrip()
        names[name] += 1
        yield _Piece(number, start, end, text, _chance(f"{file.path}\n{name}\n{names[name]}"))


def _parts(files: Sequence[SourceFile], kept_aside: Mapping[int, Sequence[_Piece]]) -> Sources:
    train, held_out = [], []
    for number, file in enumerate(files):
        ranges = tuple((each.start, each.end) for each in kept_aside.get(number, ()))
        if ranges:
            held_out.append(msgspec.structs.replace(file, kept_aside=ranges))
        rest, last = [], 0
        for start, end in ranges:
            rest.append(file.text[last:start])
            last = end
        text = "".join(rest) + file.text[last:]
        if len(text.strip()) >= _SHORTEST_FILE:
            train.append(msgspec.structs.replace(file, text=text))
    return Sources(tuple(train), tuple(held_out))


def _has_enough(held_out: Sequence[SourceFile]) -> bool:
    pieces = {piece for file in held_out for piece in file.pieces}  # a copy says nothing more
    lines = sum(1 for piece in pieces for line in piece.splitlines() if line.strip())
    return len(pieces) >= _HELD_OUT_PIECES and lines >= HELD_OUT_LINES


def _check_size(folder: Path, sources: Sources) -> None:
    train, held_out = sources.train, sources.held_out
    # Where most of it is held out, what is left to learn from is too little.
    is_little = lines_of(train) < lines_of(held_out)
    if is_little or not _has_enough(held_out):
        lines = lines_of(train) + lines_of(held_out)
        raise CommandError(
            f"{folder} is too small to specialise for: of its {lines:,} lines of code at least"
            f" {HELD_OUT_LINES} in {_HELD_OUT_PIECES} pieces that are unlike the others must be"
            " kept aside to judge by."
        )


def _chance(name: str) -> float:
    """Return a number from 0 to 1 that follows from a name alone."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
