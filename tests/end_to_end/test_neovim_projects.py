"""Files, folders and settings that change under a real Neovim; the model is scripted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim, which drives Neovim, is not installed")

from end_to_end.neovim_support import Editor, isolate
from end_to_end.neovims import Neovim, on_both
from end_to_end.scripted_server import scripted_command, scripted_environment

pytestmark = pytest.mark.real_editor

AREA = "def area(width, height):\n    return \n"
CHANGE_SETTINGS = """
local client = vim.lsp.get_clients({{ name = 'tabwright' }})[1]
client.settings = {{ tabwright = vim.json.decode('{settings}') }}
client.notify('workspace/didChangeConfiguration', {{ settings = client.settings }})
"""


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, neovim: Neovim) -> Iterator[Editor]:
    isolate(tmp_path, monkeypatch.setenv)
    for name, value in scripted_environment(tmp_path, " * height").items():
        monkeypatch.setenv(name, value)
    file = write_project(tmp_path / "one")
    with Editor(tmp_path, file, command=[*scripted_command(), "serve"], neovim=neovim) as editor:
        editor.wait_for_model()
        yield editor


def write_project(folder: Path) -> Path:
    (folder / ".git").mkdir(parents=True)
    file = folder / "area.py"
    file.write_text(AREA)
    return file


@on_both
def test_a_renamed_file_goes_on_under_its_new_name(editor: Editor, tmp_path: Path) -> None:
    new = tmp_path / "one" / "renamed.py"
    editor.nvim.command(f"saveas {new}")
    editor.until(
        lambda: (
            [each["textDocument"]["uri"] for each in editor.sent("textDocument/didOpen")][-1:]
            == [new.as_uri()]
        )
    )
    (closed,) = editor.sent("textDocument/didClose")
    assert closed["textDocument"]["uri"] == (tmp_path / "one" / "area.py").as_uri()
    editor.type("GAwidth")
    assert editor.wait_for_ghost() == " * height"
    assert editor.accept().endswith("return width * height")


@on_both
def test_files_of_two_projects_share_one_server_that_knows_both(
    editor: Editor, tmp_path: Path
) -> None:
    other = write_project(tmp_path / "two")
    for file in (editor.file, other):
        editor.nvim.command(f"edit {file}")
        editor.until(editor.is_mapped)
        editor.type("GAwidth")
        assert editor.wait_for_ghost() == " * height"
        editor.type("<Esc>")
        editor.nvim.command("silent write")
    (added,) = editor.sent("workspace/didChangeWorkspaceFolders")
    assert [each["uri"] for each in added["event"]["added"]] == [other.parent.as_uri()]
    assert editor.lua("return #vim.lsp.get_clients({ name = 'tabwright' })") == 1


@on_both
def test_settings_take_effect_while_one_types(editor: Editor) -> None:
    editor.type("GAwidth")
    assert editor.wait_for_ghost() == " * height"
    editor.lua(CHANGE_SETTINGS.format(settings='{"trigger": "manual"}'))

    def is_silent() -> bool:  # once the server has asked for them
        editor.type("<Esc>A<BS>h")
        editor.wait_for_answer()
        return editor.ghost() is None

    editor.until(is_silent)
    assert editor.ask_by_hand() == " * height"
    editor.lua(CHANGE_SETTINGS.format(settings='{"trigger": "automatic"}'))
    editor.type("<Esc>A<BS>h")
    assert editor.wait_for_ghost() == " * height"
