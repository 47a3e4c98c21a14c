"""What the Neovim plugin says to the server, recorded; the model is scripted."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim, which drives Neovim, is not installed")

from end_to_end import recordings
from end_to_end.neovim_support import Editor, isolate
from end_to_end.neovims import Neovim
from end_to_end.scripted_server import prompts, scripted_command, scripted_environment

pytestmark = pytest.mark.real_editor


def test_typing_accepting_and_an_astral_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, neovim: Neovim
) -> None:
    isolate(tmp_path, monkeypatch.setenv)
    record, project = tmp_path / "record", tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    environment = recordings.recording_environment(
        scripted_environment(tmp_path, " * height"), record
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file = project / "area.py"
    file.write_text("def area(width, height):\n    return \n")
    with Editor(tmp_path, file, command=[*scripted_command(), "serve"], neovim=neovim) as editor:
        editor.wait_for_model()
        editor.type("GAwid")
        assert editor.wait_for_ghost() == " * height"
        editor.type("th")
        editor.wait_for_answer()
        assert editor.accept().endswith("    return width * height")
        editor.type('<Esc>O["🦜é", width]<Left>')
        assert editor.ask_by_hand() == " * height"
        editor.type("<Esc>")
        assert any(prompt.endswith('["🦜é", width') for prompt in prompts(tmp_path))
    recordings.keep("neovim", record, project)
