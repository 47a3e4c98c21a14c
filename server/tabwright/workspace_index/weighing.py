"""How probable a proposal is, from what speaks for it: a small logistic regression.

The weights are from `python tests/benchmarks/memory_fitting.py --spots 700`, fitted on packages
that no result is reported on; `memory_alone.py` prints how well they hold elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import mul
from typing import Final


@dataclass(frozen=True)
class Adapted:
    """What speaks for a proposal that is a line of the document with other names."""

    form_depth: int
    """How many tokens before the cursor agree there, any word with any other."""
    same: int
    """How many of those are the same."""
    paired: int
    """How many words before the cursor have another one in their place there."""
    changed: int
    """How many words of the proposal are not as they are there."""
    kept: int
    """How many are."""
    following: int
    """How many of the tokens after the line agree."""
    distance: int
    """How many tokens away it is."""
    votes: int
    """How many lines come to the same proposal."""
    share: float
    """The same as a share of all lines that were adapted."""
    lead: int
    """How much `form_depth` and `same` are together below the most of another line."""


@dataclass(frozen=True)
class Found:
    """What speaks for a proposal that other places have as it is."""

    depth: int
    """How many tokens before the cursor agree where it follows; a word that is being typed counts
    as one."""
    occurrences: int
    """How often it follows there, at that depth."""
    occurrences_anywhere: int
    """How often it follows at any depth that was looked at."""
    share: float
    """Its share of what follows at that depth or more, 0 to 1."""
    blended_share: float
    """The same over all depths, deeper ones counting more, and nearer places too."""
    next_share: float
    """The same for its first token."""
    rivals: int
    """How many other continuations there are at that depth."""
    following: int
    """How many of the tokens after the line agree, at the place where most do; at most 12."""
    is_same_file: bool
    """Whether the document at the cursor has it itself."""
    distance: int
    """How many tokens away it is in the document, -1 where it is not in it."""
    nearness: float
    """Of the nearest file that has it: 1 for the same folder, 0 for none in common."""
    goes_on: bool
    """Whether it makes the word before the cursor longer."""
    lead: float
    """Its blended share less the largest of another."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for one proposal, apart from what any model thinks of it."""

    found: Found | None
    """Set where other places have it as it is."""
    adapted: Adapted | None
    """Set where a line of the document with other names comes to it. One of both is always set."""
    is_original: bool
    """Whether it is how such a line goes on with its old names, where they would be changed."""
    line_tokens: int
    """How many tokens the cursor's line has before the cursor."""
    word_length: int
    """How much of a word stands right before the cursor."""
    token_count: int
    """How many tokens are proposed."""
    word_count: int
    """How many words are proposed."""
    known_words: float
    """The share of its words that the document has, 0 to 1; 1 where it has no words."""
    brackets_left: int
    """How many brackets the line would leave open, one at its very end apart."""
    is_cut_string: bool
    """Whether the line would have an odd number of some quotation mark."""
    repeats_neighbour: bool
    """Whether the line would be the same as the one before or after it."""

    @property
    def matched_tokens(self) -> int:
        """How many tokens before the cursor agree where it follows as it is; 0 if nowhere."""
        return self.found.depth if self.found else 0


FOUND_FEATURES: Final = (
    "one",
    "log depth",
    "deep",
    "covers the line",
    "at the line's beginning",
    "log occurrences",
    "log occurrences anywhere",
    "share",
    "log blended share",
    "blended share",
    "next share",
    "log rivals",
    "following",
    "log following",
    "brackets left",
    "cut string",
    "repeats neighbour",
    "only signs",
    "same file",
    "log distance",
    "nearness",
    "log tokens",
    "known words",
    "word length",
    "goes on",
    "lead",
    "adapted too",
    "adapted share",
    "adapted with changes",
    "original of an adapted one",
)

FOUND_WEIGHTS: Final = (
    -2.640,  # one
    0.125,  # log depth
    1.227,  # deep
    -0.187,  # covers the line
    -0.154,  # at the line's beginning
    0.403,  # log occurrences
    0.333,  # log occurrences anywhere
    0.715,  # share
    0.235,  # log blended share
    0.107,  # blended share
    0.309,  # next share
    -0.341,  # log rivals
    1.078,  # following
    0.335,  # log following
    -0.403,  # brackets left
    -0.601,  # cut string
    -1.468,  # repeats neighbour
    -0.284,  # only signs
    -0.934,  # same file
    -0.530,  # log distance
    0.349,  # nearness
    -0.841,  # log tokens
    0.496,  # known words
    0.463,  # word length
    0.573,  # goes on
    -0.142,  # lead
    0.557,  # adapted too
    2.018,  # adapted share
    2.762,  # adapted with changes
    0.0,
)


