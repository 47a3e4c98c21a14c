"""A workspace as the pipeline asks it for one document; see `completion.knowledge`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from tabwright.completion.excerpt_key import excerpt_key
from tabwright.completion.excerpt_layout import Excerpt
from tabwright.completion.excerpt_question import RecentPlace
from tabwright.completion.excerpts import choose_excerpts
from tabwright.completion.guessing import familiarity_of, guesses_from
from tabwright.completion.prompt import Room
from tabwright.document import Cursor, DocumentSnapshot, places_of_word
from tabwright.model.messages import Guess
from tabwright.session.workspace import Workspace
from tabwright.syntax.languages import Language
from tabwright.workspace_index.line_memory import LineMemory
from tabwright.workspace_index.overlaid import OpenFile, OverlaidView, open_file
from tabwright.workspace_index.secrets import mask_secrets

_TELLING_CHARACTERS = 200_000
"""In less code than this, most of the names that one may well use are not there yet."""
_RECENT_PLACES = 6
_CHOICES_KEPT = 32
_OPEN_FILES_KEPT = 32
_WORD_BEFORE = re.compile(r"[^\W\d]\w*\Z")


@dataclass(frozen=True)
class OpenInEditor:
    """An open document of the workspace, apart from the one that is asked about."""

    path: str
    """From the workspace folder, with forward slashes."""
    language: str
    """The editor's language id."""
    text: str


@dataclass(frozen=True)
class KnownDocument:
    """A document outside all workspaces: it knows itself."""

    memory: LineMemory

    @property
    def revision(self) -> int:
        """It never changes, apart from the document."""
        return 0

    def guesses(self, snapshot: DocumentSnapshot, cursor: Cursor) -> tuple[Guess, ...]:
        """Return how the line may go on, from what the document does at like places."""
        return guesses_in(self.memory, snapshot, cursor)

    def knows(self, _name: str) -> bool:
        """Return True: nothing is known of what there may be elsewhere."""
        return True

    def excerpts(
        self,
        _snapshot: DocumentSnapshot,
        _cursor: Cursor,
        _language: Language,
        _room: Room,
        _sources: frozenset[str],
    ) -> tuple[Excerpt, ...]:
        """Return nothing: there is no elsewhere."""
        return ()


@dataclass(frozen=True)
class KnownWorkspace:
    """A document in a workspace."""

    workspace: Workspace
    others: tuple[OpenInEditor, ...]
    recent: Sequence[tuple[Path, int]]

    @property
    def revision(self) -> int:
        """What the workspace's files were when this was asked."""
        return self.workspace.revision

    def guesses(self, snapshot: DocumentSnapshot, cursor: Cursor) -> tuple[Guess, ...]:
        """Return how the line may go on, from what the workspace does at like places."""
        return guesses_in(self.workspace.memory, snapshot, cursor)

    def knows(self, name: str) -> bool:
        """Whether any file of the workspace has a name; True where too little is known to say."""
        memory = self.workspace.memory
        if not self.workspace.is_read or memory.characters < _TELLING_CHARACTERS:
            return True
        return memory.knows(name)

    def excerpts(
        self,
        snapshot: DocumentSnapshot,
        cursor: Cursor,
        language: Language,
        room: Room,
        sources: frozenset[str],
    ) -> tuple[Excerpt, ...]:
        """Return the code from elsewhere that helps most.

        What the document defines and imports is what it was when it was last saved, so that the
        excerpts, which the prompt begins with, do not change while one types.
        """
        workspace = self.workspace
        if "similar" in sources:
            workspace.want_full_text()
        open_files = {
            each.path: opened for each in self.others if (opened := self._opened(each)) is not None
        }
        view = OverlaidView(workspace.index, open_files)
        key = excerpt_key(snapshot, cursor, language, view, room)
        recent = self._recent_places(snapshot.relative_path)
        installed = (
            workspace.dependencies_of(key.path, language, key.imports, key.names)
            if "dependencies" in sources
            else ()
        )
        state = (key, workspace.revision, sources, recent, tuple(map(hash, self.others)))
        known = workspace.choices.get(state)
        if known is None:
            choice = choose_excerpts(
                key, language, view, recent=recent, dependencies=installed, sources=sources
            )
            known = workspace.choices[state] = choice.excerpts
            while len(workspace.choices) > _CHOICES_KEPT:
                del workspace.choices[next(iter(workspace.choices))]
        return known

    def _opened(self, document: OpenInEditor) -> OpenFile | None:
        language = self.workspace.languages.for_editor_id(document.language)
        if language is None or not self.workspace.index.is_wanted(document.path):
            return None
        return _open_file(document.text, language)

    def _recent_places(self, own: str) -> tuple[RecentPlace, ...]:
        folder = self.workspace.folder
        inside = [
            RecentPlace(path.relative_to(folder).as_posix(), offset, "edited")
            for path, offset in self.recent
            if path.is_relative_to(folder)
        ]
        return tuple(place for place in inside if place.path != own)[:_RECENT_PLACES]


_open_file = lru_cache(maxsize=_OPEN_FILES_KEPT)(open_file)


def guesses_in(memory: LineMemory, snapshot: DocumentSnapshot, cursor: Cursor) -> tuple[Guess, ...]:
    """Return how the line at a cursor may go on by a memory, and the name that is begun there."""
    text, offset = snapshot.text, cursor.offset
    path = snapshot.relative_path or snapshot.uri
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    begun = _WORD_BEFORE.search(line)
    prefix = begun.group() if begun is not None else ""
    names = memory.names(path, text, offset)
    proposals = memory.proposals(path, text, offset)
    is_name = bool(prefix and names) and is_known_name(memory, prefix, text)
    guesses = guesses_from(
        proposals,
        names,
        typed=len(prefix),
        is_name=is_name,
        familiarity=familiarity_of(memory.characters + len(text)),
    )
    # The index has no secrets, but the document may.
    if not _has_secret("\n".join(line + each.text for each in guesses)):
        return guesses
    return tuple(each for each in guesses if not _has_secret(line + each.text))


def is_known_name(memory: LineMemory, word: str, text: str) -> bool:
    """Whether a word stands elsewhere, in a document that has it or in the workspace."""
    if memory.knows(word):
        return True
    return len(list(islice(places_of_word(text, word), 2))) == 2


def _has_secret(line: str) -> bool:
    return mask_secrets(line) != line
