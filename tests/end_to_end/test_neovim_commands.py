"""`:Tabwright` in a real Neovim: what it says; model and training are scripted."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim, which drives Neovim, is not installed")

from end_to_end.neovim_support import PLUGIN, Editor, isolate
from end_to_end.neovims import Neovim, on_both
from end_to_end.scripted_server import (
    end_specializing,
    scripted_command,
    scripted_environment,
    specializing,
)

pytestmark = pytest.mark.real_editor

Open = Callable[..., Editor]


@pytest.fixture
def open_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, neovim: Neovim) -> Iterator[Open]:
    """Open a file of a project with two."""
    isolate(tmp_path, monkeypatch.setenv)
    for name, value in scripted_environment(tmp_path, "width()").items():
        monkeypatch.setenv(name, value)
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "rows.py").write_text("class Row:\n    def width(self):\n        return 1\n")
    file = project / "use.py"
    file.write_text("from rows import Row\n\n\ndef width(row: Row):\n    return row\n")
    with ExitStack() as stack:

        def start(
            command: Sequence[str] = (*scripted_command(), "serve"), **settings: object
        ) -> Editor:
            return stack.enter_context(
                Editor(tmp_path, file, settings, command=command, neovim=neovim)
            )

        yield start


def test_specialising_shows_its_progress_and_says_how_it_ended(
    open_editor: Open, tmp_path: Path
) -> None:
    editor = open_editor()
    editor.wait_for_model()
    editor.nvim.command("Tabwright specialize 5")
    words = editor.until(lambda: specializing(tmp_path))
    assert words[0] == "specialize"
    assert words[words.index("--workspace") + 1] == str(tmp_path / "project")
    assert words[words.index("--minutes") + 1] == "5"
    assert "specialising for project; this goes on in the background" in editor.messages()
    seen: set[str] = set()

    def shows_progress() -> bool:
        seen.add(str(editor.lua("return vim.lsp.status()")))
        return any("Specialising for project" in each and "step 5 of 20" in each for each in seen)

    editor.until(shows_progress)
    assert "got 3 of 10 more right" not in editor.messages()
    end_specializing(tmp_path)
    editor.until(lambda: "Tabwright: Installed; it got 3 of 10 more right." in editor.messages())


def test_specialising_is_not_begun_with_a_word_that_means_nothing(
    open_editor: Open, tmp_path: Path
) -> None:
    editor = open_editor()
    editor.wait_for_model()
    editor.nvim.command("Tabwright specialize soon")
    assert "give a number of minutes, or remove" in editor.messages()
    assert specializing(tmp_path) == []


@on_both
def test_explain_names_the_files_that_the_model_was_shown(open_editor: Open) -> None:
    editor = open_editor(excerpts="always")
    editor.wait_for_model()
    editor.type("GA.")

    def is_told() -> bool:
        editor.ask_by_hand()
        editor.nvim.command("Tabwright explain")
        return "shown to the model: rows.py (defines Row" in editor.messages()

    editor.until(is_told)


def test_checkhealth_looks_at_the_server_and_the_installation(
    open_editor: Open, tmp_path: Path
) -> None:
    program = tmp_path / "tabwright"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(scripted_command())} "$@"\n')
    program.chmod(0o755)
    editor = open_editor(command=[str(program), "serve"])
    editor.wait_for_model()
    editor.nvim.command("checkhealth tabwright")
    report = editor.text()
    assert "scripted is ready" in report
    assert re.search(r"OK.* Python: ", report)
    assert "not on PATH" not in report


def test_checkhealth_says_what_to_do_where_there_is_no_program(open_editor: Open) -> None:
    editor = open_editor()
    editor.wait_for_model()
    editor.lua("require('tabwright.options').current.cmd = { 'no-such-program', 'serve' }")
    editor.nvim.command("checkhealth tabwright")
    report = editor.text()
    assert "ERROR" in report
    assert "`no-such-program` is not on PATH" in report
    assert "give its full path as `cmd`" in report


def test_the_help_has_sound_tags_and_is_found(open_editor: Open, tmp_path: Path) -> None:
    editor = open_editor()
    shutil.copytree(PLUGIN / "doc", tmp_path / "plugin" / "doc")  # tags are written beside it
    editor.nvim.command(f"set runtimepath^={tmp_path / 'plugin'}")
    editor.nvim.command(f"helptags {tmp_path / 'plugin' / 'doc'}")
    for topic in ("tabwright", ":Tabwright", "tabwright-keys"):
        editor.nvim.command(f"help {topic}")
        assert editor.text().startswith("*tabwright.txt*")
        editor.nvim.command("helpclose")
    assert "E154" not in editor.messages()  # a tag that is there twice


@on_both
@pytest.mark.parametrize(
    ("scope", "others_are_on"),
    [
        ("buffer", {"rows.py": True, "notes.md": True}),
        ("filetype", {"rows.py": False, "notes.md": True}),
    ],
)
def test_a_buffer_or_a_file_type_is_switched_off_and_on_by_itself(
    open_editor: Open, tmp_path: Path, scope: str, others_are_on: dict[str, bool]
) -> None:
    (tmp_path / "project" / "notes.md").write_text("# Rows\n")
    editor = open_editor()
    editor.wait_for_model()

    def is_on() -> bool:
        return bool(editor.lua("return require('tabwright').status()") != "Tabwright off")

    editor.nvim.command(f"silent Tabwright toggle {scope}")
    assert not is_on()
    asked = editor.nvim.vars["asked"]
    editor.type("GAs<Esc>")
    editor.until(lambda: editor.text().endswith("rows"))
    assert editor.nvim.vars["asked"] == asked
    editor.nvim.command("silent write")
    for name, wanted in others_are_on.items():
        editor.nvim.command(f"edit {tmp_path / 'project' / name}")
        assert is_on() is wanted
    editor.nvim.command(f"edit {editor.file}")
    assert not is_on()
    editor.nvim.command(f"silent Tabwright toggle {scope}")
    assert is_on()
    editor.type("GA.")
    editor.until(lambda: editor.nvim.vars["asked"] > asked)


def test_toggle_takes_no_other_word(open_editor: Open) -> None:
    editor = open_editor()
    editor.nvim.command("Tabwright toggle everything")
    assert "give buffer, filetype or nothing" in editor.messages()
