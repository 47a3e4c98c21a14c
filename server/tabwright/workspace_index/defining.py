"""From the captures of `definitions.scm` to definitions: names, kinds, parents, headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from tabwright.syntax.languages import Language
from tabwright.syntax.outline import Span
from tabwright.workspace_index.describing import MORE, CommentMarks, header_of, value_of
from tabwright.workspace_index.facts import Definition, DefinitionKind

LONGEST_NAME = 100
"""Longer names are no one's: they come from minified or broken text."""
MOST_DEFINITIONS = 20_000
"""Of one file; what has more is generated. A megabyte of C headers has 7,000."""
_DEEPEST_INDENTATION = 500
_LONGEST_DECORATORS = 120
"""In characters; longer ones are left out of a signature, not out of the definition's range."""
_PARTS = frozenset({"name", "body", "doc", "parent"})
_LEFT_OUT = ""
"""The kind of what is read only to know whose the names in it are."""
_SCOPE = "scope"
_ATTRIBUTE = "attribute"
_FUNCTIONS = frozenset({"function", "method"})
_CLASSES = frozenset({"class", _SCOPE})
_VALUES = frozenset({"constant", "field", _ATTRIBUTE, "type"})
"""Kinds whose signature is the whole declaration, where they have no body."""
_STRONG = frozenset({"class", "function", "method"})
"""Kinds that hold where others are captured for the same span: `const f = () => 1`."""
_SEPARATOR = re.compile(r"::|[.:\\]|->")
_TYPE_ARGUMENTS = re.compile(r"<[^<>]*>")


class _Found:
    """A definition, or a scope that only names what is inside, while its parts are read."""

    __slots__ = (
        "around",
        "body",
        "doc",
        "end",
        "kind",
        "names",
        "node",
        "outside",
        "path",
        "start",
    )

    def __init__(self, start: int, end: int, kind: str, around: _Found | None) -> None:
        self.start = start
        self.node = (start, end)
        self.end = end
        self.kind = kind
        self.around = around
        self.names: list[str] = []
        self.outside = ""
        """What is written before the name, or as a receiver: the class of a method outside it."""
        self.body = -1
        self.doc: tuple[int, int] | None = None
        self.path: str | None = None

    def name_inside(self) -> str:
        """Return what its members have as their parent: names joined by dots."""
        if self.path is None:
            name = "" if self.kind == _LEFT_OUT or not self.names else _dotted(self.names[0])
            self.path = ".".join(part for part in (self.parent(), name) if part)
        return self.path

    def parent(self) -> str:
        """Return the names around it, joined by dots."""
        around = "" if self.around is None else self.around.name_inside()
        return f"{around}.{self.outside}" if around and self.outside else around or self.outside


def definitions_in(text: str, spans: Sequence[Span], language: Language) -> list[Definition]:
    """Return the definitions of a text, in order, from the spans of an outline.

    A function in a class is a method, and a constant in one a field; variables of functions, and
    functions in them that have no body, are left out.
    """
    reader = _Reader(text)
    reader.read(spans)
    marks = CommentMarks.of(language.definition)
    definitions: list[Definition] = []
    fields: set[tuple[str, str]] = set()
    for found in reader.everything:
        if found.kind in {_LEFT_OUT, _SCOPE} or _is_declared_in_function(found):
            continue
        parent = found.parent()
        if len(definitions) >= MOST_DEFINITIONS:
            break
        for name in found.names:
            if found.kind in {"field", _ATTRIBUTE}:
                if found.kind == _ATTRIBUTE and (parent, name) in fields:
                    continue
                fields.add((parent, name))
            definitions.append(_definition(text, found, name, parent, marks))
    definitions.sort(key=lambda each: each.start)
    return definitions


def _definition(
    text: str, found: _Found, name: str, parent: str, marks: CommentMarks
) -> Definition:
    nearest = max(0, found.start - _DEEPEST_INDENTATION)
    line = max(text.rfind("\n", nearest, found.start) + 1, nearest)
    is_first = not text[line : found.start].strip()
    if found.kind in _VALUES and found.body < 0:
        signature = value_of(text, found.start, found.end)
    else:
        node = found.node[0]
        first = found.start if node - found.start <= _LONGEST_DECORATORS else node
        has_body = found.body >= 0
        signature = header_of(text, first, found.body if has_body else found.end, marks)
        if has_body and found.kind == "class" and name not in signature:
            signature = f"{signature} {{{MORE} }} {name}"  # `typedef struct { int a; } A;`
    if found.doc is not None:
        doc = marks.first_sentence(text[found.doc[0] : found.doc[1]])
    else:
        doc = marks.comment_above(text, line) if is_first else ""
    return Definition(
        name=name,
        kind=cast("DefinitionKind", "field" if found.kind == _ATTRIBUTE else found.kind),
        parent=parent,
        start=line if is_first else found.start,
        end=len(text[: found.end].rstrip()) if text[found.end - 1] == "\n" else found.end,
        signature=signature,
        doc=doc,
    )


