"""A rough scan of source text: which brackets, blocks, strings and comments are open at its end.

tree-sitter answers everything about whole programs. This answers what it cannot: what is open in a
piece of a program, and in text that is broken exactly where the cursor is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tabwright.syntax.language_file import LanguageFile, StringForm
from tabwright.syntax.newest import Newest

_SCANS_KEPT = 6
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class OpenConstruct:
    """Something that was opened and still waits for its end."""

    kind: Literal["bracket", "keyword", "string", "line_comment", "block_comment"]
    closer: str
    """The text that closes it; empty for a line comment."""
    start: int
    """The offset where it was opened."""
    form: StringForm | None = None
    """How the string is written, for a string."""

    @property
    def is_text(self) -> bool:
        """True for a comment or string, false for what code stands in."""
        return self.kind not in ("bracket", "keyword")


@dataclass(frozen=True)
class Closer:
    """A mark that ends a bracket, a block or a string."""

    text: str
    start: int
    opened_at: int | None
    """The offset where what it closes was opened; None when the scan saw no such thing."""


@dataclass(frozen=True)
class Scan:
    """What a scan found at the end of its range."""

    open: tuple[OpenConstruct, ...]
    """Outermost first."""
    closers: tuple[Closer, ...]
    """In the order of the text."""
    code_end: int
    """The offset after the last character that is neither space nor comment."""
    mismatched: bool
    """True when a bracket was closed by one of another kind."""

    @property
    def innermost(self) -> OpenConstruct | None:
        """The construct that the end of the range stands in."""
        return self.open[-1] if self.open else None


class RoughScanner:
    """The scan for one language, with its patterns compiled; the last scans are kept."""

    def __init__(self, language: LanguageFile) -> None:
        self._strings = {form.open: form for form in language.strings}
        self._block_comments = {comment.open: comment.close for comment in language.block_comments}
        self._keywords = {keyword.open: keyword for keyword in language.block_keywords}
        self._keyword_closers = frozenset(keyword.close for keyword in language.block_keywords)
        line_comments = [mark for mark in (language.line_comment,) if mark]
        line_comments += language.other_line_comments
        self._line_comments = frozenset(line_comments)
        self._code = self._code_pattern()
        self._inside = {form.open: _string_pattern(form) for form in language.strings}
        closing = [*_CLOSING.values(), *self._keyword_closers]
        closing += [form.close for form in language.strings]
        self._closing_marks = re.compile("|".join(map(re.escape, closing)))
        self._above: Newest[str, Scan] = Newest(_SCANS_KEPT)
        self._at_cursor: Newest[str, Scan] = Newest(_SCANS_KEPT)

    def scan(self, text: str, start: int, end: int) -> Scan:
        """Scan `text[start:end]`, taking its start for code."""
        return self._scan_on(Scan((), (), start, mismatched=False), text, start, end)

    def scan_at_cursor(self, text: str, cursor: int) -> Scan:
        """Scan all of a text, of which the lines above the cursor's line are scanned once.

        The text may go on after the cursor. Nothing but the time differs from `scan`.
        """
        # No token has a line end of this kind before its last character.
        above = text[: text.rfind("\n", 0, cursor) + 1]
        scan = self._above.get(above, lambda: self.scan(above, 0, len(above)))
        return self._at_cursor.get(text, lambda: self._scan_on(scan, text, len(above), len(text)))

    def has_closing_mark(self, text: str) -> bool:
        """Say whether a text has what could end a bracket, block or string, wherever it stood."""
        return self._closing_marks.search(text) is not None

    def _scan_on(self, scan: Scan, text: str, start: int, end: int) -> Scan:
        """Go on with a scan that has come to `start`."""
        stack, closers = list(scan.open), list(scan.closers)
        mismatched, code_end = scan.mismatched, scan.code_end
        position = start
        while position < end:
            top = stack[-1] if stack else None
            if top is not None and top.kind in ("line_comment", "block_comment"):
                position = self._skip_comment(text, position, end, stack)
                continue
            if top is not None and top.form is not None:
                position = self._skip_string(text, position, end, stack, closers)
                code_end = position
                continue
            found = self._code.search(text, position, end)
            if found is None:
                code_end = _trimmed_end(text, position, end, code_end)
                break
            mismatched |= self._take_token(text, found.group(), found.start(), stack, closers)
            if stack and stack[-1].kind in ("line_comment", "block_comment"):
                code_end = _trimmed_end(text, position, found.start(), code_end)
                position = found.end()
            else:
                code_end = position = found.end()
        return Scan(tuple(stack), tuple(closers), code_end, mismatched)

    def _take_token(
        self,
        text: str,
        token: str,
        start: int,
        stack: list[OpenConstruct],
        closers: list[Closer],
    ) -> bool:
        """Apply one token of code to the stack; return True for a bracket that does not fit."""
        if token in self._block_comments:
            stack.append(OpenConstruct("block_comment", self._block_comments[token], start))
        elif token in self._line_comments:
            stack.append(OpenConstruct("line_comment", "", start))
        elif token in self._strings:
            form = self._strings[token]
            stack.append(OpenConstruct("string", form.close, start, form))
        elif token in _CLOSING:
            stack.append(OpenConstruct("bracket", _CLOSING[token], start))
        elif token in self._keywords:
            keyword = self._keywords[token]
            if not keyword.at_line_start or _starts_line(text, start):
                stack.append(OpenConstruct("keyword", keyword.close, start))
        elif stack and stack[-1].closer == token:
            closers.append(Closer(token, start, stack.pop().start))
        else:
            closers.append(Closer(token, start, None))
            is_in_bracket = bool(stack) and stack[-1].kind == "bracket"
            return is_in_bracket and token not in self._keyword_closers
        return False

    def _skip_comment(self, text: str, position: int, end: int, stack: list[OpenConstruct]) -> int:
        closer = stack[-1].closer or "\n"
        found = text.find(closer, position, end)
        if found < 0:
            return end
        stack.pop()
        return found + len(closer)

    def _skip_string(
        self,
        text: str,
        position: int,
        end: int,
        stack: list[OpenConstruct],
        closers: list[Closer],
    ) -> int:
        form = stack[-1].form
        assert form is not None
        for found in self._inside[form.open].finditer(text, position, end):
            token = found.group()
            if token == form.interpolation:
                bracket = next(each for each in token if each in _CLOSING)
                stack.append(OpenConstruct("bracket", _CLOSING[bracket], found.start()))
            elif form.escape and token.startswith(form.escape) and token != form.close:
                continue
            else:
                opened = stack.pop()
                if token == form.close:
                    closers.append(Closer(token, found.start(), opened.start))
            return found.end()
        return end

    def _code_pattern(self) -> re.Pattern[str]:
        marks = {*self._block_comments, *self._line_comments, *self._strings}
        alternatives = [
            # `$#` and `${#` count things in shells, they start no comment.
            (r"(?<![$\\{])#" if mark == "#" else _whole_word(mark))
            for mark in sorted(marks, key=len, reverse=True)
        ]
        alternatives.append(r"[()\[\]{}]")
        words = {*self._keywords, *self._keyword_closers}
        alternatives += [_whole_word(word) for word in sorted(words, key=len, reverse=True)]
        return re.compile("|".join(alternatives))


def closing_text(opened: Sequence[OpenConstruct]) -> str:
    """Return what closes the constructs, innermost first; a string is never closed."""
    text = ""
    for construct in reversed(opened):
        if construct.kind == "bracket":
            text += construct.closer
        elif construct.kind == "keyword":
            text += f"\n{construct.closer}"
        elif construct.kind == "line_comment":
            text += "\n"
    return text


def _whole_word(text: str) -> str:
    """Return a pattern for `text` that does not match inside a longer name."""
    before = r"(?<![\w.$@:])" if text[0].isalpha() else ""
    after = r"(?![\w?!:])" if text[-1].isalpha() else ""
    return before + re.escape(text) + after


def _string_pattern(form: StringForm) -> re.Pattern[str]:
    alternatives = [re.escape(form.close)]
    if form.escape and form.escape == form.close:
        alternatives.insert(0, re.escape(form.escape) * 2)
    elif form.escape:
        alternatives.insert(0, re.escape(form.escape) + r"(?:\r\n|[\s\S])")
    if form.interpolation:
        alternatives.insert(0, re.escape(form.interpolation))  # Swift's begins as an escape does
    if not form.multiline:
        alternatives.append(r"\r?\n")
    return re.compile("|".join(alternatives))


def _trimmed_end(text: str, start: int, end: int, otherwise: int) -> int:
    trimmed = text[start:end].rstrip()
    return start + len(trimmed) if trimmed else otherwise


def _starts_line(text: str, offset: int) -> bool:
    """Say whether a statement or a value can start at `offset`."""
    line = text[max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1 : offset]
    return not line.strip() or line.rstrip().endswith(("=", "(", ";", "|", "&", "{"))
