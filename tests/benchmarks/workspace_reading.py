"""A workspace as the server reads it, for benchmarks that need no server."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.index import WorkspaceIndex
from tabwright.workspace_index.line_memory import LineMemory


def remembered(root: Path, languages: LanguageRegistry) -> LineMemory:
    """Return a memory of all the code below a folder."""
    memory = LineMemory()
    with tempfile.TemporaryDirectory(prefix="tabwright-index-") as directory:
        index = WorkspaceIndex.open(root, languages, directory=Path(directory))
        index.update()
        for path in index.paths():
            memory.learn(path, index.text_of(path) or "")
        index.close()
    memory.settle()
    return memory
