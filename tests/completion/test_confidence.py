"""How much of an answer is sure enough to be shown unasked."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from completion.scripted import manifest
from tabwright.completion.cache import Written
from tabwright.completion.confidence import (
    DEFAULT_THRESHOLD,
    log_floor,
    sure_length,
    threshold_for,
    unknown_words,
)

_TOKEN = st.tuples(
    st.text(alphabet="ab_1.( \n🦜", max_size=4), st.floats(min_value=0.05, max_value=1.0)
)


def written(*tokens: tuple[str, float]) -> Written:
    """Tokens with the probability of each."""
    lengths = (len(text) for text, _ in tokens)
    return Written(
        "".join(text for text, _ in tokens),
        tuple(itertools.accumulate(lengths)),
        tuple(math.log(probability) for _, probability in tokens),
    )


def shown(threshold: float, *tokens: tuple[str, float]) -> str:
    answer = written(*tokens)
    return answer.text[: sure_length(answer, log_floor(threshold))]


def test_it_ends_before_the_token_that_makes_the_whole_too_unlikely() -> None:
    tokens = (("x", 0.9), (" =", 0.9), (" y", 0.9), (" + z", 0.9))
    assert shown(0.60, *tokens) == "x = y + z"
    assert shown(0.70, *tokens) == "x = y"
    assert shown(0.80, *tokens) == "x ="
    assert shown(0.95, *tokens) == ""


def test_it_never_ends_inside_a_word() -> None:
    assert shown(0.5, ("self.", 0.9), ("re", 0.9), ("ad", 0.1), ("_all", 0.9), ("()", 1.0)) == (
        "self."
    )
    assert shown(0.5, ("na", 0.9), ("me", 0.1)) == ""
    assert shown(0.5, ("name", 0.9), ("(", 0.1)) == "name"
    assert shown(0.5, ("größ", 0.9), ("e", 0.1), (" ", 1.0)) == ""
    assert shown(0.5, ("1", 0.9), ("0", 0.1)) == ""


def test_where_everything_is_sure_it_is_all_also_if_the_end_is_a_word() -> None:
    assert shown(0.5, ("na", 0.9), ("me", 0.9)) == "name"


def test_it_ends_where_most_keys_may_be_expected_to_be_saved() -> None:
    name = ("isReadableStreamLike", 0.95)
    assert shown(0.5, name, (",", 0.66), (" other", 0.9)) == name[0]
    assert shown(0.5, name, (" }", 0.97), (" from", 0.99)) == f"{name[0]} }} from"
    assert shown(0.5, ("if", 0.95), (" (value === null) {", 0.6)) == "if (value === null) {"
    # One sign saves nothing: what follows it is all there is to save.
    assert shown(0.5, (")", 0.99), (";", 0.6)) == ");"


def test_asked_by_hand_nothing_is_too_unlikely() -> None:
    assert log_floor(0.0) == -math.inf
    assert shown(0.0, ("a", 0.001), ("b", 1e-30)) == "ab"


def test_nothing_written_is_nothing_shown() -> None:
    assert shown(0.5) == ""
    assert shown(0.0) == ""


@given(st.lists(_TOKEN, max_size=8), st.floats(min_value=0.0, max_value=1.0))
def test_what_is_shown_is_likely_enough_and_ends_with_no_broken_word(
    tokens: list[tuple[str, float]], threshold: float
) -> None:
    answer = written(*tokens)
    length = sure_length(answer, log_floor(threshold))
    assert 0 <= length <= len(answer.text)
    whole = [end for end in answer.token_ends if end <= length]
    if length:
        assert answer.log_probability(length) >= log_floor(threshold) - 1e-9 or not whole
    if 0 < length < len(answer.text):
        both = answer.text[length - 1 : length + 1]
        assert not all(each.isalnum() or each == "_" for each in both)


@given(st.lists(_TOKEN, max_size=8), st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
def test_the_surer_it_must_be_the_less_is_shown(
    tokens: list[tuple[str, float]], thresholds: tuple[float, float]
) -> None:
    low, high = sorted(thresholds)
    answer = written(*tokens)
    assert sure_length(answer, log_floor(high)) <= sure_length(answer, log_floor(low))


@pytest.mark.parametrize(
    ("table", "language", "threshold"),
    [
        ({"python": 0.5, "*": 0.3}, "python", 0.5),
        ({"python": 0.5, "*": 0.3}, "go", 0.3),
        ({"python": 0.5}, "go", DEFAULT_THRESHOLD),
        ({}, "python", DEFAULT_THRESHOLD),
        ({"python": 0.0, "*": 0.3}, "python", 0.0),
    ],
)
def test_the_threshold_is_that_of_the_language_else_of_all(
    table: dict[str, float], language: str, threshold: float
) -> None:
    model = msgspec.structs.replace(manifest(), confidence=table)
    assert threshold_for(model, language) == threshold


def test_a_name_nobody_knows_makes_all_that_follows_less_sure() -> None:
    tokens = [("self", 0.9), (".", 0.95), ("nothing", 0.9), ("(", 0.95)]
    answer = written(*tokens)
    text = answer.text
    assert sure_length(answer, log_floor(0.6)) == len(text)
    doubtful = unknown_words(text, "return ", lambda name: name != "nothing")
    assert doubtful == [text.index("nothing")]
    assert text[: sure_length(answer, log_floor(0.6), doubtful)] == "self."
    assert sure_length(answer, log_floor(0.3), doubtful) == len(text)
    assert sure_length(answer, log_floor(0.0), doubtful) == len(text)


@pytest.mark.parametrize(
    ("before", "text", "names"),
    [
        ("x = fo", "obar + 1", ["foobar"]),
        ("x = ", "a + bc", []),  # too short to tell anything
        ("x = 1", "2e5", []),
        ("", "größe(länge)", ["größe", "länge"]),
        ("known", "(other)", ["other"]),
    ],
)
def test_which_words_are_asked_about(before: str, text: str, names: list[str]) -> None:
    asked: list[str] = []

    def is_known(name: str) -> bool:
        asked.append(name)
        return True

    assert unknown_words(text, before, is_known) == []
    assert asked == names
