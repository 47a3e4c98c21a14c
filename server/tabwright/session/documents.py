"""The documents an editor has open, kept in step with it edit by edit.

Why not pygls's own: it splits lines with `str.splitlines`, which also breaks at form feeds and
other characters at which the protocol does not, and then every later position is wrong.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabwright.document import Cursor, DocumentSnapshot, TextRange

LARGEST_DOCUMENT = 5_000_000
"""Characters; the text of a larger document is not kept."""

_LINE_END = re.compile(r"\n|\r(?!\n)")


class OpenDocument:
    """A document's text and where its lines start. Lines end at `\\n`, `\\r\\n` or `\\r`."""

    def __init__(self, uri: str, language: str, version: int, text: str, path: Path | None) -> None:
        self.uri = uri
        self.language = language
        self.version = version
        self.path = path
        self.is_too_large = False
        self.text = ""
        self._line_starts: list[int] = [0]
        self.replace_all(text)

    @property
    def line_count(self) -> int:
        """The number of lines; an empty document has one."""
        return len(self._line_starts)

    def line_range(self, line: int) -> TextRange:
        """Return the offsets of a line's text, without its line end.

        A line beyond the last is an empty range at the end, as the protocol wants it.
        """
        if line >= len(self._line_starts):
            return TextRange(len(self.text), len(self.text))
        start = self._line_starts[max(line, 0)]
        last = line + 1 >= len(self._line_starts)
        end = len(self.text) if last else self._line_starts[line + 1]
        while not last and end > start and self.text[end - 1] in "\r\n":
            end -= 1
        return TextRange(start, end)

    def line_of(self, offset: int) -> int:
        """Return the number of the line that holds an offset."""
        return bisect.bisect_right(self._line_starts, offset) - 1

    def replace_all(self, text: str) -> None:
        """Take a whole new text."""
        self.is_too_large = len(text) > LARGEST_DOCUMENT
        self.text = "" if self.is_too_large else text
        self._line_starts = [0, *(found.end() for found in _LINE_END.finditer(self.text))]

    def replace(self, where: TextRange, text: str) -> None:
        """Replace a range of the text."""
        if self.is_too_large:
            return
        start = min(where.start, len(self.text))
        end = min(max(where.end, start), len(self.text))
        shift = len(text) - (end - start)
        self.text = self.text[:start] + text + self.text[end:]
        if len(self.text) > LARGEST_DOCUMENT:
            self.replace_all(self.text)
            return
        # A line start depends on the characters to both sides of it (a `\r` ends a line only where
        # no `\n` follows), so those from `start` to the end of the new text are looked for anew.
        new_end = start + len(text)
        starts = self._line_starts
        found = _LINE_END.finditer(self.text, max(0, start - 1), new_end + 1)
        self._line_starts = [
            *(starts[: bisect.bisect_left(starts, start)] or [0]),
            *(each.end() for each in found if max(1, start) <= each.end() <= new_end),
            *(each + shift for each in starts[bisect.bisect_right(starts, end) :]),
        ]


@dataclass
class Notebook:
    """A notebook: its cells' documents, in order."""

    uri: str
    path: Path | None
    cell_uris: list[str] = field(default_factory=list)
    code_cells: set[str] = field(default_factory=set)


@dataclass
class Documents:
    """All open documents, and the notebooks that some of them are cells of."""

    by_uri: dict[str, OpenDocument] = field(default_factory=dict)
    notebooks: dict[str, Notebook] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    """The workspace folders on disk."""

    def open(self, document: OpenDocument) -> None:
        """Add a document, replacing what was open under its URI."""
        self.by_uri[document.uri] = document

    def close(self, uri: str) -> None:
        """Forget a document; an unknown one is no error."""
        self.by_uri.pop(uri, None)

    def notebook_of(self, cell_uri: str) -> Notebook | None:
        """Return the notebook that a document is a cell of."""
        for notebook in self.notebooks.values():
            if cell_uri in notebook.cell_uris:
                return notebook
        return None

    def splice_cells(
        self, notebook_uri: str, start: int, delete_count: int, cells: Sequence[tuple[str, bool]]
    ) -> None:
        """Replace cells of a notebook by `(uri, is code)` pairs."""
        notebook = self.notebooks[notebook_uri]
        notebook.cell_uris[start : start + delete_count] = [uri for uri, _ in cells]
        notebook.code_cells |= {uri for uri, is_code in cells if is_code}

    def snapshot(self, uri: str, offset: int) -> tuple[DocumentSnapshot, Cursor] | None:
        """Return what a completion at this place sees: a document, or a whole notebook.

        The cells of a notebook that share the cell's language are one text, in order, each ending
        with a line end; the last cell is part of it like any other.
        """
        document = self.by_uri.get(uri)
        if document is None:
            return None
        notebook = self.notebook_of(uri)
        if notebook is None:
            return self._snapshot_of(document, document.uri, document.path, [document], offset)
        cells = [
            self.by_uri[each]
            for each in notebook.cell_uris
            if each in self.by_uri
            and (each == uri or each in notebook.code_cells)
            and self.by_uri[each].language == document.language
        ]
        return self._snapshot_of(document, notebook.uri, notebook.path, cells, offset)

    def _snapshot_of(
        self,
        document: OpenDocument,
        uri: str,
        path: Path | None,
        parts: Iterable[OpenDocument],
        offset: int,
    ) -> tuple[DocumentSnapshot, Cursor]:
        text = ""
        start = 0
        for part in parts:
            if text and not text.endswith("\n"):
                text += "\n"
            if part is document:
                start = len(text)
            text += part.text
        snapshot = DocumentSnapshot(
            uri=uri,
            language=document.language,
            version=document.version,
            text=text,
            relative_path=self.relative_path(path),
        )
        return snapshot, Cursor(start + min(offset, len(document.text)))

    def folder_of(self, path: Path | None) -> Path | None:
        """Return the innermost workspace folder that holds a path."""
        if path is None:
            return None
        holding = [folder for folder in self.folders if path.is_relative_to(folder)]
        return max(holding, key=lambda folder: len(folder.parts), default=None)

    def relative_path(self, path: Path | None) -> str:
        """Return a path below its workspace folder with forward slashes, else its name."""
        if path is None:
            return ""
        folder = self.folder_of(path)
        return path.relative_to(folder).as_posix() if folder else path.name
