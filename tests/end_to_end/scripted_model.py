"""A model process without a model: every answer is the same, and every prompt is written down.

`scripted_server.py` starts it. `SCRIPTED_ANSWER` is the answer; to `SCRIPTED_PROMPTS`, a file, each
prompt that somebody waits for adds one line of JSON, a string; and the file `SCRIPTED_LOADED` is
there once the model is loaded.
"""

from __future__ import annotations

import json
import os
import re
import sys

from tabwright.model.messages import (
    PROTOCOL_VERSION,
    Describe,
    Description,
    Finished,
    FromProcess,
    Generate,
    Loaded,
    LoadModel,
    Measure,
    Measured,
    Piece,
    Prefilled,
    Welcome,
    decode_to_process,
    encode,
    frame_length,
)


def send(*messages: FromProcess) -> None:
    sys.stdout.buffer.write(b"".join(encode(message) for message in messages))
    sys.stdout.buffer.flush()


def generate(message: Generate) -> None:
    text = message.known_text or os.environ["SCRIPTED_ANSWER"]
    probability = -0.7 if message.known_text else -0.01
    if message.known_text and "SCRIPTED_KNOWS_NOTHING" in os.environ:
        text = ""
    is_answer = not message.is_background or message.asks_for_guesses  # also one made ahead
    if is_answer and not message.known_text:
        with open(os.environ["SCRIPTED_PROMPTS"], "a", encoding="utf-8") as prompts:  # noqa: PTH123  # the standard library alone: this starts often
            prompts.write(json.dumps("".join(each.text for each in message.segments)) + "\n")
    pieces = re.findall(r"\s*\S+|\s+", text)
    if message.first_token_rank:
        pieces = []  # there is no second choice
    send(
        Prefilled(message.request_id, 10, 0, 10, 0.0, 0.001),
        *(Piece(message.request_id, piece, probability) for piece in pieces),
        Finished(message.request_id, "end_of_text", len(pieces), 0.001),
    )


def main() -> None:
    send(Welcome(PROTOCOL_VERSION, os.getpid()))
    while len(header := sys.stdin.buffer.read(4)) == 4:
        match decode_to_process(sys.stdin.buffer.read(frame_length(header))):
            case LoadModel(request_id=request_id, model_key=key, context_tokens=tokens):
                send(Loaded(request_id, key, 0.001, tokens, "scripted", ()))
                if loaded := os.environ.get("SCRIPTED_LOADED"):
                    with open(loaded, "w", encoding="utf-8"):  # noqa: PTH123  # as above
                        pass
            case Measure(request_id=request_id):
                send(Measured(request_id, 1000.0, 100.0))
            case Describe(request_id=request_id):
                send(Description(request_id, "", "", False, ()))
            case Generate() as message:
                generate(message)
            case _:
                pass  # nothing runs that could be cancelled, and nothing is kept


if __name__ == "__main__":
    main()
