"""Places of the workspace that are like the cursor's, and how the line goes on at each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.lexing import BORDER, Numbers, Tokens, Vocabulary
from tabwright.workspace_index.token_matches import (
    DEEPEST,
    NO_MATCHES,
    Matches,
    Places,
    agreeing_after,
)

T = TypeVar("T")

_MOST_PLACES: Final = 1_500
"""More shallow ones than this are left out: they cost time and say little."""
_OTHER_KIND: Final = 0.5
"""How near a file with another ending is at most."""
_SAME_FILE_WEIGHT: Final = 3.0
"""A place in the document counts for so many elsewhere."""
_FAR_WEIGHT: Final = 0.5
"""What a place counts for in a file that has no folder in common; in the same folder, 1 more."""
_HELD_BACK: Final = 1.0
"""How many places the next shorter context counts for. Less trusts longer contexts sooner."""
_DEEPEST_LEVEL: Final = 20
GOES_ON: Final = np.uint64(1 << 32)
"""Marks keys of places where the word before the cursor goes on."""


@dataclass(frozen=True)
class CursorContext:
    """Where a line is to go on."""

    path: str
    line_prefix: str
    """The cursor's line up to the cursor."""
    word: str
    """The word that the cursor is right behind, which may go on; else empty."""
    context: Sequence[int]
    """The tokens before the cursor, the nearest first, `word` included."""
    context_words: Sequence[str]
    """The same as words."""
    line_tokens: int
    """How many tokens the line has before the cursor."""
    neighbours: tuple[str, str]
    """The lines before and after the cursor's that are not blank, without indentation."""
    document_words: Collection[str]
    """The words of the lines before and after the cursor's."""
    document_forms: Numbers
    """The tokens of the document with all words alike, see `Vocabulary.forms_of`."""
    following: Sequence[int]
    """The tokens from the end of the cursor's line on, its newline first."""


@dataclass(frozen=True)
class Source:
    """Some files that are searched together."""

    find: Callable[[Sequence[int]], Matches]
    tokens: Tokens
    paths: Sequence[str]
    starts: Places
    """By file: its first token."""
    is_current: NDArray[np.bool_]
    """By file: whether it counts."""
    nearness: NDArray[np.float64]
    """By file: how near it is, see `nearness`; -1 where nobody has asked yet."""
    cursor_place: int = -1
    """In the document at the cursor: where its line would be; elsewhere -1."""
    find_any: Callable[[Sequence[int]], Matches] = lambda _context: NO_MATCHES
    """Return some of the places that `find` leaves out because there are too many: those at which
    less of a context agrees than all of it."""
    _answers: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def found(self, context: tuple[int, ...]) -> Matches:
        """Return what `find` returns, which looks for each context once."""
        return self.remembered(("found", *context), lambda: self.find(context))

    def remembered(self, question: tuple[object, ...], answer: Callable[[], T]) -> T:
        """Return what `answer` has returned when this was first asked.

        A source lives as long as the cursor stays in its line and no file changes. While a word is
        typed, what stands before it is the same at each key.
        """
        if question not in self._answers:
            self._answers[question] = answer()
        known: T = self._answers[question]
        return known

    def files_at(self, places: Places) -> Places:
        """Return the numbers of the files that places are in."""
        return np.searchsorted(self.starts, places, side="right") - 1


@dataclass(frozen=True)
class LikePlaces:
    """Places, one by one; all arrays have the same length."""

    source: Places
    """The number of the source that the place is in."""
    place: Places
    """The first token after the context there."""
    depth: Places
    """How many tokens agree; a word that goes on is one."""
    key: NDArray[np.uint64]
    """Equal where the line goes on in the same way."""
    first: Places
    """Equal where the next token is the same."""
    nearness: NDArray[np.float64]
    """Of its file, see `nearness`."""
    following: Places
    """How many of the tokens after the line agree."""
    distance: Places
    """In the document at the cursor: the tokens between place and cursor; elsewhere -1."""

    def __len__(self) -> int:
        return len(self.place)


def like_places(
    vocabulary: Vocabulary, sources: Sequence[Source], cursor: CursorContext
) -> LikePlaces:
    """Find the places whose tokens before them agree with those before the cursor.

    Behind a word there are two kinds: where the same word is followed by something, and where a
    longer word stands that begins with it.
    """
    words = ("", cursor.word) if cursor.word else ("",)
    found = [
        (number, source, _agreeing(vocabulary, source, cursor, word), word)
        for word in words
        for number, source in enumerate(sources)
    ]
    shortest = _least_depth([matches.depths for _, _, matches, _ in found])
    parts = [
        _described(number, source, matches.only(matches.depths >= shortest), cursor, word)
        for number, source, matches, word in found
    ]
    return LikePlaces(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(LikePlaces)
        )
    )


