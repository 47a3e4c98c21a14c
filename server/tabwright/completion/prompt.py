"""A budgeted prompt from a manifest: the code around the cursor in the form its model knows.

Layout and budget:

* The prefix window starts at a line border that moves in steps of a third of the budget, not with
  every line, so that the prompt of the next key only grows at its end and its KV entries are
  reused.
* A fill-in-the-middle model gets the text after the cursor in 15 % of the budget; it does not
  change while one types forward. In prefix-suffix-middle order the prefix ends with the line before
  the cursor's, which follows as the beginning of the middle: what is typed then comes at the very
  end, and neither suffix nor prefix is read again (EFIM, arXiv 2505.21889).
  In suffix-prefix-middle order the prompt only grows at its end; joined, it ends as text, so that
  a word that is begun is healed.
* A model without it can be shown the lines after the cursor's first, as a part of the file further
  down, and then the code before the cursor. Whether that pays is the manifest's to say; for
  SmolLM2-135M it does not (`calibrate.py --following`), and what it writes is only held against
  the code after the cursor, see `trimming.py`.
* A path header comes first: as the model's own file separator where it has one, else as a comment.
* Excerpts from elsewhere (`excerpts.py`) come before all of that, in at most 40 % of the budget.
  With them the window moves in steps of a third of the 60 % that are its own: the excerpts change
  where the window moves, and nowhere else while one types.

All of it follows from the document and the cursor alone, never from what was asked before.
"""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.completion.excerpt_layout import Excerpt, excerpt_segments
from tabwright.document import Cursor, DocumentSnapshot, line_end
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Segment
from tabwright.syntax.languages import Language
from tabwright.workspace_index.secrets import mask_secrets

CHARACTERS_PER_TOKEN = 3.0
"""Below the 3.2 to 4 that code comes to, so that a prompt rarely outgrows its budget."""

EXCERPT_SHARE = 0.4
"""How much of the budget excerpts may take, their headers included."""

_SUFFIX_SHARE = 0.15
_STEPS_PER_WINDOW = 3


@dataclass(frozen=True)
class Prompt:
    """What the model is to continue."""

    segments: tuple[Segment, ...]
    add_bos: bool
    stop_strings: tuple[str, ...]
    excerpts: tuple[Excerpt, ...] = ()
    """Those that it has in it."""


