"""How many threads, and how fast: what the batches tell."""

from __future__ import annotations

import time

from tabwright.model.pace import Neighbours, Pace


def test_on_a_quiet_machine_all_threads_compute() -> None:
    pace = Pace(4)
    for _ in range(100):
        pace.note(elapsed_seconds=0.02, processor_seconds=0.078, threads=pace.threads)
    assert pace.threads == 4


def test_beside_busy_neighbours_one_thread_computes() -> None:
    pace = Pace(2)
    for _ in range(4):
        pace.note(elapsed_seconds=0.06, processor_seconds=0.06, threads=pace.threads)
    assert pace.threads == 1


def test_one_slow_batch_is_no_busy_neighbour() -> None:
    pace = Pace(2)
    pace.note(elapsed_seconds=0.05, processor_seconds=0.05, threads=2)
    assert pace.threads == 2


def test_after_a_while_alone_all_threads_are_tried_again() -> None:
    pace = Pace(2)
    while pace.threads == 2:
        pace.note(elapsed_seconds=0.06, processor_seconds=0.05, threads=2)
    calls = 0
    while pace.threads == 1:
        pace.note(elapsed_seconds=0.03, processor_seconds=0.03, threads=1)
        calls += 1
    assert 10 <= calls <= 100


def test_one_thread_stays_one() -> None:
    pace = Pace(1)
    for _ in range(10):
        pace.note(elapsed_seconds=0.06, processor_seconds=0.01, threads=1)
    assert pace.threads == 1


def test_a_slower_machine_reads_in_smaller_batches() -> None:
    pace = Pace(2)
    before = pace.tokens_per_second
    pace.note_speed(tokens=32, seconds=0.4)
    assert pace.tokens_per_second < before


def test_the_few_tokens_of_an_answer_tell_nothing_of_the_speed_of_reading() -> None:
    pace = Pace(2)
    before = pace.tokens_per_second
    pace.note_speed(tokens=2, seconds=0.4)
    assert pace.tokens_per_second == before


def test_neighbours_that_are_busy_are_seen_before_a_batch_is_slow() -> None:
    pace = Pace(2)
    pace.note_neighbours(0.5)
    assert pace.threads == 1
    pace.note_neighbours(0.25)
    assert pace.threads == 1
    pace.note_neighbours(0.05)
    assert pace.threads == 2


def test_the_share_of_others_is_a_share_and_is_not_asked_for_too_often() -> None:
    neighbours = Neighbours()
    assert neighbours.share() is None
    time.sleep(0.08)
    share = neighbours.share()
    assert share is not None
    assert 0 <= share <= 1
