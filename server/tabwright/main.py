"""The command line: gathers the commands and turns set-up errors into one sentence."""

from __future__ import annotations

import importlib
import sys

import click

import tabwright
from tabwright.errors import TabwrightError

_COMMANDS = {
    "complete": ("tabwright.commands.complete", "complete"),
    "context": ("tabwright.commands.context", "context"),
    "corpus": ("tabwright.commands.corpus", "corpus_group"),
    "doctor": ("tabwright.commands.doctor", "doctor"),
    "index": ("tabwright.commands.index", "index_group"),
    "models": ("tabwright.commands.models", "models_group"),
    "replay": ("tabwright.commands.replay", "replay"),
    "serve": ("tabwright.commands.serve", "serve"),
    "specialize": ("tabwright.commands.specialize", "specialize"),
    "try": ("tabwright.commands.try_it", "try_it"),
}


class _LazyGroup(click.Group):
    """Imports a command's module when it is asked for: the server starts without the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tabwright.__version__, prog_name="tabwright")
def cli() -> None:
    """Code completion from small specialised models, entirely on your own machine.

    \b
    tabwright try      fetches the default model and completes a sample
    tabwright serve    is what editors start
    tabwright doctor   says what is missing
    """


def main() -> None:
    """Run the command line; a set-up error is one sentence on stderr and exit status 1."""
    try:
        cli()
    except TabwrightError as error:
        click.echo(f"tabwright: {error}", err=True)
        sys.exit(1)
