"""What closes the brackets and blocks that a suggestion opened and was cut off inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabwright.document import line_start

if TYPE_CHECKING:
    from tabwright.syntax.languages import Language


def missing_closers(language: Language, before: str, suggestion: str, after: str) -> str:
    """Return what to append to a suggestion so that it leaves nothing open, or an empty string.

    What was opened on the last line is closed right there, anything else on a line of its own with
    the indentation of the line that opened it. Nothing is returned unless the program then has
    fewer ERROR and MISSING nodes than with the suggestion as it is, and no more than without it.
    """
    scan = language.scanner.scan(suggestion, 0, len(suggestion))
    opened = [each for each in reversed(scan.open) if not each.is_text]
    if not opened or len(opened) != len(scan.open):
        return ""
    lines_done = {line_start(suggestion, len(suggestion))}
    closers = ""
    for construct in opened:
        opening_line = line_start(suggestion, construct.start)
        if opening_line not in lines_done or construct.kind == "keyword":
            place = len(before) + construct.start
            closers += f"\n{_indentation_at(before + suggestion, place)}"
        lines_done.add(opening_line)
        closers += construct.closer

    program = language.program_at(before, after)

    def faults(inserted: str) -> int:
        return len(program.with_inserted(inserted).faults)

    without, as_it_is = faults(""), faults(suggestion)
    if as_it_is == 0:
        return ""
    for ending in dict.fromkeys((closers, closers + language.definition.statement_end)):
        if faults(suggestion + ending) <= min(without, as_it_is - 1):
            return ending
    return ""


def _indentation_at(text: str, offset: int) -> str:
    start = line_start(text, offset)
    line = text[start:offset]
    return line[: len(line) - len(line.lstrip(" \t"))]
