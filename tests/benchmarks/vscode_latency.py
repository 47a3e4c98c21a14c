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
from pathlib import Path

import click
from key_to_ghost import (
    BEGINNINGS,
    PROGRAM,
    Sample,
    begun_report,
    parts_of,
    print_report,
    samples_of,
)
from options import output_option
from reporting import say, write_results

sys.path.insert(0, str(Path(__file__).parents[1]))

from end_to_end.code_server import NotHere
from end_to_end.vscode_support import VSCode, Window, until

_OWN_DEBOUNCE_MILLISECONDS = 50.0
_SECONDS_FOR_THE_LAST = 1.0
_KEY_PAUSE_MILLISECONDS = 120.0


@click.command()
@click.option("--samples", "wanted", default=40, show_default=True, help="Suggestions to measure.")
@output_option(__file__)
def main(wanted: int, output: Path) -> None:
    """Measure from key to ghost text in VS Code."""
    report = begun_report()
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
    print_report(
        report,
        f"VS Code's debounce: {_OWN_DEBOUNCE_MILLISECONDS:.0f} ms, which it has for all.",
        f"{report['activation']}, says VS Code.",
    )
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
            _OWN_DEBOUNCE_MILLISECONDS,
        )
        samples += found
        say(f"{len(samples)} of {wanted} suggestions, after {asked} beginnings")
        window.press("Escape", "Enter")
        window.press("Shift+Home", "Delete")
    return samples, asked


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
