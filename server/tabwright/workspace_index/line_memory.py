"""How the line at the cursor may go on, from what the workspace's own code does at like places."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tabwright.workspace_index.known_names import KnownNames, NamesInText
from tabwright.workspace_index.lexing import (
    BEGINNING,
    PATTERN,
    Tokens,
    TokensOfEditedText,
    Vocabulary,
    joined,
    tokens_of,
    with_beginning,
)
from tabwright.workspace_index.like_places import CursorContext, Source
from tabwright.workspace_index.naming import Candidates, Name, candidates, likely_names
from tabwright.workspace_index.proposing import Proposal, propose
from tabwright.workspace_index.token_matches import DEEPEST, Places, SortedTokens, scan

MOST_CHARACTERS: Final = 20_000_000
"""Of code that is remembered by default: about 100 MB of memory, 5 bytes a character."""
LARGEST_FILE_CHARACTERS: Final = 1_000_000
"""A larger file is data."""
_CONTEXT_CHARACTERS: Final = 300
"""Read before the cursor, and more up to the beginning of a line."""
_FOLLOWING_CHARACTERS: Final = 150
_MOST_FOLLOWING: Final = 12
_OPEN_DOCUMENTS: Final = 4
_FEWEST_SORTED: Final = 100_000
"""Tokens: fewer are searched one by one in less time than it takes to notice."""
_WORD_BEFORE = re.compile(r"\w*\Z")


@dataclass(frozen=True)
class _File:
    tokens: Tokens
    characters: int


@dataclass(frozen=True)
class _Loose:
    """Files that are not sorted yet, as one text."""

    paths: tuple[str, ...]
    tokens: Tokens
    starts: Places


class _Nearness:
    """How near the files of a source are to one document, filled in by those who ask."""

    def __init__(self) -> None:
        self._source: object = None
        self._values = np.zeros(0)

    def of(self, source: object, count: int) -> NDArray[np.float64]:
        """Return room for the values of a source, the same until it is another one."""
        if source is not self._source:
            self._source, self._values = source, np.full(count, -1.0)
        return self._values


class _Document:
    """An open document's text without the cursor's line."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._before = TokensOfEditedText(vocabulary)
        self._after = TokensOfEditedText(vocabulary)
        self.tokens = joined([])
        self.cursor_place = 0
        """Where the cursor's line would be among the tokens."""
        self.forms = self.tokens.cores
        self.words: frozenset[str] = frozenset()
        self._names: NamesInText | None = None
        self.loose_nearness = _Nearness()
        self.sorted_nearness = _Nearness()
        self.sources: tuple[Source, ...] = ()
        """What is searched for it, as long as nothing of that changes."""
        self.sources_of = -1
        """The state of the memory that they are of."""

    def update(self, before: str, after: str) -> None:
        """Take a newer state: the lines before the cursor's, and those after it."""
        has_changed = self._before.update(before)
        if self._after.update(after) or has_changed or len(self.tokens) <= 1:
            head = with_beginning(self._before.surfaces, self.vocabulary)
            tail = with_beginning(self._after.surfaces, self.vocabulary)
            tail.cores[0] = 0  # what follows the cursor's line is not at a file's beginning
            self.tokens = joined([head, tail])
            self.cursor_place = len(head) + 1
            self.forms = self.vocabulary.forms_of(self.tokens.cores)
            words = self.vocabulary.words
            self.words = frozenset(words[core] for core in np.unique(self.tokens.cores).tolist())
            self._names = None
            self.sources_of = -1

    @property
    def names(self) -> NamesInText:
        """The names in it, and how far each is from the cursor's line."""
        if self._names is None:
            self._names = NamesInText(self.tokens.cores, self.cursor_place)
        return self._names


@dataclass(frozen=True)
class _Asked:
    """A question: where, and what is searched."""

    state: tuple[str, int, int]
    text: str
    cursor: CursorContext
    names: NamesInText
    sources: Sequence[Source]


