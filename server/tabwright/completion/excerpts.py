"""Which few lines of the workspace are shown to the model before the code at the cursor.

Pure: the same key, index and settings give the same excerpts. From finding to showing:

1. `excerpt_key` says what of the document decides; `reason_against` whether to look at all.
2. The sources turn it into candidates with a score (`excerpt_question.py` documents the score).
3. Candidates are taken by score per token, best first, while there is room. Left out are those that
   score less than `LEAST_SCORE`, that are a duplicate of one taken before (Dice of their words at
   least 0.9), that echo the code at the cursor (lines at least 0.5 like it; for signatures 0.9,
   since a call is always somewhat like the signature of what it calls).
   A third of the room is kept for lines as they are (uses, similar and recent code) while there are
   any: signatures are so short that they would take all of it.
4. What was taken is shown as skeletons, one excerpt per file, in order of path and place: whatever
   else is found, what stays keeps its place, and as much as can be of the beginning its text.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tabwright.completion.excerpt_key import ExcerptKey
from tabwright.completion.excerpt_layout import Excerpt, Part, header_characters
from tabwright.completion.excerpt_question import Question, RecentPlace
from tabwright.completion.excerpt_sources import (
    ALL_SOURCES,
    Candidate,
    candidates_of,
)
from tabwright.completion.prompt import CHARACTERS_PER_TOKEN
from tabwright.completion.similarity import DUPLICATE, ECHO, Surroundings, Words, is_like_any
from tabwright.completion.skeleton import Piece, full_name, needs_owner, signature_line, skeleton
from tabwright.syntax.languages import Language
from tabwright.workspace_index.facts import Definition
from tabwright.workspace_index.view import FoundDefinition, WorkspaceView

LEAST_SCORE = 0.1
"""Below this, an excerpt is more likely to mislead than to help; not fitted yet."""
SMALLEST_ROOM = 240
"""Characters; with less, an excerpt or two cost the window more than they can be worth."""
_COST_OF_ANY = 24
"""Tokens added to each candidate's cost, so that a short one does not win for being short."""
_LONGEST_SHARE = 0.5
"""How much of the room one candidate may take."""
_LINES_SHARE = 1 / 3
"""How much of the room signatures leave to lines as they are; not fitted yet."""


class ReasonAgainst(enum.Enum):
    """Why nothing is looked for."""

    NO_PATH = "the document is in no workspace folder"
    SMALL_BUDGET = "the prompt is too short to give any of it away"
    NOTHING_RESOLVES = "no import leads into the workspace, and no name near the cursor"


class LeftOutBecause(enum.Enum):
    """Why a candidate is not shown."""

    LOW_SCORE = "scores too little"
    DUPLICATE = "the same as another"
    ECHO = "too like the code at the cursor"
    SHOWN_ALREADY = "inside another"
    NO_ROOM = "no room"


@dataclass(frozen=True)
class LeftOut:
    """A candidate that is not shown."""

    part: Part
    reason: LeftOutBecause


@dataclass(frozen=True)
class Choice:
    """The excerpts for a cursor, and how they came about."""

    excerpts: tuple[Excerpt, ...]
    """In order of path."""
    left_out: tuple[LeftOut, ...] = ()
    """Best first; empty unless it was asked for."""
    tokens: int = 0
    """What the excerpts cost, path headers included, estimated."""
    room_tokens: int = 0
    """What they may cost."""
    reason_against: ReasonAgainst | None = None
    """Why nothing was looked for."""


def reason_against(
    key: ExcerptKey, language: Language, view: WorkspaceView
) -> ReasonAgainst | None:
    """Say why it is not worth looking for excerpts, None when it is.

    It is when there is room, and when some import of the document leads to a file of the workspace,
    or some file imports it, or a name near the cursor that the document does not define is defined
    elsewhere in its language, or part of the document itself is out of sight. In other words: when
    the code at the cursor can use something that the model would not see.
    """
    return _reason_against(Question(key, language, view))


