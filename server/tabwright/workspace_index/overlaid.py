"""A workspace as its user sees it: open documents that are not saved win over what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tabwright.syntax.languages import Language
from tabwright.workspace_index.extracting import facts_of
from tabwright.workspace_index.facts import Chunk, Definition, FileFacts
from tabwright.workspace_index.index import WorkspaceIndex, is_inside
from tabwright.workspace_index.secrets import mask_secrets
from tabwright.workspace_index.terms import word_terms, words_in
from tabwright.workspace_index.view import MOST_IMPORTERS, FoundChunk, FoundDefinition


@dataclass(frozen=True)
class OpenFile:
    """An open document, its secrets masked."""

    text: str
    facts: FileFacts

    @cached_property
    def used(self) -> frozenset[str]:
        """The names it uses."""
        return frozenset(name for name, _ in self.facts.references)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names it defines or uses."""
        return self.used.union(each.name for each in self.facts.definitions)

    @cached_property
    def chunk_terms(self) -> tuple[tuple[Chunk, Mapping[int, int], int], ...]:
        """Its chunks, each with how often it has which terms, and how many words."""
        return tuple(_counted(self.text, chunk) for chunk in self.facts.chunks)


def open_file(text: str, language: Language) -> OpenFile:
    """Return an open document as the index would know it; takes milliseconds."""
    masked = mask_secrets(text)
    return OpenFile(masked, facts_of(masked, language))


class OverlaidView:
    """A `WorkspaceView` of an index with open documents over it, at one moment."""

    def __init__(self, index: WorkspaceIndex, open_files: Mapping[str, OpenFile]) -> None:
        """`open_files` are by their path from the workspace folder."""
        self._index = index
        self._open = dict(sorted(open_files.items()))
        self._covered = frozenset(open_files)

    def definitions_of(self, names: Sequence[str], limit: int) -> Sequence[FoundDefinition]:
        """Return definitions with these names, at most `limit` for each name."""
        on_disk = self._index.definitions_of(names, limit, without=self._covered)
        wanted = dict.fromkeys(names)
        here = self._own(lambda each: each.name in wanted)
        if not here:
            return on_disk
        by_name: dict[str, list[FoundDefinition]] = {name: [] for name in wanted}
        for each in (*here, *on_disk):
            by_name[each.definition.name].append(each)
        return [each for found in by_name.values() for each in sorted(found, key=_place)[:limit]]

    def members_of(self, class_name: str, path: str | None = None) -> Sequence[FoundDefinition]:
        """Return what is defined right inside a class, in one file or wherever it is."""
        own = [
            each
            for each in self._own(lambda one: is_inside(one.parent, class_name))
            if path in {None, each.path}
        ]
        if path in self._covered:
            return own
        disk = self._index.members_of(class_name, path, without=self._covered)
        return sorted([*own, *disk], key=_place)

    def facts_of(self, path: str) -> FileFacts | None:
        """Return what is known about one file."""
        document = self._open.get(path)
        return document.facts if document is not None else self._index.facts_of(path)

    def imported_by(self, path: str) -> Sequence[str]:
        """Return the files of the workspace that a file imports, in order of its imports."""
        document = self._open.get(path)
        return self._index.imported_by(path, document.facts if document is not None else None)

    def definitions_in(self, path: str) -> Sequence[Definition]:
        """Return what one file defines, in order."""
        document = self._open.get(path)
        if document is not None:
            return document.facts.definitions
        return self._index.definitions_in(path)

    def importers_of(
        self, path: str, using: Sequence[str] = (), limit: int = MOST_IMPORTERS
    ) -> Sequence[str]:
        """Return the files that import a file, at most `limit`: the open ones, then the nearest;
        only those that use one of some names if given.
        """
        own = [
            each
            for each, document in self._open.items()
            if (not using or not document.used.isdisjoint(using)) and path in self.imported_by(each)
        ]
        on_disk = self._index.importers_of(path, using, limit, without=self._covered)
        return tuple(sorted([*own, *on_disk][:limit]))

    def search(self, words: Sequence[str], limit: int) -> Sequence[FoundChunk]:
        """Return the pieces of files that best fit some words, by BM25."""
        question, found = self._index.search_with_question(words, limit, self._covered)
        for path, document in self._open.items():
            for chunk, counts, length in document.chunk_terms:
                score = question.score(counts, length)
                if score > 0:
                    found.append(FoundChunk(path, chunk.start, chunk.end, score))
        found.sort(key=lambda each: (-each.score, each.path, each.start))
        return found[:limit]

    def changed_together_with(self, path: str) -> Sequence[tuple[str, float]]:
        """Return files that change in the same commits, with the share of them (0 to 1)."""
        return self._index.changed_together_with(path)

    def text_of(self, path: str) -> str | None:
        """Return a file's text, secrets masked; None when it is gone since it was indexed."""
        document = self._open.get(path)
        return document.text if document is not None else self._index.text_of(path)

    def knows_name(self, name: str) -> bool:
        """Whether any file of the workspace defines or uses a name."""
        own = any(name in document.names for document in self._open.values())
        return own or self._index.knows_name(name, without=self._covered)

    def _own(self, is_chosen: Callable[[Definition], bool]) -> list[FoundDefinition]:
        return [
            FoundDefinition(path, definition)
            for path, document in self._open.items()
            for definition in document.facts.definitions
            if is_chosen(definition)
        ]


def _counted(text: str, chunk: Chunk) -> tuple[Chunk, Mapping[int, int], int]:
    counts: dict[int, int] = {}
    words = words_in(text[chunk.start : chunk.end])
    for word in words:
        for term in word_terms(word):
            counts[term] = counts.get(term, 0) + 1
    return chunk, counts, len(words)


def _place(found: FoundDefinition) -> tuple[str, int]:
    return found.path, found.definition.start
