"""Of which files a model was shown something, and why, in words for a person; no source text."""

from __future__ import annotations

from collections.abc import Mapping

from tabwright.completion.excerpt_layout import Excerpt, Part
from tabwright.completion.suggestion import ShownFile

_REASONS: Mapping[str, str] = {
    "definitions": "defines {}",
    "members": "has members of {}",
    "imported": "is imported",
    "dependencies": "has {} of a package",
    "importers": "uses {}",
    "similar": "is about {}",
    "recent": "was {} lately",
    "together": "changes in the same commits",
}
"""For each of `excerpt_sources.SOURCE_WEIGHTS`, with what led there."""


def shown_files(excerpts: tuple[Excerpt, ...]) -> tuple[ShownFile, ...]:
    """Return the files of some excerpts in their order, each reason once."""
    return tuple(
        ShownFile(each.path, tuple(dict.fromkeys(map(_reason, each.parts)))) for each in excerpts
    )


def _reason(part: Part) -> str:
    return _REASONS.get(part.source, part.source).format(part.because_of)