def choose_excerpts(
    key: ExcerptKey,
    language: Language,
    view: WorkspaceView,
    *,
    recent: tuple[RecentPlace, ...] = (),
    dependencies: tuple[FoundDefinition, ...] = (),
    sources: frozenset[str] = ALL_SOURCES,
    explains: bool = False,
) -> Choice:
    """Return the excerpts for a cursor, within the room that its key says there is.

    With `explains` also what was left out and why, which takes longer.
    """
    question = Question(key, language, view, recent, dependencies)
    room_tokens = int(key.room / CHARACTERS_PER_TOKEN)
    reason = _reason_against(question)
    if reason is not None:
        return Choice((), room_tokens=room_tokens, reason_against=reason)
    candidates = candidates_of(question, sources)
    if not explains:
        candidates = [each for each in candidates if each.score >= LEAST_SCORE]
    priced = [_Priced.of(each, language) for each in candidates]
    priced.sort(key=lambda each: each.order)
    packing = _Packing(question)
    left_out = _pack(packing, priced, explains=explains)
    excerpts = tuple(packing.excerpts())
    return Choice(
        excerpts=excerpts,
        left_out=left_out,
        tokens=_tokens(packing.used),
        room_tokens=room_tokens,
    )


def _pack(packing: _Packing, priced: Sequence[_Priced], *, explains: bool) -> tuple[LeftOut, ...]:
    """Take what there is room for, and return the rest, best first, if it is to be explained."""
    signatures = [each for each in priced if each.candidate.piece.definition is not None]
    lines = [each for each in priced if each.candidate.piece.definition is None]
    refused = packing.take_all(signatures, 1 - _LINES_SHARE if lines else 1)
    refused += packing.take_all(lines, 1)
    again = [each for each, reason in refused if reason is LeftOutBecause.NO_ROOM]
    refused = [pair for pair in refused if pair[1] is not LeftOutBecause.NO_ROOM]
    refused += packing.take_all(sorted(again, key=lambda each: each.order), 1)
    if not explains:
        return ()
    left = [LeftOut(each.part(), why) for each, why in refused if not packing.has_place(each)]
    return tuple(sorted(left, key=lambda each: (-each.part.score, each.part.path, each.part.place)))


def _reason_against(question: Question) -> ReasonAgainst | None:
    key = question.key
    if not key.path:
        return ReasonAgainst.NO_PATH
    if key.room < SMALLEST_ROOM:
        return ReasonAgainst.SMALL_BUDGET
    if key.elsewhere or question.imported_files or question.found or question.dependencies:
        return None
    # The slowest question comes last.
    return None if question.view.importers_of(key.path, limit=1) else ReasonAgainst.NOTHING_RESOLVES


@dataclass(frozen=True)
class _Priced:
    """A candidate with its text and its cost by itself in tokens."""

    candidate: Candidate
    text: str
    tokens: int

    @classmethod
    def of(cls, candidate: Candidate, language: Language) -> _Priced:
        piece = candidate.piece
        definition = piece.definition
        text = piece.lines if definition is None else signature_line(definition, language)
        return cls(candidate, text, _tokens(len(text)))

    @property
    def named(self) -> str:
        """Its text; that of a member with the names of its class."""
        definition = self.candidate.piece.definition
        return self.text if definition is None else f"{definition.parent} {self.text}"

    @cached_property
    def words(self) -> Words:
        """The words of that."""
        return Words(self.named)

    @property
    def order(self) -> tuple[float, str, int, str]:
        """Best first: by score per token, then by path and place."""
        value = self.candidate.score / (self.tokens + _COST_OF_ANY)
        place = self.candidate.piece.place
        return (-round(value, 6), self.candidate.path, place, self.candidate.source)

    def part(self) -> Part:
        candidate = self.candidate
        return Part(
            source=candidate.source,
            because_of=candidate.because_of,
            path=candidate.path,
            place=candidate.piece.place,
            title=_title(self.text),
            score=round(candidate.score, 4),
            tokens=self.tokens,
        )


def _title(text: str) -> str:
    """Return the first line that is no decorator or annotation."""
    lines = [line.strip() for line in text.strip().splitlines()] or [""]
    return next((line for line in lines if not line.startswith(("@", "#["))), lines[0])


@dataclass
class _File:
    """What is shown of one file so far."""

    pieces: dict[tuple[int, int], Piece] = field(default_factory=dict)
    parts: dict[tuple[int, int], Part] = field(default_factory=dict)
    length: int = 0
    """Characters, path header included."""


