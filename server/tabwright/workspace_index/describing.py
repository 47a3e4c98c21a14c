"""How a definition is told in a line or two: its header, its value, its comment."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tabwright.syntax.language_file import LanguageFile

LONGEST_SIGNATURE = 300
LONGEST_VALUE = 120
LONGEST_DOC = 120
"""All in characters."""
_MOST_COMMENT_LINES = 20
_MOST_COMMENT_CHARACTERS = 2_000
MORE = " ..."
_QUOTES = re.compile(r"""[rRuUbBfF]{0,2}("{3}|'{3}|"|')""")
_TAGS = re.compile(r"</?(?:summary|para|remarks|p|b|i|code)\b[^<>]*>")
_SENTENCE_END = re.compile(r"[.!?](?=\s)|\u3002")
_LETTERS = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True)
class CommentMarks:
    """How comments are written in a language."""

    line: tuple[str, ...]
    block: tuple[tuple[str, str], ...]
    edges: str
    """The characters of all marks."""

    @classmethod
    def of(cls, language: LanguageFile) -> CommentMarks:
        """Return the marks of a language."""
        first = (language.line_comment,) if language.line_comment else ()
        line = (*first, *language.other_line_comments)
        block = tuple((each.open, each.close) for each in language.block_comments)
        characters = {*"".join(line), *"".join(mark for pair in block for mark in pair), "!", "*"}
        return cls(line, block, "".join(sorted(characters)))

    def comment_above(self, text: str, line_start: int) -> str:
        """Return the first sentence of the comment that ends on the line above, else empty."""
        end = line_start - 1
        if end <= 0:
            return ""
        start = text.rfind("\n", 0, end) + 1
        above = text[start : min(end, start + LONGEST_SIGNATURE)].strip()
        if self.line and above.startswith(self.line):
            for _ in range(_MOST_COMMENT_LINES):
                previous = text.rfind("\n", 0, max(start - 1, 0)) + 1
                if start == 0 or not text[previous:start].lstrip().startswith(self.line):
                    break
                start = previous
            return self.first_sentence(text[start:end])
        for opening, closing in self.block:
            if above.endswith(closing):
                first = text.rfind(opening, max(0, end - _MOST_COMMENT_CHARACTERS), end)
                if first >= 0 and not text[text.rfind("\n", 0, first) + 1 : first].strip():
                    return self.first_sentence(text[first:end])
        return ""

    def first_sentence(self, comment: str) -> str:
        """Return the first sentence of a comment or docstring without its marks; at most
        `LONGEST_DOC` characters.
        """
        comment = comment.strip()[:_MOST_COMMENT_CHARACTERS]
        quotes = _QUOTES.match(comment)
        if quotes is not None:
            comment = comment[quotes.end() :].removesuffix(quotes.group(1))
        lines: list[str] = []
        for line in comment.splitlines():
            words = line.strip().strip(self.edges if quotes is None else "").strip()
            words = _TAGS.sub("", words).strip() if "<" in words else words
            if words.startswith(("@", ":param", "\\")) or (lines and not words):
                break
            if words:
                lines.append(words)
        told = " ".join(lines)
        if _LETTERS.search(told) is None:
            return ""
        sentence = _SENTENCE_END.search(told)
        return _shortened(told if sentence is None else told[: sentence.end()], LONGEST_DOC)


def header_of(text: str, start: int, end: int, marks: CommentMarks) -> str:
    """Return what is written from `start` to a body's start, without indentation and comments at
    its end; at most `LONGEST_SIGNATURE` characters.
    """
    header = text[start : min(end, start + 2 * LONGEST_SIGNATURE)].rstrip()
    if "\n" in header:
        first, *others = header.splitlines()
        while others and marks.line and others[-1].lstrip().startswith(marks.line):
            others.pop()
        line = text[text.rfind("\n", 0, start) + 1 : start]
        indentation = line[: len(line) - len(line.lstrip())]
        others = [each.rstrip().removeprefix(indentation) for each in others]
        header = "\n".join((first.rstrip(), *others))
    return _shortened(header.removesuffix("{").rstrip(), LONGEST_SIGNATURE)


def value_of(text: str, start: int, end: int) -> str:
    """Return a declaration with its value, or its first line; at most `LONGEST_VALUE` characters
    of it.
    """
    line_end = text.find("\n", start, end)
    if line_end < 0:
        return _shortened(text[start : min(end, start + 2 * LONGEST_VALUE)].rstrip(), LONGEST_VALUE)
    line = text[start : min(line_end, start + 2 * LONGEST_VALUE)].rstrip()
    return _shortened(line, LONGEST_VALUE - len(MORE)).removesuffix(MORE) + MORE


def _shortened(words: str, longest: int) -> str:
    if len(words) <= longest:
        return words
    return words[: longest - len(MORE)].rstrip() + MORE
