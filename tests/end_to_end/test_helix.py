"""`editors/helix/languages.toml` in a real Helix; the model is scripted."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from end_to_end import recordings
from end_to_end.debian_editors import helix
from end_to_end.fetching import NotHere
from end_to_end.scripted_server import (
    is_loaded,
    prompts,
    scripted_command,
    scripted_environment,
)
from end_to_end.terminal import Terminal, saved

OURS = Path(__file__).parents[2] / "editors" / "helix" / "languages.toml"


@pytest.mark.real_editor
@pytest.mark.timeout(300)
def test_the_suggestion_is_in_the_completion_list(tmp_path: Path) -> None:
    try:
        program, own = helix()
    except NotHere as missing:
        pytest.skip(str(missing))
    project, record, programs, settings = (
        tmp_path / name for name in ("project", "record", "bin", "settings/helix")
    )
    (project / ".git").mkdir(parents=True)
    settings.mkdir(parents=True)
    programs.mkdir()
    shutil.copy(OURS, settings)
    tabwright = programs / "tabwright"
    tabwright.write_text(f'#!/bin/sh\nexec {shlex.join(scripted_command())} "$@"\n')
    tabwright.chmod(0o755)
    environment = recordings.recording_environment(
        {
            **scripted_environment(tmp_path, " * height"),
            **own,
            "XDG_CONFIG_HOME": str(settings.parent),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        },
        record,
    )
    file = project / "area.py"
    file.write_text("def area(width, height):\n    return \n", encoding="utf-8")
    with Terminal([str(program), str(file)], environment, project) as terminal:
        terminal.until(lambda: is_loaded(tmp_path))
        terminal.type("jA" + "width")
        terminal.until(lambda: b"width * height" in terminal.output)
        accept_and_save(terminal)
        terminal.until(lambda: "return width * height" in saved(file))
        terminal.output = b""
        terminal.type("o['🦜é', width")
        terminal.until(lambda: b"width * height" in terminal.output)
        accept_and_save(terminal)
        terminal.until(lambda: "['🦜é', width * height" in saved(file))
        terminal.type(":q!\r")  # Helix may not have noticed yet that all is saved
        assert terminal.wait_for_end() == 0
    assert any(prompt.endswith("['🦜é', width") for prompt in prompts(tmp_path))
    recordings.keep("helix", record, project)


def accept_and_save(terminal: Terminal) -> None:
    terminal.type("\t\r")  # choose, accept
    terminal.output = b""
    terminal.type("\x1b")
    terminal.until(lambda: b"NOR" in terminal.output)  # else it is Alt with the next key
    terminal.type(":w\r")
