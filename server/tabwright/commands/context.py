"""`tabwright context FILE:LINE:COLUMN`: what of the workspace a suggestion there would see."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tabwright.commands.complete import Place, read_place
from tabwright.completion.budget import CONTEXT_STEPS, UNMEASURED, budget_for
from tabwright.completion.excerpt_key import ExcerptKey, excerpt_key
from tabwright.completion.excerpt_layout import Part
from tabwright.completion.excerpt_sources import SOURCE_WEIGHTS
from tabwright.completion.excerpts import Choice, choose_excerpts
from tabwright.completion.prompt import room_for
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.errors import CommandError
from tabwright.model.catalogue import Catalogue
from tabwright.settings import CompletionSettings
from tabwright.syntax.languages import Language

# The index (SQLite, worker processes) and what draws (rich) are imported where they are used.

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tabwright.workspace_index.view import WorkspaceView

_LEFT_OUT_SHOWN = 15
_NAMES_SHOWN = 12


@dataclass(frozen=True)
class Asked:
    """One question about a place."""

    where: Place
    folder: Path
    language: Language
    model: str
    context_tokens: int
    key: ExcerptKey
    choice: Choice
    view: WorkspaceView
    is_known: bool
    """Whether the index knows the file: it does not know ignored, secret or very long ones."""


@click.command()
@click.argument("place", metavar="FILE:LINE[:COLUMN]")
@click.option(
    "--workspace",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The workspace folder; by default the repository around the file, else its folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--text", "with_text", is_flag=True, help="Also print the excerpts themselves.")
@click.option("--all", "with_all", is_flag=True, help="List all that was left out.")
@click.option(
    "--only",
    "sources",
    metavar="SOURCE",
    multiple=True,
    type=click.Choice(list(SOURCE_WEIGHTS)),
    help=f"Ask this source only; may be given several times. One of {', '.join(SOURCE_WEIGHTS)}.",
)
@click.option("--model", default="", help="The id of the model whose prompt it is for.")
@click.option(
    "--tokens",
    type=click.IntRange(CONTEXT_STEPS[0], CONTEXT_STEPS[-1]),
    metavar="NUMBER",
    help="The length of that prompt; by default what a laptop reads in time.",
)
def context(
    place: str,
    folder: Path | None,
    as_json: bool,
    with_text: bool,
    with_all: bool,
    sources: tuple[str, ...],
    model: str,
    tokens: int | None,
) -> None:
    """Print which lines of the workspace a suggestion at a place would see, and why.

    LINE and COLUMN count from 1. The index of the workspace is built when there is none, and
    brought up to date. No model is loaded.
    """
    from tabwright.commands.building import build_catalogue, build_languages  # noqa: PLC0415
    from tabwright.commands.opening_index import up_to_date_index  # noqa: PLC0415

    where = read_place(place)
    workspace = workspace_of(where.path, folder)
    languages = build_languages()
    language = languages.for_path(where.path.name)
    if language is None:
        raise CommandError(f"Tabwright knows no language for {where.path.name}.")
    budget = (
        tokens or budget_for(CompletionSettings(), UNMEASURED, is_automatic=True).context_tokens
    )
    with up_to_date_index(workspace, languages) as view:
        asked = ask(where, workspace, language, view, build_catalogue(), model, budget, sources)
        if as_json:
            click.echo(json.dumps(_as_json(asked), ensure_ascii=False))
        else:
            _print(asked, with_text=with_text, with_all=with_all)


def workspace_of(file: Path, given: Path | None) -> Path:
    """Return the workspace folder of a file: as given, else its repository, else its folder.

    Raises:
        CommandError: there is no such folder, or the file is not in it.
    """
    if given is None:
        around = (each for each in file.parents if (each / ".git").exists())
        return next(around, file.parent)
    folder = given.absolute()
    if not folder.is_dir():
        raise CommandError(f"There is no folder {given}.")
    if not file.is_relative_to(folder):
        raise CommandError(f"{file} is not in the workspace folder {given}.")
    return folder


def ask(
    where: Place,
    folder: Path,
    language: Language,
    view: WorkspaceView,
    catalogue: Catalogue,
    model: str,
    context_tokens: int,
    sources: Iterable[str] = (),
) -> Asked:
    """Choose the excerpts for a place.

    Raises:
        ManifestError: there is no such model.
    """
    manifest = catalogue.get(model) if model else catalogue.default
    path = where.path.relative_to(folder).as_posix()
    snapshot = DocumentSnapshot(where.path.as_uri(), language.editor_ids[0], 1, where.text, path)
    room = room_for(
        snapshot,
        language,
        manifest,
        context_tokens=context_tokens,
        can_fill_in_the_middle=manifest.fill_in_the_middle is not None,
    )
    key = excerpt_key(snapshot, Cursor(where.offset), language, view, room)
    chosen = frozenset(sources) or frozenset(SOURCE_WEIGHTS)
    choice = choose_excerpts(key, language, view, sources=chosen, explains=True)
    is_known = view.facts_of(path) is not None
    return Asked(where, folder, language, manifest.id, context_tokens, key, choice, view, is_known)


def _as_json(asked: Asked) -> dict[str, Any]:
    choice = asked.choice
    reason = choice.reason_against
    return {
        "file": str(asked.where.path),
        "line": asked.where.line,
        "column": asked.where.column,
        "workspace": str(asked.folder),
        "model": asked.model,
        "context_tokens": asked.context_tokens,
        "excerpt_tokens": choice.tokens,
        "most_excerpt_tokens": choice.room_tokens,
        "is_indexed": asked.is_known,
        "nothing_because": reason.value if reason is not None else "",
        "around": list(asked.key.headers),
        "names": [*asked.key.header_names, *asked.key.names],
        "excerpts": [
            {
                "path": each.path,
                "text": each.text,
                "parts": [_part_as_json(asked, part) for part in each.parts],
            }
            for each in choice.excerpts
        ],
        "left_out": [
            {**_part_as_json(asked, each.part), "reason": each.reason.value}
            for each in choice.left_out
        ],
    }


def _part_as_json(asked: Asked, part: Part) -> dict[str, Any]:
    return {
        "path": part.path,
        "line": _line_of(asked, part),
        "source": part.source,
        "because_of": part.because_of,
        "what": part.title,
        "score": part.score,
        "tokens": part.tokens,
    }


def _print(asked: Asked, *, with_text: bool, with_all: bool) -> None:
    from rich.markup import escape  # noqa: PLC0415

    console, choice = _console(), asked.choice
    path = asked.where.path.relative_to(asked.folder).as_posix()
    place = f"{path}:{asked.where.line}:{asked.where.column}"
    console.print(f"[bold]{escape(place)}[/bold], {asked.language.name}, for {asked.model}")
    if not asked.is_known:
        console.print("The index does not know this file; its own imports are not looked at.")
    around = [" ".join(each.split()) for each in asked.key.headers]
    names = [*asked.key.header_names, *asked.key.names]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    console.print(f"Around the cursor: {escape(' < '.join(around)) or 'nothing'}")
    console.print(f"Names asked for: {escape(', '.join(names[:_NAMES_SHOWN])) or 'none'}{more}")
    if choice.reason_against is not None:
        console.print(f"\nNothing was looked for: {choice.reason_against.value}.")
        return
    parts = [part for each in choice.excerpts for part in each.parts]
    console.print(
        f"\n[bold]Shown[/bold]: {len(parts)} in {len(choice.excerpts)} files,"
        f" {choice.tokens} of {choice.room_tokens} tokens"
        f" (of a prompt of {asked.context_tokens})"
    )
    if parts:
        console.print(_table(asked, ((part, "") for part in parts)))
    if choice.left_out:
        shown = choice.left_out if with_all else choice.left_out[:_LEFT_OUT_SHOWN]
        count = len(choice.left_out)
        hint = "" if len(shown) == count else f", the best {len(shown)} (--all lists them)"
        console.print(f"\n[bold]Left out[/bold]: {count}{hint}")
        console.print(_table(asked, ((each.part, each.reason.value) for each in shown)))
    if with_text:
        console.print("\n[bold]The excerpts[/bold]\n")
        for excerpt in choice.excerpts:
            click.echo(f"{asked.language.line_comment} {excerpt.path}\n{excerpt.text}")


def _table(asked: Asked, rows: Iterable[tuple[Part, str]]) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    listed = list(rows)
    has_reasons = any(reason for _, reason in listed)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what, where", overflow="fold", ratio=5)
    table.add_column("source, name", overflow="fold", ratio=3)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("tokens", justify="right", no_wrap=True)
    if has_reasons:
        table.add_column("why not", overflow="fold", ratio=2)
    for part, reason in listed:
        where = f"{part.path}:{_line_of(asked, part)}"
        cells = [
            Text(part.title).append(f"\n  {where}", style="dim"),
            Text(part.source).append(f"\n  {part.because_of}", style="dim"),
            Text(f"{part.score:.2f}"),
            Text(f"{part.tokens:,}"),
        ]
        table.add_row(*cells, *([Text(reason)] if has_reasons else []))
    return table


def _line_of(asked: Asked, part: Part) -> int:
    """Return the line at which a part starts, from 1; 0 where its file is gone since."""
    place, text = part.place, asked.view.text_of(part.path)
    if part.path == asked.key.path:
        facts = asked.view.facts_of(part.path)
        definitions = facts.definitions if facts is not None else ()
        place = definitions[place].start if place < len(definitions) else 0
        text = asked.where.text
    return text.count("\n", 0, place) + 1 if text is not None else 0


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    # In a pipe there is no width to ask for; 80 columns are read everywhere.
    width = None if sys.stdout.isatty() else 80
    return Console(file=sys.stdout, width=width, highlight=False)
