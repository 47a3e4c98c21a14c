"""What a completion can come to: a suggestion, or none with a named reason."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TypeAlias


class Reason(enum.Enum):
    """Why there is nothing to show. The value is the name in statistics and JSON."""

    DISABLED = "disabled"
    MANUAL_ONLY = "manual_only"
    EXCLUDED_FILE = "excluded_file"
    IGNORED_FILE = "ignored_file"
    BINARY_FILE = "binary_file"
    FILE_TOO_LARGE = "file_too_large"
    DOCUMENT_NOT_OPEN = "document_not_open"
    NOTHING_TO_GO_ON = "nothing_to_go_on"
    IN_COMMENT = "in_comment"
    IN_STRING = "in_string"
    TEXT_AFTER_CURSOR = "text_after_cursor"
    MODEL_MISSING = "model_missing"
    MODEL_LOADING = "model_loading"
    MODEL_FAILED = "model_failed"
    MODEL_RESTARTING = "model_restarting"
    MODEL_GAVE_UP = "model_gave_up"
    SUPERSEDED = "superseded"
    TIME_LIMIT = "time_limit"
    LINE_COMPLETE = "line_complete"
    MODEL_ENDED = "model_ended"
    REPEATS_FOLLOWING_CODE = "repeats_following_code"
    REPEATS_ITSELF = "repeats_itself"
    SYNTAX_ERROR = "syntax_error"
    UNKNOWN_NAME = "unknown_name"
    UNSURE = "unsure"
    TOO_SHORT = "too_short"
    INTERNAL_ERROR = "internal_error"

    @property
    def sentence(self) -> str:
        """One sentence for the user."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.DISABLED: "Suggestions are switched off for this language.",
    Reason.MANUAL_ONLY: "Suggestions come only when asked by hand (setting `trigger`).",
    Reason.EXCLUDED_FILE: "This file may hold secrets or is excluded by the settings.",
    Reason.IGNORED_FILE: "Git ignores this file (setting `inIgnoredFiles` allows it).",
    Reason.BINARY_FILE: "This does not look like text.",
    Reason.FILE_TOO_LARGE: "The file is too large to suggest anything in it.",
    Reason.DOCUMENT_NOT_OPEN: "The editor has not opened this document on the server.",
    Reason.NOTHING_TO_GO_ON: "The file is empty: there is nothing to go on yet.",
    Reason.IN_COMMENT: "The cursor is inside a comment; ask by hand to get a suggestion here.",
    Reason.IN_STRING: "The cursor is inside a string; ask by hand to get a suggestion here.",
    Reason.TEXT_AFTER_CURSOR: "There is code right of the cursor; ask by hand to try anyway.",
    Reason.MODEL_MISSING: "No model is installed; run `tabwright models pull`.",
    Reason.MODEL_LOADING: "The model is still loading.",
    Reason.MODEL_FAILED: "The model cannot be used; run `tabwright doctor` to see why.",
    Reason.MODEL_RESTARTING: "The model process ended and is being started again.",
    Reason.MODEL_GAVE_UP: "The model process crashed too often; restart the model by hand.",
    Reason.SUPERSEDED: "A newer request took its place.",
    Reason.TIME_LIMIT: "The model was not ready within the time limit.",
    Reason.LINE_COMPLETE: "The model thinks that this line is complete.",
    Reason.MODEL_ENDED: "The model had nothing to add.",
    Reason.REPEATS_FOLLOWING_CODE: "The model only repeated the code after the cursor.",
    Reason.REPEATS_ITSELF: "The model only repeated itself or the line before.",
    Reason.SYNTAX_ERROR: "No part of the model's answer fitted the syntax here.",
    Reason.UNKNOWN_NAME: "The model's answer begins with a name that nothing here defines.",
    Reason.UNSURE: "The model is not sure enough how the code goes on.",
    Reason.TOO_SHORT: "What the model would add is shorter than the key that accepts it.",
    Reason.INTERNAL_ERROR: "Something went wrong inside the server; its log says what.",
}


@dataclass(frozen=True)
class Timings:
    """Where the time of one completion went. Seconds; tokens as the model counts them."""

    total_seconds: float = 0.0
    queued_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Prompt tokens that were still in the KV cache."""
    evaluated_tokens: int = 0
    """Prompt tokens that the model had to read for it."""
    generated_tokens: int = 0


@dataclass(frozen=True)
class ShownFile:
    """A file of which the model was shown something besides the document."""

    path: str
    """Relative, with forward slashes; the document's own for what of it is far from the cursor."""
    reasons: tuple[str, ...]
    """Why, in a few words each."""


@dataclass(frozen=True)
class Suggestion:
    """Text to insert at the cursor, nothing replaced."""

    text: str
    model: str
    shape: str
    """`line` or `block`."""
    mean_log_probability: float
    """Mean natural logarithm of the shown tokens' probabilities: nearer 0 is surer."""
    timings: Timings = field(default_factory=Timings)
    ends_line: bool = False
    """Whether the model would go on with a new line."""
    alternatives: tuple[str, ...] = ()
    """Other texts for the same place, the likelier first; only when asked by hand."""
    shown_files: tuple[ShownFile, ...] = ()


@dataclass(frozen=True)
class NoSuggestion:
    """Nothing to show, and why."""

    reason: Reason
    detail: str = ""
    """More about it than the reason's sentence says; never source text."""
    model: str = ""
    timings: Timings = field(default_factory=Timings)
    shown_files: tuple[ShownFile, ...] = ()

    @property
    def sentence(self) -> str:
        """The reason, with its detail, for the user."""
        return f"{self.reason.sentence} {self.detail}".strip()


Outcome: TypeAlias = Suggestion | NoSuggestion