class LineMemory:
    """The lines of a workspace, and how they go on.

    One thread may learn while another asks; files may be learned in any order. Most files are in
    one sorted index that is never changed; those learned since, and the document at the cursor,
    are searched token by token. When they have become many, everything is sorted anew: about a
    second for 10 MB of code, once each time that what was learned has grown by half. The numbers of
    words that no file has any more are kept until the memory itself is made anew.
    """

    def __init__(self, most_characters: int = MOST_CHARACTERS) -> None:
        self._most_characters = most_characters
        self._vocabulary = Vocabulary()
        self._learning = threading.RLock()  # held by who changes what is known, for seconds
        self._changing = threading.Lock()  # held while two or three fields change together
        self._files: dict[str, _File] = {}
        self._characters = 0
        self._sorted: SortedTokens | None = None
        self._is_current = np.zeros(0, np.bool_)
        self._loose_files: dict[str, Tokens] = {}
        self._loose_count = 0
        self._loose: _Loose | None = None
        self._names = KnownNames(self._vocabulary)
        self._documents: OrderedDict[str, _Document] = OrderedDict()
        self._changes = 0
        """Of what is known: so that an answer is not kept beyond one."""
        self._last_asked: _Asked | None = None

    @property
    def characters(self) -> int:
        """How much code is remembered."""
        return self._characters

    def paths(self) -> list[str]:
        """Return the files that are remembered, in order."""
        with self._learning:
            return sorted(self._files)

    def learn(self, path: str, text: str) -> bool:
        """Remember a file instead of what was known of it; return whether there was room for it.

        Args:
            path: relative to the workspace folder, with forward slashes.
            text: the whole file. One above LARGEST_FILE_CHARACTERS is forgotten.
        """
        with self._learning:
            before = self._files.get(path)
            others = self._characters - (before.characters if before else 0)
            if len(text) > LARGEST_FILE_CHARACTERS or others + len(text) > self._most_characters:
                self.forget(path)
                return False
            tokens = tokens_of(text, self._vocabulary)
            with self._changing:
                self._remove(path)
                self._files[path] = _File(tokens, len(text))
                self._characters += len(text)
                self._loose_files[path] = tokens
                self._loose_count += len(tokens)
                self._loose = None
                self._names.add(tokens.cores)
                self._changes += 1
            self._sort_if_needed()
            return True

    def forget(self, path: str) -> None:
        """Forget a file; nothing happens if it is not known."""
        with self._learning, self._changing:
            self._remove(path)
            self._changes += 1

    def settle(self) -> None:
        """Sort everything now, so that asking is fastest. To be called after learning a lot."""
        with self._learning:
            if self._loose_files:
                self._sort()

    def proposals(self, path: str, text: str, offset: int, limit: int = 8) -> tuple[Proposal, ...]:
        """Return how the line may go on at an offset, the most probable first.

        Args:
            path: the document's; what was learned of it is left aside, its text counts instead.
            text: the whole document. The cursor's own line counts up to the cursor only.
            offset: the cursor, in string offsets.
            limit: the most proposals.
        """
        asked = self._asked(path, text, offset)
        return propose(self._vocabulary, asked.sources, asked.cursor, limit)

    def names(self, path: str, text: str, offset: int, limit: int = 8) -> tuple[Name, ...]:
        """Return names that may come next, the most probable first; the arguments are those of
        `proposals`.

        Behind a part of a word they are those that begin with it; the case of letters counts.
        """
        found = self.name_candidates(path, text, offset)
        cursor = self._asked(path, text, offset).cursor
        return likely_names(self._vocabulary, found, cursor, limit)

    def name_candidates(self, path: str, text: str, offset: int) -> Candidates:
        """Return the names that may come next, with what speaks for each, for fitting."""
        asked = self._asked(path, text, offset)
        return candidates(
            self._vocabulary,
            asked.sources,
            asked.cursor,
            asked.names,
            self._names,
            len(self._files),
        )

    def word(self, core: int) -> str:
        """Return the word that a number stands for."""
        return self._vocabulary.words[core]

    def knows(self, name: str) -> bool:
        """Whether a learned file has a name (or any word)."""
        return self._names.knows(name)

    def _asked(self, path: str, text: str, offset: int) -> _Asked:
        """Return a question in the memory's terms; the last one is kept, for who asks twice."""
        last, state = self._last_asked, (path, offset, self._changes)
        if last is not None and last.state == state and last.text == text:
            return last
        line_start = text.rfind("\n", 0, offset) + 1
        line_end = text.find("\n", offset)
        line_end = len(text) if line_end < 0 else line_end
        document = self._document(path)
        document.update(text[:line_start], text[line_end:])
        context, context_words = self._context(text, offset)
        prefix = text[line_start:offset]
        word_before = _WORD_BEFORE.search(prefix)
        cursor = CursorContext(
            path=path,
            line_prefix=prefix,
            word=word_before.group() if word_before else "",
            context=context,
            context_words=context_words,
            line_tokens=len(PATTERN.findall(prefix.strip())),
            neighbours=_neighbours(text, line_start, line_end),
            document_words=document.words,
            document_forms=document.forms,
            following=self._following(prefix, text[line_end : line_end + _FOLLOWING_CHARACTERS]),
        )
        asked = _Asked(state, text, cursor, document.names, self._sources(path, document))
        self._last_asked = asked
        return asked

    def _remove(self, path: str) -> None:
        known = self._files.pop(path, None)
        if known is None:
            return
        self._characters -= known.characters
        self._names.remove(known.tokens.cores)
        if self._loose_files.pop(path, None) is not None:
            self._loose_count -= len(known.tokens)
            self._loose = None
        if self._sorted and path in self._sorted.numbers:
            self._is_current[self._sorted.numbers[path]] = False

    def _sort_if_needed(self) -> None:
        in_order = len(self._sorted) if self._sorted else 0
        if self._loose_count > max(_FEWEST_SORTED, in_order // 2):
            self._sort()

    def _sort(self) -> None:
        files = sorted((path, file.tokens) for path, file in self._files.items())
        in_order = SortedTokens(files)
        with self._changing:
            self._sorted = in_order
            self._changes += 1
            self._is_current = np.ones(len(files), np.bool_)
            self._loose_files = {}
            self._loose_count = 0
            self._loose = None
            for path, number in in_order.numbers.items():  # so that nothing is kept twice
                self._files[path] = _File(
                    in_order.file_tokens(number), self._files[path].characters
                )

    def _document(self, path: str) -> _Document:
        document = self._documents.get(path)
        if document is None:
            document = self._documents[path] = _Document(self._vocabulary)
            while len(self._documents) > _OPEN_DOCUMENTS:
                self._documents.popitem(last=False)
        self._documents.move_to_end(path)
        return document

    def _context(self, text: str, offset: int) -> tuple[list[int], list[str]]:
        """Return the tokens before the cursor and their words, the nearest first."""
        start = max(0, offset - _CONTEXT_CHARACTERS)
        if start:
            # From the beginning of a line on: a token may begin anywhere in another.
            start = max(text.rfind("\n", 0, start) + 1, start - _CONTEXT_CHARACTERS)
        before = text[start:offset]
        bare = before.rstrip(" \t")
        if not bare.endswith("\n"):  # blanks belong to the token after them, which is missing
            before = bare
        cores, words = self._vocabulary.lookup(before)
        if not start:
            cores.insert(0, BEGINNING)
            words.insert(0, "")
        return cores[: -DEEPEST - 2 : -1], words[: -DEEPEST - 2 : -1]

    def _following(self, prefix: str, text: str) -> list[int]:
        """Return the tokens after the cursor's line, of which the last may be cut off."""
        indentation = prefix[: len(prefix) - len(prefix.lstrip())]
        return self._vocabulary.lookup(f"\n{indentation}x{text}")[0][2 : _MOST_FOLLOWING + 2]

    def _sources(self, path: str, document: _Document) -> Sequence[Source]:
        with self._changing:
            if document.sources_of == self._changes:
                return document.sources
            state = self._changes
            in_order, is_current = self._sorted, self._is_current
            if self._loose is None:
                self._loose = _joined_loose(self._loose_files)
            loose = self._loose
        own = document.tokens
        sources = [
            Source(
                find=lambda context: scan(own.cores, context),
                tokens=own,
                paths=(path,),
                starts=np.zeros(1, np.int64),
                is_current=np.ones(1, np.bool_),
                nearness=np.ones(1),
                cursor_place=document.cursor_place,
            )
        ]
        if loose.paths:
            sources.append(
                Source(
                    find=lambda context: scan(loose.tokens.cores, context),
                    tokens=loose.tokens,
                    paths=loose.paths,
                    starts=loose.starts,
                    is_current=np.array([each != path for each in loose.paths]),
                    nearness=document.loose_nearness.of(loose, len(loose.paths)),
                )
            )
        if in_order is not None:
            if path in in_order.numbers:
                is_current = is_current.copy()
                is_current[in_order.numbers[path]] = False
            sources.append(
                Source(
                    find=in_order.find,
                    find_any=in_order.find_any,
                    tokens=in_order.tokens,
                    paths=in_order.paths,
                    starts=in_order.starts,
                    is_current=is_current,
                    nearness=document.sorted_nearness.of(in_order, len(in_order.paths)),
                )
            )
        document.sources, document.sources_of = tuple(sources), state
        return document.sources


def _joined_loose(files: dict[str, Tokens]) -> _Loose:
    ordered = sorted(files.items())
    lengths = np.array([len(tokens) + 1 for _, tokens in ordered], np.int64)
    return _Loose(
        paths=tuple(path for path, _ in ordered),
        tokens=joined([tokens for _, tokens in ordered]),
        starts=np.cumsum(lengths) - lengths + 1,
    )


def _neighbours(text: str, line_start: int, line_end: int) -> tuple[str, str]:
    before = text[max(0, line_start - _CONTEXT_CHARACTERS) : line_start].rstrip()
    after = text[line_end : line_end + _CONTEXT_CHARACTERS].lstrip()
    return before[before.rfind("\n") + 1 :].strip(), after.partition("\n")[0].strip()
