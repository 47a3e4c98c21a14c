"""A model process without a client: what it says in between can be counted."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tabwright.model.messages import (
    Evaluated,
    Failed,
    Finished,
    FromProcess,
    Generate,
    Loaded,
    LoadModel,
    Piece,
    Prefilled,
    ToProcess,
    decode_from_process,
    encode,
    frame_length,
)
from tabwright.model.safe_python import python_module_command

CONTEXT_TOKENS = 1024


@dataclass
class Answer:
    """What came of one request."""

    pieces: list[tuple[str, float]] = field(default_factory=list)
    prefilled: Prefilled | None = None
    finished: Finished | None = None
    failed: Failed | None = None
    evaluated_messages: int = 0

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)

    @property
    def cause(self) -> str:
        return self.finished.cause if self.finished else ""

    @property
    def evaluated(self) -> int:
        assert self.finished is not None
        return self.finished.evaluated_tokens

    def take(self, message: FromProcess) -> None:
        match message:
            case Piece():
                self.pieces.append((message.text, message.log_probability))
            case Prefilled():
                self.prefilled = message
            case Finished():
                self.finished = message
            case Failed():
                self.failed = message
            case Evaluated():
                self.evaluated_messages += 1
            case _:
                pass


class Wire:
    """The two streams of a process."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def send(self, *messages: ToProcess) -> None:
        self._outgoing.write(b"".join(encode(message) for message in messages))
        self._outgoing.flush()

    def read(self) -> FromProcess:
        body = self._incoming.read(frame_length(self._incoming.read(4)))
        return decode_from_process(body)

    def until(self, is_wanted: Callable[[FromProcess], bool]) -> list[FromProcess]:
        """Return the messages up to and with the first wanted one."""
        messages = [self.read()]
        while not is_wanted(messages[-1]):
            messages.append(self.read())
        return messages

    def answers(self, *request_ids: int) -> dict[int, Answer]:
        """Read until each of these requests has its last answer."""
        answers = {request_id: Answer() for request_id in request_ids}
        while not all(each.finished or each.failed for each in answers.values()):
            message = self.read()
            request_id = getattr(message, "request_id", None)
            if request_id in answers:
                answers[request_id].take(message)
        return answers

    def ask(self, message: Generate) -> Answer:
        """Send one request and return its answer."""
        self.send(message)
        return self.answers(message.request_id)[message.request_id]


@contextlib.contextmanager
def bare_process(*models: LoadModel) -> Iterator[Wire]:
    """Start a process and load models in it."""
    command = python_module_command("tabwright.model.process")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        wire = Wire(child.stdout, child.stdin)  # type: ignore[arg-type]  # they are buffered
        try:
            wire.send(*models)
            for _ in models:
                wire.until(lambda message: isinstance(message, Loaded))
            yield wire
        finally:
            child.kill()


def a_model(weights: Path, model_key: str = "weights", threads: int = 2) -> LoadModel:
    return LoadModel(1, model_key, str(weights), "", CONTEXT_TOKENS, threads, threads, 0, (), 0.0)
