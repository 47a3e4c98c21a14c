"""From the protocol's types to ours: positions, URIs, documents, settings.

Positions count code units of the negotiated encoding; beyond this module there are only Python
string offsets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.uris import to_fs_path

from tabwright.document import Cursor, DocumentSnapshot, TextRange
from tabwright.session.documents import OpenDocument

Encoding = types.PositionEncodingKind | str
SECTION = "tabwright"

_CODECS = {
    types.PositionEncodingKind.Utf8: ("utf-8", 1),
    types.PositionEncodingKind.Utf16: ("utf-16-le", 2),
    types.PositionEncodingKind.Utf32: ("utf-32-le", 4),
}


def column_to_offset(line: str, units: int, encoding: Encoding) -> int:
    """Return the string offset in `line` after `units` code units.

    A count in the middle of a character stops before it; one beyond the line stops at its end
    (LSP 3.17, Position).
    """
    if line.isascii():
        return min(max(units, 0), len(line))
    codec, width = _CODECS[types.PositionEncodingKind(encoding)]
    units = max(units, 0)
    data = line[:units].encode(codec, "surrogatepass")  # no character takes less than one unit
    return len(data[: units * width].decode(codec, "ignore"))


def position_to_offset(document: OpenDocument, position: types.Position, encoding: Encoding) -> int:
    """Return the string offset of a position in a document."""
    line = document.line_range(position.line)
    text = document.text[line.start : line.end]
    return line.start + column_to_offset(text, position.character, encoding)


def range_to_offsets(document: OpenDocument, where: types.Range, encoding: Encoding) -> TextRange:
    """Return the string offsets of a range in a document."""
    start = position_to_offset(document, where.start, encoding)
    return TextRange(start, max(start, position_to_offset(document, where.end, encoding)))


def clean(text: str) -> str:
    """Replace lone surrogates, which JSON can carry and nothing else can encode."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def path_of(uri: str) -> Path | None:
    """Return the path of a `file:` URI, None for untitled, remote and virtual documents."""
    if not uri.startswith("file:"):
        return None
    path = to_fs_path(uri)
    return Path(path) if path else None


def open_document(item: types.TextDocumentItem) -> OpenDocument:
    """Return the document that an editor has opened."""
    return OpenDocument(
        item.uri, item.language_id, item.version, clean(item.text), path_of(item.uri)
    )


def apply_changes(
    document: OpenDocument,
    version: int,
    changes: Sequence[types.TextDocumentContentChangeEvent],
    encoding: Encoding,
) -> int | None:
    """Apply an editor's changes in order; each counts in the text the one before it has left.

    Returns the offset behind the last of them, None when the whole text was replaced.
    """
    edited: int | None = None
    for change in changes:
        text = clean(change.text)
        if isinstance(change, types.TextDocumentContentChangePartial):
            where = range_to_offsets(document, change.range, encoding)
            document.replace(where, text)
            edited = min(where.start + len(text), len(document.text))
        else:
            document.replace_all(text)
            edited = None
    document.version = version
    return edited


def with_selected_item(
    snapshot: DocumentSnapshot, cursor: Cursor, replaced: int, text: str
) -> tuple[DocumentSnapshot, Cursor]:
    """Return the snapshot as if the item selected in the completion list were inserted.

    `replaced` counts the characters before the cursor that the item takes the place of.
    """
    start = max(0, cursor.offset - replaced)
    changed = snapshot.text[:start] + text + snapshot.text[cursor.offset :]
    return dataclasses.replace(snapshot, text=changed), Cursor(start + len(text))


def settings_section(values: object) -> Mapping[str, Any]:
    """Return the settings in what an editor sent, under `tabwright` or bare; {} for anything else.

    Dotted names (`tabwright.enabled`), as some clients send them, are unfolded.
    """
    if not isinstance(values, Mapping):
        return {}
    section = values.get(SECTION, values)
    if not isinstance(section, Mapping):
        return {}
    prefix = f"{SECTION}."
    return {str(name).removeprefix(prefix): value for name, value in section.items()}


def position_of(value: object) -> types.Position | None:
    """Return the position in a custom message, None when there is none or it makes no sense."""
    line, character = member(value, "line"), member(value, "character")
    if isinstance(line, int) and isinstance(character, int):
        return types.Position(max(line, 0), max(character, 0))
    return None


def member(params: object, name: str) -> Any:
    """Return a member of a custom message's parameters, which are a mapping or an object."""
    if isinstance(params, Mapping):
        return params.get(name)
    return getattr(params, name, None)


def specializing_options(wishes: object) -> list[str]:
    """Return what a client wants of a specialisation as words of its command line."""
    options = []
    minutes = member(wishes, "minutes")
    if isinstance(minutes, int | float) and not isinstance(minutes, bool) and minutes > 0:
        options += ["--minutes", f"{minutes:g}"]
    if member(wishes, "remove") is True:
        options.append("--remove")
    return options
