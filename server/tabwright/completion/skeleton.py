"""Definitions as signatures with `...` for their bodies, in the style of a language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tabwright.syntax.languages import Language
from tabwright.workspace_index.facts import Definition

_HAS_BODY = frozenset({"class", "function", "method", "module"})
_HAS_MEMBERS = frozenset({"class", "module"})
_DECLARES = frozenset({"interface", "protocol"})
"""Words in the head of a class whose methods have no bodies."""
_COLON = re.compile(r"\s*:\Z")
_OPENER = re.compile(r"\s*(\{|\bdo|\bthen)\Z")
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

    Whole lines, each with `\\n`. A definition is put inside of its class where that is among the
    pieces and spans its place, or is all that says whose it is (Rust's `impl` stands apart); the
    caller adds the classes it wants to be seen.
    """
    top: list[_Node] = []
    open_nodes: list[_Node] = []
    nodes = [_Node(each) for each in sorted(pieces, key=lambda each: (each.place, -each.end))]
    owners = {
        full_name(each): node
        for node in nodes
        if (each := node.piece.definition) is not None and each.kind in _HAS_MEMBERS
    }
    for node in nodes:
        definition = node.piece.definition
        while open_nodes and open_nodes[-1].piece.end < node.piece.end:
            open_nodes.pop()
        around = open_nodes[-1] if open_nodes else None
        if around is None and definition is not None and needs_owner(definition):
            around = owners.get(definition.parent)
        (top if around is None or around is node else around.inside).append(node)
        if definition is not None and definition.kind in _HAS_MEMBERS:
            open_nodes.append(node)
    return "".join(_rendered(node, "", language) for node in top)


def full_name(definition: Definition) -> str:
    """Return the names around a definition and its own, joined by dots."""
    parent = definition.parent
    return f"{parent}.{definition.name}" if parent else definition.name


def needs_owner(definition: Definition) -> bool:
    """Say whether a member's signature leaves open whose it is; that of a Go method does not."""
    return definition.parent.rpartition(".")[2] not in _WORD.findall(definition.signature)


def signature_line(definition: Definition, language: Language) -> str:
    """Return a definition without its inside, for display and for comparing."""
    return _rendered(_Node(Piece(0, 0, definition)), "", language).rstrip("\n")


def _rendered(
    node: _Node, indentation: str, language: Language, *, is_declared: bool = False
) -> str:
    definition = node.piece.definition
    if definition is None:
        return _indented(node.piece.lines.strip("\n"), indentation)
    head = definition.signature.strip()
    is_whole = is_declared and definition.kind in ("function", "method")
    if definition.kind not in _HAS_BODY or is_whole or head.endswith((";", "}")):
        return _indented(head, indentation)
    opener, rest, closer = _block_marks(head, language)
    head = (_OPENER if closer else _COLON).sub("", head)
    if not node.inside:
        return _indented(f"{head}{opener}{rest}", indentation)
    declares = not _DECLARES.isdisjoint(_WORD.findall(head))
    deeper = indentation + _INDENTATION
    inside = "".join(
        _rendered(each, deeper, language, is_declared=declares) for each in node.inside
    )
    end = _indented(closer, indentation) if closer else ""
    return _indented(f"{head}{opener}", indentation) + inside + end


def _block_marks(head: str, language: Language) -> tuple[str, str, str]:
    """Return what opens a body, what else an elided one has, and what closes it."""
    if language.block_style == "indentation":
        return ":", " ...", ""
    keywords = language.definition.block_keywords
    words = frozenset(_WORD.findall(head)) if keywords else frozenset()
    for keyword in keywords:
        if keyword.open in words:
            return "", f" ... {keyword.close}", keyword.close
    return " {", " ... }", "}"


def _indented(text: str, indentation: str) -> str:
    return "".join(
        f"{indentation}{line.rstrip()}\n" if line.strip() else "\n" for line in text.splitlines()
    )
