"""Excerpts as a model is shown them: one per file, under its path."""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.model.manifest import Manifest
from tabwright.model.messages import Segment
from tabwright.syntax.languages import Language


@dataclass(frozen=True)
class Part:
    """One thing that was found for a cursor, and why."""

    source: str
    """One of `ALL_SOURCES`."""
    because_of: str
    """The name, file or words that led there."""
    path: str
    """Relative, with forward slashes."""
    place: int
    """Where in its file it starts; of the document itself, which definition it is. For order."""
    title: str
    """What it is, in a few words."""
    score: float
    tokens: int
    """What it costs by itself, estimated."""


@dataclass(frozen=True)
class Excerpt:
    """What is shown of one file."""

    path: str
    text: str
    """Whole lines with `\\n`, the last one included."""
    parts: tuple[Part, ...] = ()
    """In order of their places."""


def excerpt_segments(
    excerpts: tuple[Excerpt, ...], language: Language | None, manifest: Manifest
) -> tuple[Segment, ...]:
    """Return excerpts as the beginning of a prompt, in the form in which the model knows files.

    That is the model's own file separator where it has one, else a comment with the path in the
    document's language. Of a language without line comments, none are shown.
    """
    names = manifest.repository_format
    if names is not None and names.file_separator:
        separator = Segment(names.file_separator, is_control=True)
        pairs = ((separator, Segment(f"{each.path}\n{each.text}")) for each in excerpts)
        return tuple(segment for pair in pairs for segment in pair)
    if language is None or not language.line_comment:
        return ()
    mark = language.line_comment
    return tuple(Segment(f"{mark} {each.path}\n{each.text}\n") for each in excerpts)


_SEPARATOR = 20
"""Characters of the longest file separator of the models that are known."""


def header_characters(path: str, language: Language) -> int:
    """Return what the path above an excerpt costs, at most."""
    return len(path) + max(len(language.line_comment) + 1, _SEPARATOR) + 2