@dataclass(frozen=True)
class Room:
    """How many characters of a prompt are for what, when there may be excerpts."""

    excerpts: int
    """The most that excerpts may take."""
    window: int
    """What is left before the cursor when they take all of it."""
    suffix: int
    """What is for the text after the cursor; 0 when the model is not shown it."""

    @property
    def step(self) -> int:
        """By how much the window's start moves at a time."""
        return max(1, self.window // _STEPS_PER_WINDOW)

    def window_with(self, excerpts: int) -> int:
        """Return what is left before the cursor, in whole steps, when excerpts take so much."""
        spare = max(0, self.excerpts - excerpts)
        return self.window + spare // self.step * self.step


def room_for(
    snapshot: DocumentSnapshot,
    language: Language | None,
    manifest: Manifest,
    *,
    context_tokens: int,
    can_fill_in_the_middle: bool,
) -> Room:
    """Return how the budget of a prompt is shared out; it does not depend on the cursor."""
    budget = int(context_tokens * CHARACTERS_PER_TOKEN)
    form = manifest.fill_in_the_middle if can_fill_in_the_middle else None
    suffix = int(budget * _SUFFIX_SHARE) if form is not None or manifest.following_lines else 0
    header = sum(len(part.text) for part in _path_header(snapshot, language, manifest))
    before = max(1, budget - suffix - header)
    excerpts = min(int(budget * EXCERPT_SHARE), before - 1)
    return Room(excerpts, before - excerpts, suffix)


def build_prompt(
    snapshot: DocumentSnapshot,
    cursor: Cursor,
    language: Language | None,
    manifest: Manifest,
    *,
    context_tokens: int,
    can_fill_in_the_middle: bool,
    excerpts: tuple[Excerpt, ...] = (),
) -> Prompt:
    """Build the prompt for a cursor within `context_tokens` tokens, as estimated.

    `excerpts` come first; those for which there is no room (`Room.excerpts`) are left out, the
    last ones first.
    """
    header = _path_header(snapshot, language, manifest)
    form = manifest.fill_in_the_middle if can_fill_in_the_middle else None
    room = room_for(
        snapshot,
        language,
        manifest,
        context_tokens=context_tokens,
        can_fill_in_the_middle=can_fill_in_the_middle,
    )
    excerpts, shown = _fitting(excerpts, language, manifest, room.excerpts)
    if shown:
        used = sum(len(part.text) for part in shown)
        window, step = room.window_with(used), room.step
    else:
        window, step = room.window + room.excerpts, 0
    before = _normalised(prefix_window(snapshot.text, cursor.offset, window, step))
    if form is None:
        following = _following_lines(snapshot, cursor, language, room.suffix)
        segments = (*shown, *following, *header, Segment(before))
        return Prompt(_merged(segments), manifest.add_bos, manifest.stop_strings, excerpts)
    after = _normalised(suffix_window(snapshot.text, cursor.offset, room.suffix))
    prefix = Segment(form.prefix, is_control=True)
    suffix = Segment(form.suffix, is_control=True)
    middle = Segment(form.middle, is_control=True)
    is_inside = manifest.repository_format is not None and (
        manifest.repository_format.path_inside_prefix
    )
    if is_inside and header:
        outer, inner = header[:-1], header[-1:]
    else:
        outer, inner = header, ()
    if form.order == "psm":
        border = before.rfind("\n") + 1
        above, line = Segment(before[:border]), Segment(before[border:])
        parts = (prefix, *inner, above, suffix, Segment(after), middle, line)
    elif form.order == "spm":
        parts = (suffix, Segment(after), prefix, *inner, Segment(before), middle)
    else:
        parts = (prefix, suffix, Segment(after), middle, *inner, Segment(before))
    stops = dict.fromkeys((*manifest.stop_strings, form.prefix, form.suffix, form.middle))
    segments = (*shown, *outer, *parts)
    return Prompt(_merged(segments), manifest.add_bos, tuple(stops), excerpts)


def prefix_window(text: str, offset: int, budget: int, step: int = 0) -> str:
    """Return at most `budget` characters before `offset`, starting where few keys move the start.

    The start is the first line border at or after a multiple of `step`, which is a third of the
    budget when it is 0; within a line longer than that, the multiple itself.
    """
    if offset <= budget:
        return text[:offset]
    step = step or max(1, budget // _STEPS_PER_WINDOW)
    earliest = -(-(offset - budget) // step) * step
    border = text.find("\n", earliest - 1, min(offset, earliest + step))
    return text[border + 1 if border >= 0 else earliest : offset]


def _fitting(
    excerpts: tuple[Excerpt, ...], language: Language | None, manifest: Manifest, room: int
) -> tuple[tuple[Excerpt, ...], tuple[Segment, ...]]:
    """Return the excerpts for which there is room, and how they are shown."""
    for count in range(len(excerpts), 0, -1):
        segments = excerpt_segments(excerpts[:count], language, manifest)
        if segments and sum(len(part.text) for part in segments) <= room:
            return excerpts[:count], segments
    return (), ()


def suffix_window(text: str, offset: int, budget: int) -> str:
    """Return at most `budget` characters from `offset` on, whole lines where that is possible."""
    if len(text) - offset <= budget:
        return text[offset:]
    border = text.rfind("\n", offset, offset + budget)
    return text[offset : border + 1 if border > offset else offset + budget]


def _following_lines(
    snapshot: DocumentSnapshot, cursor: Cursor, language: Language | None, budget: int
) -> tuple[Segment, ...]:
    """Return the whole lines after the cursor's as an excerpt of the same file."""
    if not budget or language is None or not language.line_comment:
        return ()
    start = line_end(snapshot.text, cursor.offset)
    lines = _normalised(suffix_window(snapshot.text, start, budget)).strip("\n")
    if not lines.strip():
        return ()
    path = snapshot.relative_path or "this file"
    mark = language.line_comment
    return (Segment(f"{mark} {path} (further down)\n{lines}\n\n"),)


def _path_header(
    snapshot: DocumentSnapshot, language: Language | None, manifest: Manifest
) -> tuple[Segment, ...]:
    path = snapshot.relative_path
    if not path:
        return ()
    names = manifest.repository_format
    if names is not None and names.file_separator:
        return (Segment(names.file_separator, is_control=True), Segment(f"{path}\n"))
    if language is not None and language.line_comment:
        return (Segment(f"{language.line_comment} {path}\n"),)
    return ()


def _normalised(text: str) -> str:
    """Return a text as a model is shown it: with `\\n`, and without secrets.

    Models were trained on `\\n`; the document's own line end is put back into suggestions. Keys and
    passwords are masked even in the document itself, so that none is ever in a prompt.
    """
    return mask_secrets(text.replace("\r\n", "\n").replace("\r", "\n"))


def _merged(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Join neighbouring texts, so that tokens do not break at a border the model never saw."""
    merged: list[Segment] = []
    for segment in segments:
        if not segment.text:
            continue
        if merged and not segment.is_control and not merged[-1].is_control:
            merged[-1] = Segment(merged[-1].text + segment.text)
        else:
            merged.append(segment)
    return tuple(merged)
