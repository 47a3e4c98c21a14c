"""What the rules of every family ask: the files, and what follows from configuration files."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar, cast

from tabwright.workspace_index.resolving.workspace_files import WorkspaceFiles, last_part

_Value = TypeVar("_Value")

_CONFIGURATION_NAMES = frozenset(
    (
        "package.json",
        "go.mod",
        "Cargo.toml",
        "composer.json",
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
    )
)


def is_configuration(path: str) -> bool:
    """Whether other files' imports depend on what is in this file."""
    name = last_part(path)
    return name in _CONFIGURATION_NAMES or (
        name.endswith(".json") and ("tsconfig" in name or "jsconfig" in name)
    )


class Workspace:
    """The files, how to read one, and values worked out from configuration files.

    Such a value is kept until a configuration file is added, changed or removed.
    """

    def __init__(self, files: Iterable[str], read_text: Callable[[str], str | None]) -> None:
        self.files = WorkspaceFiles(files)
        self._read_text = read_text
        self._derived: dict[Hashable, object] = {}

    def text_of(self, path: str) -> str | None:
        """Return the text of a file of the workspace; None for any other path."""
        return self._read_text(path) if path in self.files else None

    def derived(self, key: Hashable, work_out: Callable[[], _Value]) -> _Value:
        """Return what `work_out` returned when this key was first asked for."""
        try:
            return cast("_Value", self._derived[key])
        except KeyError:
            value = self._derived[key] = work_out()
            return value

    def update(self, added: Sequence[str], removed: Sequence[str], changed: Sequence[str]) -> None:
        """Follow what happened to files."""
        for path in removed:
            self.files.discard(path)
        for path in added:
            self.files.add(path)
        if any(is_configuration(path) for paths in (added, removed, changed) for path in paths):
            self._derived = {}
