"""A progress bar that comes only when it is worth it, and always goes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from lsprotocol import types

from tabwright.lsp import progress
from tabwright.lsp.progress import Progress
from tabwright.lsp.server import TabwrightServer


class Bar:
    """What a client was told."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.told: list[str] = []
        self.refuses = refuses

    async def create_async(self, _token: str) -> None:
        if self.refuses:
            raise RuntimeError("no bars here")
        self.told.append("create")

    def begin(self, _token: str, value: types.WorkDoneProgressBegin) -> None:
        self.told.append(f"begin {value.title} {value.percentage}")

    def report(self, _token: str, value: types.WorkDoneProgressReport) -> None:
        self.told.append(f"report {value.percentage}")

    def end(self, _token: str, _value: types.WorkDoneProgressEnd) -> None:
        self.told.append("end")


def progress_on(bar: Bar, *, is_supported: bool = True) -> Progress:
    class Client:
        work_done_progress = bar
        client_capabilities = types.ClientCapabilities(
            window=types.WindowClientCapabilities(work_done_progress=is_supported)
        )

    return Progress(cast(TabwrightServer, cast(Any, Client())), "Loading m")


@pytest.fixture(autouse=True)
def shown_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SHOW_AFTER_SECONDS", 0.01)


async def test_work_that_takes_a_while_is_shown_from_begin_to_end() -> None:
    bar = Bar()
    shown = progress_on(bar)
    shown.start()
    shown.report(0.25)
    await asyncio.sleep(0.1)
    shown.report(0.5)
    shown.report(0.501)
    shown.end()
    shown.end()
    assert bar.told == ["create", "begin Loading m 25", "report 50", "end"]


async def test_quick_work_shows_nothing() -> None:
    bar = Bar()
    shown = progress_on(bar)
    shown.start()
    shown.report(0.5)
    shown.end()
    await asyncio.sleep(0.1)
    assert bar.told == []


async def test_a_client_without_progress_is_told_nothing() -> None:
    bar = Bar()
    shown = progress_on(bar, is_supported=False)
    shown.start()
    await asyncio.sleep(0.1)
    shown.report(0.5)
    shown.end()
    assert bar.told == []


async def test_a_client_that_refuses_the_bar_does_no_harm() -> None:
    bar = Bar(refuses=True)
    shown = progress_on(bar)
    shown.start()
    await asyncio.sleep(0.1)
    shown.report(0.5)
    shown.end()
    assert bar.told == []