ADAPTED_FEATURES: Final = (
    "one",
    "log form depth",
    "same share",
    "log same",
    "covers more than the line",
    "log paired",
    "has changes",
    "log changed",
    "log kept",
    "following",
    "log following",
    "log distance",
    "log votes",
    "share",
    "lead",
    "at the line's beginning",
    "log line tokens",
    "brackets left",
    "cut string",
    "repeats neighbour",
    "only signs",
    "log tokens",
    "known words",
    "word length",
)

ADAPTED_WEIGHTS: Final = (
    -4.274,  # one
    -0.492,  # log form depth
    0.152,  # same share
    1.808,  # log same
    -0.728,  # covers more than the line
    -0.895,  # log paired
    2.341,  # has changes
    -0.033,  # log changed
    -0.213,  # log kept
    -0.496,  # following
    0.300,  # log following
    -2.592,  # log distance
    0.093,  # log votes
    2.758,  # share
    0.328,  # lead
    -0.091,  # at the line's beginning
    -0.257,  # log line tokens
    -0.358,  # brackets left
    0.296,  # cut string
    -0.582,  # repeats neighbour
    0.202,  # only signs
    -0.897,  # log tokens
    -0.369,  # known words
    0.604,  # word length
)


def found_features(evidence: Evidence, found: Found) -> tuple[float, ...]:
    """Return the numbers that are weighed where other places have a proposal as it is, in the order
    of FOUND_FEATURES."""
    adapted = evidence.adapted
    blended = min(0.999, max(1e-4, found.blended_share))
    return (
        1.0,
        math.log(found.depth),
        max(0, found.depth - 12) / 20,
        float(found.depth > evidence.line_tokens),
        float(evidence.line_tokens == 0),
        math.log(found.occurrences),
        math.log(found.occurrences_anywhere),
        found.share,
        math.log(blended / (1 - blended)),
        blended,
        found.next_share,
        math.log1p(found.rivals),
        found.following / 12,
        math.log1p(found.following),
        float(min(2, evidence.brackets_left)),
        float(evidence.is_cut_string),
        float(evidence.repeats_neighbour),
        float(evidence.word_count == 0),
        float(found.is_same_file),
        math.log1p(max(0, found.distance)) / 10 if found.is_same_file else 1.0,
        found.nearness,
        math.log(evidence.token_count),
        evidence.known_words,
        min(8, evidence.word_length) / 8,
        float(found.goes_on),
        found.lead,
        float(adapted is not None),
        adapted.share if adapted else 0.0,
        float(adapted is not None and adapted.changed > 0),
        float(evidence.is_original),
    )


def adapted_features(evidence: Evidence, adapted: Adapted) -> tuple[float, ...]:
    """Return the numbers that are weighed where there is only an adapted line, in the order of
    ADAPTED_FEATURES."""
    return (
        1.0,
        math.log(adapted.form_depth),
        adapted.same / adapted.form_depth,
        math.log1p(adapted.same),
        float(adapted.form_depth > evidence.line_tokens + 1),
        math.log1p(adapted.paired),
        float(adapted.changed > 0),
        math.log1p(adapted.changed),
        math.log1p(adapted.kept),
        adapted.following / 12,
        math.log1p(adapted.following),
        math.log1p(adapted.distance) / 10,
        math.log(adapted.votes),
        adapted.share,
        adapted.lead / 10,
        float(evidence.line_tokens == 0),
        math.log1p(evidence.line_tokens),
        float(min(2, evidence.brackets_left)),
        float(evidence.is_cut_string),
        float(evidence.repeats_neighbour),
        float(evidence.word_count == 0),
        math.log(evidence.token_count),
        evidence.known_words,
        min(8, evidence.word_length) / 8,
    )


def probability(evidence: Evidence) -> float:
    """Return how probable it is that a line goes on exactly so, 0 to 1."""
    numbers: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    if evidence.found:
        numbers, weights = found_features(evidence, evidence.found), FOUND_WEIGHTS
    elif evidence.adapted:
        numbers, weights = adapted_features(evidence, evidence.adapted), ADAPTED_WEIGHTS
    score = sum(map(mul, numbers, weights))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
