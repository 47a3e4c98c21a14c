"""Editors out of a newer Debian than this one, unpacked beside it: the system stays as it is."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from end_to_end.fetching import NotHere, made_once, require, run

NEWER_SUITE = "forky"
"""Has Helix 25.07; Neovim 0.12 and Emacs 30 with lsp-mode 10, the first with inline completion."""
OLDER_SUITE = "trixie"
"""Has Neovim 0.10, the oldest that the plugin is for."""

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def neovim(suite: str = NEWER_SUITE) -> tuple[Path, dict[str, str]]:
    """Return a suite's Neovim, and the environment in which it finds its runtime files.

    Raises:
        NotHere: it cannot be had on this machine.
    """
    top = _unpacked("neovim", ["neovim"], ["usr/bin/nvim"], suite)
    return top / "usr/bin/nvim", {"VIMRUNTIME": str(top / "usr/share/nvim/runtime")}


def helix() -> tuple[Path, dict[str, str]]:
    """Return Helix's program, and the environment in which it finds its runtime files.

    Raises:
        NotHere: it cannot be had on this machine.
    """
    top = _unpacked("helix", ["hx"], ["usr/lib/hx/hx"])
    return top / "usr/lib/hx/hx", {"HELIX_RUNTIME": str(top / "usr/lib/hx/runtime")}


def emacs() -> tuple[list[str], list[str], dict[str, str]]:
    """Return Emacs, emacsclient, and the environment in which they find lsp-mode.

    Raises:
        NotHere: they cannot be had on this machine.
    """
    programs = ["usr/bin/emacs-nox", "usr/bin/emacsclient.emacs"]
    top = _unpacked("emacs", ["emacs-nox", "elpa-lsp-mode"], programs)
    (share,) = top.glob("usr/share/emacs/[0-9]*")
    (dump,) = top.glob("usr/libexec/emacs/**/*.pdmp")
    lisp = [share / "lisp", *(each for each in share.glob("lisp/**/") if each.is_dir())]
    packages = sorted(top.glob("usr/share/emacs/site-lisp/elpa-src/*"))
    environment = {
        "EMACSLOADPATH": os.pathsep.join(map(str, [*packages, *lisp])),
        "EMACSDATA": str(share / "etc"),
        "EMACSDOC": str(share / "etc"),
        "EMACSPATH": str(dump.parent),
    }
    program, client = (str(top / each) for each in programs)
    return [program, f"--dump-file={dump}"], [client], environment


def _unpacked(
    name: str, packages: Sequence[str], programs: Sequence[str], suite: str = NEWER_SUITE
) -> Path:
    if not _KEYRING.exists() or platform.machine() != "x86_64":
        raise NotHere("this is not a Debian on x86-64")
    require("apt-get", "dpkg-deb")
    patchelf = _patchelf()

    def unpack(folder: Path) -> None:
        _download(folder / "apt", packages, suite)
        for package in sorted(folder.glob("apt/cache/archives/*.deb")):
            run(["dpkg-deb", "-x", str(package), str(folder)], folder)
            package.unlink()
        library = folder / "usr/lib/x86_64-linux-gnu"
        loader = str(library / "ld-linux-x86-64.so.2")
        patch = [patchelf, "--set-interpreter", loader, "--force-rpath", "--set-rpath"]
        run([*patch, str(library), *(str(folder / each) for each in programs)], folder)

    return made_once(f"{name}-{suite}", unpack)


def _patchelf() -> str:
    """Return patchelf beside this interpreter, as the extra `test` installs it, or on PATH."""
    beside = Path(sys.executable).with_name("patchelf")
    found = str(beside) if beside.exists() else shutil.which("patchelf")
    if found is None:
        raise NotHere("`patchelf` is not installed")
    return found


def _download(work: Path, packages: Sequence[str], suite: str) -> None:
    """Download packages with all that they need, as if nothing were installed."""
    for each in ("lists/partial", "cache/archives/partial"):
        (work / each).mkdir(parents=True)
    (work / "status").touch()
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], work).splitlines()
    mirrors = [each for each in targets if "security" not in each]
    if not mirrors:
        raise NotHere("apt-get has no mirror of Debian")
    sources = work / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {mirrors[0]} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::Cache": work / "cache",
        "Dir::State::status": work / "status",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", *(f"-o{name}={value}" for name, value in options.items())]
    run([*apt, "update"], work)
    run([*apt, "install", "-y", "--download-only", "--no-install-recommends", *packages], work)
