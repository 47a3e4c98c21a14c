"""From like places to proposals: what follows there, and how much of the evidence is for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.adapting import AdaptedLine, adapted_lines
from tabwright.workspace_index.lexing import (
    LINE_ENDS,
    LONGEST_REST,
    PATTERN,
    TOO_LONG,
    Numbers,
    Vocabulary,
)
from tabwright.workspace_index.like_places import (
    GOES_ON,
    CursorContext,
    LikePlaces,
    Source,
    like_places,
)
from tabwright.workspace_index.weighing import Adapted, Evidence, probability

_MOST_JUDGED: Final = 24
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


_NOTHING: Final = np.zeros(0, np.uint32)
_NO_EVIDENCE: Final = Evidence(
    depth=0,
    line_tokens=0,
    occurrences=0,
    occurrences_anywhere=0,
    share=0.0,
    blended_share=0.0,
    next_share=0.0,
    rivals=0,
    following=0,
    brackets_left=0,
    is_cut_string=False,
    repeats_neighbour=False,
    is_same_file=False,
    distance=-1,
    nearness=1.0,
    token_count=0,
    word_count=0,
    known_words=0.0,
    word_length=0,
    goes_on=False,
    lead=0.0,
    adapted=None,
)


@dataclass(frozen=True)
class _Draft:
    """A proposal that is not compared with the others yet."""

    number: int
    surfaces: Numbers
    text: str
    evidence: Evidence


def propose(
    vocabulary: Vocabulary, sources: Sequence[Source], cursor: CursorContext, limit: int
) -> tuple[Proposal, ...]:
    """Return the most probable continuations of a line, the best first."""
    drafts = _found_drafts(vocabulary, sources, cursor) 
    drafts = _with_adapted(drafts, _adapted_drafts(vocabulary, sources[0], cursor))
    return _judged(vocabulary, sources[0], drafts, cursor, limit)


def _found_drafts(
    vocabulary: Vocabulary, sources: Sequence[Source], cursor: CursorContext
) -> list[_Draft]:
    found = like_places(vocabulary, sources, cursor)
    if not len(found):
        return []
    keys, which = np.unique(found.key, return_inverse=True)
    is_here = found.distance >= 0
    weights = np.where(is_here, _SAME_FILE_WEIGHT, _FAR_WEIGHT + found.nearness)
    shares = _blended_shares(found.depth, which, weights, len(keys))
    rests = keys & ~GOES_ON
    candidates = np.flatnonzero((rests != TOO_LONG) & (rests != LINE_ENDS))
    chosen = candidates[np.lexsort((keys[candidates], -shares[candidates]))][:_MOST_JUDGED]
    drafts = [
        _draft(vocabulary, sources, cursor, found, which, int(number), shares)
        for number in chosen
    ]
    return _without_repeats([draft for draft in drafts if draft.text])


def _adapted_drafts(
    vocabulary: Vocabulary, document: Source, cursor: CursorContext
) -> dict[str, Adapted]:
    lines = adapted_lines(
        vocabulary,
        document.tokens,
        document.cursor_place,
        cursor.context,
        cursor.context_words,
        cursor.line_tokens,
        cursor.word,
        cursor.following,
    )
    by_text: dict[str, list[AdaptedLine]] = {}
    for line in lines:
        text = _continuation(line.written, cursor, line.goes_on)
        if text:
            by_text.setdefault(text, []).append(line)
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
            lead=max(line.form_depth + line.same for line in group)
            - max((each.form_depth + each.same for each in lines), default=0),
        )
        for text, group in by_text.items()
    }


def _with_adapted(drafts: Sequence[_Draft], adapted: Mapping[str, Adapted]) -> list[_Draft]:
    known = {draft.text for draft in drafts}
    return [
        replace(draft, evidence=replace(draft.evidence, adapted=adapted.get(draft.text)))
        for draft in drafts
    ] + [
        _Draft(-1, _NOTHING, text, replace(_NO_EVIDENCE, adapted=each))
        for text, each in adapted.items()
        if text not in known
    ]


def _blended_shares(
    depths: NDArray[np.int64], which: NDArray[np.intp], weights: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return the share of each continuation, from the shallowest depth to the deepest.

    At each depth, the shares at the one before count as `_HELD_BACK` more places: interpolation
    with a Dirichlet prior, as MacKay and Peto (1995) do it for language models.
    """
    shares = np.full(count, 1 / (count + 1))
    deepest = min(int(depths.max()), _DEEPEST_LEVEL)
    for depth in range(int(depths.min()), deepest + 1):
        at_depth = depths >= depth
        counts = np.bincount(which[at_depth], weights[at_depth], minlength=count)
        shares = (counts + _HELD_BACK * shares) / (counts.sum() + _HELD_BACK)
    return shares


