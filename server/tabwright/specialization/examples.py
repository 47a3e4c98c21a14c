"""Examples that look like the server's own prompts: holes in real files, and cursors in them.

A hole is a piece of text taken out of a file, as fill-in-the-middle is trained (Bavarian et al.
2022, arXiv 2207.14255): what follows it is the suffix. A person who fills it types from its start
to its end while the suffix stays as it is, so one hole gives several examples: at each cursor in
it, the prompt is the one that `completion.prompt` builds there, and the middle is what is left of
the hole. All cursors of a hole share most of their tokens, see `packing.py`. Where prefix and
middle are joined, the example at the start of a hole holds those at all others.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tabwright.document import Cursor, DocumentSnapshot, line_end, line_start
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Segment
from tabwright.specialization.package_excerpts import FindExcerpts, prompt_with_excerpts
from tabwright.syntax.languages import Language
from tabwright.syntax.syntax_tree import SyntaxTree

_LONGEST_MIDDLE = 240
"""Characters of a middle that is learned whole; of a longer one, its first line is."""
_LONGEST_JOINED = 900
_SHORTEST_FILE = 80
_LARGE_CONTEXT = 1 << 20
CLOSING_SIGNS = frozenset(")]};,:\"'`>")
"""What stands right of a cursor inside a line when an editor has written it already."""
_MOST_PARSED = 12_000
"""Characters of a file whose tree is asked for holes; of a longer one, a part is."""


@dataclass(frozen=True)
class Source:
    """A file to learn from."""

    language: str
    """The editor's language id."""
    path: str
    """Relative, with forward slashes."""
    text: str
    """With `\\n`."""
    package: str = ""
    """What it is a file of; empty for the files of a workspace."""


@dataclass(frozen=True)
class Window:
    """How many characters of a file an example shows, at most."""

    before: int
    after: int


@dataclass(frozen=True)
class Hole:
    """What is taken out of a file."""

    kind: str
    """`rest of line`, `inside line`, `lines`, `syntax`, `typing` or `characters`."""
    start: int
    end: int
    """Half-open, in string offsets."""


@dataclass(frozen=True)
class Example:
    """What the model is shown at a cursor, and what it is to say."""

    segments: tuple[Segment, ...]
    middle: str
    """Never empty unless the model is to say nothing but the end."""
    is_whole: bool
    """Whether the middle reaches the end of its hole, so that the end token follows."""
    kind: str


def examples_at_hole(
    source: Source,
    hole: Hole,
    window: Window,
    manifest: Manifest,
    language: Language | None,
    rng: random.Random,
    *,
    cursors: int,
) -> list[Example]:
    """Return the examples at up to `cursors` places of a hole, the hole's start among them.

    Their prompts begin alike: the part of the file they show is the same for all.
    """
    text = source.text
    first = max(0, hole.start - window.before)
    if first:
        border = text.find("\n", first, hole.start)
        first = border + 1 if border >= 0 else first
    last = min(len(text), hole.end + window.after)
    if last < len(text) and window.after:
        border = text.rfind("\n", hole.end, last)
        last = border + 1 if border > hole.end else last
    return [
        _example(source, hole, (first, last), _LARGE_CONTEXT, None, manifest, language, middle)
        for middle in _middles(text, hole, manifest, rng, cursors)
    ]


def examples_with_excerpts(
    source: Source,
    hole: Hole,
    context_tokens: int,
    find: FindExcerpts,
    manifest: Manifest,
    language: Language,
    rng: random.Random,
    *,
    cursors: int,
) -> list[Example]:
    """Return the examples at up to `cursors` places of a hole as the server's whole prompts.

    They have the server's budget of `context_tokens` and the excerpts that `find` returns at each
    cursor, where they may differ; so may the part of the file that is shown.
    """
    whole = (0, len(source.text))
    return [
        _example(source, hole, whole, context_tokens, find, manifest, language, middle)
        for middle in _middles(source.text, hole, manifest, rng, cursors)
    ]


@dataclass(frozen=True)
class _Middle:
    """A cursor in a hole, what is to be said there, and whether that is all of it."""

    offset: int
    text: str
    is_whole: bool


def _example(
    source: Source,
    hole: Hole,
    shown: tuple[int, int],
    context_tokens: int,
    find: FindExcerpts | None,
    manifest: Manifest,
    language: Language | None,
    middle: _Middle,
) -> Example:
    """Return the example at a cursor; of the file, the part `shown` is there, without the hole."""
    first, last = shown
    snapshot = DocumentSnapshot(
        uri="",
        language=source.language,
        version=0,
        text=source.text[first : middle.offset] + source.text[hole.end : last],
        relative_path=source.path,
    )
    prompt = prompt_with_excerpts(
        snapshot,
        Cursor(middle.offset - first),
        language,
        manifest,
        find,
        context_tokens=context_tokens,
        can_fill_in_the_middle=manifest.fill_in_the_middle is not None,
    )
    return Example(prompt.segments, middle.text, middle.is_whole, hole.kind)


def _middles(
    text: str, hole: Hole, manifest: Manifest, rng: random.Random, cursors: int
) -> Iterator[_Middle]:
    if is_one_text(manifest):
        middle = text[hole.start : min(hole.end, hole.start + _LONGEST_JOINED)]
        yield _Middle(hole.start, middle, hole.end - hole.start <= _LONGEST_JOINED)
        return
    for offset in _cursors_in(text, hole, rng, cursors):
        yield _Middle(offset, *_middle_from(text, offset, hole))


def is_one_text(manifest: Manifest) -> bool:
    """Say whether the middle goes on where the prompt's text ends, with no token between."""
    form = manifest.fill_in_the_middle
    return form is None or form.order == "spm-joined"


