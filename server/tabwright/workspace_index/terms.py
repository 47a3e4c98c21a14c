"""What the index looks things up by: names, words and parts of words, as numbers of 64 bits.

A number is the start of a word's BLAKE2b hash, together with what it is looked up as, so that one
kind of posting list serves every question. Two of a million words have the same number once in
forty million workspaces; where it would matter, the name itself is compared afterwards.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec

from tabwright.workspace_index.facts import FileFacts

TermKind: TypeAlias = Literal["definition", "member", "use", "module", "word"]

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_a-zA-Z]+")
_SHORTEST_PART = 2
_LONGEST_WORD = 80
"""Longer words are data: keys, hashes, encoded images."""
_MOST_PARTS = 12
_LARGEST_VALUE = 0xFFFF


class FileTerms(msgspec.Struct, frozen=True, array_like=True):
    """What one file is found by: arrays of equal lengths in the byte order of the machine."""

    by_file: bytes
    """Terms of the whole file, 64 bits each."""
    file_values: bytes
    """What belongs to each: the number of a definition, or how often a name is used; 16 bits."""
    by_chunk: bytes
    """Terms of the chunks, 64 bits each, chunk by chunk."""
    chunk_numbers: bytes
    """In which chunk of the file; 16 bits."""
    chunk_values: bytes
    """How often it is there; 16 bits."""
    chunk_lengths: bytes
    """How many words each chunk has; 16 bits."""


def term(kind: TermKind, word: str) -> int:
    """Return the number under which a word is found as what it is."""
    digest = blake2b(f"{kind[0]}{word}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@lru_cache(maxsize=100_000)
def word_terms(identifier: str) -> tuple[int, ...]:
    """Return the terms of an identifier for full-text search: of its parts, and of all of it."""
    return tuple(term("word", part) for part in _searched_parts(identifier))


def words_in(text: str) -> list[str]:
    """Return the identifiers of a text, keywords and words of comments included."""
    return _IDENTIFIER.findall(text)


def _searched_parts(identifier: str) -> Iterator[str]:
    if len(identifier) > _LONGEST_WORD:
        return
    parts = [part.lower() for part in _PART.findall(identifier)[:_MOST_PARTS]]
    whole = identifier.lower()
    seen = {part for part in parts if len(part) >= _SHORTEST_PART}
    yield from sorted(seen)
    if len(whole) >= _SHORTEST_PART and whole not in seen:
        yield whole


def terms_of(text: str, facts: FileFacts) -> FileTerms:
    """Return what a file is found by."""
    terms, values = _terms_of_file(facts)
    by_chunk, chunk_numbers = array("Q"), array("H")
    chunk_values, chunk_lengths = array("H"), array("H")
    for number, chunk in enumerate(facts.chunks[:_LARGEST_VALUE]):
        counts: dict[int, int] = {}
        words = Counter(_IDENTIFIER.findall(text, chunk.start, chunk.end))
        for word, count in words.items():
            for each in word_terms(word):
                counts[each] = counts.get(each, 0) + count
        by_chunk.extend(counts)
        chunk_numbers.extend([number] * len(counts))
        chunk_values.extend(min(count, _LARGEST_VALUE) for count in counts.values())
        chunk_lengths.append(min(words.total(), _LARGEST_VALUE))
    return FileTerms(
        terms.tobytes(),
        values.tobytes(),
        by_chunk.tobytes(),
        chunk_numbers.tobytes(),
        chunk_values.tobytes(),
        chunk_lengths.tobytes(),
    )


def _terms_of_file(facts: FileFacts) -> tuple[array[int], array[int]]:
    terms, values = array("Q"), array("H")
    for number, definition in enumerate(facts.definitions[:_LARGEST_VALUE]):
        terms.append(_file_term("definition", definition.name))
        values.append(number)
        for parent in parents_asked_for(definition.parent):
            terms.append(_file_term("member", parent))
            values.append(number)
    for name, count in facts.references:
        terms.append(_file_term("use", name))
        values.append(min(count, _LARGEST_VALUE))
    for stem in sorted({stem for each in facts.imports for stem in words_of_import(each)}):
        terms.append(_file_term("module", stem))
        values.append(1)
    return terms, values


def parents_asked_for(parent: str) -> tuple[str, ...]:
    """Return by which names a class is asked for its members: `Outer.Inner`, and `Inner`."""
    last = parent.rpartition(".")[2]
    return () if not parent else (parent,) if last == parent else (parent, last)


def words_of_import(imported: object) -> list[str]:
    """Return the names of files that an import may mean."""
    module, names = getattr(imported, "module", ""), getattr(imported, "names", ())
    return [*words_in(module), *(word for name in names for word in words_in(name))]


_file_term = lru_cache(maxsize=100_000)(term)


def search_terms(words: Sequence[str]) -> list[int]:
    """Return the terms of some words for full-text search, each once."""
    found = (each for word in words for name in words_in(word) for each in word_terms(name))
    return list(dict.fromkeys(found))