class _Reader:
    """Goes through spans in order, and gives each to the innermost definition around it."""

    def __init__(self, text: str) -> None:
        self.everything: list[_Found] = []
        self._text = text
        self._open: list[_Found] = []
        self._wholes: list[tuple[int, int]] = []
        """What may begin the next definition: decorators, `export`; outermost first."""
        self._before: tuple[int, int] | None = None
        self._last_name = -1

    def read(self, spans: Sequence[Span]) -> None:
        """Read the spans of a whole text."""
        open_now = self._open
        for start, end, what in spans:
            while open_now and open_now[-1].end <= start:
                open_now.pop()
            if what in _PARTS:
                if open_now:
                    self._add_part(open_now[-1], start, end, what)
            elif what == "whole":
                self._wholes.append((start, end))
            elif what == "before":
                before = self._before
                joins = before is not None and self._is_blank(before[1], start)
                self._before = (before[0] if before is not None and joins else start, end)
            else:
                self._open_one(start, end, what.rpartition(".")[2])

    def _add_part(self, found: _Found, start: int, end: int, what: str) -> None:
        if what == "name":
            # Two patterns may capture one name.
            if start != self._last_name and end - start <= LONGEST_NAME:
                self._last_name = start
                self._add_name(found, self._text[start:end])
        elif what == "body":
            found.body = start if found.body < 0 else found.body
        elif what == "doc":
            found.doc = found.doc or (start, end)
        elif end - start <= LONGEST_NAME:
            self._add_outside(found, self._text[start:end])

    def _open_one(self, start: int, end: int, kind: str) -> None:
        around = self._open[-1] if self._open else None
        if around is not None and around.node == (start, end):
            if kind in _STRONG and around.kind not in _STRONG:
                around.kind = _kind_in(around.around, kind)
            return
        if kind == _ATTRIBUTE:
            while around is not None and around.kind not in _CLASSES:
                around = around.around
        found = _Found(start, end, _kind_in(around, kind), around)
        if self._before is not None and self._is_blank(self._before[1], start):
            found.start = self._before[0]
        for first, last in self._wholes:
            if last >= end and self._is_blank(end, last):
                found.start = min(found.start, first)
                found.end = max(found.end, last)
        self._wholes.clear()
        self._before = None
        self.everything.append(found)
        self._open.append(found)

    def _add_outside(self, found: _Found, names: str) -> None:
        found.outside = _dotted(names)
        if found.kind == "function":
            found.kind = "method"

    def _add_name(self, found: _Found, name: str) -> None:
        name = name.strip("\"'`")
        if not name.isidentifier() and found.kind != "module":
            if name.startswith("["):
                return  # a computed key
            *outside, last = _SEPARATOR.split(_TYPE_ARGUMENTS.sub("", name))
            if outside and last:
                self._add_outside(found, ".".join(outside))
                name = last.strip()
        if name:
            found.names.append(name)

    def _is_blank(self, start: int, end: int) -> bool:
        return not self._text[start:end].strip(" \t\r\n;,")


def _kind_in(around: _Found | None, kind: str) -> str:
    """Return what a captured kind is, inside of what is around it."""
    while around is not None and around.kind == _LEFT_OUT:
        around = around.around
    if around is None:
        return _LEFT_OUT if kind == _ATTRIBUTE else kind
    if around.kind in _CLASSES:
        return {"function": "method", "constant": "field"}.get(kind, kind)
    if around.kind in _FUNCTIONS and kind in {"constant", "field"}:
        return _LEFT_OUT
    return kind


def _is_declared_in_function(found: _Found) -> bool:
    """Say whether it is a function without a body in another one: in C++, often a variable."""
    around = found.around
    return (
        found.kind == "function"
        and found.body < 0
        and around is not None
        and around.kind in _FUNCTIONS
    )


def _dotted(name: str) -> str:
    parts = _SEPARATOR.split(_TYPE_ARGUMENTS.sub("", name))
    return ".".join(part.strip() for part in parts if part.strip())
