"""Which files are nobody's business: secrets, what the settings exclude, and what git ignores.

Patterns are gitignore patterns, read by the `pathspec` library exactly as git reads them. What it
takes several hundred microseconds for is only asked where a pattern's last part fits the name.
"""

from __future__ import annotations

import configparser
import enum
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec

SECRET_PATTERNS = (
    ".env",
    ".env.*",
    "*.env",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.tfvars",
    "*.ovpn",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".vault-token",
    "credentials",
    "credentials.json",
    "secrets.yml",
    "secrets.yaml",
    "secrets.json",
    "secrets.toml",
    "kubeconfig",
    ".ssh/",
    ".gnupg/",
    ".aws/",
)
"""File names that usually hold secrets."""

IGNORE_FILES = (".gitignore", ".ignore")
"""Read in every folder, the later one wins."""

_GLOB_MARKS = re.compile(r"[*?\[\\]")
_GROUP_NAME = re.compile(r"\(\?P<\w+>")


class Exclusion(enum.Enum):
    """Why a file is left alone."""

    SECRET = "secret"
    BY_SETTING = "excluded by a setting"
    BY_GIT = "ignored by git"


class PatternList:
    """The patterns of one place, with a quick look at the name before they are all tried."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._spec = GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))
        names: set[str] = set()
        suffixes: list[str] = []
        others: list[str] = []
        self._is_always_asked = False
        for line, pattern in zip(_pattern_lines(self._spec), self._spec.patterns, strict=True):
            if pattern.regex is None:
                continue
            last = line.removesuffix("/").rpartition("/")[2]
            if not _GLOB_MARKS.search(last):
                names.add(last)
            elif "/" in line.removesuffix("/") or "**" in line:
                self._is_always_asked = True
            elif last.startswith("*") and not _GLOB_MARKS.search(last[1:]):
                suffixes.append(last[1:])
            else:
                others.append(_GROUP_NAME.sub("(?:", str(pattern.regex.pattern)))
        self._names = frozenset(names)
        self._suffixes = tuple(suffixes)
        self._others = re.compile("|".join(others)) if others else None

    def __bool__(self) -> bool:
        return bool(self._spec.patterns)

    def verdict(self, name: str, inside: str) -> bool | None:
        """Return whether the patterns ignore (True) or keep (False) a path, None for neither.

        `name` is its last part; `inside` the path from the place of the patterns, with a slash at
        its end for a folder. The folders around it are taken to be asked about before.
        """
        if (
            name in self._names
            or name.endswith(self._suffixes)
            or self._is_always_asked
            or (self._others is not None and self._others.match(f"{name}/") is not None)
        ):
            return self._spec.check_file(inside).include
        return None

    def matches_any_part(self, path: str) -> bool:
        """Say whether a path or a folder around it is ignored, without an earlier question."""
        return self._spec.match_file(path)


def _is_pattern(line: str) -> bool:
    """Say whether git would take a line; it passes over what makes no sense, pathspec raises."""
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True


def _pattern_lines(spec: GitIgnoreSpec) -> Iterator[str]:
    """Yield the pattern each was made from, without `!`, and without what git drops at its end."""
    for pattern in spec.patterns:
        written = str(getattr(pattern, "pattern", "") or "")
        yield written.removeprefix("!").rstrip()


_SECRETS = PatternList(SECRET_PATTERNS)


def is_secret(path: str) -> bool:
    """Say whether a file usually holds secrets, by its path or one of the folders in it."""
    return _SECRETS.matches_any_part(path.replace("\\", "/").lstrip("/"))


@dataclass(frozen=True)
class IgnoreRules:
    """What is ignored among the entries of one folder; made by `rules_of` and `inside`."""

    folder: Path
    from_workspace: str
    """The folder's path from the workspace folder, empty or with a slash at its end."""
    lists: tuple[tuple[PatternList, str], ...]
    """The ignore files that count, from the top down, each with the path from there to here."""
    exclude: PatternList
    reads_ignore_files: bool

    def exclusion_of(self, name: str, *, is_folder: bool) -> Exclusion | None:
        """Return why an entry of this folder is left alone. The folder itself must not be."""
        entry = f"{name}/" if is_folder else name
        if _SECRETS.verdict(name, entry):
            return Exclusion.SECRET
        if self.exclude and self.exclude.verdict(name, self.from_workspace + entry):
            return Exclusion.BY_SETTING
        is_ignored = False
        for patterns, way in self.lists:
            verdict = patterns.verdict(name, way + entry)
            is_ignored = is_ignored if verdict is None else verdict
        return Exclusion.BY_GIT if is_ignored else None

    def inside(self, name: str) -> IgnoreRules:
        """Return the rules of a folder in this one."""
        folder = self.folder / name
        lists = tuple((patterns, f"{way}{name}/") for patterns, way in self.lists)
        own = _ignore_file_patterns(folder) if self.reads_ignore_files else None
        return IgnoreRules(
            folder,
            f"{self.from_workspace}{name}/",
            (*lists, (own, "")) if own else lists,
            self.exclude,
            self.reads_ignore_files,
        )

    def exclusion_of_path(self, path: str) -> Exclusion | None:
        """Return why a file below this folder is left alone, asking about each folder on its way.

        What lies in an ignored folder cannot be taken back (gitignore(5)).
        """
        rules = self
        *folders, name = path.split("/")
        for each in folders:
            why = rules.exclusion_of(each, is_folder=True)
            if why is not None:
                return why
            rules = rules.inside(each)
        return rules.exclusion_of(name, is_folder=False)


