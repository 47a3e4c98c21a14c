"""From what the workspace's memory proposes to guesses that are mixed with the model.

The memory says how probable each proposal is from what it knows: how long the context is that it
followed elsewhere, how often, how near. It does not know the model, and what it says is right less
often where the model disagrees; `model/mixture.py` mixes the two. How much weight a proposal begins
with there, beside the model's 1, follows from its probability: the odds, raised to a power, times a
factor.

Besides whole lines there are names that go on with the word at the cursor. How much weight one has
follows from its share among all that would fit, from whether it is the only one, from how much of
the word stands there already, and from whether that is a name itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.model.messages import Guess
from tabwright.workspace_index.proposing import Proposal


@dataclass(frozen=True)
class Trust:
    """How far each kind of proposal is trusted beside the model, all as natural logarithms."""

    line_scale: float
    """What the log-odds of a whole line count for."""
    line_shift: float
    """Of any whole line."""
    name_scale: float
    """What the logarithm of a name's share counts for."""
    name_shift: float
    """Of any name."""
    only_name: float
    """Of a name without a rival."""
    name_typed: float
    """Of what is typed of a name, for LONGEST_TYPED characters or more."""
    known: float
    """Of a name where the word that is typed is one already."""
    known_typed: float
    """The same as `name_typed`, there."""


# python tests/benchmarks/fit_guesses.py
TRUST = Trust(
    line_scale=0.28,
    line_shift=2.28,
    name_scale=0.86,
    name_shift=1.8,
    only_name=0.68,
    name_typed=0.51,
    known=-0.5,
    known_typed=-0.9,
)

FAMILIAR_CHARACTERS = 20_000
"""So much code says as much as any more does."""
LEAST_WEIGHT = 0.005
LONGEST_TYPED = 8
_MOST_GUESSES = 12
_SURE = 1e-6


def guesses_from(
    proposals: Sequence[Proposal],
    names: Sequence[tuple[str, float]] = (),
    *,
    typed: int = 0,
    is_name: bool = False,
    familiarity: float = 1.0,
    trust: Trust = TRUST,
) -> tuple[Guess, ...]:
    """Return the guesses that some proposals amount to, the weightiest first.

    `names` are the rests of names that the word at the cursor may become, with their shares,
    `typed` is how many characters of it are there, and `is_name` whether it is a name already.
    All weights are multiplied with `familiarity`, see `familiarity_of`.
    """
    guesses = [
        Guess(each.text, familiarity * line_weight(each.probability, trust)) for each in proposals
    ]
    of_any = familiarity * math.exp(name_bias(trust, typed, count=len(names), is_name=is_name))
    guesses += [
        Guess(text, of_any * share**trust.name_scale, is_line=False) for text, share in names
    ]
    likely = [guess for guess in guesses if guess.weight >= LEAST_WEIGHT]
    return tuple(sorted(likely, key=lambda guess: -guess.weight)[:_MOST_GUESSES])


def familiarity_of(characters: int) -> float:
    """Return how far proposals count that come from so much code, 0 to 1.

    In a few lines nearly every name is the only one that begins as it does, and any line is like
    another; the figures above are fitted where there is a package to compare with.
    """
    return min(1.0, math.sqrt(max(0, characters) / FAMILIAR_CHARACTERS))


def name_bias(trust: Trust, typed: int, *, count: int, is_name: bool) -> float:
    """Return the logarithm of what all of `count` names weigh before their shares are looked at."""
    share = min(typed, LONGEST_TYPED) / LONGEST_TYPED
    bias = trust.name_shift + trust.name_typed * share
    if count == 1:
        bias += trust.only_name
    if is_name:
        bias += trust.known + trust.known_typed * share
    return bias


def name_shares(names: Sequence[tuple[str, float]], prefix: str) -> tuple[tuple[str, float], ...]:
    """Return the rests of some names behind a prefix, with the share of each in their weights."""
    total = sum(weight for _, weight in names)
    return tuple((name[len(prefix) :], weight / total) for name, weight in names if total > 0)


def line_weight(probability: float, trust: Trust = TRUST) -> float:
    """Return the weight of a whole line that is so probable by the memory alone."""
    return math.exp(trust.line_scale * log_odds(probability) + trust.line_shift)


def log_odds(probability: float) -> float:
    """Return the logarithm of a probability's odds, which are kept from being infinite."""
    bounded = min(max(probability, _SURE), 1 - _SURE)
    return math.log(bounded / (1 - bounded))
