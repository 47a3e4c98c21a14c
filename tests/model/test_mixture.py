"""The model and guesses about its answer, mixed."""

from __future__ import annotations

import math

import pytest

from tabwright.model import mixture as mixture_module
from tabwright.model.messages import Guess
from tabwright.model.mixture import (
    LEAST_AGREEMENT,
    LINE_AGREEMENT,
    MOST_WEIGHT,
    Candidate,
    Mixture,
    agreement_of,
)

WORDS = [
    "return",
    "re",
    "turn",
    " self",
    ".name",
    ".",
    "name",
    "\n",
    "\n    ",
    " None",
    "é",
    "\xff",
]
BY_LENGTH = sorted(range(len(WORDS)), key=lambda token: -len(WORDS[token]))


def tokenize(text: str) -> list[int]:
    tokens = []
    while text:
        token = next((each for each in BY_LENGTH if text.startswith(WORDS[each])), None)
        if token is None:
            raise AssertionError(f"no token for {text!r}")
        tokens.append(token)
        text = text[len(WORDS[token]) :]
    return tokens


def token_bytes(token: int) -> bytes:
    return WORDS[token].encode()


def mixture(*guesses: Guess, begin: bytes = b"") -> Mixture:
    return Mixture(guesses, begin, tokenize, token_bytes)


def token(text: str) -> int:
    return WORDS.index(text)


def greedy(mixed: Mixture, *steps: dict[str, float]) -> list[tuple[str, float]]:
    """Follow the mixture where the model gives these probabilities, step by step."""
    written = []
    for step in steps:
        offered = {token(text): math.log(probability) for text, probability in step.items()}
        for each in mixed.next_tokens:
            offered.setdefault(each, math.log(0.01))
        best = mixed.mixed(list(offered.items()))[0]
        mixed.note(best)
        written.append((WORDS[best.token], round(math.exp(best.log_probability), 3)))
    return written


def test_without_guesses_the_models_own_probabilities_hold() -> None:
    tokens = [(token("re"), math.log(0.2)), (token("turn"), math.log(0.7))]
    mixed = mixture().mixed(tokens)
    assert mixed == [
        Candidate(token("turn"), math.log(0.7), math.log(0.7)),
        Candidate(token("re"), math.log(0.2), math.log(0.2)),
    ]


def vote(weight: float, probability: float) -> float:
    """What the next token of a line gets that the model gives this probability."""
    agreement = agreement_of(weight, is_line=True)
    return weight * math.exp(agreement * max(math.log(probability), LEAST_AGREEMENT))


def test_a_guess_votes_with_its_weight_and_what_the_model_thinks_of_its_token() -> None:
    ((text, probability),) = greedy(mixture(Guess(" self", 0.5)), {" self": 0.6, " None": 0.4})
    voted = vote(0.5, 0.6)
    assert text == " self"
    assert probability == pytest.approx((0.6 + voted) / (1 + voted), abs=0.001)


@pytest.mark.parametrize("agreement", [0.0, LINE_AGREEMENT])
def test_the_probabilities_of_all_tokens_are_1_together(
    agreement: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture_module, "LINE_AGREEMENT", agreement)
    model = {" self": 0.5, " None": 0.3, "\n": 0.2}
    tokens = [(token(text), math.log(probability)) for text, probability in model.items()]
    mixed = mixture(Guess(" self", 0.3), Guess(" None", 0.2)).mixed(tokens)
    assert sum(math.exp(each.log_probability) for each in mixed) == pytest.approx(1)


def test_the_guess_wins_where_the_model_hesitates_and_loses_where_it_is_sure() -> None:
    hesitant = {" None": 0.5, " self": 0.3}
    sure = {" None": 0.97, " self": 0.001}
    assert greedy(mixture(Guess(" self", 2.0)), hesitant)[0][0] == " self"
    assert greedy(mixture(Guess(" self", 2.0)), sure)[0][0] == " None"


def test_what_the_model_finds_absurd_takes_a_sure_guess_and_an_unsure_model() -> None:
    for likeliest, weight, wanted in (
        (0.9, 8.0, " None"),
        (0.2, 2.0, " None"),
        (0.2, 8.0, " self"),
    ):
        absurd = {" None": likeliest, " self": 1e-9}
        assert greedy(mixture(Guess(" self", weight)), absurd)[0][0] == wanted


