"""How long does ghost text take in VS Code, and what of that is the server's?

    python tests/benchmarks/vscode_latency.py [--samples 40]

Starts a real VS Code in Chromium, types the beginnings of lines, and notes in the page when the
last key fell and when the suggestion was in the document. What editor and server say is written
down with times, so that a key's way falls into parts. Also prints how long VS Code says that the
activation of the extension took.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from options import output_option
from reporting import (
    WIDTH,
    installed_model,
    machine,
    say,
    spread_in_ms,
    warning_of_other_work,
    write_results,
)
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from end_to_end.code_server import NotHere
from end_to_end.vscode_support import VSCode, Window, until

_OWN_DEBOUNCE_MILLISECONDS = 50.0
_SECONDS_FOR_THE_LAST = 1.0
_KEY_PAUSE_MILLISECONDS = 120.0

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

    @property
    def all(self) -> float:
        """From the key to the suggestion in the document."""
        return self.before_asking + self.server + self.after_answer

    @property
    def added(self) -> float:
        """What neither the server nor VS Code's debounce accounts for."""
        return self.all - self.server - _OWN_DEBOUNCE_MILLISECONDS


@click.command()
@click.option("--samples", "wanted", default=40, show_default=True, help="Suggestions to measure.")
@output_option(__file__)
def main(wanted: int, output: Path) -> None:
    """Measure from key to ghost text in VS Code."""
    manifest, _ = installed_model("")
    report: dict[str, Any] = {"machine": machine(), "model": manifest.id}
    with tempfile.TemporaryDirectory(prefix="tabwright-vscode-") as name:
        try:
            code = VSCode(Path(name))
        except NotHere as missing:
            raise click.ClickException(str(missing)) from missing
        try:
            project = Path(name) / "project"
            project.mkdir()
            file = project / "program.py"
            file.write_text(PROGRAM, encoding="utf-8")
            window = Window(code, project)
            window.open(file)
            window.wait_for_model()
            samples, asked = measure(window, wanted)
            report["beginnings"] = asked
            report["milliseconds"] = parts_of(samples)
            report["activation"] = activation(window)
            window.close()
        finally:
            code.end()
    show(report)
    write_results(report, output)


def measure(window: Window, wanted: int) -> tuple[list[Sample], int]:
    """Return the samples with a suggestion, and how many beginnings were typed for them."""
    window.to_end()
    samples: list[Sample] = []
    asked = 0
    while len(samples) < wanted and asked < 2 * wanted:
        head, beginning = BEGINNINGS[asked % len(BEGINNINGS)]
        asked += 1
        window.type(f"\n\n{head.format(asked)}\n", _KEY_PAUSE_MILLISECONDS / 4)
        time.sleep(_SECONDS_FOR_THE_LAST)
        window.code.do("evaluate", code="ghostStates.length = keyTimes.length = 0")
        window.type(beginning, _KEY_PAUSE_MILLISECONDS)
        time.sleep(_SECONDS_FOR_THE_LAST)
        found = samples_of(
            window.conversation(),
            [each["at"] for each in window.code.do("evaluate", code="keyTimes")],
            [(each["at"], each["text"]) for each in window.code.do("evaluate", code="ghostStates")],
        )
        samples += found
        say(f"{len(samples)} of {wanted} suggestions, after {asked} beginnings")
        window.press("Escape", "Enter")
        window.press("Shift+Home", "Delete")
    return samples, asked


def samples_of(
    conversation: list[dict[str, Any]], keys: list[float], states: list[tuple[float, str]]
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
            samples.append(Sample(asked - key, answered - asked, max(0.0, shown - answered)))
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


def show(report: dict[str, Any]) -> None:
    """Print the table."""
    console = Console(width=WIDTH)
    table = Table("milliseconds", "n", "p50", "p95")
    for name, spread in report["milliseconds"].items():
        numbers = (f"{spread[key]:.0f}" for key in ("n", "p50", "p95"))
        table.add_row(name, *numbers)
    console.print(table)
    console.print(f"Suggestions for {report['beginnings']} beginnings of lines.")
    console.print(f"VS Code's debounce: {_OWN_DEBOUNCE_MILLISECONDS:.0f} ms, which it has for all.")
    console.print(f"{report['activation']}, says VS Code.")
    console.print(warning_of_other_work(report["machine"]))


def activation(window: Window) -> str:
    """Return what VS Code says about the extension's activation."""
    window.command("Developer: Show Running Extensions")
    rows = ".runtime-extensions-editor .extension"

    def said() -> str:
        for text in window.code.do("texts", selector=rows):
            if "Tabwright" in text and (found := re.search(r"Activation: \d+ ?ms", text)):
                return found.group()
        return ""

    return str(until(said))


if __name__ == "__main__":
    main()
