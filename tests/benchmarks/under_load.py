"""How much later do suggestions come while other programs use every core?

    python tests/benchmarks/under_load.py [--rounds 6]

Types real code in the real server, in turn on a quiet machine and beside two busy loops.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from busy_loops import busy_loops
from fresh_documents import OpenedItem, workspace_folders
from lsp_client import LspClient
from options import items_option, model_option, output_option, packages_option, seed_option
from reporting import (
    WIDTH,
    installed_model,
    machine,
    say,
    spread_in_ms,
    warning_of_other_work,
    write_results,
)
from rich.console import Console
from rich.table import Table
from typing_editor import LOOK_SECONDS
from typing_items import Item, choose_items, next_key
from typing_tabwright import running_tabwright

TARGET_RATIO = 3.0
QUIET, BUSY = "quiet", "busy"
_SETTLING_SECONDS = 0.5
_MOST_KEYS = 40


@dataclass
class Waits:
    """How long answers took, in seconds."""

    opening: list[float] = field(default_factory=list)
    """The first of each file."""
    keys: list[float] = field(default_factory=list)
    suggestions: int = 0


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--rounds",
    default=6,
    show_default=True,
    type=click.IntRange(min=1),
    help="Each is once quiet and once busy, with the same code.",
)
@items_option(2, "Pieces of code in each round.")
@click.option("--loops", default=2, show_default=True, help="Busy loops.")
@click.option(
    "--key-seconds", default=0.15, show_default=True, help="From one key to the next, at least."
)
@seed_option(3, "the pieces of code")
@model_option()
@packages_option()
@output_option(__file__)
def main(
    rounds: int,
    items: int,
    loops: int,
    key_seconds: float,
    seed: int,
    model: str,
    folder: Path,
    output: Path,
) -> None:
    """Measure the time from key to answer, quiet and beside busy loops.

    Every key sends a change and a request. The next one falls after KEY-SECONDS, or when the
    answer is there if that is later: someone who waits for it. So that no slow answer is lost as
    cancelled, none is. Answers without the model (inside strings, for instance) do not count, nor
    do the first ones in a file, which have a line of their own. Settings are the defaults.
    """
    manifest, weights = installed_model(model)
    chosen = choose_items(rounds * items, seed, folder)
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "rounds": rounds,
        "items": items,
        "loops": loops,
        "key_seconds": key_seconds,
        "seed": seed,
    }
    longest = max(len(group) for group in chosen.values())
    turns = [
        group[turn] for turn in range(longest) for group in chosen.values() if turn < len(group)
    ]
    typing = Typing(turns[: rounds * items], rounds, loops, key_seconds)
    report |= summarised(asyncio.run(typing.run({"model": manifest.id})), key_seconds)
    print_report(report)
    write_results(report, output)


@dataclass
class Typing:
    """What is typed, and when."""

    items: Sequence[Item]
    rounds: int
    loops: int
    key_seconds: float
    waits: dict[str, Waits] = field(default_factory=lambda: {QUIET: Waits(), BUSY: Waits()})

    async def run(self, settings: Mapping[str, Any]) -> dict[str, Waits]:
        """Type every round's code quiet and busy, the one or the other first by turns."""
        with tempfile.TemporaryDirectory(prefix="tabwright-under-load-") as base:
            quiet, busy = workspace_folders(Path(base), (QUIET, BUSY))
            async with running_tabwright((quiet, busy), settings) as tabwright:
                for number in range(self.rounds):
                    say(f"round {number + 1} of {self.rounds}")
                    ways = [(QUIET, quiet), (BUSY, busy)]
                    for way, folder in ways if number % 2 == 0 else reversed(ways):
                        loops = busy_loops(self.loops) if way == BUSY else contextlib.nullcontext()
                        with loops:
                            await asyncio.sleep(_SETTLING_SECONDS)
                            for item in self.items[number :: self.rounds]:
                                await self._type(tabwright.client, item, folder, self.waits[way])
        return self.waits

    async def _type(self, client: LspClient, item: Item, folder: Path, waits: Waits) -> None:
        opened = OpenedItem(client, item, folder)
        waits.opening.append((await opened.ask()).seconds)
        await asyncio.sleep(LOOK_SECONDS)
        for _ in range(_MOST_KEYS):
            if opened.offset == len(item.removed):
                break
            started = time.monotonic()
            opened.move_to(opened.offset + len(next_key(item.removed, opened.offset)))
            answer = await opened.ask()
            if answer.was_asked:
                waits.keys.append(answer.seconds)
                waits.suggestions += bool(answer.text)
            await asyncio.sleep(max(0.0, started + self.key_seconds - time.monotonic()))
        opened.close()


# -- reporting --


def summarised(waits: Mapping[str, Waits], key_seconds: float) -> dict[str, Any]:
    """Return the figures, in milliseconds, and the ratios."""
    groups: dict[str, dict[str, Any]] = {
        way: {
            "keys": spread_in_ms(each.keys),
            "opening": spread_in_ms(each.opening),
            "suggestions": each.suggestions,
            "before_next_key": round(
                sum(wait < key_seconds for wait in each.keys) / max(1, len(each.keys)), 3
            ),
        }
        for way, each in waits.items()
    }
    quiet, busy = groups[QUIET]["keys"], groups[BUSY]["keys"]
    return {
        "waits_ms": groups,
        "ratio_p50": _ratio(busy["p50"], quiet["p50"]),
        "ratio_p95": _ratio(busy["p95"], quiet["p95"]),
        "target_ratio_p95": TARGET_RATIO,
    }


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 2) if whole else 0.0


def print_report(report: Mapping[str, Any]) -> None:
    """Print the table."""
    console = Console(width=min(WIDTH, Console().width))
    table = Table(title=f"From key to answer, ms, {report['weights']}")
    for title in ("", "", "n", "p50", "p95", "most"):
        table.add_column(title, justify="right" if title else "left")
    for kind, name in (("keys", "typing"), ("opening", "a file just opened")):
        for way in (QUIET, BUSY):
            spread = report["waits_ms"][way][kind]
            figures = (f"{spread[name]:.0f}" for name in ("p50", "p95", "most"))
            table.add_row(name if way == QUIET else "", way, str(spread["n"]), *figures)
    console.print(table)
    shares = {way: report["waits_ms"][way]["before_next_key"] for way in (QUIET, BUSY)}
    console.print(
        f"There within {report['key_seconds'] * 1000:.0f} ms: {shares[QUIET]:.0%} quiet,"
        f" {shares[BUSY]:.0%} beside {report['loops']} busy loops."
    )
    verdict = "kept" if report["ratio_p95"] <= TARGET_RATIO else "missed"
    console.print(
        f"Busy over quiet: p50 {report['ratio_p50']:.2f}, p95 {report['ratio_p95']:.2f}"
        f" (p95 within {TARGET_RATIO:.0f}: {verdict})."
    )
    if warning := warning_of_other_work(report["machine"]):
        console.print(warning)


if __name__ == "__main__":
    main()
