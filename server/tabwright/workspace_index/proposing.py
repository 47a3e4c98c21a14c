"""From like places to proposals: what follows there, and how much of the evidence is for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.adapting import AdaptedLine, adapted_lines
from tabwright.workspace_index.lexing import LINE_ENDS, PATTERN, TOO_LONG, Numbers, Vocabulary
from tabwright.workspace_index.like_places import (
    GOES_ON,
    CursorContext,
    LikePlaces,
    Source,
    blended_shares,
    like_places,
    place_weights,
)
from tabwright.workspace_index.token_matches import Places
from tabwright.workspace_index.weighing import Adapted, Evidence, Found, probability

_MOST_JUDGED: Final = 16
"""Continuations that are looked at closely."""
_NOT_HERE: Final = 1 << 60
"""How far away is what the document at the cursor does not have."""
_WORD: Final = re.compile(r"[^\W\d]\w*")
_BRACKETS: Final = re.compile(r"[][(){}]")
_QUOTES: Final = ('"', "'", "`")


@dataclass(frozen=True)
class Proposal:
    """How the line may go on."""

    text: str
    """What follows the cursor up to the end of the line: never empty, no newline."""
    probability: float
    """How probable it is that the line goes on exactly so, from the evidence alone, 0 to 1."""
    evidence: Evidence
    """What speaks for it."""


@dataclass(frozen=True)
class _Draft:
    """A continuation that other places have."""

    surfaces: Numbers
    goes_on: bool
    found: Found


def propose(
    vocabulary: Vocabulary, sources: Sequence[Source], cursor: CursorContext, limit: int
) -> tuple[Proposal, ...]:
    """Return the most probable continuations of a line, the best first.

    Args:
        sources: where to look; the document at the cursor is the first.
    """
    drafts = _drafts(vocabulary, sources, cursor)
    lines = adapted_lines(vocabulary, sources[0], cursor)
    adapted = _adapted(lines, cursor)
    originals = {
        continuation(line.original, cursor, line.goes_on)
        for line in lines
        if line.changed and not line.goes_on
    }
    begun = _LineBegun.of(cursor.line_prefix)
    judged: list[tuple[float, str, Evidence]] = []
    for text in {**drafts, **adapted}:
        draft = drafts.get(text)
        evidence = _evidence(
            cursor,
            begun,
            text,
            draft.found if draft else None,
            adapted.get(text),
            text in originals,
        )
        judged.append((probability(evidence), text, evidence))
    judged.sort(key=lambda each: (-each[0], -each[2].matched_tokens, each[1]))
    return tuple(Proposal(text, sureness, evidence) for sureness, text, evidence in judged[:limit])


def _drafts(
    vocabulary: Vocabulary, sources: Sequence[Source], cursor: CursorContext
) -> dict[str, _Draft]:
    found = like_places(vocabulary, sources, cursor)
    if not len(found):
        return {}
    keys, which = np.unique(found.key, return_inverse=True)
    weights = place_weights(found.distance, found.nearness)
    shares = blended_shares(found.depth, which, weights, len(keys))
    rests = keys & ~GOES_ON
    candidates = np.flatnonzero((rests != TOO_LONG) & (rests != LINE_ENDS))
    chosen = candidates[np.lexsort((keys[candidates], -shares[candidates]))][:_MOST_JUDGED]
    members = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[members], np.arange(len(keys) + 1))
    next_shares = _next_shares(found, members[starts[:-1]], shares)
    groups = _Groups(found, which, members, starts)
    # What ends and what is too long is a rival too.
    largest = np.sort(shares)[::-1][:2].tolist()
    drafts: dict[str, _Draft] = {}
    for number in chosen.tolist():
        one = members[starts[number]]
        tokens = sources[found.source[one]].tokens
        place = int(found.place[one])
        surfaces = tokens.surfaces[place : place + int(tokens.lengths[place])]
        goes_on = bool(found.key[one] & GOES_ON)
        text = continuation(vocabulary.text_of(surfaces), cursor, goes_on)
        if not text or text in drafts:  # the same with other blanks
            continue
        share = float(shares[number])
        rival = largest[1] if share == largest[0] and len(largest) > 1 else largest[0]
        drafts[text] = _Draft(
            surfaces,
            goes_on,
            groups.found(number, share, float(next_shares[number]), share - rival, goes_on),
        )
    return drafts


def _next_shares(
    found: LikePlaces, one_of_each: Places, shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each continuation the share of all that begin with the same token."""
    _, first = np.unique(found.first[one_of_each], return_inverse=True)
    totals: NDArray[np.float64] = np.bincount(first, shares).astype(np.float64)[first]
    return totals


