"""Text as numbers: rough tokens, the same for every language, that can be put together again."""

from __future__ import annotations

import re
import threading
import zlib
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.uint32]

PATTERN: Final = re.compile(r"\w+|[ \t]*(?:\w+|[^\w\s])|\s*\n[^\S\n]*|\s+")
"""A word or a single sign with the blanks before it, or newlines with the indentation after them.
Every character of a text is in exactly one token. Longer signs as one token matched no better, and
a cursor within one (`=` of `==`) would then have nothing to go on from."""

BORDER: Final = 0
"""The core of what is between two files; no context has it."""
BEGINNING: Final = 1
"""The core of what is before the first token of a file."""
SAME, DEEPER, SHALLOWER = 2, 3, 4
"""The cores of newlines, by how the next line is indented: what depth a file is at matters less
than what it does."""
ANY_WORD, ANY_NUMBER = 0xFFFFFFFD, 0xFFFFFFFE
"""What words and numbers are where only the form of a line is compared."""
UNKNOWN: Final = 0xFFFFFFFF
"""The core of a token that no learned text has."""
_FIRST_FREE: Final = 5

LINE_ENDS: Final = 1
"""The rest of a line whose end is reached."""
TOO_LONG: Final = 0
"""The rest of a line that is too long to be proposed."""
LONGEST_REST: Final = 48
"""Tokens. Longer ones are right too seldom."""
_TAB_COLUMNS: Final = 4

_FACTOR: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2 ** 64
_INVERSE: Final = pow(_FACTOR, -1, 2**64)


class Vocabulary:
    """Numbers for tokens: one as written (the surface), one for what is compared (the core).

    Any thread may ask for numbers; none is ever given away twice or taken back.
    """

    def __init__(self) -> None:
        self.surfaces = [""]
        self.words = ["", "", "", "", ""]
        """What is compared, by core."""
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {"": 0}
        self._cores: dict[str, int] = {}
        self._core_of = np.zeros(1024, np.uint32)
        self._form_of = np.arange(1024, dtype=np.uint32)
        self._columns = np.full(1024, -1, np.int32)
        self._checksums = np.zeros(1024, np.uint32)
        self._lengths = np.zeros(1024, np.uint32)

    def numbers_of(self, tokens: list[str]) -> Numbers:
        """Return the numbers of tokens as written, new ones for new tokens."""
        numbers = self._numbers
        try:
            return np.array([numbers[token] for token in tokens], np.uint32)
        except KeyError:
            with self._lock:
                for token in tokens:
                    if token not in numbers:
                        self._add(token)
            return np.array([numbers[token] for token in tokens], np.uint32)

    def cores_of(self, surfaces: Numbers) -> Numbers:
        """Return what is compared of the tokens of a text that begins with a line, newlines by the
        indentation before and after."""
        cores: Numbers = self._core_of[surfaces]
        columns = self._columns[surfaces]
        newlines = np.flatnonzero(columns >= 0)
        if len(newlines):
            first = column_of(self.surfaces[int(surfaces[0])])
            change = np.diff(columns[newlines], prepend=first)
            cores[newlines] = np.where(
                change > 0, DEEPER, np.where(change < 0, SHALLOWER, SAME)
            ).astype(np.uint32)
        return cores

    def core(self, word: str) -> int:
        """Return the number of a word, or UNKNOWN."""
        return self._cores.get(word, UNKNOWN)

    def forms_of(self, cores: Numbers) -> Numbers:
        """Return tokens with all words alike, and all numbers."""
        known = np.minimum(cores, len(self._form_of) - 1)
        return np.where(cores == UNKNOWN, ANY_WORD, self._form_of[known]).astype(np.uint32)

    def lengths_of(self, surfaces: Numbers) -> Numbers:
        """Return how many characters tokens have."""
        lengths: Numbers = self._lengths[surfaces]
        return lengths

    def rests_of(self, surfaces: Numbers) -> tuple[Numbers, NDArray[np.uint8]]:
        """Return for each token a checksum of the tokens from it to the end of its line, and their
        number, which is LONGEST_REST + 1 for all that are longer.

        Equal rests have equal checksums, also across files and runs. LINE_ENDS for newlines,
        TOO_LONG for more than LONGEST_REST tokens. They are sums of powers of a fixed factor, so
        that all of them follow from one running sum.
        """
        count = len(surfaces)
        if not count:
            return np.zeros(0, np.uint32), np.zeros(0, np.uint8)
        is_end = (self._columns[surfaces] >= 0) | (surfaces == 0)
        ends = np.where(is_end, np.arange(count), count)
        ends = np.minimum.accumulate(ends[::-1])[::-1]
        powers = _powers(_FACTOR, count)
        sums = np.zeros(count + 1, np.uint64)
        scattered = (self._checksums[surfaces].astype(np.uint64) + np.uint64(1)) * np.uint64(
            _FACTOR
        )
        np.cumsum((scattered ^ (scattered >> np.uint64(29))) * powers, out=sums[1:])
        rests = (sums[ends] - sums[:-1]) * _powers(_INVERSE, count)
        short = (rests >> np.uint64(32)).astype(np.uint32) | np.uint32(2)
        lengths = np.minimum(ends - np.arange(count), LONGEST_REST + 1).astype(np.uint8)
        short[lengths > LONGEST_REST] = TOO_LONG
        short[lengths == 0] = LINE_ENDS
        return short, lengths

    def text_of(self, surfaces: Numbers) -> str:
        """Return tokens as they were written."""
        written = self.surfaces
        return "".join([written[surface] for surface in surfaces.tolist()])

    def is_newline(self, surface: int) -> bool:
        """Whether a token ends a line."""
        return bool(self._columns[surface] >= 0)

    def newlines_among(self, surfaces: Numbers) -> NDArray[np.intp]:
        """Return where the tokens are that end lines."""
        return np.flatnonzero(self._columns[surfaces] >= 0)

    def lookup(self, text: str) -> tuple[list[int], list[str]]:
        """Return what is compared of a text's tokens, and the words, without learning new ones."""
        words = PATTERN.findall(text)
        cores: list[int] = []
        before = column_of(text)
        known = self._cores
        for index, token in enumerate(words):
            if "\n" not in token:
                words[index] = word = token.lstrip(" \t")
                cores.append(known.get(word, UNKNOWN))
                continue
            column = column_after(token)
            cores.append(DEEPER if column > before else SHALLOWER if column < before else SAME)
            before = column
        return cores, words

    def _add(self, token: str) -> None:
        number = len(self.surfaces)
        if number == len(self._core_of):
            self._core_of = np.concatenate([self._core_of, np.zeros_like(self._core_of)])
            self._columns = np.concatenate([self._columns, np.full_like(self._columns, -1)])
            self._checksums = np.concatenate([self._checksums, np.zeros_like(self._checksums)])
            self._lengths = np.concatenate([self._lengths, np.zeros_like(self._lengths)])
        self._columns[number] = column_after(token)
        word = token.lstrip(" \t")
        core = self._cores.get(word)
        if core is None:
            core = len(self.words)
            if core == len(forms := self._form_of):
                self._form_of = np.arange(2 * core, dtype=np.uint32)
                self._form_of[:core] = forms
            if word[:1].isdigit():
                self._form_of[core] = ANY_NUMBER
            elif word[:1].isalpha() or word[:1] == "_":
                self._form_of[core] = ANY_WORD
            self.words.append(word)
            self._cores[word] = core
        self._core_of[number] = core
        self._checksums[number] = zlib.crc32(token.encode("utf-8", "surrogatepass"))
        self._lengths[number] = len(token)
        self.surfaces.append(token)
        self._numbers[token] = number  # last: other threads read without the lock


