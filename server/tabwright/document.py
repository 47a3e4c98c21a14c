"""Text as the rest of the program sees it: immutable, counted in Python string offsets."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class DocumentSnapshot:
    """One document as it was at one moment.

    A notebook is one document: its code cells joined by line ends, see `session.documents`.
    """

    uri: str
    language: str
    """The editor's language id, for example `python` or `typescriptreact`."""
    version: int
    text: str
    relative_path: str = ""
    """The path below its workspace folder with forward slashes, or the bare file name."""

    @property
    def line_end(self) -> str:
        """The line end this document uses: that of its first line, `\\n` when it has none."""
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"


@dataclass(frozen=True)
class Cursor:
    """A place between two characters of a snapshot."""

    offset: int
    """Count of Python characters before the cursor."""


@dataclass(frozen=True)
class TextRange:
    """A half-open range of string offsets."""

    start: int
    end: int


def line_start(text: str, offset: int) -> int:
    """Return the offset at which the line around `offset` starts."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_end(text: str, offset: int) -> int:
    """Return the offset of the line end (or end of text) at or after `offset`."""
    ends = [found for found in (text.find("\n", offset), text.find("\r", offset)) if found >= 0]
    return min(ends, default=len(text))


def places_of_word(text: str, word: str) -> Iterator[int]:
    """Yield the offsets at which a word of letters, digits and `_` stands by itself. A regular
    expression would look for a border at every character.
    """
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not (is_in_word(text[start - 1 : start]) or is_in_word(text[end : end + 1])):
            yield start
        start = text.find(word, end)


def is_in_word(character: str) -> bool:
    """Whether a character is a letter, a digit or `_`; nothing is none of them."""
    return character.isalnum() or character == "_"
