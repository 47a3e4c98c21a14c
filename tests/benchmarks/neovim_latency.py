"""How long does ghost text take in Neovim, and what of that is the server's?

    python tests/benchmarks/neovim_latency.py [--samples 40] [--ghost-text own|builtin]
                                              [--debounce SECONDS ...]

Starts a real Neovim that draws to a screen nobody sees, types the beginnings of lines, and notes in
it when a key was read and when the suggestion was drawn. What editor and server say is written down
with times, so that a key's way falls into parts. With `builtin` it is Neovim 0.12, fetched as the
tests do, and its inline completion draws. The plugin asks the server in both, and waits for nothing
after a key: the 200 ms that the built-in waits before a question of its own are not on a key's way.
With several values for `--debounce`, the server's setting `debounceSeconds`, it says what waiting
for the next key costs and saves: the server waits, so that it is part of the server's time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import psutil
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

from end_to_end.fetching import NotHere
from end_to_end.neovim_support import Editor, isolate
from end_to_end.neovims import Neovim, installed_neovim, newer_neovim

_SECONDS_FOR_THE_LAST = 1.0
_KEY_PAUSE_SECONDS = 0.12
_RECORDER = Path(__file__).parents[1] / "end_to_end" / "recording_server.py"

_WATCH = """
key_times, ghost_states = {}, {}
local function now()
  local seconds, microseconds = vim.uv.gettimeofday()
  return seconds * 1000 + microseconds / 1000
end
vim.on_key(function() table.insert(key_times, now()) end)
local last = ''
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('key_to_ghost'), {
  on_end = function()
    local text = require('tabwright').shown_text() or ''
    if text ~= last then
      last = text
      table.insert(ghost_states, { now(), text })
    end
  end,
})
"""


@click.command()
@click.option("--samples", "wanted", default=40, show_default=True, help="Suggestions to measure.")
@click.option(
    "--ghost-text",
    type=click.Choice(["own", "builtin"]),
    default="own",
    show_default=True,
    help="What draws: the plugin in the installed Neovim, or Neovim 0.12.",
)
@click.option("--newer", is_flag=True, help="Draw the plugin's own in Neovim 0.12.")
@click.option(
    "--debounce",
    "debounces",
    default=[0.0],
    show_default=True,
    multiple=True,
    type=click.FloatRange(0, 1),
    help="Seconds that the server waits for the next key; may be given several times.",
)
@output_option(__file__)
def main(
    wanted: int, ghost_text: str, newer: bool, debounces: tuple[float, ...], output: Path
) -> None:
    """Measure from key to ghost text in Neovim."""
    neovim = chosen_neovim(ghost_text, newer=newer)
    reports = []
    for debounce in debounces:
        with tempfile.TemporaryDirectory(prefix="tabwright-neovim-") as name:
            reports.append(begun_report() | run(Path(name), neovim, debounce, wanted))
    for report in reports:
        print_report(
            report,
            f"Neovim {report['neovim']}, ghost text: {report['ghost_text']}; the server waits"
            f" {1000 * report['debounce_seconds']:.0f} ms for the next key",
            f"and takes {report['cpu_seconds_per_key']:.3f} CPU-seconds for each.",
        )
    write_results({"runs": reports}, output)


def run(folder: Path, neovim: Neovim, debounce: float, wanted: int) -> dict[str, Any]:
    """Measure in a Neovim of its own; return what the report has of it."""
    record, project = folder / "record", folder / "project"
    record.mkdir()
    (project / ".git").mkdir(parents=True)
    isolate(folder, os.environ.__setitem__)
    os.environ["TABWRIGHT_RECORDINGS"] = str(record)
    file = project / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")
    settings = {"debounceSeconds": debounce}
    command = [sys.executable, str(_RECORDER), "serve"]
    with Editor(folder, file, settings, _WATCH, command, neovim) as editor:
        editor.wait_for_model()
        before = cpu_seconds(editor)
        samples, asked, keys = measure(editor, record, wanted)
        return {
            "neovim": editor.lua("return tostring(vim.version())"),
            "ghost_text": editor.lua("return require('tabwright.drawers').current.name"),
            "debounce_seconds": debounce,
            "cpu_seconds_per_key": (cpu_seconds(editor) - before) / keys,
            "beginnings": asked,
            "milliseconds": parts_of(samples),
        }


def cpu_seconds(editor: Editor) -> float:
    """Return the processor time that the server and its processes have used so far."""
    children = psutil.Process(editor.nvim.funcs.getpid()).children(recursive=True)
    times = [each.cpu_times() for each in children]
    return float(sum(each.user + each.system for each in times))


def chosen_neovim(ghost_text: str, *, newer: bool) -> Neovim:
    """Return the Neovim to measure.

    Raises:
        click.ClickException: it cannot be had on this machine.
    """
    try:
        if newer or ghost_text == "builtin":
            return newer_neovim(ghost_text)
        return installed_neovim()
    except NotHere as missing:
        raise click.ClickException(str(missing)) from missing


def measure(editor: Editor, record: Path, wanted: int) -> tuple[list[Sample], int, int]:
    """Return the samples with a suggestion, and how many beginnings and keys were typed for them.

    Keys are those typed in insert mode, at each of which the editor asks.
    """
    editor.watch_screen()
    samples: list[Sample] = []
    asked = keys_typed = 0
    while len(samples) < wanted and asked < 2 * wanted:
        head, beginning = BEGINNINGS[asked % len(BEGINNINGS)]
        asked += 1
        keys_typed += len(head.format(asked)) + len(beginning)
        type_keys(editor, ["<Esc>", "G", "o", "<CR>", "<C-u>", *head.format(asked), "<CR>"])
        time.sleep(_SECONDS_FOR_THE_LAST)
        editor.lua("key_times, ghost_states = {}, {}")
        type_keys(editor, beginning)
        time.sleep(_SECONDS_FOR_THE_LAST)
        keys, states = editor.lua("return { key_times, ghost_states }")
        found = samples_of(conversation(record), keys, [(at, text) for at, text in states])
        samples += found
        say(f"{len(samples)} of {wanted} suggestions, after {asked} beginnings")
        type_keys(editor, ["<Esc>", "d", "d"])
        editor.drawn_lines()  # what was drawn so far is of no use to anybody
    return samples, asked, keys_typed


def type_keys(editor: Editor, keys: list[str] | str) -> None:
    """Type one key after the other, as a person does."""
    for key in keys:
        editor.type("<lt>" if key == "<" else key)
        time.sleep(_KEY_PAUSE_SECONDS)


def conversation(record: Path) -> list[dict[str, Any]]:
    """Return what was said so far; there is one server."""
    (written,) = record.glob("*.jsonl")
    lines = written.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


if __name__ == "__main__":
    main()
