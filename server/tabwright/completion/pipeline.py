"""One completion from a snapshot to a suggestion; reads top to bottom."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace

from tabwright.completion.prompt import build_prompt
from tabwright.completion.shape import Shape, decide_shape
from tabwright.completion.stopping import whole_length
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason, Suggestion, Timings
from tabwright.completion.trimming import trim
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.errors import PromptTooLong
from tabwright.model.client import (
    GeneratedToken,
    GenerationEnd,
    GenerationRequest,
    PromptEvaluated,
    TextGenerator,
)
from tabwright.model.manifest import Manifest
from tabwright.settings import CompletionSettings
from tabwright.syntax.languages import Language

LINE_TOKENS = 64
"""The longest single line that is asked for."""

_TOKENS_PER_BLOCK_LINE = 16
_LONGEST_BLOCK_TOKENS = 256
_BY_HAND_PATIENCE = 3.0
_ATTEMPTS_BY_HAND = 3
_PROMPT_ATTEMPTS = 3

_WORTH_ANOTHER_START = frozenset(
    {
        Reason.LINE_COMPLETE,
        Reason.MODEL_ENDED,
        Reason.REPEATS_FOLLOWING_CODE,
        Reason.REPEATS_ITSELF,
        Reason.SYNTAX_ERROR,
    }
)


@dataclass(frozen=True)
class CompletionRequest:
    """What is asked: where, how, and under which settings."""

    snapshot: DocumentSnapshot
    cursor: Cursor
    settings: CompletionSettings
    is_automatic: bool
    language: Language | None = None


@dataclass(frozen=True)
class ReadyModel:
    """A model that can be asked now."""

    manifest: Manifest
    generator: TextGenerator
    can_fill_in_the_middle: bool
    """Whether the loaded file knows every fill-in-the-middle string of its manifest."""
    context_tokens: int
    """Prompt and answer together, as loaded."""
    name: str
    """The model's id and, where there is one, its adapter, for display."""


def decide(request: CompletionRequest) -> Shape | NoSuggestion:
    """Decide what may be suggested; cheap, and needs no model."""
    return decide_shape(
        request.snapshot,
        request.cursor,
        request.language,
        request.settings,
        is_automatic=request.is_automatic,
    )


async def complete(request: CompletionRequest, shape: Shape, model: ReadyModel) -> Outcome:
    """Ask the model and return what is worth showing, or why nothing is.

    Asked by hand, an empty or useless answer is not the end: the model is made to start with its
    second and third choice before the reason of the first answer is given.

    Raises:
        ModelError: the model process cannot answer.
    """
    first = await _attempt(request, shape, model, first_token_rank=0)
    if isinstance(first, Suggestion) or request.is_automatic:
        return first
    for rank in range(1, _ATTEMPTS_BY_HAND):
        if first.reason not in _WORTH_ANOTHER_START:
            break
        another = await _attempt(request, shape, model, first_token_rank=rank)
        if isinstance(another, Suggestion):
            total = first.timings.total_seconds + another.timings.total_seconds
            return replace(another, timings=replace(another.timings, total_seconds=total))
    return first


@dataclass
class _Written:
    """What the model has written so far."""

    text: str = ""
    token_ends: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    timings: Timings = field(default_factory=Timings)
    cause: str = ""

    def mean_log_probability(self, length: int) -> float:
        """Return the mean over the tokens that end within `length` characters."""
        count = max(1, sum(end <= length for end in self.token_ends))
        shown = self.log_probabilities[:count]
        return sum(shown) / len(shown) if shown else 0.0


