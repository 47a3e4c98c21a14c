"""What is known about one workspace folder, asked and kept up to date."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from tabwright.syntax.languages import LanguageRegistry
from tabwright.user_directories import index_directory
from tabwright.workspace_index import extracting, secrets, terms
from tabwright.workspace_index.database import Database, database_file
from tabwright.workspace_index.facts import Definition, FileFacts, Import
from tabwright.workspace_index.keeping_up import reaction_to
from tabwright.workspace_index.reading import masked_text
from tabwright.workspace_index.resolving import NAMING_FILES
from tabwright.workspace_index.searching import Question, search
from tabwright.workspace_index.snapshot import BY_FILE
from tabwright.workspace_index.store import Store
from tabwright.workspace_index.terms import TermKind, term
from tabwright.workspace_index.updating import Updated, Updater, WhatToIndex
from tabwright.workspace_index.view import MOST_IMPORTERS, FoundChunk, FoundDefinition

logger = logging.getLogger(__name__)

Resolve: TypeAlias = Callable[[str, FileFacts], Sequence[str]]
"""Returns the files of the workspace that a file imports, from its path and facts."""
ChangedTogether: TypeAlias = Callable[[str], Sequence[tuple[str, float]]]

_KINDS_OF_NAMES: tuple[TermKind, ...] = ("definition", "use")
_NOTHING: frozenset[str] = frozenset()
_MOST_COPIES = 4
"""So many more definitions than asked for are looked at, to give the first by path."""
_MOST_MEMBERS = 400
_ASKED_FOR_EACH = 4
_ASKED_ANYWAY = 16
"""How many files are asked what they import for each importer wanted, and how many anyway."""
_CACHED_ANSWERS = 256
_CACHED_IMPORTS = 4096
_CACHED_TEXTS = 64
_STEMS_OF_FOLDERS = frozenset({"__init__", "__main__", "index", "mod", "lib", "main", "package"})
"""Names of files that are imported by the name of their folder."""


@dataclass(frozen=True)
class IndexState:
    """How large an index is, and what is wrong with it."""

    files: int
    """Indexed files."""
    left_out: int
    """Files that were looked into and hold nothing to index."""
    source_bytes: int
    """The size of both."""
    database_bytes: int
    has_full_text: bool
    """Whether full-text search finds all of them."""
    is_leading: bool
    """Whether this process writes it; another one does otherwise."""
    problems: tuple[str, ...]


class WorkspaceIndex:
    """One workspace folder, as a `WorkspaceView`.

    Questions may come from any thread at any time; they take about a millisecond. `update` and
    `note_changes` read files and are for a thread of their own.
    """

    def __init__(
        self, what: WhatToIndex, database: Database, resolve: Resolve, together: ChangedTogether
    ) -> None:
        self.folder = what.folder
        self._what = what
        self._database = database
        self._store = Store(database)
        self._updater = Updater(what, self._store, database)
        self._resolve = resolve
        self._together = together
        self._cache_lock = threading.Lock()
        self._cached_for: object = None
        self._importers = lru_cache(maxsize=_CACHED_ANSWERS)(self._find_importers)
        self._imports = lru_cache(maxsize=_CACHED_IMPORTS)(self._find_imports)
        self._texts = lru_cache(maxsize=_CACHED_TEXTS)(self._read_text)

    @classmethod
    def open(
        cls,
        folder: Path,
        languages: LanguageRegistry,
        *,
        exclude: Sequence[str] = (),
        reads_ignore_files: bool = True,
        resolve: Resolve = lambda _path, _facts: (),
        changed_together_with: ChangedTogether = lambda _path: (),
        workers: int = 0,
        directory: Path | None = None,
        full_text: bool = True,
    ) -> WorkspaceIndex:
        """Open the index of a folder, empty when there is none; quick, and never raises.

        `workers` is the number of processes that read files, 0 for what suits the machine;
        `directory` is where indexes are kept. Without `full_text`, `search` finds what it found
        before, until `want_full_text` is called: a quarter of the work and half of the room less.
        """
        folder = folder.absolute()
        file = database_file(folder, directory or index_directory())
        database = Database(file, str(folder), fingerprint_of(languages))
        what = WhatToIndex(folder, languages, tuple(exclude), reads_ignore_files, workers)
        index = cls(what, database, resolve, changed_together_with)
        if full_text:
            index.want_full_text()
        return index

    # -- keeping up --

    def update(
        self,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Updated:
        """Compare all files with the index and read those that changed; takes seconds to minutes.

        `on_progress` gets how many files of how many are read, `is_cancelled` is asked often.
        What was read until then is kept when cancelled. Where another process writes the index,
        only what it has written is taken over.
        """
        return self._updater.update(on_progress, is_cancelled)

    def note_changes(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Look again at files and folders, given by paths from the workspace folder; `.` is all.

        Return those that were being written at this moment and must be looked at again later.
        """
        reaction = reaction_to(paths)
        if reaction.rescan:
            return self.update().unsettled
        return () if reaction.is_nothing else self._updater.note_changes(reaction.paths)

    def rebuild(
        self,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Updated:
        """Forget everything and read all files again."""
        if self._store.take_lead():
            self._store.start_anew()
        return self.update(on_progress, is_cancelled)

    def want_full_text(self) -> bool:
        """Have full-text search find all that is read from now on, and with the next update what
        was read before; return whether that is news."""
        is_news = not self._store.wants_full_text
        self._store.wants_full_text = True
        return is_news

    def is_wanted(self, path: str) -> bool:
        """Say whether a file may be known at all: neither secret nor ignored nor excluded."""
        return self._what.is_wanted(path)

    def close(self) -> None:
        """Stop what is under way and close the file."""
        self._updater.stop()
        self._database.close()

    def state(self) -> IndexState:
        """Return how large the index is, and what is wrong with it."""
        files, left_out, source_bytes = self._store.counts()
        return IndexState(
            files,
            left_out,
            source_bytes,
            self._database.size_bytes(),
            not self._store.without_full_text(),
            self._store.is_leading,
            self._store.problems,
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each thing that went wrong."""
        return self._store.problems

    @property
    def version(self) -> int:
        """A number that is another one after every change."""
        return self._store.version

    # -- questions; see `WorkspaceView` --

    def paths(self) -> list[str]:
        """Return all indexed files, in order."""
        return [each.path for each in self._store.files() if each.content is not None]

    def definitions_of(
        self, names: Sequence[str], limit: int, *, without: frozenset[str] = _NOTHING
    ) -> Sequence[FoundDefinition]:
        """Return definitions with these names, at most `limit` for each name.

        Files in `without` are passed over.
        """
        found: list[FoundDefinition] = []
        wanted = list(dict.fromkeys(names))
        terms_of_names = [term("definition", name) for name in wanted]
        postings = self._store.postings(BY_FILE, terms_of_names)
        most = limit + _MOST_COPIES
        contents = {each for places, _ in postings for each in places[:most].tolist()}
        self._store.prefetch_definitions(contents)
        self._store.prefetch_paths(contents)
        for name, (places, numbers) in zip(wanted, postings, strict=True):
            every = (
                (path, number, content)
                for content, number in zip(places.tolist(), numbers.tolist(), strict=True)
                for path in self._store.paths_of(content)
                if path not in without
            )
            # Contents are numbered in the order of the paths they were found at first, and
            # definitions in their order in the file.
            named = (
                FoundDefinition(path, definition)
                for path, number, content in sorted(islice(every, most))
                if (definition := self._store.definition(content, number)) is not None
                and definition.name == name
            )
            found += islice(named, limit)
        return found

    def members_of(
        self,
        class_name: str,
        path: str | None = None,
        *,
        without: frozenset[str] = _NOTHING,
    ) -> Sequence[FoundDefinition]:
        """Return what is defined right inside a class, in one file or wherever it is."""
        ((places, numbers),) = self._store.postings(BY_FILE, [term("member", class_name)])
        if path is not None:
            content = self._store.content_of(path)
            chosen = places == (content or 0)
            places, numbers = places[chosen], numbers[chosen]
        every = (
            each
            for content, number in zip(places.tolist(), numbers.tolist(), strict=True)
            for each in self._found(content, number, without)
            if is_inside(each.definition.parent, class_name) and path in {None, each.path}
        )
        found = islice(every, _MOST_MEMBERS)
        return sorted(found, key=_place)

    def facts_of(self, path: str) -> FileFacts | None:
        """Return what is known about one file."""
        content = self._store.content_of(path)
        return self._store.facts(content) if content is not None else None

    def definitions_in(self, path: str) -> Sequence[Definition]:
        """Return what one file defines, in order."""
        content = self._store.content_of(path)
        return self._store.definitions(content) if content is not None else ()

    def imported_by(self, path: str, facts: FileFacts | None = None) -> Sequence[str]:
        """Return the files that a file imports; with other facts than those on disk if given."""
        known = facts or self.facts_of(path)
        return tuple(dict.fromkeys(self._resolve(path, known))) if known is not None else ()

    def importers_of(
        self,
        path: str,
        using: Sequence[str] = (),
        limit: int = MOST_IMPORTERS,
        *,
        without: frozenset[str] = _NOTHING,
    ) -> Sequence[str]:
        """Return the files that import a file, the nearest `limit` of them, in order of path; only
        those that use one of some names if given.
        """
        self._forget_old_answers()
        nearest = self._importers(path, tuple(using), limit + len(without))
        return tuple(sorted([each for each in nearest if each not in without][:limit]))

    def search(
        self, words: Sequence[str], limit: int, *, without: frozenset[str] = _NOTHING
    ) -> Sequence[FoundChunk]:
        """Return the pieces of files that best fit some words, by BM25."""
        return self.search_with_question(words, limit, without)[1]

    def search_with_question(
        self, words: Sequence[str], limit: int, without: frozenset[str]
    ) -> tuple[Question, list[FoundChunk]]:
        """Return what `search` does, and what each word is worth."""
        question, places = search(self._store, words, limit + len(without))
        found: list[FoundChunk] = []
        self._store.prefetch_paths(place.content for place in places)
        for place in places:
            facts = self._store.facts(place.content)
            paths = [each for each in self._store.paths_of(place.content) if each not in without]
            if facts is None or not paths or place.chunk >= len(facts.chunks):
                continue
            chunk = facts.chunks[place.chunk]
            found.append(FoundChunk(paths[0], chunk.start, chunk.end, place.score))
        found.sort(key=lambda each: (-each.score, each.path, each.start))
        return question, found[:limit]

    def changed_together_with(self, path: str) -> Sequence[tuple[str, float]]:
        """Return files that change in the same commits, with the share of them (0 to 1)."""
        return self._together(path)

    def text_of(self, path: str) -> str | None:
        """Return a file's text as it was indexed, secrets masked; None when it is gone since."""
        content = self._store.content_of(path)
        if content is None:
            return None
        known = self._store.hash_of(content)
        return self._texts(path, known) if known is not None else None

    def knows_name(self, name: str, *, without: frozenset[str] = _NOTHING) -> bool:
        """Whether any file of the workspace defines or uses a name."""
        both = [term(kind, name) for kind in _KINDS_OF_NAMES]
        for contents, _ in self._store.postings(BY_FILE, both):
            if len(contents) > len(without):
                return True  # only so many can be passed over
            for content in contents.tolist():
                if any(path not in without for path in self._store.paths_of(content)):
                    return True
        return False

    # -- how they are answered --

    def _found(
        self, content: int, number: int, without: frozenset[str]
    ) -> Iterable[FoundDefinition]:
        definition = self._store.definition(content, number)
        if definition is not None:
            for path in self._store.paths_of(content):
                if path not in without:
                    yield FoundDefinition(path, definition)

    def _find_importers(self, path: str, using: tuple[str, ...], limit: int) -> tuple[str, ...]:
        """Ask the files with an import that names this file what they import, nearest first."""
        stems = frozenset(stems_of(path))
        contents = self._contents_with([term("module", stem) for stem in sorted(stems)])
        if using:  # a lookup, where asking takes a millisecond for each
            contents &= self._contents_with([term("use", name) for name in using])
        self._store.prefetch_paths(contents)
        content_of = {
            each: content for content in contents for each in self._store.paths_of(content)
        }
        content_of.pop(path, None)
        nearest = sorted(content_of, key=lambda each: (-_in_common(each, path), each))
        asked = nearest[: min(MOST_IMPORTERS, _ASKED_FOR_EACH * limit + _ASKED_ANYWAY)]
        importers = (each for each in asked if self._imports(each, content_of[each], path))
        return tuple(islice(importers, limit))

    def _find_imports(self, path: str, content: int, imported: str) -> bool:
        """Whether a file with this content imports another one."""
        known = self._store.imports(content)
        if known is None:
            return False
        own, folder = _own_and_folder(imported)
        by_name = tuple(each for each in known.imports if _mentions(each, own))
        if by_name and self._names(path, known.language, by_name, imported):
            return True
        language = self._what.by_id.get(known.language)
        means_file = language is not None and language.imports in NAMING_FILES
        fits = _ends_with if means_file and not _STEMS_OF_FOLDERS.issuperset(own) else _mentions
        by_folder = tuple(each for each in known.imports if fits(each, folder))
        return bool(by_folder) and self._names(path, known.language, by_folder, imported)

    def _names(self, path: str, language: str, imports: tuple[Import, ...], imported: str) -> bool:
        """Whether one of some imports of a file means another file."""
        return imported in self._resolve(path, FileFacts(language, (), imports, (), ()))

    def _contents_with(self, terms_of_files: Sequence[int]) -> set[int]:
        """Return the contents that have any of some terms."""
        found: set[int] = set()
        for places, _ in self._store.postings(BY_FILE, terms_of_files):
            found.update(places.tolist())
        return found

    def _read_text(self, path: str, content_hash: bytes) -> str | None:
        language = self._what.languages.id_for_path(path)
        if language is None:
            return None
        return masked_text(self.folder, path, language, content_hash)

    def _forget_old_answers(self) -> None:
        with self._cache_lock:
            if self._cached_for is not self._store.snapshot:
                self._importers.cache_clear()
                self._imports.cache_clear()
                self._cached_for = self._store.snapshot


def stems_of(path: str) -> tuple[str, ...]:
    """Return the names by which an import may mean a file: its own, or that of its folder."""
    own, folder = _own_and_folder(path)
    return tuple(dict.fromkeys((*own, *folder)))


def _own_and_folder(path: str) -> tuple[list[str], list[str]]:
    """Return the words of a file's name, and those of its folder's."""
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    return terms.words_in(stem), terms.words_in(folders[-1]) if folders else []


def _mentions(imported: Import, words: Sequence[str]) -> bool:
    """Say whether any of some words is among those of an import."""
    module, names = imported.module, imported.names
    for word in words:
        # Looking for the letters is quick, and settles most of them.
        if word in module or any(word in name for name in names):
            return not set(words).isdisjoint(terms.words_of_import(imported))
    return False


def _ends_with(imported: Import, words: Sequence[str]) -> bool:
    """Say whether some words are the last ones of an imported module."""
    if not words or words[-1] not in imported.module:
        return False
    return terms.words_in(imported.module)[-len(words) :] == list(words)


def is_inside(parent: str, class_name: str) -> bool:
    """Say whether a definition with this parent is right inside a class."""
    return parent == class_name or parent.endswith(f".{class_name}")


def fingerprint_of(languages: LanguageRegistry) -> str:
    """Return what changes whenever the same file may give other facts."""
    digest = hashlib.blake2b(digest_size=16)
    for module in (extracting, secrets, terms):
        _add_file(digest, Path(module.__file__ or ""))
    for language in languages.all():
        digest.update(f"\0{language.id}\0".encode())
        for file in sorted(language.folder.glob("*.*")):
            digest.update(file.name.encode("utf-8", "replace"))
            _add_file(digest, file)
    return digest.hexdigest()


def _add_file(digest: hashlib.blake2b, file: Path) -> None:
    try:
        digest.update(file.read_bytes())
    except OSError:
        digest.update(b"?")


def _place(found: FoundDefinition) -> tuple[str, int]:
    return found.path, found.definition.start


def _in_common(one: str, other: str) -> int:
    """Return how many folders two paths share."""
    count = 0
    for left, right in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if left != right:
            break
        count += 1
    return count
