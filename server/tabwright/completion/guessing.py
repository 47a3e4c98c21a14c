"""From what the workspace's memory proposes to guesses that are mixed with the model.

The memory says how probable each proposal is from what it knows: how long the context is that it
followed elsewhere, how often, how near. It does not know the model, and what it says is right less
often where the model disagrees; `model/mixture.py` mixes the two. How much weight a proposal begins
with there, beside the model's 1, follows from its probability: the odds, raised to a power, times a
factor.

Besides whole lines there are names. How much weight one has follows from how probable the memory
finds it among all names, from how much of it stands there already, and from whether that is a name
itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tabwright.model.messages import Guess
from tabwright.workspace_index.naming import Name
from tabwright.workspace_index.proposing import Proposal


@dataclass(frozen=True)
class Trust:
    """How far each kind of proposal is trusted beside the model, all as natural logarithms."""

    line_scale: float
    """What the log-odds of a whole line count for."""
    line_shift: float
    """Of any whole line."""
    name_scale: float
    """What the log-odds of a name count for."""
    name_shift: float
    """Of any name."""
    name_unbegun: float
    """Of a name where nothing of it is typed."""
    name_typed: float
    """Of what is typed of a name, for LONGEST_TYPED characters or more."""
    known: float
    """Of a name where the word that is typed is one already."""
    known_typed: float
    """The same as `name_typed`, there."""


# python tests/benchmarks/fit_guesses.py
TRUST = Trust(
    line_scale=0.28,
    line_shift=2.19,
    name_scale=0.27,
    name_shift=1.37,
    name_unbegun=-0.45,
    name_typed=0.39,
    known=-0.25,
    known_typed=-0.75,
)

FAMILIAR_CHARACTERS = 20_000
"""So much code says as much as any more does."""
LEAST_WEIGHT = 0.005
LONGEST_TYPED = 8
_MOST_GUESSES = 12
_SURE = 1e-6
_SUREST_NAME = 0.99


def guesses_from(
    proposals: Sequence[Proposal],
    names: Sequence[Name] = (),
    *,
    typed: int = 0,
    is_name: bool = False,
    familiarity: float = 1.0,
    trust: Trust = TRUST,
) -> tuple[Guess, ...]:
    """Return the guesses that some proposals amount to, the weightiest first.

    `names` are those that may come next, `typed` is how many characters of them are there, and
    `is_name` whether these are a name already.
    All weights are multiplied with `familiarity`, see `familiarity_of`.
    """
    guesses = [
        Guess(each.text, familiarity * line_weight(each.probability, trust)) for each in proposals
    ]
    bias = name_bias(trust, typed, is_name=is_name)
    guesses += [
        Guess(
            each.text,
            familiarity * math.exp(trust.name_scale * name_odds(each.share) + bias),
            is_line=False,
        )
        for each in names
    ]
    likely = [guess for guess in guesses if guess.weight >= LEAST_WEIGHT]
    return tuple(sorted(likely, key=lambda guess: -guess.weight)[:_MOST_GUESSES])


def familiarity_of(characters: int) -> float:
    """Return how far proposals count that come from so much code, 0 to 1.

    In a few lines nearly every name is the only one that begins as it does, and any line is like
    another; the figures above are fitted where there is a package to compare with.
    """
    return min(1.0, math.sqrt(max(0, characters) / FAMILIAR_CHARACTERS))


def name_bias(trust: Trust, typed: int, *, is_name: bool) -> float:
    """Return the logarithm of what any name weighs before its odds are looked at."""
    share = min(typed, LONGEST_TYPED) / LONGEST_TYPED
    bias = trust.name_shift + trust.name_typed * share
    if not typed:
        bias += trust.name_unbegun
    if is_name:
        bias += trust.known + trust.known_typed * share
    return bias


def name_odds(share: float) -> float:
    """Return the log-odds of a name by its share, which is never quite sure."""
    return log_odds(min(share, _SUREST_NAME))


def line_weight(probability: float, trust: Trust = TRUST) -> float:
    """Return the weight of a whole line that is so probable by the memory alone."""
    return math.exp(trust.line_scale * log_odds(probability) + trust.line_shift)


def log_odds(probability: float) -> float:
    """Return the logarithm of a probability's odds, which are kept from being infinite."""
    bounded = min(max(probability, _SURE), 1 - _SURE)
    return math.log(bounded / (1 - bounded))
