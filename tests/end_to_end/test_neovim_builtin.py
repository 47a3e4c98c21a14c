"""What goes only with Neovim's built-in inline completion, or beside it; the model is scripted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim, which drives Neovim, is not installed")

from end_to_end.neovim_support import Editor, isolate
from end_to_end.neovims import Neovim, on_both, on_newer, on_newer_own
from end_to_end.scripted_server import scripted_command, scripted_environment

pytestmark = pytest.mark.real_editor

AREA = "def area(width, height):\n    return \n"
BY_NEOVIM = "vim.keymap.set('i', '<C-f>', function() vim.lsp.inline_completion.get() end)"

Open = Callable[..., Editor]


@pytest.fixture
def open_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, neovim: Neovim) -> Iterator[Open]:
    isolate(tmp_path, monkeypatch.setenv)
    for name, value in scripted_environment(tmp_path, " * height").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "project" / ".git").mkdir(parents=True)
    file = tmp_path / "project" / "area.py"
    file.write_text(AREA)
    with ExitStack() as stack:

        def start(extra_lua: str = "", ghost_text: str = neovim.ghost_text) -> Editor:
            command = [*scripted_command(), "serve"]
            chosen = replace(neovim, ghost_text=ghost_text)
            return stack.enter_context(
                Editor(tmp_path, file, extra_lua=extra_lua, command=command, neovim=chosen)
            )

        yield start


def marks(editor: Editor, namespace: str) -> int:
    space = editor.nvim.api.create_namespace(namespace)
    return len(editor.nvim.api.buf_get_extmarks(0, space, 0, -1, {}))


@on_newer
def test_neovim_itself_accepts_what_is_shown_and_that_is_counted(open_editor: Open) -> None:
    editor = open_editor(BY_NEOVIM)
    editor.wait_for_model()
    editor.type("GAwidth")
    assert editor.wait_for_ghost() == " * height"
    assert marks(editor, "nvim.lsp.inline_completion") == 1
    editor.type(" *<C-f>")  # before anything can have been asked about the typed text
    editor.until(lambda: editor.text().endswith("return width * height"))
    editor.until(lambda: editor.server_status()["statistics"]["accepted"] == 1)
    assert editor.messages() == ""


@on_newer
def test_a_buffer_that_neovim_keeps_quiet_shows_nothing_and_keeps_its_tab(
    open_editor: Open,
) -> None:
    editor = open_editor()
    editor.wait_for_model()
    editor.type("GAwidth")
    editor.wait_for_ghost()
    editor.lua("vim.lsp.inline_completion.enable(false, { bufnr = 0 })")
    assert editor.drawn() is None
    assert editor.ghost() is None
    assert editor.lua("return require('tabwright').status()") == "Tabwright off"
    asked = editor.nvim.vars["asked"]
    editor.type("<Tab>")
    editor.until(lambda: editor.text().rstrip(" ") == AREA.rstrip() + " width")
    assert len(editor.text()) > len(AREA.rstrip() + " width")
    assert editor.nvim.vars["asked"] == asked
    editor.type("<Esc>")
    for _ in range(2):
        editor.nvim.command("silent Tabwright toggle buffer")
    editor.type("S<C-u>    return width")
    assert editor.wait_for_ghost() == " * height"


@on_newer_own
def test_own_ghost_text_is_not_doubled_where_the_built_in_is_on_for_all(open_editor: Open) -> None:
    editor = open_editor("vim.lsp.inline_completion.enable(true)")
    editor.wait_for_model()
    editor.type("GAwidth")
    assert editor.wait_for_ghost() == " * height"
    asked = editor.nvim.vars["asked"]
    editor.lua("vim.wait(500)")  # more than twice as long as the built-in waits before it asks
    assert editor.nvim.vars["asked"] == asked
    assert marks(editor, "tabwright") == 1
    assert marks(editor, "nvim.lsp.inline_completion") == 0


@on_both
def test_nothing_is_shown_while_the_completion_menu_is_open(open_editor: Open) -> None:
    editor = open_editor()
    editor.wait_for_model()
    editor.type("Owidth, wide<Esc>GAw")
    assert editor.wait_for_ghost() == " * height"
    editor.watch_screen()
    editor.type("<C-x><C-n><C-n>")
    editor.until(editor.nvim.funcs.pumvisible)
    editor.lua("vim.wait(500)")
    assert editor.drawn() is None
    assert editor.ghost() is None
    editor.type("<C-e>")
    editor.until(lambda: editor.drawn() == " * height")


@pytest.mark.parametrize(
    ("ghost_text", "says"),
    [
        ("own", "OK.*Drawn by this plugin itself"),
        ("builtin", "WARNING.*Drawn by this plugin itself.*needs Neovim 0.12"),
    ],
)
def test_where_nothing_is_built_in_the_plugin_draws_and_checkhealth_says_so(
    open_editor: Open, ghost_text: str, says: str
) -> None:
    editor = open_editor(ghost_text=ghost_text)
    editor.wait_for_model()
    editor.type("GAwidth")
    assert editor.wait_for_ghost() == " * height"
    assert marks(editor, "tabwright") == 1
    editor.type("<Esc>")
    editor.nvim.command("checkhealth tabwright")
    assert re.search(says, editor.text())


def test_a_word_that_chooses_no_ghost_text_is_named_and_the_default_is_used(
    open_editor: Open,
) -> None:
    editor = open_editor()
    editor.lua("require('tabwright.drawers').choose('ghostly')")
    assert "ghost_text is none of 'auto', 'builtin' and 'own': \"ghostly\"" in editor.messages()
    assert editor.lua("return require('tabwright.drawers').current.name") == "own"


@on_newer
def test_checkhealth_names_the_built_in(open_editor: Open) -> None:
    editor = open_editor()
    editor.nvim.command("checkhealth tabwright")
    assert "Drawn by Neovim's built-in `vim.lsp.inline_completion`" in editor.text()
