"""From what the workspace's memory proposes to guesses that are mixed with the model.

The memory says how probable each proposal is from what it knows: how long the context is that it
followed elsewhere, how often, how near. It does not know the model. What it says is put on the
scale on which both together predict held-out code best: the logarithm of the odds, times a scale,
plus a shift (Platt, Probabilistic Outputs for Support Vector Machines, 1999).

Besides whole lines there are names that go on with the word at the cursor. The beginnings on which
most like places agree were tried as guesses too, and added nothing to what whole lines and names
say together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.model.messages import Guess
from tabwright.workspace_index.proposing import Proposal


@dataclass(frozen=True)
class Trust:
    """How far each kind of proposal is trusted beside the model."""

    line_scale: float
    line_shift: float
    """Of the log-odds of whole lines."""
    name: float
    """The probability that a word that is begun becomes one of the names that are known."""
    longer_name: float
    """The same of a word that is a known name already."""


# python tests/benchmarks/fit_guesses.py --items 12
TRUST = Trust(line_scale=1.0, line_shift=-0.25, name=0.225, longer_name=0.05)

LEAST_PROBABILITY = 0.005
_MOST_GUESSES = 12
_SURE = 1e-6


def guesses_from(
    proposals: Sequence[Proposal],
    names: Sequence[tuple[str, float]] = (),
    *,
    is_name: bool = False,
    trust: Trust = TRUST,
) -> tuple[Guess, ...]:
    """Return the guesses that some proposals amount to, the likeliest first.

    `names` are the rests of names that the word at the cursor may become, with their shares, and
    `is_name` tells whether that word is one already.
    """
    guesses = [
        Guess(each.text, on_the_models_scale(each.probability, trust.line_scale, trust.line_shift))
        for each in proposals
    ]
    weight = trust.longer_name if is_name else trust.name
    guesses += [Guess(text, weight * share, is_line=False) for text, share in names]
    likely = [guess for guess in guesses if guess.probability >= LEAST_PROBABILITY]
    return tuple(sorted(likely, key=lambda guess: -guess.probability)[:_MOST_GUESSES])


def name_shares(names: Sequence[tuple[str, float]], prefix: str) -> tuple[tuple[str, float], ...]:
    """Return the rests of some names behind a prefix, with the share of each in their weights."""
    total = sum(weight for _, weight in names)
    return tuple((name[len(prefix) :], weight / total) for name, weight in names if total > 0)


def on_the_models_scale(probability: float, scale: float, shift: float) -> float:
    """Return a probability with its odds scaled and shifted."""
    bounded = min(max(probability, _SURE), 1 - _SURE)
    odds = math.log(bounded / (1 - bounded))
    return 1 / (1 + math.exp(-(scale * odds + shift)))
