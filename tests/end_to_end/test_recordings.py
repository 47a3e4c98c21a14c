"""What real clients have said once, the server understands and answers, every time.

How the recordings are made: `recordings.py`. What each client is like: `editors/README.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import converters, types

from end_to_end import recordings
from end_to_end.replaying import Asked, Replay
from end_to_end.scripted_server import prompts, scripted_command, scripted_environment

ANSWER = " * height"
RECORDINGS = sorted(recordings.FOLDER.glob("*.jsonl"))
CANCELLED = types.LSPErrorCodes.RequestCancelled
UNKNOWN = types.ErrorCodes.MethodNotFound
OFFERED = frozenset(
    {
        types.INITIALIZE,
        types.TEXT_DOCUMENT_COMPLETION,
        types.TEXT_DOCUMENT_INLINE_COMPLETION,
        types.WORKSPACE_EXECUTE_COMMAND,
        types.SHUTDOWN,
    }
)
"""What is asked for without being offered, as Kate does, is not known, and nothing more."""
CONVERTER = converters.get_converter()


def test_there_are_recordings_and_none_tells_of_a_machine_or_is_large() -> None:
    assert RECORDINGS
    for path in RECORDINGS:
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"/(?:home|root|tmp|work|Users|usr|var)\b[^\"]*", text), path.name
        assert len(text) < 100_000, path.name


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
async def test_every_request_is_answered_and_every_position_understood(
    path: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    replay = Replay(recordings.read(path, project))
    asked = await replay.run([*scripted_command(), "serve"], scripted_environment(tmp_path, ANSWER))
    seen = prompts(tmp_path)
    suggested = 0
    for each in asked:
        assert len(each.answers) == 1, each
        if "error" in each.answers[0]:
            wanted = CANCELLED if each.method in OFFERED else UNKNOWN
            assert each.answers[0]["error"]["code"] == wanted, each
            continue
        check_shape(each)
        found = inserted(each, each.result)
        suggested += len(found)
        # A position that is misunderstood lies within the text, where nothing is suggested.
        assert found or not inserted(each, each.recorded), each
        if found:
            assert any(is_end_of(each.before, prompt) for prompt in seen), each.before[-60:]
        for text, where in found:
            assert ANSWER.strip().endswith(text.strip()), text
            assert where == {"start": each.params["position"], "end": each.params["position"]}
    assert suggested


def check_shape(asked: Asked) -> None:
    """The result has the protocol's type for this request."""
    _, response, *_ = types.METHOD_TO_TYPES[asked.method]
    CONVERTER.structure(dict(asked.answers[0]), response)


def inserted(asked: Asked, result: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """What an answer would insert at the cursor, and the range it names for that."""
    if result is None:
        return []
    if asked.method == types.TEXT_DOCUMENT_INLINE_COMPLETION:
        return [(item["insertText"], item["range"]) for item in result["items"]]
    if asked.method == types.TEXT_DOCUMENT_COMPLETION:
        return [behind_the_word(asked, item) for item in result["items"]]
    return []


def behind_the_word(asked: Asked, item: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """An item of a list replaces the word at the cursor with itself and more."""
    edit = item["textEdit"]
    word = re.findall(r"\w*\Z", asked.before)[0]
    assert edit["newText"].startswith(word)
    assert item["filterText"].startswith(word)
    replaced = asked.params["position"]["character"] - edit["range"]["start"]["character"]
    assert replaced == len(word), "the words of the recordings are ASCII"
    where = {"start": asked.params["position"], "end": edit["range"]["end"]}
    return edit["newText"][len(word) :], where


def is_end_of(before: str, prompt: str) -> bool:
    return prompt.rstrip(" ").endswith(before.replace("\r\n", "\n").rstrip(" "))
