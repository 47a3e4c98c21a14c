"""Sources of dependencies as text, within bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

LARGEST_BYTES = 500_000
"""Of one file; larger ones are generated or bundled, and count as missing."""
MOST_FILES = 8
"""How many files are named for the imports of one file."""
MOST_STEPS = 3
"""How often a name is followed to where it is imported from."""
_MOST_READ = 40
"""How many files are read to find those."""


@dataclass
class Search:
    """What one search has found and read so far."""

    found: dict[Path, None] = field(default_factory=dict)
    read: dict[Path, str | None] = field(default_factory=dict)
    asked: set[tuple[Path, str]] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        """Whether no more files are to be named."""
        return len(self.found) >= MOST_FILES

    def add(self, path: Path) -> None:
        """Name a file."""
        if not self.is_full:
            self.found.setdefault(path)

    def text_of(self, path: Path) -> str | None:
        """Return a file's text; None where there is none or enough was read."""
        if path not in self.read:
            if len(self.read) >= _MOST_READ:
                return None
            self.read[path] = text_of(path)
        return self.read[path]

    def is_new(self, path: Path, name: str) -> bool:
        """Whether a name is looked for in a file for the first time; circles end here."""
        question = (path, name)
        is_new = question not in self.asked
        self.asked.add(question)
        return is_new


def text_of(path: Path) -> str | None:
    """Return a file as text; None when it is missing, too large or binary."""
    try:
        if not path.is_file():
            return None  # nor a device or pipe, which might never end
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError):
        return None
    if len(content) > LARGEST_BYTES or b"\0" in content:
        return None
    return content.decode("utf-8", "replace")


def first_file(candidates: Iterable[Path]) -> Path | None:
    """Return the first path that is a file."""
    return next((path for path in candidates if is_file(path)), None)


def is_file(path: Path) -> bool:
    """Whether a path is a file that can be seen."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a path is a folder that can be seen."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def children(folder: Path, limit: int = 2_000) -> list[Path]:
    """Return what is in a folder by name, or nothing when it is huge or cannot be seen."""
    try:
        found = []
        for path in folder.iterdir():
            found.append(path)
            if len(found) > limit:
                return []
    except OSError:
        return []
    return sorted(found)


def folders_around(folder: Path, path: str) -> list[Path]:
    """Return the folders from that of a file up to the workspace's own."""
    inner = [part for part in path.split("/")[:-1] if part not in ("", ".", "..")]
    return [folder.joinpath(*inner[:length]) for length in range(len(inner), -1, -1)]
