"""What a completion knew of the workspace: kept while it is made, given back in a replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tabwright.completion.excerpt_layout import Excerpt
from tabwright.completion.knowledge import Knowledge
from tabwright.completion.prompt import Room
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.messages import Guess
from tabwright.syntax.languages import Language


class RecordedKnowledge:
    """Stands between the pipeline and the workspace for one completion.

    `known` is what an earlier completion knew, by what was written behind the cursor; then the
    workspace itself is not asked. `guessed`, `shown`
    and `unknown` are what this one asked for.
    """

    def __init__(
        self,
        offset: int,
        known: Mapping[str, tuple[Guess, ...]] | None,
        known_excerpts: Sequence[tuple[str, str]] | None,
        unknown_names: Sequence[str] | None,
    ) -> None:
        self._offset = offset
        self._known = known
        self._known_excerpts = (
            tuple(Excerpt(path, text) for path, text in known_excerpts)
            if known_excerpts is not None
            else None
        )
        self.shown: tuple[Excerpt, ...] = ()
        self._unknown_names = unknown_names
        self.unknown: list[str] = []
        self._workspace: Knowledge | None = None
        self.guessed: dict[str, tuple[Guess, ...]] = {}

    @property
    def revision(self) -> int:
        """One completion sees one state."""
        return 0

    def around(self, workspace: Knowledge | None) -> Knowledge | None:
        """Take the place of what is known of the workspace, if anything may be."""
        self._workspace = workspace
        return self if workspace is not None else None

    def guesses(self, snapshot: DocumentSnapshot, cursor: Cursor) -> tuple[Guess, ...]:
        """Return how the line may go on."""
        written = snapshot.text[self._offset : cursor.offset]
        if self._known is not None:
            return self._known.get(written, ())
        if self._workspace is None:
            return ()
        found = self._workspace.guesses(snapshot, cursor)
        if found:
            self.guessed[written] = found
        return found

    def knows(self, name: str) -> bool:
        """Whether any file of the workspace has a name."""
        if self._unknown_names is not None:
            return name not in self._unknown_names
        is_known = self._workspace is None or self._workspace.knows(name)
        if not is_known and name not in self.unknown:
            self.unknown.append(name)
        return is_known

    def excerpts(
        self,
        snapshot: DocumentSnapshot,
        cursor: Cursor,
        language: Language,
        room: Room,
        sources: frozenset[str],
    ) -> tuple[Excerpt, ...]:
        """Return the code from elsewhere that is shown."""
        if self._known_excerpts is not None:
            return self._known_excerpts
        if self._workspace is None:
            return ()
        self.shown = self._workspace.excerpts(snapshot, cursor, language, room, sources)
        return self.shown
