"""One text with its syntax tree, asked in string offsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import tree_sitter

from tabwright.document import TextRange
from tabwright.syntax.text_bytes import TextBytes

if TYPE_CHECKING:
    from tabwright.syntax.grammar import Grammar

LONGEST_TOKEN_RUN = 2_000
"""How many tokens in a row, none of them a named node, an ERROR node may have to be looked into.

tree-sitter's queries take a time that grows with the square of it: six seconds for 100,000 opening
brackets. People's broken code has a few dozen.
"""
_CHARACTERS_PER_BROKEN_NODE = 250
"""A tree made from another one takes 0.3 ms, and 0.2 to 0.6 ms for each 100 nodes with faults."""


class SyntaxTree:
    """A text and its tree; it never changes."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.text = text
        self._grammar = grammar
        self._bytes = TextBytes(text)
        self._tree = grammar.parse(self._bytes.source)
        self._origin: _Origin | None = None

    def with_replaced(self, start: int, end: int, replacement: str) -> SyntaxTree:
        """Return the tree of this text with `replacement` for what is from `start` to `end`.

        It is made from this tree: what is far from the replacement is not parsed again, which is
        five to ten times faster. Where the text is broken, tree-sitter may mend it in another way
        than when it parses the whole, in about one of 300 half-typed lines. So only trees that
        follow from the same text in the same way may be compared.
        """
        derived = SyntaxTree.__new__(SyntaxTree)
        derived.text = self.text[:start] + replacement + self.text[end:]
        derived._grammar = self._grammar
        derived._bytes = TextBytes(derived.text)
        first, old_end = self._bytes.to_byte(start), self._bytes.to_byte(end)
        new_end = derived._bytes.to_byte(start + len(replacement))
        edited = self._tree.copy()
        row, column = self._point_at(first)
        edited.edit(
            first,
            old_end,
            new_end,
            (row, column),
            self._point_at(old_end),
            _moved_point(row, column, derived._bytes.source[first:new_end]),
        )
        derived._tree = self._grammar.parse(derived._bytes.source, edited)
        derived._origin = _Origin(self, edited, first, old_end, new_end)
        return derived

    def items_around(self, offset: int, before: int, after: int) -> tuple[int, int]:
        """Return the range of the outermost items with `before` and `after` characters around.

        An item starts in the first column; the range is wider where none starts so soon.
        """
        if self._root.is_error:
            return 0, len(self.text)
        start, end = 0, len(self.text)
        if offset > before:
            cursor = self._root.walk()
            near = self._bytes.to_byte(offset - before)
            is_at_item = cursor.goto_first_child_for_byte(near) is not None
            while is_at_item and not _starts_in_first_column(cursor, 0, near):
                is_at_item = cursor.goto_previous_sibling()
            start = self._bytes.to_offset(_node_of(cursor).start_byte) if is_at_item else 0
        if offset + after < len(self.text):
            cursor = self._root.walk()
            near = self._bytes.to_byte(offset + after)
            is_at_item = cursor.goto_first_child_for_byte(near) is not None
            while is_at_item and not _starts_in_first_column(cursor, near, len(self._bytes.source)):
                is_at_item = cursor.goto_next_sibling()
            end = self._bytes.to_offset(_node_of(cursor).start_byte) if is_at_item else end
        return start, end

    def has_items_of(self, whole: SyntaxTree, start: int) -> bool:
        """Say whether this text, a part of `whole` from `start`, is parsed as it is there."""
        moved = whole._bytes.to_byte(start)
        # A cursor, because `Node.first_child_for_byte` of tree-sitter 0.26.1 crashes where there
        # is no such child.
        cursor = whole._root.walk()
        is_at_item = cursor.goto_first_child_for_byte(moved) is not None
        for item in self._root.children:
            there = _node_of(cursor)
            if (
                not is_at_item
                or (there.kind_id, there.has_error) != (item.kind_id, item.has_error)
                or (there.start_byte - moved, there.end_byte - moved) != item.byte_range
            ):
                return False
            is_at_item = cursor.goto_next_sibling()
        return not is_at_item or _node_of(cursor).start_byte >= moved + len(self._bytes.source)

    @property
    def has_faults(self) -> bool:
        """Whether there is an ERROR or MISSING node."""
        return self._root.has_error

    @property
    def effort(self) -> int:
        """Roughly how much work the faults of this text were, in characters of sound text."""
        return len(self.text) + self._broken.seen * _CHARACTERS_PER_BROKEN_NODE

    @cached_property
    def faults(self) -> tuple[TextRange, ...]:
        """Where the ERROR and MISSING nodes and those named by `faults.scm` are, in order."""
        spans = [*self._broken.spans, *self._captured_faults]
        return tuple(
            TextRange(self._bytes.to_offset(start), self._bytes.to_offset(end))
            for start, end in sorted(spans, key=lambda span: (span[0], -span[1]))
        )

    def named_spans_around(self, offset: int, longest: int) -> list[tuple[int, int]]:
        """Return the ranges of the named nodes around `offset` of at most `longest` characters,
        the innermost first.
        """
        byte = self._bytes.to_byte(offset)
        node = self._root.named_descendant_for_byte_range(byte, byte)
        spans: list[tuple[int, int]] = []
        while node is not None and node.parent is not None:
            start, end = self.range_of(node)
            if end - start > longest:
                break
            spans.append((start, end))
            node = node.parent
        return spans

    def range_of(self, node: tree_sitter.Node) -> tuple[int, int]:
        """Return the offsets at which a node starts and ends."""
        return self._bytes.to_offset(node.start_byte), self._bytes.to_offset(node.end_byte)

    def captures(
        self, query: tree_sitter.Query, offset: int, length: int = 0
    ) -> Iterator[tuple[str, int, int]]:
        """Yield name, start and end of the captured nodes that touch the range."""
        for name, nodes in self._captured(query, offset, length).items():
            for node in nodes:
                yield name, *self.range_of(node)

    def all_captures(
        self, query: tree_sitter.Query, names: frozenset[str]
    ) -> tuple[tuple[str, str], ...]:
        """Return name and text of all nodes captured as one of `names`; found once."""
        found = self._all_captures.get((query, names))
        if found is None:
            groups = self._captured(query, 0, len(self.text))
            ranges = [
                (name, *self.range_of(node)) for name in names for node in groups.get(name, ())
            ]
            found = tuple((name, self.text[start:end]) for name, start, end in sorted(ranges))
            self._all_captures[query, names] = found
        return found

    def innermost_node(
        self, query: tree_sitter.Query, name: str, offset: int, length: int = 0
    ) -> tree_sitter.Node | None:
        """Return the smallest node captured as `name` around the range.

        An empty range must be strictly inside of the node.
        """
        first, last = self._bytes.to_byte(offset), self._bytes.to_byte(offset + length)
        around = [
            node
            for node in self._captured(query, offset, length).get(name, ())
            if (node.start_byte <= first and last <= node.end_byte)
            and (length or node.start_byte < first < node.end_byte)
        ]
        return min(around, key=lambda node: node.end_byte - node.start_byte, default=None)

    def innermost_body(
        self, query: tree_sitter.Query, offset: int, *, opened_before: int
    ) -> tree_sitter.Node | None:
        """Return the smallest body around the character at `offset` with its marks before that."""
        first, latest = self._bytes.to_byte(offset), self._bytes.to_byte(opened_before)
        around = [
            node
            for node in self._captured(query, offset, 1).get("body", ())
            if node.start_byte <= first < node.end_byte
            and (node.start_byte < latest or begins_with_named_node(node))
        ]
        return min(around, key=lambda node: node.end_byte - node.start_byte, default=None)

    def statement_with_body(
        self, query: tree_sitter.Query, line: int, cursor: int, offset: int
    ) -> tree_sitter.Node | None:
        """Return the largest node from `line` on around `offset` that opens a body after `cursor`.

        It is inside of one body or list of statements and spans several lines.
        """
        first_line, first = self._bytes.to_byte(line), self._bytes.to_byte(cursor)
        byte = self._bytes.to_byte(offset)
        statement = None
        node = self._root.descendant_for_byte_range(byte, byte + 1)
        groups = self._captured(query, offset, 1)
        outside = {each.id for name in ("body", "list") for each in groups.get(name, ())}
        while node is not None and node.parent is not None and node.start_byte >= first_line:
            if node.start_byte < first and node.id in outside:
                break
            statement, node = node, node.parent
        if statement is None or statement.start_point[0] == statement.end_point[0]:
            return None
        if self._is_tangled(first, statement.end_byte):
            return None
        cursor_query = tree_sitter.QueryCursor(query)
        cursor_query.set_byte_range(first, statement.end_byte)
        bodies = cursor_query.captures(statement).get("body", [])
        return statement if any(each.start_byte >= first for each in bodies) else None

    def _point_at(self, byte: int) -> tuple[int, int]:
        point = self._points.get(byte)
        if point is None:
            point = self._points[byte] = _moved_point(0, 0, self._bytes.source[:byte])
        return point

    @cached_property
    def _points(self) -> dict[int, tuple[int, int]]:
        """Rows and columns asked for before; of a tree that others are made from, one or two."""
        return {}

    @cached_property
    def _root(self) -> tree_sitter.Node:
        return self._tree.root_node

    def _captured(
        self, query: tree_sitter.Query, offset: int, length: int
    ) -> dict[str, list[tree_sitter.Node]]:
        first, last = self._bytes.to_byte(offset), self._bytes.to_byte(offset + length)
        start = max(first - 1, 0)
        if self._is_tangled(start, last):
            return {}
        cursor = tree_sitter.QueryCursor(query)
        cursor.set_byte_range(start, last + 1)
        return cursor.captures(self._root)

    @cached_property
    def _all_captures(
        self,
    ) -> dict[tuple[tree_sitter.Query, frozenset[str]], tuple[tuple[str, str], ...]]:
        return {}

    def _is_tangled(self, first: int, last: int) -> bool:
        return any(start <= last and end >= first for start, end in self._broken.tangled)

    @cached_property
    def _broken(self) -> _Broken:
        # Not the root that is kept: a node keeps its children once they have been asked for.
        return look_for_faults(self._tree.root_node)

    @cached_property
    def _captured_faults(self) -> list[tuple[int, int]]:
        """The byte ranges of what the parser lets pass.

        In a text that was made from another one, only what has changed is looked through again.
        """
        query = self._grammar.faults
        if query is None or self._broken.tangled:
            return []
        cursor = tree_sitter.QueryCursor(query)
        kept: list[tuple[int, int]] = []
        if self._origin is not None:
            first, last = self._origin.changed_bytes(self._tree)
            cursor.set_byte_range(max(first - 1, 0), last + 1)
            kept = [
                span for span in self._origin.moved_faults() if span[1] < first or span[0] > last
            ]
        nodes = cursor.captures(self._root).get("fault", ())
        return list({*kept, *((node.start_byte, node.end_byte) for node in nodes)})


