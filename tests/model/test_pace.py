"""How many threads, and how fast: what the batches tell."""

from __future__ import annotations

from tabwright.model.pace import Pace


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
