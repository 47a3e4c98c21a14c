"""How proposals of the memory become guesses for the model."""

from __future__ import annotations

import pytest

from tabwright.completion.guessing import (
    LEAST_WEIGHT,
    Trust,
    guesses_from,
    name_shares,
    weight_of,
)
from tabwright.model.messages import Guess
from tabwright.workspace_index.line_memory import LineMemory

PLAIN = Trust(line_scale=1.0, line_shift=0.0, name=0.5, longer_name=0.1)
CODE = "def area(self):\n    return self.width * self.height\n\n\n"


def test_proposals_are_guesses_of_whole_lines_the_likeliest_first() -> None:
    memory = LineMemory()
    memory.learn("shapes.py", CODE * 3)
    text = "def area(self):\n    return self.w"
    proposals = memory.proposals("other.py", text, len(text))
    guesses = guesses_from(proposals, trust=PLAIN)
    assert guesses[0].text == "idth * self.height"
    assert guesses[0].is_line
    assert guesses[0].weight == pytest.approx(proposals[0].probability)
    shares = [each.weight for each in guesses]
    assert shares == sorted(shares, reverse=True)


def test_names_are_guesses_of_beginnings() -> None:
    names = (("idth", 0.5),)
    assert guesses_from((), names, trust=PLAIN) == (Guess("idth", 0.25, is_line=False),)


def test_a_word_that_is_a_name_seldom_becomes_another() -> None:
    names = (("s", 1.0),)
    (guess,) = guesses_from((), names, is_name=True, trust=PLAIN)
    assert guess.weight == pytest.approx(PLAIN.longer_name)


def test_what_is_hardly_likely_is_left_out() -> None:
    names = (("idth", LEAST_WEIGHT / 2), ("eight", LEAST_WEIGHT * 4))
    assert [each.text for each in guesses_from((), names, trust=PLAIN)] == ["eight"]


@pytest.mark.parametrize(
    ("names", "shares"),
    [
        ((), ()),
        ((("width", 1.5), ("weight", 0.5)), (("idth", 0.75), ("eight", 0.25))),
    ],
)
def test_each_name_has_its_share_of_the_weights(
    names: tuple[tuple[str, float], ...], shares: tuple[tuple[str, float], ...]
) -> None:
    assert name_shares(names, "w") == shares


@pytest.mark.parametrize("probability", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_odds_are_scaled_and_shifted(probability: float) -> None:
    assert weight_of(probability, 1.0, 0.0) == pytest.approx(probability, abs=1e-5)
    assert weight_of(probability, 1.0, -1.0) < probability + 1e-6
    assert 0 < weight_of(probability, 1.6, -2.0) < 1
