"""How proposals of the memory become guesses for the model."""

from __future__ import annotations

import math

import pytest

from tabwright.completion.guessing import (
    FAMILIAR_CHARACTERS,
    LEAST_WEIGHT,
    Trust,
    familiarity_of,
    guesses_from,
    line_weight,
)
from tabwright.model.messages import Guess
from tabwright.workspace_index.line_memory import LineMemory
from tabwright.workspace_index.naming import Name

PLAIN = Trust(
    line_scale=1.0,
    line_shift=0.0,
    name_scale=1.0,
    name_shift=0.0,
    name_unbegun=math.log(3),
    name_typed=math.log(2),
    known=math.log(0.5),
    known_typed=math.log(0.25),
)
TWO = (Name("idth", 0.5), Name("eight", 0.5))
"""As probable as not: of odds 1."""
CODE = "def area(self):\n    return self.width * self.height\n\n\n"


def test_proposals_are_guesses_of_whole_lines_the_likeliest_first() -> None:
    memory = LineMemory()
    memory.learn("shapes.py", CODE * 3)
    text = "def area(self):\n    return self.w"
    proposals = memory.proposals("other.py", text, len(text))
    guesses = guesses_from(proposals, trust=PLAIN)
    assert guesses[0].text == "idth * self.height"
    assert guesses[0].is_line
    first = proposals[0].probability
    assert guesses[0].weight == pytest.approx(first / (1 - first))
    shares = [each.weight for each in guesses]
    assert shares == sorted(shares, reverse=True)


def test_names_are_guesses_of_beginnings() -> None:
    one, other = guesses_from((), TWO, typed=8, trust=PLAIN)
    assert (one, other) == (Guess("idth", 2.0, is_line=False), Guess("eight", 2.0, is_line=False))


@pytest.mark.parametrize(("share", "odds"), [(0.2, 0.25), (0.5, 1.0), (0.9, 9.0), (1.0, 99.0)])
def test_a_name_weighs_what_its_odds_are_and_is_never_quite_sure(share: float, odds: float) -> None:
    (guess,) = guesses_from((), (Name("idth", share),), typed=8, trust=PLAIN)
    assert guess.weight == pytest.approx(2 * odds)


def test_a_name_of_which_nothing_is_typed_has_a_trust_of_its_own() -> None:
    assert guesses_from((), TWO, trust=PLAIN)[0].weight == pytest.approx(3)


@pytest.mark.parametrize(("typed", "weight"), [(4, 2**0.5), (8, 2.0), (20, 2.0)])
def test_a_name_weighs_more_the_more_of_it_is_typed(typed: int, weight: float) -> None:
    assert guesses_from((), TWO, typed=typed, trust=PLAIN)[0].weight == pytest.approx(weight)


def test_a_word_that_is_a_name_seldom_becomes_another() -> None:
    short = guesses_from((), TWO, is_name=True, typed=4, trust=PLAIN)[0]
    long = guesses_from((), TWO, is_name=True, typed=8, trust=PLAIN)[0]
    assert short.weight == pytest.approx(2**0.5 * 0.5 * 0.25**0.5)
    assert long.weight == pytest.approx(2 * 0.5 * 0.25)


def test_little_code_counts_less() -> None:
    shares = [familiarity_of(characters) for characters in (0, 60, 5_000, 20_000, 10_000_000)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert familiarity_of(FAMILIAR_CHARACTERS // 4) == 0.5
    full = guesses_from((), TWO, trust=PLAIN)[0]
    half = guesses_from((), TWO, familiarity=0.5, trust=PLAIN)[0]
    assert half.weight == pytest.approx(full.weight / 2)


def test_what_is_hardly_likely_is_left_out() -> None:
    names = (Name("idth", LEAST_WEIGHT / 10), Name("eight", LEAST_WEIGHT * 4))
    assert [each.text for each in guesses_from((), names, trust=PLAIN)] == ["eight"]


@pytest.mark.parametrize("probability", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_the_odds_of_a_line_are_its_weight(probability: float) -> None:
    weight = line_weight(probability, PLAIN)
    assert weight / (1 + weight) == pytest.approx(probability, abs=1e-5)
