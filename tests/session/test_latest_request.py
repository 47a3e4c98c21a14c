"""The newest request wins, and everybody is answered."""

from __future__ import annotations

import asyncio

import pytest

from tabwright.session.latest_request import LatestRequest


class Work:
    """Work that ends when the test says so, and remembers what became of it."""

    def __init__(self, result: str) -> None:
        self.result = result
        self.may_end = asyncio.Event()
        self.starts = 0
        self.was_cancelled = False

    async def __call__(self) -> str:
        self.starts += 1
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return self.result


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_newer_request_takes_the_place_of_an_older_one() -> None:
    latest = LatestRequest("superseded")
    old, new = Work("old"), Work("new")
    first = asyncio.create_task(latest.run(1, old, 0))
    await settle()
    second = asyncio.create_task(latest.run(2, new, 0))
    assert await first == "superseded"
    assert old.was_cancelled
    new.may_end.set()
    assert await second == "new"


async def test_the_same_request_twice_is_one_piece_of_work() -> None:
    latest = LatestRequest("superseded")
    work = Work("done")
    both = [asyncio.create_task(latest.run(1, work, 0)) for _ in range(2)]
    await settle()
    work.may_end.set()
    assert await asyncio.gather(*both) == ["done", "done"]
    assert work.starts == 1


async def test_a_cancelled_request_ends_its_work() -> None:
    latest = LatestRequest("superseded")
    work = Work("done")
    task = asyncio.create_task(latest.run(1, work, 0))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle()
    assert work.was_cancelled


async def test_work_goes_on_while_one_of_two_still_waits() -> None:
    latest = LatestRequest("superseded")
    work = Work("done")
    leaving = asyncio.create_task(latest.run(1, work, 0))
    staying = asyncio.create_task(latest.run(1, work, 0))
    await settle()
    leaving.cancel()
    await settle()
    work.may_end.set()
    assert await staying == "done"


async def test_work_that_is_superseded_within_the_debounce_never_starts() -> None:
    latest = LatestRequest("superseded")
    old, new = Work("old"), Work("new")
    new.may_end.set()
    first = asyncio.create_task(latest.run(1, old, 60))
    await settle()
    assert await latest.run(2, new, 0) == "new"
    assert await first == "superseded"
    assert old.starts == 0


async def test_a_failure_reaches_everybody_who_waits() -> None:
    async def fail() -> str:
        raise ValueError("broken")

    latest = LatestRequest("superseded")
    with pytest.raises(ValueError, match="broken"):
        await latest.run(1, fail, 0)


async def test_cancelling_all_answers_as_superseded() -> None:
    latest = LatestRequest("superseded")
    work = Work("done")
    task = asyncio.create_task(latest.run(1, work, 0))
    await settle()
    latest.cancel()
    assert await task == "superseded"
