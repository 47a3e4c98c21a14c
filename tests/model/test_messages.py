from __future__ import annotations

import math
import struct
from typing import get_args

import msgspec
import pytest

from tabwright.model.messages import (
    MAX_FRAME_BYTES,
    Cancel,
    Describe,
    Description,
    Evaluated,
    Failed,
    Finished,
    FromProcess,
    Generate,
    Guess,
    Loaded,
    LoadModel,
    LoadProgress,
    Measure,
    Measured,
    MoreGuesses,
    Piece,
    Prefilled,
    Segment,
    ToProcess,
    Unloaded,
    UnloadModel,
    WantsGuesses,
    Welcome,
    decode_from_process,
    decode_to_process,
    encode,
    frame_length,
)

TO_PROCESS: list[ToProcess] = [
    LoadModel(
        request_id=1,
        model_key="weights|adapter",
        weights_path="/models/a.gguf",
        adapter_path="",
        context_tokens=2048,
        prefill_threads=4,
        decode_threads=1,
        gpu_layers=-1,
        control_strings=("<|fim_prefix|>", "<|fim_suffix|>"),
        idle_unload_seconds=900.5,
    ),
    Generate(
        request_id=2**40,
        model_key="weights",
        document="file:///a.py",
        segments=(Segment("<|fim_prefix|>", True), Segment("def f():\n    return ")),
        add_bos=True,
        max_tokens=32,
        stop_strings=("<|file_sep|>",),
        time_limit_seconds=1.5,
        first_token_rank=2,
        stop_at="line_end_after_text",
        log_probability_floor=-0.75,
        heals=False,
        is_background=True,
    ),
    Measure(5, "weights"),
    MoreGuesses(9, (Guess("return x", 0.25), Guess("name", 0.5, is_line=False))),
    Cancel(3),
    UnloadModel("weights"),
    Describe(4),
]
FROM_PROCESS: list[FromProcess] = [
    Welcome(1, 4711),
    Description(1, "0.3.36", "AVX2 = 1", True, ("a GPU",)),
    LoadProgress(2, 0.5),
    Loaded(3, "weights", 0.25, 2048, "llama 135M Q4_1", ("<|no_token|>",)),
    Evaluated(4, 32),
    Prefilled(5, 100, 99, 2, 0.0, 0.01),
    Piece(6, "é", -0.25),
    WantsGuesses(9),
    Measured(9, 400.5, 60.25),
    Finished(7, "time_limit", 12, 0.5, 31, 45),
    Failed(8, "prompt_too_long", "too long"),
    Unloaded("weights"),
]


def body_of(frame: bytes) -> bytes:
    assert frame_length(frame[:4]) == len(frame) - 4
    return frame[4:]


def generate(*segments: Segment, document: str = "a.py") -> Generate:
    return Generate(1, "weights", document, segments, False, 8, (), 0.0)


def through_the_wire(message: Generate) -> Generate:
    received = decode_to_process(body_of(encode(message)))
    assert isinstance(received, Generate)
    return received


@pytest.mark.parametrize("message", TO_PROCESS, ids=lambda each: type(each).__name__)
def test_every_message_to_the_process_arrives_unchanged(message: ToProcess) -> None:
    assert decode_to_process(body_of(encode(message))) == message


def test_a_floor_of_nothing_arrives_as_such() -> None:
    assert through_the_wire(generate()).log_probability_floor == -math.inf


@pytest.mark.parametrize("message", FROM_PROCESS, ids=lambda each: type(each).__name__)
def test_every_message_from_the_process_arrives_unchanged(message: FromProcess) -> None:
    assert decode_from_process(body_of(encode(message))) == message


def test_the_examples_above_cover_every_message() -> None:
    assert {type(each) for each in TO_PROCESS} == set(get_args(ToProcess))
    assert {type(each) for each in FROM_PROCESS} == set(get_args(FromProcess))


def test_a_frame_larger_than_any_message_is_refused() -> None:
    assert frame_length(struct.pack(">I", MAX_FRAME_BYTES)) == MAX_FRAME_BYTES
    with pytest.raises(ValueError, match="cannot be a message"):
        frame_length(struct.pack(">I", MAX_FRAME_BYTES + 1))


GARBAGE = {
    "empty": b"",
    "noise": b"\xff\xfe\x00garbage",
    "cut short": encode(Cancel(70_000))[4:-1],
    "another type": msgspec.msgpack.encode([1, 2, 3]),
    "no tag": msgspec.msgpack.encode({"request_id": 1}),
    "unknown tag": msgspec.msgpack.encode({"type": "Explode", "request_id": 1}),
    "wrong field": msgspec.msgpack.encode({"type": "Cancel", "request_id": "one"}),
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_body_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_to_process(body)
    with pytest.raises(msgspec.DecodeError):
        decode_from_process(body)


def test_a_message_of_the_other_direction_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_to_process(encode(Welcome(1, 1))[4:])
    with pytest.raises(msgspec.DecodeError):
        decode_from_process(encode(Describe(1))[4:])


@pytest.mark.parametrize(
    "text", ["", "\0", "a\0b\r\n\tc", "🦜 naïve 漢字 e\u0301", "\ufeff\ufffe", "x" * 1_000_000]
)
def test_any_valid_text_arrives_unchanged(text: str) -> None:
    message = generate(Segment(text), Segment(text, True), document=text)
    assert through_the_wire(message) == message


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    received = through_the_wire(
        generate(Segment("a\ud83dé🦜"), Segment("\udc80", True), document="b\ud800")
    )
    assert received.segments == (Segment("a?é🦜"), Segment("?", True))
    assert received.document == "b?"
    assert received == msgspec.structs.replace(
        generate(), segments=received.segments, document="b?"
    )
