"""What a model thinks of the next token, and how tokens are spelled."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tabwright.model.next_token import Logits, NextToken, Spellings, goes_on_with_word

PIECES = [b"na", b"name", b"name(", b"name_", b"(", b" (", b"_", b"x", "é".encode(), b"\xff"]
END = len(PIECES)
"""A token without a spelling."""
SPELLINGS = Spellings([(piece, token) for token, piece in enumerate(PIECES)], END + 1)


def logits(**shares: float) -> Logits:
    """Return scores of these probabilities times ten; all others share the rest."""
    left = (1 - sum(shares.values())) / (END + 1 - len(shares))
    named = {PIECES.index(text.encode()): share for text, share in shares.items()}
    return np.log([10 * named.get(token, left) for token in range(END + 1)]).astype(np.float32)


def pieces(tokens: np.ndarray) -> list[bytes]:
    return [PIECES[token] if token < END else b"END" for token in tokens.tolist()]


def test_probabilities_are_those_of_the_scores() -> None:
    view = NextToken(logits(name=0.5, x=0.3), SPELLINGS)
    best = [(PIECES[token], round(math.exp(share), 3)) for token, share in view.best(2)]
    assert best == [(b"name", 0.5), (b"x", 0.3)]
    assert view.best(1) == view.best(2)[:1]
    assert math.exp(view.log_probability(PIECES.index(b"x")) or 0) == pytest.approx(0.3)


def test_of_equals_the_first_token_comes_first() -> None:
    view = NextToken(logits(), SPELLINGS)
    assert [token for token, _ in view.best(3)] == [0, 1, 2]
    assert view.best(1)[0][0] == 0


def test_what_a_prompt_ends_in_is_written_again() -> None:
    view = NextToken(logits(name=0.2, x=0.6), SPELLINGS, b"nam")
    assert pieces(SPELLINGS.agreeing(b"nam")) == [b"na", b"name", b"name(", b"name_"]
    assert view.best(1)[0][0] == PIECES.index(b"name")
    assert view.log_probability(PIECES.index(b"x")) is None
    together = sum(math.exp(share) for _, share in view.best(9))
    assert together == pytest.approx(1)


@pytest.mark.parametrize(
    ("rest", "ending"),
    [
        (b"name", [b"name", b"name("]),
        (b"", [b"(", b" (", b"END"]),
        (b"nothing", []),
        (b"\xff", [b"\xff"]),
    ],
)
def test_a_word_ends_with_its_rest_or_with_a_sign_after_it(
    rest: bytes, ending: list[bytes]
) -> None:
    assert pieces(SPELLINGS.ending(rest)) == ending


def test_the_end_of_a_word_is_as_likely_as_all_its_tokens() -> None:
    view = NextToken(logits(**{"name": 0.2, "name(": 0.3, "x": 0.4}), SPELLINGS)
    group = view.word_end(b"name")
    assert math.exp(group.log_probability) == pytest.approx(0.5)
    assert group.best == PIECES.index(b"name(")
    assert view.word_end(b"nothing").best == -1
    assert view.word_end(b"nothing").log_probability == -math.inf


def test_a_word_may_end_only_with_what_the_prompt_allows() -> None:
    view = NextToken(logits(**{"name": 0.2, "(": 0.7}), SPELLINGS, b"na")
    assert view.word_end(b"").best == -1
    assert view.word_end(b"name").best == PIECES.index(b"name")


@pytest.mark.parametrize(
    ("text", "goes_on"),
    [(b"a", True), (b"_", True), (b"7", True), ("é".encode(), True), (b"", False), (b" a", False)],
)
def test_letters_digits_and_underscores_go_on_with_a_word(text: bytes, goes_on: bool) -> None:
    assert goes_on_with_word(text) is goes_on
