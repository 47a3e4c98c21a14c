"""The options that many benchmarks have: called and explained alike, each with its own default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click
from packages import default_folder
from reporting import results_file

DATA = Path(__file__).parents[3] / "shared" / "eval"
"""Sets of tasks to judge models with, where there are any beside the checkout."""

Option: TypeAlias = Callable[[Any], Any]
"""Decorates a command, as `click.option` does."""


def output_option(script: str, *other_names: str) -> Option:
    """Where the JSON goes; `script` is the benchmark's `__file__`."""
    return click.option(
        *other_names,
        "--output",
        "output",
        type=click.Path(path_type=Path, dir_okay=False),
        default=results_file(script),
        help="Where to write the JSON; tests/benchmarks/results if unset.",
    )


def packages_option() -> Option:
    """Where the pinned packages are fetched to; the argument is called `folder`."""
    return click.option(
        "--packages",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=default_folder(),
        help="Where fetched packages are kept; the user's cache if unset.",
    )


def seed_option(default: int, chosen: str) -> Option:
    """What decides about chance; `chosen` ends the sentence "Chooses ..."."""
    return click.option("--seed", default=default, show_default=True, help=f"Chooses {chosen}.")


def model_option() -> Option:
    """Which model is measured."""
    return click.option(
        "--model", default="", help="The id of an installed model; the default one if unset."
    )


def items_option(default: int, what: str, *, least: int = 1) -> Option:
    """How many places models are asked at."""
    return click.option(
        "--items", default=default, show_default=True, type=click.IntRange(min=least), help=what
    )


def languages_option() -> Option:
    """Which languages are measured, by the names that `chosen_languages` takes apart."""
    return click.option(
        "--languages",
        default="",
        metavar="NAME,...",
        help="Only these languages, as `python,rust`; all that there are if unset.",
    )


def context_tokens_option(default: int, what: str) -> Option:
    """How long prompts are."""
    return click.option("--context-tokens", default=default, show_default=True, help=what)


def data_option() -> Option:
    """Where the sets of tasks are."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=DATA,
        help="The folder with the sets of programs; `shared/eval` beside the checkout if unset.",
    )


def show_option(what: str) -> Option:
    """How many single cases are printed beside the table."""
    return click.option("--show", default=0, metavar="N", help=f"Also print N {what}.")


def names_in(listed: str) -> tuple[str, ...]:
    """Return the names of a list with commas between them, in lower case."""
    return tuple(name.strip().lower() for name in listed.split(",") if name.strip())