def _draft(
    vocabulary: Vocabulary,
    sources: Sequence[Source],
    cursor: CursorContext,
    found: LikePlaces,
    which: NDArray[np.intp],
    number: int,
    shares: NDArray[np.float64],
) -> _Draft:
    members = np.flatnonzero(which == number)
    one = members[0]
    source = sources[found.source[one]]
    surfaces = _rest_of_line(vocabulary, source.tokens.surfaces, int(found.place[one]))
    goes_on = bool(found.key[one] & GOES_ON)
    depth = int(found.depth[members].max())
    at_depth = found.depth >= depth
    count = int((found.depth[members] == depth).sum())
    here = found.distance[members]
    here = here[here >= 0]
    same_beginning = np.unique(which[found.first == found.first[one]])
    return _Draft(
        number,
        surfaces,
        _continuation(vocabulary.text_of(surfaces), cursor, goes_on),
        Evidence(
            depth=depth,
            line_tokens=cursor.line_tokens,
            occurrences=count,
            occurrences_anywhere=len(members),
            share=count / int(at_depth.sum()),
            blended_share=float(shares[number]),
            next_share=float(shares[same_beginning].sum()),
            rivals=len(np.unique(which[at_depth])) - 1,
            is_same_file=len(here) > 0,
            following=int(found.following[members].max()),
            repeats_neighbour=False,
            brackets_left=0,
            is_cut_string=False,
            distance=int(here.min()) if len(here) else -1,
            nearness=float(found.nearness[members].max()),
            token_count=len(surfaces),
            word_count=0,
            known_words=1.0,
            word_length=len(cursor.word),
            goes_on=goes_on,
            lead=0.0,
            adapted=None,
        ),
    )


def _rest_of_line(vocabulary: Vocabulary, surfaces: Numbers, place: int) -> Numbers:
    rest = surfaces[place : place + LONGEST_REST + 1]
    ends = vocabulary.newlines_among(rest)
    borders = np.flatnonzero(rest == 0)
    end = min(int(ends[0]) if len(ends) else len(rest), int(borders[0]) if len(borders) else len(rest))
    return rest[:end]


def _continuation(written: str, cursor: CursorContext, goes_on: bool) -> str:
    """Return what is to be put in where a line goes on as written elsewhere."""
    bare = written.lstrip(" \t")
    if goes_on:
        return bare[len(cursor.word) :].rstrip()
    has_blank = cursor.line_prefix[-1:] in {"", " ", "\t"}
    return (bare if has_blank else written).rstrip()


def _without_repeats(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Join proposals that come to the same text, because only blanks differ."""
    joined: dict[str, _Draft] = {}
    for draft in drafts:
        known = joined.setdefault(draft.text, draft)
        if known is not draft:
            share = known.evidence.blended_share + draft.evidence.blended_share
            evidence = replace(known.evidence, blended_share=share)
            joined[draft.text] = replace(known, evidence=evidence)
    return list(joined.values())


def _judged(
    vocabulary: Vocabulary,
    document: Source,
    drafts: Sequence[_Draft],
    cursor: CursorContext,
    limit: int,
) -> tuple[Proposal, ...]:
    known = {vocabulary.words[core] for core in np.unique(document.tokens.cores).tolist()}
    largest = sorted((draft.evidence.blended_share for draft in drafts), reverse=True)
    proposals = []
    for draft in drafts:
        share = draft.evidence.blended_share
        rival = largest[1] if len(largest) > 1 and share == largest[0] else largest[0]
        words = _WORD.findall(draft.text)
        evidence = replace(
            draft.evidence,
            token_count=len(PATTERN.findall(draft.text)),
            word_count=len(words),
            line_tokens=cursor.line_tokens,
            word_length=len(cursor.word),
            known_words=sum(word in known for word in words) / len(words) if words else 1.0,
            lead=share - rival if len(largest) > 1 else share,
            repeats_neighbour=(cursor.line_prefix + draft.text).strip() in cursor.neighbours,
            **_form(cursor.line_prefix, draft.text),
        )
        agreed, agreed_share = _agreed(vocabulary, draft, drafts, cursor)
        proposals.append(Proposal(draft.text, probability(evidence), agreed, agreed_share, evidence))
    proposals.sort(key=lambda each: (-each.probability, -each.evidence.depth, each.text))
    return tuple(proposals[:limit])


def _form(before: str, text: str) -> dict[str, int | bool]:
    """Return what the whole line looks like: brackets left open, strings left open.

    Brackets in strings count too, and so do apostrophes in comments: it is only evidence.
    """
    line = before + text
    left = 0
    for sign in _BRACKETS.findall(line):
        left = left + 1 if sign in "([{" else max(0, left - 1)
    if text[-1:] in "([{":
        left -= 1
    return {
        "brackets_left": left,
        "is_cut_string": bool(line.count('"') % 2 or line.count("'") % 2 or line.count("`") % 2),
    }


def _agreed(
    vocabulary: Vocabulary, draft: _Draft, drafts: Sequence[_Draft], cursor: CursorContext
) -> tuple[str, float]:
    """Return the longest beginning of a proposal that enough of the evidence agrees on."""
    own = draft.surfaces.tolist()
    shares = [0.0] * (len(own) + 1)
    for other in drafts:
        if other.evidence.goes_on != draft.evidence.goes_on:
            continue
        for length, (left, right) in enumerate(zip(own, other.surfaces.tolist(), strict=False), 1):
            if left != right:
                break
            shares[length] += other.evidence.blended_share
    length = max((n for n in range(1, len(own) + 1) if shares[n] >= _AGREED_SHARE), default=0)
    if not length:
        return "", 0.0
    beginning = vocabulary.text_of(draft.surfaces[:length])
    return _continuation(beginning, cursor, draft.evidence.goes_on), shares[length]
