"""`tabwright complete FILE:LINE:COLUMN`: one suggestion, as an editor would show it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from tabwright.commands.asking import Asked, ask_once
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason, Suggestion
from tabwright.document import line_end, line_start
from tabwright.errors import CommandError
from tabwright.session.documents import LARGEST_DOCUMENT

_LINES_SHOWN_BEFORE = 4
_LINES_SHOWN_AFTER = 2
_MARKS = ("⟦", "⟧")
_NOBODY_ASKED = frozenset(
    {
        Reason.MODEL_MISSING,
        Reason.MODEL_FAILED,
        Reason.MODEL_RESTARTING,
        Reason.MODEL_GAVE_UP,
        Reason.TIME_LIMIT,
        Reason.INTERNAL_ERROR,
    }
)


@dataclass(frozen=True)
class Place:
    """A place in a file on disk."""

    path: Path
    text: str
    offset: int
    line: int
    column: int


@click.command()
@click.argument("place", metavar="FILE:LINE[:COLUMN]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--automatic",
    is_flag=True,
    help="Ask as typing does, with its restrictions, instead of as by hand.",
)
@click.option(
    "--workspace",
    is_flag=True,
    help="Read the current folder first, as an editor's workspace; else only the file is known.",
)
@click.option("--model", default="auto", show_default=True, help="The id of the model to ask.")
@click.option(
    "--lines",
    type=click.Choice(["auto", "single", "multi"]),
    default="auto",
    show_default=True,
    help="Suggest the rest of the line, a block, or what fits the place.",
)
@click.option(
    "--language", default="", help="The editor's language id; found by file name if unset."
)
@click.option(
    "--record",
    "record_file",
    metavar="RECORD",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write all it takes to do this again with `tabwright replay RECORD`. It HOLDS THE"
    " TEXT of the file, so only you can read it (mode 0600). No time limit holds then.",
)
def complete(
    place: str,
    as_json: bool,
    automatic: bool,
    workspace: bool,
    model: str,
    lines: str,
    language: str,
    record_file: Path | None,
) -> None:
    """Print the suggestion at a place in a file.

    LINE and COLUMN count from 1, as editors show them; column 1 is before the first character.
    Without COLUMN the end of the line is meant.

    The exit status is 1 when no model could be asked, 0 when one was, with a suggestion or not.
    """
    where = read_place(place)
    settings: dict[str, Any] = {"model": model, "lines": lines, "inIgnoredFiles": True}
    if record_file is not None:
        settings["timeLimitSeconds"] = 0  # what a limit cuts off, another run cuts off elsewhere
    asked = replace(
        asked_at(where, settings, language, is_automatic=automatic), knows_folder=workspace
    )
    answered = ask_once(asked)
    print_outcome(where, answered.outcome, as_json=as_json)
    if record_file is not None:
        from tabwright.commands.record import record_of, write_record  # noqa: PLC0415 - hashing

        write_record(record_of(asked, answered), record_file)
    if isinstance(answered.outcome, NoSuggestion) and answered.outcome.reason in _NOBODY_ASKED:
        sys.exit(1)


def complete_place(where: Place, settings: dict[str, Any]) -> Outcome:
    """Run one completion, as if asked by hand, in a session of its own."""
    return ask_once(asked_at(where, settings)).outcome


def asked_at(
    where: Place, settings: dict[str, Any], language: str = "", *, is_automatic: bool = False
) -> Asked:
    """Return the question at a place; the current folder is the workspace."""
    return Asked(
        text=where.text,
        offset=where.offset,
        path=where.path,
        folder=Path.cwd(),
        language=language,
        is_automatic=is_automatic,
        settings=settings,
    )


def read_place(text: str) -> Place:
    """Read FILE:LINE[:COLUMN] and the file.

    Raises:
        CommandError: the form is wrong, or the file cannot be read, is too large, is not UTF-8
            text, or has no such line or column.
    """
    name, line, column = _parts(text)
    path = Path(name).absolute()
    content = _read(path)
    lines = content.split("\n")
    if not 1 <= line <= len(lines):
        raise CommandError(f"{name} has {len(lines)} lines; there is no line {line}.")
    start = sum(len(each) + 1 for each in lines[: line - 1])
    length = len(lines[line - 1].rstrip("\r"))
    column = length + 1 if column is None else column
    if not 1 <= column <= length + 1:
        raise CommandError(f"Line {line} of {name} has columns 1 to {length + 1}, not {column}.")
    return Place(path, content, start + column - 1, line, column)


def _parts(text: str) -> tuple[str, int, int | None]:
    name, *numbers = text.rsplit(":", 2)
    if len(numbers) == 2 and not numbers[0].isdigit():
        name, numbers = f"{name}:{numbers[0]}", numbers[1:]
    if not name or not numbers or not all(each.isdigit() for each in numbers):
        raise CommandError(f"{text!r} is no FILE:LINE:COLUMN; an example is src/main.py:10:5.")
    return name, int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else None


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_DOCUMENT * 4:
            raise CommandError(f"{path} is too large to suggest anything in it.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise CommandError(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise CommandError(f"{path} is a folder, not a file.") from None
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror}.") from None
    if b"\0" in data:
        raise CommandError(f"{path} is a binary file.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text (byte {error.start}).") from None


def print_outcome(where: Place, outcome: Outcome, *, as_json: bool) -> None:
    """Print a suggestion in its place, or the reason why there is none."""
    if as_json:
        click.echo(json.dumps(_as_json(where, outcome), ensure_ascii=False))
        return
    if isinstance(outcome, NoSuggestion):
        click.echo(f"No suggestion ({outcome.reason.value}): {outcome.sentence}")
    else:
        _print_in_place(where, outcome.text)
    if outcome.model:
        took = f" · {_timings(outcome)}" if outcome.timings.total_seconds else ""
        click.echo(f"\n{outcome.model}{took}")


def _print_in_place(where: Place, suggestion: str) -> None:
    before, after = where.text[: where.offset], where.text[where.offset :]
    start = line_start(before, len(before))
    for _ in range(_LINES_SHOWN_BEFORE):
        start = line_start(before, start - 1) if start > 0 else 0
    end = line_end(after, 0)
    for _ in range(_LINES_SHOWN_AFTER):
        end = line_end(after, min(end + 1, len(after)))
    is_terminal = sys.stdout.isatty()
    ghost = click.style(suggestion, dim=True, italic=True) if is_terminal else suggestion
    left, right = ("", "") if is_terminal else _MARKS
    click.echo(f"{before[start:]}{left}{ghost}{right}{after[:end]}".replace("\r\n", "\n"))


def _timings(outcome: Outcome) -> str:
    times = outcome.timings
    return (
        f"{times.total_seconds * 1000:.0f} ms: {times.prompt_tokens} prompt tokens"
        f" ({times.reused_tokens} reused) in {times.prefill_seconds * 1000:.0f} ms,"
        f" {times.generated_tokens} written in {times.decode_seconds * 1000:.0f} ms"
    )


def _as_json(where: Place, outcome: Outcome) -> dict[str, Any]:
    return {
        "file": str(where.path),
        "line": where.line,
        "column": where.column,
        "suggestion": outcome.text if isinstance(outcome, Suggestion) else "",
        "reason": "" if isinstance(outcome, Suggestion) else outcome.reason.value,
        "message": "" if isinstance(outcome, Suggestion) else outcome.sentence,
        "model": outcome.model,
        "timings": asdict(outcome.timings),
    }
