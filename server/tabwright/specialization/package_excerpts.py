"""Excerpts for cursors in files to learn from: of the other files of their package, as served.

A package, or a workspace, is laid out as a folder and indexed as the server indexes one, when one
of its files is first asked about; what is found, ranked, budgeted and laid out is found by the
server's own code. The file with the cursor is seen as its user sees it, without what is taken out
of it: that version lies over the indexed one, which therefore says nothing.
"""

from __future__ import annotations

import errno
import functools
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol, TypeAlias

from tabwright.completion.excerpt_key import excerpt_key
from tabwright.completion.excerpt_layout import Excerpt
from tabwright.completion.excerpts import choose_excerpts
from tabwright.completion.prompt import Prompt, Room, build_prompt, room_for
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.manifest import Manifest
from tabwright.settings import CompletionSettings
from tabwright.specialization.installing import make_private_folder
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.workspace_index.facts import FileFacts
from tabwright.workspace_index.index import WorkspaceIndex
from tabwright.workspace_index.overlaid import OverlaidView, open_file
from tabwright.workspace_index.resolving import Resolver

MOST_CHARACTERS = 60_000_000
"""A package with more is not laid out: indexing it would take minutes."""
_KEPT_OPEN = 4
"""Indexes in memory, each of some tens of megabytes; the others wait on the disk."""
_INDEXES = "indexes"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

FindExcerpts: TypeAlias = Callable[[DocumentSnapshot, Cursor, Language, Room], tuple[Excerpt, ...]]
"""Returns the excerpts for a cursor in one file, in the order in which they are shown."""


class PackageFile(Protocol):
    """A file of a package, as the sources of training and of judging both are."""

    @property
    def path(self) -> str:
        """Relative to its package, with forward slashes."""
        ...

    @property
    def text(self) -> str:
        """All of it."""
        ...

    @property
    def package(self) -> str:
        """What is alike for all files of a package; empty for those of a workspace."""
        ...


class PackageExcerpts:
    """All packages of some files; a context manager, whose end deletes what was laid out."""

    def __init__(
        self, files: Iterable[PackageFile], folder: Path, languages: LanguageRegistry
    ) -> None:
        """`folder` is where packages are laid out, for their owner alone; nothing else is there,
        and what an earlier run has left there is deleted.
        """
        self.seconds_laying_out = 0.0
        """How long packages took that were indexed so far."""
        self._folder = folder
        self._languages = languages
        self._files: dict[str, list[PackageFile]] = {}
        for file in files:
            self._files.setdefault(file.package, []).append(file)
        self._numbers = {package: number for number, package in enumerate(self._files)}
        self._opened: OrderedDict[str, WorkspaceIndex] = OrderedDict()
        self._laid_out: set[str] = set()
        shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> PackageExcerpts:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete what was laid out."""
        while self._opened:
            self._opened.popitem()[1].close()
        self._laid_out.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def finder(
        self, file: PackageFile, language: Language | None, saved: str
    ) -> FindExcerpts | None:
        """Return what finds excerpts at cursors in a file, None where there can be none.

        `saved` is the file as its user has last saved it: without what is being written.

        Raises:
            OSError: the disk is full.
        """
        if language is None:
            return None
        index = self._index_of(file.package)
        if index is None:
            return None
        return functools.partial(
            _excerpts, OverlaidView(index, {file.path: open_file(saved, language)})
        )

    def _index_of(self, name: str) -> WorkspaceIndex | None:
        """Return the index of a package; None for one without other files, or a huge one."""
        known = self._opened.get(name)
        if known is not None:
            self._opened.move_to_end(name)
            return known
        files = self._files.get(name, ())
        if len(files) < 2 or sum(len(file.text) for file in files) > MOST_CHARACTERS:
            return None
        started = time.monotonic()
        while len(self._opened) >= _KEPT_OPEN:
            self._opened.popitem(last=False)[1].close()
        root = self._folder / str(self._numbers[name])
        if name not in self._laid_out:
            make_private_folder(self._folder)
            _lay_out(files, root)
            self._laid_out.add(name)
        index = _opened(root, self._languages, self._folder / _INDEXES)
        self._opened[name] = index
        self.seconds_laying_out += time.monotonic() - started
        return index


def prompt_with_excerpts(
    snapshot: DocumentSnapshot,
    cursor: Cursor,
    language: Language | None,
    manifest: Manifest,
    find: FindExcerpts | None,
    *,
    context_tokens: int,
    can_fill_in_the_middle: bool,
) -> Prompt:
    """Return the prompt that the server builds for a cursor, with the excerpts that `find` finds;
    with none where it is None.
    """
    excerpts: tuple[Excerpt, ...] = ()
    if find is not None and language is not None:
        room = room_for(
            snapshot,
            language,
            manifest,
            context_tokens=context_tokens,
            can_fill_in_the_middle=can_fill_in_the_middle,
        )
        excerpts = find(snapshot, cursor, language, room)
    return build_prompt(
        snapshot,
        cursor,
        language,
        manifest,
        context_tokens=context_tokens,
        can_fill_in_the_middle=can_fill_in_the_middle,
        excerpts=excerpts,
    )


def _opened(root: Path, languages: LanguageRegistry, indexes: Path) -> WorkspaceIndex:
    resolvers: list[Resolver] = []

    def resolve(path: str, facts: FileFacts) -> Sequence[str]:
        language = languages.by_id(facts.language)
        if language is None or not resolvers:
            return ()
        return resolvers[0].resolve(path, language.imports, facts.imports)

    # What may be learned from was chosen before: what git ignores outside has no say in it.
    index = WorkspaceIndex.open(
        root, languages, reads_ignore_files=False, resolve=resolve, directory=indexes
    )
    index.update()
    resolvers.append(Resolver(index.paths(), lambda path: _text_of(root / path)))
    return index


def _excerpts(
    view: OverlaidView, snapshot: DocumentSnapshot, cursor: Cursor, language: Language, room: Room
) -> tuple[Excerpt, ...]:
    """Choose as `session.known_workspace` does, with the sources that a default setting names."""
    key = excerpt_key(snapshot, cursor, language, view, room)
    return choose_excerpts(key, language, view, sources=_SOURCES).excerpts


_SOURCES = frozenset(CompletionSettings().excerpt_sources)


def _lay_out(files: Sequence[PackageFile], root: Path) -> None:
    """Write a package's files below a folder, but for those with a path that is of no use there.

    Raises:
        OSError: the disk is full.
    """
    make_private_folder(root)
    for file in files:
        path = PurePosixPath(file.path)
        # Another spelling of a path would be another file for the index than for who asks.
        is_plain = str(path) == file.path and "\\" not in file.path and ":" not in file.path
        if not is_plain or path.is_absolute() or ".." in path.parts:
            continue
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(file.text.encode("utf-8", "replace"))
        except ValueError:
            continue  # a zero byte in it
        except OSError as error:
            if error.errno in _FULL:
                raise


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