def begins_with_named_node(node: tree_sitter.Node) -> bool:
    """Say whether a body has no opening mark, as those of indented languages."""
    first = node.child(0)
    return first is not None and first.is_named


@dataclass(frozen=True)
class _Origin:
    """What a tree was made from: another tree, and the bytes that were replaced."""

    tree: SyntaxTree
    edited: tree_sitter.Tree
    start: int
    old_end: int
    new_end: int

    def changed_bytes(self, now: tree_sitter.Tree) -> tuple[int, int]:
        """Return the range of the new text outside of which tokens and what they are in agree."""
        changed = self.edited.changed_ranges(now)
        return (
            min([self.start, *(each.start_byte for each in changed)]),
            max([self.new_end, *(each.end_byte for each in changed)]),
        )

    def moved_faults(self) -> Iterator[tuple[int, int]]:
        """Yield the captured faults of the first tree that the replacement did not touch."""
        shift = self.new_end - self.old_end
        for start, end in self.tree._captured_faults:
            if end < self.start:
                yield start, end
            elif start > self.old_end:
                yield start + shift, end + shift


@dataclass(frozen=True)
class _Broken:
    """What a look through the broken parts of a tree has found, in bytes."""

    spans: tuple[tuple[int, int], ...] = ()
    """The ERROR and MISSING nodes, in order."""
    tangled: tuple[tuple[int, int], ...] = ()
    """Those with too long a run of bare tokens to be asked about."""
    seen: int = 0
    """How many nodes had to be looked at."""


