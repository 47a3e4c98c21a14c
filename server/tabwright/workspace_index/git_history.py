"""Which files change in the same commits, from `git log`. Nothing is written, nothing is fetched.

Files that change together belong together, whether or not one imports the other (Zimmermann et
al., "Mining Version Histories to Guide Software Changes", 2005).
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MOST_FILES = 30
"""A commit of more files (a rename, a new format) says nothing about any two of them."""
_MOST_BYTES = 16_000_000
"""Of git's answer; the commits that lie wholly within it, the newest, are used."""
_HALF_LIFE_SECONDS = 180 * 24 * 3600
_UNSEEN_COMMITS = 1.0
"""Commits without the other file that are taken for granted, so that one commit is no certainty."""
_LARGEST_REFERENCE_FILE = 64_000_000


@dataclass(frozen=True)
class Commit:
    """When, in seconds since 1970, which files changed."""

    seconds: int
    paths: tuple[str, ...]


class ChangedTogether:
    """What some commits say about files; it never changes."""

    def __init__(self, commits: Sequence[Commit]) -> None:
        self._commits = tuple(commit for commit in commits if len(commit.paths) <= _MOST_FILES)
        newest = max((commit.seconds for commit in self._commits), default=0)
        self._weights = [
            0.5 ** ((newest - commit.seconds) / _HALF_LIFE_SECONDS) for commit in self._commits
        ]
        self._with_path: dict[str, list[int]] = defaultdict(list)
        for index, commit in enumerate(self._commits):
            for path in commit.paths:
                self._with_path[path].append(index)

    def with_(self, path: str, limit: int = 20) -> tuple[tuple[str, float], ...]:
        """Return the files that changed with a file, and in what share (0 to 1) of its commits.

        A commit counts half as much for each half year that it is older than the newest one, and
        one commit without the other file is added, so that few commits make no large share.
        Largest share first, then by path; at most `limit`. Files may be gone by now.
        """
        together: dict[str, float] = defaultdict(float)
        total = _UNSEEN_COMMITS
        for index in self._with_path.get(path, ()):
            total += self._weights[index]
            for other in self._commits[index].paths:
                if other != path:
                    together[other] += self._weights[index]
        shares = ((other, weight / total) for other, weight in together.items())
        return tuple(sorted(shares, key=lambda pair: (-pair[1], pair[0]))[:limit])


def read_history(folder: Path, limit: int = 1000, timeout_seconds: float = 10.0) -> ChangedTogether:
    """Ask git about the newest commits that touch a folder; paths are relative to it.

    Waits for git, at most so long. Without git, a repository or an answer in time, nothing is
    known to have changed together.
    """
    return ChangedTogether(tuple(_commits(_log(folder, limit, timeout_seconds))))


def head_of(folder: Path) -> str:
    """Return what changes whenever the newest commit of a folder does; empty without repository.

    Read from files, in well under a millisecond: `HEAD`, the branch it names, `packed-refs`, each
    of a linked worktree too (https://git-scm.com/docs/gitrepository-layout).
    """
    git_folder = _git_folder(folder)
    if git_folder is None:
        return ""
    head = _small_text(git_folder / "HEAD").strip()
    common = git_folder / (_small_text(git_folder / "commondir").strip() or ".")
    tables = _small_text(common / "reftable" / "tables.list")
    if tables:
        return f"{head} {tables}"
    reference = head.removeprefix("ref:").strip()
    if reference == head:
        return head  # detached: a commit itself
    if ".." in reference or reference.startswith("/"):
        return head
    for place in (git_folder, common):
        commit = _small_text(place / reference).strip()
        if commit:
            return f"{reference} {commit}"
    for line in _small_text(common / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return f"{reference} {commit}"
    return reference  # no commit yet


def _log(folder: Path, limit: int, timeout_seconds: float) -> str:
    """Return what git prints, cut at the largest size; empty after any trouble."""
    command = (
        *("git", "--no-pager", "-c", "core.quotePath=false", "-c", "log.showSignature=false"),
        *("log", "--name-only", "--no-merges", "--no-renames", "--no-ext-diff", "--no-textconv"),
        *("--no-color", "--pretty=format:%x00%ct", "-n", str(limit), "--relative", "--", "."),
    )
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError):
        return ""
    timer = threading.Timer(timeout_seconds, process.kill)
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            answer = process.stdout.read(_MOST_BYTES)
            is_cut = bool(len(answer) == _MOST_BYTES and process.stdout.read(1))
            if is_cut:
                process.kill()
    finally:
        timer.cancel()
    if is_cut:
        return answer[: answer.rfind(b"\0")].decode("utf-8", "replace")
    return answer.decode("utf-8", "replace") if process.returncode == 0 else ""


def _environment() -> dict[str, str]:
    """Return an environment in which git looks at the folder alone, locks nothing, and does not
    fetch what a partial clone lacks."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return inherited | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }


def _commits(log: str) -> Iterator[Commit]:
    for record in log.split("\0"):
        seconds, _, rest = record.partition("\n")
        # A name in quotation marks has a line end, a quotation mark or the like in it.
        paths = [line for line in rest.split("\n") if line and not line.startswith('"')]
        if seconds.isdecimal() and 0 < len(paths) <= _MOST_FILES:
            yield Commit(int(seconds), tuple(paths))


def _git_folder(folder: Path) -> Path | None:
    """Return the folder with `HEAD` in it of the repository that a folder is in."""
    for around in (folder, *folder.parents):
        marker = around / ".git"
        try:
            if marker.is_dir():
                return marker
            if marker.is_file():
                written = _small_text(marker).strip().removeprefix("gitdir:").strip()
                return around / written if written else None
        except OSError:
            return None
    return None


def _small_text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_REFERENCE_FILE:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
