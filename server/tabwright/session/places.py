"""What decides about the model for a request: the place, as `model.routing` is asked about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from tabwright.completion.pipeline import CompletionRequest
from tabwright.document import line_start
from tabwright.model.manifest import Manifest
from tabwright.model.routing import Route, is_path
from tabwright.model.use_cases import use_cases_of
from tabwright.syntax.languages import Language
from tabwright.syntax.parsed_text import Place
from tabwright.workspace_index.extracting import facts_of

_IMPORTS_WITHIN = 20_000
"""Characters from the start of a text in which imports are looked for."""
_IMPORT_LINE = re.compile(r"^.*\b(?:import|from|use|using|include|require)\b.*$", re.MULTILINE)
_DOCSTRING_MARKS = ('"""', "'''", 'r"""')


@dataclass(frozen=True)
class AskedAbout:
    """What the known models make a difference by: the rest need not be found out."""

    comments: bool = False
    modules: bool = False


def asked_about(manifests: tuple[Manifest, ...]) -> AskedAbout:
    """Return what must be known of a place to choose among these models."""
    return AskedAbout(
        comments=any("comments" in each.use_cases for each in manifests),
        modules=any(not is_path(product) for each in manifests for product in each.products),
    )


def route_of(request: CompletionRequest, workspace: str, about: AskedAbout) -> Route:
    """Return what decides about the model for a request."""
    snapshot, language = request.snapshot, request.language
    is_in_comment = about.comments and language is not None and _is_in_comment(request, language)
    modules: frozenset[str] = frozenset()
    if about.modules and language is not None:
        head = snapshot.text[:_IMPORTS_WITHIN]
        modules = _modules_of(_Head(tuple(_IMPORT_LINE.findall(head)), head), language)
    return Route(
        language=snapshot.language,
        use_cases=use_cases_of(
            snapshot.relative_path, snapshot.language, is_in_comment=is_in_comment
        ),
        workspace=workspace,
        modules=modules,
    )


def _is_in_comment(request: CompletionRequest, language: Language) -> bool:
    """Whether the cursor stands in a comment or in a string that is a statement of its own."""
    text, offset = request.snapshot.text, request.cursor.offset
    parsed = language.parse(text)
    place = parsed.place_at(offset)
    if place is not Place.STRING:
        return place is Place.COMMENT
    start = parsed.open_since(offset)
    is_alone = not text[line_start(text, start) : start].strip()
    return is_alone and text.startswith(_DOCSTRING_MARKS, start)


@dataclass(frozen=True)
class _Head:
    """The start of a text; the same as another one whose lines with imports are the same."""

    import_lines: tuple[str, ...]
    text: str = field(compare=False)


@lru_cache(maxsize=16)
def _modules_of(head: _Head, language: Language) -> frozenset[str]:
    return frozenset(each.module for each in facts_of(head.text, language).imports)
