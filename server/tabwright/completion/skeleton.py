"""Definitions as signatures with `...` for their bodies, in the style of a language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tabwright.syntax.languages import Language
from tabwright.workspace_index.facts import Definition

_HAS_BODY = frozenset({"class", "function", "method", "module"})
_OPENERS = re.compile(r"\s*(\{|=>|:(?!:)|=)\s*(\.\.\.|\}|\{\s*\})?\s*\Z")
_BLOCK_OPENERS = re.compile(r"\s*(\{|\bdo|\bthen)\s*(\}|\{\s*\})?\s*\Z")
_WORD = re.compile(r"\w+")
_INDENTATION = "    "


@dataclass(frozen=True)
class Piece:
    """Something that is shown of a file: a definition, or some of its lines as they are."""

    place: int
    end: int
    definition: Definition | None
    """None for lines."""
    lines: str = ""
    """As they are, for lines."""


@dataclass
class _Node:
    piece: Piece
    inside: list[_Node] = field(default_factory=list)


def skeleton(pieces: Sequence[Piece], language: Language) -> str:
    """Return pieces of one file in order of their places, members inside their classes.

    Whole lines, each with `\\n`. A definition whose class is among the pieces and spans its place
    is put inside; the caller adds the classes it wants to be seen.
    """
    top: list[_Node] = []
    open_nodes: list[_Node] = []
    for piece in sorted(pieces, key=lambda each: (each.place, -each.end)):
        while open_nodes and open_nodes[-1].piece.end < piece.end:
            open_nodes.pop()
        node = _Node(piece)
        (open_nodes[-1].inside if open_nodes else top).append(node)
        if piece.definition is not None and piece.definition.kind in ("class", "module"):
            open_nodes.append(node)
    return "".join(_rendered(node, "", language) for node in top)


def signature_line(definition: Definition, language: Language) -> str:
    """Return a definition without its inside, for display and for comparing."""
    return _rendered(_Node(Piece(0, 0, definition)), "", language).rstrip("\n")


def _rendered(node: _Node, indentation: str, language: Language) -> str:
    definition = node.piece.definition
    if definition is None:
        return _indented(node.piece.lines.strip("\n"), indentation)
    if definition.kind not in _HAS_BODY:
        return _indented(definition.signature.strip(), indentation)
    head = definition.signature.strip()
    opener, rest, closer = _block_marks(head, language)
    if head.endswith(";"):
        return _indented(head, indentation)
    openers = _BLOCK_OPENERS if closer else _OPENERS
    head = openers.sub("", head)
    if not node.inside:
        return _indented(f"{head}{opener}{rest}", indentation)
    inside = "".join(_rendered(each, indentation + _INDENTATION, language) for each in node.inside)
    end = _indented(closer, indentation) if closer else ""
    return _indented(f"{head}{opener}", indentation) + inside + end


def _block_marks(head: str, language: Language) -> tuple[str, str, str]:
    """Return what opens a body, what else an elided one has, and what closes it."""
    if language.block_style == "indentation":
        return ":", " ...", ""
    words = set(_WORD.findall(head))
    for keyword in language.definition.block_keywords:
        if keyword.open in words:
            return "", f" ... {keyword.close}", keyword.close
    return " {", " ... }", "}"


def _indented(text: str, indentation: str) -> str:
    return "".join(
        f"{indentation}{line.rstrip()}\n" if line.strip() else "\n" for line in text.splitlines()
    )
