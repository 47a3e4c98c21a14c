"""Runs `tabwright specialize` on a workspace, without a trace among what the user has installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from raw_model import Served
from reporting import say

from tabwright.model.catalogue import Catalogue, read_manifest
from tabwright.model.safe_python import python_module_command
from tabwright.user_directories import config_directory, weights_directory

_NOT_BETTER = 3
"""The exit status of `tabwright specialize` when it has trained, and changed nothing."""


@dataclass(frozen=True)
class Options:
    """What is the same for all packages."""

    minutes: float
    items: int
    seed: int
    base: str
    context_tokens: int
    typed: int = 0


@dataclass(frozen=True)
class Made:
    """What came of training on a package."""

    model: Served | None
    """None where there is nothing to ask."""
    note: str
    """Why there is none, or how it came to be."""
    seconds: float = 0.0


def specialise(
    workspace: Path, specialist: Served, options: Options, place: Path, catalogue: Catalogue
) -> Made:
    """Run the user's command on a workspace, in a data folder of its own."""
    say(f"training on {workspace.name} for {options.minutes:g} minutes")
    command = [
        *python_module_command("tabwright"),
        "specialize",
        *("--workspace", str(workspace), "--minutes", f"{options.minutes:g}"),
        *("--base", specialist.manifest.id, "--seed", str(options.seed), "--json", "--yes"),
    ]
    started = time.monotonic()
    with own_directories(place) as environment:
        finished = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - started
        if finished.returncode == _NOT_BETTER:
            return Made(
                None, "not installed: no gain on held-out files of the old version", seconds
            )
        if finished.returncode:
            return Made(None, f"failed: {last_words(finished.stdout, finished.stderr)}", seconds)
        manifests = [read_manifest(path) for path in new_manifests(place, catalogue)]
    if len(manifests) != 1:
        return Made(None, f"failed: {len(manifests)} new models are installed, not one", seconds)
    adapter = Path(manifests[0].folder) / manifests[0].adapter
    return Made(Served(manifests[0], specialist.weights, adapter), "installed", seconds)


@contextmanager
def own_directories(place: Path) -> Iterator[Mapping[str, str]]:
    """Yield an environment with the user's weights and manifests, in which nothing of theirs can
    be changed."""
    data, config = place / "data", place / "config"
    data.mkdir()
    (data / "weights").symlink_to(weights_directory(), target_is_directory=True)
    if config_directory().is_dir():
        shutil.copytree(config_directory(), config)
    yield {**os.environ, "TABWRIGHT_DATA_DIR": str(data), "TABWRIGHT_CONFIG_DIR": str(config)}


def new_manifests(place: Path, catalogue: Catalogue) -> list[Path]:
    """Return the manifests below a folder whose id is not in the catalogue."""
    known = {manifest.id for manifest in catalogue.manifests}
    return [
        path
        for top in ("data", "config")
        for path in sorted((place / top).rglob("*.toml"))
        if path.stem not in known and "adapter" in path.read_text(encoding="utf-8")
    ]


def last_words(output: str, errors: str) -> str:
    """Return why a command has failed: the message of its last line of JSON, else its last words
    on stderr."""
    for line in reversed(output.splitlines()):
        with suppress(ValueError):
            said = json.loads(line)
            if isinstance(said, dict) and "message" in said:
                return str(said["message"])
    words = [line.strip() for line in errors.splitlines() if line.strip()]
    return words[-1] if words else "it said nothing"
