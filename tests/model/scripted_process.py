"""A model process without a model: it says what the names in its requests tell it to say.

Run as `python scripted_process.py START`. `Description.devices` lists what it received, oldest
first, so that a test can see what the client sent.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time

from tabwright.model.messages import (
    PROTOCOL_VERSION,
    Cancel,
    Describe,
    Description,
    Evaluated,
    Failed,
    Finished,
    FromProcess,
    Generate,
    Loaded,
    LoadModel,
    LoadProgress,
    Measure,
    Measured,
    MoreGuesses,
    Piece,
    Prefilled,
    ToProcess,
    Unloaded,
    UnloadModel,
    WantsGuesses,
    Welcome,
    decode_to_process,
    encode,
    frame_length,
)

received: list[str] = []
cancelled: set[int] = set()
jobs: queue.SimpleQueue[ToProcess] = queue.SimpleQueue()
guesses: queue.SimpleQueue[MoreGuesses] = queue.SimpleQueue()
WAIT_BEFORE_WORK_AHEAD = 0.1
"""Seconds; whatever else comes meanwhile is served first."""


def read() -> None:
    while len(header := sys.stdin.buffer.read(4)) == 4:
        message = decode_to_process(sys.stdin.buffer.read(frame_length(header)))
        match message:
            case Generate(document=name, is_background=is_background):
                received.append(f"{'Ahead' if is_background else 'Generate'} {name}")
            case Cancel(request_id=request_id):
                received.append("Cancel")
                cancelled.add(request_id)
            case MoreGuesses():
                guesses.put(message)
                continue
            case _:
                received.append(type(message).__name__)
        jobs.put(message)
    os._exit(0)


def send(*messages: FromProcess) -> None:
    sys.stdout.buffer.write(b"".join(encode(message) for message in messages))
    sys.stdout.buffer.flush()


def start(how: str) -> None:
    match how:
        case "exits":
            print("the library is missing", file=sys.stderr)
            os._exit(1)
        case "is-silent":
            time.sleep(600)
        case "sends-garbage":
            sys.stdout.buffer.write(b"\xff" * 1_000_000)
            sys.stdout.buffer.flush()
            time.sleep(600)
        case "other-version":
            send(Welcome(PROTOCOL_VERSION + 1, os.getpid()))
            time.sleep(600)
        case "is-noisy":
            sys.stderr.write("x" * 1_000_000)
            sys.stderr.flush()
        case "is-slow":
            time.sleep(0.5)
        case "normally" | "measures-slowly" | "cannot-measure":
            pass
        case _:
            raise SystemExit(f"no such start: {how}")
    send(Welcome(PROTOCOL_VERSION, os.getpid()))


def load(message: LoadModel) -> None:
    request_id = message.request_id
    match message.weights_path:
        case "bad.gguf":
            send(Failed(request_id, "load", "llama.cpp cannot load bad.gguf"))
            return
        case "silent-for-a-second.gguf":
            time.sleep(1)
        case _:
            send(*(LoadProgress(request_id, fraction) for fraction in (0.25, 0.5, 1.0)))
    send(Loaded(request_id, message.model_key, 0.1, message.context_tokens, "scripted", ()))


def guessed(request_id: int) -> str:
    while request_id not in cancelled:
        with contextlib.suppress(queue.Empty):
            return "".join(guess.text for guess in guesses.get(timeout=0.01).guesses)
    return ""


def prefill(message: Generate) -> None:
    if message.document == "silent":
        time.sleep(600)
    if message.document == "long-prefill":
        for done in range(10):
            time.sleep(0.1)
            send(Evaluated(message.request_id, done))
    send(Prefilled(message.request_id, 3, 2, 1, 0.0, 0.1))


def generate(message: Generate) -> None:
    request_id = message.request_id
    if message.document == "too-long":
        send(Failed(request_id, "prompt_too_long", "9 tokens do not fit a context of 8"))
        return
    prefill(message)
    words = ["one", " two", " three"]
    match message.document:
        case "is-killed":
            send(Piece(request_id, "one", -0.5))
            os.kill(os.getpid(), signal.SIGKILL)
        case "exits":
            print("Fatal: out of memory", file=sys.stderr, flush=True)
            os._exit(3)
        case "garbage":
            sys.stdout.buffer.write(b"\xff" * 1_000_000)
            sys.stdout.buffer.flush()
            time.sleep(600)
        case "noise":
            sys.stderr.write("noise " * 200_000)
            sys.stderr.flush()
        case "endless":
            while request_id not in cancelled:
                send(Piece(request_id, "x", -0.5))
                time.sleep(0.005)
            send(Finished(request_id, "cancelled", 0, 0.0))
            return
        case "ignores-cancel":
            words = ["x"] * 100
        case "guesses":
            send(Piece(request_id, guessed(request_id), -0.5), WantsGuesses(request_id))
            words = [guessed(request_id)]
        case "echo":
            words = [segment.text for segment in message.segments]
    for word in words:
        send(Piece(request_id, word, -0.5))
        time.sleep(0.005)
    send(Finished(request_id, "end_of_text", len(words), 0.0, 1, 5))


def measure(request_id: int, how: str) -> None:
    if how == "measures-slowly":
        time.sleep(1.0)
    if how == "cannot-measure":
        send(Failed(request_id, "not_loaded", "weights is not loaded"))
    else:
        send(Measured(request_id, 400.0, 60.0))


def main() -> None:
    start(sys.argv[1])
    threading.Thread(target=read, daemon=True).start()
    ahead: list[Generate] = []
    while True:
        try:
            job = jobs.get(timeout=WAIT_BEFORE_WORK_AHEAD if ahead else None)
        except queue.Empty:
            generate(ahead.pop())
            continue
        match job:
            case Generate(is_background=True) as message:
                ahead.append(message)
            case LoadModel() as message:
                load(message)
            case Generate() as message:
                generate(message)
            case UnloadModel() as message:
                send(Unloaded(message.model_key))
            case Describe(request_id=request_id):
                send(Description(request_id, "0", "", False, tuple(received)))
            case Measure(request_id=request_id):
                measure(request_id, sys.argv[1])
            case Cancel():
                pass


if __name__ == "__main__":
    main()
