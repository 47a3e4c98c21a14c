"""One completion in a session of its own: what the commands that ask once have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabwright.commands.recorded_knowledge import RecordedKnowledge
from tabwright.completion.budget import Speeds
from tabwright.completion.suggestion import Outcome
from tabwright.model.client import ProcessState
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Guess
from tabwright.session.documents import OpenDocument
from tabwright.settings import CompletionSettings, Settings, read_settings

if TYPE_CHECKING:
    from tabwright.session.session import Session


@dataclass(frozen=True)
class Asked:
    """All that one completion depends on, besides the program, the weights and the processor."""

    text: str
    offset: int
    path: Path
    """The document's place; nothing is read from there."""
    folder: Path
    """The workspace folder, below which the model sees the path."""
    language: str = ""
    """The editor's language id; found by the file's name if empty."""
    is_automatic: bool = False
    settings: Mapping[str, Any] | None = None
    """As editors write them."""
    speeds: Speeds | None = None
    """How fast the model is taken to be; as measured here if None."""
    knows_folder: bool = False
    """Whether all files of the folder are read first; else the document alone is known."""
    recorded_guesses: Mapping[str, tuple[Guess, ...]] | None = None
    """What was known of the workspace then, by what was written behind the cursor."""
    recorded_excerpts: Sequence[tuple[str, str]] | None = None
    """What the model was shown of the workspace then: paths and texts."""
    recorded_unknown_names: Sequence[str] | None = None
    """Names that were asked about and that the workspace did not know."""


@dataclass(frozen=True)
class Answered:
    """What came of it, and what it came from."""

    outcome: Outcome
    language: str
    relative_path: str
    settings: Settings
    settings_there: CompletionSettings
    """As they hold at the cursor: in its language and workspace."""
    model: Manifest | None
    """The model that was asked; None where the answer needed none."""
    route: str
    """Why that model, in a few words."""
    speeds: Speeds | None
    """How fast that model was taken to be."""
    guesses: Mapping[str, tuple[Guess, ...]]
    """What was known of the workspace, by what was written behind the cursor."""
    excerpts: tuple[tuple[str, str], ...]
    """What the model was shown of the workspace: paths and texts."""
    unknown_names: tuple[str, ...]
    """Names that were asked about and that the workspace does not know."""
    system_info: str
    """What llama.cpp computes with; empty where no model was asked."""


def ask_once(asked: Asked) -> Answered:
    """Run one completion in a new session and end that session."""
    return asyncio.run(_ask_once(asked))


async def _ask_once(asked: Asked) -> Answered:
    from tabwright.commands.building import build_session  # noqa: PLC0415 - tree-sitter, pathspec

    session = build_session()
    try:
        settings = read_settings({**(asked.settings or {}), "debounceSeconds": 0}).settings
        session.models.requests.assume_speeds(asked.speeds)
        session.configure(settings)
        known = session.languages.for_path(asked.path.name)
        language = asked.language or (known.editor_ids[0] if known else "plaintext")
        uri = asked.path.as_uri()
        knowledge = RecordedKnowledge(
            asked.offset,
            asked.recorded_guesses,
            asked.recorded_excerpts,
            asked.recorded_unknown_names,
        )
        session.workspaces.wrap = knowledge.around
        if asked.knows_folder:
            session.follow([asked.folder])
            await session.workspaces.settle()
        else:
            session.documents.folders = [asked.folder]
        session.open(OpenDocument(uri, language, 1, asked.text, asked.path))
        if asked.is_automatic:
            await _wait_for_model(session, uri, asked.offset)
        outcome = await session.complete(uri, asked.offset, is_automatic=asked.is_automatic)
        where = session.route_at(uri, asked.offset)
        choice = session.models.choice(where) if where is not None and outcome.model else None
        model = choice.model if choice and isinstance(choice.model, Manifest) else None
        return Answered(
            outcome=outcome,
            language=language,
            relative_path=session.documents.relative_path(asked.path),
            settings=settings,
            settings_there=session.settings_at(uri, asked.offset),
            model=model,
            route=choice.reason if choice is not None else "",
            speeds=session.models.requests.speeds_of(model) if model is not None else None,
            guesses=knowledge.guessed,
            excerpts=tuple((each.path, each.text) for each in knowledge.shown),
            unknown_names=tuple(knowledge.unknown),
            system_info=await _system_info(session),
        )
    finally:
        await session.stop()


async def _wait_for_model(session: Session, uri: str, offset: int) -> None:
    """Load the model first: an automatic request does not wait for it."""
    where = session.route_at(uri, offset)
    manifest = session.models.choose(where) if where is not None else None
    if isinstance(manifest, Manifest):
        loading = session.models.begin_loading(manifest)
        if loading is not None:
            await asyncio.wait([loading])


async def _system_info(session: Session) -> str:
    process = session.models.process
    if process.state is not ProcessState.RUNNING:
        return ""
    return (await process.describe()).system_info
