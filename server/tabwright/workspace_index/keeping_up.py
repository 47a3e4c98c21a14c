"""What to look at again after files have changed. Pure: paths in, paths out, and no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tabwright.workspace_index.ignoring import IGNORE_FILES
from tabwright.workspace_index.recognising import ALWAYS_LEFT_OUT

MANY_CHANGES = 1_000
"""After so many changes at once a comparison of all files is cheaper than one by one."""

_RULES_OF_GIT = ".git/info/exclude"


@dataclass(frozen=True)
class Reaction:
    """What follows from some changes on disk."""

    paths: tuple[str, ...] = ()
    """Files and folders to look at again, from the workspace folder, in order."""
    rescan: bool = False
    """Compare all files instead."""

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not self.paths and not self.rescan


def reaction_to(changed: Iterable[str], many: int = MANY_CHANGES) -> Reaction:
    """Return what to look at after changes of some paths, given from the workspace folder.

    A changed ignore file, the workspace folder itself, or very many changes mean a rescan; what
    lies in a folder that is never looked at means nothing.
    """
    paths = {path.rstrip("/") for path in changed}
    if any(path in {"", "."} or changes_rules(path) for path in paths):
        return Reaction(rescan=True)
    telling = {path for path in paths if is_telling(path)}
    if len(telling) > many:
        return Reaction(rescan=True)
    return Reaction(tuple(sorted(_outermost(telling))))


def is_telling(path: str) -> bool:
    """Say whether a change at a path can matter, as quickly as that can be said."""
    if path.startswith(".git/"):
        return path == _RULES_OF_GIT
    return ALWAYS_LEFT_OUT.isdisjoint(path.split("/"))


def changes_rules(path: str) -> bool:
    """Say whether a file decides which other files are ignored."""
    is_ignore_file = path.rpartition("/")[2] in IGNORE_FILES and is_telling(path)
    return is_ignore_file or path == _RULES_OF_GIT


def _outermost(paths: set[str]) -> set[str]:
    """Return the paths that lie in no other of them: a folder that moved tells of each file."""
    kept = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in paths:
            folder = folder.rpartition("/")[0]
        if not folder:
            kept.add(path)
    return kept
