"""How soon is the model free again when its answer is not wanted any more?

    python tests/benchmarks/cancelling.py [--samples 25]

Cancels requests at random moments while the model reads a long prompt and while it writes, by
`$/cancelRequest` to the real server and by a newer request in a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import click
from fresh_documents import OpenedItem, address, workspace_folders
from options import context_tokens_option, model_option, output_option, packages_option, seed_option
from process_cpu import CpuSampler
from reporting import (
    WIDTH,
    installed_model,
    machine,
    median,
    say,
    spread_in_ms,
    warning_of_other_work,
    write_results,
)
from rich.console import Console
from rich.table import Table
from typing_items import Item, choose_items, next_key
from typing_tabwright import CancellingClient, running_tabwright

from tabwright.commands.building import build_session
from tabwright.document import TextRange
from tabwright.session.documents import OpenDocument
from tabwright.session.session import Session
from tabwright.settings import read_settings

TARGET_MS = 60
Phase: TypeAlias = Literal["reading", "writing"]
PHASES: tuple[Phase, ...] = ("reading", "writing")

_INVOKED, _AUTOMATIC = 1, 2
_FEWEST_CHARACTERS_BEFORE = 2500
_MOST_OF_IT = 0.8
"""Of the time that such an answer takes: later, many would be there before they are cancelled."""
_SOONEST_SECONDS = 0.01
_WATCHED_SECONDS = 0.6
_TRIALS = 4
_TRIES_PER_SAMPLE = 4


@dataclass
class Measured:
    """Seconds until the model was idle or began with the next, by way and phase."""

    seconds: dict[tuple[str, Phase], list[float]] = field(default_factory=dict)
    too_late: dict[tuple[str, Phase], int] = field(default_factory=dict)
    """Answers that were there before they were cancelled; they are not counted."""
    usual: dict[Phase, float] = field(default_factory=dict)
    """How long the answers take that are cancelled here, in the server."""

    def add(self, way: str, phase: Phase, seconds: float | None) -> None:
        """Keep a sample, or that there was none."""
        if seconds is None:
            self.too_late[way, phase] = self.too_late.get((way, phase), 0) + 1
        else:
            self.seconds.setdefault((way, phase), []).append(seconds)

    def count(self, way: str, phase: Phase) -> int:
        """Return how many samples there are."""
        return len(self.seconds.get((way, phase), ()))


CANCELLED, SUPERSEDED = "$/cancelRequest", "newer request"


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--samples",
    default=25,
    show_default=True,
    type=click.IntRange(min=1),
    help="Cancelled answers for each way and phase.",
)
@context_tokens_option(1024, "How long the prompts are that are read; longer ones take longer.")
@seed_option(5, "files and moments")
@model_option()
@packages_option()
@output_option(__file__)
def main(
    samples: int, context_tokens: int, seed: int, model: str, folder: Path, output: Path
) -> None:
    """Measure how long the model goes on with an answer that is not wanted any more.

    \b
    $/cancelRequest  from sending it to the server until the model process last used its
                     processor; its CPU time is looked at every half millisecond
    newer request    in a session, from a request in another file until the model begins with it:
                     all of its time but reading and writing
    reading          cancelled at a random moment while a long prompt is read that is new to the
                     model
    writing          cancelled at a random moment while a block is written
    """
    manifest, weights = installed_model(model)
    settings = {
        "model": manifest.id,
        "contextTokens": context_tokens,
        "timeLimitSeconds": 0,
        "debounceSeconds": 0,
        "inIgnoredFiles": True,
    }
    items = long_items(folder, seed)
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "settings": settings,
        "samples": samples,
        "seed": seed,
    }
    measured = asyncio.run(_measure(items, settings, samples, random.Random(seed)))
    report |= summarised(measured)
    print_report(report)
    write_results(report, output)


def long_items(folder: Path, seed: int) -> list[Item]:
    """Return places with much code before them, the languages in turn."""
    groups = [
        [item for item in group if len(item.before) >= _FEWEST_CHARACTERS_BEFORE]
        for group in choose_items(40, seed, folder).values()
    ]
    return [item for turn in zip(*groups, strict=False) for item in turn]


async def _measure(
    items: Sequence[Item], settings: dict[str, Any], samples: int, choice: random.Random
) -> Measured:
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="tabwright-cancelling-") as base:
        folders = workspace_folders(Path(base), [str(turn) for turn in range(100)])
        # A file that is opened in another folder is another file, of which nothing was read.
        never_read = iter([(item, folder) for folder in folders for item in items])
        async with running_tabwright(folders, settings) as tabwright:
            model = tabwright.processes()[-1]
            by_message = _ByMessage(tabwright.client, CpuSampler(model), never_read, choice)
            for phase in PHASES:
                await by_message.measure(phase, samples, measured)
    session = build_session()
    session.configure(read_settings(settings).settings)
    try:
        never_read = iter(
            [(item, Path("/again", str(turn))) for turn in range(100) for item in items]
        )
        by_request = _ByNewerRequest(session, never_read, choice)
        await by_request.load()
        for phase in PHASES:
            await by_request.measure(phase, samples, measured)
    finally:
        await session.stop()
    return measured


# -- $/cancelRequest --


@dataclass
class _ByMessage:
    """Cancels in the real server and watches its model process."""

    client: CancellingClient
    sampler: CpuSampler
    never_read: Iterator[tuple[Item, Path]]
    choice: random.Random

    async def measure(self, phase: Phase, samples: int, measured: Measured) -> None:
        """Take samples of one phase."""
        say(f"{CANCELLED}, {phase}")
        usual = median([await self._whole_answer(phase) for _ in range(_TRIALS)])
        measured.usual[phase] = usual
        for _ in range(samples * _TRIES_PER_SAMPLE):
            if measured.count(CANCELLED, phase) == samples:
                break
            opened = await self._opened(phase)
            delay = self.choice.uniform(_SOONEST_SECONDS, usual * _MOST_OF_IT)
            measured.add(CANCELLED, phase, await self._cancelled_after(opened, phase, delay))
            opened.close()

    async def _whole_answer(self, phase: Phase) -> float:
        opened = await self._opened(phase)
        started = time.monotonic()
        _, answer = self._begin(opened, phase)
        await answer
        opened.close()
        return time.monotonic() - started

    async def _opened(self, phase: Phase) -> OpenedItem:
        """Open a file; for the writing it is read already, but for its last key."""
        item, folder = next(self.never_read)
        first = len(next_key(item.removed, 0))
        opened = OpenedItem(self.client, item, folder, first)
        if phase == "writing":
            await opened.ask()
            opened.move_to(first + len(next_key(item.removed, first)))
        return opened

    def _begin(self, opened: OpenedItem, phase: Phase) -> tuple[int, asyncio.Future[Any]]:
        document = opened.document
        kind = _AUTOMATIC if phase == "reading" else _INVOKED
        return self.client.begin(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": document.uri},
                "position": document.position,
                "context": {"triggerKind": kind},
            },
        )

    async def _cancelled_after(
        self, opened: OpenedItem, phase: Phase, delay: float
    ) -> float | None:
        request_id, answer = self._begin(opened, phase)
        await asyncio.sleep(delay)
        if answer.done():
            return None
        self.client.cancel(request_id)
        cancelled = time.monotonic()
        busy_until = await asyncio.to_thread(self.sampler.busy_until, _WATCHED_SECONDS)
        with contextlib.suppress(RuntimeError):  # a cancelled request is answered with an error
            await answer
        return max(0.0, busy_until - cancelled)


# -- a newer request --


@dataclass
class _ByNewerRequest:
    """Lets requests in one file take the place of requests in others."""

    session: Session
    never_read: Iterator[tuple[Item, Path]]
    choice: random.Random

    async def measure(self, phase: Phase, samples: int, measured: Measured) -> None:
        """Take samples of one phase."""
        say(f"{SUPERSEDED}, {phase}")
        usual = median([await self._whole_answer(phase) for _ in range(_TRIALS)])
        own_document, offset, rest = self._open_own()
        for _ in range(samples * _TRIES_PER_SAMPLE):
            if measured.count(SUPERSEDED, phase) == samples:
                break
            if not rest:
                self.session.close(own_document.uri)
                own_document, offset, rest = self._open_own()
            await self.session.complete(own_document.uri, offset, is_automatic=True)
            document, cursor = await self._opened(phase)
            old = asyncio.ensure_future(self._ask(document, cursor, phase))
            await asyncio.sleep(self.choice.uniform(_SOONEST_SECONDS, usual * _MOST_OF_IT))
            was_late = old.done()
            key = next_key(rest, 0)
            own_document.replace(TextRange(offset, offset), key)
            own_document.version += 1
            offset, rest = offset + len(key), rest[len(key) :]
            started = time.monotonic()
            new = await self.session.complete(own_document.uri, offset, is_automatic=True)
            seconds = time.monotonic() - started
            await old
            self.session.close(document.uri)
            times = new.timings
            if times.prompt_tokens:  # else it was answered without the model
                waited = seconds - times.prefill_seconds - times.decode_seconds
                measured.add(SUPERSEDED, phase, None if was_late else max(0.0, waited))

    async def load(self) -> None:
        """Have the model ready: only what is asked by hand waits for it."""
        document, cursor = await self._opened("reading")
        await self.session.complete(document.uri, cursor, is_automatic=False)
        self.session.close(document.uri)

    async def _whole_answer(self, phase: Phase) -> float:
        document, cursor = await self._opened(phase)
        started = time.monotonic()
        await self._ask(document, cursor, phase)
        self.session.close(document.uri)
        return time.monotonic() - started

    async def _ask(self, document: OpenDocument, cursor: int, phase: Phase) -> Any:
        is_automatic = phase == "reading"
        return await self.session.complete(document.uri, cursor, is_automatic=is_automatic)

    async def _opened(self, phase: Phase) -> tuple[OpenDocument, int]:
        item, folder = next(self.never_read)
        first = len(next_key(item.removed, 0))
        document = self._open(item, folder, item.before + item.removed[:first])
        cursor = item.start + first
        if phase == "writing":
            await self.session.complete(document.uri, cursor, is_automatic=False)
            key = next_key(item.removed, first)
            document.replace(TextRange(cursor, cursor), key)
            document.version += 1
            cursor += len(key)
        return document, cursor

    def _open_own(self) -> tuple[OpenDocument, int, str]:
        item, folder = next(self.never_read)
        return self._open(item, folder, item.before), item.start, item.removed

    def _open(self, item: Item, folder: Path, before: str) -> OpenDocument:
        path = folder / item.file.root.name / item.file.name
        document = OpenDocument(
            address(item.file, folder), item.editor_id, 1, before + item.after, path
        )
        self.session.open(document)
        return document


# -- reporting --


def summarised(measured: Measured) -> dict[str, Any]:
    """Return the figures, in milliseconds."""
    rows = []
    for way in (CANCELLED, SUPERSEDED):
        for phase in PHASES:
            seconds = measured.seconds.get((way, phase), [])
            all_ms = sorted(round(each * 1000, 1) for each in seconds)
            rows.append({"way": way, "phase": phase, **spread_in_ms(seconds), "all_ms": all_ms})
    return {
        "usual_answer_ms": {name: round(each * 1000) for name, each in measured.usual.items()},
        "rows": rows,
        "too_late": sum(measured.too_late.values()),
        "all": spread_in_ms([each for values in measured.seconds.values() for each in values]),
        "target_p95_ms": TARGET_MS,
    }


def print_report(report: dict[str, Any]) -> None:
    """Print the table."""
    console = Console(width=min(WIDTH, Console().width))
    table = Table(title=f"From cancelling to a free model, ms, {report['weights']}")
    for title in ("by", "while", "n", "p50", "p95", "most"):
        table.add_column(title, justify="left" if title in ("by", "while") else "right")
    for row in [*report["rows"], {"way": "all", "phase": "", **report["all"]}]:
        if row["way"] == "all":
            table.add_section()
        figures = (f"{row[name]:.1f}" for name in ("p50", "p95", "most"))
        table.add_row(row["way"], row["phase"], str(row["n"]), *figures)
    console.print(table)
    usual = report["usual_answer_ms"]
    console.print(
        f"Not cancelled, such answers take {usual['reading']} ms (a new prompt) and"
        f" {usual['writing']} ms (a block)."
        f" {report['too_late']} were there before they were cancelled."
    )
    verdict = "kept" if report["all"]["p95"] <= TARGET_MS else "missed"
    console.print(f"p95 within {TARGET_MS} ms: {verdict} with {report['all']['p95']:.1f} ms.")
    if warning := warning_of_other_work(report["machine"]):
        console.print(warning)


if __name__ == "__main__":
    main()
