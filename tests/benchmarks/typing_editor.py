"""A person at an editor: types a piece of code key by key, and accepts what is right."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

import psutil
from typing_items import Item, count_keys, next_key

LOOK_SECONDS = 1.0
"""How long a person looks at a file just opened before the first key."""
FEWEST_KEYS_ACCEPTED = 2
"""Accepting takes a key itself."""
_QUIET_CPU_SECONDS = 0.01
_QUIET_STEP_SECONDS = 0.1
_QUIET_STEPS = 2
_LONGEST_SETTLING_SECONDS = 5.0


@dataclass
class Document:
    """A file in the editor, split at the cursor."""

    uri: str
    language: str
    before: str
    after: str
    version: int = 1

    def insert(self, text: str) -> None:
        """Put a text in at the cursor, and move the cursor after it."""
        self.before += text
        self.version += 1

    @property
    def line_number(self) -> int:
        """The cursor's line, counted from 0."""
        return self.before.count("\n")

    @property
    def position(self) -> dict[str, int]:
        """The cursor as the protocol says it."""
        line = self.before[self.before.rfind("\n") + 1 :]
        return {"line": self.line_number, "character": len(line.encode("utf-16-le")) // 2}


@dataclass
class Ask:
    """One key, and what came of it."""

    offset: int
    """Characters of the removed text that are there after the key."""
    inserted: str
    was_accepted: bool
    """Whether it was Tab and not a character."""
    at: float = field(default_factory=time.monotonic)
    is_over: bool = False
    """Whether the next key has fallen."""
    answered_after: float | None = None
    """Seconds until the first answer for this cursor, an empty one included."""
    was_late: bool = False
    """Whether that answer came after the next key."""
    shown: str = ""
    """The suggestion on the screen until the next key."""
    shown_after: float | None = None
    cancelled: bool = False
    prefilled_tokens: int | None = None
    """Tokens that the model read for this key, None where nobody knows."""

    def answer(self, suggestion: str) -> None:
        """Take an answer for this cursor."""
        seconds = time.monotonic() - self.at
        if self.answered_after is None:
            self.answered_after = seconds
            self.was_late = self.is_over
        if suggestion and not self.is_over:
            self.shown = suggestion
            if self.shown_after is None:
                self.shown_after = seconds

    def add_tokens(self, count: int) -> None:
        """Add to what the model has read for this key."""
        self.prefilled_tokens = (self.prefilled_tokens or 0) + count


class Contestant(Protocol):
    """A completion tool in its editor."""

    name: str
    accepts_first_line: bool
    """Whether the first line alone of a suggestion can be accepted."""

    def processes(self) -> list[psutil.Process]:
        """Return the processes that work for it, its editor left out."""

    async def open(self, document: Document) -> None:
        """Show a file."""

    def key(self, document: Document, ask: Ask) -> None:
        """Tell of an insertion that was made, and ask for what comes next. Does not wait."""

    async def close(self, document: Document) -> None:
        """Drop what is under way, and close the file."""

    async def prefilled_tokens(self) -> int | None:
        """Return all tokens that the model has read since the start, None if nobody counts."""


@dataclass(frozen=True)
class Typed:
    """One item, typed with one tool's help."""

    contestant: str
    item: Item
    asks: tuple[Ask, ...]
    accepts_first_line: bool
    cpu_seconds: float
    prefilled_tokens: int | None
    """Of the whole item: cancelled and unasked-for work too."""


async def type_item(item: Item, contestant: Contestant, speed: float) -> Typed:
    """Type an item at a person's pace, `speed` times as fast, and accept what is right.

    Whatever the tool still works on after the last key is waited for and counted.
    """
    document = Document(item.file.path.as_uri(), item.editor_id, item.before, item.after)
    cpu_before = cpu_seconds(contestant)
    tokens_before = await contestant.prefilled_tokens()
    await contestant.open(document)
    await asyncio.sleep(LOOK_SECONDS / speed)
    asks: list[Ask] = []
    typed = 0
    try:
        while typed < len(item.removed):
            accepted = ""
            if asks:
                due = asks[-1].at + item.delays[typed] / speed
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                asks[-1].is_over = True
                accepted = accepted_part(
                    asks[-1].shown, item.removed[typed:], contestant.accepts_first_line
                )
            text = accepted or next_key(item.removed, typed)
            typed += len(text)
            document.insert(text)
            ask = Ask(typed, text, was_accepted=bool(accepted))
            asks.append(ask)
            contestant.key(document, ask)
        await asyncio.sleep(LOOK_SECONDS / speed / 2)
        asks[-1].is_over = True
    finally:
        await contestant.close(document)
    await _settle(contestant)
    tokens = await contestant.prefilled_tokens()
    return Typed(
        contestant=contestant.name,
        item=item,
        asks=tuple(asks),
        accepts_first_line=contestant.accepts_first_line,
        cpu_seconds=cpu_seconds(contestant) - cpu_before,
        prefilled_tokens=(
            tokens - tokens_before if tokens is not None and tokens_before is not None else None
        ),
    )


def accepted_part(shown: str, remaining: str, accepts_first_line: bool) -> str:
    """Return what a person who knows what remains accepts of a suggestion: all, or nothing.

    Where the tool has a key for it, also the first line alone.
    """
    right = right_part(shown, remaining, accepts_first_line)
    return right if count_keys(right) >= FEWEST_KEYS_ACCEPTED else ""


def right_part(shown: str, remaining: str, accepts_first_line: bool) -> str:
    """Return what of a suggestion is a prefix of what remains: all of it, or its first line."""
    if remaining.startswith(shown):
        return shown
    first_line = shown.partition("\n")[0]
    if accepts_first_line and remaining.startswith(first_line):
        return first_line
    return ""


def cpu_seconds(contestant: Contestant) -> float:
    """Return what a tool's processes have used so far."""
    total = 0.0
    for process in contestant.processes():
        times = process.cpu_times()
        total += times.user + times.system
    return total


async def _settle(contestant: Contestant) -> None:
    """Wait until nothing works any more, so that the next tool has the machine to itself."""
    quiet = 0
    deadline = time.monotonic() + _LONGEST_SETTLING_SECONDS
    used = cpu_seconds(contestant)
    while quiet < _QUIET_STEPS and time.monotonic() < deadline:
        await asyncio.sleep(_QUIET_STEP_SECONDS)
        before, used = used, cpu_seconds(contestant)
        quiet = quiet + 1 if used - before <= _QUIET_CPU_SECONDS else 0
