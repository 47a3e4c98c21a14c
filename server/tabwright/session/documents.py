"""The documents an editor has open, kept in step with it edit by edit.

Why not pygls's own: it splits lines with `str.splitlines`, which also breaks at form feeds and
other characters at which the protocol does not, and then every later position is wrong.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabwright.document import Cursor, DocumentSnapshot, TextRange
from tabwright.syntax.embedded import EmbeddedCode, embedded_at, embedded_in, is_foreign_cell

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
    knows_language: Callable[[str], bool] = lambda _language: True
    """Whether there is such a language: a fence in Markdown may say anything."""

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
        """Return what a completion at this place sees: a document, a notebook, or the code in it.

        The cells of a notebook that share the cell's language are one text, in order, each ending
        with a line end; the last cell is part of it like any other. Code of another language in
        a text (a script in HTML, a cell that begins with `%%bash`) is a text of its own, together
        with all other code of that language there.
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
        parts: Sequence[OpenDocument],
        offset: int,
    ) -> tuple[DocumentSnapshot, Cursor]:
        offset = min(offset, len(document.text))
        is_notebook = uri != document.uri
        here = embedded_at(self._embedded_in(document, is_cell=is_notebook), offset)
        text = ""
        cursor = 0
        for part, where in self._pieces(document, parts, here, is_notebook=is_notebook):
            if text and not text.endswith("\n"):
                text += "\n"
            if part is document and where.start <= offset <= where.end:
                cursor = len(text) + offset - where.start
            text += part.text[where.start : where.end]
        snapshot = DocumentSnapshot(
            uri=uri if here is None else f"{uri}#{here.language}",
            language=document.language if here is None else here.language,
            version=document.version,
            text=text,
            relative_path=self.relative_path(path),
        )
        return snapshot, Cursor(cursor)

    def _pieces(
        self,
        document: OpenDocument,
        parts: Iterable[OpenDocument],
        here: EmbeddedCode | None,
        *,
        is_notebook: bool,
    ) -> Iterator[tuple[OpenDocument, TextRange]]:
        """Yield what belongs together with the code at the cursor."""
        for part in parts:
            codes = self._embedded_in(part, is_cell=is_notebook)
            if here is not None:
                for code in codes:
                    if code.language == here.language:
                        yield part, TextRange(code.start, code.end)
            elif part is document or not (is_notebook and is_foreign_cell(part.text)):
                yield part, TextRange(0, len(part.text))

    def _embedded_in(self, document: OpenDocument, *, is_cell: bool) -> tuple[EmbeddedCode, ...]:
        found = embedded_in(document.text, document.language, is_cell=is_cell)
        return tuple(each for each in found if is_cell or self.knows_language(each.language))

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
