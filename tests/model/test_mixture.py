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
from tabwright.model.next_token import Group, goes_on_with_word

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
    "_",
    "name(",
    "(",
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


class View:
    """A model that gives these probabilities, and others that are asked for hardly any."""

    def __init__(self, shares: dict[str, float]) -> None:
        self.known = {token(text): math.log(share) for text, share in shares.items()}

    def best(self, count: int) -> list[tuple[int, float]]:
        return sorted(self.known.items(), key=lambda each: -each[1])[:count]

    def log_probability(self, wanted: int) -> float | None:
        return self.known.get(wanted, math.log(0.01))

    def word_end(self, rest: bytes) -> Group:
        ending = [
            each
            for each, text in enumerate(WORDS)
            if text.encode().startswith(rest)
            and not goes_on_with_word(text.encode()[len(rest) :])
            and (each in self.known or text.encode() == rest)
        ]
        if not ending:
            return Group(-math.inf, -1)
        shares = {each: self.log_probability(each) or 0.0 for each in ending}
        together = math.log(sum(map(math.exp, shares.values())))
        return Group(together, max(shares, key=lambda each: shares[each]))


def by_text(mixed: Mixture, shares: dict[str, float]) -> dict[str, float]:
    """Return the probabilities of all that are mixed."""
    found = mixed.mixed(View(shares), len(shares))
    return {WORDS[each.token]: math.exp(each.log_probability) for each in found}


def expected(mixed: Mixture) -> list[str]:
    """Return the tokens that guesses go on with."""
    return [WORDS[each.token] for each in mixed.expected(View({}))]


def greedy(mixed: Mixture, *steps: dict[str, float]) -> list[tuple[str, float]]:
    """Follow the mixture where the model gives these probabilities, step by step."""
    written = []
    for step in steps:
        best = mixed.mixed(View(step), len(step))[0]
        mixed.note(best)
        written.append((WORDS[best.token], round(math.exp(best.log_probability), 3)))
    return written


def test_without_guesses_the_models_own_probabilities_hold() -> None:
    mixed = mixture().mixed(View({"re": 0.2, "turn": 0.7}), 2)
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
    mixed = mixture(Guess(" self", 0.3), Guess(" None", 0.2), Guess(" self", 0.5, is_line=False))
    assert sum(by_text(mixed, model).values()) == pytest.approx(1)


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
    assert expected(mixed) == []
    assert greedy(mixed, {"\n": 0.25}) == [("\n", 0.25)]


def test_a_word_ends_where_it_is_guessed_to_whatever_follows() -> None:
    model = {"_": 0.6, "(": 0.1, ".": 0.3}
    mixed = mixture(Guess("name", 9.0, is_line=False))
    assert greedy(mixed, {"name": 0.1})[0][0] == "name"
    assert not mixed
    assert mixed.word_end > 0.9
    found = by_text(mixed, model)
    assert found["_"] < 0.1
    assert found["."] / found["("] == pytest.approx(3)
    assert sum(found.values()) == pytest.approx(1)
    mixed.note(mixed.mixed(View(model))[0])
    assert mixed.word_end == 0
    assert by_text(mixed, model) == pytest.approx(model)


def test_the_end_of_a_word_takes_nothing_from_a_line() -> None:
    model = {"(": 0.6, ".": 0.2, "_": 0.2}
    line = Guess("name.name", 5.0)
    alone, together = mixture(line), mixture(line, Guess("name", 9.0, is_line=False))
    for each in (alone, together):
        greedy(each, {"name": 0.3})
    assert by_text(together, model)["."] > by_text(alone, model)["."] - 0.01


def test_a_word_and_the_sign_after_it_may_be_one_token() -> None:
    model = {"name(": 0.3, "name": 0.1, " None": 0.6}
    found = by_text(mixture(Guess("name", 9.0, is_line=False)), model)
    assert found["name("] / found["name"] == pytest.approx(3)
    assert found["name("] + found["name"] > 0.9
    mixed = mixture(Guess("name", 9.0, is_line=False), Guess("name", 1.0))
    assert greedy(mixed, model)[0][0] == "name("
    assert not mixed
    assert mixed.word_end == 0


def test_a_word_that_goes_on_puts_a_guess_of_it_out() -> None:
    mixed = mixture(Guess("re", 0.5, is_line=False))
    written = greedy(mixed, {"re": 0.6}, {"turn": 0.999, "\n": 1e-6})
    assert [text for text, _ in written] == ["re", "turn"]


def test_more_guesses_say_how_the_text_goes_on_behind_a_word() -> None:
    model = {"_": 0.5, "(": 0.1, ".": 0.4}
    mixed = mixture(Guess("name", 9.0, is_line=False))
    greedy(mixed, {"name": 0.1})
    mixed.add([Guess("(", 3.0, is_line=False), Guess("_name", 1.0, is_line=False)])
    found = by_text(mixed, model)
    assert found["("] > 0.4
    assert sum(found.values()) == pytest.approx(1)


def test_a_line_end_may_come_with_the_next_lines_indentation() -> None:
    mixed = mixture(Guess(" self", 9.0))
    greedy(mixed, {" self": 0.1})
    mixed.note(Candidate(token("\n    "), -0.1, -3.0))
    assert not mixed


def test_the_same_text_in_other_tokens_is_the_same_guess() -> None:
    mixed = mixture(Guess("return self", 0.5))
    assert expected(mixed) == ["return"]
    mixed.note(Candidate(token("re"), -0.1, -0.1))
    assert expected(mixed) == ["turn"]
    assert mixed.draft_after(token("turn"), 7) == [token(" self"), token("\n")]
    assert mixed.draft_after(token("turn"), 1) == [token(" self")]
    assert mixed.draft_after(token("re"), 7) == []


def test_a_guess_begins_with_the_end_of_the_prompt_that_is_written_again() -> None:
    mixed = mixture(Guess("turn self", 0.5), begin=b"re")
    assert expected(mixed) == ["return"]


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
    for weight in (MOST_WEIGHT, 1e9):
        found = by_text(mixture(Guess(" self", weight)), {" self": 0.001, "\n": 0.999})
        assert found["\n"] > 0.2


def test_empty_and_impossible_guesses_are_dropped() -> None:
    assert not mixture(Guess("", 0.5, is_line=False), Guess(" self", 0.0))


def test_a_character_cut_in_two_puts_a_guess_out_but_nothing_else() -> None:
    mixed = Mixture([Guess("é", 0.5)], b"", tokenize, lambda _token: "é".encode()[:1])
    mixed.note(Candidate(token("re"), -0.1, -0.1))
    assert not mixed
