"""How should the model's threads wait for each other, and how many should decode?

    python tests/benchmarks/threads.py [--rounds 5] [--most-seconds 170]

OpenMP threads that wait for work spin, which is quick alone and wasteful beside other work. This
compares no setting, a short spin (`GOMP_SPINCOUNT=1000`, what Tabwright sets) and none at all
(`OMP_WAIT_POLICY=passive`), each decoding with one thread and with all, on a quiet machine and
beside two processes that never pause. All six take turns in every round, so that whatever else
the machine does slows all alike; the table shows medians.
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
from busy_loops import busy_loops
from options import model_option, output_option
from reporting import WIDTH, installed_model, machine, median, say, write_results
from rich.console import Console
from rich.table import Table

from tabwright.model import client
from tabwright.model.client import (
    GeneratedToken,
    GenerationRequest,
    ModelProcess,
    ProcessPolicy,
    PromptEvaluated,
)
from tabwright.model.messages import LoadModel, Segment
from tabwright.model.safe_python import python_module_command

PROMPT_CHARACTERS = 400
"""About a hundred tokens: a quarter of what is read at the first request in a file."""
DECODED_TOKENS = 16
TIME_LIMIT_SECONDS = 4.0
"""Spinning threads beside busy processes can take minutes; that is not worth waiting for."""
_STEP_CHARACTERS = 97
_BUSY_PROCESSES = 2
_VARIABLES = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")
_WAITING = {
    "unset": {},
    "spin 1000": {"GOMP_SPINCOUNT": "1000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
}


@dataclass
class Way:
    """One way to run the model, and what was measured of it."""

    waiting: str
    decode_threads: int
    process: ModelProcess
    model_key: str
    prefill: dict[str, list[float]] = field(default_factory=dict)
    """Tokens per second, by what runs beside; 0 for what the time limit cut off."""
    decode: dict[str, list[float]] = field(default_factory=dict)
    prefill_cpu: dict[str, list[float]] = field(default_factory=dict)
    """CPU seconds of the model process per token."""
    decode_cpu: dict[str, list[float]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The way in a few words."""
        threads = "1 thread" if self.decode_threads == 1 else f"{self.decode_threads} threads"
        return f"{self.waiting}, {threads}"


@click.command(context_settings={"max_content_width": 100})
@click.option("--rounds", default=5, show_default=True, help="Measurements of each way.")
@click.option(
    "--most-seconds",
    default=170.0,
    show_default=True,
    help="Begin no further round when it would probably end after this.",
)
@model_option()
@output_option(__file__)
def main(rounds: int, most_seconds: float, model: str, output: Path) -> None:
    """Compare how the model's threads wait, and how many of them decode.

    \b
    prefill, decode  tokens per second
    CPU ms           CPU time of the model process per token, over all threads
    """
    manifest, weights = installed_model(model)
    report: dict[str, Any] = {"machine": machine(), "model": manifest.id, "weights": weights.name}
    report |= asyncio.run(measure(weights, rounds, most_seconds))
    print_report(report)
    write_results(report, output)


async def measure(weights: Path, rounds: int, most_seconds: float) -> dict[str, Any]:
    """Load every way's model and let them take turns, quiet and beside busy processes."""
    started = time.monotonic()
    threads = psutil.cpu_count(logical=False) or 1
    processes = {name: ModelProcess(_policy(values)) for name, values in _WAITING.items()}
    try:
        ways = [
            await _loaded(name, process, weights, threads, decode_threads)
            for name, process in processes.items()
            for decode_threads in sorted({1, threads})
        ]
        description = await ways[0].process.describe()
        say("one round to warm up")
        for way in ways:
            await _measure_once(way, "", 0)
        done = 0
        round_started = time.monotonic()
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}")
            for beside in ("quiet", "busy"):
                with busy_loops(_BUSY_PROCESSES if beside == "busy" else 0):
                    for way in ways:
                        await _measure_once(way, beside, number)
            done = number
            spent = time.monotonic() - round_started
            if time.monotonic() - started + spent / number > most_seconds:
                break
    finally:
        for process in processes.values():
            await process.stop()
    return {
        "threads": threads,
        "rounds": done,
        "seconds": round(time.monotonic() - started, 1),
        "llama_cpp": description.system_info,
        "rows": [_row(way, beside) for beside in ("quiet", "busy") for way in ways],
    }


