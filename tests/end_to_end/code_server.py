"""A real VS Code that needs no screen: code-server, installed from npm, kept between runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import filelock
import platformdirs

VERSION = "4.100.3"
"""Has VS Code 1.100.3 inside, and is the last but one that runs on Node 20."""

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"
_QUIET = {"npm_config_yes": "true", "npm_config_audit": "false", "npm_config_fund": "false"}


class NotHere(Exception):
    """What the tests need is not on this machine and cannot be fetched; the text says what."""


def find_browser() -> str:
    """Return the program of Chromium or Chrome."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    raise NotHere("Chromium is not installed (`apt install chromium`)")


def installed_code_server() -> Path:
    """Return code-server's entry, installing it where it is not yet: 300 MB, once."""
    for program in ("node", "npm", "rg"):
        if shutil.which(program) is None:
            raise NotHere(f"`{program}` is not installed; VS Code needs it")
    chosen = os.environ.get("TABWRIGHT_TEST_CACHE")
    cache = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("tabwright-tests"))
    folder = cache / f"code-server-{VERSION}"
    entry = folder / "node_modules" / "code-server" / "out" / "node" / "entry.js"
    cache.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    with filelock.FileLock(cache / f"{folder.name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _install(folder)
            done.touch()
    return entry


def _install(folder: Path) -> None:
    """Install without scripts, which would fetch things from elsewhere, and do their part."""
    (folder / "package.json").write_text("{}")
    npm(folder, "install", "--ignore-scripts", "--no-package-lock", f"code-server@{VERSION}")
    top = folder / "node_modules" / "code-server"
    npm(folder, "rebuild", "argon2")
    code = top / "lib" / "vscode"
    npm(code, "install", "--ignore-scripts", "--omit=dev")
    npm(code / "extensions", "install", "--ignore-scripts", "--omit=dev")
    ripgrep = code / "node_modules" / "@vscode" / "ripgrep" / "bin"
    ripgrep.mkdir(parents=True, exist_ok=True)
    _link(ripgrep / "rg", Path(shutil.which("rg") or "rg"))
    _link(code / "node_modules.asar", Path("node_modules"))
    _link(code / "bin" / "remote-cli" / "code-server", Path("code-linux.sh"))
    _link(code / "bin" / "helpers" / "browser.sh", Path("browser-linux.sh"))


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def packaged_extension() -> Path:
    """Return the .vsix, built from the sources as they are."""
    if not (EXTENSION / "node_modules").is_dir():
        npm(EXTENSION, "ci", "--ignore-scripts")
    try:
        npm(EXTENSION, "run", "package")
    except NotHere as broken:  # needs no network: it is the extension that is at fault
        raise RuntimeError(str(broken)) from broken
    return EXTENSION / "tabwright.vsix"


def packed(folder: Path, package: Path) -> Path:
    """Pack a small extension that is not for publishing."""
    vsce = EXTENSION / "node_modules" / ".bin" / "vsce"
    wishes = ["--no-dependencies", "--allow-missing-repository", "--skip-license"]
    subprocess.run(
        [str(vsce), "package", *wishes, "--out", str(package)],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return package


def npm(folder: Path, *arguments: str) -> str:
    """Run npm in a folder and return what it printed.

    Raises:
        NotHere: it ended with an error; for want of a network, most likely.
    """
    prefix = Path(shutil.which("node") or "/usr/bin/node").resolve().parents[1]
    environment = {**os.environ, **_QUIET, "npm_config_nodedir": str(prefix)}
    done = subprocess.run(
        ["npm", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip()[-500:]
        raise NotHere(f"`npm {' '.join(arguments)}` failed: {last}")
    return done.stdout