def _powers(factor: int, count: int) -> NDArray[np.uint64]:
    powers = np.full(count, factor, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def column_of(line: str) -> int:
    """Return how far a line is indented."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(_TAB_COLUMNS))


def column_after(token: str) -> int:
    """Return how far the line after a newline is indented, -1 for other tokens."""
    _, newline, indentation = token.rpartition("\n")
    return len(indentation.expandtabs(_TAB_COLUMNS)) if newline else -1


@dataclass(frozen=True)
class Tokens:
    """A text, or several: what is written, what is compared, and how its lines go on."""

    surfaces: Numbers
    cores: Numbers
    rests: Numbers
    lengths: NDArray[np.uint8]
    """How many tokens the rest of the line has."""

    def __len__(self) -> int:
        return len(self.surfaces)


def tokens_of(text: str, vocabulary: Vocabulary) -> Tokens:
    """Return the tokens of a file, with one before the first that marks the file's beginning."""
    return with_beginning(vocabulary.numbers_of(PATTERN.findall(text)), vocabulary)


def with_beginning(surfaces: Numbers, vocabulary: Vocabulary) -> Tokens:
    """Return the tokens of a file whose tokens as written are known."""
    cores = np.concatenate([np.full(1, BEGINNING, np.uint32), vocabulary.cores_of(surfaces)])
    surfaces = np.concatenate([np.zeros(1, np.uint32), surfaces])
    return Tokens(surfaces, cores, *vocabulary.rests_of(surfaces))


def joined(pieces: list[Tokens]) -> Tokens:
    """Return several texts as one, with a border before, between and after them."""
    nothing = np.zeros(1, np.uint32)
    border = Tokens(nothing, nothing, nothing, np.zeros(1, np.uint8))
    parts = [border]
    for piece in pieces:
        parts += [piece, border]
    return Tokens(
        np.concatenate([part.surfaces for part in parts]),
        np.concatenate([part.cores for part in parts]),
        np.concatenate([part.rests for part in parts]),
        np.concatenate([part.lengths for part in parts]),
    )


class TokensOfEditedText:
    """The tokens as written of a text that is edited: only what has changed is read again."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._text = ""
        self._surfaces = np.zeros(0, np.uint32)

    def update(self, text: str) -> bool:
        """Take a newer state of the text; return whether it differs."""
        if text == self._text:
            return False
        before = _common_beginning(self._text, text)
        rest = min(len(self._text), len(text)) - before
        after = _common_end(self._text, text, rest)
        ends = np.cumsum(self._vocabulary.lengths_of(self._surfaces), dtype=np.int64)
        newlines = self._vocabulary.newlines_among(self._surfaces)
        # A token border is sure after newlines that a kept character follows, and before newlines
        # that a kept one precedes.
        kept_before = newlines[ends[newlines] < before]
        first = int(kept_before[-1]) + 1 if len(kept_before) else 0
        start = int(ends[first - 1]) if first else 0
        beginnings = np.concatenate([np.zeros(1, np.int64), ends[:-1]]) if len(ends) else ends
        kept_after = newlines[beginnings[newlines] > len(self._text) - after]
        last = int(kept_after[0]) if len(kept_after) else len(self._surfaces)
        end = int(beginnings[last]) if last < len(self._surfaces) else len(self._text)
        changed = text[start : len(text) - (len(self._text) - end)]
        self._surfaces = np.concatenate(
            [
                self._surfaces[:first],
                self._vocabulary.numbers_of(PATTERN.findall(changed)),
                self._surfaces[last:],
            ]
        )
        self._text = text
        return True

    @property
    def surfaces(self) -> Numbers:
        """The tokens of the newest state."""
        return self._surfaces


def _common_beginning(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginnings."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: str, other: str, most: int) -> int:
    """Return how many characters two texts have in common at their ends, at most `most`."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