def _agreeing(vocabulary: Vocabulary, source: Source, cursor: CursorContext, word: str) -> Matches:
    """Return places that count, with a word those where a longer one stands."""
    context = tuple(cursor.context[bool(word) : DEEPEST])
    found = source.remembered(("agreeing", *context), lambda: _current(source, context))
    if not word:
        return found
    texts, which = source.remembered(
        ("words", *context), lambda: _words_at(vocabulary, source, found)
    )
    goes_on = [text.startswith(word) and text != word for text in texts]
    wanted = np.array(goes_on, np.bool_)[which]
    return Matches(found.places[wanted], found.depths[wanted] + 1)


def _current(source: Source, context: tuple[int, ...]) -> Matches:
    """Return the places behind a context in files that count, where any token follows."""
    found = source.found(context)
    wanted = source.tokens.cores[found.places] != BORDER
    if not source.is_current.all():
        wanted &= source.is_current[source.files_at(found.places)]
    return found.only(wanted)


def _words_at(
    vocabulary: Vocabulary, source: Source, found: Matches
) -> tuple[list[str], NDArray[np.intp]]:
    """Return the words at places, each once, and for each place which of them it has."""
    different, which = np.unique(source.tokens.cores[found.places], return_inverse=True)
    return [vocabulary.words[core] for core in different.tolist()], which


def _least_depth(depths: Sequence[Places]) -> int:
    """Return the least depth at or above which there are not too many places; the greatest where
    even that one has too many."""
    counts = np.bincount(np.concatenate(depths), minlength=1)
    few_enough = np.flatnonzero(np.cumsum(counts[::-1])[::-1] <= _MOST_PLACES)
    return int(few_enough[0]) if len(few_enough) else len(counts) - 1


def _described(
    number: int, source: Source, found: Matches, cursor: CursorContext, word: str
) -> LikePlaces:
    places, tokens = found.places, source.tokens
    is_here = source.cursor_place >= 0
    return LikePlaces(
        source=np.full(len(places), number, np.int64),
        place=places,
        depth=found.depths,
        key=tokens.rests[places].astype(np.uint64) | (GOES_ON if word else np.uint64(0)),
        first=tokens.cores[places].astype(np.int64) * 2 + bool(word),
        nearness=nearness_of(source, source.files_at(places), cursor.path),
        following=agreeing_after(tokens.cores, places + tokens.lengths[places], cursor.following),
        distance=np.abs(places - source.cursor_place) if is_here else np.full(len(places), -1),
    )


def nearness_of(source: Source, file_numbers: Places, asked: str) -> NDArray[np.float64]:
    """Return how near files of a source are to the one that is asked about, see `nearness`."""
    found = source.nearness[file_numbers]
    if (found < 0).any():
        for number in np.unique(file_numbers[found < 0]).tolist():
            source.nearness[number] = nearness(source.paths[number], asked)
        found = source.nearness[file_numbers]
    return found


def nearness(path: str, asked: str) -> float:
    """Return how near two files are: 1 in the same folder, 0 with no folder in common; at most
    half for files of different kinds."""
    one, other = path.split("/"), asked.split("/")
    folders = max(len(one), len(other)) - 1
    same = 0
    for left, right in zip(one[:-1], other[:-1], strict=False):
        if left != right:
            break
        same += 1
    share = same / folders if folders else 1.0
    is_same_kind = one[-1].rpartition(".")[2] == other[-1].rpartition(".")[2]
    return share if is_same_kind else share * _OTHER_KIND


def place_weights(distances: Places, near: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what places count for; `distances` are -1 outside of the document at the cursor."""
    return np.where(distances >= 0, _SAME_FILE_WEIGHT, _FAR_WEIGHT + near)


def blended_shares(
    depths: Places, which: NDArray[np.intp], weights: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return the share of each of `count` continuations, from the shallowest depth to the deepest.

    At each depth, the shares at the one before count as `_HELD_BACK` more places: interpolation
    with a Dirichlet prior, as MacKay and Peto (1995) do it for language models.
    """
    shares = np.full(count, 1 / (count + 1))
    deepest = min(int(depths.max()), _DEEPEST_LEVEL)
    for depth in range(int(depths.min()), deepest + 1):
        at_depth = np.flatnonzero(depths >= depth)
        counts = np.bincount(which[at_depth], weights[at_depth], minlength=count)
        shares = np.divide(counts + _HELD_BACK * shares, counts.sum() + _HELD_BACK)
    return shares
