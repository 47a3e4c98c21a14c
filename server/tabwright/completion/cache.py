"""What the model has written, kept for when the same is asked again.

The key is everything that decides what the model writes: the model, the prompt (which holds the
path, the code before and after the cursor and whatever else is given as context), the shape and
the bounds of the answer. So an entry never goes stale, and undo, going back to a place, or asking
twice finds it again, an empty answer too. Cuts that depend on what the model wrote alone were made
before; those that depend on the text around the cursor are made anew on every hit.

Typing along a suggestion is no business of this cache: the model process walks along what it has
evaluated already (see `model.llama`), which gives the very answer that asking anew would give.
"""

from __future__ import annotations

import collections
from collections.abc import Hashable
from dataclasses import dataclass, field

from tabwright.completion.suggestion import ShownFile, Timings
from tabwright.completion.trimming import Draft


@dataclass(frozen=True)
class Written:
    """What the model wrote, token by token, and why it ended."""

    text: str = ""
    token_ends: tuple[int, ...] = ()
    """The offset in `text` at which each token ends."""
    log_probabilities: tuple[float, ...] = ()
    """Natural logarithms, one per token."""
    cause: str = ""
    """Why it ended; empty when it was not asked for more."""
    timings: Timings = field(default_factory=Timings)

    def log_probability(self, length: int) -> float:
        """Return the sum over the tokens that begin within `length` characters."""
        pairs = zip(self._token_starts, self.log_probabilities, strict=True)
        return sum(value for start, value in pairs if start < length)

    def mean_log_probability(self, length: int) -> float:
        """Return the mean over the same tokens."""
        count = sum(start < length for start in self._token_starts)
        return self.log_probability(length) / count if count else 0.0

    @property
    def _token_starts(self) -> tuple[int, ...]:
        return (0, *self.token_ends)[: len(self.token_ends)]


@dataclass(frozen=True)
class Kept:
    """An answer of the model, and what the context-free cuts have left of it."""

    written: Written
    draft: Draft
    is_unsure: bool
    """Whether the model wrote more than it was sure enough of."""
    shown_files: tuple[ShownFile, ...] = ()


class ResultCache:
    """The latest answers of the model; the session owns it."""

    def __init__(self, size: int = 512) -> None:
        self._size = size
        self._entries: collections.OrderedDict[Hashable, Kept] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Kept | None:
        """Return what was kept for this key, if it is still there."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: Hashable, kept: Kept) -> None:
        """Keep an answer; the one that was asked for longest ago gives way."""
        self._entries[key] = kept
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
