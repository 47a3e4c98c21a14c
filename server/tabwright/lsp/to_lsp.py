"""From our types to the protocol's: positions, items, status."""

from __future__ import annotations

import re
from typing import Any

from lsprotocol import types

from tabwright.completion.suggestion import Suggestion
from tabwright.lsp.from_lsp import Encoding
from tabwright.model.client import EvaluatedTokens
from tabwright.session.documents import OpenDocument
from tabwright.session.outcomes import Explanation, Statistics
from tabwright.session.status import Status

ACCEPTED_COMMAND = "tabwright.accepted"

_UNIT_CODECS = {
    types.PositionEncodingKind.Utf8: ("utf-8", 1),
    types.PositionEncodingKind.Utf16: ("utf-16-le", 2),
}
_WORD_AT_END = re.compile(r"\w+\Z")
_LONGEST_LABEL = 60


def units_in(text: str, encoding: Encoding) -> int:
    """Return how many code units of the encoding a text takes."""
    codec = _UNIT_CODECS.get(types.PositionEncodingKind(encoding))
    if codec is None or text.isascii():
        return len(text)
    name, width = codec
    return len(text.encode(name, "surrogatepass")) // width


def offset_to_position(document: OpenDocument, offset: int, encoding: Encoding) -> types.Position:
    """Return the position of a string offset in a document."""
    line = document.line_of(offset)
    start = document.line_range(line).start
    return types.Position(line, units_in(document.text[start:offset], encoding))


def inline_completions(
    suggestion: Suggestion, where: types.Range, kept: str
) -> types.InlineCompletionList:
    """Return items that replace `where`, a range on the cursor's line, with `kept` and more.

    The first is the suggestion, the others its alternatives.

    `kept` is the item selected in the completion list, or empty: then `where` is empty too and
    the item is a pure insertion, the one form that every client shows alike.
    """
    items = [
        types.InlineCompletionItem(insert_text=kept + text, range=where, command=_accepted(text))
        for text in (suggestion.text, *suggestion.alternatives)
    ]
    return types.InlineCompletionList(items=items)


def completion_list(
    suggestion: Suggestion, document: OpenDocument, offset: int, encoding: Encoding
) -> types.CompletionList:
    """Return the suggestion as an item of an ordinary completion list.

    Clients filter by the word at the cursor, so the item replaces that word with itself.
    """
    line_start = document.line_range(document.line_of(offset)).start
    match = _WORD_AT_END.search(document.text[line_start:offset])
    word = match.group() if match else ""
    text = word + suggestion.text
    position = offset_to_position(document, offset, encoding)
    start = types.Position(position.line, position.character - units_in(word, encoding))
    item = types.CompletionItem(
        label=_label(text),
        kind=types.CompletionItemKind.Text,
        detail=f"Tabwright ({suggestion.model})",
        documentation=types.MarkupContent(types.MarkupKind.PlainText, text),
        sort_text="0000",
        filter_text=text,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(types.Range(start, position), text),
        command=_accepted(suggestion.text),
    )
    return types.CompletionList(is_incomplete=True, items=[item])


def no_completion_list() -> types.CompletionList:
    """Return an empty list that asks the client to come back with the next key."""
    return types.CompletionList(is_incomplete=True, items=[])


def _label(text: str) -> str:
    first, *rest = text.strip().split("\n", 1)
    shown = first.rstrip("\r")
    if len(shown) > _LONGEST_LABEL:
        return shown[: _LONGEST_LABEL - 1] + "…"
    return shown + (" …" if rest else "")


def _accepted(text: str) -> types.Command:
    count = len(text)
    return types.Command(
        title="Accepted", command=ACCEPTED_COMMAND, arguments=[{"characters": count}]
    )


def status(value: Status) -> dict[str, Any]:
    """Return the parameters of `didChangeStatus`, in the shape clients know from Copilot's."""
    return {"busy": value.busy, "kind": value.kind, "message": value.message}


def explanation(value: Explanation | None) -> dict[str, Any]:
    """Return the answer to the command that asks why there was nothing."""
    if value is None:
        return {"reason": "not_asked", "message": "No suggestion was asked for yet."}
    return {
        "reason": value.reason,
        "message": value.sentence,
        "language": value.language,
        "model": value.model,
        "route": value.route,
        "milliseconds": round(value.seconds * 1000),
        "promptTokens": value.prompt_tokens,
        "reusedTokens": value.reused_tokens,
        "evaluatedTokens": value.evaluated_tokens,
        "shownFiles": [
            {"path": each.path, "reasons": list(each.reasons)} for each in value.shown_files
        ],
    }


def statistics(value: Statistics, evaluated: EvaluatedTokens) -> dict[str, Any]:
    """Return the counts since the start."""
    return {
        "prefilledTokens": evaluated.prompt,
        "evaluatedTokens": evaluated.total,
        "outcomes": dict(sorted(value.outcomes.items())),
        "shown": value.shown,
        "accepted": value.accepted,
        "acceptedCharacters": value.accepted_characters,
    }
