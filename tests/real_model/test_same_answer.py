"""The same question has the same answer, bit by bit, and what is known already costs nothing."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import msgspec
import pytest

from real_model.wire import CONTEXT_TOKENS, Answer, Wire, a_model, bare_process
from tabwright.model.llama import LlamaModel, ModelOptions, NativeLog
from tabwright.model.messages import Cancel, Generate, Measure, Measured, Segment

PYTHON = "".join(
    f"def add_{number}(value):\n    return value + {number}\n\n\n" for number in range(5)
)
GO = (
    "package shapes\n\ntype Rect struct {\n\tWidth, Height float64\n}\n\n"
    "func (r Rect) Area() float64 {\n\treturn r.Width * r.Height\n}\n\n"
)
PLACES = {
    "a line": PYTHON + "def add_5(value):\n    return ",
    "a word": PYTHON + "def add_5(value):\n    retu",
    "a new line": GO + "func (r Rect) Perimeter() float64 {\n",
    "prose": "The history of the computer begins with",
}

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("default_weights"),
]

_ids = itertools.count(10)


@pytest.fixture(scope="module")
def wire(default_weights: Path) -> Iterator[Wire]:
    one = a_model(default_weights, "one thread", threads=1)
    with bare_process(a_model(default_weights), one) as wire:
        yield wire


def question(
    prompt: str, document: str = "a.py", *, max_tokens: int = 12, **bounds: Any
) -> Generate:
    model_key = bounds.pop("model_key", "weights")
    segments = (Segment(prompt),)
    return Generate(next(_ids), model_key, document, segments, False, max_tokens, (), 0.0, **bounds)


def empty_the_cache(wire: Wire, model_key: str = "weights") -> None:
    """Ask about as many other documents as have their prompts kept."""
    for number in range(4):
        other = question(f"{number}{number} others", f"{number}.txt", model_key=model_key)
        wire.ask(msgspec.structs.replace(other, max_tokens=1))


# ---- the same, bit by bit ----


@pytest.fixture(scope="module")
def cold(default_weights: Path) -> dict[str, Answer]:
    """The answers of a process of their own, each to the first question it is asked about it."""
    with bare_process(a_model(default_weights)) as fresh:
        answers = {}
        for name, prompt in PLACES.items():
            empty_the_cache(fresh)
            answers[name] = fresh.ask(question(prompt, f"{name}.py"))
    return answers


@pytest.mark.parametrize("place", PLACES)
def test_in_another_process_and_asked_again(
    wire: Wire, cold: dict[str, Answer], place: str
) -> None:
    empty_the_cache(wire)
    for _ in range(3):
        assert wire.ask(question(PLACES[place])).pieces == cold[place].pieces
    assert len(cold[place].pieces) >= 3


@pytest.mark.parametrize("place", PLACES)
def test_with_one_thread(wire: Wire, cold: dict[str, Answer], place: str) -> None:
    empty_the_cache(wire, "one thread")
    answer = wire.ask(question(PLACES[place], model_key="one thread"))
    assert answer.pieces == cold[place].pieces


@pytest.mark.parametrize("place", PLACES)
def test_read_in_pieces_of_any_size(wire: Wire, cold: dict[str, Answer], place: str) -> None:
    prompt = PLACES[place]
    chance = random.Random(place)
    for _ in range(2):
        empty_the_cache(wire)
        for end in sorted(chance.randrange(1, len(prompt)) for _ in range(6)):
            background = bool(chance.randrange(2))
            wire.ask(question(prompt[:end], max_tokens=3, is_background=background))
        assert wire.ask(question(prompt)).pieces == cold[place].pieces


@pytest.mark.parametrize("place", PLACES)
def test_after_typing_along_and_deleting_it_again(
    wire: Wire, cold: dict[str, Answer], place: str
) -> None:
    prompt = PLACES[place]
    typed = cold[place].text[:6] + "qq"
    for length in (*range(len(typed) + 1), *range(len(typed), -1, -1)):
        answer = wire.ask(question(prompt + typed[:length]))
    assert answer.pieces == cold[place].pieces


@pytest.mark.parametrize("place", PLACES)
def test_after_an_edit_above_and_back(wire: Wire, cold: dict[str, Answer], place: str) -> None:
    prompt = PLACES[place]
    wire.ask(question(prompt))
    wire.ask(question("# edited\n" + prompt[: len(prompt) // 2] + "x" + prompt[len(prompt) // 2 :]))
    assert wire.ask(question(prompt)).pieces == cold[place].pieces


def test_in_turn_with_other_documents(wire: Wire, cold: dict[str, Answer]) -> None:
    for _ in range(2):
        for name, prompt in PLACES.items():
            assert wire.ask(question(prompt, f"{name}.py")).pieces == cold[name].pieces


@pytest.mark.parametrize(
    "text",
    ["x = '🦜🐍é'\ny = '🦜", "a = 1\r\nb = 2\r\nc = ", "\ud83d half", "\t\t", "x" * 400, "é"],
)
def test_unusual_text(wire: Wire, text: str) -> None:
    empty_the_cache(wire)
    first = wire.ask(question(text, max_tokens=6))
    assert first.finished is not None
    for end in (1, len(text) // 2, len(text)):
        wire.ask(question(text[:end] or "y", max_tokens=2))
    assert wire.ask(question(text, max_tokens=6)).pieces == first.pieces


def test_a_prompt_of_one_token(wire: Wire) -> None:
    empty_the_cache(wire)
    first = wire.ask(question("x"))
    assert first.prefilled is not None and first.prefilled.prompt_tokens == 1
    wire.ask(question("x = 1\nprint(x)"))
    assert wire.ask(question("x")).pieces == first.pieces
    empty_the_cache(wire)
    wire.ask(question("y"))
    assert wire.ask(question("x")).pieces == first.pieces


def test_at_the_end_of_the_context(wire: Wire) -> None:
    filling = "word " * (CONTEXT_TOKENS - 10)
    refused = wire.ask(question(filling, max_tokens=CONTEXT_TOKENS)).failed
    assert refused is not None and refused.kind == "prompt_too_long"
    left = CONTEXT_TOKENS - int(refused.message.split()[0])
    first = wire.ask(question(filling, max_tokens=left))
    assert len(first.pieces) == left
    assert wire.ask(question(filling, max_tokens=left)).pieces == first.pieces
    one_less = wire.ask(question(filling, max_tokens=left - 1))
    assert one_less.pieces == first.pieces[:-1]
    assert wire.ask(question(filling, max_tokens=left + 1)).failed is not None


def test_a_megabyte_in_one_line_is_refused_and_the_process_lives(wire: Wire) -> None:
    refused = wire.ask(question("x" * 1_000_000)).failed
    assert refused is not None and refused.kind == "prompt_too_long"
    assert wire.ask(question("x = ")).pieces


def test_measuring_changes_no_answer(wire: Wire, cold: dict[str, Answer]) -> None:
    wire.ask(question(PLACES["a line"]))
    wire.send(Measure(7, "weights"))
    (*_, measured) = wire.until(lambda message: isinstance(message, Measured))
    assert isinstance(measured, Measured)
    assert measured.read_tokens_per_second > 0
    assert measured.write_tokens_per_second > 0
    assert wire.ask(question(PLACES["a line"])).pieces == cold["a line"].pieces


# ---- what is known already costs nothing ----


def test_typing_along_a_suggestion_evaluates_nothing_and_leaves_the_rest_of_it(wire: Wire) -> None:
    prompt = PLACES["a line"]
    line = wire.ask(question(prompt, stop_at="line_end", max_tokens=24))
    suggestion = line.text.rstrip("\n")
    assert line.cause == "line_end" and len(suggestion) >= 5
    for length in range(1, len(suggestion) + 1):
        answer = wire.ask(question(prompt + suggestion[:length], stop_at="line_end", max_tokens=24))
        assert answer.text == line.text[length:]
        assert answer.evaluated == 0
    for length in range(len(suggestion) - 1, -1, -1):
        answer = wire.ask(question(prompt + suggestion[:length], stop_at="line_end", max_tokens=24))
        assert (answer.text, answer.evaluated) == (line.text[length:], 0)


def test_typing_along_stays_free_when_what_follows_was_prepared(wire: Wire) -> None:
    prompt = PLACES["a line"]
    line = wire.ask(question(prompt, stop_at="line_end", max_tokens=24))
    suggestion = line.text.rstrip("\n")
    ahead = question(prompt + suggestion, max_tokens=16, is_background=True)
    assert wire.ask(msgspec.structs.replace(ahead, stop_at="line_end_after_text")).finished
    for length in range(1, len(suggestion) + 1):
        answer = wire.ask(question(prompt + suggestion[:length], stop_at="line_end", max_tokens=24))
        assert (answer.text, answer.evaluated) == (line.text[length:], 0)


def test_asking_again_evaluates_nothing(wire: Wire) -> None:
    empty_the_cache(wire)
    first = wire.ask(question(PLACES["a new line"]))
    again = wire.ask(question(PLACES["a new line"]))
    assert first.evaluated > 20
    assert again.evaluated == 0


def test_undo_reads_next_to_nothing_of_the_prompt(wire: Wire) -> None:
    prompt = PLACES["a line"]
    first = wire.ask(question(prompt))
    wire.ask(question(prompt + "q"))
    undone = wire.ask(question(prompt))
    assert undone.pieces == first.pieces
    assert undone.finished is not None and undone.finished.prompt_evaluated_tokens <= 2


def test_what_was_read_ahead_need_not_be_read_again(wire: Wire) -> None:
    empty_the_cache(wire)
    ahead = wire.ask(question(PLACES["a line"], max_tokens=1, is_background=True))
    assert ahead.evaluated > 20
    asked = wire.ask(question(PLACES["a line"]))
    assert asked.finished is not None
    assert asked.finished.prompt_evaluated_tokens == 0


# ---- bounds ----


def test_a_line_ends_the_answer(wire: Wire) -> None:
    at_line_end = PYTHON + "def add_5(value):"
    (line,) = (wire.ask(question(at_line_end, stop_at="line_end")),)
    assert (line.text.strip(), line.cause) == ("", "line_end")
    below = wire.ask(question(at_line_end, stop_at="line_end_after_text", max_tokens=24))
    assert below.cause == "line_end"
    assert below.text.strip() and below.text.rstrip(" \t").endswith("\n")
    further = wire.ask(question(at_line_end, max_tokens=24))
    assert further.cause == "max_tokens" and len(further.text) > len(below.text)
    assert further.pieces[: len(below.pieces)] == below.pieces


def test_the_answer_ends_with_the_token_that_makes_it_too_unlikely(wire: Wire) -> None:
    prompt = PLACES["prose"]
    whole = wire.ask(question(prompt, max_tokens=20))
    totals = list(itertools.accumulate(value for _, value in whole.pieces))
    floor = (totals[4] + totals[5]) / 2
    unsure = wire.ask(question(prompt, max_tokens=20, log_probability_floor=floor))
    assert unsure.cause == "unsure"
    assert unsure.pieces == whole.pieces[:6]
    sure = wire.ask(question(prompt, max_tokens=20, log_probability_floor=-math.inf))
    assert sure.pieces == whole.pieces


def test_a_word_cut_off_is_completed_unless_the_prompt_is_to_be_taken_as_it_ends(
    wire: Wire,
) -> None:
    prompt = PYTHON + "def add_5(value):\n    ret"
    healed = wire.ask(question(prompt))
    assert healed.text.startswith("urn value")
    as_it_is = wire.ask(question(prompt, heals=False))
    assert as_it_is.pieces != healed.pieces
    assert as_it_is.prefilled is not None and healed.prefilled is not None
    assert as_it_is.prefilled.prompt_tokens == healed.prefilled.prompt_tokens + 1


# ---- work ahead ----


def test_work_ahead_answers_as_a_request_does(wire: Wire) -> None:
    ahead = wire.ask(question(PLACES["prose"], max_tokens=8, is_background=True))
    assert ahead.cause == "max_tokens"
    asked = wire.ask(question(PLACES["prose"], max_tokens=8))
    assert ahead.pieces == asked.pieces != []
    assert asked.evaluated == 0


def test_work_ahead_gives_way_to_a_request_at_once(wire: Wire) -> None:
    empty_the_cache(wire)
    long = question(PYTHON * 4, "ahead.py", max_tokens=200, is_background=True)
    wire.send(long)
    wire.until(lambda message: getattr(message, "request_id", 0) == long.request_id)
    asked = question("x = ", max_tokens=1)
    wire.send(asked)
    answers = wire.answers(long.request_id, asked.request_id)
    ahead = answers[long.request_id]
    assert ahead.cause == "cancelled"
    assert ahead.prefilled is None  # it was still reading, and had hundreds of tokens to go
    assert answers[asked.request_id].cause == "max_tokens"
    again = wire.ask(msgspec.structs.replace(long, request_id=next(_ids), max_tokens=1))
    assert again.prefilled is not None
    assert again.prefilled.reused_tokens >= ahead.evaluated - 2 > 0


def test_work_ahead_that_is_cancelled_stops(wire: Wire) -> None:
    empty_the_cache(wire)
    long = question(PYTHON * 4, "ahead.py", max_tokens=200, is_background=True)
    wire.send(long)
    wire.until(lambda message: getattr(message, "request_id", 0) == long.request_id)
    wire.send(Cancel(long.request_id))
    ahead = wire.answers(long.request_id)[long.request_id]
    assert (ahead.cause, ahead.prefilled) == ("cancelled", None)


# ---- models that cannot take tokens back ----


def test_where_tokens_cannot_be_taken_back_all_are_evaluated_again(
    default_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ModelOptions(str(default_weights), "", 256, 2, 2, 0)
    model = LlamaModel(options, NativeLog(), lambda _fraction: None)
    try:
        tokens = model.tokenize("def add(a, b):\n    return")
        sequence = model.sequence_for("a")
        list(model.read_prompt(sequence, tokens))
        (best, _), (other, _) = model.next_token(sequence.heads[len(tokens)]).best(2)
        model.advance(sequence, len(tokens), other, [])
        wanted = sequence.heads[len(tokens) + 1].copy()

        remove = llama_cpp.llama_memory_seq_rm

        def remove_all_or_nothing(memory: Any, index: int, start: int, end: int) -> bool:
            return start <= 0 and bool(remove(memory, index, -1, end))

        monkeypatch.setattr(llama_cpp, "llama_memory_seq_rm", remove_all_or_nothing)
        model.can_roll_back = False
        fresh = model.sequence_for("b")
        list(model.read_prompt(fresh, tokens))
        model.advance(fresh, len(tokens), best, [])
        list(model.read_prompt(fresh, tokens))
        model.advance(fresh, len(tokens), other, [])
        assert fresh.tokens == [*tokens, other]
        assert abs(fresh.heads[len(tokens) + 1] - wanted).max() < 0.5
    finally:
        model.close()
