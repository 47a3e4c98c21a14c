"""Archives of packages, fetched by the user's own package clients and kept in the user's cache.

Through pip, npm and apt-get the user's mirrors, proxies, certificates and credentials all apply,
and nothing of a package is run: pip is held to wheels, npm to packing, apt-get to downloading.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tabwright.errors import CorpusError
from tabwright.model.safe_python import pip_command
from tabwright.specialization.corpus_manifest import CorpusPackage, PackageSource

_FETCH_SECONDS = 900
_PIECE_BYTES = 1024 * 1024
_INCOMING = ".incoming-"
_ARCHIVE_ENDINGS = (".whl", ".tgz", ".deb", ".dsc", ".tar.gz", ".tar.xz", ".tar.bz2", ".diff.gz")
_DSC_SUMS = re.compile(r"^Checksums-Sha256:[ ]*\n((?: [^\n]*(?:\n|\Z))+)", re.MULTILINE)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class FetchedPackage:
    """The files of one package on this machine."""

    files: tuple[Path, ...]
    """In order of name; the one that is hashed first."""
    sha256: str
    size: int
    """Bytes of all files."""


def archives_folder() -> Path:
    """Return where fetched archives are kept: TABWRIGHT_ARCHIVES_DIR, or the user's cache."""
    chosen = os.environ.get("TABWRIGHT_ARCHIVES_DIR")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_dir("tabwright", appauthor=False)) / "corpus-archives"


def fetch_package(package: CorpusPackage, source: PackageSource, folder: Path) -> FetchedPackage:
    """Fetch a package unless it is in `folder` already, and check it against its manifest.

    Raises:
        CorpusError: it cannot be fetched, is not what the manifest says, or the disk is full.
    """
    place = _place(package, source, folder)
    try:
        if package.version and place.is_dir():
            kept = _described(place)
            if kept is not None and _is_pinned(kept, package) and _is_whole(kept):
                return kept
            shutil.rmtree(place)  # half deleted, changed since, or of another pin
        return _fetched_anew(package, source, place)
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise CorpusError(
                f"The disk is full: {folder} could not take {package.title}; free some space, or"
                " set TABWRIGHT_ARCHIVES_DIR to a folder on another disk."
            ) from error
        raise CorpusError(f"{folder} cannot be used: {error.strerror or error}.") from error


def keep_under_version(
    fetched: FetchedPackage, package: CorpusPackage, source: PackageSource, folder: Path
) -> None:
    """Keep what came as the newest release of a package under the version that it turned out to be.

    Raises:
        CorpusError: the folder cannot be written.
    """
    place = _place(package, source, folder)
    if fetched.files[0].parent == place:
        return
    try:
        shutil.rmtree(place, ignore_errors=True)
        fetched.files[0].parent.replace(place)
    except OSError as error:
        raise CorpusError(f"{folder} cannot be used: {error.strerror or error}.") from error


def _place(package: CorpusPackage, source: PackageSource, folder: Path) -> Path:
    """Return the folder of one release; of the newest one before its version is known."""
    name = package.name.replace("/", "+")
    return folder / source / (f"{name}-{package.version}" if package.version else f".newest-{name}")


def _fetched_anew(package: CorpusPackage, source: PackageSource, place: Path) -> FetchedPackage:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_INCOMING, dir=place.parent) as temporary:
        incoming = Path(temporary) / "archives"
        incoming.mkdir()
        _run(_command(package, source), incoming, package)
        fetched = _described(incoming)
        if fetched is None or not _is_whole(fetched):
            raise CorpusError(f"{package.title} came without some of its files; try again.")
        if not _is_pinned(fetched, package):
            raise CorpusError(
                f"{package.title} came with another SHA-256 ({fetched.sha256[:12]}…) than its"
                f" manifest says ({package.sha256[:12]}…); it was deleted. Distrust the source when"
                " it happens twice."
            )
        shutil.rmtree(place, ignore_errors=True)
        incoming.replace(place)
    return FetchedPackage(
        tuple(place / file.name for file in fetched.files), fetched.sha256, fetched.size
    )


def _is_pinned(fetched: FetchedPackage, package: CorpusPackage) -> bool:
    return not package.sha256 or fetched.sha256 == package.sha256


def _is_whole(fetched: FetchedPackage) -> bool:
    """Say whether a Debian source package has the files that its `.dsc` lists, see dsc(5)."""
    first = fetched.files[0]
    if not first.name.endswith(".dsc"):
        return True
    sums = _DSC_SUMS.search(first.read_text("utf-8", "replace"))
    listed = [line.split() for line in sums[1].splitlines()] if sums else []
    there = {path.name: path for path in fetched.files}
    return bool(listed) and all(
        len(parts) == 3 and parts[2] in there and _sha256(there[parts[2]]) == parts[0]
        for parts in listed
        if not parts[-1].endswith(".asc")  # a signature, which is not kept
    )


def _described(folder: Path) -> FetchedPackage | None:
    files = [path for path in folder.iterdir() if path.name.endswith(_ARCHIVE_ENDINGS)]
    files.sort(key=lambda path: (not path.name.endswith(".dsc"), path.name))
    if not files:
        return None
    size = sum(path.stat().st_size for path in files)
    return FetchedPackage(tuple(files), _sha256(files[0]), size)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _command(package: CorpusPackage, source: PackageSource) -> list[str]:
    name, version = package.name, package.version
    if source == "wheel":
        pip = pip_command()
        if pip is None:
            raise CorpusError(
                "pip is needed to fetch Python packages and is not installed; install it with"
                " `python -m ensurepip` (or `uv pip install pip`) and try again."
            )
        # A pure wheel is the same file on every machine.
        pure = ("--platform=any", "--implementation=py", "--abi=none", "--python-version=3.13")
        return [
            *(*pip, "download", "--no-deps", "--only-binary=:all:", *pure, "--no-input"),
            *("--progress-bar=off", "--disable-pip-version-check", "--dest=."),
            f"{name}=={version}" if version else name,
        ]
    if source == "npm":
        wanted = f"{name}@{version or 'latest'}"
        return [
            _program("npm", "npm packages"),
            "pack",
            "--ignore-scripts",
            "--loglevel=error",
            wanted,
        ]
    apt_get = _program("apt-get", "Debian packages")
    wanted = f"{name}={version}" if version else name
    if source == "deb":
        return [apt_get, "download", "--quiet", wanted]
    return [apt_get, "source", "--download-only", "--only-source", "--quiet", wanted]


def _program(name: str, what: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise CorpusError(f"{name} is needed to fetch {what} and is not installed.")
    return found


def _run(command: Sequence[str], folder: Path, package: CorpusPackage) -> None:
    scratch = folder.parent / "scratch"
    scratch.mkdir()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_FETCH_SECONDS,
            check=False,
            env={**os.environ, "TMPDIR": str(scratch), "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise CorpusError(
            f"{package.title} did not come within {_FETCH_SECONDS // 60} minutes."
        ) from error
    if done.returncode != 0:
        program = "pip" if "download" in command and "--no-deps" in command else command[0]
        said = _what_it_said(done.stdout.decode("utf-8", "replace"))
        raise CorpusError(f"{Path(program).name} could not download {package.title}: {said}")


def _what_it_said(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    marks = ("ERROR: ", "E: ", "npm error ", "npm ERR! ")
    errors = [line.removeprefix(mark) for line in lines for mark in marks if line.startswith(mark)]
    return " ".join((errors or lines)[-3:]) or "it gave no reason."
