"""What the model process does next, and what it leaves."""

from __future__ import annotations

import io
import threading
import time

import pytest

from tabwright.model.connection import Connection, Job
from tabwright.model.messages import (
    Cancel,
    Describe,
    Finished,
    FromProcess,
    Generate,
    Segment,
    ToProcess,
    decode_from_process,
    frame_length,
)
from tabwright.model.process import Jobs


class Client:
    """A connection whose answers can be read."""

    def __init__(self) -> None:
        self._outgoing = io.BytesIO()
        self.connection = Connection(io.BytesIO(), self._outgoing)

    def job(self, message: ToProcess) -> Job:
        return Job(self.connection, message, time.monotonic())

    @property
    def answers(self) -> list[FromProcess]:
        data = self._outgoing.getvalue()
        answers = []
        while data:
            end = 4 + frame_length(data[:4])
            answers.append(decode_from_process(data[4:end]))
            data = data[end:]
        return answers


def generate(request_id: int, document: str = "a.py", *, ahead: bool = False) -> Generate:
    segments = (Segment("x"),)
    return Generate(
        request_id, "weights", document, segments, False, 8, (), 0.0, is_background=ahead
    )


def ids_in_order(jobs: Jobs) -> list[int]:
    """Return what is left to do, by request id."""
    ids = []
    while True:
        try:
            job = jobs.get(0.0)
        except TimeoutError:
            return ids
        assert job is not None
        ids.append(getattr(job.message, "request_id", 0))


def cancelled(*request_ids: int) -> list[FromProcess]:
    return [Finished(request_id, "cancelled", 0, 0.0) for request_id in request_ids]


def test_work_ahead_comes_after_everything_else() -> None:
    client, jobs = Client(), Jobs()
    for message in (generate(1, ahead=True), generate(2), Describe(3), generate(4)):
        jobs.put(client.job(message))
    assert ids_in_order(jobs) == [2, 3, 4, 1]
    assert client.answers == []


def test_newer_work_ahead_of_a_document_takes_the_place_of_the_older_which_is_answered() -> None:
    client, jobs = Client(), Jobs()
    jobs.put(client.job(generate(1, "a.py", ahead=True)))
    jobs.put(client.job(generate(2, "b.py", ahead=True)))
    jobs.put(client.job(generate(3, "a.py", ahead=True)))
    assert client.answers == cancelled(1)
    assert sorted(ids_in_order(jobs)) == [2, 3]


def test_documents_of_two_clients_with_one_name_are_two_documents() -> None:
    clients, jobs = (Client(), Client()), Jobs()
    for client in clients:
        jobs.put(client.job(generate(1, ahead=True)))
    assert ids_in_order(jobs) == [1, 1]
    assert [client.answers for client in clients] == [[], []]


def test_a_request_takes_no_other_s_place() -> None:
    client, jobs = Client(), Jobs()
    for request_id in (1, 2, 3):
        jobs.put(client.job(generate(request_id)))
    assert ids_in_order(jobs) == [1, 2, 3]
    assert client.answers == []


def test_work_ahead_that_is_taken_back_before_it_began_is_answered_and_never_begins() -> None:
    client, other, jobs = Client(), Client(), Jobs()
    jobs.put(client.job(generate(1, "a.py", ahead=True)))
    jobs.put(client.job(generate(2, "b.py", ahead=True)))
    jobs.put(other.job(generate(1, "a.py", ahead=True)))
    jobs.put(client.job(Cancel(1)))
    assert client.answers == cancelled(1)
    assert other.answers == []
    cancel = jobs.get(0.0)
    assert cancel is not None and cancel.message == Cancel(1)
    assert ids_in_order(jobs) == [2, 1]


def test_only_what_somebody_waits_for_makes_work_ahead_give_way() -> None:
    client, jobs = Client(), Jobs()
    assert not jobs.is_waiting()
    jobs.put(client.job(generate(1, ahead=True)))
    assert not jobs.is_waiting()
    jobs.put(client.job(generate(2)))
    assert jobs.is_waiting()
    jobs.get(0.0)
    assert not jobs.is_waiting()


def test_the_end_of_the_work_comes_before_work_ahead() -> None:
    client, jobs = Client(), Jobs()
    jobs.put(client.job(generate(1, ahead=True)))
    jobs.put(None)
    assert jobs.get(0.0) is None


def test_nothing_to_do_is_told_after_the_wait() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Jobs().get(0.05)
    assert time.monotonic() - began >= 0.05


def test_whoever_waits_for_a_job_is_woken_by_it() -> None:
    client, jobs = Client(), Jobs()
    timer = threading.Timer(0.05, lambda: jobs.put(client.job(generate(1, ahead=True))))
    timer.start()
    job = jobs.get(10.0)
    timer.join()
    assert job is not None and job.message == generate(1, ahead=True)


def test_every_job_of_several_threads_is_done_or_answered_once() -> None:
    client, jobs = Client(), Jobs()
    threads, each = 8, 200
    done: list[int] = []

    def put(thread: int) -> None:
        for number in range(each):
            request_id = thread * each + number
            is_ahead = number % 2 == 0
            jobs.put(client.job(generate(request_id, f"{thread}-{number % 3}.py", ahead=is_ahead)))

    def take() -> None:
        while (job := jobs.get(10.0)) is not None:
            assert isinstance(job.message, Generate)
            done.append(job.message.request_id)

    taker = threading.Thread(target=take)
    putters = [threading.Thread(target=put, args=(number,)) for number in range(threads)]
    for thread in (taker, *putters):
        thread.start()
    for thread in putters:
        thread.join()
    jobs.put(None)
    taker.join()
    answered = [each.request_id for each in client.answers if isinstance(each, Finished)]
    left = ids_in_order(jobs)
    assert sorted([*done, *answered, *left]) == list(range(threads * each))
    requests = [number for number in range(threads * each) if number % each % 2]
    assert set(requests) <= set(done)
