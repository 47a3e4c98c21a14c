"""The arithmetic that the figures are fitted with is the server's own."""

from __future__ import annotations

import math

import pytest
from fit_guesses import Case, Data, in_use

from tabwright.completion.guessing import TRUST, line_weight, name_bias
from tabwright.model.messages import Guess
from tabwright.model.mixture import Mixture

SIGNS = "abcdef\n"
ANSWER = "abc\n"
MODEL = {"a": 0.2, "b": 0.05, "c": 0.6, "d": 0.1, "e": 0.04, "\n": 0.01}


@pytest.mark.parametrize("is_name", [True, False])
@pytest.mark.parametrize("names", [(("ab", 1.0),), (("ab", 0.7), ("de", 0.3))])
def test_the_likelihood_of_a_line_is_what_the_mixture_says(
    is_name: bool, names: tuple[tuple[str, float], ...]
) -> None:
    lines = (("abc", 0.4), ("abd", 0.3), ("e", 0.999999))
    bias = name_bias(TRUST, 3, count=len(names), is_name=is_name)
    guesses = [Guess(text, line_weight(probability)) for text, probability in lines]
    guesses += [
        Guess(text, math.exp(bias) * share**TRUST.name_scale, is_line=False)
        for text, share in names
    ]
    texts = [each.text + "\n" * each.is_line for each in guesses]
    known = {SIGNS.index(sign): math.log(share) for sign, share in MODEL.items()}
    mixture = Mixture(
        guesses,
        b"",
        lambda text: [SIGNS.index(sign) for sign in text],
        lambda token: b"%c" % ord(SIGNS[token]),
    )
    expected, steps = [], []
    for index, sign in enumerate(ANSWER):
        token = SIGNS.index(sign)
        chosen = next(each for each in mixture.mixed(list(known.items())) if each.token == token)
        expected.append(chosen.log_probability)
        mixture.note(chosen)
        seen = [
            (text[index] == sign, math.log(MODEL[text[index]]))
            if text[:index] == ANSWER[:index] and index < len(text)
            else None
            for text in texts
        ]
        steps.append((math.log(MODEL[sign]), tuple(seen)))
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
