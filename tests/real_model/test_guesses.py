"""Guesses of how an answer goes on, mixed with what the real model says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_model.wire import Answer, Wire, a_model, bare_process
from tabwright.model.messages import (
    Cancel,
    Finished,
    Generate,
    Guess,
    MoreGuesses,
    Piece,
    Segment,
    WantsGuesses,
)
from tabwright.model.mixture import MOST_WEIGHT

PROMPT = """class Shelf:
    def __init__(self, books):
        self.books = books

    def __len__(self):
        return self.books."""
USUAL = "__len__()"
UNUSUAL = "count(None) + len(self.books)"

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("default_weights"),
]
_ids = itertools.count(10)


@pytest.fixture(scope="module")
def wire(default_weights: Path) -> Iterator[Wire]:
    with bare_process(a_model(default_weights)) as wire:
        yield wire


def generate(prompt: str, *guesses: Guess, document: str = "a.py", **bounds: Any) -> Generate:
    return Generate(
        request_id=next(_ids),
        model_key="weights",
        document=document,
        segments=(Segment(prompt),),
        add_bos=False,
        max_tokens=24,
        stop_strings=(),
        time_limit_seconds=0.0,
        stop_at="line_end",
        guesses=guesses,
        **bounds,
    )


def ask(wire: Wire, prompt: str, *guesses: Guess, document: str = "a.py") -> Answer:
    return wire.ask(generate(prompt, *guesses, document=document))


def first_line(answer: Answer) -> str:
    return first_line_of(answer.text)


def first_line_of(text: str) -> str:
    return text.split("\n", maxsplit=1)[0]


def test_a_likely_guess_is_written_instead_of_the_models_own_choice(wire: Wire) -> None:
    own = first_line(ask(wire, PROMPT))
    second = first_line(wire.ask(generate(PROMPT, first_token_rank=1)))
    answer = ask(wire, PROMPT, Guess(second, MOST_WEIGHT))
    assert own != second
    assert first_line(answer) == second
    assert answer.cause == "line_end"


def test_an_unlikely_guess_changes_nothing(wire: Wire) -> None:
    alone, beside = ask(wire, PROMPT), ask(wire, PROMPT, Guess(UNUSUAL, 0.001))
    assert beside.text == alone.text


def test_a_word_that_is_begun_is_completed_by_a_guess(wire: Wire) -> None:
    rest = "nt()"
    assert first_line(ask(wire, PROMPT + "cou", Guess(rest, 1.0))) == rest


def test_a_guess_that_is_no_line_is_gone_on_from_by_the_model(wire: Wire) -> None:
    answer = ask(wire, PROMPT, Guess("count", MOST_WEIGHT, is_line=False))
    assert answer.text.startswith("count")
    assert len(answer.text) > len("count")


def test_a_right_guess_takes_fewer_steps_than_it_has_tokens(wire: Wire) -> None:
    ask(wire, PROMPT, document="guessed")
    answer = ask(wire, PROMPT, Guess(UNUSUAL, MOST_WEIGHT), document="guessed")
    # Without drafts, a step evaluates two tokens to get one.
    assert len(answer.pieces) >= 8
    assert answer.evaluated < 1.5 * len(answer.pieces) + 8


def test_with_guesses_too_the_same_question_has_the_same_answer(wire: Wire) -> None:
    guesses = Guess(UNUSUAL, 0.3), Guess(USUAL, 0.2), Guess("copy()", 0.1)
    first = ask(wire, PROMPT, *guesses, document="cold")
    for number in range(5):
        ask(wire, f"{number} others", document=f"{number}")
    ask(wire, PROMPT + "c", document="warm")
    for document in ("cold", "warm"):
        for _ in range(2):
            assert ask(wire, PROMPT, *guesses, document=document).pieces == first.pieces


def test_guesses_no_tokens_can_say_are_left_out(wire: Wire) -> None:
    odd = [Guess("\ud83d", 0.3), Guess("", 0.3, is_line=False), Guess("é" * 5000, 0.3)]
    answer = ask(wire, PROMPT, *odd)
    assert answer.finished is not None


def test_where_no_guess_is_left_more_are_asked_for_and_waited_for(wire: Wire) -> None:
    alone = first_line(ask(wire, PROMPT))
    message = generate(PROMPT, asks_for_guesses=True)
    wire.send(message, MoreGuesses(message.request_id, ()))
    written, asked = "", []
    while True:
        match wire.read():
            case Piece(text=text):
                written += text
            case WantsGuesses():
                asked.append(written)
                rest = alone[len(written) :]
                wire.send(MoreGuesses(message.request_id, (Guess(rest, 1.0),)))
            case Finished():
                break
            case _:
                pass
    assert first_line_of(written) == alone
    # What was guessed stayed in until the line's end: nothing more was asked for.
    assert len(asked) == 1 and alone.startswith(asked[0])


def test_a_request_that_waits_for_guesses_can_be_cancelled(wire: Wire) -> None:
    message = generate(PROMPT, asks_for_guesses=True)
    wire.send(message, MoreGuesses(message.request_id, ()))
    wire.until(lambda each: isinstance(each, WantsGuesses))
    wire.send(Cancel(message.request_id))
    (last,) = wire.until(lambda each: isinstance(each, Finished))[-1:]
    assert isinstance(last, Finished) and last.cause == "cancelled"
    assert ask(wire, PROMPT).finished is not None