def rules_of(folder: Path, exclude: Sequence[str], *, reads_ignore_files: bool) -> IgnoreRules:
    """Read the rules that hold in a workspace folder.

    Ignore files count from there down, and from the top of the git work tree when the folder lies
    inside one, with git's global and per-repository excludes.
    """
    patterns = _exclude_patterns(tuple(exclude))
    if not reads_ignore_files:
        return IgnoreRules(folder, "", (), patterns, reads_ignore_files=False)
    top = work_tree(folder)
    shared = PatternList([*global_exclude_lines(), *_lines(_repository_excludes(top))])
    at_top = _ignore_file_patterns(top)
    lists = tuple((each, "") for each in (shared, at_top) if each)
    rules = IgnoreRules(top, "", lists, patterns, reads_ignore_files=True)
    for name in folder.relative_to(top).parts:
        rules = rules.inside(name)
    return IgnoreRules(folder, "", rules.lists, patterns, reads_ignore_files=True)


def work_tree(folder: Path) -> Path:
    """Return the top of the git work tree around a folder, or the folder itself."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return folder


def git_directory(top: Path) -> Path:
    """Return where a work tree keeps what is common to all its work trees."""
    place = top / ".git"
    if not place.is_file():
        return place
    own = (top / _first_line(place).removeprefix("gitdir:").strip()).resolve()
    return (own / _first_line(own / "commondir")).resolve()


def global_exclude_lines() -> list[str]:
    """Return the patterns that the user ignores everywhere (`core.excludesFile`)."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    chosen = config / "ignore"
    for file in (config / "config", home / ".gitconfig"):
        written = _excludes_file_in(file)
        if written:
            chosen = home / written[2:] if written.startswith("~/") else home / written
    return _lines(chosen)


def _excludes_file_in(config_file: Path) -> str:
    """Return `core.excludesFile` of a git configuration, empty when it says none."""
    parser = configparser.ConfigParser(
        strict=False, allow_no_value=True, interpolation=None, comment_prefixes=("#", ";")
    )
    try:
        # git indents its values, which means something else to configparser
        parser.read_string("\n".join(line.strip() for line in _lines(config_file)))
        return (parser.get("core", "excludesfile", fallback="") or "").strip().strip('"')
    except configparser.Error:
        return ""


@lru_cache(maxsize=8)
def _exclude_patterns(lines: tuple[str, ...]) -> PatternList:
    return PatternList(lines)


def _repository_excludes(top: Path) -> Path:
    return git_directory(top) / "info" / "exclude"


def _ignore_file_patterns(folder: Path) -> PatternList | None:
    lines = [line for name in IGNORE_FILES for line in _lines(folder / name)]
    return PatternList(lines) if lines else None


def _first_line(file: Path) -> str:
    return "".join(_lines(file)[:1]).strip()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return []
