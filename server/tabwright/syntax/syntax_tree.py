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
        edited.edit(
            first,
            old_end,
            new_end,
            self._bytes.point_at(first),
            self._bytes.point_at(old_end),
            derived._bytes.point_at(new_end),
        )
        derived._tree = self._grammar.parse(derived._bytes.source, edited)
        derived._origin = _Origin(self, edited, first, old_end, new_end)
        return derived

    @property
    def has_faults(self) -> bool:
        """Whether there is an ERROR or MISSING node."""
        return self._root.has_error

    @cached_property
    def faults(self) -> tuple[TextRange, ...]:
        """Where the ERROR and MISSING nodes and those named by `faults.scm` are, in order."""
        spans = [(node.start_byte, node.end_byte) for node in _faulty_nodes(self._root)]
        spans += self._captured_faults
        return tuple(
            TextRange(self._bytes.to_offset(start), self._bytes.to_offset(end))
            for start, end in sorted(spans, key=lambda span: (span[0], -span[1]))
        )

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

    @cached_property
    def _root(self) -> tree_sitter.Node:
        return self._tree.root_node

    def _captured(
        self, query: tree_sitter.Query, offset: int, length: int
    ) -> dict[str, list[tree_sitter.Node]]:
        first, last = self._bytes.to_byte(offset), self._bytes.to_byte(offset + length)
        start = max(first - 1, 0)
        if self.has_faults and self._is_tangled(start):
            return {}
        cursor = tree_sitter.QueryCursor(query)
        cursor.set_byte_range(start, last + 1)
        return cursor.captures(self._root)

    def _is_tangled(self, byte: int) -> bool:
        """Say whether an ERROR node around `byte` has too long a run of bare tokens to be asked."""
        cursor = self._root.walk()
        node: tree_sitter.Node | None = self._root
        while node is not None and node.has_error:
            if (
                node.is_error
                and node.child_count - node.named_child_count > LONGEST_TOKEN_RUN
                and _longest_token_run(node) > LONGEST_TOKEN_RUN
            ):
                return True
            if cursor.goto_first_child_for_byte(byte) is None:
                return False
            node = cursor.node
        return False

    @cached_property
    def _captured_faults(self) -> list[tuple[int, int]]:
        """The byte ranges of what the parser lets pass.

        In a text that was made from another one, only what has changed is looked through again.
        """
        query = self._grammar.faults
        if query is None:
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


def _faulty_nodes(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """Yield ERROR and MISSING nodes in order, looking only where tree-sitter saw a fault."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        if node.has_error:
            waiting.extend(reversed(node.children))


def _longest_token_run(node: tree_sitter.Node) -> int:
    longest = run = 0
    for child in node.children:
        run = 0 if child.is_named else run + 1
        longest = max(longest, run)
    return longest
