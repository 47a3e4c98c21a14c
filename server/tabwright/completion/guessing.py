"""From what the workspace's memory proposes to guesses that are mixed with the model.

The memory says how probable each proposal is from what it knows: how long the context is that it
followed elsewhere, how often, how near. It does not know the model. What it says is put on the
scale on which both together predict held-out code best: the logarithm of the odds, times a scale,
plus a shift (Platt, Probabilistic Outputs for Support Vector Machines, 1999).

Besides whole lines there are two kinds of beginnings: what most like places agree on, and names
that go on with the word at the cursor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.model.messages import Guess
from tabwright.workspace_index.proposing import Proposal


@dataclass(frozen=True)
class Trust:
    """How far each kind of proposal is trusted beside the model; see `fit_guesses.py`."""

    line_scale: float = 1.0
    line_shift: float = 0.0
    part_scale: float = 1.0
    part_shift: float = -1.0
    name_scale: float = 1.0
    name_shift: float = -1.0


# python tests/benchmarks/fit_guesses.py --items 12
TRUST = Trust()

LEAST_PROBABILITY = 0.005
_MOST_GUESSES = 12
_MOST_PARTS = 3
_SURE = 1e-6


def guesses_from(
    proposals: Sequence[Proposal],
    names: Sequence[tuple[str, float]] = (),
    trust: Trust = TRUST,
) -> tuple[Guess, ...]:
    """Return the guesses that some proposals amount to, the likeliest first.

    `names` are the rests of names that the word at the cursor may become, with their shares.
    """
    guesses = [
        Guess(each.text, on_the_models_scale(each.probability, trust.line_scale, trust.line_shift))
        for each in proposals
    ]
    guesses += [
        Guess(text, on_the_models_scale(share, trust.part_scale, trust.part_shift), is_line=False)
        for text, share in parts_of(proposals)
    ]
    guesses += [
        Guess(text, on_the_models_scale(share, trust.name_scale, trust.name_shift), is_line=False)
        for text, share in names
    ]
    likely = [guess for guess in guesses if guess.probability >= LEAST_PROBABILITY]
    return tuple(sorted(likely, key=lambda guess: -guess.probability)[:_MOST_GUESSES])


def parts_of(proposals: Sequence[Proposal]) -> list[tuple[str, float]]:
    """Return the beginnings on which like places agree, with the share of those that do."""
    parts: dict[str, float] = {}
    for each in proposals:
        if each.agreed:
            parts.setdefault(each.agreed, each.agreed_share)
    return list(parts.items())[:_MOST_PARTS]


def name_shares(names: Sequence[tuple[str, float]], prefix: str) -> tuple[tuple[str, float], ...]:
    """Return the rests of some names behind a prefix, with the share of each in their weights."""
    total = sum(weight for _, weight in names)
    return tuple((name[len(prefix) :], weight / total) for name, weight in names if total > 0)


def on_the_models_scale(probability: float, scale: float, shift: float) -> float:
    """Return a probability with its odds scaled and shifted."""
    bounded = min(max(probability, _SURE), 1 - _SURE)
    odds = math.log(bounded / (1 - bounded))
    return 1 / (1 + math.exp(-(scale * odds + shift)))
