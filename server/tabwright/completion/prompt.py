"""A budgeted prompt from a manifest: the code around the cursor in the form its model knows.

Layout and budget:

* The prefix window starts at a line border that moves in steps of a third of the budget, not with
  every line, so that the prompt of the next key only grows at its end and its KV entries are
  reused.
* A fill-in-the-middle model gets the text after the cursor in 15 % of the budget; it does not
  change while one types forward. In prefix-suffix-middle order the prefix ends with the line before
  the cursor's, which follows as the beginning of the middle: what is typed then comes at the very
  end, and neither suffix nor prefix is read again (EFIM, arXiv 2505.21889).
* A model without it can be shown the lines after the cursor's first, as a part of the file further
  down, and then the code before the cursor. Whether that pays is the manifest's to say; for
  SmolLM2-135M it does not (`calibrate.py --following`), and what it writes is only held against
  the code after the cursor, see `trimming.py`.
* A path header comes first: as the model's own file separator where it has one, else as a comment.

All of it follows from the document and the cursor alone, never from what was asked before.
"""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.document import Cursor, DocumentSnapshot, line_end
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Segment
from tabwright.syntax.languages import Language

CHARACTERS_PER_TOKEN = 3.0
"""Below the 3.2 to 4 that code comes to, so that a prompt rarely outgrows its budget."""

_SUFFIX_SHARE = 0.15
_STEPS_PER_WINDOW = 3


@dataclass(frozen=True)
class Prompt:
    """What the model is to continue."""

    segments: tuple[Segment, ...]
    add_bos: bool
    stop_strings: tuple[str, ...]


def build_prompt(
    snapshot: DocumentSnapshot,
    cursor: Cursor,
    language: Language | None,
    manifest: Manifest,
    *,
    context_tokens: int,
    can_fill_in_the_middle: bool,
) -> Prompt:
    """Build the prompt for a cursor within `context_tokens` tokens, as estimated."""
    budget = int(context_tokens * CHARACTERS_PER_TOKEN)
    header = _path_header(snapshot, language, manifest)
    form = manifest.fill_in_the_middle if can_fill_in_the_middle else None
    sees_more = form is not None or manifest.following_lines
    suffix_budget = int(budget * _SUFFIX_SHARE) if sees_more else 0
    prefix_budget = max(1, budget - suffix_budget - sum(len(part.text) for part in header))
    before = _normalised(prefix_window(snapshot.text, cursor.offset, prefix_budget))
    if form is None:
        following = _following_lines(snapshot, cursor, language, suffix_budget)
        segments = (*following, *header, Segment(before))
        return Prompt(_merged(segments), manifest.add_bos, manifest.stop_strings)
    after = _normalised(suffix_window(snapshot.text, cursor.offset, suffix_budget))
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
    else:
        parts = (suffix, Segment(after), prefix, *inner, Segment(before), middle)
    stops = dict.fromkeys((*manifest.stop_strings, form.prefix, form.suffix, form.middle))
    return Prompt(_merged((*outer, *parts)), manifest.add_bos, tuple(stops))


def prefix_window(text: str, offset: int, budget: int) -> str:
    """Return at most `budget` characters before `offset`, starting where few keys move the start.

    The start is the first line border at or after a multiple of a third of the budget; within a
    line longer than that, the multiple itself.
    """
    if offset <= budget:
        return text[:offset]
    step = max(1, budget // _STEPS_PER_WINDOW)
    earliest = -(-(offset - budget) // step) * step
    border = text.find("\n", earliest - 1, min(offset, earliest + step))
    return text[border + 1 if border >= 0 else earliest : offset]


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
    """Models were trained on `\\n`; the document's own line end is put back into suggestions."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
