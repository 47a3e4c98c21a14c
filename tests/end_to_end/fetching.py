"""What tests with real editors fetch from package registries, kept between runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import filelock
import platformdirs


class NotHere(Exception):
    """What a test needs is not on this machine and cannot be fetched; the text says what."""


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of that name in the cache; `make` fills it where it is not there yet.

    Raises:
        NotHere: `make` did.
    """
    chosen = os.environ.get("TABWRIGHT_TEST_CACHE")
    cache = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("tabwright-tests"))
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    with filelock.FileLock(cache / f"{name}.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "done").touch()
    return folder


def require(*programs: str) -> None:
    """Make sure that these programs are on PATH.

    Raises:
        NotHere: one is not.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise NotHere(f"`{program}` is not installed")


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed.

    Raises:
        NotHere: it ended with an error; for want of a network, most likely.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip()[-500:]
        raise NotHere(f"`{' '.join(command)}` failed: {last}")
    return done.stdout
