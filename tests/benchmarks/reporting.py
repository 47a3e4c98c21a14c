"""What every benchmark here says and writes in the same way."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import psutil

from tabwright.errors import TabwrightError
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.manifest import Manifest
from tabwright.model.weights import require_weights

WIDTH = 80
_QUIET_LOAD_PER_CORE = 0.25

# What benchmarks let a server know about workspaces is not kept among the user's own; whoever
# wants to look at it can name a folder.
_INDEXES = tempfile.TemporaryDirectory(prefix="tabwright-indexes-")
os.environ.setdefault("TABWRIGHT_INDEX_DIR", _INDEXES.name)


def results_file(script: str) -> Path:
    """Return the file that a benchmark writes when it is told no other; git ignores it."""
    return Path(__file__).parent / "results" / f"{Path(script).stem}.json"


def installed_model(model: str) -> tuple[Manifest, Path]:
    """Return a model, the default one for an empty id, and its weights on this machine.

    Raises:
        click.ClickException: there is no such model, or its weights are not here.
    """
    try:
        catalogue = read_catalogue(catalogue_folders())
        manifest = catalogue.get(model) if model else catalogue.default
        return manifest, require_weights(manifest)
    except TabwrightError as error:
        raise click.ClickException(str(error)) from error


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the program."""
    return {
        "processor": processor(),
        "cores": psutil.cpu_count(logical=False),
        "threads": psutil.cpu_count(),
        "memory_mb": psutil.virtual_memory().total // 1_000_000,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def processor() -> str:
    """Return what the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def warning_of_other_work(machine_then: Mapping[str, Any]) -> str:
    """Return a sentence if the machine was not quiet when `machine` looked, else nothing."""
    load = machine_then["load_average_before"]
    if load <= _QUIET_LOAD_PER_CORE * (machine_then["cores"] or 1):
        return ""
    return f"NOT A QUIET MACHINE: its load was {load} before; compare only within this table."


def write_results(report: dict[str, Any], path: Path) -> None:
    """Write a report as JSON and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"written to {path}")


def say(text: str) -> None:
    """Show progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def median(values: Sequence[float]) -> float:
    """Return the median, 0 of nothing."""
    return statistics.median(values) if values else 0.0


def spread_in_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return count, median, 95th percentile and greatest of some times, in milliseconds."""
    values = [each * 1000 for each in seconds]
    return {
        "n": len(values),
        "p50": round(median(values), 1),
        "p95": round(percentile(values, 0.95), 1) if values else 0.0,
        "most": round(max(values, default=0.0), 1),
    }
