"""The arithmetic that the figures are fitted with is the server's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fit_guesses import Case, Data, in_use, seen_by

from tabwright.completion.guessing import TRUST, line_weight, name_bias, name_odds
from tabwright.model.messages import Guess
from tabwright.model.mixture import Mixture
from tabwright.model.next_token import NextToken, Spellings

SIGNS = "abcde(\n"
ANSWERS = ("abc\n", "ab(\n")
MODEL = {"a": 0.2, "b": 0.05, "c": 0.5, "d": 0.1, "e": 0.04, "(": 0.1, "\n": 0.01}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("is_name", [True, False])
@pytest.mark.parametrize("names", [(("ab", 1.0),), (("ab", 0.7), ("de", 0.3))])
def test_the_likelihood_of_a_line_is_what_the_mixture_says(
    answer: str, is_name: bool, names: tuple[tuple[str, float], ...]
) -> None:
    lines = (("abc", 0.4), ("abd", 0.3), ("e", 0.999999))
    bias = name_bias(TRUST, 3, is_name=is_name)
    guesses = [Guess(text, line_weight(probability)) for text, probability in lines]
    guesses += [
        Guess(text, math.exp(bias + TRUST.name_scale * name_odds(share)), is_line=False)
        for text, share in names
    ]
    spelled = [(sign.encode(), token) for token, sign in enumerate(SIGNS)]
    logits = np.log([MODEL[sign] for sign in SIGNS]).astype(np.float32)
    view = NextToken(logits, Spellings(spelled, len(SIGNS)))

    def mixture_of(some: list[Guess]) -> Mixture:
        return Mixture(some, b"", lambda text: [*map(SIGNS.index, text)], lambda t: spelled[t][0])

    mixture, single = mixture_of(guesses), [mixture_of([each]) for each in guesses]
    expected, steps = [], []
    for sign in answer:
        token = SIGNS.index(sign)
        mixed = mixture.mixed(view, len(SIGNS))
        chosen = next(each for each in mixed if each.token == token)
        expected.append(chosen.log_probability)
        mixture.note(chosen)
        seen = tuple(seen_by(alone, view, token, lambda t: spelled[t][0]) for alone in single)
        steps.append((math.log(MODEL[sign]), seen))
    case = Case(
        language="",
        where="",
        typed=3,
        probabilities=tuple(probability for _, probability in lines),
        names=tuple(share for _, share in names),
        is_name=is_name,
        steps=tuple(steps),
    )
    assert Data([case]).log_likelihoods(in_use())[0].tolist() == pytest.approx(expected)
