"""The Neovim plugin in a real Neovim, with the real server and the default weights."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.weights import installed_weights

pytest.importorskip("pynvim", reason="pynvim, which drives Neovim, is not installed")

from end_to_end.neovim_support import Editor, find_neovim, isolate

pytestmark = [
    pytest.mark.real_editor,
    pytest.mark.real_model,
    pytest.mark.skipif(find_neovim() is None, reason="Neovim is not installed"),
    pytest.mark.skipif(
        installed_weights(read_catalogue(catalogue_folders()).default) is None,
        reason="the default weights are not installed; run `tabwright models pull`",
    ),
]

PROGRAM = '''\
import csv


def read_rows(path):
    """Return the rows of a CSV file."""
    with open(path, newline="") as file:
        return list(csv.reader(file))
'''
ADD = "<CR><CR>def add(left, right):<CR>retu"

Open = Callable[..., Editor]


@pytest.fixture
def open_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    isolate(tmp_path, monkeypatch.setenv)
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    with ExitStack() as stack:

        def start(
            text: str, name: str = "program.py", settings: Any = None, extra_lua: str = ""
        ) -> Editor:
            file = project / name
            file.write_bytes(text.encode())
            return stack.enter_context(Editor(tmp_path, file, settings, extra_lua))

        yield start


def test_a_suggestion_appears_while_typing_and_tab_accepts_it(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    ghost = editor.wait_for_ghost()
    assert editor.drawn() == ghost
    assert editor.accept() == editor.text()
    assert "return" in editor.text().rpartition("def add")[2]
    assert editor.messages() == ""


def test_accepting_is_one_undo_step_and_is_counted(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    editor.wait_for_ghost()
    before = editor.text()
    editor.accept()
    editor.until(lambda: editor.server_status()["statistics"]["accepted"] == 1)
    assert editor.server_status()["statistics"]["shown"] >= 1
    editor.type("<Esc>u")
    editor.until(lambda: editor.text() == before)


def test_a_block_of_several_lines_is_drawn_and_accepted(open_editor: Open) -> None:
    editor = open_editor(PROGRAM, settings={"lines": "multi", "maxLines": 6})
    editor.wait_for_model()
    editor.type("Go<CR><CR>def describe(row):<CR>if not row:<CR>return None<CR><C-d>")
    editor.until(lambda: editor.nvim.vars["answered"] == editor.nvim.vars["asked"])
    editor.type(r"<M-\>")
    ghost = editor.wait_for_ghost()
    assert editor.drawn() == ghost
    assert editor.accept() == editor.text()


@pytest.mark.parametrize(
    ("mapping", "inserted"),
    [
        ("", "    "),
        ("vim.keymap.set('i', '<Tab>', 'before')", "before"),
        ("vim.keymap.set('i', '<Tab>', function() return '<C-v>u263a' end, {expr = true})", "☺"),
        ("vim.keymap.set('i', '<Tab>', '<Plug>(mine)', {remap = true})", "mine"),
        ("vim.keymap.set('i', '<Tab>', function() vim.api.nvim_put({'put'}, 'c', true, true) end)"
         , "put"),
        ("vim.cmd([[autocmd FileType python inoremap <buffer><expr> <Tab> 'lo' . 'cal']])",
         "local"),
    ],
    ids=["nothing", "keys", "expression", "plug", "function", "buffer"],
)  # fmt: skip
def test_tab_without_a_suggestion_does_what_it_did_before(
    open_editor: Open, mapping: str, inserted: str
) -> None:
    extra = f"vim.keymap.set('i', '<Plug>(mine)', 'mine')\n{mapping}"
    editor = open_editor("x = 1\n", settings={"trigger": "manual"}, extra_lua=extra)
    editor.type("O<Tab>")
    editor.until(lambda: editor.text() == f"{inserted}\nx = 1")
    editor.type("<Esc>S<Tab>")
    editor.until(lambda: editor.text() == f"{inserted}\nx = 1")
    assert editor.messages() == ""


def test_typing_along_a_suggestion_keeps_it_without_asking_again(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    ghost = editor.wait_for_ghost()
    asked = editor.nvim.vars["asked"]
    for typed in range(1, 4):
        editor.type(ghost[typed - 1])
        editor.until(lambda: (editor.ghost() or "") == ghost[typed:])  # noqa: B023 - called here
        assert editor.drawn() == ghost[typed:]
    editor.type("<BS>")
    editor.until(lambda: editor.ghost() == ghost[2:])
    assert editor.nvim.vars["asked"] == asked
    assert editor.accept() == editor.text()


def test_a_suggestion_goes_when_the_user_types_something_else_or_leaves(
    open_editor: Open,
) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    ghost = editor.wait_for_ghost()
    editor.type("~")
    editor.until(lambda: not (editor.ghost() or "").startswith(ghost))
    editor.type("<BS>")
    editor.wait_for_ghost()
    editor.type("<Esc>")
    editor.until(lambda: editor.drawn() is None)
    assert editor.ghost() is None


def test_the_end_of_the_model_process_disturbs_nobody(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    editor.wait_for_ghost()
    process = editor.model_process()
    assert process is not None
    answered = editor.nvim.vars["answered"]
    editor.type("rn ")
    os.kill(process, signal.SIGKILL)
    editor.type("ri")
    editor.until(lambda: editor.nvim.vars["answered"] > answered)
    editor.type("<Esc>S<C-u>    retu")
    editor.wait_for_ghost()
    assert editor.model_process() not in (None, process)
    assert editor.accept() == editor.text()
    assert editor.messages() == ""
    assert editor.nvim.vvars["errmsg"] == ""


def test_the_end_of_the_server_is_told_once_and_typing_goes_on(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    editor.wait_for_ghost()
    (process,) = editor.nvim.api.get_proc_children(editor.nvim.funcs.getpid())
    os.kill(process, signal.SIGKILL)
    editor.until(lambda: editor.drawn() is None)
    editor.type("rn l")
    editor.until(lambda: editor.text().endswith("return l"))
    editor.until(lambda: "Tabwright: ended" in editor.messages())
    assert len(editor.messages().strip().splitlines()) == 1
    assert editor.lua("return require('tabwright').status()") == "Tabwright !"
    assert editor.nvim.vvars["errmsg"] == ""
    editor.nvim.command("Tabwright restart")
    editor.wait_for_model()
    assert editor.accept() == editor.text()


def test_a_server_that_cannot_be_started_is_told_once(open_editor: Open, tmp_path: Path) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.lua("require('tabwright.server').stop()")
    editor.until(lambda: editor.lua("return #vim.lsp.get_clients() == 0"))
    editor.lua("require('tabwright').setup({cmd = {'no-such-tabwright'}})")
    editor.until(lambda: "no-such-tabwright" in editor.messages())
    editor.nvim.command(f"edit {tmp_path / 'other.py'}")
    editor.type("ix = 1<Esc>")
    editor.until(lambda: editor.text() == "x = 1")
    assert editor.messages().count("no-such-tabwright") == 1


def test_an_emoji_before_the_cursor_in_a_file_with_carriage_returns(open_editor: Open) -> None:
    text = PROGRAM + '\n\ndef add(left, right):\n    note = "🦊 fox"; retu\n'
    editor = open_editor(text.replace("\n", "\r\n"), settings={"inCommentsAndStrings": True})
    assert editor.nvim.current.buffer.options["fileformat"] == "dos"
    editor.wait_for_model()
    editor.type("GA")
    editor.type("rn le")
    expected = editor.accept()
    assert editor.text() == expected
    assert "\r" not in expected
    assert expected.startswith(text.rstrip("\n") + "rn le")
    editor.type("<Esc>")
    editor.nvim.command("silent write")
    assert editor.file.read_bytes() == (expected + "\n").replace("\n", "\r\n").encode()


def test_a_block_in_a_file_with_carriage_returns_and_tabs(open_editor: Open) -> None:
    text = (
        "#include <stdio.h>\n\nint sum(const int *values, int count)\n{\n\tint total = 0;\n"
        "\tfor (int i = 0; i < count; i++) {\n\t\ttotal += values[i];\n\t}\n\treturn total;\n}\n\n"
        "int largest(const int *values, int count)\n{\n\tint best = values[0];\n\t\n}\n"
    )
    editor = open_editor(
        text.replace("\n", "\r\n"), "sums.c", settings={"lines": "multi", "maxLines": 6}
    )
    editor.wait_for_model()
    editor.type("G2k$a")
    editor.type(r"<M-\>")
    expected = editor.accept()
    assert editor.text() == expected
    assert "\r" not in expected
    editor.type("<Esc>")
    editor.nvim.command("silent write")
    assert editor.file.read_bytes() == (expected + "\n").replace("\n", "\r\n").encode()


def test_a_language_that_is_switched_off_shows_nothing_and_explain_says_why(
    open_editor: Open,
) -> None:
    editor = open_editor(PROGRAM, settings={"languages": {"python": {"enabled": False}}})
    editor.type(f"Go{ADD}")
    editor.until(lambda: editor.nvim.vars["answered"] > 0)
    assert editor.drawn() is None
    editor.type("<Esc>")
    editor.nvim.command("Tabwright explain")
    editor.until(lambda: "switched off for this language" in editor.messages())


def test_toggle_switches_suggestions_off_and_on(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.nvim.command("silent Tabwright toggle")
    editor.type(f"Go{ADD}")
    editor.until(lambda: editor.text().endswith("retu"))
    assert editor.nvim.vars["asked"] == 0
    assert editor.lua("return require('tabwright').status()") == "Tabwright off"
    editor.type("<Esc>")
    editor.nvim.command("silent Tabwright toggle")
    editor.type("A")
    editor.type("rn")
    assert editor.wait_for_ghost()


def test_the_command_line_completes_commands_and_models(open_editor: Open) -> None:
    editor = open_editor("x = 1\n")
    complete = editor.nvim.funcs.getcompletion
    assert complete("Tabwright re", "cmdline") == ["restart"]
    assert complete("Tabwright model smol", "cmdline") == ["smollm2-135m"]
    assert "auto" in complete("Tabwright model ", "cmdline")