class _Packing:
    """What was taken so far. Made for one choice and forgotten with it."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._room = question.key.room
        self._surroundings = Surroundings(question.key.window)
        self._files: dict[str, _File] = {}
        self._owners: dict[str, dict[str, list[Definition]]] = {}
        self._taken: list[Words] = []
        self._known: dict[str, LeftOutBecause] = {}
        """Texts that would be refused without a look at what they are like."""
        self.used = 0

    def take_all(
        self, candidates: Iterable[_Priced], share: float
    ) -> list[tuple[_Priced, LeftOutBecause]]:
        """Take what fits into a share of the room, and return the rest with the reasons."""
        refused = []
        for each in candidates:
            because = self.take(each, share)
            if because is not None:
                refused.append((each, because))
        return refused

    def take(self, priced: _Priced, share: float) -> LeftOutBecause | None:
        """Take a candidate if it fits into a share of the room, or say why not."""
        candidate, piece = priced.candidate, priced.candidate.piece
        if candidate.score < LEAST_SCORE or not priced.text.strip():
            return LeftOutBecause.LOW_SCORE
        room = self._room * share
        if self.used + len(priced.text) > room:
            return LeftOutBecause.NO_ROOM
        known = self._files.get(candidate.path, _File())
        if any(_covers(each, piece) for each in known.pieces.values()):
            return LeftOutBecause.SHOWN_ALREADY
        likeness = self._known.get(priced.named) or self._likeness(priced)
        if likeness is not None:
            self._known[priced.named] = likeness
            return likeness
        # Lines take the place of what they show as well.
        kept = {key: each for key, each in known.pieces.items() if not _covers(piece, each)}
        pieces = {**kept, **self._with_owners(candidate)}
        length = self._length(candidate.path, pieces)
        total = self.used + length - known.length
        if length - known.length > self._room * _LONGEST_SHARE or total > room:
            return LeftOutBecause.NO_ROOM
        key = (piece.place, piece.end)
        parts = {each: part for each, part in known.parts.items() if each in kept}
        parts[key] = priced.part()
        self._files[candidate.path] = _File(pieces, parts, length)
        self._taken.append(priced.words)
        if priced.words.total:
            self._known[priced.named] = LeftOutBecause.DUPLICATE
        self.used = total
        return None

    def _likeness(self, priced: _Priced) -> LeftOutBecause | None:
        if is_like_any(priced.words, self._taken, DUPLICATE):
            return LeftOutBecause.DUPLICATE
        return LeftOutBecause.ECHO if self._echoes(priced) else None

    def _echoes(self, priced: _Priced) -> bool:
        """Say whether a candidate is too like the code at the cursor; a signature counts without
        its class."""
        if priced.candidate.piece.definition is None:
            words, limit = priced.words, ECHO
        else:
            words, limit = Words(priced.text), DUPLICATE
        lines = sum(1 for line in priced.text.splitlines() if line.strip())
        return self._surroundings.have_like(words, lines, limit)

    def has_place(self, priced: _Priced) -> bool:
        """Say whether the very same place was taken, for another reason or as part of a class."""
        known = self._files.get(priced.candidate.path)
        piece = priced.candidate.piece
        return known is not None and (piece.place, piece.end) in known.pieces

    def excerpts(self) -> Iterator[Excerpt]:
        """Yield what was taken in order of path."""
        for path in sorted(self._files):
            known = self._files[path]
            text = skeleton(list(known.pieces.values()), self._question.language)
            parts = tuple(known.parts[key] for key in sorted(known.parts))
            yield Excerpt(path, text, parts)

    def _length(self, path: str, pieces: dict[tuple[int, int], Piece]) -> int:
        text = skeleton(list(pieces.values()), self._question.language)
        return len(text) + header_characters(path, self._question.language)

    def _with_owners(self, candidate: Candidate) -> dict[tuple[int, int], Piece]:
        """Return a candidate's piece and the heads of the classes it stands in."""
        piece = candidate.piece
        found = {(piece.place, piece.end): piece}
        definition = piece.definition
        if definition is None or not definition.parent:
            return found
        names = definition.parent.split(".")
        owners = self._owners_in(candidate.path)
        for count in range(1, len(names) + 1):
            for owner in owners.get(".".join(names[:count]), ()):
                is_around = owner.start <= definition.start and definition.end <= owner.end
                if is_around or (count == len(names) and needs_owner(definition)):
                    found[owner.start, owner.end] = Piece(owner.start, owner.end, owner)
        return found

    def _owners_in(self, path: str) -> Mapping[str, list[Definition]]:
        """Return the classes of a file by their full names."""
        known = self._owners.get(path)
        if known is None:
            known = self._owners[path] = {}
            is_own = path == self._question.key.path
            for each in self._question.key.own if is_own else self._question.definitions(path):
                if each.kind == "class":
                    known.setdefault(full_name(each), []).append(each)
        return known


def _covers(one: Piece, other: Piece) -> bool:
    """Say whether a piece shows the other one: the same, or lines that it stands in."""
    if (one.place, one.end) == (other.place, other.end):
        return True
    return one.definition is None and one.place <= other.place < one.end


def _tokens(characters: int) -> int:
    return math.ceil(characters / CHARACTERS_PER_TOKEN)
