"""Which name comes next at the cursor: those that stand in like places, weighed by what speaks for
each.

The names are those of the document and of the workspace that go on with the word at the cursor, and
those that follow elsewhere behind the tokens that are before it. How probable each is, given that
one of them is right, is a conditional logit (McFadden, 1974) of a few numbers: how many tokens
before it agree where it follows, there and in the document itself, how often, how near, and its
share by interpolated n-grams. The weights are from `python tests/benchmarks/fit_names.py`, fitted
on packages that no result is reported on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.known_names import KnownNames, NamesInText
from tabwright.workspace_index.lexing import BORDER, Vocabulary
from tabwright.workspace_index.like_places import (
    CursorContext,
    Source,
    blended_shares,
    nearness_of,
    place_weights,
)
from tabwright.workspace_index.token_matches import DEEPEST, Places

Floats = NDArray[np.float64]

_MOST_OF_WORKSPACE: Final = 32
"""Names that are looked at only because the workspace has them, the commonest ones."""
_FAR: Final = 100_000
"""Tokens: how far away is what the document does not have."""
_LEAST_SHARE: Final = 0.001

FEATURES: Final = (
    "log share",
    "log deepest",
    "log deepest here",
    "follows here",
    "log distance where it follows",
    "log occurrences",
    "log occurrences at depth 2",
    "log count here",
    "log distance",
    "log share of files",
)

BEGUN_WEIGHTS: Final = (0.09, 1.09, -0.91, -0.12, 0.0, 0.43, 0.4, 0.17, -0.4, -0.1)
"""Where a part of the name is typed."""
UNBEGUN_WEIGHTS: Final = (0.05, 2.92, -0.63, -0.59, -0.2, 0.22, 0.34, 0.04, -0.39, -0.12)
"""Where nothing of it is."""


@dataclass(frozen=True)
class Name:
    """A name that may come next."""

    text: str
    """What of it follows the cursor, never empty; with a blank before it where one is missing."""
    share: float
    """How probable it is, as far as one of the names is right, 0 to 1."""


@dataclass(frozen=True)
class Candidates:
    """Names that may come next, with what speaks for each."""

    cores: Places
    """Their numbers in the vocabulary, in rising order."""
    surfaces: Places
    """How each is written where it follows at the deepest place; 0 where it follows nowhere."""
    features: Floats
    """Candidates x FEATURES."""
    name_share: float
    """How often a name follows at all at like places, 0 to 1; 1 where a part of it is typed."""

    def __len__(self) -> int:
        return len(self.cores)


@dataclass(frozen=True)
class _Following:
    """What follows at like places, place by place."""

    cores: Places
    surfaces: Places
    depths: Places
    weights: Floats
    distances: Places
    """In the document at the cursor; elsewhere -1."""

    def only(self, wanted: NDArray[np.bool_]) -> _Following:
        return _Following(
            self.cores[wanted],
            self.surfaces[wanted],
            self.depths[wanted],
            self.weights[wanted],
            self.distances[wanted],
        )


def likely_names(
    vocabulary: Vocabulary, found: Candidates, cursor: CursorContext, limit: int
) -> tuple[Name, ...]:
    """Return the most probable of some candidates, the best first."""
    if not len(found):
        return ()
    shares = found.name_share * shares_of(found.features, is_begun=bool(cursor.word))
    has_blank = cursor.line_prefix[-1:] in {"", " ", "\t"}
    names = []
    for number in np.lexsort((found.cores, -shares))[:limit].tolist():
        word = vocabulary.words[int(found.cores[number])]
        if cursor.word:
            text = word[len(cursor.word) :]
        else:
            written = vocabulary.surfaces[int(found.surfaces[number])]
            text = word if has_blank else written
        names.append(Name(text, float(shares[number])))
    return tuple(names)


def shares_of(features: Floats, *, is_begun: bool) -> Floats:
    """Return how probable each candidate is, given that one of them is right."""
    scores = features @ np.array(BEGUN_WEIGHTS if is_begun else UNBEGUN_WEIGHTS)
    odds = np.exp(scores - scores.max())
    shares: Floats = odds / odds.sum()
    return shares


def candidates(
    vocabulary: Vocabulary,
    sources: Sequence[Source],
    cursor: CursorContext,
    here: NamesInText,
    known: KnownNames,
    file_count: int,
) -> Candidates:
    """Return the names that may come next.

    Args:
        here: the names of the document.
        known: those of the workspace, which has `file_count` files.
    """
    prefix = cursor.word
    if prefix[:1].isdigit():
        return _none()
    context = tuple(cursor.context[bool(prefix) : DEEPEST])
    following = sources[0].remembered(
        ("following", *context), lambda: _following(sources, context, cursor.path)
    )
    name_share = 1.0
    if prefix:
        longer = known.beginning_with(prefix)
        fits = np.zeros(len(vocabulary.words), np.bool_)
        fits[longer] = True
        counts, _ = here.of_cores(longer)
        besides = np.concatenate([longer[counts > 0], known.commonest(longer, _MOST_OF_WORKSPACE)])
    else:
        fits, besides = known.are_names(), np.zeros(0, np.int64)
    is_fitting = fits[following.cores]
    if not prefix:
        if not is_fitting.any():
            return _none()
        name_share = float(
            blended_shares(following.depths, is_fitting.astype(np.intp), following.weights, 2)[1]
        )
    following = following.only(is_fitting)
    cores = np.unique(np.concatenate([following.cores, besides]))
    if not len(cores):
        return _none()
    features, surfaces = _features(following, cores, here, known, file_count)
    return Candidates(cores, surfaces, features, name_share)


def _none() -> Candidates:
    nothing = np.zeros(0, np.int64)
    return Candidates(nothing, nothing, np.zeros((0, len(FEATURES))), 1.0)


def _following(sources: Sequence[Source], context: tuple[int, ...], path: str) -> _Following:
    """Return what follows elsewhere behind what stands before the word at the cursor."""
    parts = []
    for source in sources:
        found = source.found(context)
        places, depths = found.places, found.depths
        shallowest = int(depths.min()) if len(depths) else DEEPEST
        if shallowest > 1:
            more = source.find_any(context[:shallowest])
            places = np.concatenate([places, more.places])
            depths = np.concatenate([depths, more.depths])
        wanted = source.tokens.cores[places] != BORDER
        if not source.is_current.all():
            wanted &= source.is_current[source.files_at(places)]
        places, depths = places[wanted], depths[wanted]
        is_here = source.cursor_place >= 0
        distances = np.abs(places - source.cursor_place) if is_here else np.full(len(places), -1)
        near = nearness_of(source, source.files_at(places), path)
        parts.append(
            _Following(
                source.tokens.cores[places].astype(np.int64),
                source.tokens.surfaces[places].astype(np.int64),
                depths,
                place_weights(distances, near),
                distances,
            )
        )
    return _Following(
        np.concatenate([part.cores for part in parts]),
        np.concatenate([part.surfaces for part in parts]),
        np.concatenate([part.depths for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.distances for part in parts]),
    )


def _features(
    following: _Following, cores: Places, here: NamesInText, known: KnownNames, file_count: int
) -> tuple[Floats, Places]:
    """Return the numbers of FEATURES of each candidate, and how it is written where it follows."""
    count = len(cores)
    which = np.searchsorted(cores, following.cores)
    depths, weights = following.depths, following.weights
    is_here = following.distances >= 0
    is_deep = depths >= 2
    shares = (
        blended_shares(depths, which, weights, count)
        if len(depths)
        else np.full(count, 1 / (count + 1))
    )
    deepest, deepest_here = np.zeros(count), np.zeros(count)
    np.maximum.at(deepest, which, depths)
    np.maximum.at(deepest_here, which[is_here], depths[is_here])
    nearest = np.full(count, _FAR)
    np.minimum.at(nearest, which[is_here], following.distances[is_here])
    surfaces = np.zeros(count, np.int64)
    in_depth = np.argsort(depths, kind="stable")
    surfaces[which[in_depth]] = following.surfaces[in_depth]  # the last one, the deepest, stays
    counts, distances = here.of_cores(cores)
    features = (
        np.log(shares),
        np.log1p(deepest),
        np.log1p(deepest_here),
        deepest_here > 0,
        np.log1p(nearest),
        np.log1p(np.bincount(which, weights, minlength=count)),
        np.log1p(np.bincount(which[is_deep], weights[is_deep], minlength=count)),
        np.log1p(counts),
        np.log1p(np.where(distances < 0, _FAR, distances)),
        np.log(known.file_counts(cores) / (file_count + 1) + _LEAST_SHARE),
    )
    return np.stack([np.asarray(each, np.float64) for each in features], axis=1), surfaces
