"""A workspace as the server reads it, for benchmarks that need no server."""

from __future__ import annotations

from pathlib import Path

from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.line_memory import LineMemory

_LARGEST_BYTES = 500_000


def remembered(root: Path, languages: LanguageRegistry) -> LineMemory:
    """Return a memory of all the code below a folder."""
    memory = LineMemory()
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
            continue
        if languages.for_path(path.name) is None:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        memory.learn(path.relative_to(root).as_posix(), text)
    memory.settle()
    return memory
