"""The same file opened several times, each time as if for the first time.

A document's address names it to the server, and the path below its workspace folder is part of
the prompt. So each opening has a workspace folder of its own, with the same paths below it;
nothing has to be on the disk there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsp_client import Answer, LspClient
from packages import SourceFile
from typing_editor import Document
from typing_items import Item


def workspace_folders(base: Path, names: Sequence[str]) -> list[Path]:
    """Make one workspace folder for each way in which a file is opened."""
    folders = [base / name for name in names]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def address(file: SourceFile, folder: Path) -> str:
    """Return a file's URI in a workspace folder."""
    return (folder / file.root.name / file.name).as_uri()


class OpenedItem:
    """An item's file in the editor, with as much of what was taken out as is typed by now."""

    def __init__(self, client: LspClient, item: Item, folder: Path, offset: int = 0) -> None:
        self._client = client
        self._item = item
        self.offset = offset
        before = item.before + item.removed[:offset]
        self.document = Document(address(item.file, folder), item.editor_id, before, item.after)
        client.open(self.document.uri, self.document.language, before + item.after)

    def move_to(self, offset: int) -> None:
        """Type, paste or take back until `offset` characters are there, in one edit."""
        document, item = self.document, self._item
        here = document.position
        kept = min(offset, self.offset)
        document.before = item.before + item.removed[:kept]
        start = document.position
        document.insert(item.removed[kept:offset])
        self._client.replace(document.uri, document.version, start, here, item.removed[kept:offset])
        self.offset = offset

    async def ask(self) -> Answer:
        """Ask at the cursor, as typing does."""
        return await self._client.explained_completion(self.document.uri, self.document.position)

    def close(self) -> None:
        """Close the file."""
        self._client.close(self.document.uri)
