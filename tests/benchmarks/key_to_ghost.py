"""From a key to the ghost text that it brings, in an editor, in parts; what is typed for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reporting import WIDTH, installed_model, machine, spread_in_ms, warning_of_other_work
from rich.console import Console
from rich.table import Table

PROGRAM = '''\
import csv
import json
from pathlib import Path


def read_rows(path):
    """Return the rows of a CSV file."""
    with open(path, newline="") as file:
        return list(csv.reader(file))


def read_settings(path):
    """Return the settings in a JSON file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def total(rows):
    """Return the sum of the numbers in all rows."""
    result = 0
    for row in rows:
        for value in row:
            result += float(value)
    return result
'''

BEGINNINGS = (
    ("def count_rows_{}(path):", "with op"),
    ("def sum_of_{}(rows):", "for row in r"),
    ("def load_{}(path):", "return json.lo"),
    ("def mean_{}(values):", "return sum(val"),
    ("def lines_{}(path):", "return Path(pa"),
)


@dataclass(frozen=True)
class Sample:
    """One key with a suggestion, in milliseconds."""

    before_asking: float
    server: float
    after_answer: float
    debounce: float = 0.0
    """What the editor waits after each key before it asks anything."""

    @property
    def all(self) -> float:
        """From the key to the suggestion in the document."""
        return self.before_asking + self.server + self.after_answer

    @property
    def added(self) -> float:
        """What neither the server nor the editor's debounce accounts for."""
        return self.all - self.server - self.debounce


def samples_of(
    conversation: list[dict[str, Any]],
    keys: list[float],
    states: list[tuple[float, str]],
    debounce: float = 0.0,
) -> list[Sample]:
    """Split the time between each key and the suggestion it brought.

    All times are milliseconds since 1970. Left out is what only follows from the suggestion that
    was there before: then the editor waits for nobody.
    """
    samples: list[Sample] = []
    for question, answer in exchanges(conversation):
        asked, answered = question["at"] * 1000, answer["at"] * 1000
        key = max((each for each in keys if each <= asked), default=None)
        items = answer["message"]["result"]["items"]
        if key is None or not items:
            continue
        text = items[0]["insertText"].replace("\r", "")
        before = next((said for at, said in reversed(states) if at < key), "")
        shown = next((at for at, said in states if at >= key and said == text), None)
        if shown is not None and not (before and before.endswith(text)):
            after = max(0.0, shown - answered)
            samples.append(Sample(asked - key, answered - asked, after, debounce))
    return samples


def exchanges(
    conversation: list[dict[str, Any]],
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each question for a suggestion with its answer, as written down."""
    questions: dict[Any, dict[str, Any]] = {}
    found = []
    for each in conversation:
        message = each["message"]
        if message.get("method") == "textDocument/inlineCompletion":
            questions[message["id"]] = each
        elif each["from"] == "server" and message.get("id") in questions and "result" in message:
            found.append((questions[message["id"]], each))
    return found


def parts_of(samples: list[Sample]) -> dict[str, dict[str, float]]:
    """Return the spread of each part of a key's way, in milliseconds."""
    parts = {
        "key to ghost text": [each.all for each in samples],
        "of it, before the server is asked": [each.before_asking for each in samples],
        "of it, the server": [each.server for each in samples],
        "of it, after the answer": [each.after_answer for each in samples],
        "added, without server and debounce": [each.added for each in samples],
    }
    return {name: spread_in_ms([each / 1000 for each in parts[name]]) for name in parts}


def begun_report() -> dict[str, Any]:
    """Return what is known before; the server chooses the model, as it does for users.

    Raises:
        click.ClickException: the weights of the default model are not here.
    """
    installed_model("")
    return {"machine": machine(), "model": "auto"}


def print_report(report: Mapping[str, Any], *more: str) -> None:
    """Print the table of a report, and sentences about it."""
    console = Console(width=WIDTH)
    console.print(table_of(report["milliseconds"]))
    console.print(f"Suggestions for {report['beginnings']} beginnings of lines.")
    for sentence in (*more, warning_of_other_work(report["machine"])):
        console.print(sentence)


def table_of(milliseconds: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the parts as a table to print."""
    table = Table("milliseconds", "n", "p50", "p95")
    for name, spread in milliseconds.items():
        numbers = (f"{spread[key]:.0f}" for key in ("n", "p50", "p95"))
        table.add_row(name, *numbers)
    return table
