"""Answers that are kept, and what they say of their tokens."""

from __future__ import annotations

import pytest

from tabwright.completion.cache import Kept, ResultCache, Written
from tabwright.completion.shape import Shape
from tabwright.completion.trimming import Draft

SHAPE = Shape("line", "", "", may_start_new_line=False, is_body=False)
WRITTEN = Written("a.b(c)", token_ends=(1, 3, 6), log_probabilities=(-0.5, -1.0, -3.0))


def kept(text: str) -> Kept:
    return Kept(Written(text), Draft(text, (), SHAPE), is_unsure=False)


def test_what_is_kept_is_found_under_its_key_alone() -> None:
    cache = ResultCache()
    cache.put(("a", 1), kept("x"))
    assert cache.get(("a", 1)) == kept("x")
    assert cache.get(("a", 2)) is None


def test_an_empty_answer_is_kept_as_well() -> None:
    cache = ResultCache()
    cache.put("a", kept(""))
    assert cache.get("a") == kept("")


def test_the_newest_answer_to_a_question_counts() -> None:
    cache = ResultCache()
    cache.put("a", kept("old"))
    cache.put("a", kept("new"))
    assert cache.get("a") == kept("new")
    assert len(cache) == 1


def test_what_was_not_asked_for_longest_gives_way() -> None:
    cache = ResultCache(size=3)
    for key in "abc":
        cache.put(key, kept(key))
    cache.get("a")
    cache.put("d", kept("d"))
    assert [key for key in "abcd" if cache.get(key) is not None] == ["a", "c", "d"]
    assert len(cache) == 3


def test_everything_can_be_forgotten() -> None:
    cache = ResultCache()
    cache.put("a", kept("x"))
    cache.clear()
    assert cache.get("a") is None
    assert len(cache) == 0


@pytest.mark.parametrize(
    ("length", "total", "mean"),
    [(0, 0.0, 0.0), (1, -0.5, -0.5), (2, -1.5, -0.75), (3, -1.5, -0.75), (6, -4.5, -1.5)],
)
def test_the_probability_of_a_part_counts_the_tokens_that_begin_in_it(
    length: int, total: float, mean: float
) -> None:
    assert WRITTEN.log_probability(length) == pytest.approx(total)
    assert WRITTEN.mean_log_probability(length) == pytest.approx(mean)


def test_nothing_written_has_no_probability() -> None:
    assert (Written().log_probability(5), Written().mean_log_probability(5)) == (0.0, 0.0)
