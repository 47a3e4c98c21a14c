"""What the VS Code extension says and shows where model and training are scripted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end import code_server, recordings
from end_to_end.code_server import NotHere
from end_to_end.scripted_server import (
    end_specializing,
    prompts,
    scripted_command,
    scripted_environment,
    specializing,
)
from end_to_end.vscode_support import STATUS, VSCode, Window

pytestmark = [
    pytest.mark.real_editor,
    pytest.mark.timeout(900),  # the first test installs VS Code where it is not there yet
]

AREA = "def area(width, height):\n    return \n"
ROWS = "class Row:\n    def width(self):\n        return 1\n"
SETTING_NAMES = ".settings-editor .setting-item-label"
CHANNEL = (
    "[...document.querySelectorAll('.part.panel select')].map((each) => "
    "each.selectedOptions[0]?.textContent)"
)
"""Whose output is shown below the editor."""
USE = "from rows import Row\n\n\ndef width(row: Row):\n    return row\n"


PYTHON = Path(__file__).with_name("python_extension")


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VSCode]:
    folder = tmp_path_factory.mktemp("scripted")
    variables = scripted_environment(folder, " * height")
    try:
        editor = VSCode(folder, server=scripted_command(), variables=kept(variables))
    except NotHere as missing:
        pytest.skip(str(missing))
    yield editor
    editor.end()


def kept(variables: dict[str, str]) -> dict[str, str]:
    """Return what is the scripted server's own, and none of this process's environment."""
    return {
        name: variables[name]
        for name in variables
        if name.startswith(("SCRIPTED_", "TABWRIGHT_CONFIG_DIR", "TABWRIGHT_DATA_DIR"))
    }


def open_project(code: VSCode, project: Path, files: dict[str, str], shown: str) -> Window:
    project.mkdir()
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    code.reset_settings()
    window = Window(code, project)
    window.open(project / shown)
    window.wait_for_model()
    return window


def test_typing_accepting_and_an_astral_character(code: VSCode, tmp_path: Path) -> None:
    window = open_project(code, tmp_path / "project", {"area.py": AREA}, "area.py")
    try:
        window.to_end()
        window.press("ArrowUp", "End")
        window.type("width")
        window.until(lambda: window.ghost() == " * height")
        window.press("Tab")
        assert window.saved() == AREA.replace("return ", "return width * height")
        window.to_end()
        window.type('["🦜é", width')  # VS Code closes the bracket
        assert window.ask_by_hand() == " * height"
        window.press("Control+ArrowRight")
        window.until(lambda: window.sent("textDocument/didPartiallyAcceptCompletion"))
        window.press("Tab")
        assert window.saved().endswith('["🦜é", width * height]')
        assert any(each.endswith('["🦜é", width') for each in prompts(code.folder))
        recording = window.recording()
        assert recording is not None
        window.command("Tabwright: Restart the Server")
        window.until(lambda: '"method": "exit"' in recording.read_text(encoding="utf-8"))
        assert window.notifications() == []
    finally:
        window.close()
    recordings.keep_file("vscode", recording, tmp_path / "project")


def test_specialising_shows_its_progress_and_says_how_it_ended(
    code: VSCode, tmp_path: Path
) -> None:
    window = open_project(code, tmp_path / "project", {"area.py": AREA}, "area.py")
    try:
        window.code.do("click", selector=f"{STATUS} a")
        window.choose("Specialise this workspace…")
        window.choose("5 minutes")
        words = window.until(lambda: specializing(code.folder))
        assert words[0] == "specialize"
        assert words[words.index("--workspace") + 1] == str(tmp_path / "project")
        assert words[words.index("--minutes") + 1] == "5"
        window.until(lambda: any(is_progress(each) for each in window.status_bar()))
        assert window.notifications() == []
        end_specializing(code.folder)
        window.until(window.notifications)
        assert window.notifications() == ["Tabwright: Installed; it got 3 of 10 more right."]
        window.until(lambda: not any(is_progress(each) for each in window.status_bar()))
    finally:
        window.close()


def is_progress(text: str) -> bool:
    return "Specialising for project" in text and "Training: step 5 of 20" in text


def test_the_report_names_the_files_that_the_model_was_shown(code: VSCode, tmp_path: Path) -> None:
    settings = json.dumps({"tabwright.excerpts": "always"})
    files = {"rows.py": ROWS, "use.py": USE, ".vscode/settings.json": settings}
    window = open_project(code, tmp_path / "project", files, "use.py")
    try:
        window.to_end()
        window.press("ArrowUp", "End")

        def is_told() -> bool:  # once the workspace has been read
            told = len(window.results("tabwright.explain"))
            window.press("Escape")
            window.ask_by_hand()
            window.until(lambda: len(window.results("tabwright.explain")) > told)
            return bool(window.results("tabwright.explain")[-1]["shownFiles"])

        window.until(is_told)
        window.command("Tabwright: Which Context Was Used?")
        window.until(lambda: window.tab() == "Last suggestion.md")
        window.until(lambda: "rows.py: defines Row" in window.text().replace("`", ""))
    finally:
        window.close()


def test_the_menu_has_what_the_page_says_and_each_entry_does_it(
    code: VSCode, tmp_path: Path
) -> None:
    window = open_project(code, tmp_path / "project", {"area.py": AREA}, "area.py")
    try:
        page = (code_server.EXTENSION / "README.md").read_text(encoding="utf-8")
        table = page.split("| entry | does |\n|---|---|\n")[1].split("\n\n")[0]
        named = [row.split(" | ")[0].removeprefix("| ") for row in table.splitlines()]
        shown = [each.replace("for python", "for a language") for each in window.menu()]
        assert shown == [each for row in named for each in row.split(", ")]
        window.choose("Switch the model…")
        window.choose("scripted")
        window.until(lambda: "Tabwright: The model is now scripted." in window.notifications())
        window.menu()
        window.choose("Settings")
        window.until(lambda: window.tab() == "Settings")
        window.until(lambda: "Trigger" in "".join(code.do("texts", selector=SETTING_NAMES)))
        window.menu()
        window.choose("Log")
        # Its text is not to be seen: what writes it is a native module, which is not built here.
        window.until(lambda: "Tabwright" in code.do("evaluate", code=CHANNEL))
        before = window.recording()
        window.menu()
        window.choose("Restart")
        window.until(lambda: window.recording() != before)
        window.wait_for_model()
    finally:
        window.close()


def test_a_language_that_was_off_for_a_while_goes_off_with_all_the_others(
    code: VSCode, tmp_path: Path
) -> None:
    window = open_project(code, tmp_path / "project", {"area.py": AREA}, "area.py")
    try:
        for label in ("Switch off for python", "Switch on for python", "Switch off"):
            assert label in window.menu()
            window.choose(label)
            window.until(lambda: ("switched off" in window.status()) == ("off" in label))  # noqa: B023 - called here
        window.focus()
        window.to_end()
        answered = len(window.exchanges())
        window.type("width")
        window.until(lambda: len(window.exchanges()) > answered)
        assert window.exchanges()[-1][1]["result"]["items"] == []
        assert "switched off." in window.status()
    finally:
        window.close()


def test_the_walkthrough_leads_to_the_first_suggestion(code: VSCode, tmp_path: Path) -> None:
    window = open_project(code, tmp_path / "project", {"area.py": AREA}, "area.py")
    try:
        window.command("Welcome: Open Walkthrough...")
        window.choose("Start with Tabwright")
        steps = ".gettingStartedContainer .step-title"
        titles = window.until(lambda: code.do("texts", selector=steps))
        assert [each.strip() for each in titles] == [
            "Install the server",
            "Type, and press Tab",
            "Ask why there was nothing",
        ]
        window.until(lambda: code.do("count", selector=".gettingStartedContainer h2") > 0)
    finally:
        window.close()


@pytest.fixture(scope="module")
def code_without_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VSCode]:
    """A VS Code without `tabwright`, but with something that stands for the Python extension."""
    folder = tmp_path_factory.mktemp("without_server")
    variables = scripted_environment(folder, " * height")
    try:
        code_server.find_browser()  # before anything is packed
        python = code_server.packed(PYTHON, folder / "python.vsix")
        editor = VSCode(
            folder,
            is_server_installed=False,
            extensions=[code_server.packaged_extension(), python],
            server=scripted_command(),
            variables=kept(variables),
        )
    except NotHere as missing:
        pytest.skip(str(missing))
    yield editor
    editor.end()


def test_the_server_is_found_in_the_python_environment_that_is_chosen(
    code_without_server: VSCode, tmp_path: Path
) -> None:
    window, project = open_without_server(code_without_server, tmp_path)
    try:
        environment = tmp_path / "environment" / "bin"
        environment.mkdir(parents=True)
        shutil.copy(code_without_server.folder / "tabwright", environment)
        settings = {"python.defaultInterpreterPath": str(environment / "python")}
        (project / ".vscode").mkdir()
        (project / ".vscode" / "settings.json").write_text(json.dumps(settings))
        complete_a_line(window)
    finally:
        window.close()


def test_the_program_is_shown_to_the_extension(code_without_server: VSCode, tmp_path: Path) -> None:
    window, _ = open_without_server(code_without_server, tmp_path)
    try:
        window.menu()
        window.choose("Install Tabwright…")
        window.choose("It is installed already")
        window.choose_file(code_without_server.folder / "tabwright")
        complete_a_line(window)
    finally:
        window.close()


def open_without_server(code: VSCode, folder: Path) -> tuple[Window, Path]:
    """Open a file, and wait until it is said that there is no server."""
    project = folder / "project"
    project.mkdir()
    (project / "area.py").write_text(AREA, encoding="utf-8")
    code.reset_settings()
    window = Window(code, project)
    window.open(project / "area.py")
    window.until(lambda: "command was not found" in window.status())
    assert window.notifications() == []
    return window, project


def complete_a_line(window: Window) -> None:
    window.wait_for_model()
    window.focus()
    window.to_end()
    window.press("ArrowUp", "End")
    window.type("width")
    window.until(lambda: window.ghost() == " * height")
