"""`tabwright index ...`: see, make and remove what is known about workspaces."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tabwright.errors import CommandError
from tabwright.user_directories import index_directory

# What draws (rich) and what reads (tree-sitter, numpy) is imported where it is used: `tabwright
# serve` shares this command line and must start fast.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from rich.console import Console

    from tabwright.workspace_index.index import IndexState, WorkspaceIndex


_FOLDER = click.argument(
    "folder", required=False, type=click.Path(file_okay=False, path_type=Path), metavar="[FOLDER]"
)


@click.group("index")
def index_group() -> None:
    """See, make and remove what is known about workspaces.

    The index of a workspace holds what its files define, import and mention, and is made by the
    server when an editor opens the workspace. Files that git ignores, secrets, and what others
    have written or tools have made are left out. It stays on this machine.
    """


@index_group.command()
@_FOLDER
def status(folder: Path | None) -> None:
    """Show the index of a workspace folder, or all that are kept."""
    from tabwright.workspace_index.database import database_file, workspace_of

    if folder is None:
        _list_all()
        return
    chosen = _existing(folder)
    file = database_file(chosen, index_directory())
    if workspace_of(file) is None:
        click.echo(f"{chosen} is not indexed: run `tabwright index rebuild {folder}`.")
        return
    index = _open(chosen, ())
    try:
        _print_state(chosen, index.state())
    finally:
        index.close()


@index_group.command()
@_FOLDER
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what fits, as in .gitignore; as the setting `exclude`. May be repeated.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    show_default="cores - 1, at most 4",
    help="How many processes read files.",
)
def rebuild(folder: Path | None, exclude: tuple[str, ...], workers: int) -> None:
    """Forget the index of a workspace folder, or of the current one, and make it again."""
    chosen = _existing(folder or Path.cwd())
    index = _open(chosen, exclude, workers)
    try:
        if not index.state().is_leading:
            raise CommandError(
                f"An editor uses the index of {chosen}: close the workspace there first."
            )
        started = time.monotonic()
        with _progress(chosen) as on_progress:
            index.rebuild(on_progress)
        _print_state(chosen, index.state(), time.monotonic() - started)
    finally:
        index.close()


@index_group.command()
@_FOLDER
@click.option("--all", "all_folders", is_flag=True, help="Forget every workspace.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(folder: Path | None, all_folders: bool, yes: bool) -> None:
    """Delete the index of a workspace folder, which need not be there any more, or all."""
    from tabwright.workspace_index.database import database_file, delete_unused

    if all_folders == (folder is not None):
        raise CommandError("Give either a FOLDER or --all.")
    directory = index_directory()
    if folder is not None:
        files = [database_file(folder.absolute(), directory)]
        files = [file for file in files if file.exists()]
    else:
        files = sorted(directory.glob("*.sqlite3"))
    if not files:
        click.echo("Nothing is kept." if all_folders else f"{folder} is not indexed.")
        return
    if not yes:
        what = f"{len(files)} indexes" if all_folders else f"the index of {folder}"
        click.confirm(f"Delete {what}?", abort=True)
    for file in files:
        freed = delete_unused(file)
        if freed is None:
            raise CommandError(f"An editor uses {file.name}: close the workspace there first.")
        click.echo(f"{file.name} is deleted; {freed / 1e6:,.1f} MB are free again.")


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise CommandError(f"{folder} is no folder.")
    return folder.absolute()


def _open(folder: Path, exclude: tuple[str, ...], workers: int = 0) -> WorkspaceIndex:
    from tabwright.commands.building import build_languages
    from tabwright.workspace_index.index import WorkspaceIndex

    return WorkspaceIndex.open(
        folder, build_languages(), exclude=exclude, workers=workers, full_text=False
    )


def _list_all() -> None:
    from rich.table import Table
    from rich.text import Text

    from tabwright.workspace_index.database import workspace_of

    files = sorted(index_directory().glob("*.sqlite3"))
    if not files:
        click.echo("No workspace is indexed.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("workspace", overflow="fold")
    for file in files:
        size = f"{file.stat().st_size / 1e6:,.1f}"
        workspace = workspace_of(file) or f"{file.name} cannot be read"
        is_gone = "" if Path(workspace).is_dir() else " (not there any more)"
        table.add_row(size, Text(workspace + is_gone))
    _console(to_stderr=False).print(table)


def _print_state(folder: Path, state: IndexState, seconds: float | None = None) -> None:
    took = f" in {seconds:,.1f} s" if seconds is not None else ""
    click.echo(
        f"{folder}: {state.files:,} files indexed{took}, {state.left_out:,} looked into and left"
        f" out ({state.source_bytes / 1e6:,.1f} MB of source, {state.database_bytes / 1e6:,.1f} MB"
        " of index)."
    )
    if not state.has_full_text:
        click.echo(
            "Not made for full-text search yet; that is added when a model that sees excerpts,\n"
            "or `tabwright context`, first needs it."
        )
    if not state.is_leading:
        click.echo("An editor keeps it up to date.")
    for problem in state.problems:
        click.echo(problem, err=True)


@contextmanager
def _progress(folder: Path) -> Iterator[Callable[[int, int], None]]:
    """Show progress on stderr: a bar in a terminal, one plain line elsewhere."""
    console = _console(to_stderr=True)
    if not console.is_terminal:
        click.echo(f"Reading {folder}", err=True)
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("Reading files"), BarColumn(bar_width=None), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _console(*, to_stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    # In a pipe rich would fold the table at 80 columns or at COLUMNS; a reader wants whole lines.
    return Console(file=stream, width=None if stream.isatty() else 200, highlight=False)
