"""Which text of a workspace a model learns from, and which it is judged by.

What git ignores, what usually holds secrets, what others have written and what tools have made
stays out, by the same rules as for the index; keys and passwords in the rest are masked. Links are
not followed, so nothing outside of the folder is read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabwright.errors import CommandError
from tabwright.specialization.alike_files import groups_of_alike
from tabwright.specialization.sources import SourceFile, Sources, lines_of
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.workspace_index.ignoring import rules_of
from tabwright.workspace_index.reading import masked_code
from tabwright.workspace_index.recognising import LeftOut, left_out_by_path
from tabwright.workspace_index.walking import walk

HELD_OUT_LINES = 200
"""Fewer lines to be judged by could not tell a gain from luck."""
_HELD_OUT_FILES = 3
_SHARES = (0.1, 0.15, 0.2, 0.3, 0.4)
"""The share of the files that is held out; the first that gives enough to be judged by."""
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

    `exclude` are patterns as in `.gitignore`. The same files give the same parts; a changed file
    stays in its part.

    Raises:
        CommandError: the folder cannot be used, or is too small to judge a model by.
    """
    if not folder.is_dir():
        raise CommandError(f"{folder} is no folder.")
    left_out: Counter[str] = Counter()
    files = list(_files(folder.resolve(), languages, exclude, left_out, is_cancelled))
    return WorkspaceText(_divided(folder, files), dict(left_out))


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


def _divided(folder: Path, files: Sequence[SourceFile]) -> Sources:
    """Hold out whole groups of files that are alike, chosen by a hash of their first path."""
    groups = groups_of_alike([file.text for file in files])
    chances = [_chance(files[group].path) for group in groups]
    held_out: tuple[SourceFile, ...] = ()
    for share in _SHARES:
        held_out = tuple(
            file for file, chance in zip(files, chances, strict=True) if chance < share
        )
        if len(held_out) >= _HELD_OUT_FILES and lines_of(held_out) >= HELD_OUT_LINES:
            break
    train = tuple(file for file, chance in zip(files, chances, strict=True) if chance >= share)
    sources = Sources(train, held_out)
    _check_size(folder, sources)
    return sources


def _check_size(folder: Path, sources: Sources) -> None:
    train, held_out = sources.train, sources.held_out
    lines = lines_of(held_out)
    # Where most of it is held out, what is left to learn from is too little.
    is_little = sum(len(file.text) for file in train) < sum(len(file.text) for file in held_out)
    if is_little or len(held_out) < _HELD_OUT_FILES or lines < HELD_OUT_LINES:
        raise CommandError(
            f"{folder} is too small to specialise for: {len(train) + len(held_out)} files with"
            f" {lines_of(train) + lines:,} lines of code, of which at least {HELD_OUT_LINES} lines"
            f" in {_HELD_OUT_FILES} files that are unlike the others must be kept aside to judge"
            " by."
        )


def _chance(path: str) -> float:
    """Return a number from 0 to 1 that follows from a path alone."""
    digest = hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
