"""What is asked of every source of excerpts, and how much a definition is asked for.

The score of a candidate is `weight of its source x relevance x closeness / sqrt(rivals)`:

* relevance (0 to 1) says how much the place at the cursor wants it: 1 for a name in the innermost
  header around the cursor, 0.8 in an outer one, 0.7 / 0.5 / 0.35 for the last ten names before the
  border, the next 15 and the rest; for what no name asks for, what the source says. A method that
  is asked for by its name alone, and not with its class, counts 0.6 of that, a field 0.25: most
  names that are those of a field mean something else,
* closeness (0 to 1) says how likely a name here means a definition there: 1 in the document itself
  and in files it imports, 0.7 in the same folder, 0.4 elsewhere and in dependencies,
* rivals is how many equally close definitions the name has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from tabwright.completion.excerpt_key import ExcerptKey
from tabwright.syntax.languages import Language
from tabwright.workspace_index.facts import Definition, FileFacts
from tabwright.workspace_index.view import FoundDefinition, WorkspaceView

SAME_FOLDER = 0.7
_OUTER_HEADER = 0.8
_NEARNESS = ((10, 0.7), (25, 0.5))
_FAR = 0.35
_ELSEWHERE = 0.4
_DEFINITIONS_PER_NAME = 6
_FILES = 12
_UNASKED_VALUE = 0.4
"""What constants, fields and aliases are worth of that: there are too many of them."""
_BY_NAME_ALONE = {"method": 0.6, "field": 0.25}
"""What members are worth when no name at the cursor is that of their class."""
_VALUE_KINDS = frozenset({"constant", "field", "type"})
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class RecentPlace:
    """A place in another file that was edited or viewed a while ago."""

    path: str
    offset: int
    kind: Literal["edited", "viewed"]


@dataclass(frozen=True)
class Question:
    """What is asked of every source."""

    key: ExcerptKey
    language: Language
    view: WorkspaceView
    recent: tuple[RecentPlace, ...] = ()
    """Newest first."""
    dependencies: tuple[FoundDefinition, ...] = ()
    """Of the names that the document imports from installed packages."""

    @cached_property
    def wanted(self) -> dict[str, float]:
        """The names at the cursor, with how much each is asked for."""
        inner = set(_WORD.findall(self.key.headers[0])) if self.key.headers else set()
        found = {name: 1.0 if name in inner else _OUTER_HEADER for name in self.key.header_names}
        for index, name in enumerate(self.key.names):
            nearness = next((value for most, value in _NEARNESS if index < most), _FAR)
            found.setdefault(name, nearness)
        return found

    @cached_property
    def original_names(self) -> dict[str, str]:
        """What the imported names are called where they are defined, by their names here."""
        return {
            alias: name
            for each in self.key.imports
            for name, alias in zip(each.names, each.aliases, strict=False)
            if name != "*"
        }

    @cached_property
    def imported_files(self) -> tuple[str, ...]:
        """The files of the workspace that the document imports."""
        paths = self.view.imported_by(self.key.path)
        return tuple(path for path in paths if path != self.key.path)[:_FILES]

    @cached_property
    def found(self) -> tuple[tuple[str, FoundDefinition, float], ...]:
        """Definitions of the names at the cursor in other files: name, what, and how close.

        Of a name the closest ones are taken, and where the document defines it, only imported
        ones. Files in other languages count when they are imported.
        """
        names = {self.original_names.get(name, name): name for name in self.wanted}
        by_name: dict[str, list[tuple[float, FoundDefinition]]] = {}
        for each in self._found_anywhere(names):
            closeness = self.closeness(each)
            if closeness and each.path != self.key.path:
                by_name.setdefault(each.definition.name, []).append((closeness, each))
        result = []
        for original, name in names.items():
            candidates = by_name.get(original, [])
            best = max((closeness for closeness, _ in candidates), default=0.0)
            if best < 1.0 and name in self.key.own_names:
                continue
            closest = [each for closeness, each in candidates if closeness == best]
            result += [(name, each, best / math.sqrt(len(closest))) for each in closest]
        return tuple(result)

    def _found_anywhere(self, names: Mapping[str, str]) -> list[FoundDefinition]:
        """Return definitions with some names: all of them in imported files, and some others."""
        imported = {
            (path, each.start): FoundDefinition(path, each)
            for path in self.imported_files
            for each in self.definitions(path)
            if each.name in names
        }
        others = self.view.definitions_of(tuple(names), _DEFINITIONS_PER_NAME)
        unseen = [each for each in others if (each.path, each.definition.start) not in imported]
        return [*imported.values(), *unseen]

    def closeness(self, found: FoundDefinition) -> float:
        """Return how likely a name in the document means this definition, 0 to 1."""
        if found.is_dependency:
            return _ELSEWHERE if found.definition.name in self._imported_names else 0.0
        if found.path in self.imported_files:
            return 1.0
        if not found.path.lower().endswith(self.language.extensions):
            return 0.0
        is_beside = found.path.rpartition("/")[0] == self.key.path.rpartition("/")[0]
        return SAME_FOLDER if is_beside else _ELSEWHERE

    def relevance(self, definition: Definition, unasked: float) -> float:
        """Return how much a definition is asked for, a part of `unasked` where it is not."""
        if definition.kind in _VALUE_KINDS:
            unasked *= _UNASKED_VALUE
        return max(unasked, self.asked(definition))

    def asked(self, definition: Definition) -> float:
        """Return how much the names at the cursor ask for a definition, 0 when none does."""
        worth = self.wanted.get(self.names_here.get(definition.name, definition.name), 0.0)
        owner = definition.parent.rpartition(".")[2]
        if owner and owner not in self.wanted:
            worth *= _BY_NAME_ALONE.get(definition.kind, 1.0)
        return worth

    @cached_property
    def names_here(self) -> dict[str, str]:
        """What imported names are called in the document, by their names where they are defined."""
        return {name: alias for alias, name in self.original_names.items()}

    def facts(self, path: str) -> FileFacts | None:
        """Return what is known about a file; looked up once."""
        if path not in self._facts:
            self._facts[path] = self.view.facts_of(path)
        return self._facts[path]

    def definitions(self, path: str) -> Sequence[Definition]:
        """Return what a file defines, in order; looked up once."""
        if path not in self._definitions:
            self._definitions[path] = self.view.definitions_in(path)
        return self._definitions[path]

    @cached_property
    def _definitions(self) -> dict[str, Sequence[Definition]]:
        return {}

    @cached_property
    def _facts(self) -> dict[str, FileFacts | None]:
        return {}

    @cached_property
    def _imported_names(self) -> frozenset[str]:
        return frozenset(name for each in self.key.imports for name in each.names)
