"""What is known of all workspace folders, and of documents in none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from tabwright.completion.knowledge import Knowledge
from tabwright.session.documents import OpenDocument
from tabwright.session.known_workspace import KnownDocument, KnownWorkspace, OpenInEditor
from tabwright.session.workspace import Workspace, WorkspaceEvent
from tabwright.settings import CompletionSettings, Settings
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.line_memory import LineMemory


class Workspaces:
    """Follows the editor's workspace folders; only the event loop touches it."""

    def __init__(
        self, languages: LanguageRegistry, on_event: Callable[[WorkspaceEvent], None]
    ) -> None:
        self._languages = languages
        self._on_event = on_event
        self._by_folder: dict[Path, Workspace] = {}
        self._without_folder = LineMemory()
        """For documents outside all folders: it learns nothing, but knows the document itself."""
        self._settings = Settings()
        self._folders: tuple[Path, ...] = ()
        self._stopping: set[asyncio.Task[None]] = set()
        self.wrap: Callable[[Knowledge | None], Knowledge | None] = lambda knowledge: knowledge
        """What is put between the pipeline and all knowledge, to record or to replay it."""

    def configure(self, settings: Settings, near: Sequence[Path]) -> None:
        """Take new settings."""
        was = self._settings
        self._settings = settings
        what = (settings.exclude, settings.in_ignored_files, settings.watch)
        if what != (was.exclude, was.in_ignored_files, was.watch):
            self._close(list(self._by_folder))
        self.follow(self._folders, near)

    def follow(self, folders: Sequence[Path], near: Sequence[Path]) -> None:
        """Know these folders, and no others; those already known are left as they are."""
        self._folders = tuple(folders)
        wanted = [each for each in folders if self._may_be_read(each)]
        self._close([each for each in self._by_folder if each not in wanted])
        for folder in wanted:
            if folder not in self._by_folder:
                workspace = Workspace(
                    folder,
                    self._languages,
                    exclude=self._settings.exclude,
                    reads_ignore_files=not self._settings.in_ignored_files,
                    polls=self._settings.watch == "polling",
                    on_event=self._on_event,
                )
                self._by_folder[folder] = workspace
                workspace.start(near)

    def of(self, path: Path | None) -> Workspace | None:
        """Return the innermost known workspace that holds a path."""
        holding = [
            folder for folder in self._by_folder if path is not None and path.is_relative_to(folder)
        ]
        innermost = max(holding, key=lambda folder: len(folder.parts), default=None)
        return self._by_folder[innermost] if innermost is not None else None

    def knowledge_for(
        self,
        path: Path | None,
        settings: CompletionSettings,
        documents: Sequence[OpenDocument] = (),
        recent: Sequence[tuple[Path, int]] = (),
    ) -> Knowledge | None:
        """Return what is known for a document, None where nothing may be used.

        `documents` are those that are open; `recent` are places in files that the cursor was at
        lately, the latest first.
        """
        if not settings.use_workspace:
            return self.wrap(None)
        workspace = self.of(path)
        if workspace is None:
            return self.wrap(KnownDocument(self._without_folder))
        others = [self._open_in(workspace, each) for each in documents if each.path != path]
        return self.wrap(KnownWorkspace(workspace, tuple(filter(None, others)), recent))

    def note_saved(self, path: Path | None) -> None:
        """A document was saved; where files are watched, that would be seen a little later."""
        workspace = self.of(path)
        if workspace is not None and path is not None:
            workspace.note_changes([path.relative_to(workspace.folder).as_posix()])

    @staticmethod
    def _open_in(workspace: Workspace, document: OpenDocument) -> OpenInEditor | None:
        path = document.path
        if path is None or not path.is_relative_to(workspace.folder):
            return None
        inside = path.relative_to(workspace.folder).as_posix()
        return OpenInEditor(inside, document.language, document.text)

    async def settle(self) -> None:
        """Wait until all that was noted is known."""
        for workspace in list(self._by_folder.values()):
            await workspace.settle()

    async def stop(self) -> None:
        """End all work."""
        self._close(list(self._by_folder))
        if self._stopping:
            await asyncio.wait(list(self._stopping))

    def _may_be_read(self, folder: Path) -> bool:
        """Whether a folder is a workspace to be known: a whole home or disk is none."""
        if not self._settings.index_workspace:
            return False
        return folder != folder.parent and folder != Path.home()

    def _close(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            task = asyncio.ensure_future(self._by_folder.pop(folder).stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
