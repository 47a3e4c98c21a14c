"""`tabwright models bench`: how fast each installed model is on this machine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click

from tabwright.commands.tables import console, new_table
from tabwright.errors import CommandError, ModelError, WeightsError
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.manifest import Manifest
from tabwright.model.routing import is_too_slow
from tabwright.model.weights import installed_weights, problem_with
from tabwright.session.benchmarking import Benchmarked, benchmark
from tabwright.settings import Settings


@click.command("bench")
@click.argument("model_ids", metavar="[ID]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list instead of a table.")
def bench(model_ids: tuple[str, ...], as_json: bool) -> None:
    """Time the installed models on this machine: loading, reading, writing, memory.

    Takes a few seconds for each. What is measured is remembered: how much a model reads and writes
    for a suggestion follows from it, and so does which model is used (`tabwright models
    recommend`). A model that was never measured is measured when it is first loaded.
    """
    catalogue = read_catalogue(catalogue_folders())
    if model_ids:
        wanted = [catalogue.get(model_id) for model_id in model_ids]
    else:
        wanted = [each for each in catalogue.manifests if installed_weights(each) is not None]
    if not wanted:
        raise CommandError("No model is installed; `tabwright models pull` fetches the default.")
    found: list[Benchmarked] = []
    problems: list[str] = []
    for manifest in wanted:
        result = _benchmarked(manifest)
        if isinstance(result, str):
            problems.append(result)
        else:
            found.append(result)
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in found], indent=2))
    elif found:
        _print(found)
    for problem in problems:
        click.echo(problem, err=True)
    if problems and not found:
        raise CommandError("No model could be measured.")


def _benchmarked(manifest: Manifest) -> Benchmarked | str:
    """Return what was measured, or why nothing was."""
    problem = problem_with(manifest)
    if problem:
        return problem

    def show(step: str) -> None:
        click.echo(f"{manifest.id}: {step}", err=True)

    try:
        return asyncio.run(benchmark(manifest, Settings(), show))
    except (ModelError, WeightsError) as error:
        return f"{manifest.id} cannot be measured: {error}"


def _print(found: list[Benchmarked]) -> None:
    table = new_table()
    table.add_column("model", overflow="fold")
    for heading in ("read tok/s", "write tok/s", "load s", "memory MB", "context"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found:
        measured = each.measured
        table.add_row(
            each.manifest.display_name,
            f"{measured.read:,.0f}",
            f"{measured.write:,.0f}",
            f"{measured.load_seconds:.1f}",
            f"{measured.memory_mb:,.0f}",
            f"{each.context_tokens:,}",
        )
    console().print(table)
    slow = [each.manifest.id for each in found if is_too_slow(each.measured)]
    if slow:
        click.echo(f"\nToo slow here to suggest while typing: {', '.join(slow)}.")
    gpus = found[0].description.gpu_memory_mb
    where = f"a GPU with {max(gpus):,} MB" if gpus else "the processor"
    click.echo(f"\nMeasured on {where}. Models with the same weights share them in memory.")


def _as_json(each: Benchmarked) -> dict[str, Any]:
    measured = each.measured
    return {
        "id": each.manifest.id,
        "name": each.manifest.display_name,
        "adapter": each.manifest.adapter,
        "read_tokens_per_second": round(measured.read, 1),
        "write_tokens_per_second": round(measured.write, 1),
        "load_seconds": round(measured.load_seconds, 2),
        "memory_mb": round(measured.memory_mb),
        "context_tokens": each.context_tokens,
        "too_slow": is_too_slow(measured),
        "gpu_memory_mb": list(each.description.gpu_memory_mb),
    }
