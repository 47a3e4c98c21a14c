"""Cuts what the text after the cursor brings anyway, once its closers have been matched."""

from __future__ import annotations

from tabwright.completion.repetition import is_nearly_equal
from tabwright.document import line_end, line_start
from tabwright.syntax.rough_scanner import RoughScanner

CHARACTERS_BELOW = 4000
"""How much of the text after the cursor is compared: a page, however long the document is."""

_LINES_COMPARED = 3
_LIKE_SHARE = 0.05
_SHORTEST_OVERLAP = 3
_TELLING_BEGINNING = 8
_WORDS_THAT_CLOSE = frozenset(("end", "fi", "done", "esac"))


def without_line_overlap(text: str, line_after: str) -> str:
    """Cut an end that the rest of the cursor's line begins with.

    It is at least three characters, or all that is in the line, and more than punctuation.
    """
    line_after = line_after[:CHARACTERS_BELOW]
    whole = line_after.rstrip()
    while whole.strip():
        for length in range(min(len(text), len(line_after)), 0, -1):
            piece = line_after[:length]
            is_telling = length >= _SHORTEST_OVERLAP or (length == len(whole) and _is_code(piece))
            if is_telling and piece.strip() and text.endswith(piece):
                break
        else:
            break
        text = text[: len(text) - length].rstrip()
    return text


def without_lines_below(text: str, line_before: str, after: str, scanner: RoughScanner) -> str:
    """Cut a text where it begins to say what the lines below the cursor's line say.

    That is the next line exactly; or several of the next three lines that are not blank, nearly,
    whatever their indentation; or, where the cursor's line has code, a first line that is what
    they begin with, however it is spread over lines.
    """
    below = after[line_end(after[:CHARACTERS_BELOW], 0) :][:CHARACTERS_BELOW]
    following = [line.rstrip() for line in _lines(below) if line.strip()][:_LINES_COMPARED]
    if not following:
        return text
    lines = text.split("\n")
    is_on_blank_line = not line_before.strip()
    if not is_on_blank_line and _is_beginning_of(lines[0], below):
        return ""
    position = 0
    for number, line in enumerate(lines):
        is_whole_line = number > 0 or is_on_blank_line
        if is_whole_line and _is_code(line) and not _closes_own(text, position, line, scanner):
            own = [each.rstrip() for each in lines[number:] if each.strip()][:_LINES_COMPARED]
            if number == 0:
                own[0] = line_before + own[0]
            if _says_the_same(own, following):
                return text[: max(0, position - 1)].rstrip()
        position += len(line) + 1
    return text


def _says_the_same(own: list[str], following: list[str]) -> bool:
    if own[0] == following[0]:
        return True
    pairs = [(one.strip(), other.strip()) for one, other in zip(own, following, strict=False)]
    has_several = sum(_is_code(mine) for mine, _ in pairs) > 1
    return has_several and all(is_nearly_equal(*pair, _LIKE_SHARE) for pair in pairs)


def _closes_own(text: str, position: int, line: str, scanner: RoughScanner) -> bool:
    """Say whether a line is only the word that ends a block which the text has opened itself."""
    if line.strip(" \t)]};,") not in _WORDS_THAT_CLOSE:
        return False
    return any(each.kind == "keyword" for each in scanner.scan(text, 0, position).open)


def _is_beginning_of(text: str, below: str) -> bool:
    told = "".join(text.split())
    return len(told) >= _TELLING_BEGINNING and "".join(below.split()).startswith(told)


def _is_code(text: str) -> bool:
    return any(character.isalnum() or character == "_" for character in text)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def lines_above(before: str) -> list[str]:
    """Return the lines above the cursor's line, as far as they are compared with a text."""
    window = before[-CHARACTERS_BELOW:]
    return _lines(window[: line_start(window, len(window))])[:-1]
