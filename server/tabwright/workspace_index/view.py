"""What can be asked about a workspace. `completion/` knows no more of the index than this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tabwright.workspace_index.facts import Definition, FileFacts

MOST_IMPORTERS = 100
"""So many files that may import one are asked whether they do, the nearest ones."""


@dataclass(frozen=True)
class FoundDefinition:
    """A definition and the file it is in."""

    path: str
    """Relative to its workspace folder, with forward slashes; for a dependency what follows
    `site-packages/`, `node_modules/` or the like."""
    definition: Definition
    is_dependency: bool = False


@dataclass(frozen=True)
class FoundChunk:
    """A piece of a file that full-text search has found."""

    path: str
    start: int
    end: int
    score: float
    """BM25, larger is better."""


class WorkspaceView(Protocol):
    """One workspace folder at one moment. Every answer is in a fixed order, best first where there
    is a best, else by path and place; paths are relative with forward slashes."""

    def definitions_of(self, names: Sequence[str], limit: int) -> Sequence[FoundDefinition]:
        """Return definitions with these names, at most `limit` for each name."""
        ...

    def members_of(self, class_name: str, path: str | None = None) -> Sequence[FoundDefinition]:
        """Return what is defined right inside a class, in one file or wherever it is."""
        ...

    def facts_of(self, path: str) -> FileFacts | None:
        """Return what is known about one file."""
        ...

    def imported_by(self, path: str) -> Sequence[str]:
        """Return the files of the workspace that a file imports, in order of its imports."""
        ...

    def definitions_in(self, path: str) -> Sequence[Definition]:
        """Return what one file defines, in order."""
        ...

    def importers_of(
        self, path: str, using: Sequence[str] = (), limit: int = MOST_IMPORTERS
    ) -> Sequence[str]:
        """Return the files that import a file, the nearest `limit` of them; only those that use one
        of some names if given.
        """
        ...

    def search(self, words: Sequence[str], limit: int) -> Sequence[FoundChunk]:
        """Return the pieces of files that best fit some words, by BM25."""
        ...

    def changed_together_with(self, path: str) -> Sequence[tuple[str, float]]:
        """Return files that change in the same commits, with the share of them (0 to 1)."""
        ...

    def text_of(self, path: str) -> str | None:
        """Return a file's text as it was indexed, secrets masked; None when it is gone since."""
        ...

    def knows_name(self, name: str) -> bool:
        """Whether any file of the workspace defines or uses a name."""
        ...
