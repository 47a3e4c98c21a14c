"""One client of the model process: its stream of messages, and what it has taken back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from tabwright.model.messages import (
    FromProcess,
    Guess,
    MoreGuesses,
    ToProcess,
    decode_to_process,
    encode,
    frame_length,
)

_GUESSES_KEPT = 64
_LONGEST_WAIT_FOR_GUESSES_SECONDS = 2.0
"""They are there in milliseconds, unless the client hangs."""


class Connection:
    """One client: its stream of answers and the requests it has taken back."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()
        self._has_changed = threading.Condition(self._lock)
        self._guesses: dict[int, tuple[Guess, ...]] = {}
        self._sending = threading.Lock()
        self.is_closed = False

    def messages(self) -> Iterator[ToProcess]:
        """Yield messages until the stream ends or is out of step."""
        while True:
            header = self._incoming.read(4)
            if len(header) < 4:
                return
            try:
                length = frame_length(header)
                body = self._incoming.read(length)
                if len(body) < length:
                    return
                yield decode_to_process(body)
            except (ValueError, msgspec.DecodeError) as error:
                print(f"unreadable message: {error}", file=sys.stderr)
                return

    def send(self, message: FromProcess) -> None:
        """Write one answer at once; a client that is gone is not an error."""
        try:
            with self._sending:  # the reader answers what was replaced before it was begun
                self._outgoing.write(encode(message))
                self._outgoing.flush()
        except (OSError, ValueError):
            self.is_closed = True

    def cancel(self, request_id: int) -> None:
        """Mark a request as taken back."""
        with self._has_changed:
            self._cancelled.add(request_id)
            self._has_changed.notify_all()

    def close(self) -> None:
        """Note that nobody is left to read any answer."""
        with self._has_changed:
            self.is_closed = True
            self._has_changed.notify_all()

    def take_guesses(self, message: MoreGuesses) -> None:
        """Keep guesses for the request that waits for them."""
        with self._has_changed:
            self._guesses[message.request_id] = message.guesses
            while len(self._guesses) > _GUESSES_KEPT:  # those of requests that ended without them
                del self._guesses[next(iter(self._guesses))]
            self._has_changed.notify_all()

    def wait_for_guesses(self, request_id: int) -> tuple[Guess, ...]:
        """Return the guesses that were asked for, none if they never come."""

        def has_come() -> bool:
            return request_id in self._guesses or request_id in self._cancelled or self.is_closed

        with self._has_changed:
            self._has_changed.wait_for(has_come, _LONGEST_WAIT_FOR_GUESSES_SECONDS)
            return self._guesses.pop(request_id, ())

    def is_cancelled(self, request_id: int) -> bool:
        """Whether a request was taken back, or nobody is left to read its answer."""
        with self._lock:
            return self.is_closed or request_id in self._cancelled

    def forget(self, request_id: int) -> None:
        """Drop the mark of a finished request."""
        with self._lock:
            self._cancelled.discard(request_id)
            self._guesses.pop(request_id, None)


@dataclass(frozen=True)
class Job:
    """A message of a client, with the moment it arrived (monotonic seconds)."""

    connection: Connection
    message: ToProcess
    arrived: float
