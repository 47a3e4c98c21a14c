"""What came of requests: the last one explained, all of them counted, and what was accepted."""

from __future__ import annotations

import collections
from dataclasses import dataclass

from tabwright.completion.openers_left import OpenersLeft
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason, ShownFile, Suggestion


@dataclass(frozen=True)
class Explanation:
    """The last outcome, for the command that asks why there was nothing."""

    reason: str
    """The reason's name, or `shown`."""
    sentence: str
    language: str
    model: str
    """Its id and, where there is one, its adapter."""
    route: str
    """Why this model, in a few words."""
    seconds: float
    prompt_tokens: int = 0
    reused_tokens: int = 0
    evaluated_tokens: int = 0
    shown_files: tuple[ShownFile, ...] = ()
    """Of which other files the model was shown something."""


@dataclass
class Statistics:
    """Counts since the start; they stay on this machine and hold no source text."""

    outcomes: collections.Counter[str]
    shown: int = 0
    accepted: int = 0
    accepted_characters: int = 0


@dataclass(frozen=True)
class _Shown:
    """The last suggestion with its alternatives, and where it was made."""

    uri: str
    offset: int
    texts: tuple[str, ...]


class Outcomes:
    """Counts and remembers, for one session."""

    def __init__(self) -> None:
        self.statistics = Statistics(collections.Counter())
        self.explanation: Explanation | None = None
        """What came of the last request, None before the first."""
        self.openers_left: OpenersLeft | None = None
        """What the last accepted suggestion may have left open."""
        self._shown: _Shown | None = None
        self._partly_accepted: tuple[str, int] = ("", 0)

    def note(self, outcome: Outcome, language: str, route: str, seconds: float) -> str:
        """Count an outcome and remember it for whoever asks why; return what it is counted as."""
        is_shown = isinstance(outcome, Suggestion)
        name = "shown" if isinstance(outcome, Suggestion) else outcome.reason.value
        self.statistics.outcomes[name] += 1
        if name != Reason.SUPERSEDED.value:
            self.explanation = Explanation(
                reason=name,
                sentence="A suggestion was given." if is_shown else _sentence(outcome),
                language=language,
                model=outcome.model,
                route=route,
                seconds=seconds,
                prompt_tokens=outcome.timings.prompt_tokens,
                reused_tokens=outcome.timings.reused_tokens,
                evaluated_tokens=outcome.timings.evaluated_tokens,
                shown_files=outcome.shown_files,
            )
        return name

    def note_given(self, uri: str, offset: int, suggestion: Suggestion) -> None:
        """Remember the suggestion for a place: it may be accepted."""
        self._shown = _Shown(uri, offset, (suggestion.text, *suggestion.alternatives))

    def note_shown(self) -> None:
        """Count a suggestion that the editor has shown."""
        self.statistics.shown += 1

    def note_accepted(self, characters: int) -> None:
        """Count a suggestion that was accepted as a whole, by its length."""
        self.statistics.accepted += 1
        self.statistics.accepted_characters += characters
        shown = self._shown
        if shown is not None:
            text = next((each for each in shown.texts if len(each) == characters), "")
            self._note_openers(shown, text or shown.texts[0][:characters])

    def note_partly_accepted(self, text: str, characters: int) -> None:
        """Count the first part of a suggestion: `characters` of `text`, earlier parts included."""
        before = self._partly_accepted[1] if self._partly_accepted[0] == text else 0
        self._partly_accepted = (text, characters)
        self.statistics.accepted += before == 0
        self.statistics.accepted_characters += max(0, characters - before)
        shown = self._shown
        if shown is not None and text in shown.texts:
            self._note_openers(shown, text[:characters])

    def _note_openers(self, shown: _Shown, accepted: str) -> None:
        where = shown.offset + len(accepted)
        self.openers_left = OpenersLeft(shown.uri, where, accepted)


def _sentence(outcome: Outcome) -> str:
    return outcome.sentence if isinstance(outcome, NoSuggestion) else ""