async def _attempt(
    request: CompletionRequest, shape: Shape, model: ReadyModel, *, first_token_rank: int
) -> Outcome:
    written = await _write(request, shape, model, first_token_rank)
    whole = whole_length(written.text, shape, request.settings.max_lines)
    text = written.text if whole is None else written.text[:whole]
    is_cut_off = whole is None and written.cause in ("max_tokens", "time_limit")
    if is_cut_off:
        text = _without_unfinished_line(text)
    if not text.strip():
        return NoSuggestion(
            _empty_reason(written, whole), model=model.name, timings=written.timings
        )
    offset, document = request.cursor.offset, request.snapshot.text
    trimmed = trim(
        text,
        written.token_ends,
        shape,
        document[:offset],
        document[offset:],
        request.language,
        is_unfinished=is_cut_off or text.count("\n") >= request.settings.max_lines,
    )
    if trimmed.reason is not None:
        return NoSuggestion(trimmed.reason, model=model.name, timings=written.timings)
    return Suggestion(
        text=trimmed.text.replace("\n", request.snapshot.line_end),
        model=model.name,
        shape="block" if "\n" in trimmed.text else "line",
        mean_log_probability=written.mean_log_probability(len(trimmed.text)),
        timings=written.timings,
    )


def _without_unfinished_line(text: str) -> str:
    """Drop the line that the model was kept from finishing, unless it is all there is."""
    whole_lines, _, _ = text.rpartition("\n")
    return whole_lines if whole_lines.strip() else text


def _empty_reason(written: _Written, whole: int | None) -> Reason:
    if written.cause == "time_limit":
        return Reason.TIME_LIMIT
    return Reason.MODEL_ENDED if whole is None else Reason.LINE_COMPLETE


async def _write(
    request: CompletionRequest, shape: Shape, model: ReadyModel, first_token_rank: int
) -> _Written:
    """Let the model write until its text is a whole suggestion.

    A prompt that turns out longer than the context, which happens where a character takes more
    than a third of a token, is built again with half the budget.
    """
    max_tokens = _max_tokens(request, shape)
    budget = min(request.settings.context_tokens, max(64, model.context_tokens - max_tokens))
    for attempt in range(_PROMPT_ATTEMPTS):
        try:
            return await _stream(
                request, shape, model, budget >> attempt, max_tokens, first_token_rank
            )
        except PromptTooLong:
            if attempt == _PROMPT_ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


async def _stream(
    request: CompletionRequest,
    shape: Shape,
    model: ReadyModel,
    budget: int,
    max_tokens: int,
    first_token_rank: int,
) -> _Written:
    prompt = build_prompt(
        request.snapshot,
        request.cursor,
        request.language,
        model.manifest,
        context_tokens=budget,
        can_fill_in_the_middle=model.can_fill_in_the_middle,
    )
    limit = request.settings.time_limit_seconds
    generation = GenerationRequest(
        document=request.snapshot.uri,
        segments=prompt.segments,
        max_tokens=max_tokens,
        add_bos=prompt.add_bos,
        stop_strings=prompt.stop_strings,
        time_limit_seconds=limit if request.is_automatic else limit * _BY_HAND_PATIENCE,
        first_token_rank=first_token_rank,
    )
    started = time.monotonic()
    first_token_at = started
    written = _Written()
    async with contextlib.aclosing(model.generator.generate(generation)) as events:
        async for event in events:
            match event:
                case PromptEvaluated():
                    first_token_at = time.monotonic()
                    written.timings = Timings(
                        queued_seconds=event.queued_seconds,
                        prefill_seconds=event.prefill_seconds,
                        prompt_tokens=event.prompt_tokens,
                        reused_tokens=event.reused_tokens,
                    )
                case GeneratedToken():
                    written.text += event.text
                    written.token_ends += (len(written.text),)
                    written.log_probabilities += (event.log_probability,)
                    if whole_length(written.text, shape, request.settings.max_lines) is not None:
                        break
                case GenerationEnd():
                    written.cause = event.cause
    now = time.monotonic()
    written.timings = replace(
        written.timings,
        total_seconds=now - started,
        decode_seconds=now - first_token_at,
        generated_tokens=len(written.token_ends),
    )
    return written


def _max_tokens(request: CompletionRequest, shape: Shape) -> int:
    if shape.kind == "line":
        return LINE_TOKENS
    return min(_LONGEST_BLOCK_TOKENS, request.settings.max_lines * _TOKENS_PER_BLOCK_LINE)
