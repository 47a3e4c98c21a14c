"""`tabwright models recommend`: which model is used for which language here, and why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click
import psutil

from tabwright.commands.building import build_languages
from tabwright.commands.tables import console, new_table
from tabwright.errors import ModelError
from tabwright.model.catalogue import Catalogue, catalogue_folders, read_catalogue
from tabwright.model.client import ModelProcess
from tabwright.model.expected_speed import expected_speed
from tabwright.model.manifest import LocalSource, Manifest
from tabwright.model.measurements import Measurement, remembered
from tabwright.model.routing import Judged, Machine, Route, Routed, fits, is_too_slow, route
from tabwright.model.weights import installed_weights, problem_with
from tabwright.session.loading import cores, measured_as, unsized_request
from tabwright.settings import Settings


@dataclass(frozen=True)
class Recommendation:
    """What holds for one language."""

    language: str
    now: Routed
    better: Judged | None
    """A model of the catalogue that would be used if it were fetched; None if there is none."""
    others: tuple[Judged, ...]
    """Every other model for the language, and why it is not the one; of those that are not here,
    why they would not be either."""


@click.command("recommend")
@click.argument("languages", metavar="[LANGUAGE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def recommend(languages: tuple[str, ...], as_json: bool) -> None:
    """Show which model answers for which language, why, and which would be better here.

    LANGUAGE is an editor's language id; for named languages every other model is listed with the
    reason why it is not the one. Nothing is fetched. Use cases, workspaces and your settings may
    choose otherwise at a place.
    """
    catalogue = read_catalogue(catalogue_folders())
    machine = machine_here(catalogue, _gpu_memory_mb())
    wanted = languages or tuple(each.editor_ids[0] for each in build_languages().all())
    found = recommendations(catalogue, machine, wanted)
    if as_json:
        click.echo(json.dumps(_as_json(found, machine, catalogue), indent=2))
        return
    _print_used(found)
    better = {each.better.manifest.id: each.better for each in found if each.better}
    if better:
        _print_better(list(better.values()), machine, catalogue)
    if languages:
        for each in found:
            _print_others(each)
    unmeasured = [each.id for each in catalogue.manifests if _is_unmeasured(each, machine)]
    if unmeasured:
        click.echo(
            f"\nNot measured yet: {', '.join(unmeasured)}. `tabwright models bench` does it, and"
            " makes what is expected of other models surer."
        )


def recommendations(
    catalogue: Catalogue, machine: Machine, languages: Sequence[str]
) -> list[Recommendation]:
    """Return what is used for each language, and what would be used if all could be fetched."""
    expected = replace(
        machine,
        speeds={each.id: _expected(each, machine, catalogue) for each in catalogue.manifests},
    )
    found = []
    for language in languages:
        where = Route(language)
        now = route(catalogue.manifests, where, machine, problem_with)
        after = route(catalogue.manifests, where, expected, _problem_after_fetching)
        best = after.chosen
        used = now.chosen.manifest.id if now.chosen is not None else ""
        is_better = (
            best is not None
            and best.manifest.id != used
            and installed_weights(best.manifest) is None
            and fits(best.manifest, machine)
            and not is_too_slow(expected.speeds[best.manifest.id])
        )
        better = best if is_better else None
        found.append(Recommendation(language, now, better, tuple(_others(now, after))))
    return found


def _others(now: Routed, after: Routed) -> Iterator[Judged]:
    would_be = {each.manifest.id: each.reason for each in after.others}
    for each in now.others:
        if installed_weights(each.manifest) is not None or _problem_after_fetching(each.manifest):
            yield each
        else:
            reason = would_be.get(each.manifest.id, "would be the one")
            yield Judged(each.manifest, f"not fetched; {reason}")


def _problem_after_fetching(manifest: Manifest) -> str:
    problem = problem_with(manifest)
    is_fetched = isinstance(manifest.weights.source, LocalSource)
    return problem if is_fetched or installed_weights(manifest) is not None else ""


def _expected(manifest: Manifest, machine: Machine, catalogue: Catalogue) -> Measurement:
    return expected_speed(
        manifest,
        catalogue.manifests,
        machine.speeds,
        cores=cores(),
        has_gpu=manifest.memory_mb <= machine.gpu_memory_mb,
    )


def machine_here(catalogue: Catalogue, gpu_memory_mb: int = 0) -> Machine:
    """Return what models may take on this machine, with what was measured."""
    speeds: dict[str, Measurement] = {}
    for manifest in catalogue.manifests:
        request = unsized_request(manifest, Settings())
        measured = remembered(measured_as(request)) if request is not None else None
        if measured is not None:
            speeds[manifest.id] = measured
    total = psutil.virtual_memory().total // 1_000_000
    return Machine(memory_mb=total, gpu_memory_mb=gpu_memory_mb, speeds=speeds)


def _gpu_memory_mb() -> int:
    """Ask the model process for the largest GPU; 0 where there is none or it cannot be asked."""

    async def ask() -> int:
        process = ModelProcess()
        try:
            return max((await process.describe()).gpu_memory_mb, default=0)
        finally:
            await process.stop()

    try:
        return asyncio.run(ask())
    except ModelError:
        return 0  # `tabwright doctor` says what is wrong with it


def _is_unmeasured(manifest: Manifest, machine: Machine) -> bool:
    return manifest.id not in machine.speeds and not problem_with(manifest)


# ---- what is printed ----


def _print_used(found: Sequence[Recommendation]) -> None:
    table = new_table()
    table.add_column("languages", overflow="fold", ratio=3)
    table.add_column("model used now", overflow="fold", ratio=3)
    table.add_column("why", overflow="fold", ratio=5)
    table.add_column("better here", overflow="fold", ratio=3)
    for (model, reason, better), languages in _grouped(found):
        table.add_row(", ".join(languages), model, reason, better)
    console().print(table)


def _grouped(
    found: Sequence[Recommendation],
) -> Iterator[tuple[tuple[str, str, str], list[str]]]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for each in found:
        chosen = each.now.chosen
        model = chosen.manifest.display_name if chosen is not None else "none"
        reason = chosen.reason if chosen is not None else "no model for it is installed"
        better = each.better.manifest.id if each.better is not None else ""
        groups.setdefault((model, reason, better), []).append(each.language)
    yield from groups.items()


def _print_better(better: Sequence[Judged], machine: Machine, catalogue: Catalogue) -> None:
    table = new_table()
    table.add_column("better, to be fetched", overflow="fold")
    for heading in ("download MB", "memory MB", "write tok/s"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("licence", overflow="fold")
    for each in better:
        manifest = each.manifest
        use = manifest.licence.commercial_use
        table.add_row(
            manifest.id,
            f"{manifest.weights.size_mb:,}",
            f"{manifest.memory_mb:,}",
            f"about {_expected(manifest, machine, catalogue).write:,.0f}",
            manifest.licence.name + ("" if use == "allowed" else f" (commercial use {use})"),
        )
    click.echo()
    console().print(table)
    memory = f"{machine.memory_mb:,} MB of memory"
    gpu = f", a GPU with {machine.gpu_memory_mb:,} MB" if machine.gpu_memory_mb else ""
    click.echo(
        f"\nFor {memory}, {cores()} computing cores{gpu}. `tabwright models pull ID` fetches one."
    )


def _print_others(found: Recommendation) -> None:
    table = new_table()
    table.add_column(f"not used for {found.language}", overflow="fold", ratio=2)
    table.add_column("because", overflow="fold", ratio=5)
    for each in found.others:
        table.add_row(each.manifest.id, each.reason)
    click.echo()
    console().print(table)


def _as_json(
    found: Sequence[Recommendation], machine: Machine, catalogue: Catalogue
) -> dict[str, Any]:
    return {
        "memory_mb": machine.memory_mb,
        "gpu_memory_mb": machine.gpu_memory_mb,
        "cores": cores(),
        "languages": [
            {
                "language": each.language,
                "model": each.now.chosen.manifest.id if each.now.chosen else None,
                "name": each.now.chosen.manifest.display_name if each.now.chosen else None,
                "reason": each.now.chosen.reason if each.now.chosen else "",
                "better": _described(each.better, machine, catalogue) if each.better else None,
                "others": {one.manifest.id: one.reason for one in each.others},
            }
            for each in found
        ],
    }


def _described(better: Judged, machine: Machine, catalogue: Catalogue) -> dict[str, Any]:
    manifest = better.manifest
    expected = _expected(manifest, machine, catalogue)
    return {
        "id": manifest.id,
        "reason": better.reason,
        "size_mb": manifest.weights.size_mb,
        "memory_mb": manifest.memory_mb,
        "licence": manifest.licence.name,
        "commercial_use": manifest.licence.commercial_use,
        "expected_write_tokens_per_second": round(expected.write, 1),
        "expected_read_tokens_per_second": round(expected.read, 1),
    }
