"""Full-text search: BM25 over the chunks of files, on words and parts of words.

Robertson, Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond (2009), with the
inverse document frequency that is never negative, as in Lucene. Only the rarest few words of a
question count: common ones cost most and tell least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabwright.workspace_index.postings import Places, Values
from tabwright.workspace_index.snapshot import BY_CHUNK
from tabwright.workspace_index.store import Store
from tabwright.workspace_index.terms import search_terms

K1 = 1.2
B = 0.75
MOST_TERMS = 16
"""So many terms of a question are looked at, the rarest ones."""
_MOST_READ = 48
_MOST_POSTINGS = 40_000
"""No more terms are taken when those taken have so many places together."""
_COMMON_SHARE = 0.25
"""A term in a larger share of the chunks tells nothing, unless there is no other, or ..."""
_COMMON_FROM = 100
"""... fewer chunks than that have it."""


@dataclass(frozen=True)
class Question:
    """The terms that are searched for, with what each is worth."""

    weights: Mapping[int, float]
    """Inverse document frequency by term."""
    average_length: float
    """Of a chunk, in words."""

    def score(self, counts: Mapping[int, int], length: int) -> float:
        """Return how well a text fits, from how often it has which terms."""
        norm = K1 * (1 - B + B * length / self.average_length)
        found = ((counts.get(term, 0), weight) for term, weight in self.weights.items())
        return sum(weight * count * (K1 + 1) / (count + norm) for count, weight in found if count)


@dataclass(frozen=True)
class FoundPlace:
    """A chunk that fits a question."""

    content: int
    chunk: int
    """Its number in the content."""
    score: float


def search(store: Store, words: Sequence[str], limit: int) -> tuple[Question, list[FoundPlace]]:
    """Return the best chunks of a store, best first, and what it was asked for."""
    snapshot = store.snapshot
    chunks = snapshot.live_chunk_count
    terms = search_terms(words)
    if not chunks or limit <= 0:
        return Question(dict.fromkeys(terms, 1.0), 100.0), []
    average = snapshot.average_chunk_length
    chosen, nowhere = _rarest(store, terms, chunks)
    weights = {term: _weight(len(places), chunks) for term, places, _ in chosen}
    weights |= dict.fromkeys(nowhere, _weight(0, chunks))
    scores = np.zeros(snapshot.next_chunk, np.float32)
    for term, places, counts in chosen:
        inside = places < len(scores)  # what was written since is newer than these figures
        at, times = places[inside], counts[inside].astype(np.float32)
        norm = K1 * (1 - B + B * snapshot.chunk_lengths[at].astype(np.float32) / average)
        scores[at] += np.float32(weights[term] * (K1 + 1)) * times / (times + norm)
    found = [
        FoundPlace(
            int(snapshot.chunk_contents[chunk]),
            int(chunk - snapshot.first_chunks[snapshot.chunk_contents[chunk]]),
            float(scores[chunk]),
        )
        for chunk in _best(scores, limit)
    ]
    return Question(weights, average), found


def _rarest(
    store: Store, terms: Sequence[int], chunks: int
) -> tuple[list[tuple[int, Places, Values]], list[int]]:
    """Return the terms to look at with where they are, rarest first; and those that are nowhere."""
    common = max(chunks * _COMMON_SHARE, _COMMON_FROM)
    # Many terms: the bound comes from memory, so that the commonest need not be read.
    asked = sorted(terms, key=lambda term: (store.count_at_most(BY_CHUNK, term), term))[:_MOST_READ]
    every = [
        (term, *found) for term, found in zip(asked, store.postings(BY_CHUNK, asked), strict=True)
    ]
    nowhere = [term for term, places, _ in every if not len(places)]
    found = [each for each in every if len(each[1])]
    found.sort(key=lambda each: (len(each[1]), each[0]))
    telling = [each for each in found if len(each[1]) <= common] or found[:1]
    chosen: list[tuple[int, Places, Values]] = []
    total = 0
    for each in telling[:MOST_TERMS]:
        total += len(each[1])
        if chosen and total > _MOST_POSTINGS:
            break
        chosen.append(each)
    return chosen, nowhere


def _weight(documents: int, all_documents: int) -> float:
    return float(np.log1p((all_documents - documents + 0.5) / (documents + 0.5)))


def _best(scores: npt.NDArray[np.float32], limit: int) -> list[int]:
    """Return the places of the largest scores above 0, the largest first, equal ones in order."""
    candidates = np.flatnonzero(scores)
    if len(candidates) > limit:
        threshold = np.partition(scores[candidates], -limit)[-limit]
        candidates = candidates[scores[candidates] >= threshold]
    order = np.lexsort((candidates, -scores[candidates]))
    return [int(each) for each in candidates[order][:limit]]
