"""What the server does about each message: convert, ask the session, convert back.

Notifications are handled by plain functions, so that they take effect in the order in which they
arrive; requests by coroutines, the only handlers that pygls cancels on `$/cancelRequest`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types

from tabwright.completion.suggestion import NoSuggestion, Suggestion
from tabwright.document import TextRange
from tabwright.errors import TabwrightError
from tabwright.lsp import from_lsp, to_lsp
from tabwright.lsp.progress import Progress
from tabwright.lsp.server import TabwrightServer
from tabwright.model.weights_fetching import fetch_weights
from tabwright.session.documents import Notebook
from tabwright.session.file_watcher import FileWatcher
from tabwright.session.model_host import LoadEvent
from tabwright.session.session import Session
from tabwright.session.specializing import Specializing
from tabwright.session.status import Status
from tabwright.session.workspace import WorkspaceEvent
from tabwright.settings import read_settings

logger = logging.getLogger(__name__)

DID_CHANGE_STATUS = "didChangeStatus"
DID_SHOW_COMPLETION = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT_COMPLETION = "textDocument/didPartiallyAcceptCompletion"
DID_FOCUS = "textDocument/didFocus"
DID_MOVE_CURSOR = "tabwright/didMoveCursor"

_TRIGGER_CHARACTERS = (".", "(", "[", "{", "=", ":", ",", " ")


class Handlers:
    """The handlers of one server and one session."""

    def __init__(self, server: TabwrightServer, watched_folders: Sequence[Path]) -> None:
        self._server = server
        self._session: Session | None = None
        self._watched_folders = watched_folders
        self._watcher: FileWatcher | None = None
        self._initial_settings: Mapping[str, Any] = {}
        self._progress: dict[str, Progress] = {}
        self._fetches: dict[str, asyncio.Task[dict[str, Any]]] = {}
        self._specializing = Specializing()
        self._wants_status = False
        self._ending: asyncio.Task[Any] | None = None

    def attach(self, session: Session) -> None:
        """Take the session and register every handler."""
        self._session = session
        features: dict[str, Callable[..., Any]] = {
            types.INITIALIZE: self.initialize,
            types.INITIALIZED: self.initialized,
            types.SHUTDOWN: self.shutdown,
            types.EXIT: self.exit,
            types.WORKSPACE_DID_CHANGE_CONFIGURATION: self.did_change_configuration,
            types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self.did_change_folders,
            types.TEXT_DOCUMENT_DID_OPEN: self.did_open,
            types.TEXT_DOCUMENT_DID_CHANGE: self.did_change,
            types.TEXT_DOCUMENT_DID_SAVE: self.did_save,
            types.TEXT_DOCUMENT_DID_CLOSE: self.did_close,
            types.NOTEBOOK_DOCUMENT_DID_OPEN: self.did_open_notebook,
            types.NOTEBOOK_DOCUMENT_DID_CHANGE: self.did_change_notebook,
            types.NOTEBOOK_DOCUMENT_DID_CLOSE: self.did_close_notebook,
            DID_FOCUS: self.did_focus,
            DID_MOVE_CURSOR: self.did_focus,
            DID_SHOW_COMPLETION: self.did_show_completion,
            DID_PARTIALLY_ACCEPT_COMPLETION: self.did_partially_accept_completion,
        }
        commands: dict[str, Callable[..., Any]] = {
            to_lsp.ACCEPTED_COMMAND: self.accepted,
            "tabwright.explain": self.explain,
            "tabwright.showStatus": self.show_status,
            "tabwright.listModels": self.list_models,
            "tabwright.switchModel": self.switch_model,
            "tabwright.restartModel": self.restart_model,
            "tabwright.pullModel": self.pull_model,
            "tabwright.specializeWorkspace": self.specialize_workspace,
        }
        for name, method in features.items():
            self._server.feature(name)(_as_function(method))
        for name, method in commands.items():
            self._server.command(name)(_as_function(method))
        self._server.feature(
            types.TEXT_DOCUMENT_INLINE_COMPLETION,
            types.InlineCompletionOptions(),  # without options pygls advertises nothing
        )(_as_function(self.inline_completion))

    @property
    def session(self) -> Session:
        """The attached session."""
        assert self._session is not None, "attach() comes first"
        return self._session

    # -- life --

    def initialize(self, params: types.InitializeParams) -> None:
        """Take the first settings and folders, and offer what this client can use."""
        self._initial_settings = from_lsp.settings_section(params.initialization_options)
        self._take_settings({})
        folders = [folder.uri for folder in params.workspace_folders or []]
        if not folders and params.root_uri:
            folders = [params.root_uri]
        paths = [from_lsp.path_of(uri) for uri in folders]
        self.session.follow([path for path in paths if path is not None])
        wishes = params.capabilities.experimental
        self._wants_status = from_lsp.member(wishes, DID_CHANGE_STATUS) is True
        text = params.capabilities.text_document
        has_inline = text is not None and text.inline_completion is not None
        offer = self.session.settings.completion_list
        if offer == "always" or (offer == "auto" and not has_inline):
            options = types.CompletionOptions(trigger_characters=list(_TRIGGER_CHARACTERS))
            self._server.feature(types.TEXT_DOCUMENT_COMPLETION, options)(
                _as_function(self.completion)
            )

    async def initialized(self, _params: types.InitializedParams) -> None:
        """Start to watch for new weights and ask for the settings."""
        self._watcher = FileWatcher(self._watched_folders, self.session.note_disk_change)
        self._watcher.start()
        workspace = self._server.client_capabilities.workspace
        dynamic = workspace.did_change_configuration if workspace is not None else None
        if dynamic is not None and dynamic.dynamic_registration:
            registration = types.Registration(
                id="tabwright-configuration",
                method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
                register_options={"section": from_lsp.SECTION},
            )
            await self._server.client_register_capability_async(
                types.RegistrationParams([registration])
            )
        await self._pull_settings()

    async def shutdown(self, _params: object = None) -> None:
        """End the model process with the server; Kate says this as a notification."""
        self._ending = asyncio.current_task()
        if self._watcher is not None:
            self._watcher.stop()
        await self._specializing.stop()
        await self.session.stop()
        self._server.note_shutdown()

    async def exit(self, _params: object = None) -> None:
        """The client says good-bye, and need not have waited for the answer to `shutdown`.

        Whatever still runs does not keep this process for long.
        """
        self._server.end_soon()
        if self._ending is not None:
            await asyncio.wait([self._ending])  # and it has been answered, for pygls hears first
        await self._server.leave()

    # -- settings and folders --

    async def did_change_configuration(self, params: types.DidChangeConfigurationParams) -> None:
        """Take changed settings: pulled where the client can, else from the message."""
        if not await self._pull_settings():
            self._take_settings(from_lsp.settings_section(params.settings))

    async def _pull_settings(self) -> bool:
        workspace = self._server.client_capabilities.workspace
        if workspace is None or not workspace.configuration:
            return False
        wanted = types.ConfigurationItem(section=from_lsp.SECTION)
        values = await self._server.workspace_configuration_async(
            types.ConfigurationParams([wanted])
        )
        self._take_settings(from_lsp.settings_section(values[0] if values else None))
        return True

    def _take_settings(self, changed: Mapping[str, Any]) -> None:
        result = read_settings({**self._initial_settings, **changed})
        self.session.configure(result.settings)
        for problem in result.problems:
            logger.warning("%s", problem)
            self._tell(types.MessageType.Warning, problem)

    def did_change_folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        """Follow the workspace's folders."""
        removed = [from_lsp.path_of(folder.uri) for folder in params.event.removed]
        added = [from_lsp.path_of(folder.uri) for folder in params.event.added]
        kept = [path for path in self.session.documents.folders if path not in removed]
        self.session.follow([*kept, *(path for path in added if path is not None)])

    # -- documents --

    def did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Take an opened document."""
        self.session.open(from_lsp.open_document(params.text_document))

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply edits."""
        self._change(params.text_document, params.content_changes)

    def _change(
        self,
        identifier: types.VersionedTextDocumentIdentifier,
        changes: Sequence[types.TextDocumentContentChangeEvent],
    ) -> None:
        document = self.session.documents.by_uri.get(identifier.uri)
        if document is not None:
            encoding = self._server.position_encoding
            edited = from_lsp.apply_changes(document, identifier.version, changes, encoding)
            if edited is not None:
                self.session.note_edit(document.uri, edited)

    def did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        """Take what was saved as what the workspace is like."""
        self.session.note_saved(params.text_document.uri)

    def did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a document."""
        self.session.close(params.text_document.uri)

    def did_focus(self, params: object) -> None:
        """Have model and prompt ready for the document that came to the front.

        `position`, where the client gives one, is the cursor; `tabwright/didMoveCursor` is the
        same for a cursor that has moved.
        """
        uri = str(from_lsp.member(from_lsp.member(params, "textDocument"), "uri"))
        document = self.session.documents.by_uri.get(uri)
        position = from_lsp.position_of(from_lsp.member(params, "position"))
        if document is None:
            return
        encoding = self._server.position_encoding
        self.session.focus(
            uri,
            None if position is None else from_lsp.position_to_offset(document, position, encoding),
        )

    def did_open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """Take a notebook and its cells."""
        notebook = params.notebook_document
        documents = self.session.documents
        documents.notebooks[notebook.uri] = Notebook(notebook.uri, from_lsp.path_of(notebook.uri))
        documents.splice_cells(notebook.uri, 0, 0, _cells(notebook.cells))
        for cell in params.cell_text_documents:
            self.session.open(from_lsp.open_document(cell))

    def did_change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """Follow the cells: their order, their kinds and their text."""
        documents = self.session.documents
        change = params.change.cells
        if change is None or params.notebook_document.uri not in documents.notebooks:
            return
        if change.structure is not None:
            array = change.structure.array
            documents.splice_cells(
                params.notebook_document.uri,
                array.start,
                array.delete_count,
                _cells(array.cells or []),
            )
            for opened in change.structure.did_open or []:
                self.session.open(from_lsp.open_document(opened))
            for closed in change.structure.did_close or []:
                self.session.close(closed.uri)
        for text in change.text_content or []:
            self._change(text.document, text.changes)

    def did_close_notebook(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """Forget a notebook and its cells."""
        self.session.documents.notebooks.pop(params.notebook_document.uri, None)
        for cell in params.cell_text_documents:
            self.session.close(cell.uri)

    # -- suggestions --

    async def inline_completion(
        self, params: types.InlineCompletionParams
    ) -> types.InlineCompletionList:
        """Answer with one item or none."""
        document = self.session.documents.by_uri.get(params.text_document.uri)
        is_automatic = params.context.trigger_kind == types.InlineCompletionTriggerKind.Automatic
        if document is None:
            await self.session.complete(params.text_document.uri, 0, is_automatic=is_automatic)
            return types.InlineCompletionList(items=[])
        encoding = self._server.position_encoding
        offset = from_lsp.position_to_offset(document, params.position, encoding)
        where = TextRange(offset, offset)
        kept = ""
        selected = params.context.selected_completion_info
        if selected is not None:
            replaced = from_lsp.range_to_offsets(document, selected.range, encoding)
            if replaced.end == offset and "\n" not in selected.text:
                where, kept = replaced, from_lsp.clean(selected.text)
        # The answer's range is that of the text as it is now, whatever is typed meanwhile.
        answer_range = types.Range(
            to_lsp.offset_to_position(document, where.start, encoding),
            to_lsp.offset_to_position(document, where.end, encoding),
        )
        found = self.session.documents.snapshot(document.uri, offset)
        if found is None:
            return types.InlineCompletionList(items=[])
        snapshot, cursor = found
        if kept:
            snapshot, cursor = from_lsp.with_selected_item(
                snapshot, cursor, offset - where.start, kept
            )
        outcome = await self.session.complete_in(
            snapshot, cursor, is_automatic=is_automatic, document=document
        )
        if isinstance(outcome, NoSuggestion):
            return types.InlineCompletionList(items=[])
        return to_lsp.inline_completions(outcome, answer_range, kept)

    async def completion(self, params: types.CompletionParams) -> types.CompletionList:
        """Answer a client that has no inline completion."""
        document = self.session.documents.by_uri.get(params.text_document.uri)
        if document is None or self.session.settings.completion_list == "never":
            return to_lsp.no_completion_list()
        encoding = self._server.position_encoding
        offset = from_lsp.position_to_offset(document, params.position, encoding)
        # Clients say "invoked" for a typed letter and for a request by hand alike; by hand it is
        # surely where no letter stands before the cursor.
        context = params.context
        is_automatic = (
            context is None
            or context.trigger_kind != types.CompletionTriggerKind.Invoked
            or document.text[offset - 1 : offset].isalnum()
        )
        outcome = await self.session.complete(
            params.text_document.uri, offset, is_automatic=is_automatic
        )
        if isinstance(outcome, Suggestion):
            return to_lsp.completion_list(outcome, document, offset, encoding)
        return to_lsp.no_completion_list()

    def did_show_completion(self, _params: object) -> None:
        """Count a shown suggestion."""
        self.session.outcomes.note_shown()

    def did_partially_accept_completion(self, params: object) -> None:
        """Count the part of a suggestion that was accepted; its length counts UTF-16 units."""
        length = from_lsp.member(params, "acceptedLength")
        text = from_lsp.member(from_lsp.member(params, "item"), "insertText")
        text = text or from_lsp.member(from_lsp.member(params, "item"), "insert_text")
        if isinstance(length, int):
            known = text if isinstance(text, str) else ""
            utf16 = types.PositionEncodingKind.Utf16
            count = from_lsp.column_to_offset(known, length, utf16) if known else length
            self.session.outcomes.note_partly_accepted(known, count)

    # -- commands --

    async def accepted(self, *arguments: Any) -> None:
        """Count an accepted suggestion."""
        count = from_lsp.member(arguments[0], "characters") if arguments else None
        self.session.outcomes.note_accepted(count if isinstance(count, int) else 0)

    async def explain(self, *_arguments: Any) -> dict[str, Any]:
        """Say what came of the last request, above all why there was nothing."""
        return to_lsp.explanation(self.session.outcomes.explanation)

    async def show_status(self, *_arguments: Any) -> dict[str, Any]:
        """Return status, counts and the model process."""
        process = self.session.models.process
        last = self.session.outcomes.explanation
        return {
            **to_lsp.status(self.session.status()),
            "model": last.model if last is not None else "",
            "route": last.route if last is not None else "",
            "modelProcess": {"state": process.state.value, "pid": process.process_id},
            "statistics": to_lsp.statistics(self.session.outcomes.statistics, process.evaluated),
        }

    async def list_models(self, *_arguments: Any) -> list[dict[str, Any]]:
        """Return every known model and whether it is installed."""
        return [
            {"id": manifest.id, "name": manifest.name, "installed": is_installed}
            for manifest, is_installed in self.session.models.known()
        ]

    async def switch_model(self, *arguments: Any) -> dict[str, Any]:
        """Use the model whose id is the first argument; `auto` goes back to the choice by rule."""
        try:
            await self.session.switch_model(_text(arguments) or "auto")
        except TabwrightError as error:
            return {"ok": False, "message": str(error)}
        return {"ok": True, **to_lsp.status(self.session.status())}

    async def restart_model(self, *_arguments: Any) -> dict[str, Any]:
        """End the model process and start it again, also after it gave up."""
        await self.session.restart_model()
        return {"ok": True}

    async def pull_model(self, *arguments: Any) -> dict[str, Any]:
        """Fetch a model's weights: the one command that opens network connections."""
        try:
            catalogue = self.session.models.catalogue
            wanted = _text(arguments)
            manifest = catalogue.get(wanted) if wanted else catalogue.default
        except TabwrightError as error:
            return {"ok": False, "message": str(error)}
        fetch = self._fetches.get(manifest.id)
        if fetch is None:
            fetch = self._fetches[manifest.id] = asyncio.create_task(self._fetch(manifest))
            fetch.add_done_callback(lambda _task: self._fetches.pop(manifest.id, None))
        return await asyncio.shield(fetch)

    async def _fetch(self, manifest: Any) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        progress = Progress(self._server, f"Fetching {manifest.id}")
        progress.start()

        def report(phase: str, done: int, total: int) -> None:
            fraction = done / total if total else 0.0
            loop.call_soon_threadsafe(progress.report, fraction, phase)

        try:
            await asyncio.to_thread(fetch_weights, manifest, report)
        except TabwrightError as error:
            return {"ok": False, "message": str(error)}
        finally:
            progress.end()
        self.session.note_disk_change()
        return {"ok": True, "message": f"{manifest.id} is installed."}

    async def specialize_workspace(self, *arguments: Any) -> dict[str, Any]:
        """Make a model for a workspace folder; the answer comes when it is made, or was not better.

        The first argument is the folder's URI, which may be left out where there is one folder.
        The second may say `{"minutes": 20}`, or `{"remove": true}` to take the model back.
        """
        folder = from_lsp.path_of(_text(arguments)) if _text(arguments) else None
        folders = self.session.documents.folders
        if folder is None and len(folders) == 1:
            folder = folders[0]
        if folder is None:
            return {"ok": False, "message": "Say which workspace folder to specialise for."}
        wishes = arguments[1] if len(arguments) > 1 else None
        options = [
            *(word for each in self.session.settings.exclude for word in ("--exclude", each)),
            *from_lsp.specializing_options(wishes),
        ]
        run = asyncio.create_task(self._specialize(folder, options))
        try:
            return await asyncio.shield(run)
        except asyncio.CancelledError:
            run.cancel()
            await asyncio.wait([run])
            raise

    async def _specialize(self, folder: Path, options: Sequence[str]) -> dict[str, Any]:
        stopping: set[asyncio.Task[None]] = set()

        def stop() -> None:
            stopping.add(asyncio.create_task(self._specializing.stop()))

        progress = Progress(self._server, f"Specialising for {folder.name}", stop)
        progress.start()
        try:
            outcome = await self._specializing.run(folder, options, progress.report)
        finally:
            progress.end()
        self.session.note_disk_change()
        return {"ok": outcome.is_done, "message": outcome.message}

    # -- what the session tells --

    def show_status_change(self, status: Status) -> None:
        """Send `didChangeStatus` to a client that has declared that it shows it.

        Some warn of every notification that they do not know.
        """
        if self._wants_status:
            self._server.protocol.notify(DID_CHANGE_STATUS, to_lsp.status(status))

    def show_load(self, event: LoadEvent) -> None:
        """Show a progress bar while a model loads."""
        if event.phase == "loading":
            progress = self._progress.get(event.model)
            if progress is None:
                progress = Progress(self._server, f"Loading {event.model}")
                self._progress[event.model] = progress
                progress.start()
            progress.report(event.fraction)
        elif (finished := self._progress.pop(event.model, None)) is not None:
            finished.end(event.phase)

    def show_workspace(self, event: WorkspaceEvent) -> None:
        """Show a progress bar while a workspace folder is read."""
        key = str(event.folder)
        if event.phase == "reading":
            progress = self._progress.get(key)
            if progress is None:
                progress = Progress(self._server, f"Reading {event.folder.name}")
                self._progress[key] = progress
                progress.start()
            if event.total:
                progress.report(event.done / event.total, f"{event.done} of {event.total} files")
        elif (finished := self._progress.pop(key, None)) is not None:
            finished.end(event.phase)

    def _tell(self, kind: types.MessageType, message: str) -> None:
        """Write to the editor's log; nothing pops up."""
        self._server.window_log_message(types.LogMessageParams(kind, f"Tabwright: {message}"))


def _as_function(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a bound method: pygls sets attributes on what it registers.

    The function has no annotations, because pygls asks whether that of the first parameter is a
    subclass of its server, which `Any` cannot be asked before Python 3.11.
    """

    async def call_later(*arguments: Any) -> Any:
        return await method(*arguments)

    def call(*arguments: Any) -> Any:
        return method(*arguments)

    function: Callable[..., Any] = call_later if asyncio.iscoroutinefunction(method) else call
    function.__annotations__ = {}
    return function


def _cells(cells: Sequence[types.NotebookCell]) -> list[tuple[str, bool]]:
    return [(cell.document, cell.kind == types.NotebookCellKind.Code) for cell in cells]


def _text(arguments: Sequence[Any]) -> str:
    return arguments[0] if arguments and isinstance(arguments[0], str) else ""
