"""Whether a difference between two models is one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tabwright.specialization.comparison import Interval, edit_similarity, paired_bootstrap


def test_a_clear_gain_is_one_and_its_mirror_image_a_loss() -> None:
    ours, theirs = [1.0, 1.0, 1.0, 0.0] * 25, [0.0, 1.0, 0.0, 0.0] * 25
    found = paired_bootstrap(ours, theirs, seed=1)
    assert found.mean == pytest.approx(0.5)
    assert 0.35 < found.low < 0.45
    assert 0.55 < found.high < 0.65
    assert found.is_gain
    mirrored = paired_bootstrap(theirs, ours, seed=1)
    assert (mirrored.mean, mirrored.low, mirrored.high) == pytest.approx(
        (-found.mean, -found.high, -found.low)
    )
    assert mirrored.is_loss
    assert not mirrored.is_gain


def test_the_interval_is_as_wide_as_that_of_the_mean() -> None:
    choice = np.random.default_rng(3)
    ours, theirs = choice.normal(0.1, 1.0, 400), choice.normal(0.0, 1.0, 400)
    found = paired_bootstrap(list(ours), list(theirs), seed=0)
    error = 1.96 * (ours - theirs).std(ddof=1) / np.sqrt(400)
    assert found.high - found.low == pytest.approx(2 * error, rel=0.05)


def test_pairing_finds_a_gain_that_the_spread_of_the_items_would_hide() -> None:
    choice = random.Random(1)
    theirs = [choice.uniform(0, 100) for _ in range(50)]
    ours = [each + choice.uniform(0, 1) for each in theirs]
    shuffled = choice.sample(ours, len(ours))
    assert paired_bootstrap(ours, theirs, seed=0).is_gain
    assert not paired_bootstrap(shuffled, theirs, seed=0).is_gain


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 1.0, 1.0]])
def test_a_model_is_no_better_than_itself(values: list[float]) -> None:
    found = paired_bootstrap(values, values, seed=5)
    assert found == Interval(0.0, 0.0, 0.0)
    assert not found.is_gain
    assert not found.is_loss


def test_the_same_seed_gives_the_same_interval() -> None:
    choice = random.Random(0)
    ours, theirs = ([choice.random() for _ in range(30)] for _ in range(2))
    first = paired_bootstrap(ours, theirs, seed=7)
    assert paired_bootstrap(ours, theirs, seed=7) == first
    assert paired_bootstrap(ours, theirs, seed=8) != first


def test_many_items_are_resampled_in_parts() -> None:
    ours = [float(index % 2) for index in range(3_000)]
    found = paired_bootstrap(ours, [0.0] * 3_000, seed=0, resamples=1_000)
    assert found.mean == 0.5
    assert 0.47 < found.low < 0.5 < found.high < 0.53


def test_values_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="1 values cannot be paired with 2"):
        paired_bootstrap([1.0], [1.0, 2.0], seed=0)


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [
        ("", "", 1.0),
        ("", "abc", 0.0),
        ("kitten", "sitting", 1 - 3 / 7),
        ("return x", "return x", 1.0),
        ("😀é", "😀e", 0.5),
        ("abc", "xyz", 0.0),
    ],
)
def test_edit_similarity(one: str, other: str, similarity: float) -> None:
    assert edit_similarity(one, other) == pytest.approx(similarity)
    assert edit_similarity(other, one) == pytest.approx(similarity)
