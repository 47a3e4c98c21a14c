"""Posting lists: what was put in is found again, also after merges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwright.workspace_index import postings as module
from tabwright.workspace_index.postings import (
    LARGEST_TERM,
    Postings,
    Segment,
    find_in_block,
    make_segment,
    merged,
    to_merge,
)

TERMS = st.sampled_from((0, 1, 2, 77, 1 << 63, LARGEST_TERM - 1, LARGEST_TERM))
ENTRIES = st.lists(st.tuples(TERMS, st.integers(0, 50), st.integers(0, 0xFFFF)), max_size=60)
Entries = list[tuple[int, int, int]]


def made(entries: Entries) -> Postings:
    columns = list(zip(*entries, strict=True)) or [(), (), ()]
    return Postings(
        np.array(columns[0], np.uint64),
        np.array(columns[1], np.uint32),
        np.array(columns[2], np.uint16),
    )


def written(segment_id: int, parts: Iterable[Postings]) -> tuple[Segment, list[bytes]]:
    blocks: list[bytes] = []

    def take(number: int, block: bytes) -> None:
        assert number == len(blocks)
        blocks.append(block)

    return make_segment(segment_id, parts, take), blocks


def check_all_found(segment: Segment, blocks: list[bytes], entries: Entries) -> None:
    expected: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for term, place, value in entries:
        expected[term].append((place, value))
    assert segment.count == len(entries)
    for term in {*expected, 5, 1 << 62}:
        block = segment.block_with(term)
        found = find_in_block(blocks[block], term) if block is not None else None
        pairs = [] if found is None else list(zip(*(each.tolist() for each in found), strict=True))
        assert sorted(pairs) == sorted(expected[term]), term


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_POSTINGS", 4)
    monkeypatch.setattr(module, "_PART_POSTINGS", 7)


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), max_size=50))
def test_terms_are_put_in_a_stable_order(terms: list[int]) -> None:
    order = module._order_of(np.array(terms, np.uint64)).tolist()
    assert order == sorted(range(len(terms)), key=lambda place: (terms[place], place))


@given(ENTRIES)
def test_what_was_put_in_is_found(entries: Entries) -> None:
    segment, blocks = written(0, [made(entries)])
    check_all_found(segment, blocks, entries)


@settings(max_examples=200)
@given(st.lists(ENTRIES, min_size=1, max_size=4), st.sets(st.integers(0, 50)))
def test_a_merge_has_all_that_is_kept(several: list[Entries], gone: set[int]) -> None:
    kept = np.ones(51, np.bool_)
    kept[list(gone)] = False
    both = [written(number, [made(each)]) for number, each in enumerate(several)]
    all_blocks = {segment.id: blocks for segment, blocks in both}

    def blocks_of(segment: Segment, numbers: range) -> list[bytes]:
        return [all_blocks[segment.id][number] for number in numbers]

    parts = merged([segment for segment, _ in both], blocks_of, kept)
    segment, blocks = written(9, parts)
    left = [each for entries in several for each in entries if each[1] not in gone]
    check_all_found(segment, blocks, left)


def test_a_damaged_block_is_a_value_error() -> None:
    _, (block, *_) = written(0, [made([(1, 2, 3)])])
    for damaged in (b"", block[:5], block[:-1], block + b"x"):
        with pytest.raises(ValueError, match="block"):
            find_in_block(damaged, 1)


def test_segments_are_merged_when_there_are_many_of_a_size() -> None:
    def sized(segment_id: int, count: int) -> Segment:
        return Segment(segment_id, np.zeros(1, np.uint64), np.array([count], np.uint32))

    small = [sized(number, 100) for number in range(8)]
    large = [sized(number, 2_000_000) for number in range(10, 14)]
    assert to_merge(small[:7]) == []
    assert to_merge([*large, *small]) == small
    assert to_merge(large) == []
