"""Typing a taken out piece again, key by key, and accepting what is right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_editor import accepted_part
from typing_items import Item, next_key

from tabwright.commands.building import build_session
from tabwright.completion.suggestion import Suggestion
from tabwright.document import TextRange
from tabwright.session.documents import OpenDocument
from tabwright.session.session import Session
from tabwright.settings import read_settings


@dataclass(frozen=True)
class Shown:
    """What was suggested at one place, empty for nothing."""

    text: str
    offset: int
    """In what was taken out."""
    seconds: float


@dataclass(frozen=True)
class Accepted:
    """A suggestion that was right, or its right part."""

    text: str
    offset: int
    """In what was taken out."""


async def settled_session(model: str, way: Mapping[str, Any], roots: Sequence[Path]) -> Session:
    """Return a session with a model loaded that has read its workspaces; `way` are settings."""
    session = build_session()
    values = {"model": model, "timeLimitSeconds": 0, "debounceSeconds": 0, **way}
    session.configure(read_settings(values).settings)
    session.follow(roots)
    await session.workspaces.settle()
    manifest = session.models.choose("python")
    loading = session.models.begin_loading(manifest)  # type: ignore[arg-type]  # it is installed
    if loading is not None:
        await loading
    return session


async def retype(
    session: Session, item: Item, judge: Callable[[Shown], None], pause_seconds: float = 0.0
) -> list[Accepted]:
    """Type an item in a session, have every answer judged, and return what was accepted.

    With a pause the session is told of each edit, as an editor does, and asked so much later.
    """
    path = item.file.path
    uri = path.as_uri()
    document = OpenDocument(uri, item.editor_id, 1, item.before + item.after, path)
    session.open(document)
    removed, offset = item.removed, 0
    first_line = item.lines[0]
    accepted = []
    while offset < len(removed):
        taken = ""
        if offset >= first_line.start:
            started = time.perf_counter()
            outcome = await session.complete(uri, len(item.before) + offset, is_automatic=True)
            text = outcome.text if isinstance(outcome, Suggestion) else ""
            judge(Shown(text, offset, time.perf_counter() - started))
            taken = accepted_part(text, removed[offset:], accepts_first_line=False)
        if taken:
            accepted.append(Accepted(taken, offset))
        typed = taken or next_key(removed, offset)
        place = len(item.before) + offset
        document.replace(TextRange(place, place), typed)
        document.version += 1
        offset += len(typed)
        if pause_seconds:
            session.note_edit(uri, place + len(typed))
            await asyncio.sleep(pause_seconds)
    session.close(uri)
    return accepted
