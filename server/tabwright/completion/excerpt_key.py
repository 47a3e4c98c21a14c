"""What of a document decides which excerpts are shown: as little as possible, and slow to change.

Excerpts are the beginning of the prompt. Whenever one of them changes, all of the prompt is read
again, which takes a small model on a laptop two seconds. So they are chosen by what does not change
from key to key and hardly from line to line:

* the imports and definitions of the document, as the index knows them,
* the headers of the definitions around the cursor, by indentation, the cursor's line left out,
* the names in the window before its last *border*. Borders are the multiples of the step in which
  the window's start moves (see `prompt.py`), so where they change, the prompt is read anew anyway.

What was typed since the border, up to a step, has no part in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tabwright.completion.enclosing import enclosing_headers
from tabwright.completion.prompt import Room
from tabwright.document import Cursor, DocumentSnapshot, line_end
from tabwright.syntax.languages import Language
from tabwright.workspace_index.facts import Definition, Import
from tabwright.workspace_index.view import WorkspaceView

MOST_NAMES = 30
_SHORTEST_NAME = 2
_RECEIVERS = frozenset({"self", "cls", "this"})
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class ExcerptKey:
    """All that the excerpts for a cursor depend on, besides the index."""

    path: str
    headers: tuple[str, ...]
    """Of the definitions around the cursor, innermost first."""
    header_names: tuple[str, ...]
    """The names in them, in order, without those every file has."""
    names: tuple[str, ...]
    """The names in `window` that are not in the headers, the last ones first."""
    window: str
    """The code from the window's start to the last border, in whole lines."""
    imports: tuple[Import, ...]
    own: tuple[Definition, ...]
    """What the document defines itself. `start` and `end` count definitions and not characters,
    because those change with every key."""
    elsewhere: tuple[Definition, ...]
    """What of it is not in the prompt."""
    room: int
    """The most characters that excerpts may take."""

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The names that the document defines itself."""
        return frozenset(each.name for each in self.own)


def excerpt_key(
    snapshot: DocumentSnapshot, cursor: Cursor, language: Language, view: WorkspaceView, room: Room
) -> ExcerptKey:
    """Return what decides about the excerpts at a cursor."""
    headers = enclosing_headers(snapshot, cursor, language)
    start, border = border_of(cursor.offset, room)
    window = _whole_lines(snapshot.text, start, border)
    header_names = _names((header for header in headers), language)
    in_window = _names(reversed(window.splitlines()), language)
    names = tuple(name for name in in_window if name not in header_names)
    facts = view.facts_of(snapshot.relative_path)
    own = _counted(facts.definitions if facts is not None else ())
    near = snapshot.text[start : line_end(snapshot.text, cursor.offset) + room.suffix]
    return ExcerptKey(
        path=snapshot.relative_path,
        headers=headers,
        header_names=header_names,
        names=names[:MOST_NAMES],
        window=window,
        imports=facts.imports if facts is not None else (),
        own=own,
        elsewhere=_elsewhere(own, near, headers),
        room=room.excerpts,
    )


def border_of(offset: int, room: Room) -> tuple[int, int]:
    """Return where the widest window starts and where its last border before the cursor is."""
    border = max(0, -(-offset // room.step) - 1) * room.step
    widest = room.window_with(0)
    start = max(0, -(-(offset - widest) // room.step) * room.step)
    return min(start, border), border


def _whole_lines(text: str, start: int, end: int) -> str:
    """Return the whole lines within a range."""
    if start > 0:
        start = text.find("\n", start - 1, end) + 1 or end
    return text[start : text.rfind("\n", start, end) + 1]


def _names(pieces: Iterable[str], language: Language) -> tuple[str, ...]:
    """Return the names in code in order, those that need no definition left out."""
    known = (language.grammar.builtins or frozenset()) | _RECEIVERS
    found: dict[str, None] = {}
    for piece in pieces:
        for name in _NAME.findall(_without_comment(piece, language)):
            if len(name) >= _SHORTEST_NAME and name not in known:
                found.setdefault(name)
    return tuple(found)


def _without_comment(piece: str, language: Language) -> str:
    """Return a piece of code without simple strings and what follows a comment's mark."""
    for form in language.definition.strings:
        if form.open == form.close and len(form.open) == 1 and not form.interpolation:
            mark = re.escape(form.open)
            piece = re.sub(rf"{mark}[^{mark}\n]*{mark}", "", piece)
    if language.line_comment:
        piece = re.sub(rf"{re.escape(language.line_comment)}[^\n]*", "", piece)
    return piece


def _counted(definitions: Sequence[Definition]) -> tuple[Definition, ...]:
    """Return definitions with their numbers for their places, those inside them still inside."""
    starts = [each.start for each in definitions]
    return tuple(
        Definition(
            each.name,
            each.kind,
            each.parent,
            number,
            max(number, bisect_left(starts, each.end) - 1),
            each.signature,
            "",
        )
        for number, each in enumerate(definitions)
    )


def _elsewhere(
    own: Sequence[Definition], near: str, headers: tuple[str, ...]
) -> tuple[Definition, ...]:
    """Return the definitions whose first line is neither near the cursor nor around it."""
    shown = {line.strip() for line in (*near.splitlines(), *"\n".join(headers).splitlines())}
    by_start = sorted(shown)
    found = []
    for each in own:
        first = each.signature.strip().partition("\n")[0].strip()
        index = bisect_left(by_start, first)
        is_shown = index < len(by_start) and by_start[index].startswith(first)
        if first and not is_shown:
            found.append(each)
    return tuple(found)
