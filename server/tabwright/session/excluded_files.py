"""Which files are nobody's business: secrets, what the settings exclude, and what git ignores.

Patterns are gitignore patterns, read by the `pathspec` library exactly as git reads them.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

logger = logging.getLogger(__name__)

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

_IGNORE_FILES = (".gitignore", ".ignore")
_secrets = GitIgnoreSpec.from_lines(SECRET_PATTERNS)


class Exclusion(enum.Enum):
    """Why a file is left alone."""

    SECRET = "secret"
    BY_SETTING = "excluded by a setting"
    BY_GIT = "ignored by git"


def exclusion_of(
    path: Path, folder: Path | None, patterns: Sequence[str], *, reads_ignore_files: bool
) -> Exclusion | None:
    """Return why a file is left alone, None when it is not. Reads ignore files from disk.

    `folder` is the workspace folder that holds the file; ignore files count from there down, and
    from the top of the git work tree when the folder lies inside one.
    """
    if _secrets.match_file(path.as_posix().lstrip("/")):
        return Exclusion.SECRET
    base = folder or path.parent
    inside = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
    if patterns and GitIgnoreSpec.from_lines(patterns).match_file(inside):
        return Exclusion.BY_SETTING
    if reads_ignore_files and _is_ignored(path, _work_tree(base)):
        return Exclusion.BY_GIT
    return None


def _work_tree(folder: Path) -> Path:
    """Return the top of the git work tree around a folder, or the folder itself."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return folder


def _is_ignored(path: Path, top: Path) -> bool:
    """Whether ignore files from `top` down match a file or a folder above it.

    For each of them the nearest ignore file that says anything decides; what lies in an ignored
    folder cannot be taken back (gitignore(5)).
    """
    if not path.is_relative_to(top):
        return False
    parts = path.relative_to(top).parts
    ignore_files = [_spec_of(top, is_top=True)]
    for depth in range(1, len(parts) + 1):
        verdict = False
        for level, spec in enumerate(ignore_files):
            name = "/".join(parts[level:depth]) + ("/" if depth < len(parts) else "")
            include = spec.check_file(name).include
            verdict = verdict if include is None else include
        if verdict:
            return True
        ignore_files.append(_spec_of(top.joinpath(*parts[:depth]), is_top=False))
    return False


def _spec_of(directory: Path, *, is_top: bool) -> GitIgnoreSpec:
    """Return the patterns of the ignore files in a folder."""
    files = [directory / ".git" / "info" / "exclude"] if is_top else []
    files += [directory / name for name in _IGNORE_FILES]
    return GitIgnoreSpec.from_lines(line for file in files for line in _lines(file))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
