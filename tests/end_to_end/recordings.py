"""Conversations of real clients with the server, as files.

A recording is `recordings/NAME.jsonl`: one message per line, `{"from": "editor" | "server",
"message": {...}}`, as `recording_server.py` wrote it down, without times, without what tells of the
machine, and without the notifications that nobody replays. A test with a real editor that runs with
`TABWRIGHT_KEEP_RECORDINGS=1` writes its own anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("recordings")
PROJECT = "/project"
"""Where the recorded project lies."""
ELSEWHERE = "/elsewhere"
"""The folder around it, the home folder, which Kate names as root; it is not there in a replay."""

_LEFT_OUT = frozenset({"$/progress", "window/logMessage", "didChangeStatus"})


def recording_environment(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return an environment in which `recording_server.py` writes to a folder, made here."""
    folder.mkdir()
    return {**environment, "TABWRIGHT_RECORDINGS": str(folder)}


def keep(name: str, folder: Path, project: Path) -> None:
    """Make a recording of what was written down in `folder`, if that is wanted."""
    (written,) = folder.glob("*.jsonl")
    keep_file(name, written, project)


def keep_file(name: str, written: Path, project: Path) -> None:
    """Make a recording of a file that `recording_server.py` wrote, if that is wanted."""
    if not os.environ.get("TABWRIGHT_KEEP_RECORDINGS"):
        return
    lines = cleaned(written.read_text(encoding="utf-8").splitlines(), project)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def cleaned(lines: Iterable[str], project: Path) -> list[str]:
    """Return the lines of a recording, without what differs from machine to machine."""
    found = []
    moved = (
        line.replace(project.as_uri(), f"file://{PROJECT}")
        .replace(str(project), PROJECT)
        .replace(str(project.parent), ELSEWHERE)
        for line in lines
    )
    # An answer may have been written down before its question, whose line another thread writes.
    for entry in sorted(map(json.loads, moved), key=lambda each: float(each["at"])):
        message = entry["message"]
        if message.get("method") in _LEFT_OUT:
            continue
        if message.get("method") == "initialize":
            message["params"]["processId"] = None
        kept = {"from": entry["from"], "message": message}
        found.append(json.dumps(kept, ensure_ascii=False, separators=(",", ":")))
    return found


def read(path: Path, project: Path) -> list[dict[str, Any]]:
    """Return the entries of a recording, as if it had been made in `project`."""
    text = path.read_text(encoding="utf-8")
    here = text.replace(f"file://{PROJECT}", project.as_uri())
    here = here.replace(f'"{PROJECT}', f'"{project}')
    return [json.loads(line) for line in here.splitlines()]
