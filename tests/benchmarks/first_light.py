"""What an editor feels: how soon the first answer comes, how fast the others, at what cost.

    python tests/benchmarks/first_light.py [--starts 5] [--files 12] [--keys 30]

Drives the real server over stdio with its default settings, on source files of the pinned
packages. Latencies therefore hold the 50 ms that the server waits for the next key.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psutil
from lsp_client import NOT_ASKED, LspClient, ServerEnded, running_server
from options import output_option, packages_option
from packages import PACKAGES, SourceFile, fetch, line_ends, source_files
from reporting import (
    WIDTH,
    installed_model,
    machine,
    median,
    percentile,
    say,
    write_results,
)
from rich.console import Console
from rich.table import Table

from tabwright.commands.building import build_languages, build_session
from tabwright.completion.suggestion import Timings
from tabwright.session.documents import OpenDocument
from tabwright.settings import read_settings
from tabwright.syntax.languages import LanguageRegistry

SEED = 7
SERVER_MEMORY_TARGET_MB = 150
_EXTENSIONS = (".py", ".js", ".ts")
_FEWEST_TYPED = 10
_SHORTEST_DECODE = 8
_FIRST_ANSWER_SECONDS = 120.0
_ASK_AGAIN_SECONDS = 0.25
_SETTLING_SECONDS = 2.0


@dataclass(frozen=True)
class Line:
    """A line of a real file that is taken away from its middle on and typed again."""

    file: SourceFile
    language: str
    number: int
    """Counted from 0."""
    start: int
    """The offset of the line."""
    kept: str
    typed: str

    @property
    def uri(self) -> str:
        """The document's URI; the line number keeps documents of one file apart."""
        return self.file.path.with_name(f"{self.number}_{self.file.path.name}").as_uri()

    @property
    def text(self) -> str:
        """The file without what is going to be typed."""
        end = self.start + len(self.kept) + len(self.typed)
        return self.file.text[: self.start + len(self.kept)] + self.file.text[end:]

    def position(self, typed: int) -> dict[str, int]:
        """Return the cursor after so many typed characters."""
        before = self.kept + self.typed[:typed]
        return {"line": self.number, "character": len(before.encode("utf-16-le")) // 2}


@dataclass
class Measured:
    """Everything that was measured, in seconds and bytes."""

    initialize: list[float] = field(default_factory=list)
    first_answer: list[float] = field(default_factory=list)
    memory: list[tuple[str, str, int, int]] = field(default_factory=list)
    """When, which process, resident and unique bytes."""
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    keys: int = 0
    answered_keys: int = 0
    idle_cpu: dict[str, float] = field(default_factory=dict)
    prefill: list[float] = field(default_factory=list)
    """Tokens per second of each prompt that was read."""
    decode: list[float] = field(default_factory=list)


@click.command(context_settings={"max_content_width": 100})
@click.option("--starts", default=5, show_default=True, help="How often the server is started.")
@click.option("--files", default=12, show_default=True, help="Files for the cold latency.")
@click.option("--keys", default=30, show_default=True, help="Keys typed in each of half the files.")
@click.option("--idle-seconds", default=10.0, show_default=True, help="How long idling is watched.")
@packages_option()
@output_option(__file__)
def main(
    starts: int, files: int, keys: int, idle_seconds: float, folder: Path, output: Path
) -> None:
    """Measure start, latency, speed, memory and idling of the server with the models it chooses.

    \b
    first answer  from starting the process to the first suggestion, the file being opened and
                  a suggestion asked for as soon as the protocol allows; the files of the
                  program and the model are in the system's cache from the second start on
    cold          a suggestion in a file just opened, of which the model has read nothing
    warm          a suggestion at each key typed in a file, one key after the other's answer
    USS           memory that would be free if the process ended
    """
    _, weights = installed_model("")
    report: dict[str, Any] = {"machine": machine(), "weights": weights.name}
    lines = choose_lines(files, folder)
    measured = Measured()
    try:
        asyncio.run(_measure(measured, lines, starts, keys, idle_seconds))
    except ServerEnded as error:
        raise click.ClickException(
            f"{error} Start `tabwright serve` by hand to see why."
        ) from error
    report |= summarised(measured)
    print_report(report)
    write_results(report, output)


def choose_lines(count: int, folder: Path) -> list[Line]:
    """Return one line in each of several files, the languages in turn."""
    registry = build_languages()
    by_package = []
    for package in PACKAGES:
        if set(package.extensions) & set(_EXTENSIONS):
            files = source_files(package, fetch(package, folder))
            by_package.append(_lines(files, registry))
    turns = zip(*by_package, strict=False)
    return [line for turn in turns for line in turn][:count]


def _lines(files: Sequence[SourceFile], registry: LanguageRegistry) -> list[Line]:
    """Return lines of code to type, at most one in a file."""
    found: dict[Path, Line] = {}
    for place in line_ends(list(files), 400, SEED):
        text = place.file.text
        start = text.rfind("\n", 0, place.offset) + 1
        line = text[start : place.offset]
        indented = len(line) - len(line.lstrip())
        kept = indented + (len(line) - indented) // 3
        language = registry.for_path(place.file.path.name)
        is_comment = line.lstrip().startswith(("#", "/", "*", '"', "'"))
        if place.file.path in found or language is None or is_comment:
            continue
        if len(line) - kept >= _FEWEST_TYPED:
            found[place.file.path] = Line(
                file=place.file,
                language=language.editor_ids[0],
                number=place.line - 1,
                start=start,
                kept=line[:kept],
                typed=line[kept:],
            )
    return list(found.values())


async def _measure(
    measured: Measured, lines: Sequence[Line], starts: int, keys: int, idle_seconds: float
) -> None:
    for number in range(starts):
        say(f"start {number + 1} of {starts}")
        await _start_once(measured, lines[number % len(lines)])
    await _use(measured, lines, keys, idle_seconds)
    say("speed of the model")
    await _measure_speed(measured, lines)


# -- the server --


async def _start_once(measured: Measured, line: Line) -> None:
    started = time.monotonic()
    async with running_server(line.file.root) as client:
        await client.initialize(line.file.root, {})
        measured.initialize.append(time.monotonic() - started)
        client.open(line.uri, line.language, line.text)
        await _first_answer(client, line)
        measured.first_answer.append(time.monotonic() - started)


async def _first_answer(client: LspClient, line: Line) -> None:
    """Ask until there is a suggestion: at once, and again whenever the status changes.

    A line that gets none from a ready model is typed on, key by key.
    """
    deadline = time.monotonic() + _FIRST_ANSWER_SECONDS
    typed = 0
    while time.monotonic() < deadline:
        client.status_changed.clear()
        if await client.inline_completion(line.uri, line.position(typed)):
            return
        answer = await client.command("tabwright.explain")
        if answer["reason"] == "model_loading":
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(client.status_changed.wait(), _ASK_AGAIN_SECONDS)
        elif typed < len(line.typed):
            client.insert(line.uri, typed + 2, line.position(typed), line.typed[typed])
            typed += 1
        else:
            raise click.ClickException(f"No first suggestion: {answer['message']}")
    raise click.ClickException("The server gives no first suggestion.")


async def _use(measured: Measured, lines: Sequence[Line], keys: int, idle_seconds: float) -> None:
    """Measure latencies, and memory before, between and after."""
    async with running_server(lines[0].file.root) as client:
        await client.initialize(lines[0].file.root, {})
        await asyncio.sleep(_SETTLING_SECONDS)
        server = psutil.Process(client.process.pid)
        _note_memory(measured, "started", {"server": server})
        client.open(lines[0].uri, lines[0].language, lines[0].text)
        await _first_answer(client, lines[0])
        client.close(lines[0].uri)
        status = await client.command("tabwright.showStatus")
        processes = {"server": server, "model": psutil.Process(status["modelProcess"]["pid"])}
        _note_memory(measured, "model loaded", processes)
        say(f"cold latency in {len(lines)} files")
        for line in lines[1:]:
            client.open(line.uri, line.language, line.text)
            seconds = await _ask(client, line, 0)
            if seconds is not None:
                measured.cold.append(seconds)
        say(f"warm latency in {len(lines) // 2} files")
        for line in lines[1::2]:
            await _type(measured, client, line, keys)
        _note_memory(measured, "used", processes)
        say(f"idle for {idle_seconds:.0f} s")
        await asyncio.sleep(_SETTLING_SECONDS)
        before = {name: _cpu_seconds(process) for name, process in processes.items()}
        await asyncio.sleep(idle_seconds)
        measured.idle_cpu = {
            name: _cpu_seconds(process) - before[name] for name, process in processes.items()
        }


async def _type(measured: Measured, client: LspClient, line: Line, keys: int) -> None:
    """Type a line again; the first key finds an empty KV cache at times and is not counted."""
    await _ask(client, line, 0)
    for typed in range(1, min(keys, len(line.typed)) + 1):
        client.insert(line.uri, typed + 1, line.position(typed - 1), line.typed[typed - 1])
        started = time.monotonic()
        items = await client.inline_completion(line.uri, line.position(typed))
        seconds = time.monotonic() - started
        if await _was_asked(client):
            measured.warm.append(seconds)
            measured.keys += 1
            measured.answered_keys += bool(items)


async def _ask(client: LspClient, line: Line, typed: int) -> float | None:
    """Return how long an answer took, None where the model was not asked."""
    started = time.monotonic()
    await client.inline_completion(line.uri, line.position(typed))
    seconds = time.monotonic() - started
    return seconds if await _was_asked(client) else None


async def _was_asked(client: LspClient) -> bool:
    answer = await client.command("tabwright.explain")
    return answer["reason"] not in NOT_ASKED


def _note_memory(measured: Measured, when: str, processes: dict[str, psutil.Process]) -> None:
    for name, process in processes.items():
        memory = process.memory_full_info()
        measured.memory.append((when, name, memory.rss, memory.uss))


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# -- the model --


async def _measure_speed(measured: Measured, lines: Sequence[Line]) -> None:
    """Ask for blocks through a session, whose answers carry the model's own timings."""
    session = build_session()
    session.configure(read_settings({"lines": "multi", "inIgnoredFiles": True}).settings)
    try:
        for line in lines:
            session.open(OpenDocument(line.uri, line.language, 1, line.text, line.file.path))
            offset = line.start + len(line.kept)
            outcome = await session.complete(line.uri, offset, is_automatic=False)
            session.close(line.uri)
            _note_speed(measured, outcome.timings)
    finally:
        await session.stop()


def _note_speed(measured: Measured, timings: Timings) -> None:
    read = timings.prompt_tokens - timings.reused_tokens
    if read > timings.reused_tokens and timings.prefill_seconds > 0:
        measured.prefill.append(read / timings.prefill_seconds)
    # The first token comes from the prefill.
    if timings.generated_tokens >= _SHORTEST_DECODE and timings.decode_seconds > 0:
        measured.decode.append((timings.generated_tokens - 1) / timings.decode_seconds)


# -- reporting --


def summarised(measured: Measured) -> dict[str, Any]:
    """Return the figures of the report, in milliseconds, megabytes and tokens per second."""
    return {
        "initialize_ms": _spread(measured.initialize, 1000),
        "first_answer_ms": _spread(measured.first_answer, 1000),
        "cold_ms": _spread(measured.cold, 1000),
        "warm_ms": _spread(measured.warm, 1000),
        "warm_keys_with_suggestion": [measured.answered_keys, measured.keys],
        "prefill_tokens_per_second": _spread(measured.prefill, 1),
        "decode_tokens_per_second": _spread(measured.decode, 1),
        "memory_mb": [
            {"when": when, "process": name, "rss": round(rss / 1e6), "uss": round(uss / 1e6)}
            for when, name, rss, uss in measured.memory
        ],
        "idle_cpu_seconds": {name: round(used, 3) for name, used in measured.idle_cpu.items()},
    }


def _spread(values: Sequence[float], factor: float) -> dict[str, float]:
    scaled = [value * factor for value in values]
    return {
        "n": len(scaled),
        "p50": round(median(scaled), 1),
        "p95": round(percentile(scaled, 0.95), 1) if scaled else 0.0,
        "best": round(min(scaled, default=0.0), 1),
        "worst": round(max(scaled, default=0.0), 1),
    }


_ROWS = (
    ("initialize answered, ms", "initialize_ms"),
    ("first answer, ms", "first_answer_ms"),
    ("cold latency, ms", "cold_ms"),
    ("warm latency, ms", "warm_ms"),
    ("prefill, tokens/s", "prefill_tokens_per_second"),
    ("decode, tokens/s", "decode_tokens_per_second"),
)


def print_report(report: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console(width=min(WIDTH, Console().width))
    times = Table(title=f"Tabwright with {report['weights']}")
    for title in ("", "n", "p50", "p95", "least", "most"):
        times.add_column(title, justify="right" if title else "left")
    for title, key in _ROWS:
        spread = report[key]
        figures = (spread[name] for name in ("p50", "p95", "best", "worst"))
        times.add_row(title, str(spread["n"]), *(f"{figure:.0f}" for figure in figures))
    console.print(times)
    memory = Table(title="Memory, MB")
    for title in ("", "process", "RSS", "USS"):
        memory.add_column(title, justify="right" if title in ("RSS", "USS") else "left")
    for row in report["memory_mb"]:
        memory.add_row(row["when"], row["process"], str(row["rss"]), str(row["uss"]))
    console.print(memory)
    answered, keys = report["warm_keys_with_suggestion"]
    console.print(f"Keys with a suggestion: {answered} of {keys}.")
    idle = ", ".join(f"{name} {used:.2f} s" for name, used in report["idle_cpu_seconds"].items())
    console.print(f"CPU while idle: {idle} (target: none).")
    most = max(row["rss"] for row in report["memory_mb"] if row["process"] == "server")
    verdict = "kept" if most < SERVER_MEMORY_TARGET_MB else "missed"
    console.print(f"Server under {SERVER_MEMORY_TARGET_MB} MB: {verdict} with {most} MB.")


if __name__ == "__main__":
    main()
