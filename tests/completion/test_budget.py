"""How much a model reads and writes, from its speed and a person's patience."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.completion.budget import CONTEXT_STEPS, UNMEASURED, Budget, Speeds, budget_for
from tabwright.settings import CompletionSettings

SETTINGS = CompletionSettings()
_SPEEDS = st.builds(Speeds, st.floats(1, 20_000), st.floats(0.5, 1_000))


def budget(
    read: float, write: float, settings: CompletionSettings = SETTINGS, *, by_hand: bool = False
) -> Budget:
    return budget_for(settings, Speeds(read, write), is_automatic=not by_hand)


@pytest.mark.parametrize(
    ("read", "context_tokens"), [(1, 256), (400, 768), (700, 1024), (1e6, 3072), (103, 256)]
)
def test_the_context_is_what_can_be_read_in_eight_waits(read: float, context_tokens: int) -> None:
    assert SETTINGS.wait_seconds == 0.25
    assert budget(read, 60).context_tokens == context_tokens


def test_the_setting_goes_before_the_speed() -> None:
    settings = CompletionSettings(context_tokens=700)
    assert budget(1, 1, settings).context_tokens == budget(1e6, 1, settings).context_tokens == 700


def test_a_block_is_no_longer_than_the_lines_that_may_be_shown() -> None:
    for lines in (1, 2, 5):
        settings = CompletionSettings(max_lines=lines)
        assert budget(1e6, 1e6, settings).block_tokens == 16 * lines


def test_asked_by_hand_more_may_be_written_and_the_prompt_is_the_same() -> None:
    unasked, by_hand = budget(800, 60), budget(800, 60, by_hand=True)
    assert by_hand.context_tokens == unasked.context_tokens
    assert by_hand.line_tokens > unasked.line_tokens
    assert by_hand.block_tokens > unasked.block_tokens


def test_whoever_waits_longer_gets_a_longer_context() -> None:
    patient = CompletionSettings(wait_seconds=1.0)
    assert budget(400, 60, patient).context_tokens > budget(400, 60).context_tokens


@given(_SPEEDS, _SPEEDS, st.booleans())
def test_a_faster_model_reads_and_writes_at_least_as_much(
    one: Speeds, other: Speeds, by_hand: bool
) -> None:
    slow = budget(min(one.read, other.read), min(one.write, other.write), by_hand=by_hand)
    fast = budget(max(one.read, other.read), max(one.write, other.write), by_hand=by_hand)
    assert fast.context_tokens >= slow.context_tokens
    assert fast.line_tokens >= slow.line_tokens
    assert fast.block_tokens >= slow.block_tokens


@given(_SPEEDS, st.booleans())
def test_every_figure_is_one_of_few_steps(speeds: Speeds, by_hand: bool) -> None:
    found = budget_for(SETTINGS, speeds, is_automatic=not by_hand)
    assert found.context_tokens in CONTEXT_STEPS
    assert found.line_tokens in (16, 24, 32, 48, 64)
    assert 32 <= found.block_tokens <= 256


@given(
    st.floats(100, 1300),
    st.floats(10, 120),
    st.lists(st.floats(-0.05, 0.05), min_size=2, max_size=9),
)
def test_measuring_a_little_differently_reaches_the_neighbouring_step_at_most(
    read: float, write: float, noise: list[float]
) -> None:
    budgets = [budget(read * (1 + each), write * (1 + each)) for each in noise]
    for values in (
        {each.context_tokens for each in budgets},
        {each.line_tokens for each in budgets},
        {each.block_tokens for each in budgets},
    ):
        assert len(values) <= 2
        assert max(values) <= 1.5 * min(values)


def test_within_a_step_nothing_changes() -> None:
    # 700 tokens per second are 1,400 in eight waits: the steps beside it are 1,024 and 1,536.
    assert {budget(read, 60) for read in (520, 600, 700, 760)} == {budget(650, 60)}


def test_a_model_that_was_never_measured_gets_a_usable_budget() -> None:
    found = budget_for(SETTINGS, UNMEASURED, is_automatic=True)
    assert found.context_tokens >= 512
    assert found.line_tokens >= 16