def test_a_guess_that_was_right_so_far_weighs_more() -> None:
    mixed = mixture(Guess(" self.name", 0.3), Guess(" None", 0.3))
    first = greedy(mixed, {" self": 0.5, " None": 0.4})
    second = greedy(mixed, {".name": 0.5, ".": 0.4})
    assert [text for text, _ in (*first, *second)] == [" self", ".name"]
    assert second[0][1] > first[0][1]


def test_as_independent_experts_the_mixture_is_that_of_bayes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mixture_module, "LINE_AGREEMENT", 0.0)
    monkeypatch.setattr(mixture_module, "SELF_RELIANCE", 0.0)
    steps = [{" self": 0.5}, {".name": 0.1}, {"\n": 0.2}]
    written = greedy(mixture(Guess(" self.name", 3 / 7)), *steps)
    assert [text for text, _ in written] == [" self", ".name", "\n"]
    product = math.prod(probability for _, probability in written)
    assert product == pytest.approx(0.3 + 0.7 * 0.5 * 0.1 * 0.2, abs=0.002)


def test_a_guess_that_said_otherwise_is_out() -> None:
    mixed = mixture(Guess(" self.name", 0.2))
    assert greedy(mixed, {" None": 0.9})[0][0] == " None"
    assert not mixed
    assert mixed.next_tokens == ()
    assert greedy(mixed, {"\n": 0.25}) == [("\n", 0.25)]


def test_what_is_no_whole_line_leaves_what_follows_to_the_model() -> None:
    mixed = mixture(Guess(" self", 9.0, is_line=False))
    assert greedy(mixed, {" self": 0.1})[0][0] == " self"
    assert not mixed
    assert mixture(Guess(" self", 0.9)).draft_after(token(" self"), 7) == [token("\n")]


def test_a_line_end_may_come_with_the_next_lines_indentation() -> None:
    mixed = mixture(Guess(" self", 9.0))
    greedy(mixed, {" self": 0.1})
    mixed.note(Candidate(token("\n    "), -0.1, -3.0))
    assert not mixed


def test_the_same_text_in_other_tokens_is_the_same_guess() -> None:
    mixed = mixture(Guess("return self", 0.5))
    assert mixed.next_tokens == (token("return"),)
    mixed.note(Candidate(token("re"), -0.1, -0.1))
    assert mixed.next_tokens == (token("turn"),)
    assert mixed.draft_after(token("turn"), 7) == [token(" self"), token("\n")]
    assert mixed.draft_after(token("turn"), 1) == [token(" self")]
    assert mixed.draft_after(token("re"), 7) == []


def test_a_guess_begins_with_the_end_of_the_prompt_that_is_written_again() -> None:
    mixed = mixture(Guess("turn self", 0.5), begin=b"re")
    assert mixed.next_tokens == (token("return"),)


def test_the_heavier_of_two_guesses_is_the_draft() -> None:
    guesses = Guess(" self.name", 0.2), Guess(" self None", 0.3)
    for order in (guesses, guesses[::-1]):
        assert mixture(*order).draft_after(token(" self"), 1) == [token(" None")]


def test_the_surer_a_guess_is_the_less_it_needs_the_models_agreement() -> None:
    weights = [0.1, 1.0, 5.0, MOST_WEIGHT]
    agreements = [agreement_of(weight, is_line=True) for weight in weights]
    assert agreements == sorted(agreements, reverse=True)
    assert agreement_of(1.0, is_line=True) == LINE_AGREEMENT
    assert agreement_of(1e9, is_line=True) == 0.0


def test_the_model_keeps_a_say_however_sure_the_guesses_are() -> None:
    tokens = [(token(" self"), math.log(0.001)), (token("\n"), math.log(0.999))]
    for weight in (MOST_WEIGHT, 1e9):
        by_token = {
            e.token: e.log_probability for e in mixture(Guess(" self", weight)).mixed(tokens)
        }
        assert by_token[token("\n")] > math.log(0.2)


def test_empty_and_impossible_guesses_are_dropped() -> None:
    assert not mixture(Guess("", 0.5, is_line=False), Guess(" self", 0.0))


def test_a_character_cut_in_two_puts_a_guess_out_but_nothing_else() -> None:
    mixed = Mixture([Guess("é", 0.5)], b"", tokenize, lambda _token: "é".encode()[:1])
    mixed.note(Candidate(token("re"), -0.1, -0.1))
    assert not mixed
