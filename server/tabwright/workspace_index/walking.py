"""The files of a workspace folder that may hold code, without a look into any."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tabwright.workspace_index.ignoring import IgnoreRules, work_tree
from tabwright.workspace_index.recognising import MARKS_OF_LEFT_OUT, left_out_folder

DEEPEST_FOLDER = 60
"""Deeper trees are made by mistakes and by file systems that contain themselves."""


class FoundFile(NamedTuple):
    """A file on disk."""

    path: str
    """Relative to the workspace folder, with forward slashes."""
    size: int
    modified_ns: int


def walk(
    rules: IgnoreRules,
    is_wanted: Callable[[str], bool],
    is_cancelled: Callable[[], bool] = lambda: False,
    below: str = "",
) -> Iterator[FoundFile]:
    """Yield the files below a folder of a workspace, in the order of their names.

    `rules` are those of the workspace folder, `is_wanted` is asked with a file's last name, and
    `below` is the path of a folder in it. Symbolic links are not followed: what they lead to is
    found where it is, or lies outside. What cannot be read is passed over.
    """
    git_decides = rules.reads_ignore_files and (work_tree(rules.folder) / ".git").exists()
    waiting = [(rules, "")]
    if below:
        inner = rules_on_the_way(rules, f"{below}/", git_decides=git_decides)
        waiting = [(inner, f"{below}/")] if inner is not None else []
    while waiting:
        if is_cancelled():
            return
        here, way = waiting.pop()
        entries = _entries(here.folder)
        if way and any(entry.name in MARKS_OF_LEFT_OUT for entry in entries):
            continue
        inside: list[tuple[IgnoreRules, str]] = []
        for entry in entries:
            name = entry.name
            is_folder = _is_folder(entry)
            if is_folder:
                if left_out_folder(name, git_decides=git_decides) or here.exclusion_of(
                    name, is_folder=True
                ):
                    continue
                if way.count("/") < DEEPEST_FOLDER:
                    inside.append((here.inside(name), f"{way}{name}/"))
            elif is_wanted(name) and here.exclusion_of(name, is_folder=False) is None:
                found = _found(entry, way + name)
                if found is not None:
                    yield found
        waiting.extend(reversed(inside))


def find_file(rules: IgnoreRules, path: str) -> FoundFile | None:
    """Return one file if `walk` would yield it (its name is taken to be wanted), else None."""
    git_decides = rules.reads_ignore_files and (work_tree(rules.folder) / ".git").exists()
    here = rules_on_the_way(rules, path, git_decides=git_decides)
    name = path.rpartition("/")[2]
    if here is None or here.exclusion_of(name, is_folder=False) is not None:
        return None
    try:
        status = (here.folder / name).lstat()
    except (OSError, ValueError):
        return None
    return FoundFile(path, status.st_size, status.st_mtime_ns) if _is_plain(status) else None


def rules_on_the_way(rules: IgnoreRules, path: str, *, git_decides: bool) -> IgnoreRules | None:
    """Return the rules of the folder that a path lies in, None when `walk` never gets there.

    A path that ends with a slash lies in itself.
    """
    for name in path.split("/")[:-1]:
        folder = rules.folder / name
        if (
            left_out_folder(name, git_decides=git_decides)
            or rules.exclusion_of(name, is_folder=True) is not None
            or folder.is_symlink()
            or any((folder / mark).exists() for mark in MARKS_OF_LEFT_OUT)
        ):
            return None
        rules = rules.inside(name)
    return rules


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(
                (entry for entry in found if _is_sayable(entry.name)), key=lambda each: each.name
            )
    except OSError:
        return []


def _is_sayable(name: str) -> bool:
    """Whether a name is text: one in another encoding can be neither kept nor asked for."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _found(entry: os.DirEntry[str], path: str) -> FoundFile | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return FoundFile(path, status.st_size, status.st_mtime_ns) if _is_plain(status) else None


def _is_plain(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode)
