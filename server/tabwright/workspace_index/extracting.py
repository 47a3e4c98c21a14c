"""What one file defines, imports and mentions, and its pieces, from one parse of its text."""

from __future__ import annotations

import logging

from tabwright.errors import LanguageFileError
from tabwright.syntax.languages import Language
from tabwright.syntax.outline import Outline, outline_of
from tabwright.workspace_index.defining import LONGEST_NAME, definitions_in
from tabwright.workspace_index.facts import Chunk, FileFacts
from tabwright.workspace_index.importing import imports_in

LONGEST_TEXT = 1_000_000
"""In characters. A longer text is data or generated, and has no facts."""

_logger = logging.getLogger(__name__)


def facts_of(text: str, language: Language, *, with_chunks: bool = True) -> FileFacts:
    """Return what is known of a text; of one that is too long, or of a language whose folder
    cannot be used, nothing. The same text always has the same facts.

    `with_chunks` says whether it is cut into pieces for full-text search.
    """
    if not text or len(text) > LONGEST_TEXT:
        return _no_facts(language)
    try:
        outline = outline_of(text, language.grammar, with_pieces=with_chunks)
    except LanguageFileError as error:
        _logger.warning("%s", error)
        return _no_facts(language)
    imports = imports_in(text, outline.imports)
    called = {name for each in imports for name in each.aliases}
    definitions = [
        each
        for each in definitions_in(text, outline.definitions, language)
        # `const fs = require("fs")` defines nothing.
        if each.kind != "constant" or each.parent or each.name not in called
    ]
    return FileFacts(
        language=language.id,
        definitions=tuple(definitions),
        imports=tuple(imports),
        references=tuple(
            sorted(each for each in outline.references.items() if len(each[0]) <= LONGEST_NAME)
        ),
        chunks=_chunks(text, outline),
    )


def _no_facts(language: Language) -> FileFacts:
    return FileFacts(language=language.id, definitions=(), imports=(), references=(), chunks=())


def _chunks(text: str, outline: Outline) -> tuple[Chunk, ...]:
    return tuple(
        Chunk(start, end)
        for start, end in outline.pieces
        if end - start > 1 and not text[start:end].isspace()
    )
