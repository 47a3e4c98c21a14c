"""What the pipeline may ask about the workspace around a document."""

from __future__ import annotations

from typing import Protocol

from tabwright.completion.excerpt_layout import Excerpt
from tabwright.completion.prompt import Room
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.messages import Guess
from tabwright.syntax.languages import Language


class Knowledge(Protocol):
    """A workspace at one moment: the same question has the same answer."""

    @property
    def revision(self) -> int:
        """Another number whenever an answer may be another one, apart from the document."""
        ...

    def guesses(self, snapshot: DocumentSnapshot, cursor: Cursor) -> tuple[Guess, ...]:
        """Return how the line may go on, from what the workspace does at like places."""
        ...

    def knows(self, name: str) -> bool:
        """Whether any file of the workspace has a name; the document itself aside."""
        ...

    def excerpts(
        self,
        snapshot: DocumentSnapshot,
        cursor: Cursor,
        language: Language,
        room: Room,
        sources: frozenset[str],
    ) -> tuple[Excerpt, ...]:
        """Return the code from elsewhere that helps most, in the order in which it is shown."""
        ...
