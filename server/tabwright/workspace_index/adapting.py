"""Lines of the document written anew with other names: after `self.x = x`, `self.y = y`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.lexing import (
    BEGINNING,
    LONGEST_REST,
    SHALLOWER,
    Numbers,
    Vocabulary,
)
from tabwright.workspace_index.like_places import CursorContext, Source
from tabwright.workspace_index.token_matches import Matches, agreeing_after, depths_at

_FEWEST_AGREEING: Final = 3
_MOST_COMPARED: Final = 24
"""Tokens before the cursor from which names are paired."""
_MOST_COMPARED_LINES: Final = 128
_MOST_ADAPTED: Final = 10
"""Lines."""
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|_+|[^\W\d_]+|.")
"""The parts of a name in any convention: `HTTPServer_v2` has HTTP, Server, _, v and 2."""


@dataclass(frozen=True)
class AdaptedLine:
    """How the line may go on, after a line of the same form elsewhere in the document."""

    written: str
    """The rest of the line with other names, blanks at its beginning included."""
    original: str
    """The same with the names that it has there."""
    goes_on: bool
    """Whether it begins with the word before the cursor."""
    form_depth: int
    """How many tokens before the cursor agree, any word with any other."""
    same: int
    """How many of those are the same."""
    paired: int
    """How many of the words before the cursor have another one in their place there."""
    changed: int
    """How many words of the rest of the line were changed."""
    kept: int
    """How many were not."""
    following: int
    """How many of the tokens after the line agree."""
    distance: int
    """How many tokens it is away."""


def adapted_lines(
    vocabulary: Vocabulary, document: Source, cursor: CursorContext
) -> list[AdaptedLine]:
    """Return lines of the document that have the form of the cursor's up to the cursor, changed to
    its names, those most like it first.

    Behind a word both what follows it and what makes it longer are returned.
    """
    found = _lines(vocabulary, document, cursor, 0)
    if not cursor.word:
        return found
    # At all keys of a word these are the same, but for how far it is typed.
    before = slice(1, _MOST_COMPARED)
    question = (cursor.line_tokens, *cursor.context[before], *cursor.context_words[before])
    longer = document.remembered(
        ("adapted", *question), lambda: _lines(vocabulary, document, cursor, 1)
    )
    word = cursor.word
    return found + [each for each in longer if each.written.lstrip(" \t").startswith(word)]


def _lines(
    vocabulary: Vocabulary, document: Source, cursor: CursorContext, begun: int
) -> list[AdaptedLine]:
    """Return adapted lines, with `begun` 1 those from where the word before the cursor begins."""
    tokens = document.tokens
    context = cursor.context[begun:_MOST_COMPARED]
    wanted = tuple(vocabulary.forms_of(np.array(context, np.uint32)).tolist())
    before = cursor.line_tokens - begun
    agreeing, distance = document.remembered(
        ("forms", before, *wanted),
        lambda: _of_same_form(document, cursor.document_forms, wanted, before),
    )
    if not len(agreeing):
        return []
    back = np.arange(len(context))
    before = np.maximum(agreeing.places[:, None] - back - 1, 0)
    is_same = tokens.cores[before] == np.array(context, np.uint32)
    same = np.count_nonzero(is_same & (agreeing.depths[:, None] > back), axis=1)
    order = np.lexsort((agreeing.places, distance, -agreeing.depths - same))[:_MOST_ADAPTED]
    ends = agreeing.places[order] + tokens.lengths[agreeing.places[order]]
    after = agreeing_after(tokens.cores, ends, cursor.following)
    found = []
    for number, followed in zip(order.tolist(), after.tolist(), strict=True):
        place, depth = int(agreeing.places[number]), int(agreeing.depths[number])
        pairs = _pairs(
            vocabulary,
            tokens.cores[place - depth : place][::-1].tolist(),
            cursor.context_words[begun:],
        )
        rest = tokens.surfaces[place : place + int(tokens.lengths[place])]
        written, changed, kept = _adapted(vocabulary, rest, pairs)
        found.append(
            AdaptedLine(
                written=written,
                original=vocabulary.text_of(rest),
                goes_on=bool(begun),
                form_depth=depth,
                same=int(same[number]),
                paired=len(pairs),
                changed=changed,
                kept=kept,
                following=followed,
                distance=int(distance[number]),
            )
        )
    return found


def _of_same_form(
    document: Source, forms: Numbers, wanted: Sequence[int], before: int
) -> tuple[Matches, NDArray[np.int64]]:
    """Return the places most like the cursor's by the forms of the tokens before them, and how far
    they are away.

    `wanted` are the forms before the cursor, the nearest first, `before` of them in its line.
    """
    tokens = document.tokens
    # Only places that are as far from the beginning of their line as the cursor can agree so far.
    lines = np.flatnonzero((tokens.cores >= BEGINNING) & (tokens.cores <= SHALLOWER))
    places = lines + 1 + before
    places = places[places < len(tokens)]
    agreeing = Matches(places, depths_at(forms, places, wanted, 0))
    lengths = tokens.lengths[agreeing.places]
    agreeing = agreeing.only(
        (agreeing.depths >= max(before + 1, _FEWEST_AGREEING))
        & (lengths > 0)
        & (lengths <= LONGEST_REST)
    )
    distance = np.abs(agreeing.places - document.cursor_place)
    order = np.lexsort((agreeing.places, distance, -agreeing.depths))[:_MOST_COMPARED_LINES]
    return agreeing.only(order), distance[order]


def _pairs(vocabulary: Vocabulary, there: Sequence[int], here: Sequence[str]) -> dict[str, str]:
    """Return which words there are which here, where they differ; the nearest to the cursor win."""
    pairs: dict[str, str] = {}
    for core, ours in zip(there, here, strict=False):
        theirs = vocabulary.words[core]
        if theirs[:1].isalnum() or theirs[:1] == "_":
            pairs.setdefault(theirs, ours)
    return {theirs: ours for theirs, ours in pairs.items() if theirs != ours}


def _adapted(
    vocabulary: Vocabulary, rest: Numbers, pairs: Mapping[str, str]
) -> tuple[str, int, int]:
    parts = _pairs_of_parts(pairs)
    pieces, changed, kept = [], 0, 0
    for surface in rest.tolist():
        written = vocabulary.surfaces[surface]
        name = written.lstrip(" \t")
        if not (name[:1].isalnum() or name[:1] == "_"):
            pieces.append(written)
            continue
        new = pairs.get(name) or _with_other_parts(name, parts)
        changed, kept = changed + (new != name), kept + (new == name)
        pieces.append(written[: len(written) - len(name)] + new)
    return "".join(pieces), changed, kept


def _pairs_of_parts(pairs: Mapping[str, str]) -> list[tuple[list[str], list[str]]]:
    """Return in what names differ: of `set_width` and `set_height`, `width` and `height`."""
    found = []
    for theirs, ours in pairs.items():
        one, other = list(_parts_of(theirs)), list(_parts_of(ours))
        while one and other and one[0] == other[0]:
            del one[0], other[0]
        while one and other and one[-1] == other[-1]:
            del one[-1], other[-1]
        if one and other and any(part != "_" for part in one):
            found.append(([part.lower() for part in one], other))
    return found


@lru_cache(maxsize=8192)
def _parts_of(name: str) -> tuple[str, ...]:
    return tuple(_PARTS.findall(name))


def _with_other_parts(name: str, pairs: Sequence[tuple[list[str], list[str]]]) -> str:
    """Return a name with the parts of another, in the case of the ones that they replace."""
    if not pairs:
        return name
    parts = _parts_of(name)
    lowered = [part.lower() for part in parts]
    for theirs, ours in pairs:
        for start in range(len(parts) - len(theirs) + 1):
            if lowered[start : start + len(theirs)] == theirs:
                cased = _in_case_of(parts[start : start + len(theirs)], ours)
                return "".join([*parts[:start], *cased, *parts[start + len(theirs) :]])
    return name


def _in_case_of(model: Sequence[str], parts: Sequence[str]) -> list[str]:
    text = "".join(model)
    if text.isupper() and len(text) > 1:
        return [part.upper() for part in parts]
    first = parts[0][:1].upper() if text[:1].isupper() else parts[0][:1].lower()
    return [first + parts[0][1:], *parts[1:]]