class _Groups:
    """The places of each continuation, all continuations at once."""

    def __init__(
        self, found: LikePlaces, which: NDArray[np.intp], members: NDArray[np.intp], starts: Places
    ) -> None:
        """`members` are the places in the order of their continuations, which begin at `starts`."""
        first = starts[:-1]
        depths = found.depth[members]
        distances = found.distance[members]
        self._all_depths, self._which = found.depth, which
        self._sizes = np.diff(starts)
        self._depth = np.maximum.reduceat(depths, first)
        is_deepest = depths == np.repeat(self._depth, self._sizes)
        self._count = np.add.reduceat(is_deepest.astype(np.int64), first)
        self._following = np.maximum.reduceat(found.following[members], first)
        self._nearness = np.maximum.reduceat(found.nearness[members], first)
        self._distance = np.minimum.reduceat(np.where(distances < 0, _NOT_HERE, distances), first)
        self._at_depth: dict[int, tuple[int, int]] = {}

    def found(
        self, number: int, share: float, next_share: float, lead: float, goes_on: bool
    ) -> Found:
        """Return what speaks for one continuation."""
        depth, count = int(self._depth[number]), int(self._count[number])
        places, continuations = self._counts_at(depth)
        distance = int(self._distance[number])
        is_here = distance < _NOT_HERE
        return Found(
            depth=depth,
            occurrences=count,
            occurrences_anywhere=int(self._sizes[number]),
            share=count / places,
            blended_share=share,
            next_share=next_share,
            rivals=continuations - 1,
            following=int(self._following[number]),
            is_same_file=is_here,
            distance=distance if is_here else -1,
            nearness=float(self._nearness[number]),
            goes_on=goes_on,
            lead=lead,
        )

    def _counts_at(self, depth: int) -> tuple[int, int]:
        """Return how many places and how many continuations there are at a depth or deeper."""
        if depth not in self._at_depth:
            numbers = self._which[self._all_depths >= depth]
            self._at_depth[depth] = len(numbers), int(np.count_nonzero(np.bincount(numbers)))
        return self._at_depth[depth]


def _adapted(lines: Sequence[AdaptedLine], cursor: CursorContext) -> dict[str, Adapted]:
    by_text: dict[str, list[AdaptedLine]] = {}
    for line in lines:
        if text := continuation(line.written, cursor, line.goes_on):
            by_text.setdefault(text, []).append(line)
    likest = max((line.form_depth + line.same for line in lines), default=0)
    return {
        text: Adapted(
            form_depth=max(line.form_depth for line in group),
            same=max(line.same for line in group),
            paired=min(line.paired for line in group),
            changed=max(line.changed for line in group),
            kept=min(line.kept for line in group),
            following=max(line.following for line in group),
            distance=min(line.distance for line in group),
            votes=len(group),
            share=len(group) / len(lines),
            lead=max(line.form_depth + line.same for line in group) - likest,
        )
        for text, group in by_text.items()
    }


def continuation(written: str, cursor: CursorContext, goes_on: bool) -> str:
    """Return what is to be put in where a line goes on as written elsewhere."""
    bare = written.lstrip(" \t")
    if goes_on:
        return bare[len(cursor.word) :].rstrip()
    has_blank = cursor.line_prefix[-1:] in {"", " ", "\t"}
    return (bare if has_blank else written).rstrip()


@dataclass(frozen=True)
class _LineBegun:
    """What is open in the cursor's line before the cursor.

    Brackets in strings count too, and so do apostrophes in comments: it is only evidence.
    """

    brackets_left: int
    quotes: tuple[int, ...]
    """How many there are of each."""

    @classmethod
    def of(cls, line_prefix: str) -> _LineBegun:
        return cls(_brackets_left(line_prefix, 0), tuple(map(line_prefix.count, _QUOTES)))


def _brackets_left(text: str, left: int) -> int:
    for sign in _BRACKETS.findall(text):
        left = left + 1 if sign in "([{" else max(0, left - 1)
    return left


def _evidence(
    cursor: CursorContext,
    line: _LineBegun,
    text: str,
    found: Found | None,
    adapted: Adapted | None,
    is_original: bool,
) -> Evidence:
    """Describe what a proposal is and what the line would look like with it."""
    left = _brackets_left(text, line.brackets_left)
    words = _WORD.findall(text)
    known = cursor.document_words
    return Evidence(
        found=found,
        adapted=adapted,
        is_original=is_original,
        line_tokens=cursor.line_tokens,
        word_length=len(cursor.word),
        token_count=len(PATTERN.findall(text)),
        word_count=len(words),
        known_words=sum(word in known for word in words) / len(words) if words else 1.0,
        brackets_left=left - (text[-1] in "([{"),
        is_cut_string=any(
            (text.count(mark) + count) % 2 for mark, count in zip(_QUOTES, line.quotes, strict=True)
        ),
        repeats_neighbour=(cursor.line_prefix + text).strip() in cursor.neighbours,
    )
