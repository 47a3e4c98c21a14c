"""From what the workspace's memory proposes to guesses that are mixed with the model.

The memory says how probable each proposal is from what it knows: how long the context is that it
followed elsewhere, how often, how near. It does not know the model, and what it says is right less
often where the model disagrees; `model/mixture.py` mixes the two. How much weight a proposal begins
with there follows from its probability: the logarithm of the odds, times a scale, plus a shift.

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
    """The weight of all names together that a word may become that is begun."""
    longer_name: float
    """The same for a word that is a known name already."""


# python tests/benchmarks/fit_guesses.py --items 12
TRUST = Trust(line_scale=0.6, line_shift=1.0, name=1.4, longer_name=0.65)

LEAST_WEIGHT = 0.005
_MOST_GUESSES = 12
_SURE = 1e-6


def guesses_from(
    proposals: Sequence[Proposal],
    names: Sequence[tuple[str, float]] = (),
    *,
    is_name: bool = False,
    trust: Trust = TRUST,
) -> tuple[Guess, ...]:
    """Return the guesses that some proposals amount to, the weightiest first.

    `names` are the rests of names that the word at the cursor may become, with their shares, and
    `is_name` tells whether that word is one already.
    """
    guesses = [
        Guess(each.text, weight_of(each.probability, trust.line_scale, trust.line_shift))
        for each in proposals
    ]
    weight = trust.longer_name if is_name else trust.name
    guesses += [Guess(text, weight * share, is_line=False) for text, share in names]
    likely = [guess for guess in guesses if guess.weight >= LEAST_WEIGHT]
    return tuple(sorted(likely, key=lambda guess: -guess.weight)[:_MOST_GUESSES])


def name_shares(names: Sequence[tuple[str, float]], prefix: str) -> tuple[tuple[str, float], ...]:
    """Return the rests of some names behind a prefix, with the share of each in their weights."""
    total = sum(weight for _, weight in names)
    return tuple((name[len(prefix) :], weight / total) for name, weight in names if total > 0)


def weight_of(probability: float, scale: float, shift: float) -> float:
    """Return the weight of a probability: its odds are scaled and shifted."""
    bounded = min(max(probability, _SURE), 1 - _SURE)
    odds = math.log(bounded / (1 - bounded))
    return 1 / (1 + math.exp(-(scale * odds + shift)))
