"""From like places to proposals: what follows there, and how much of the evidence is for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    like_places,
)
from tabwright.workspace_index.token_matches import Places
from tabwright.workspace_index.weighing import Adapted, Evidence, Found, probability

_MOST_JUDGED: Final = 16
"""Continuations that are looked at closely."""
_HELD_BACK: Final = 1.0
"""How many places the next shorter context counts for. Less trusts longer contexts sooner."""
_DEEPEST_LEVEL: Final = 20
_WORD: Final = re.compile(r"[^\W\d]\w*")
_BRACKETS: Final = re.compile(r"[][(){}]")
_AGREED_SHARE: Final = 0.6
_SAME_FILE_WEIGHT: Final = 3.0
"""A place in the document counts for so many elsewhere."""
_FAR_WEIGHT: Final = 0.5
"""What a place counts for in a file that has no folder in common; in the same folder, 1 more."""


@dataclass(frozen=True)
class Proposal:
    """How the line may go on."""

    text: str
    """What follows the cursor up to the end of the line: never empty, no newline."""
    probability: float
    """How probable it is that the line goes on exactly so, from the evidence alone, 0 to 1."""
    agreed: str
    """The beginning of `text`, up to the end of a token, on which most of the evidence agrees;
    empty if there is none."""
    agreed_share: float
    """How much of the evidence that is, 0 to 1."""
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
    judged: list[tuple[float, str, Evidence]] = []
    for text in {**drafts, **adapted}:
        draft = drafts.get(text)
        evidence = _evidence(
            cursor, text, draft.found if draft else None, adapted.get(text), text in originals
        )
        judged.append((probability(evidence), text, evidence))
    judged.sort(key=lambda each: (-each[0], -each[2].matched_tokens, each[1]))
    return tuple(
        Proposal(text, sureness, *_agreed(vocabulary, text, drafts, cursor), evidence)
        for sureness, text, evidence in judged[:limit]
    )


def _drafts(
    vocabulary: Vocabulary, sources: Sequence[Source], cursor: CursorContext
) -> dict[str, _Draft]:
    found = like_places(vocabulary, sources, cursor)
    if not len(found):
        return {}
    keys, which = np.unique(found.key, return_inverse=True)
    weights = np.where(found.distance >= 0, _SAME_FILE_WEIGHT, _FAR_WEIGHT + found.nearness)
    shares = _blended_shares(found.depth, which, weights, len(keys))
    rests = keys & ~GOES_ON
    candidates = np.flatnonzero((rests != TOO_LONG) & (rests != LINE_ENDS))
    chosen = candidates[np.lexsort((keys[candidates], -shares[candidates]))][:_MOST_JUDGED]
    members = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[members], np.arange(len(keys) + 1))
    next_shares = _next_shares(found, members[starts[:-1]], shares)
    at_depth = _DepthCounts(found.depth, which)
    # What ends and what is too long is a rival too.
    largest = np.sort(shares)[::-1][:2].tolist()
    drafts: dict[str, _Draft] = {}
    for number in chosen.tolist():
        group = members[starts[number] : starts[number + 1]]
        one = group[0]
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
            _found(
                found, group, at_depth, share, float(next_shares[number]), share - rival, goes_on
            ),
        )
    return drafts


def _blended_shares(
    depths: Places, which: NDArray[np.intp], weights: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return the share of each continuation, from the shallowest depth to the deepest.

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


def _next_shares(
    found: LikePlaces, one_of_each: Places, shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return for each continuation the share of all that begin with the same token."""
    _, first = np.unique(found.first[one_of_each], return_inverse=True)
    totals: NDArray[np.float64] = np.bincount(first, shares).astype(np.float64)[first]
    return totals


class _DepthCounts:
    """How many places and how many continuations there are at a depth or deeper."""

    def __init__(self, depths: Places, which: NDArray[np.intp]) -> None:
        self._depths = depths
        self._which = which
        self._known: dict[int, tuple[int, int]] = {}

    def at(self, depth: int) -> tuple[int, int]:
        if depth not in self._known:
            numbers = self._which[self._depths >= depth]
            self._known[depth] = len(numbers), len(set(numbers.tolist()))
        return self._known[depth]


def _found(
    found: LikePlaces,
    group: Places,
    at_depth: _DepthCounts,
    share: float,
    next_share: float,
    lead: float,
    goes_on: bool,
) -> Found:
    depths = found.depth[group]
    depth = int(depths.max())
    count = int(np.count_nonzero(depths == depth))
    places, continuations = at_depth.at(depth)
    here = found.distance[group]
    here = here[here >= 0]
    return Found(
        depth=depth,
        occurrences=count,
        occurrences_anywhere=len(group),
        share=count / places,
        blended_share=share,
        next_share=next_share,
        rivals=continuations - 1,
        following=int(found.following[group].max()),
        is_same_file=len(here) > 0,
        distance=int(here.min()) if len(here) else -1,
        nearness=float(found.nearness[group].max()),
        goes_on=goes_on,
        lead=lead,
    )


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


def _evidence(
    cursor: CursorContext,
    text: str,
    found: Found | None,
    adapted: Adapted | None,
    is_original: bool,
) -> Evidence:
    """Describe what a proposal is and what the line would look like with it.

    Brackets in strings count too, and so do apostrophes in comments: it is only evidence.
    """
    line = cursor.line_prefix + text
    left = 0
    for sign in _BRACKETS.findall(line):
        left = left + 1 if sign in "([{" else max(0, left - 1)
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
        is_cut_string=any(line.count(mark) % 2 for mark in "\"'`"),
        repeats_neighbour=line.strip() in cursor.neighbours,
    )


def _agreed(
    vocabulary: Vocabulary, text: str, drafts: Mapping[str, _Draft], cursor: CursorContext
) -> tuple[str, float]:
    """Return the longest beginning of a proposal that enough of the evidence agrees on."""
    draft = drafts.get(text)
    if draft is None:
        return "", 0.0
    own = draft.surfaces.tolist()
    shares = [0.0] * (len(own) + 1)
    for other in drafts.values():
        if other.goes_on != draft.goes_on or other.surfaces[0] != own[0]:
            continue
        for length, (left, right) in enumerate(zip(own, other.surfaces.tolist(), strict=False), 1):
            if left != right:
                break
            shares[length] += other.found.blended_share
    length = max((n for n in range(1, len(own) + 1) if shares[n] >= _AGREED_SHARE), default=0)
    if not length:
        return "", 0.0
    beginning = vocabulary.text_of(draft.surfaces[:length])
    return continuation(beginning, cursor, draft.goes_on), shares[length]
