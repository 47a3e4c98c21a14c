"""LSP4IJ's conversation with the real server, on LSP4J and with the template's own files."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from end_to_end import recordings
from end_to_end.fetching import NotHere
from end_to_end.lsp4j_support import java_command
from end_to_end.scripted_server import prompts, scripted_command, scripted_environment

TEMPLATE = Path(__file__).parents[2] / "editors" / "jetbrains"


@pytest.mark.real_editor
@pytest.mark.timeout(300)
def test_every_answer_is_one_that_lsp4ij_can_use(tmp_path: Path) -> None:
    classes, project, record = (tmp_path / name for name in ("classes", "project", "record"))
    classes.mkdir()
    project.mkdir()
    try:
        conversation = java_command(classes)
    except NotHere as missing:
        pytest.skip(str(missing))
    environment = recordings.recording_environment(
        scripted_environment(tmp_path, " * height"), record
    )
    command = json.loads((TEMPLATE / "template.json").read_text())["programArgs"]["default"]
    program, *arguments = shlex.split(command)
    assert program == "tabwright"
    done = subprocess.run(
        [*conversation, str(TEMPLATE), str(project), *scripted_command(), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=240,
    )
    assert (done.stdout.strip(), done.returncode) == ("passed", 0)
    assert any(prompt.endswith("parrots = ['🦜é', width") for prompt in prompts(tmp_path))
    recordings.keep("lsp4ij", record, project)
