"""The VS Code extension in a real VS Code, with the real server and the default weights."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from end_to_end import code_server
from end_to_end.code_server import NotHere
from end_to_end.vscode_support import VSCode, Window
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.weights import installed_weights

pytestmark = [
    pytest.mark.real_editor,
    pytest.mark.real_model,
    pytest.mark.timeout(900),  # the first test installs VS Code where it is not there yet
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
ADD = "\n\ndef add(left, right):\n    retu"
"""Typed at the end of PROGRAM."""
COUNT = "\n\ndef count_rows(path):\n    with op"
"""Typed there, this has a longer suggestion, for the like stands above."""

# VS Code indents a line once it has loaded the rules of the language, which nothing tells of: here
# it never does, and the tests type all of the indentation.
AS_TYPED = {"editor.autoIndent": "none"}

ACCEPTED = "textDocument/didPartiallyAcceptCompletion"
SHOWN = "textDocument/didShowCompletion"
MOVED = "tabwright/didMoveCursor"

Open = Callable[..., Window]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VSCode]:
    folder = tmp_path_factory.mktemp("vscode")
    try:
        editor = VSCode(folder)
    except NotHere as missing:
        pytest.skip(str(missing))
    yield editor
    editor.end()


@pytest.fixture
def open_window(code: VSCode, tmp_path: Path) -> Iterator[Open]:
    """Open a folder with one file in it, which is shown."""
    project = tmp_path / "project"
    (project / ".vscode").mkdir(parents=True)
    code.reset_settings()
    windows: list[Window] = []

    def start(
        text: str = PROGRAM,
        name: str = "program.py",
        settings: Mapping[str, Any] | None = None,
        size: tuple[int, int] = (1000, 640),
    ) -> Window:
        change_settings(project, settings or {})
        file = project / name
        file.write_bytes(text.encode())
        window = Window(code, project, size)
        windows.append(window)
        window.open(file)
        return window

    yield start
    for window in windows:
        window.close()


def change_settings(project: Path, settings: Mapping[str, Any]) -> None:
    values = {name if "." in name else f"tabwright.{name}": settings[name] for name in settings}
    (project / ".vscode" / "settings.json").write_text(json.dumps({**AS_TYPED, **values}))


def test_from_a_fresh_profile_a_suggestion_appears_while_typing_and_tab_accepts_it(
    open_window: Open,
) -> None:
    # The extension is installed and a folder opened: what is left is to type.
    window = open_window()
    window.to_end()
    window.type(ADD)
    ghost = window.wait_for_steady_ghost()
    window.press("Tab")
    assert window.saved().startswith(PROGRAM + ADD + ghost)
    window.until(lambda: "tabwright.accepted" in commands_run(window))
    assert window.notifications() == []


def test_the_package_is_small_and_holds_what_is_needed_and_no_more(code: VSCode) -> None:
    package = code.package
    assert package.stat().st_size < 1_000_000
    with zipfile.ZipFile(package) as archive:
        names = {each.removeprefix("extension/") for each in archive.namelist()}
    assert {"out/extension.js", "images/icon.png", "LICENSE.txt", "readme.md"} <= names
    assert not any(name.endswith((".ts", ".map")) or "node_modules" in name for name in names)


def commands_run(window: Window) -> list[str]:
    return [each["command"] for each in window.sent("workspace/executeCommand")]


def test_the_status_bar_names_the_model_the_language_and_the_last_latency(
    open_window: Open,
) -> None:
    window = open_window(size=(1000, 720))  # the picture has the whole menu
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    window.wait_for_steady_ghost()
    window.until(lambda: re.search(r"python · smollm2-135m · last .* \d+ ms", window.status()))
    window.press("Control+b")  # the picture has no side bar
    assert "Why was there nothing?" in window.menu()
    window.keep_picture("menu.png")


def test_a_suggestion_is_accepted_word_by_word_and_each_is_reported(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.to_end()
    window.type(COUNT)
    window.wait_for_steady_ghost()
    text = window.ask_by_hand()
    for count in (1, 2):
        window.press("Control+ArrowRight")
        window.until(lambda: len(window.sent(ACCEPTED)) == count)  # noqa: B023 - called here
    parts = window.sent(ACCEPTED)
    lengths = [each["acceptedLength"] for each in parts]
    assert parts[0]["item"]["insertText"] == text
    assert 0 < lengths[0] < len(text)
    assert window.saved().startswith(PROGRAM + COUNT + text[: lengths[0]])
    if parts[1]["item"]["insertText"] == text:  # no other suggestion came in between
        assert window.saved() == PROGRAM + COUNT + text[: lengths[1]]
    assert "tabwright.accepted" not in commands_run(window)
    assert window.notifications() == []


def test_a_block_is_accepted_line_by_line(open_window: Open) -> None:
    window = open_window(settings={"lines": "multi", "maxLines": 6})
    window.wait_for_model()
    window.to_end()
    window.type("\n\nclass Point:\n    def __init__(self, x, y):\n        ")
    text = window.ask_by_hand()
    first_line, _, rest = text.partition("\n")
    assert rest
    before = window.saved()
    window.press("Control+Alt+ArrowRight")
    window.until(lambda: window.sent(ACCEPTED))
    (part,) = window.sent(ACCEPTED)
    assert part["item"]["insertText"] == text
    taken = text[: part["acceptedLength"]]
    assert taken.rstrip("\n") == first_line
    assert window.saved() == before + taken


def test_typing_along_a_suggestion_keeps_it_on_the_screen(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.to_end()
    window.type(COUNT)
    ghost = window.wait_for_steady_ghost()
    assert len(ghost) > 3
    shown = len(window.sent(SHOWN))
    window.code.do("evaluate", code="window.ghostStates.length = 0")
    for typed in range(1, 3):
        window.type(ghost[typed - 1])
        window.until(lambda: window.ghost() == ghost[typed:])  # noqa: B023 - called here
    states = window.code.do("evaluate", code="window.ghostStates.map((each) => each.text)")
    assert "" not in states
    assert len(window.sent(SHOWN)) == shown
    window.press("Tab")
    assert window.saved().startswith(PROGRAM + COUNT + ghost)


def test_the_next_alternative_comes_with_its_key(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    first = window.wait_for_steady_ghost()
    window.press("Alt+]")
    second = window.until(lambda: (ghost := window.ghost()) != first and ghost)
    window.press("Alt+[")
    window.until(lambda: window.ghost() != second)
    window.press("Alt+]")
    window.until(lambda: window.ghost() == second)
    window.press("Tab")
    assert second.split("\n")[0] in window.saved()


def test_escape_sends_the_suggestion_away(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    window.wait_for_steady_ghost()
    window.press("Escape")
    window.until(lambda: window.ghost() == "")
    assert window.saved() == PROGRAM + ADD


def test_by_hand_a_suggestion_comes_where_none_comes_by_itself(open_window: Open) -> None:
    window = open_window(settings={"trigger": "manual"})
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    window.until(window.exchanges)
    assert window.ghost() == ""
    window.ask_by_hand()
    window.press("Tab")
    assert window.saved().startswith(PROGRAM + ADD + "rn")


def test_a_language_is_switched_off_and_on_from_the_menu(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.code.do("click", selector='.statusbar-item[id="tabwright.tabwright.status"] a')
    window.choose("Switch off for python")
    window.until(lambda: "switched off for python" in window.status())
    window.focus()
    window.to_end()
    window.type(ADD)
    window.until(window.exchanges)
    assert window.ghost() == ""
    window.command("Tabwright: Why Was There Nothing?")
    window.until(
        lambda: any("switched off for this language" in each for each in window.notifications())
    )
    window.command("Tabwright: Switch Suggestions Off or On for This Language")
    window.until(lambda: "switched off" not in window.status())
    window.focus()
    window.to_end()
    window.press("Backspace")
    window.type("u")
    assert window.wait_for_ghost()


def test_the_model_process_is_killed_while_typing_and_nobody_notices(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    window.wait_for_steady_ghost()
    (process,) = window.model_processes()
    window.type("rn ")
    process.kill()
    window.type("le")
    window.until(lambda: any(each.pid != process.pid for each in window.model_processes()))
    window.press("Enter", "Home")
    window.type("def subtract(left, right):\n    retu")
    assert window.wait_for_ghost()
    assert window.notifications() == []


def test_the_server_is_killed_and_started_again(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    servers = [each for each in window.code.processes() if "serve" in each.cmdline()]
    for server in servers:
        server.kill()
    window.until(lambda: window.status() and "starting" not in window.status())
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    assert window.wait_for_ghost()
    assert window.notifications() == []


def test_settings_take_effect_while_one_types(open_window: Open, tmp_path: Path) -> None:
    window = open_window()
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    window.wait_for_steady_ghost()
    pulled = len(window.said("editor", "workspace/didChangeConfiguration"))
    change_settings(tmp_path / "project", {"trigger": "manual"})
    window.until(lambda: len(window.said("editor", "workspace/didChangeConfiguration")) > pulled)
    answered = len(window.exchanges())
    window.type("x")
    window.until(lambda: len(window.exchanges()) > answered)
    assert window.exchanges()[-1][1]["result"]["items"] == []
    assert window.ghost() == ""
    change_settings(tmp_path / "project", {"trigger": "automatic"})
    window.until(
        lambda: len(window.said("editor", "workspace/didChangeConfiguration")) > pulled + 1
    )
    window.press("Backspace")
    assert window.wait_for_ghost()


def test_suggestions_are_switched_off_and_on_again(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.to_end()
    window.type(ADD)
    window.wait_for_steady_ghost()
    window.command("Tabwright: Switch Suggestions Off or On")
    window.until(lambda: "switched off" in window.status())
    window.focus()
    window.to_end()
    answered = len(window.exchanges())
    window.press("Backspace")
    window.type("u")
    window.until(lambda: len(window.exchanges()) > answered)
    assert window.ghost() == ""
    window.command("Tabwright: Switch Suggestions Off or On")
    window.until(lambda: "switched off" not in window.status())
    window.focus()
    window.to_end()
    assert window.wait_for_ghost()


def test_snoozing_asks_nothing_but_by_hand(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.command("Tabwright: Snooze, or Wake Up")
    window.choose("5 minutes")
    window.until(lambda: "snoozing until" in window.status())
    window.focus()
    window.to_end()
    window.type(ADD)
    window.ask_by_hand()
    assert {
        each["context"]["triggerKind"] for each in window.sent("textDocument/inlineCompletion")
    } == {1}
    window.command("Tabwright: Snooze, or Wake Up")
    window.until(lambda: "snoozing" not in window.status())


def test_with_the_suggest_widget_open_the_suggestion_goes_on_from_the_selected_entry(
    open_window: Open,
) -> None:
    window = open_window(settings={"editor.wordBasedSuggestions": "currentDocument"})
    window.wait_for_model()
    window.to_end()
    window.type("\n\ndef count_rows(path):\n    with open(path, newl")

    def has_list() -> bool:
        return bool(window.code.do("count", selector=".suggest-widget.visible") > 0)

    # On a busy machine VS Code may drop the list that typing opens: then a person asks for it.
    try:
        window.until(has_list, patience=10)
    except AssertionError:
        window.press("Control+Space")
        window.until(has_list)

    def selected() -> list[Any]:
        return [
            each
            for each in window.exchanges()
            if each[0]["params"]["context"].get("selectedCompletionInfo")
        ]

    window.until(selected)
    question, answer, _ = selected()[-1]
    chosen = question["params"]["context"]["selectedCompletionInfo"]
    for item in answer["result"]["items"]:
        assert item["insertText"].startswith(chosen["text"])
        assert item["range"] == chosen["range"]
    window.press("Escape")
    assert window.notifications() == []


def test_an_untitled_file_gets_suggestions(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.command("Create: New File...")
    window.choose("Text File")
    window.until(lambda: window.tab().startswith("Untitled"))
    window.type(
        "import csv\n\n\ndef read_rows(path):\n    with open(path) as file:\n        return li"
    )
    window.ask_by_hand()
    question = window.by_hand()[-1][0]["params"]
    assert question["textDocument"]["uri"].startswith("untitled:")


def test_the_open_file_is_renamed(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.press("Control+Shift+e")
    window.code.do("click", selector='.explorer-folders-view [aria-label="program.py"]')
    window.press("F2")
    window.code.do("click", selector=".explorer-folders-view input")
    window.press("Control+a")
    window.type("renamed.py")
    window.press("Enter")
    window.until(lambda: window.tab() == "renamed.py")
    window.file = window.file.with_name("renamed.py")
    window.focus()
    window.to_end()
    window.type(ADD)
    ghost = window.wait_for_steady_ghost()
    assert window.sent("textDocument/inlineCompletion")[-1]["textDocument"]["uri"].endswith(
        "/renamed.py"
    )
    window.press("Tab")
    assert window.saved().startswith(PROGRAM + ADD + ghost)


def test_an_emoji_before_the_cursor_in_a_file_with_carriage_returns(open_window: Open) -> None:
    text = PROGRAM + '\n\ndef add(left, right):\n    note = "🦊 fox"; retu'
    window = open_window(text.replace("\n", "\r\n"))
    window.wait_for_model()
    window.to_end()
    window.type("rn le")
    ghost = window.wait_for_steady_ghost()
    window.press("Tab")
    assert window.saved().startswith((text + "rn le" + ghost).replace("\n", "\r\n"))


def test_a_block_in_a_file_with_carriage_returns(open_window: Open) -> None:
    window = open_window(PROGRAM.replace("\n", "\r\n"), settings={"lines": "multi", "maxLines": 6})
    window.wait_for_model()
    window.to_end()
    window.type("\n\nclass Point:\n    def __init__(self, x, y):\n        ")
    text = window.ask_by_hand()
    assert "\n" in text
    before = window.saved()
    window.press("Tab")
    after = window.saved()
    assert after.startswith(before + text.replace("\n", "\r\n"))
    assert "\n" not in after.replace("\r\n", "")


def test_a_cell_of_a_notebook_is_completed_from_the_cells_before(open_window: Open) -> None:
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**empty, "source": PROGRAM}, {**empty, "source": ""}]
    kernel = {"language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    window = open_window(json.dumps(notebook), name="book.ipynb")
    window.wait_for_model()
    window.focus_cell(1)
    window.type("def count_rows(path):\n    with op")
    assert "path" in window.ask_by_hand()
    question = window.by_hand()[-1][0]["params"]
    assert question["textDocument"]["uri"].startswith("vscode-notebook-cell:")
    opened = window.sent("notebookDocument/didOpen")[-1]
    assert PROGRAM.rstrip("\n") in [
        each["text"].rstrip("\n") for each in opened["cellTextDocuments"]
    ]


def test_a_program_that_does_not_start_is_told_of_in_the_status_bar(
    open_window: Open, tmp_path: Path
) -> None:
    window = open_window(settings={"path": "/bin/false"})
    window.until(lambda: "did not start" in window.status())
    assert window.notifications() == []
    change_settings(tmp_path / "project", {"path": "/no/such/program"})
    window.until(lambda: "names no program" in window.status())
    change_settings(tmp_path / "project", {})
    window.wait_for_model()
    window.until(lambda: "ready" in window.status())


def test_two_folders_in_one_window(code: VSCode, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        (folder / f"{folder.name}.py").write_text(PROGRAM)
    workspace = tmp_path / "both.code-workspace"
    paths = [{"path": each.name} for each in folders]
    workspace.write_text(json.dumps({"folders": paths, "settings": AS_TYPED}))
    code.reset_settings()
    window = Window(code, workspace)
    try:
        for folder in folders:
            window.open(folder / f"{folder.name}.py")
            window.wait_for_model()
            window.to_end()
            window.type(ADD)
            window.wait_for_steady_ghost()
        (started,) = window.sent("initialize")
        assert [each["uri"] for each in started["workspaceFolders"]] == [
            each.as_uri() for each in folders
        ]
    finally:
        window.close()


def test_the_cursor_is_told_of_when_it_moves_but_not_when_one_types(open_window: Open) -> None:
    window = open_window()
    window.wait_for_model()
    window.press("Control+Home")
    window.until(lambda: places(window)[-1:] == [(0, 0)])
    window.press("Control+End")
    window.until(lambda: places(window)[-1:] == [(7, 0)])
    told = len(places(window))
    window.type("x = 1")
    window.until(lambda: window.sent("textDocument/inlineCompletion"))
    assert len(places(window)) == told
    window.press("ArrowUp")
    window.until(lambda: places(window)[told:] == [(6, 5)])


def test_three_steps_from_a_fresh_profile_to_ghost_text_as_the_page_has_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    page = (code_server.EXTENSION / "README.md").read_text()
    steps = re.findall(r"^\d\. (.+?)$(?=\n\d|\n\n)", section(page, "Three steps"), re.M | re.S)
    install, click, type_ = steps
    folder = tmp_path_factory.mktemp("fresh")
    try:
        code = VSCode(folder, is_server_installed=False, extensions=[])
    except NotHere as missing:
        pytest.skip(str(missing))
    try:
        file = folder / "project" / "program.py"
        (file.parent / ".vscode").mkdir(parents=True)
        change_settings(file.parent, {})
        file.write_text(PROGRAM)
        window = Window(code, file.parent)
        (title,) = bold(install)
        assert code.package.name in install
        window.command(title)
        window.choose_file(code.package)
        window.until(lambda: "command was not found" in window.status())
        item, entry = bold(click)
        assert item in window.status()
        assert entry in window.menu()
        window.choose(entry)
        window.choose("With pipx")
        window.until(lambda: "ready" in window.status())
        assert type_ == "Open a file and type."
        window.open(file)
        window.to_end()
        window.type(COUNT)
        ghost = window.wait_for_steady_ghost()
        window.press("Tab")
        assert window.saved().startswith(PROGRAM + COUNT + ghost)
    finally:
        code.end()


def section(page: str, heading: str) -> str:
    return page.split(f"## {heading}\n")[1].partition("\n## ")[0]


def bold(text: str) -> list[str]:
    """What a text names of the screen, as VS Code spells it: commands end in three dots."""
    names = re.findall(r"\*\*(.+?)\*\*", text)
    return [each.replace("…", "...") if ": " in each else each for each in names]


def places(window: Window) -> list[tuple[int, int]]:
    positions = [each["position"] for each in window.sent(MOVED)]
    return [(each["line"], each["character"]) for each in positions]
