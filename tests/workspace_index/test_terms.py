"""What files are found by."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tabwright.workspace_index.facts import Chunk, Definition, FileFacts, Import
from tabwright.workspace_index.terms import TermMaker, search_terms, term, word_terms

WORDS = {
    "read_file": {"read", "file", "read_file"},
    "HTTPServer2": {"http", "server", "httpserver2"},
    "x": set(),  # a single letter tells nothing
    "_X": set(),
    "__init__": {"init"},
    "getURLs": {"get", "urls", "geturls"},
    "plain": {"plain"},
    "\u4e2d\u6587": {"\u4e2d\u6587"},
    "a" * 200: set(),
}


def facts(*chunks: Chunk) -> FileFacts:
    definition = Definition("run", "method", "Outer.Inner", 0, 5, "def run", "")
    imported = Import("..models.user", ("User", "*"), ("User", ""))
    return FileFacts("python", (definition,), (imported,), (("used", 70_000),), chunks)


@pytest.mark.parametrize("word", sorted(WORDS))
def test_identifiers_are_found_by_their_parts_and_whole(word: str) -> None:
    assert set(word_terms(word)) == {term("word", part) for part in WORDS[word]}


def test_many_files_at_once_have_the_terms_of_each() -> None:
    texts = ["read_file(name)\nread_file(x1)\n", "", "class HTTPServer: pass # caf\u00e9 \u4e2d\n"]
    cut = [(Chunk(0, 16), Chunk(16, 30)), (), (Chunk(0, len(texts[2])),)]
    files = [(text, facts(*chunks)) for text, chunks in zip(texts, cut, strict=True)]
    for maker in (TermMaker(), TermMaker()):
        maker.terms_of(files[:1])  # what was seen before makes no difference
        for (text, known), found in zip(files, maker.terms_of(files), strict=True):
            triples = Counter(
                zip(
                    np.frombuffer(found.by_chunk, np.uint64).tolist(),
                    np.frombuffer(found.chunk_numbers, np.uint16).tolist(),
                    np.frombuffer(found.chunk_values, np.uint16).tolist(),
                    strict=True,
                )
            )
            assert triples == expected_triples(text, known)
            assert len(found.chunk_lengths) == 2 * len(known.chunks)


def expected_triples(text: str, known: FileFacts) -> Counter[tuple[int, int, int]]:
    result: Counter[tuple[int, int, int]] = Counter()
    for number, chunk in enumerate(known.chunks):
        counts: Counter[int] = Counter()
        words = "".join(
            each if each.isalnum() or each == "_" else " " for each in text[chunk.start : chunk.end]
        )
        for word in words.split():
            counts.update(search_terms([word]))
        result.update((each, number, count) for each, count in counts.items())
    return result


def test_names_of_a_file_are_terms_of_their_own_kind() -> None:
    (found,) = TermMaker().terms_of([("", facts())])
    terms = np.frombuffer(found.by_file, np.uint64).tolist()
    values = np.frombuffer(found.file_values, np.uint16).tolist()
    by_term = dict(zip(terms, values, strict=True))
    assert by_term[term("definition", "run")] == 0
    assert by_term[term("member", "Inner")] == 0
    assert by_term[term("member", "Outer.Inner")] == 0
    assert by_term[term("use", "used")] == 0xFFFF
    assert {term("module", name) for name in ("models", "user", "User")} <= set(by_term)
    assert term("word", "run") not in by_term
