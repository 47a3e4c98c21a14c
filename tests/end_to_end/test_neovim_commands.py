"""`:Tabwright` in a real Neovim: what it says; model and training are scripted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim, which drives Neovim, is not installed")

from end_to_end.neovim_support import Editor, find_neovim, isolate
from end_to_end.scripted_server import (
    end_specializing,
    scripted_command,
    scripted_environment,
    specializing,
)

pytestmark = [
    pytest.mark.real_editor,
    pytest.mark.skipif(find_neovim() is None, reason="Neovim is not installed"),
]

Open = Callable[..., Editor]


@pytest.fixture
def open_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
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

        def start(**settings: object) -> Editor:
            command = [*scripted_command(), "serve"]
            return stack.enter_context(Editor(tmp_path, file, settings, command=command))

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


def test_explain_names_the_files_that_the_model_was_shown(open_editor: Open) -> None:
    editor = open_editor(excerpts="always")
    editor.wait_for_model()
    editor.type("GA.")

    def is_told() -> bool:
        editor.ask_by_hand()
        editor.nvim.command("Tabwright explain")
        return "shown to the model: rows.py (defines Row" in editor.messages()

    editor.until(is_told)
