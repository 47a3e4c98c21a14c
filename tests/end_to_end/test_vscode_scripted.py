"""What the VS Code extension says and shows where model and training are scripted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end import recordings
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
USE = "from rows import Row\n\n\ndef width(row: Row):\n    return row\n"


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
