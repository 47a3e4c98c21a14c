"""Includes of C, C++ and Objective-C: beside the file, else wherever a path ends like it."""

from __future__ import annotations

from collections.abc import Iterator

from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.workspace import Workspace
from tabwright.workspace_index.resolving.workspace_files import (
    WorkspaceFiles,
    folder_of,
    nearest,
    normalised,
)

_OF_THE_SYSTEM = frozenset(
    name
    for line in (
        "assert.h complex.h ctype.h dirent.h dlfcn.h errno.h fcntl.h fenv.h float.h glob.h",
        "grp.h inttypes.h iso646.h limits.h locale.h math.h netdb.h poll.h pthread.h pwd.h",
        "regex.h sched.h semaphore.h setjmp.h signal.h stdalign.h stdarg.h stdatomic.h",
        "stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h syslog.h",
        "termios.h tgmath.h threads.h time.h uchar.h unistd.h wchar.h wctype.h windows.h",
        "winsock2.h",
    )
    for name in line.split()
)
"""Headers that a workspace's own file of the same name does not stand for, in angle brackets."""


def c_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the one file that an include names, if it is in the workspace."""
    written = imported.module.strip()
    is_quoted = not written.startswith("<")
    written = written.strip('"<> ').replace("\\", "/")
    if not written:
        return
    beside = normalised(folder_of(path), written) if is_quoted else None
    if beside is not None and beside in workspace.files:
        yield beside
    elif is_quoted or written not in _OF_THE_SYSTEM:
        question = ("include of C", folder_of(path), imported.module)
        file = workspace.files.remembered(
            question, lambda: _by_end(workspace.files, path, written, is_quoted)
        )
        if file is not None:
            yield file


def _by_end(files: WorkspaceFiles, path: str, written: str, is_quoted: bool) -> str | None:
    """Return the nearest file below whatever include folder makes the path fit.

    Of a quoted path that fits nowhere, leading folders are left out as long as only one file of
    the workspace fits: they may be the workspace's own, or of a build.
    """
    parts = [part for part in written.split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        found = files.ending_with("/".join(parts[start:]))
        if found and (start == 0 or len(found) == 1):
            return nearest(found, path)[0]
        if not is_quoted:
            return None
    return None