def look_for_faults(root: tree_sitter.Node) -> _Broken:
    """Look for ERROR and MISSING nodes, only where tree-sitter saw a fault."""
    if not root.has_error:
        return _Broken()
    found, tangled, seen = [], [], 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        seen += 1
        if node.is_error or node.is_missing:
            found.append(node.byte_range)
        if node.has_error:
            children = node.children
            waiting.extend(reversed(children))
            tokens = node.child_count - node.named_child_count
            if tokens > LONGEST_TOKEN_RUN and _longest_token_run(children) > LONGEST_TOKEN_RUN:
                tangled.append(node.byte_range)
    return _Broken(tuple(found), tuple(tangled), seen)


def _longest_token_run(nodes: list[tree_sitter.Node]) -> int:
    longest = run = 0
    for node in nodes:
        run = 0 if node.is_named else run + 1
        longest = max(longest, run)
    return longest


def _node_of(cursor: tree_sitter.TreeCursor) -> tree_sitter.Node:
    node = cursor.node
    assert node is not None, "a cursor of a node stands on one"
    return node


def _starts_in_first_column(cursor: tree_sitter.TreeCursor, first: int, last: int) -> bool:
    """Say whether the node starts a line, between two bytes."""
    node = _node_of(cursor)
    return node.start_point.column == 0 and first <= node.start_byte <= last


def _moved_point(row: int, column: int, text: bytes) -> tuple[int, int]:
    """Return row and column after some text, both counted from 0, the column in bytes."""
    last_line_end = text.rfind(b"\n")
    if last_line_end < 0:
        return row, column + len(text)
    return row + text.count(b"\n"), len(text) - last_line_end - 1
