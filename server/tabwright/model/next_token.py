"""What a model thinks of the next token. Runs in the model process only."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Logits: TypeAlias = npt.NDArray[np.float32]
"""One raw score per vocabulary entry, as llama.cpp computed them."""

_KEPT = 4_000
"""Endings of prompts and of words whose tokens are remembered."""


class Spellings:
    """How the tokens of a vocabulary are written."""

    def __init__(self, spelled: Sequence[tuple[bytes, int]], size: int) -> None:
        """`spelled` are the tokens that stand for text, of a vocabulary of some size."""
        in_order = sorted(spelled)
        self._pieces = [piece for piece, _ in in_order]
        self._tokens = np.array([token for _, token in in_order], dtype=np.int64)
        goes_on = np.zeros(size, np.bool_)
        goes_on[[token for piece, token in in_order if goes_on_with_word(piece)]] = True
        self._no_word = np.flatnonzero(~goes_on)
        self._agreeing: dict[bytes, npt.NDArray[np.int64]] = {}
        self._ending: dict[bytes, npt.NDArray[np.int64]] = {}

    def agreeing(self, wanted: bytes) -> npt.NDArray[np.int64]:
        """Return the tokens that begin with `wanted` or that `wanted` begins with."""
        known = self._agreeing.get(wanted)
        if known is None:
            pieces = self._pieces
            found = [self._tokens[self._beginning_with(wanted)]]
            for length in range(1, len(wanted)):
                start = bisect.bisect_left(pieces, wanted[:length])
                end = bisect.bisect_right(pieces, wanted[:length])
                found.append(self._tokens[start:end])
            known = _keep(self._agreeing, wanted, np.sort(np.concatenate(found)))
        return known

    def ending(self, rest: bytes) -> npt.NDArray[np.int64]:
        """Return the tokens that are the rest of a word, or begin with it and go on otherwise.

        Without a rest these are all that do not go on with a word, ends of the text included.
        """
        if not rest:
            return self._no_word
        known = self._ending.get(rest)
        if known is None:
            places = self._beginning_with(rest)
            found = [
                token
                for piece, token in zip(
                    self._pieces[places], self._tokens[places].tolist(), strict=True
                )
                if not goes_on_with_word(piece[len(rest) :])
            ]
            known = _keep(self._ending, rest, np.array(sorted(found), np.int64))
        return known

    def _beginning_with(self, wanted: bytes) -> slice:
        first = bisect.bisect_left(self._pieces, wanted)
        after = _after(wanted)
        return slice(first, bisect.bisect_left(self._pieces, after) if after else None)


@dataclass(frozen=True)
class Group:
    """Some tokens that may come next."""

    log_probability: float
    """Of all of them together, natural logarithm; minus infinity where none can come."""
    best: int
    """The likeliest of them, -1 where none can come."""


class NextToken:
    """A model's view of one next token.

    With `must_begin` only tokens count that agree with these bytes as far as both go, so that a
    healed prompt's end comes out again byte by byte; probabilities are then among these.
    """

    def __init__(self, logits: Logits, spellings: Spellings, must_begin: bytes = b"") -> None:
        """The logits must stay as they are while this is used."""
        self._logits = logits
        self._spellings = spellings
        self._allowed = spellings.agreeing(must_begin) if must_begin else None
        self._possible = logits if self._allowed is None else logits[self._allowed]
        self._total = _log_of_sum(self._possible) if self._possible.size else -np.inf

    def best(self, count: int) -> list[tuple[int, float]]:
        """Return the likeliest tokens with their log-probabilities, the likeliest first; ties by
        token, so that the choice is the same every time."""
        possible = self._possible
        if not possible.size:
            return []
        if count == 1:
            places = [int(np.argmax(possible))]
        else:
            places = [int(each) for each in np.argsort(-possible, kind="stable")[:count]]
        allowed = self._allowed
        return [
            (
                int(place if allowed is None else allowed[place]),
                float(possible[place]) - self._total,
            )
            for place in places
        ]

    def log_probability(self, token: int) -> float | None:
        """Return that of one token, None where it cannot come."""
        allowed = self._allowed
        if allowed is not None and not np.any(allowed == token):
            return None
        return float(self._logits[token]) - self._total

    def word_end(self, rest: bytes) -> Group:
        """Return the tokens with which a word ends whose rest this is, see `Spellings.ending`."""
        tokens = self._spellings.ending(rest)
        if self._allowed is not None:
            tokens = tokens[np.isin(tokens, self._allowed)]
        if not tokens.size:
            return Group(-np.inf, -1)
        logits = self._logits[tokens]
        return Group(_log_of_sum(logits) - self._total, int(tokens[int(np.argmax(logits))]))


def goes_on_with_word(text: bytes) -> bool:
    """Whether a text goes on with the word before it; what is not ASCII is taken for letters."""
    first = text[:1]
    return first.isalnum() or first == b"_" or first >= b"\x80"


def _keep(
    kept: dict[bytes, npt.NDArray[np.int64]], key: bytes, value: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    if len(kept) >= _KEPT:
        kept.clear()
    kept[key] = value
    return value


def _log_of_sum(logits: Logits) -> float:
    top = float(logits.max())
    return top + float(np.log(np.sum(np.exp(logits - top), dtype=np.float64)))


def _after(prefix: bytes) -> bytes:
    """Return the smallest bytes greater than everything that begins with `prefix`, or nothing."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else b""
