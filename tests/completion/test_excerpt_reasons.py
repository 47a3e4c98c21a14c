"""What a person is told of the excerpts."""

from __future__ import annotations

import pytest

from tabwright.completion.excerpt_layout import Excerpt, Part
from tabwright.completion.excerpt_reasons import shown_files
from tabwright.completion.excerpt_sources import SOURCE_WEIGHTS
from tabwright.completion.suggestion import ShownFile


def part(source: str, because_of: str) -> Part:
    return Part(source, because_of, "lib/rows.py", 0, "def secret(): ...", 1.0, 9)


def test_a_file_is_named_once_with_each_reason_once() -> None:
    parts = (part("definitions", "Row"), part("members", "Row"), part("definitions", "Row"))
    assert shown_files((Excerpt("lib/rows.py", "def secret(): ...\n", parts),)) == (
        ShownFile("lib/rows.py", ("defines Row", "has members of Row")),
    )


@pytest.mark.parametrize("source", list(SOURCE_WEIGHTS))
def test_every_source_has_words_of_its_own_and_no_source_text(source: str) -> None:
    (file,) = shown_files((Excerpt("lib/rows.py", "def secret(): ...\n", (part(source, "Row"),)),))
    (reason,) = file.reasons
    assert reason != source
    assert "{" not in reason
    assert "secret" not in reason
