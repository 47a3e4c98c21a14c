"""From what the workspace's memory proposes to guesses that are mixed with the model.

The memory says how probable each proposal is from what it knows: how long the context is that it
followed elsewhere, how often, how near. It does not know the model. What it says is put on the
scale on which both together predict held-out code best: the logarithm of the odds, times `SCALE`,
plus `SHIFT` (Platt, Probabilistic Outputs for Support Vector Machines, 1999).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tabwright.model.messages import Guess
from tabwright.workspace_index.proposing import Proposal

SCALE, SHIFT = 1.0, 0.0
_LEAST_PROBABILITY = 0.005
_MOST_GUESSES = 8
_SURE = 1e-6


def guesses_from(
    proposals: Sequence[Proposal], *, scale: float = SCALE, shift: float = SHIFT
) -> tuple[Guess, ...]:
    """Return the guesses that some proposals amount to, the likeliest first."""
    guesses = [
        Guess(each.text, on_the_models_scale(each.probability, scale, shift)) for each in proposals
    ]
    likely = [guess for guess in guesses if guess.probability >= _LEAST_PROBABILITY]
    return tuple(sorted(likely, key=lambda guess: -guess.probability)[:_MOST_GUESSES])


def on_the_models_scale(probability: float, scale: float, shift: float) -> float:
    """Return a probability with its odds scaled and shifted."""
    bounded = min(max(probability, _SURE), 1 - _SURE)
    odds = math.log(bounded / (1 - bounded))
    return 1 / (1 + math.exp(-(scale * odds + shift)))
