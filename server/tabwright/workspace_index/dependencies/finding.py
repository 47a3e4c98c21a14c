"""Which files of installed packages define what a file imports."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tabwright.syntax.language_file import ImportFamily
from tabwright.workspace_index.dependencies.go_modules import find_in_go_modules
from tabwright.workspace_index.dependencies.node_typings import find_in_node_modules
from tabwright.workspace_index.dependencies.python_packages import find_in_python_packages
from tabwright.workspace_index.dependencies.reading import Search
from tabwright.workspace_index.facts import Import

_Find = Callable[[Search, Path, str, Import, Mapping[str, str]], None]

_FINDERS: Mapping[ImportFamily, _Find] = {
    "python": find_in_python_packages,
    "javascript": find_in_node_modules,
    "go": find_in_go_modules,
}


def dependency_files(
    folder: Path,
    family: ImportFamily,
    imports: Sequence[Import],
    path: str = "",
    environment: Mapping[str, str] = os.environ,
) -> tuple[Path, ...]:
    """Return the files that define the imported names, in order of the imports: at most 8, none
    larger than 500 KB.

    `folder` is the workspace, `path` the importing file in it (its own `node_modules`, `go.mod` or
    `.venv` come first), `family` the `imports` of its language. For the attributes of a module
    that is imported as a whole (`requests.get`), add them as `names` to its `Import`. Reads some
    tens of files at most, from disk each time: keep the answer, and ask off the event loop.
    """
    find = _FINDERS.get(family)
    search = Search()
    if find is not None:
        for imported in imports:
            if search.is_full:
                break
            find(search, folder, path, imported, environment)
    return tuple(search.found)
