"""Indexes of workspaces that are gone do not stay for ever."""

from __future__ import annotations

import time
from pathlib import Path

from tabwright.workspace_index.database import delete_unused, workspace_of

KEPT_DAYS = 60
"""A folder that is not there may be on a drive that comes back."""
_SECONDS_A_DAY = 86_400


def forget_left_over(directory: Path, now: float | None = None) -> int:
    """Delete the indexes of folders that are not there any more, unless they were used lately.

    `now` is in seconds since 1970. Return how many were deleted. What cannot be read or deleted
    stays.
    """
    deleted = 0
    oldest = (time.time() if now is None else now) - KEPT_DAYS * _SECONDS_A_DAY
    for file in sorted(directory.glob("*.sqlite3")):
        try:
            is_old = file.stat().st_mtime < oldest
            workspace = workspace_of(file) if is_old else None
            is_gone = workspace is not None and not Path(workspace).is_dir()
        except OSError:
            continue
        if is_gone and delete_unused(file) is not None:
            deleted += 1
    return deleted
