"""How tables are drawn: in a terminal as wide as it is, in a pipe readable at 80 columns."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

# rich is imported where it draws: `tabwright serve` shares the command line and must start fast.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_PIPE_COLUMNS = 80


def new_table() -> Table:
    """Return a table without lines, which a reader of a pipe can cut into columns."""
    from rich.table import Table

    return Table(box=None, pad_edge=False, header_style="bold")


def console() -> Console:
    """Return a console on standard output."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)
