"""The real server, started as a program, with `scripted_model.py` in the place of the model.

So a conversation takes no weights and no time, and every answer is known beforehand.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tabwright.model import client
from tabwright.session import specializing as session_specializing

MODEL = Path(__file__).with_name("scripted_model.py")
SPECIALIZE = Path(__file__).with_name("scripted_specialize.py")

_MANIFEST = """
id = "scripted"
name = "Scripted"
family = "none"
parameters_millions = 1
languages = ["*"]
context_tokens = 2048
memory_mb = 1
[licence]
name = "Apache-2.0"
commercial_use = "allowed"
[weights]
quantisation = "F16"
size_mb = 1
[weights.source]
kind = "file"
path = "scripted.gguf"
"""


def scripted_environment(folder: Path, answer: str) -> dict[str, str]:
    """Return the environment of a server whose model says `answer`; `folder` is its home."""
    models = folder / "config" / "models"
    models.mkdir(parents=True)
    (models / "scripted.toml").write_text(_MANIFEST, encoding="utf-8")
    (models / "scripted.gguf").write_bytes(b"GGUF")
    return {
        **os.environ,
        "TABWRIGHT_CONFIG_DIR": str(folder / "config"),
        "TABWRIGHT_DATA_DIR": str(folder / "data"),
        "SCRIPTED_ANSWER": answer,
        "SCRIPTED_PROMPTS": str(folder / "prompts.jsonl"),
        "SCRIPTED_LOADED": str(folder / "loaded"),
        "SCRIPTED_SPECIALIZE": str(folder / "specialize.json"),
    }


def scripted_command() -> list[str]:
    """Return what stands for `tabwright` on a command line."""
    return [sys.executable, __file__]


def is_loaded(folder: Path) -> bool:
    """Return whether that server's model is loaded: for clients that are not told of the status."""
    return (folder / "loaded").exists()


def specializing(folder: Path) -> list[str]:
    """Return the words of that server's `tabwright specialize`, none while it does not run."""
    path = folder / "specialize.json"
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def end_specializing(folder: Path) -> None:
    """Let that command come to its end."""
    (folder / "specialize.json.end").touch()


def prompts(folder: Path) -> list[str]:
    """Return the prompts of that server so far, oldest first."""
    path = folder / "prompts.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def main() -> None:
    """Serve; with `TABWRIGHT_RECORDINGS`, in a process of its own that is listened to."""
    if "TABWRIGHT_RECORDINGS" in os.environ:
        import recording_server  # beside this program

        status = recording_server.main([__file__])
        sys.stdout.flush()
        os._exit(status & 0xFF)  # the other direction may still wait for its next message
    client.python_module_command = lambda _module: [sys.executable, str(MODEL)]
    session_specializing.python_module_command = lambda _module: [sys.executable, str(SPECIALIZE)]
    from tabwright.main import main as tabwright

    tabwright()


if __name__ == "__main__":
    main()
