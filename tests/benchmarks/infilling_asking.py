"""Who is asked in the infilling benchmark: the whole pipeline, and the bare model beside it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from infilling_items import Item
from reporting import say

from tabwright.commands.building import build_session
from tabwright.completion.suggestion import Outcome, Suggestion
from tabwright.model.client import (
    GeneratedToken,
    GenerationRequest,
    ModelProcess,
    TextGenerator,
)
from tabwright.model.manifest import Manifest
from tabwright.model.messages import LoadModel, Segment
from tabwright.session.documents import OpenDocument
from tabwright.session.session import Session
from tabwright.settings import Settings, read_settings

BARE, BY_HAND, TYPING = "bare", "by hand", "typing"
CONTESTANTS = (BARE, BY_HAND, TYPING)

_CHARACTERS = 2000
"""Of the text before the cursor, as the naive tool of the typing benchmark reads."""
_LINE_TOKENS = 128
_BLOCK_TOKENS = 384
_BARE_CONTEXT_TOKENS = 2048
_SAY_EVERY = 50


@dataclass(frozen=True)
class Answer:
    """What one contestant suggests for one item; no text where it suggests nothing."""

    text: str
    reason: str = ""
    milliseconds: float = 0.0
    log_probability: float = 0.0


# -- the whole pipeline --


async def ask_pipeline(
    items: Sequence[Item], model: str, folder: Path
) -> dict[str, dict[str, Answer]]:
    """Ask one session about every item, by hand and as typing asks; return by contestant and id.

    Each item is a file in a workspace of its own under `folder`, closed before the next is
    opened: no program may help with another, as several are the same with other pieces taken out.
    """
    session = build_session()
    answers: dict[str, dict[str, Answer]] = {BY_HAND: {}, TYPING: {}}
    lines = ""
    try:
        session.configure(_settings(model, "auto"))
        await _load(session)
        for number, item in enumerate(items, start=1):
            if item.lines != lines:
                lines = item.lines
                session.configure(_settings(model, lines))
            by_hand, typing = await _ask_both_ways(session, item, folder / str(number))
            answers[BY_HAND][item.id], answers[TYPING][item.id] = by_hand, typing
            if number % _SAY_EVERY == 0:
                say(f"whole pipeline: {number} of {len(items)}")
    finally:
        await session.stop()
    return answers


def _settings(model: str, lines: str) -> Settings:
    values = {
        "model": model,
        "lines": lines,
        "inIgnoredFiles": True,
        "debounceSeconds": 0,
        "timeLimitSeconds": 0,  # what is measured is not the speed of this machine
    }
    return read_settings(values).settings


async def _load(session: Session) -> None:
    """Load the model first: who types does not wait for it."""
    session.open(OpenDocument("untitled:warm-up", "python", 1, "x = ", None))
    await session.complete("untitled:warm-up", 4, is_automatic=False)
    session.close("untitled:warm-up")


async def _ask_both_ways(session: Session, item: Item, folder: Path) -> tuple[Answer, Answer]:
    document = _document(session, item, folder)
    session.documents.folders = [folder]
    answers = []
    for is_automatic in (False, True):
        session.open(document)
        started = time.monotonic()
        outcome = await session.complete(document.uri, len(item.before), is_automatic=is_automatic)
        answers.append(_answer(outcome, time.monotonic() - started))
        session.close(document.uri)
    return answers[0], answers[1]


def _document(session: Session, item: Item, folder: Path) -> OpenDocument:
    path = folder / item.file_path
    text = item.before + item.after
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    language = session.languages.for_path(path.name)
    assert language is not None, "every language of the sets is bundled"
    return OpenDocument(path.as_uri(), language.editor_ids[0], 1, text, path)


def _answer(outcome: Outcome, seconds: float) -> Answer:
    milliseconds = round(seconds * 1000, 1)
    if not isinstance(outcome, Suggestion):
        return Answer("", outcome.reason.value, milliseconds)
    return Answer(outcome.text, "", milliseconds, round(outcome.mean_log_probability, 4))


# -- the bare model --


async def ask_bare_model(
    items: Sequence[Item], manifest: Manifest, weights: Path
) -> dict[str, Answer]:
    """Let the same weights continue the text before the cursor, and return the answers by id."""
    process = ModelProcess()
    answers = {}
    try:
        model = _bare_model(manifest, weights)
        await process.load(model)
        generator = process.generator_for(model.model_key)
        for number, item in enumerate(items, start=1):
            started = time.monotonic()
            text = await continue_text(generator, item)
            answers[item.id] = Answer(
                text, milliseconds=round((time.monotonic() - started) * 1000, 1)
            )
            if number % _SAY_EVERY == 0:
                say(f"bare model: {number} of {len(items)}")
    finally:
        await process.stop()
    return answers


def _bare_model(manifest: Manifest, weights: Path) -> LoadModel:
    cores = psutil.cpu_count(logical=False) or 1
    return LoadModel(
        request_id=0,
        model_key="bare",
        weights_path=str(weights),
        adapter_path=str(Path(manifest.folder) / manifest.adapter) if manifest.adapter else "",
        context_tokens=min(manifest.context_tokens, _BARE_CONTEXT_TOKENS),
        prefill_threads=cores,
        decode_threads=max(1, cores // 2),
        gpu_layers=0,
        control_strings=manifest.stop_strings,
        idle_unload_seconds=0,
    )


async def continue_text(generator: TextGenerator, item: Item) -> str:
    """Return what a model writes after the cursor, greedily, to the end of a line.

    That is the line that the taken out piece ends in: nobody else is told how many there are. The
    text after the cursor is not used and nothing is cut. The one thing it shares with the pipeline
    is that the model process heals the prompt's end.
    """
    request = GenerationRequest(
        document=item.id,
        segments=(Segment(item.before[-_CHARACTERS:]),),
        heals=False,
        max_tokens=_LINE_TOKENS if item.line_count == 1 else _BLOCK_TOKENS,
    )
    text = ""
    async with contextlib.aclosing(generator.generate(request)) as events:
        async for event in events:
            if isinstance(event, GeneratedToken):
                text += event.text
                if text.count("\n") >= item.line_count:
                    break
    return "\n".join(text.split("\n")[: item.line_count])


def ask_everyone(
    items: Sequence[Item], manifest: Manifest, weights: Path, folder: Path
) -> dict[str, dict[str, Answer]]:
    """Return every answer by contestant and item; one model process runs at a time."""

    async def run() -> dict[str, dict[str, Answer]]:
        bare = await ask_bare_model(items, manifest, weights)
        return {BARE: bare, **await ask_pipeline(items, manifest.id, folder)}

    return asyncio.run(run())
