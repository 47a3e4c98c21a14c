"""Answers made in the pauses between keys by the real model: those that a question gets as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwright.commands.building import build_session
from tabwright.completion.suggestion import Outcome, Suggestion
from tabwright.document import TextRange
from tabwright.session.documents import OpenDocument
from tabwright.session.session import Session
from tabwright.settings import read_settings

pytestmark = pytest.mark.real_model

BEFORE = "import json\n\n\ndef read_settings(path):\n    with open(path) as file:\n        "
TYPED = "return json.load(file)"


async def started(settings: dict[str, object]) -> Session:
    session = build_session()
    values = {"model": "smollm2-135m", "timeLimitSeconds": 0, "debounceSeconds": 0, **settings}
    session.configure(read_settings(values).settings)
    loading = session.models.begin_loading(session.models.choose("python"))  # type: ignore[arg-type]  # it is installed
    if loading is not None:
        await loading
    return session


async def typed(session: Session, folder: Path, *, pauses: bool) -> list[tuple[str, int]]:
    """Return what is suggested at each key, and how many tokens were evaluated for it."""
    path = folder / "reading.py"
    document = OpenDocument(path.as_uri(), "python", 1, BEFORE + "\n", path)
    session.open(document)
    found = []
    for number in range(len(TYPED) + 1):
        place = len(BEFORE) + number
        outcome: Outcome = await session.complete(document.uri, place, is_automatic=True)
        text = outcome.text if isinstance(outcome, Suggestion) else ""
        found.append((text, outcome.timings.generated_tokens))
        document.replace(TextRange(place, place), TYPED[number : number + 1])
        document.version += 1
        session.note_edit(document.uri, place + 1)
        if pauses:
            await session.rest()
    session.close(document.uri)
    return found


@pytest.mark.parametrize("settings", [{}, {"useWorkspace": False}], ids=["memory", "model alone"])
async def test_a_pause_between_keys_changes_no_answer_and_saves_the_wait(
    settings: dict[str, object], tmp_path: Path, default_weights: Path
) -> None:
    session = await started({**settings, "eagerness": "high"})
    try:
        with_pauses = await typed(session, tmp_path, pauses=True)
    finally:
        await session.stop()
    session = await started({**settings, "eagerness": "low"})
    try:
        without = await typed(session, tmp_path, pauses=False)
    finally:
        await session.stop()
    assert [text for text, _ in with_pauses] == [text for text, _ in without]
    assert any(text for text, _ in without)
    # The first question was not foreseen; the others were answered before they were asked.
    assert all(count == 0 for _, count in with_pauses[1:])
    assert any(count > 0 for _, count in without[1:])
