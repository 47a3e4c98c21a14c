"""`editors/kate/settings.json` in a real Kate on a display that nobody sees; scripted model."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from end_to_end import recordings
from end_to_end.fetching import NotHere, require
from end_to_end.scripted_server import (
    is_loaded,
    prompts,
    scripted_command,
    scripted_environment,
)

OURS = Path(__file__).parents[2] / "editors" / "kate" / "settings.json"
PATIENCE_SECONDS = 30.0

# Kate asks before it starts a server; this is the answer "yes".
ALLOWED = "[lspclient]\nAllowedServerCommandLines={tabwright} serve\n"


@pytest.mark.real_editor
@pytest.mark.timeout(300)
def test_the_suggestion_is_in_the_completion_list(tmp_path: Path) -> None:
    try:
        require("kate", "Xvfb", "xdotool")
    except NotHere as missing:
        pytest.skip(str(missing))
    project, record, programs, settings = (
        tmp_path / name for name in ("project", "record", "bin", "settings")
    )
    for folder in (project / ".git", programs, settings / "kate" / "lspclient"):
        folder.mkdir(parents=True)
    shutil.copy(OURS, settings / "kate" / "lspclient")
    tabwright = programs / "tabwright"
    tabwright.write_text(f'#!/bin/sh\nexec {shlex.join(scripted_command())} "$@"\n')
    tabwright.chmod(0o755)
    (settings / "katerc").write_text(ALLOWED.format(tabwright=tabwright))
    file = project / "area.py"
    file.write_text("def area(width, height):\n    # 🦜é\n    return \n", encoding="utf-8")
    with display() as name:
        environment = {
            **scripted_environment(tmp_path, " * height"),
            "DISPLAY": name,
            "HOME": str(tmp_path),
            "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
            "XDG_CONFIG_HOME": str(settings),
            "XDG_RUNTIME_DIR": str(tmp_path),
        }
        environment = recordings.recording_environment(environment, record)

        def said() -> str:
            return "".join(each.read_text() for each in record.iterdir())

        arguments = ["kate", "-n", "-b", "-l", "3", "-c", "12", str(file)]
        with program(arguments, environment) as kate:
            until(lambda: is_loaded(tmp_path))
            window = until(
                lambda: xdotool(environment, "search", "--onlyvisible", "--name", "area")
            )
            xdotool(environment, "windowfocus", "--sync", window.split()[0])
            xdotool(environment, "type", "--delay", "50", "width")
            until(lambda: "width * height" in said())
            time.sleep(1)  # until the list is drawn, which nobody tells
            xdotool(environment, "key", "Return")
            xdotool(environment, "key", "ctrl+s")
            until(lambda: "return width * height" in file.read_text(encoding="utf-8"))
            xdotool(environment, "key", "ctrl+q")
            assert kate.wait(PATIENCE_SECONDS) == 0
    assert any(prompt.endswith("    return width") for prompt in prompts(tmp_path))
    recordings.keep("kate", record, project)


@contextlib.contextmanager
def display() -> Iterator[str]:
    """A display of its own."""
    number, server_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(server_end), "-screen", "0", "1000x700x24"]
    server = subprocess.Popen(command, pass_fds=[server_end], stderr=subprocess.DEVNULL)
    os.close(server_end)
    try:
        with os.fdopen(number) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def program(
    arguments: list[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def xdotool(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["xdotool", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout.strip()


def until(condition: Callable[[], object]) -> str:
    """Wait until a condition is true, and return its value as text."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.1)
    return str(value)