def _policy(values: dict[str, str]) -> ProcessPolicy:
    """Start the process with these variables and no other of the kind.

    `env` takes away what the client sets by itself.
    """
    removed = [part for name in _VARIABLES for part in ("-u", name)]
    assigned = [f"{name}={value}" for name, value in values.items()]
    command = python_module_command("tabwright.model.process")
    return ProcessPolicy(command=("env", *removed, *assigned, *command))


async def _loaded(
    name: str, process: ModelProcess, weights: Path, threads: int, decode_threads: int
) -> Way:
    key = f"{name}|{decode_threads}"
    await process.load(
        LoadModel(
            request_id=0,
            model_key=key,
            weights_path=str(weights),
            adapter_path="",
            context_tokens=1024,
            prefill_threads=threads,
            decode_threads=decode_threads,
            gpu_layers=0,
            control_strings=(),
            idle_unload_seconds=0,
        )
    )
    return Way(name, decode_threads, process, key)


async def _measure_once(way: Way, beside: str, number: int) -> None:
    """Read a prompt the model has not seen, write some tokens, and note both under `beside`."""
    process_id = way.process.process_id
    assert process_id is not None, "its model is loaded"
    child = psutil.Process(process_id)
    request = GenerationRequest(
        document="threads",
        segments=(Segment(_prompt(number * 2 + (beside == "busy"))),),
        max_tokens=DECODED_TOKENS,
        time_limit_seconds=TIME_LIMIT_SECONDS,
    )
    cpu_started = cpu_between = _cpu_seconds(child)
    evaluated: PromptEvaluated | None = None
    decode_started = 0.0
    tokens = 0
    async with contextlib.aclosing(way.process.generate(way.model_key, request)) as events:
        async for event in events:
            if isinstance(event, PromptEvaluated):
                evaluated = event
                cpu_between = _cpu_seconds(child)
                decode_started = time.monotonic()
            elif isinstance(event, GeneratedToken):
                tokens += 1
    decode_seconds = time.monotonic() - decode_started
    decode_cpu = _cpu_seconds(child) - cpu_between
    if not beside:
        return
    prefill = decode = 0.0
    if evaluated is not None:
        read = evaluated.prompt_tokens - evaluated.reused_tokens
        prefill = read / evaluated.prefill_seconds
        way.prefill_cpu.setdefault(beside, []).append((cpu_between - cpu_started) / read)
    if tokens > 1:
        decode = (tokens - 1) / decode_seconds  # the first token comes from the prefill
        way.decode_cpu.setdefault(beside, []).append(decode_cpu / (tokens - 1))
    way.prefill.setdefault(beside, []).append(prefill)
    way.decode.setdefault(beside, []).append(decode)


def _prompt(number: int) -> str:
    """Return a piece of code, another for each number: nothing of it is in the KV cache."""
    source = Path(client.__file__).read_text(encoding="utf-8")
    start = number * _STEP_CHARACTERS
    return source[start : start + PROMPT_CHARACTERS]


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _row(way: Way, beside: str) -> dict[str, Any]:
    return {
        "beside": beside,
        "way": way.title,
        "waiting": way.waiting,
        "decode_threads": way.decode_threads,
        "prefill": _median(way.prefill.get(beside, ()), 1),
        "prefill_cpu_ms": _median(way.prefill_cpu.get(beside, ()), 1000),
        "decode": _median(way.decode.get(beside, ()), 1),
        "decode_cpu_ms": _median(way.decode_cpu.get(beside, ()), 1000),
    }


def _median(values: Sequence[float], factor: float) -> float:
    return round(median(values) * factor, 2)


_FIGURES = ("prefill", "prefill_cpu_ms", "decode", "decode_cpu_ms")


def print_report(report: dict[str, Any]) -> None:
    """Print the table."""
    console = Console(width=min(WIDTH, Console().width))
    table = Table(title=f"{report['model']}, medians of {report['rounds']}")
    for name in ("", "threads wait, decode with", "prefill", "CPU ms", "decode", "CPU ms"):
        table.add_column(name, justify="right" if len(table.columns) > 1 else "left")
    previous = ""
    for row in report["rows"]:
        if row["beside"] != previous:
            table.add_section()
        table.add_row(
            row["beside"] if row["beside"] != previous else "",
            row["way"],
            *(f"{row[name]:.1f}" if row[name] else "-" for name in _FIGURES),
        )
        previous = row["beside"]
    console.print(table)
    console.print("Speeds in tokens/s; CPU in milliseconds per token, all threads together.")
    console.print(f"-: most answers were cut off after {TIME_LIMIT_SECONDS:.0f} s.")
    console.print(f"Busy: beside two processes that never pause. Took {report['seconds']:.0f} s.")


if __name__ == "__main__":
    main()
