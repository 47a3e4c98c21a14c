"""Third-party source files to measure on: pinned packages, fetched once and kept."""

from __future__ import annotations

import importlib.util
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import platformdirs

LARGEST_FILE_BYTES = 60_000
_SMALLEST_FILE_LINES = 20
_LONGEST_LINE = 300
"""A longer line is that of a minified or generated file."""
_LEFT_OUT = frozenset({"test", "tests", "__tests__", "vendor", "vendored", "node_modules", "dist"})
_GENERATED = (".d.ts", ".d.mts", ".d.cts", ".min.js")
_FETCH_SECONDS = 300


@dataclass(frozen=True)
class Package:
    """One release of one package, and which of its files are looked at."""

    name: str
    version: str
    source: Literal["wheel", "sdist", "npm", "deb"]
    extensions: tuple[str, ...]
    licence: str

    @property
    def title(self) -> str:
        """The name with the version, as a requirement says it."""
        sign = {"npm": "@", "deb": "="}.get(self.source, "==")
        return f"{self.name}{sign}{self.version}"


@dataclass(frozen=True)
class SourceFile:
    """One file of a package."""

    package: Package
    root: Path
    path: Path
    text: str

    @property
    def name(self) -> str:
        """The path below the package's root, with forward slashes."""
        return self.path.relative_to(self.root).as_posix()


@dataclass(frozen=True)
class Position:
    """The end of a line that is not blank."""

    file: SourceFile
    line: int
    """Counted from 1."""
    offset: int


PACKAGES = (
    Package("rich", "13.9.4", "wheel", (".py",), "MIT"),
    Package("httpx", "0.28.1", "wheel", (".py",), "BSD-3-Clause"),
    Package("werkzeug", "3.1.3", "wheel", (".py",), "BSD-3-Clause"),
    Package("express", "5.1.0", "npm", (".js",), "MIT"),
    Package("commander", "13.1.0", "npm", (".js",), "MIT"),
    Package("rxjs", "7.8.2", "npm", (".ts",), "Apache-2.0"),
    Package("zod", "4.0.17", "npm", (".ts",), "MIT"),
    Package("psutil", "6.1.1", "sdist", (".c", ".h"), "BSD-3-Clause"),
    Package("tokenizers", "0.13.3", "sdist", (".rs",), "Apache-2.0"),
    Package("react-native-svg", "15.11.2", "npm", (".java",), "MIT"),
)
"""Ten packages in six languages."""


def default_folder() -> Path:
    """Return where the packages are kept between runs."""
    return Path(platformdirs.user_cache_dir("tabwright")) / "benchmark-packages"


def fetch(package: Package, folder: Path) -> Path:
    """Download and unpack a package unless that was done before; return its root.

    Raises:
        click.ClickException: it cannot be fetched.
    """
    root = folder / f"{package.name}-{package.version}"
    if root.is_dir():
        return root
    incoming = folder / f"{root.name}.incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    command = _command(package)
    print(f"fetching {package.title}", file=sys.stderr)
    try:
        subprocess.run(
            command, cwd=incoming, check=True, capture_output=True, timeout=_FETCH_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise click.ClickException(f"Cannot fetch {package.title}: {error}.") from error
    archives = [path for path in incoming.iterdir() if path.is_file()]
    if len(archives) != 1:
        raise click.ClickException(f"Fetching {package.title} gave {len(archives)} files, not one.")
    unpacked = incoming / "unpacked"
    if archives[0].suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", str(archives[0]), str(unpacked)], check=True)
    elif archives[0].suffix == ".whl":
        with zipfile.ZipFile(archives[0]) as wheel:
            wheel.extractall(unpacked)
    else:
        with tarfile.open(archives[0]) as tar:
            tar.extractall(unpacked, filter="data")
    inside = [path for path in unpacked.iterdir() if path.is_dir()]
    # An archive of sources has one folder around everything, a wheel has not.
    root.parent.mkdir(exist_ok=True)  # the scope of an npm package is a folder
    (unpacked if package.source == "wheel" or len(inside) != 1 else inside[0]).rename(root)
    shutil.rmtree(incoming)
    return root


def _command(package: Package) -> list[str]:
    if package.source == "npm":
        return ["npm", "pack", "--silent", "--ignore-scripts", package.title]
    if package.source == "deb":
        return ["apt-get", "download", package.title]
    return _pip_command(package)


def _pip_command(package: Package) -> list[str]:
    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["pip"]
    # Only the package itself as sources: what describes its build may come as wheels.
    is_wheel = package.source == "wheel"
    form = "--only-binary=:all:" if is_wheel else f"--no-binary={package.name}"
    return [*pip, "download", "--quiet", "--no-deps", form, package.title]


def source_files(package: Package, root: Path) -> list[SourceFile]:
    """Return the files of a package that people have written, in order of their paths."""
    found = []
    for path in sorted(root.rglob("*")):
        parts = {part.lower() for part in path.relative_to(root).parts[:-1]}
        is_wanted = path.name.endswith(package.extensions) and not parts & _LEFT_OUT
        is_generated = path.name.endswith(_GENERATED)
        if (
            not is_wanted
            or is_generated
            or not path.is_file()
            or path.stat().st_size >= LARGEST_FILE_BYTES
        ):
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        lines = text.split("\n")
        if len(lines) >= _SMALLEST_FILE_LINES and max(map(len, lines)) <= _LONGEST_LINE:
            found.append(SourceFile(package, root, path, text))
    return found


def line_ends(files: list[SourceFile], count: int, seed: int) -> list[Position]:
    """Return `count` ends of lines that are not blank, every such line being equally likely."""
    choice = random.Random(seed)
    everything = []
    for file in files:
        start = 0
        for number, line in enumerate(file.text.split("\n"), start=1):
            length = len(line.rstrip("\r"))
            if line.strip():
                everything.append(Position(file, number, start + length))
            start += len(line) + 1
    return choice.sample(everything, min(count, len(everything)))
