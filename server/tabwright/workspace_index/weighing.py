"""How probable a proposal is, from what speaks for it: a small logistic regression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Evidence:
    """What speaks for one proposal, apart from what any model thinks of it."""

    depth: int
    """How many tokens before the cursor agree where it follows; a word that is being typed counts
    as one."""
    line_tokens: int
    """How many tokens the cursor's line has before the cursor."""
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
    brackets_left: int
    """How many brackets the line would leave open, one at its very end apart."""
    is_cut_string: bool
    """Whether the line would have an odd number of some quotation mark."""
    repeats_neighbour: bool
    """Whether the line would be the same as the one before or after it."""
    is_same_file: bool
    """Whether the document at the cursor has it itself."""
    distance: int
    """How many tokens away it is in the document, -1 where it is not in it."""
    nearness: float
    """Of the nearest file that has it: 1 for the same folder, 0 for none in common."""
    token_count: int
    """How many tokens are proposed."""
    word_count: int
    """How many words are proposed."""
    known_words: float
    """The share of its words that the document has, 0 to 1; 1 where it has no words."""
    word_length: int
    """How much of a word stands right before the cursor."""
    goes_on: bool
    """Whether the proposal makes that word longer."""
    lead: float
    """Its blended share less the largest of another proposal."""


FEATURES: Final = (
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
)

WEIGHTS: Final = (-1.0, 0.3, *[0.0] * 6, 1.0, *[0.0] * 17)


def features(evidence: Evidence) -> tuple[float, ...]:
    """Return the numbers that the regression weighs, in the order of FEATURES."""
    blended = min(0.999, max(1e-4, evidence.blended_share))
    return (
        1.0,
        math.log(evidence.depth),
        max(0, evidence.depth - 12) / 20,
        float(evidence.depth > evidence.line_tokens),
        float(evidence.line_tokens == 0),
        math.log(evidence.occurrences),
        math.log(evidence.occurrences_anywhere),
        evidence.share,
        math.log(blended / (1 - blended)),
        blended,
        evidence.next_share,
        math.log1p(evidence.rivals),
        evidence.following / 12,
        math.log1p(evidence.following),
        float(min(2, evidence.brackets_left)),
        float(evidence.is_cut_string),
        float(evidence.repeats_neighbour),
        float(evidence.word_count == 0),
        float(evidence.is_same_file),
        math.log1p(max(0, evidence.distance)) / 10 if evidence.is_same_file else 1.0,
        evidence.nearness,
        math.log(evidence.token_count),
        evidence.known_words,
        min(8, evidence.word_length) / 8,
        float(evidence.goes_on),
        evidence.lead,
    )


def probability(evidence: Evidence) -> float:
    """Return how probable it is that a line goes on exactly so, 0 to 1."""
    score = sum(map(float.__mul__, features(evidence), WEIGHTS))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
