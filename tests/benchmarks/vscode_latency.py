"""How long does ghost text take in VS Code, and what of that is the server's?

    python tests/benchmarks/vscode_latency.py [--samples 40] [--windows 5]

Starts a real VS Code in Chromium, types the beginnings of lines, and notes in the page when the
last key fell and when the suggestion was in the document. What editor and server say is written
down with times, so that a key's way falls into parts. Also prints how long VS Code says that the
activation of the extension took, in each of several windows that are opened one after another.

Beside it stands what the same keys cost in the same VS Code with an extension that answers at once
and does nothing else (`bare_extension/`): what VS Code itself takes to ask and to draw.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

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
from reporting import say, spread_in_ms, write_results

sys.path.insert(0, str(Path(__file__).parents[1]))

from end_to_end import code_server
from end_to_end.code_server import NotHere
from end_to_end.vscode_support import VSCode, Window, until

_OWN_DEBOUNCE_MILLISECONDS = 50.0
_SECONDS_FOR_THE_LAST = 1.0
_KEY_PAUSE_MILLISECONDS = 120.0
_BARE = Path(__file__).with_name("bare_extension")


@click.command()
@click.option("--samples", "wanted", default=40, show_default=True, help="Suggestions to measure.")
@click.option(
    "--windows",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Windows to read the time of activation from.",
)
@output_option(__file__)
def main(wanted: int, windows: int, output: Path) -> None:
    """Measure from key to ghost text in VS Code."""
    report = begun_report()
    with tempfile.TemporaryDirectory(prefix="tabwright-vscode-") as name:
        folder, project = Path(name), Path(name) / "project"
        project.mkdir()
        file = project / "program.py"
        file.write_text(PROGRAM, encoding="utf-8")
        report["bare_milliseconds"] = bare(started(folder / "bare", is_bare=True), project, wanted)
        code = started(folder / "tabwright")
        try:
            report["activations"] = []
            for number in range(1, windows + 1):
                window = Window(code, project)
                window.open(file)
                window.wait_for_model()
                if number == windows:
                    samples, asked = measure(window, wanted)
                    report["beginnings"] = asked
                    report["milliseconds"] = parts_of(samples)
                report["activations"].append(activation(window))
                say(f"window {number} of {windows}: activated in {report['activations'][-1]} ms")
                window.close()
        finally:
            code.end()
    activations = report["activations"]
    nobody = report["bare_milliseconds"]
    print_report(
        report,
        f"An extension that answers at once has p50 {nobody['p50']:.0f} and p95"
        f" {nobody['p95']:.0f} ms of that last row, of {nobody['n']}: VS Code's own.",
        f"VS Code's debounce: {_OWN_DEBOUNCE_MILLISECONDS:.0f} ms, which it has for all.",
        f"Activation, as VS Code says: median {median(activations):.0f} ms of"
        f" {', '.join(map(str, activations))}.",
    )
    write_results(report, output)


def started(folder: Path, *, is_bare: bool = False) -> VSCode:
    """Start a VS Code with our extension, or with the one that does nothing.

    Raises:
        click.ClickException: it cannot be had on this machine.
    """
    folder.mkdir()
    try:
        extensions = [code_server.packed(_BARE, folder / "bare.vsix")] if is_bare else None
        return VSCode(folder, extensions=extensions)
    except NotHere as missing:
        raise click.ClickException(str(missing)) from missing


def bare(code: VSCode, project: Path, wanted: int) -> dict[str, float]:
    """Return the spread from key to ghost text, without the debounce, where nobody does a thing."""
    try:
        file = project / "bare.txt"
        file.write_text("\n", encoding="utf-8")
        window = Window(code, project)
        window.open(file)
        window.to_end()
        window.type("a")  # starts the extension
        window.until(lambda: window.ghost().strip())
        window.code.do("evaluate", code="ghostStates.length = keyTimes.length = 0")
        window.type("a" * wanted, _KEY_PAUSE_MILLISECONDS)
        time.sleep(_SECONDS_FOR_THE_LAST)
        keys = [each["at"] for each in window.code.do("evaluate", code="keyTimes")]
        states = window.code.do("evaluate", code="ghostStates")
        shown = {each["text"]: each["at"] for each in reversed(states) if each["text"].strip()}
        window.close()
    finally:
        code.end()
    times = [
        at - max(key for key in keys if key <= at) - _OWN_DEBOUNCE_MILLISECONDS
        for at in shown.values()
    ]
    return spread_in_ms([each / 1000 for each in times])


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
        # A line that is left unfinished would teach the workspace's memory to end there.
        window.press("Escape", "Escape", "Control+Shift+K")
    return samples, asked


def activation(window: Window) -> int:
    """Return how many milliseconds the extension's activation took, as VS Code says."""
    window.command("Developer: Show Running Extensions")
    rows = ".runtime-extensions-editor .extension"

    def said() -> str:
        for text in window.code.do("texts", selector=rows):
            if "Tabwright" in text and (found := re.search(r"Activation: (\d+) ?ms", text)):
                return found[1]
        return ""

    return int(until(said))


if __name__ == "__main__":
    main()
