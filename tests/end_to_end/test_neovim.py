"""The Neovim plugin in a real Neovim, with the real server and the default weights."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.weights import installed_weights

pytest.importorskip("pynvim", reason="pynvim, which drives Neovim, is not installed")

from end_to_end.neovim_support import Editor, isolate
from end_to_end.neovims import Neovim, on_all, on_both

pytestmark = [
    pytest.mark.real_editor,
    pytest.mark.real_model,
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
def open_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, neovim: Neovim) -> Iterator[Open]:
    isolate(tmp_path, monkeypatch.setenv)
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    with ExitStack() as stack:

        def start(
            text: str, name: str = "program.py", settings: Any = None, extra_lua: str = ""
        ) -> Editor:
            file = project / name
            file.write_bytes(text.encode())
            return stack.enter_context(Editor(tmp_path, file, settings, extra_lua, neovim=neovim))

        yield start


@on_all
def test_a_suggestion_appears_while_typing_and_tab_accepts_it(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    ghost = editor.wait_for_ghost()
    assert editor.drawn() == ghost
    assert editor.accept() == editor.text()
    assert "return" in editor.text().rpartition("def add")[2]
    assert editor.messages() == ""


@on_both
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


@on_both
def test_a_block_of_several_lines_is_drawn_and_accepted(open_editor: Open) -> None:
    editor = open_editor(PROGRAM, settings={"lines": "multi", "maxLines": 6})
    editor.wait_for_model()
    editor.type("Go<CR><CR>def describe(row):<CR>if not row:<CR>return None<CR><C-d>")
    ghost = editor.ask_by_hand()
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


@pytest.mark.parametrize("key", ["<M-Right>", "<M-C-Right>", "<M-]>", "<M-[>"])
@pytest.mark.parametrize(
    ("mapping", "inserted"),
    [
        ("vim.keymap.set('i', '{key}', 'before')", "before"),
        ("vim.cmd([[autocmd FileType python inoremap <buffer> {key} local]])", "local"),
    ],
    ids=["keys", "buffer"],
)
def test_other_keys_without_a_suggestion_do_what_they_did_before(
    open_editor: Open, key: str, mapping: str, inserted: str
) -> None:
    extra = mapping.replace("{key}", key)
    editor = open_editor("x = 1\n", settings={"trigger": "manual"}, extra_lua=extra)
    editor.type(f"O{key}")
    editor.until(lambda: editor.text() == f"{inserted}\nx = 1")
    assert editor.messages() == ""


@pytest.mark.parametrize(("key", "column"), [("<M-Right>", 1), ("<M-C-Right>", 4), ("<M-x>", 0)])
def test_a_key_with_alt_that_meant_nothing_leaves_insert_mode_as_neovim_has_it(
    open_editor: Open, key: str, column: int
) -> None:
    extra = "require('tabwright.options').defaults.keymaps.next = '<M-x>'"
    editor = open_editor("abc def\n", settings={"trigger": "manual"}, extra_lua=extra)
    editor.type(f"i{key}")
    editor.until(lambda: editor.nvim.api.get_mode()["mode"] == "n")
    editor.until(lambda: editor.nvim.current.window.cursor == (1, column))
    assert editor.text() == ("bc def" if key == "<M-x>" else "abc def")


@on_all
def test_typing_along_a_suggestion_keeps_it_on_the_screen_all_the_time(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    ghost = editor.wait_for_ghost()
    asked = editor.nvim.vars["asked"]
    line = f"{editor.nvim.current.line}{ghost}"
    editor.watch_screen()
    keys = min(3, len(ghost) - 1)
    assert keys > 0
    for typed in range(1, keys + 1):
        editor.type(ghost[typed - 1])
        editor.until(lambda: (editor.ghost() or "") == ghost[typed:])  # noqa: B023 - called here
        assert editor.drawn() == ghost[typed:]
    editor.wait_for_answer()
    assert editor.nvim.vars["asked"] == asked + keys
    editor.type("<BS>")
    editor.until(lambda: editor.ghost() == ghost[keys - 1 :])
    editor.wait_for_answer()
    assert editor.drawn_lines() == {line}
    shown = [each["item"]["insertText"] for each in editor.sent("textDocument/didShowCompletion")]
    assert shown.count(ghost) == 1
    assert not any(ghost.endswith(each) and each != ghost for each in shown)
    assert editor.accept() == editor.text()


@on_both
def test_typing_on_takes_a_question_back_before_the_next_one(open_editor: Open) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type("Go<CR><CR>")
    for letter in "def multiply(left, right):":
        editor.type(letter)
        editor.text()  # so that the keys do not come as one
    editor.wait_for_answer()
    assert editor.nvim.vars["taken_back"] > 0
    assert editor.nvim.vars["most_open"] == 1


@on_all
def test_a_suggestion_is_accepted_word_by_word_and_counted_with_the_last_one(
    open_editor: Open,
) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    ghost = editor.ask_by_hand()  # what was asked for by hand is not replaced on the way
    before = editor.text()
    moves = editor.moves()
    words = re.findall(r"\W*\w+|\W+$", ghost)
    assert len(words) > 1
    editor.watch_screen()
    line = f"{editor.nvim.current.line}{ghost}"
    for count in range(1, len(words)):
        accepted = "".join(words[:count])
        editor.type("<M-Right>")
        editor.until(lambda: editor.text() == before + accepted)  # noqa: B023 - called here
        editor.until(lambda: editor.drawn() == ghost[len(accepted) :])  # noqa: B023 - called here
    assert editor.drawn_lines() == {line}
    parts = editor.sent("textDocument/didPartiallyAcceptCompletion")
    assert [each["acceptedLength"] for each in parts] == [
        len("".join(words[:count])) for count in range(1, len(words))
    ]
    assert {each["item"]["insertText"] for each in parts} == {ghost}
    assert editor.moves() == moves  # the server has the edits
    editor.type("<M-Right>")
    editor.until(lambda: editor.text() == before + ghost)
    editor.until(lambda: editor.server_status()["statistics"]["accepted"] > 0)
    assert editor.messages() == ""
    editor.type("<Esc>u")
    editor.until(lambda: editor.text() == before + "".join(words[:-1]))


@on_both
def test_a_block_is_accepted_line_by_line(open_editor: Open) -> None:
    editor = open_editor(PROGRAM, settings={"lines": "multi", "maxLines": 6})
    editor.wait_for_model()
    editor.type("Go<CR><CR><C-u>class Point:<CR>def __init__(self, x, y):<CR>")
    before, ghost = editor.text(), editor.ask_by_hand()
    first, rest = ghost.split("\n", 1)
    second = "\n" + rest.split("\n")[0]
    editor.type("<M-C-Right>")
    editor.until(lambda: editor.text() == before + first)
    editor.until(lambda: editor.drawn() == f"\n{rest}")
    editor.type("<M-C-Right>")
    editor.until(lambda: editor.text() == before + first + second)


@on_all
def test_alternatives_are_asked_for_and_gone_through_in_both_directions(
    open_editor: Open,
) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.type(f"Go{ADD}")
    first = editor.wait_for_ghost()
    editor.wait_for_answer()
    asked = editor.nvim.vars["asked"]
    editor.type("<M-]>")
    second = editor.until(lambda: (ghost := editor.ghost()) != first and ghost)
    assert editor.drawn() == second
    assert editor.nvim.vars["asked"] == asked + 1
    editor.type("<M-[>")
    editor.until(lambda: editor.drawn() == first)
    editor.type("<M-[>")
    last = editor.until(lambda: (ghost := editor.drawn()) != first and ghost)
    editor.type("<M-]><M-]>")
    editor.until(lambda: editor.drawn() == second)
    assert editor.nvim.vars["asked"] == asked + 1
    shown = [each["item"]["insertText"] for each in editor.sent("textDocument/didShowCompletion")]
    assert [shown.count(each) for each in (first, second, last)] == [1, 1, 1]
    editor.type(second[0])
    editor.until(lambda: editor.ghost() == second[1:])
    assert editor.accept() == editor.text()
    assert editor.messages() == ""


def test_the_server_is_told_where_the_cursor_moves_but_not_where_one_types(
    open_editor: Open,
) -> None:
    editor = open_editor(PROGRAM)
    editor.wait_for_model()
    editor.until(lambda: editor.moves() == [(0, 0)])
    editor.type("4j")
    editor.until(lambda: editor.moves()[1:] == [(4, 0)])
    editor.type("i")
    editor.until(lambda: editor.moves()[2:] == [(4, 0)])  # in case the model has been put away
    editor.type("x = 1<CR>")
    editor.until(lambda: editor.nvim.vars["answered"] == editor.nvim.vars["asked"] > 0)
    editor.type("y")
    editor.wait_for_answer()
    assert len(editor.moves()) == 3
    editor.type("<Esc>")
    editor.until(lambda: editor.moves()[3:] == [(5, 0)])


def test_a_cursor_that_moves_quickly_is_told_of_now_and_then(open_editor: Open) -> None:
    editor = open_editor("\n".join("x" * 9 for _ in range(200)))
    editor.wait_for_model()
    editor.until(lambda: editor.moves() == [(0, 0)])
    started = time.monotonic()
    for _ in range(150):
        editor.type("j")
        editor.text()  # so that the keys do not come as one
    seconds = time.monotonic() - started
    editor.until(lambda: editor.moves()[-1] == (150, 0))
    assert 2 < len(editor.moves()) <= 3 + seconds / 0.1


def test_the_server_is_told_of_the_buffer_that_comes_to_the_front(
    open_editor: Open, tmp_path: Path
) -> None:
    other = tmp_path / "project" / "other.py"
    other.write_text("y = 2\nz = 3\n")
    editor = open_editor(PROGRAM)
    editor.until(lambda: editor.moves() == [(0, 0)])
    editor.nvim.command(f"edit +2 {other}")
    editor.until(lambda: editor.moves()[-1] == (1, 0))
    editor.nvim.command("buffer program.py")
    editor.until(lambda: editor.moves()[-1] == (0, 0))
    uris = [each["textDocument"]["uri"] for each in editor.sent("tabwright/didMoveCursor")]
    assert list(dict.fromkeys(uris)) == [editor.file.as_uri(), other.as_uri()]
    assert uris[-1] == editor.file.as_uri()
    editor.nvim.command("enew")
    editor.type("iplain<Esc>")
    editor.until(lambda: editor.text() == "plain")
    assert editor.sent("tabwright/didMoveCursor")[-1]["textDocument"]["uri"] == uris[-1]


@on_both
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


@on_both
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


@on_both
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


@on_both
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


@on_both
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
    editor.ask_by_hand()
    expected = editor.accept()
    assert editor.text() == expected
    assert "\r" not in expected
    editor.type("<Esc>")
    editor.nvim.command("silent write")
    assert editor.file.read_bytes() == (expected + "\n").replace("\n", "\r\n").encode()


@on_both
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


@on_both
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
    editor.type("A<BS>u")
    assert editor.wait_for_ghost()


def test_the_command_line_completes_commands_and_models(open_editor: Open) -> None:
    editor = open_editor("x = 1\n")
    complete = editor.nvim.funcs.getcompletion
    assert complete("Tabwright re", "cmdline") == ["restart"]
    assert complete("Tabwright model smollm2-135m-py", "cmdline") == ["smollm2-135m-python"]
    assert "auto" in complete("Tabwright model ", "cmdline")
