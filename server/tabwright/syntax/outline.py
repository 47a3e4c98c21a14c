"""What `definitions.scm`, `imports.scm` and `references.scm` find in one text, as plain spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import tree_sitter

from tabwright.syntax.grammar import Grammar
from tabwright.syntax.pieces import pieces_of
from tabwright.syntax.syntax_tree import look_for_faults
from tabwright.syntax.text_bytes import TextBytes

Span: TypeAlias = tuple[int, int, str]
"""Start, end, and the name of the capture without its `@`."""

LONGEST_PARSE_SECONDS = 3.0
"""Of processor time: a megabyte of sound text takes 0.07 to 0.2 seconds, of noise four."""
MOST_OPEN_ANGLES = 5_000
"""How many `<` may be left open. Parsers that take each for a type's or a comparison's take a time,
and memory, that grows with the square of it: 46 seconds and 12 GB for `A<` 30,000 times as C#.
"""
_DEEPEST = 10_000
"""How many nodes inside each other are looked into. Beyond 65,536, which `a.` written 70,000 times
reaches, tree-sitter's queries take a time that grows with the square of it.
"""
_REFERENCE = "reference"
_OF_DEFINITIONS = (
    # Of spans that are the same, what is outside comes first.
    "whole",
    "before",
    "body",
    "definition.class",
    "definition.function",
    "definition.method",
    "definition.constant",
    "definition.field",
    "definition.attribute",
    "definition.type",
    "definition.module",
    "definition.macro",
    "scope",
    "doc",
    "name",
    "parent",
)
_OF_IMPORTS = (
    "import",
    "import.module",
    "import.path",
    "import.default",
    "import.namespace",
    "import.name",
    "import.everything",
    "import.alias",
)


@dataclass(frozen=True)
class Outline:
    """One text's definitions, imports, names and pieces, all in string offsets."""

    definitions: Sequence[Span]
    """In order of their starts, longer ones first, so that what is inside follows what is around
    it: the definitions and what belongs to them, see `grammars/README.md`."""
    imports: Sequence[Span]
    """The same for imports."""
    references: Mapping[str, int]
    """The names captured as `@reference`, with how often each is where it is not defined."""
    pieces: Sequence[tuple[int, int]]
    """The text cut on syntax borders, without gaps, see `pieces.py`; none where not asked for."""


def outline_of(text: str, grammar: Grammar, *, with_pieces: bool = True) -> Outline:
    """Parse a text once and ask it everything that the index wants to know.

    Where the parser is so lost that a query would take minutes, there are only the pieces; where
    it is not done in time, or would need gigabytes, there is nothing.

    Raises:
        LanguageFileError: a query of the language cannot be used.
    """
    text_bytes = TextBytes(text)
    source = text_bytes.source
    query = grammar.facts
    if _open_angles(source) > MOST_OPEN_ANGLES:
        return Outline((), (), {}, ())
    tree = grammar.parse_within(source, LONGEST_PARSE_SECONDS)
    if tree is None:
        return Outline((), (), {}, ())
    root = tree.root_node
    captured: dict[str, list[tree_sitter.Node]] = {}
    if query is not None and not look_for_faults(root).tangled:
        cursor = tree_sitter.QueryCursor(query)
        cursor.set_max_start_depth(_DEEPEST)
        captured = cursor.captures(root)
    defining = {node.end_byte for node in captured.get("name", ())}  # of `A::f` only the `f`
    names = Counter(
        [
            source[node.start_byte : end]
            for node in captured.get(_REFERENCE, ())
            if (end := node.end_byte) not in defining
        ]
    )
    definitions = _ordered(captured, _OF_DEFINITIONS)
    imports = _ordered(captured, _OF_IMPORTS)
    pieces = pieces_of(root, source) if with_pieces else []
    if len(source) != len(text):
        bytes_used = {each for span in (*definitions, *imports) for each in span[:2]}
        bytes_used.update(each for piece in pieces for each in piece)
        offsets = text_bytes.to_offsets(bytes_used)
        definitions = [(offsets[start], offsets[end], what) for start, end, what in definitions]
        imports = [(offsets[start], offsets[end], what) for start, end, what in imports]
        pieces = [(offsets[start], offsets[end]) for start, end in pieces]
    return Outline(
        definitions,
        imports,
        {name.decode("utf-8", errors="replace"): count for name, count in names.items()},
        pieces,
    )


def _open_angles(source: bytes) -> int:
    """Count the `<` that are not closed, apart from shifts and comparisons."""
    left = source.count(b"<") - source.count(b">")
    if left <= MOST_OPEN_ANGLES:
        return left
    return left - 2 * source.count(b"<<") - source.count(b"< ") - source.count(b"<=")


def _ordered(captured: Mapping[str, list[tree_sitter.Node]], whats: tuple[str, ...]) -> list[Span]:
    """Return the spans captured as `whats`, in byte offsets: outer before inner."""
    keys = [
        (node.start_byte, -node.end_byte, order)
        for order, what in enumerate(whats)
        for node in captured.get(what, ())
    ]
    keys.sort()
    return [(start, -minus_end, whats[order]) for start, minus_end, order in keys]
