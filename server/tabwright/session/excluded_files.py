"""Which open files are nobody's business: secrets, what the settings exclude, what git ignores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tabwright.workspace_index.ignoring import Exclusion, is_secret, rules_of

__all__ = ["Exclusion", "exclusion_of"]


def exclusion_of(
    path: Path, folder: Path | None, patterns: Sequence[str], *, reads_ignore_files: bool
) -> Exclusion | None:
    """Return why a file is left alone, None when it is not. Reads ignore files from disk.

    `folder` is the workspace folder that holds the file; ignore files count from there down, and
    from the top of the git work tree when the folder lies inside one.
    """
    if is_secret(path.as_posix()):
        return Exclusion.SECRET
    base = folder if folder is not None and path.is_relative_to(folder) else path.parent
    rules = rules_of(base, patterns, reads_ignore_files=reads_ignore_files)
    return rules.exclusion_of_path(path.relative_to(base).as_posix())
