"""How much of a suggestion can be shown without breaking the program around it.

A cut is tried by parsing the program with it. What a suggestion merely leaves unfinished must not
count as broken, so several endings are tried: the brackets and blocks it opens are closed, a
header gets an empty body, a statement its end. One ending without new faults is enough.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabwright.document import TextRange, is_in_word, line_end, line_start
from tabwright.syntax.language_file import LanguageFile
from tabwright.syntax.rough_scanner import OpenConstruct, RoughScanner, Scan, closing_text

if TYPE_CHECKING:
    from tabwright.syntax.languages import Language

_RIGHTMOST_CUTS = 5
_LINE_END_CUTS = 5
_SPREAD_CUTS = 2
_NAME = "x"
"""Stands for what follows a suggestion that goes on."""
_MOST_PARSES = 40
_MOST_EFFORT = 2_000_000
"""Where the search for a cut ends, in trees made and in their effort, see `SyntaxTree.effort`."""


def sound_length(
    language: Language,
    before: str,
    suggestion: str,
    after: str,
    cut_points: Sequence[int],
    *,
    goes_on: bool = False,
) -> int:
    """Return the longest cut of `suggestion` that leaves the program as sound as it was.

    `cut_points` are string offsets in `suggestion`; its whole length is always a candidate. A cut
    is sound when the program with it has no more faults than `before + after` has. `goes_on` says
    that `suggestion` is the beginning of a line of which more is to come: then the whole of it may
    end where a name must follow, as `x =` and `x.` do.

    Where the cursor's own line is what is broken, which is usual while typing, a cut that mends it
    is preferred to a longer one that does not. A cut that mends nothing must not spread a fault
    over text that was sound.

    A program that is still being written often lacks its end. When it is broken, it is also tried
    with the brackets and blocks closed that were opened above the cursor's line. When nothing is
    sound even so, the tree says nothing about the cursor, and its line is taken for the program.

    The whole is tried first, then at most twelve cuts, longest first. Returns 0 when none is
    sound.
    """
    candidates = _candidates(suggestion, cut_points)
    if not candidates:
        return 0
    program = _Program(language, before, after)
    length = _longest_sound(program, suggestion, candidates, goes_on=goes_on)
    if length == len(suggestion) or not program.faults.count:
        return length
    missing_end = program.missing_end()
    if missing_end:
        completed = _Program(language, before, after, missing_end)
        if completed.faults_elsewhere < program.faults_elsewhere:
            longer = [cut for cut in candidates if cut > length]
            length = max(length, _longest_sound(completed, suggestion, longer, goes_on=goes_on))
    if length == 0 and program.is_broken_around_cursor:
        line_before = before[line_start(before, len(before)) :].lstrip()
        line_program = _Program(language, line_before, after[: line_end(after, 0)])
        length = _longest_sound(line_program, suggestion, candidates, goes_on=goes_on)
    return length


def _longest_sound(
    program: _Program, suggestion: str, candidates: Sequence[int], *, goes_on: bool
) -> int:
    longest_harmless = 0
    for cut in candidates:
        verdict = program.judge(suggestion[:cut], goes_on=goes_on and cut == len(suggestion))
        if verdict is _Verdict.SOUND:
            return cut
        if verdict is _Verdict.HARMLESS:
            longest_harmless = max(longest_harmless, cut)
        if program.is_tired:
            break
    return longest_harmless


def _candidates(suggestion: str, cut_points: Sequence[int]) -> list[int]:
    """Return the cuts to try, longest first: the rightmost, then line ends, then a few between."""
    if not suggestion.strip():
        return []
    waiting = sorted({cut for cut in cut_points if 0 < cut < len(suggestion)}, reverse=True)
    waiting = [cut for cut in waiting if suggestion[:cut].strip()]
    chosen = waiting[:_RIGHTMOST_CUTS]
    waiting = waiting[_RIGHTMOST_CUTS:]
    chosen += [cut for cut in waiting if _is_line_end(suggestion, cut)][:_LINE_END_CUTS]
    waiting = [cut for cut in waiting if cut not in chosen]
    step = max(1, len(waiting) // _SPREAD_CUTS)
    chosen += waiting[step // 2 :: step][:_SPREAD_CUTS]
    return [len(suggestion), *sorted(chosen, reverse=True)]


def _is_line_end(suggestion: str, cut: int) -> bool:
    return suggestion[cut - 1] == "\n" or suggestion[cut] in "\r\n"


class _Verdict(enum.Enum):
    SOUND = enum.auto()
    HARMLESS = enum.auto()
    """No better and no worse than before."""
    BROKEN = enum.auto()


@dataclass(frozen=True)
class _Faults:
    count: int
    covered: int
    """How many characters of the program, without the inserted text, stand in an ERROR node."""


class _Program:
    """The program around the cursor, and how broken it is without a suggestion.

    `end` is put after its last line.
    """

    def __init__(self, language: Language, before: str, after: str, end: str = "") -> None:
        program = language.program_at(before, after)
        self._language = language
        self._program = program
        self._end = end
        self._before = program.text[: program.offset]
        self._parses_left = _MOST_PARSES
        self._effort_left = _MOST_EFFORT
        # What is open at the cursor is the same whatever stands at the end.
        self._scan_start = language.parse(before + after).open_since(len(before)) - program.start
        spans = program.with_inserted("", end).faults
        self.faults = _Faults(len(spans), _covered(spans, 0, 0))
        self.faults_elsewhere = self._count_elsewhere(spans)
        self.is_broken_around_cursor = any(
            span.start < program.line_start and program.offset <= span.end for span in spans
        )

    @property
    def is_tired(self) -> bool:
        """Whether enough has been tried."""
        return self._parses_left <= 0 or self._effort_left <= 0

    def missing_end(self) -> str:
        """Return what closes the constructs left open by the lines around the cursor's line."""
        return closing_text(self._program.around.open_constructs)

    def judge(self, cut: str, *, goes_on: bool) -> _Verdict:
        """Say whether the program with `cut` at the cursor is as sound as it was."""
        scan = self._scanner.scan(self._before + cut, self._scan_start, len(self._before + cut))
        around = scan.innermost
        if around is not None and around.is_text and around.start < len(self._before):
            return _Verdict.SOUND  # still inside the comment or string around the cursor
        verdict = _Verdict.BROKEN
        for ending in self._endings(cut, scan, goes_on=goes_on):
            if self.is_tired:
                break
            faults = self._faults_with(ending)
            if faults.count > self.faults.count or faults.covered > self.faults.covered:
                continue
            if faults.count <= self.faults_elsewhere:
                return _Verdict.SOUND
            if not scan.mismatched:
                verdict = _Verdict.HARMLESS
        return verdict

    def _faults_with(self, inserted: str) -> _Faults:
        tree = self._program.with_inserted(inserted, self._end)
        spans = tree.faults
        self._parses_left -= 1
        self._effort_left -= tree.effort
        start = self._program.offset
        return _Faults(len(spans), _covered(spans, start, start + len(inserted)))

    def _count_elsewhere(self, spans: tuple[TextRange, ...]) -> int:
        """Return how many faults stay when the cursor's line is left out."""
        start, end = self._program.line_start, self._program.line_end
        if not any(span.start <= end and span.end >= start for span in spans):
            return len(spans)
        elsewhere = self._program.around.with_end(self._end).without_line.faults
        return min(len(spans), len(elsewhere))

    def _endings(self, cut: str, scan: Scan, *, goes_on: bool) -> list[str]:
        """Return `cut` finished in several ways, the likeliest first, without repeats."""
        definition = self._language.definition
        opened = [construct for construct in scan.open if construct.start >= len(self._before)]
        closers = closing_text(opened)
        code_length = max(scan.code_end - len(self._before), 0)
        code, rest = cut[:code_length], cut[code_length:]
        with_body = code + definition.empty_block + rest + closers
        endings = [cut + closers]
        at_opener = code.endswith(definition.line_block_openers)
        # A block that its indentation shows has an opener before it, always.
        if definition.empty_block and (at_opener or definition.block_style != "indentation"):
            endings.insert(0 if at_opener else 1, with_body)
        if definition.statement_end:
            endings.append(code + closers + definition.statement_end + rest)
        if closers and definition.empty_block and definition.block_style == "braces":
            endings.append(code + closers + definition.empty_block + rest)
        if definition.block_style == "keywords":
            brackets = closing_text([each for each in opened if each.kind != "keyword"])
            endings.append(cut + brackets)
            if code.endswith(definition.line_block_openers):
                words = dict.fromkeys(keyword.close for keyword in definition.block_keywords)
                endings += [f"{cut}{closers}\n{word}" for word in words]
        endings.append(cut)
        if goes_on:
            whole = self._gone_on(cut, code, opened) + closers
            endings += [whole + end for end in _line_ends(definition)]
        return list(dict.fromkeys(endings))

    @staticmethod
    def _gone_on(cut: str, code: str, opened: Sequence[OpenConstruct]) -> str:
        """Return a cut with the least that may follow it: the end of a string, or a name."""
        if opened and opened[-1].kind == "string":
            return cut + opened[-1].closer
        name = _NAME + ">" if code.endswith("<") else _NAME
        return code + (f" {name}" if is_in_word(code[-1:]) else name)

    @property
    def _scanner(self) -> RoughScanner:
        return self._language.scanner


def _line_ends(definition: LanguageFile) -> tuple[str, ...]:
    """Return the ends of an expression, a statement, one of several values, and of the headers of a
    block and a function.
    """
    header = f":{definition.empty_block}" if definition.block_style == "indentation" else " {}"
    return "", definition.statement_end, ",", header, f"(){header}"


def _covered(spans: Sequence[TextRange], start: int, end: int) -> int:
    """Return how many characters the spans cover together, those from `start` to `end` aside."""
    total = 0
    reached = 0
    for span in spans:
        first = max(span.start, reached)
        if span.end > first:
            total += span.end - first
            total -= max(0, min(span.end, end) - max(first, start))
            reached = span.end
    return total
