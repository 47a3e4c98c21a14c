"""Everything that is true right now, in one object that only the event loop touches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path

from tabwright.completion import pipeline
from tabwright.completion.cache import ResultCache
from tabwright.completion.knowledge import Knowledge
from tabwright.completion.pipeline import CompletionRequest, ReadyModel
from tabwright.completion.shape import Shape
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason, Suggestion
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.errors import ModelError
from tabwright.model.catalogue import Catalogue
from tabwright.model.client import ProcessState
from tabwright.model.routing import Route
from tabwright.session.documents import Documents, OpenDocument
from tabwright.session.excluded_files import Exclusion, exclusion_of
from tabwright.session.latest_request import LatestRequest
from tabwright.session.model_host import LoadEvent, ModelHost, failed
from tabwright.session.outcomes import Outcomes
from tabwright.session.places import route_of
from tabwright.session.power import is_on_battery
from tabwright.session.status import Status, StatusBar
from tabwright.session.work_ahead import AskingHabit, WorkAhead
from tabwright.session.workspace import WorkspaceEvent
from tabwright.session.workspaces import Workspaces
from tabwright.settings import CompletionSettings, Settings
from tabwright.syntax.languages import LanguageRegistry

logger = logging.getLogger(__name__)

_EXCLUSIONS_KEPT_SECONDS = 10.0
_PATIENCE_BY_HAND_SECONDS = 60.0
_DEBOUNCE_WHEN_NOT_EAGER_SECONDS = 0.15
_AHEAD_OF_ACCEPTANCE_SECONDS = 0.05
_CURSORS_KEPT = 200
_SHORT_DOCUMENT = 3000
_ONLY_HERE = frozenset({Reason.IN_COMMENT, Reason.IN_STRING, Reason.TEXT_AFTER_CURSOR})
"""Reasons that hold at a cursor, while the code before it is worth reading for the next one."""


class Session:
    """Settings, open documents, models and counts of one editor."""

    def __init__(
        self,
        languages: LanguageRegistry,
        read_catalogue: Callable[[], Catalogue],
        on_status: Callable[[Status], None] = lambda _status: None,
        on_load: Callable[[LoadEvent], None] = lambda _event: None,
        on_workspace: Callable[[WorkspaceEvent], None] = lambda _event: None,
    ) -> None:
        self.languages = languages
        self.settings = Settings()
        self.documents = Documents(knows_language=_knows(languages))
        self.outcomes = Outcomes()
        self._status = StatusBar(on_status)
        self._on_load = on_load
        self.workspaces = Workspaces(languages, on_workspace)
        self.models = ModelHost(read_catalogue, self._note_load, self._status.show_process)
        self._latest: LatestRequest[Outcome] = LatestRequest(NoSuggestion(Reason.SUPERSEDED))
        self._cache = ResultCache()
        self._ahead = WorkAhead()
        self._habit = AskingHabit()
        self._cursors: dict[str, int] = {}
        """Where the cursor was last known to be, by document."""
        self._exclusions: dict[str, tuple[float, Exclusion | None]] = {}

    # -- what the editor tells --

    def configure(self, settings: Settings) -> None:
        """Take new settings, at once."""
        self.settings = settings
        self._exclusions.clear()
        self._cache.clear()
        self.workspaces.configure(settings, self._open_paths())
        self.models.configure(settings)
        for document in list(self.documents.by_uri.values()):
            self._prepare(document)

    def follow(self, folders: Sequence[Path]) -> None:
        """Take the workspace's folders, and begin to know them."""
        self.documents.folders = list(folders)
        self.workspaces.follow(folders, self._open_paths())

    def _open_paths(self) -> list[Path]:
        paths = (document.path for document in self.documents.by_uri.values())
        return [path for path in paths if path is not None]

    def open(self, document: OpenDocument) -> None:
        """Take a newly opened document, and start to load its language's model."""
        self.documents.open(document)
        self._prepare(document)
        # Where the cursor is nobody says. Often it is where it was; and of a short file, the
        # prompt at its end begins with the prompt at any other place.
        known = self._cursors.get(document.uri)
        if known is None and len(document.text) <= _SHORT_DOCUMENT:
            known = len(document.text)
        if known is not None:
            self._read_ahead(document, min(known, len(document.text)), 0.0)

    def close(self, uri: str) -> None:
        """Forget a document, but not where its cursor was."""
        self.documents.close(uri)
        self._exclusions.pop(uri, None)

    def note_saved(self, uri: str) -> None:
        """A document was saved: what others know of it is what is on the disk now."""
        document = self.documents.by_uri.get(uri)
        if document is not None:
            self.workspaces.note_saved(document.path)

    def focus(self, uri: str, offset: int | None = None) -> None:
        """A document came to the front, or its cursor moved: have model and prompt ready."""
        document = self.documents.by_uri.get(uri)
        if document is not None:
            self._prepare(document)
            where = self._cursors.get(uri) if offset is None else offset
            if where is not None:
                self._note_cursor(uri, where)
                self._read_ahead(document, min(where, len(document.text)), 0.0)

    def note_edit(self, uri: str, offset: int) -> None:
        """The document was edited up to here: most likely the cursor is there now."""
        document = self.documents.by_uri.get(uri)
        if document is not None:
            self._note_cursor(uri, offset)
            self._habit.note_edit()
            delay = self._habit.delay_seconds
            self._read_ahead(document, offset, delay, answers=self._habit.asks_at_edits)

    def note_disk_change(self) -> None:
        """Models or weights changed on disk: what was missing may be there now."""
        self.models.refresh()
        self._cache.clear()
        for document in list(self.documents.by_uri.values()):
            self._prepare(document)

    # -- one completion --

    async def complete(self, uri: str, offset: int, *, is_automatic: bool) -> Outcome:
        """Return a suggestion for a place in an open document, or why there is none.

        Never raises but for cancellation: what goes wrong is a reason too.
        """
        found = self.documents.snapshot(uri, offset)
        if found is None:
            return self._noted(NoSuggestion(Reason.DOCUMENT_NOT_OPEN), "", "", 0.0)
        snapshot, cursor = found
        return await self.complete_in(
            snapshot,
            cursor,
            is_automatic=is_automatic,
            document=self.documents.by_uri[uri],
        )

    async def complete_in(
        self,
        snapshot: DocumentSnapshot,
        cursor: Cursor,
        *,
        is_automatic: bool,
        document: OpenDocument,
    ) -> Outcome:
        """Do the same for a snapshot that differs from the document, say by a selected item."""
        started = time.monotonic()
        request = CompletionRequest(
            snapshot=snapshot,
            cursor=cursor,
            settings=self._settings_at(snapshot, document),
            is_automatic=is_automatic,
            language=self.languages.for_editor_id(snapshot.language),
            openers_left=self.outcomes.openers_left,
            knowledge=self._knowledge_for(document),
        )
        self._ahead.cancel()
        if is_automatic:
            self._habit.note_question()
        self._note_cursor(document.uri, min(cursor.offset, len(document.text)))
        key = (snapshot.uri, snapshot.version, cursor.offset, is_automatic, hash(snapshot.text))
        try:
            outcome = await self._latest.run(
                key,
                lambda: self._answer(request, document),
                self._debounce(request) if is_automatic else 0.0,
            )
        except Exception as error:  # a bug must cost one suggestion, not the editor's server
            logger.exception("A completion failed.")
            outcome = NoSuggestion(Reason.INTERNAL_ERROR, type(error).__name__)
        why = self.models.choice(self._route(request, document)).reason if outcome.model else ""
        return self._noted(outcome, snapshot.language, why, time.monotonic() - started)

    def _settings_at(
        self, snapshot: DocumentSnapshot, document: OpenDocument
    ) -> CompletionSettings:
        """Return the settings that hold for the code of a snapshot."""
        workspace = self._workspace_of(document)
        around = document.language if document.language != snapshot.language else None
        return self.settings.for_place(snapshot.language, workspace, around)

    def settings_at(self, uri: str, offset: int) -> CompletionSettings:
        """Return the settings that hold at a place, those for all where no document is open."""
        found = self.documents.snapshot(uri, offset)
        return self._settings_at(found[0], self.documents.by_uri[uri]) if found else self.settings

    def _workspace_of(self, document: OpenDocument) -> str:
        notebook = self.documents.notebook_of(document.uri)
        folder = self.documents.folder_of(document.path if notebook is None else notebook.path)
        return "" if folder is None else str(folder)

    def _route(self, request: CompletionRequest, document: OpenDocument) -> Route:
        """Return what decides about the model for a request."""
        return route_of(request, self._workspace_of(document), self.models.asked_about)

    def route_at(self, uri: str, offset: int) -> Route | None:
        """Return what decides about the model at a place; None where no document is open."""
        found = self.documents.snapshot(uri, offset)
        if found is None:
            return None
        document = self.documents.by_uri[uri]
        return self._route(self._request(found, document), document)

    def _request(
        self, found: tuple[DocumentSnapshot, Cursor], document: OpenDocument
    ) -> CompletionRequest:
        """Return a request as if typing had made it."""
        snapshot, cursor = found
        return CompletionRequest(
            snapshot=snapshot,
            cursor=cursor,
            settings=self._settings_at(snapshot, document),
            is_automatic=True,
            language=self.languages.for_editor_id(snapshot.language),
        )

    def _knowledge_for(self, document: OpenDocument) -> Knowledge | None:
        settings = self.settings.for_place(document.language, self._workspace_of(document))
        by_uri = self.documents.by_uri
        recent = [
            (path, offset)
            for uri, offset in reversed(self._cursors.items())
            if uri in by_uri and uri != document.uri and (path := by_uri[uri].path) is not None
        ]
        return self.workspaces.knowledge_for(document.path, settings, list(by_uri.values()), recent)

    async def _answer(self, request: CompletionRequest, document: OpenDocument) -> Outcome:
        shape = await self._shape_of(request, document)
        if isinstance(shape, NoSuggestion):
            return shape
        model = await self._model_for(request, document)
        if isinstance(model, NoSuggestion):
            return model
        self._status.show_busy(True)
        try:
            outcome = await pipeline.complete(request, shape, model, self._cache)
        except ModelError as error:
            self.models.note_failure(model, error)
            return failed(error, model.name)
        finally:
            self._status.show_busy(False)
        if isinstance(outcome, Suggestion):
            self.outcomes.note_given(request.snapshot.uri, request.cursor.offset, outcome)
        if isinstance(outcome, Suggestion) and self._is_eager(request) and outcome.ends_line:
            shown = outcome
            self._ahead.schedule(
                lambda: self._work(model, pipeline.prepare_next(request, shown, shape, model)),
                _AHEAD_OF_ACCEPTANCE_SECONDS,
            )
        return outcome

    async def _shape_of(
        self, request: CompletionRequest, document: OpenDocument
    ) -> Shape | NoSuggestion:
        """Return what may be suggested; nothing in files that are to be left alone."""
        if document.is_too_large:
            return NoSuggestion(Reason.FILE_TOO_LARGE)
        exclusion = await self._exclusion_of(document)
        if exclusion is not None:
            reason = Reason.IGNORED_FILE if exclusion is Exclusion.BY_GIT else Reason.EXCLUDED_FILE
            return NoSuggestion(reason)
        return pipeline.decide(request)

    # -- work ahead --

    def _read_ahead(
        self, document: OpenDocument, offset: int, delay_seconds: float, *, answers: bool = False
    ) -> None:
        """Have the prompt for a place read before it is asked about, or the answer made, too."""
        found = self.documents.snapshot(document.uri, offset)
        if found is None:
            return
        request = self._request(found, document)
        if not request.settings.enabled or request.settings.trigger == "manual":
            return
        request = replace(request, knowledge=self._knowledge_for(document))
        if self._is_eager(request):
            self._ahead.schedule(lambda: self._read(request, document, answers), delay_seconds)

    async def _read(
        self, request: CompletionRequest, document: OpenDocument, answers: bool
    ) -> None:
        shape = await self._shape_of(request, document)
        manifest = self.models.choose(self._route(request, document))
        if isinstance(manifest, NoSuggestion):
            return
        if isinstance(shape, NoSuggestion) and shape.reason not in _ONLY_HERE:
            return
        model = self.models.ready_now(manifest)
        if model is None and (loading := self.models.begin_loading(manifest)) is not None:
            model = await asyncio.shield(loading)
        if not isinstance(model, ReadyModel):
            return
        if answers and isinstance(shape, Shape):
            work = pipeline.answer_ahead(request, shape, model, self._cache)
        else:
            work = pipeline.prepare(request, model)
        await self._work(model, work)

    async def _work(self, model: ReadyModel, work: Coroutine[None, None, None]) -> None:
        """Do work ahead; have the model loaded again where its process turns out to have ended."""
        try:
            await work
        except ModelError as error:
            self.models.note_failure(model, error)
            raise

    def _note_cursor(self, uri: str, offset: int) -> None:
        self._cursors.pop(uri, None)
        self._cursors[uri] = offset
        while len(self._cursors) > _CURSORS_KEPT:
            del self._cursors[next(iter(self._cursors))]

    def _is_eager(self, request: CompletionRequest) -> bool:
        eagerness = request.settings.eagerness
        return eagerness == "high" or (eagerness == "auto" and not is_on_battery())

    def _debounce(self, request: CompletionRequest) -> float:
        seconds = request.settings.debounce_seconds
        return (
            seconds if self._is_eager(request) else max(seconds, _DEBOUNCE_WHEN_NOT_EAGER_SECONDS)
        )

    async def _model_for(
        self, request: CompletionRequest, document: OpenDocument
    ) -> ReadyModel | NoSuggestion:
        """Return the model, waiting for it to load only when asked by hand."""
        manifest = self.models.choose(self._route(request, document))
        if isinstance(manifest, NoSuggestion):
            return manifest
        ready = self.models.ready_now(manifest)
        if ready is not None:
            return ready
        loading = self.models.begin_loading(manifest)
        if loading is None or request.is_automatic:
            return self._not_ready(manifest.id)
        try:
            return await asyncio.wait_for(asyncio.shield(loading), _PATIENCE_BY_HAND_SECONDS)
        except asyncio.TimeoutError:
            return NoSuggestion(Reason.MODEL_LOADING, model=manifest.id)
        except ModelError as error:
            return failed(error, manifest.id)

    def _not_ready(self, model: str) -> NoSuggestion:
        state = self.models.process.state
        if state is ProcessState.GAVE_UP:
            return NoSuggestion(Reason.MODEL_GAVE_UP, model=model)
        if state is ProcessState.WAITING_TO_RESTART:
            return NoSuggestion(Reason.MODEL_RESTARTING, model=model)
        return NoSuggestion(Reason.MODEL_LOADING, model=model)

    async def _exclusion_of(self, document: OpenDocument) -> Exclusion | None:
        """Return why a document is left alone; the disk is asked every few seconds at most."""
        path = document.path
        notebook = self.documents.notebook_of(document.uri)
        if notebook is not None:
            path = notebook.path
        if path is None:
            return None
        asked, exclusion = self._exclusions.get(document.uri, (-_EXCLUSIONS_KEPT_SECONDS, None))
        if time.monotonic() - asked < _EXCLUSIONS_KEPT_SECONDS:
            return exclusion
        exclusion = await asyncio.to_thread(
            exclusion_of,
            path,
            self.documents.folder_of(path),
            self.settings.exclude,
            reads_ignore_files=not self.settings.in_ignored_files,
        )
        self._exclusions[document.uri] = (time.monotonic(), exclusion)
        return exclusion

    def _noted(self, outcome: Outcome, language: str, route: str, seconds: float) -> Outcome:
        """Count an outcome and show it, unless a newer request has taken its place."""
        name = self.outcomes.note(outcome, language, route, seconds)
        if name != Reason.SUPERSEDED.value:
            self._status.show_outcome(outcome)
        logger.debug("completion: %s in %.0f ms", name, seconds * 1000)
        return outcome

    # -- what the editor asks --

    def status(self) -> Status:
        """Return the current status."""
        return self._status.now

    async def switch_model(self, model: str) -> None:
        """Use another model for every language, until the settings change.

        Raises:
            ManifestError: there is no such model.
        """
        if model != "auto":
            self.models.catalogue.get(model)
        self.configure(replace(self.settings, model=model))

    async def restart_model(self) -> None:
        """End the model process and start it again for the open documents."""
        self._latest.cancel()
        self._ahead.cancel()
        await self.models.restart()
        for document in list(self.documents.by_uri.values()):
            self._prepare(document)

    async def rest(self) -> None:
        """Wait until no work ahead is under way: what a pause between keys comes to."""
        await self._ahead.wait()

    async def stop(self) -> None:
        """End all work and the model process."""
        self._latest.cancel()
        self._ahead.cancel()
        await self.workspaces.stop()
        await self.models.stop()

    # -- below --

    def _prepare(self, document: OpenDocument) -> None:
        """Start to load the model of a document's language, so that the first key need not wait."""
        found = self.documents.snapshot(document.uri, self._cursors.get(document.uri, 0))
        if found is None:
            return
        request = self._request(found, document)
        if not request.settings.enabled:
            return
        manifest = self.models.choose(self._route(request, document))
        if isinstance(manifest, NoSuggestion):
            self._status.show_missing(manifest.sentence)
        elif self.models.ready_now(manifest) is None:
            self.models.begin_loading(manifest)

    def _note_load(self, event: LoadEvent) -> None:
        self._on_load(event)
        self._status.show_load(event)


def _knows(languages: LanguageRegistry) -> Callable[[str], bool]:
    known = {name for language in languages.all() for name in language.editor_ids}
    return known.__contains__