def draw_hole(source: Source, language: Language | None, rng: random.Random) -> Hole | None:
    """Take a hole out of a file at random; None when the draw meets nothing of use."""
    if len(source.text) < _SHORTEST_FILE:
        return None
    kinds: dict[str, tuple[float, Callable[[], Hole | None]]] = {
        "rest of line": (0.3, lambda: _rest_of_line(source.text, rng)),
        "inside line": (0.2, lambda: _inside_line(source.text, rng)),
        "lines": (0.08, lambda: _whole_lines(source.text, rng)),
        "syntax": (0.2, lambda: _syntax_node(source.text, language, rng)),
        "typing": (0.2, lambda: _lines_being_typed(source.text, rng)),
        "characters": (0.02, lambda: _characters(source.text, rng)),
    }
    weights = [weight for weight, _ in kinds.values()]
    (drawn,) = rng.choices(list(kinds), weights)
    return kinds[drawn][1]()


def _rest_of_line(text: str, rng: random.Random) -> Hole | None:
    start, end = _line_at(text, rng)
    line = text[start:end]
    if not line.strip():
        return None
    offset = start + _place_in_line(line, rng)
    return Hole("rest of line", offset, end) if offset < end else None


def _inside_line(text: str, rng: random.Random) -> Hole | None:
    """What stands left of a closing sign, which an editor has written already or will keep."""
    start, end = _line_at(text, rng)
    line = text[start:end]
    first = len(line) - len(line.lstrip(" \t"))
    ends = [
        place
        for place in range(first + 1, len(line))
        if line[place] in CLOSING_SIGNS and not line[place - 1].isspace()
    ]
    if not ends:
        return None
    last = rng.choice(ends)
    offset = _place_in_line(line[:last], rng)
    return Hole("inside line", start + offset, start + last) if offset < last else None


def _whole_lines(text: str, rng: random.Random) -> Hole | None:
    start, end = _line_at(text, rng)
    for _ in range(rng.choice((0, 0, 0, 1, 2, 3))):
        end = line_end(text, min(end + 1, len(text)))
    line = text[start:end]
    if not line.strip():
        return None
    if rng.random() < 0.5:
        start += len(line) - len(line.lstrip(" \t"))
    return Hole("lines", start, end)


def _lines_being_typed(text: str, rng: random.Random) -> Hole | None:
    """Several lines that are written anew: what follows them is far from the first ones."""
    start, end = _line_at(text, rng)
    for _ in range(rng.randint(2, 14)):
        end = line_end(text, min(end + 1, len(text)))
    return Hole("typing", start, end) if text[start:end].strip() else None


def _characters(text: str, rng: random.Random) -> Hole | None:
    start = rng.randrange(len(text))
    end = min(len(text), start + rng.randint(1, 120))
    return Hole("characters", start, end) if text[start:end].strip() else None


def _syntax_node(text: str, language: Language | None, rng: random.Random) -> Hole | None:
    """A named node of 2 to 240 characters: an expression, a statement, an argument list, a body."""
    if language is None:
        return None
    first = rng.randrange(max(1, len(text) - _MOST_PARSED)) if len(text) > _MOST_PARSED else 0
    first = line_start(text, first)
    tree = SyntaxTree(text[first : first + _MOST_PARSED], language.grammar)
    offset = rng.randrange(max(1, min(len(text) - first, _MOST_PARSED)))
    spans = tree.named_spans_around(offset, _LONGEST_MIDDLE)
    spans = [(start, end) for start, end in spans if end - start >= 2]
    if not spans:
        return None
    start, end = rng.choice(spans)
    return Hole("syntax", first + start, first + end)


def _line_at(text: str, rng: random.Random) -> tuple[int, int]:
    offset = rng.randrange(len(text))
    return line_start(text, offset), line_end(text, offset)


_WORD = re.compile(r"\w+|[^\w\s]+")


def _place_in_line(line: str, rng: random.Random) -> int:
    """Return where one may be asked in a line: after its indentation, at a word, inside one."""
    indentation = len(line) - len(line.lstrip(" \t"))
    way = rng.random()
    if way < 0.25:
        return indentation
    if way < 0.75:
        borders = [place for found in _WORD.finditer(line) for place in found.span()]
        return rng.choice(borders) if borders else indentation
    return rng.randint(indentation, max(indentation, len(line) - 1))


def _cursors_in(text: str, hole: Hole, rng: random.Random, count: int) -> Sequence[int]:
    """Return offsets in a hole, ascending: its start, and others where one may be asked."""
    places = {hole.start}
    for _ in range(4 * count):
        if len(places) >= count:
            break
        offset = rng.randrange(hole.start, hole.end)
        start, end = line_start(text, offset), line_end(text, offset)
        line = text[start:end]
        if not line.strip():
            continue
        place = start + _place_in_line(line, rng)
        if hole.start < place < hole.end:
            places.add(place)
    return sorted(places)


def _middle_from(text: str, offset: int, hole: Hole) -> tuple[str, bool]:
    """Return what is to be said at an offset, and whether it reaches the end of the hole.

    Where it does not, it ends with a line end: the answer would go on, but an editor shows a line.
    """
    whole = text[offset : hole.end]
    if len(whole) <= _LONGEST_MIDDLE and hole.kind != "typing":
        return whole, True
    lines = 1
    end = offset
    while lines:
        end = line_end(text, end)
        if end >= hole.end:
            return whole[:_LONGEST_MIDDLE], len(whole) <= _LONGEST_MIDDLE
        end += 1
        lines -= 1 if text[offset:end].strip() else 0
    return text[offset:end][:_LONGEST_MIDDLE], False
