"""One workspace folder, read in the background and kept up to date."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from tabwright.completion.excerpt_layout import Excerpt
from tabwright.errors import TabwrightError
from tabwright.session.file_watcher import WorkspaceWatcher
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.user_directories import index_directory
from tabwright.workspace_index.dependencies import dependency_definitions, dependency_files
from tabwright.workspace_index.extracting import facts_of
from tabwright.workspace_index.facts import FileFacts, Import
from tabwright.workspace_index.forgetting import forget_left_over
from tabwright.workspace_index.git_history import ChangedTogether, head_of, read_history
from tabwright.workspace_index.index import WorkspaceIndex
from tabwright.workspace_index.keeping_up import is_telling, reaction_to
from tabwright.workspace_index.line_memory import LARGEST_FILE_CHARACTERS, LineMemory
from tabwright.workspace_index.resolving import Resolver
from tabwright.workspace_index.secrets import mask_secrets
from tabwright.workspace_index.view import FoundDefinition

logger = logging.getLogger(__name__)

_FILES_BETWEEN_PAUSES = 4
_PAUSE_SECONDS = 0.002
"""Learning shares the interpreter with the event loop: so often it lets go of it."""
_UNSETTLED_SECONDS = 0.3
_DEPENDENCIES_KEPT = 64
_CONFIGURATIONS_OF_NO_LANGUAGE = ("go.mod", "setup.cfg")


@dataclass(frozen=True)
class WorkspaceEvent:
    """How far the reading of a workspace folder is."""

    folder: Path
    phase: Literal["reading", "ready", "failed"]
    done: int = 0
    total: int = 0
    """Files; 0 while that is not known."""


class Workspace:
    """Index, memory and history of one folder.

    Everything that reads files runs in one thread at a time; the questions may be asked meanwhile,
    and are then answered from what is known so far.
    """

    def __init__(
        self,
        folder: Path,
        languages: LanguageRegistry,
        *,
        exclude: Sequence[str],
        reads_ignore_files: bool,
        polls: bool,
        on_event: Callable[[WorkspaceEvent], None],
    ) -> None:
        self.folder = folder
        self.memory = LineMemory()
        self.history = ChangedTogether(())
        self.choices: dict[object, tuple[Excerpt, ...]] = {}
        """Excerpts that were chosen lately, by all they depend on."""
        self._dependencies: dict[
            tuple[str, tuple[Import, ...], tuple[str, ...]], tuple[FoundDefinition, ...]
        ] = {}
        self.revision = 0
        """Grows with everything that can change an answer."""
        self.is_read = False
        """Whether all of it was read; until then, what is not known may be there all the same."""
        self.languages = languages
        self._resolver: Resolver | None = None
        self._resolving = threading.Lock()
        self._on_event = on_event
        self._is_stopped = threading.Event()
        self._reading = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self.index = WorkspaceIndex.open(
            folder,
            languages,
            exclude=exclude,
            reads_ignore_files=reads_ignore_files,
            resolve=self._resolved,
            changed_together_with=self._changed_together,
            full_text=False,
        )
        self._watcher = WorkspaceWatcher(
            folder, self._note_disk, is_telling=is_telling, polls=polls
        )
        self._head = ""
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, near: Sequence[Path]) -> None:
        """Begin to read and to watch; files near some paths are remembered first."""
        self._watcher.start()
        self._spawn(self._read_all(near))

    def note_changes(self, paths: Iterable[str]) -> None:
        """Files or folders changed on disk, by paths from the workspace folder."""
        self._spawn(self._read_again(tuple(paths)))

    def want_full_text(self) -> None:
        """Have the index find code by its words, in the background, from the first time on that it
        is asked to: models that see no excerpts never do."""
        if self.index.want_full_text():
            self._spawn(self._read_full_text())

    def _note_disk(self, changed: frozenset[str]) -> None:
        """Take what the watcher tells."""
        reaction = reaction_to(changed)
        if reaction.rescan:
            self._spawn(self._read_all(()))
        elif reaction.paths:
            self.note_changes(reaction.paths)

    def dependencies_of(
        self, path: str, language: Language, imports: tuple[Import, ...], names: tuple[str, ...]
    ) -> tuple[FoundDefinition, ...]:
        """Return what installed packages define of some names that a file imports.

        They are looked for in the background, so that the first answer has none.
        """
        key = (path, imports, names)
        known = self._dependencies.get(key)
        if known is not None:
            return known
        self._dependencies[key] = ()
        while len(self._dependencies) > _DEPENDENCIES_KEPT:
            del self._dependencies[next(iter(self._dependencies))]
        self._spawn(self._find_dependencies(key, language))
        return ()

    async def settle(self) -> None:
        """Wait until everything noted so far is known."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def stop(self) -> None:
        """End all work; what was read is kept on disk."""
        self._is_stopped.set()
        self._watcher.stop()
        await self.settle()
        await asyncio.to_thread(self.index.close)

    # -- on the event loop --

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read_all(self, near: Sequence[Path]) -> None:
        async with self._reading:
            if self._is_stopped.is_set():
                return
            self._on_event(WorkspaceEvent(self.folder, "reading"))
            try:
                await asyncio.to_thread(self._update_all, near)
            except (OSError, TabwrightError) as error:
                logger.warning("%s could not be read: %s", self.folder, error)
                self._on_event(WorkspaceEvent(self.folder, "failed"))
                return
            except Exception as error:  # a bug here must not cost the suggestions
                logger.warning("Reading a workspace failed: %s.", type(error).__name__)
                self._on_event(WorkspaceEvent(self.folder, "failed"))
                return
            self.revision += 1
            self.is_read = True
            self._on_event(WorkspaceEvent(self.folder, "ready"))

    async def _read_again(self, paths: tuple[str, ...]) -> None:
        async with self._reading:
            if self._is_stopped.is_set():
                return
            try:
                unsettled = await asyncio.to_thread(self._update, paths)
            except Exception as error:  # a bug here must not cost the suggestions
                logger.warning("Reading changed files failed: %s.", type(error).__name__)
                return
            self.revision += 1
        if unsettled and not self._is_stopped.is_set():
            await asyncio.sleep(_UNSETTLED_SECONDS)
            await self._read_again(unsettled)

    async def _read_full_text(self) -> None:
        async with self._reading:
            if self._is_stopped.is_set():
                return
            try:
                await asyncio.to_thread(self.index.update, self._report, self._is_stopped.is_set)
            except Exception as error:  # a bug here must not cost the suggestions
                logger.warning("Reading for full-text search failed: %s.", type(error).__name__)
            self.revision += 1
            self._on_event(WorkspaceEvent(self.folder, "ready"))

    async def _find_dependencies(
        self, key: tuple[str, tuple[Import, ...], tuple[str, ...]], language: Language
    ) -> None:
        try:
            found = await asyncio.to_thread(self._dependency_definitions, *key, language)
        except Exception as error:  # a bug here must not cost the suggestions
            logger.warning("Looking into installed packages failed: %s.", type(error).__name__)
            return
        if found:
            self._dependencies[key] = found
            self.revision += 1

    # -- in a thread --

    def _dependency_definitions(
        self,
        path: str,
        imports: tuple[Import, ...],
        names: tuple[str, ...],
        language: Language,
    ) -> tuple[FoundDefinition, ...]:
        """Return the definitions of what is imported; of whole modules, of the names in use."""
        wanted = [
            each if each.names else Import(each.module, names, each.aliases) for each in imports
        ]
        asked = {name for each in wanted for name in each.names}

        def facts(text: str, extension: str) -> FileFacts | None:
            its_language = self.languages.for_path(f"file{extension}") or language
            return facts_of(mask_secrets(text), its_language)

        files = dependency_files(self.folder, language.imports, wanted, path)
        return tuple(
            found for file in files for found in dependency_definitions(file, sorted(asked), facts)
        )

    def _update_all(self, near: Sequence[Path]) -> None:
        if not self.folder.is_dir():  # deleted while open, or on a drive that is gone
            for path in self.memory.paths():
                self.memory.forget(path)
            return
        self.index.update(self._report, self._is_stopped.is_set)
        paths = self.index.paths()
        with self._resolving:
            files = [*paths, *_configuration_files(self.folder, paths)]
            self._resolver = Resolver(files, self._configuration_text)
        self._learn(_nearest_first(paths, [_below(each, self.folder) for each in near]))
        for path in set(self.memory.paths()) - set(paths):
            self.memory.forget(path)
        self.memory.settle()
        self._read_history()
        forget_left_over(index_directory())

    def _report(self, done: int, total: int) -> None:
        event = WorkspaceEvent(self.folder, "reading", done, total)
        self._loop.call_soon_threadsafe(self._on_event, event)

    def _update(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        before = set(self.index.paths())
        unsettled = self.index.note_changes(paths)
        after = set(self.index.paths())
        with self._resolving:
            if self._resolver is not None:
                self._resolver.update(sorted(after - before), sorted(before - after), list(paths))
        for path in sorted(before - after):
            self.memory.forget(path)
        self._learn(sorted(path for path in after if _is_at_or_below(path, paths)))
        self._read_history()
        return unsettled

    def _learn(self, paths: Sequence[str]) -> None:
        for number, path in enumerate(paths):
            if self._is_stopped.is_set():
                return
            text = self.index.text_of(path)
            if text is None or len(text) > LARGEST_FILE_CHARACTERS:
                self.memory.forget(path)
            else:
                self.memory.learn(path, text)
            if number % _FILES_BETWEEN_PAUSES == 0:
                time.sleep(_PAUSE_SECONDS)

    def _read_history(self) -> None:
        head = head_of(self.folder)
        if head != self._head:
            self._head = head
            self.history = read_history(self.folder)

    def _changed_together(self, path: str) -> Sequence[tuple[str, float]]:
        return self.history.with_(path)  # of the history as it is when asked

    def _resolved(self, path: str, facts: FileFacts) -> Sequence[str]:
        language = self.languages.by_id(facts.language)
        if language is None:
            return ()
        with self._resolving:
            if self._resolver is None:
                return ()
            return self._resolver.resolve(path, language.imports, facts.imports)

    def _configuration_text(self, path: str) -> str | None:
        try:
            return (self.folder / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None


def _nearest_first(paths: Sequence[str], near: Sequence[str]) -> list[str]:
    """Order paths by how many folders they share with one that matters, else as they are."""
    folders = [path.split("/")[:-1] for path in near]

    def rank(path: str) -> int:
        parts = path.split("/")[:-1]
        shared = 0
        for other in folders:
            same = 0
            for one, two in zip(parts, other, strict=False):
                if one != two:
                    break
                same += 1
            shared = max(shared, same)
        return -shared

    return sorted(paths, key=rank)


def _configuration_files(folder: Path, paths: Sequence[str]) -> list[str]:
    """Return the files that imports depend on and that are in no language, so not indexed."""
    folders = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    found = [f"{each}/{name}" for each in folders for name in _CONFIGURATIONS_OF_NO_LANGUAGE]
    return sorted(path.removeprefix("./") for path in found if (folder / path).is_file())


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""


def _is_at_or_below(path: str, changed: Sequence[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in changed)
