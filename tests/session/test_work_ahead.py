"""One piece of work ahead at a time, and none that costs anything."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from tabwright.errors import ModelCrashed
from tabwright.session.work_ahead import WorkAhead


class Work:
    """Work that ends when the test says so, and remembers what became of it."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.starts = 0
        self.was_cancelled = False
        self.is_done = False

    async def __call__(self) -> None:
        self.starts += 1
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        self.is_done = True


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_work_is_done_after_its_delay() -> None:
    ahead, work = WorkAhead(), Work()
    work.may_end.set()
    ahead.schedule(work, 0.02)
    await settle()
    assert work.starts == 0
    await ahead.wait()
    assert work.is_done


async def test_newer_work_takes_the_place_of_older_work_under_way() -> None:
    ahead, old, new = WorkAhead(), Work(), Work()
    ahead.schedule(old, 0.0)
    await settle()
    new.may_end.set()
    ahead.schedule(new, 0.0)
    await ahead.wait()
    assert (old.was_cancelled, new.is_done) == (True, True)


async def test_work_that_is_dropped_within_its_delay_never_starts() -> None:
    ahead, work = WorkAhead(), Work()
    ahead.schedule(work, 60.0)
    await settle()
    ahead.cancel()
    await settle()
    assert work.starts == 0
    await ahead.wait()  # there is nothing to wait for


async def test_dropping_twice_or_before_there_is_any_is_fine() -> None:
    ahead, work = WorkAhead(), Work()
    ahead.cancel()
    ahead.schedule(work, 0.0)
    await settle()
    ahead.cancel()
    ahead.cancel()
    await settle()
    assert work.was_cancelled


@pytest.mark.parametrize(
    ("error", "logged"),
    [(ModelCrashed("gone"), []), (ValueError("broken"), ["Work ahead failed."])],
    ids=["of the model", "a bug"],
)
async def test_a_failure_reaches_nobody_and_a_bug_the_log(
    error: Exception, logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise error

    ahead = WorkAhead()
    ahead.schedule(fail, 0.0)
    await ahead.wait()
    del ahead
    gc.collect()  # asyncio complains of an exception that nobody looked at when the task goes
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.INFO] == logged
