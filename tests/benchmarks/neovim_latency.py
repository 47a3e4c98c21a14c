"""How long does ghost text take in Neovim, and what of that is the server's?

    python tests/benchmarks/neovim_latency.py [--samples 40]

Starts a real Neovim that draws to a screen nobody sees, types the beginnings of lines, and notes in
it when a key was read and when the suggestion was drawn. What editor and server say is written down
with times, so that a key's way falls into parts. Neovim waits for nothing after a key.
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

from end_to_end.neovim_support import Editor, find_neovim, isolate

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
@output_option(__file__)
def main(wanted: int, output: Path) -> None:
    """Measure from key to ghost text in Neovim."""
    if find_neovim() is None:
        raise click.ClickException("Neovim is not installed.")
    report = begun_report()
    with tempfile.TemporaryDirectory(prefix="tabwright-neovim-") as name:
        folder = Path(name)
        record, project = folder / "record", folder / "project"
        record.mkdir()
        (project / ".git").mkdir(parents=True)
        isolate(folder, os.environ.__setitem__)
        os.environ["TABWRIGHT_RECORDINGS"] = str(record)
        file = project / "program.py"
        file.write_text(PROGRAM, encoding="utf-8")
        command = [sys.executable, str(_RECORDER), "serve"]
        with Editor(folder, file, extra_lua=_WATCH, command=command) as editor:
            editor.wait_for_model()
            samples, asked = measure(editor, record, wanted)
            report["beginnings"] = asked
            report["milliseconds"] = parts_of(samples)
    print_report(report)
    write_results(report, output)


def measure(editor: Editor, record: Path, wanted: int) -> tuple[list[Sample], int]:
    """Return the samples with a suggestion, and how many beginnings were typed for them."""
    editor.watch_screen()
    samples: list[Sample] = []
    asked = 0
    while len(samples) < wanted and asked < 2 * wanted:
        head, beginning = BEGINNINGS[asked % len(BEGINNINGS)]
        asked += 1
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
    return samples, asked


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
