"""One completion from a snapshot to a suggestion; reads top to bottom."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property

from tabwright.completion.budget import UNMEASURED, Budget, Speeds, budget_for
from tabwright.completion.cache import Kept, ResultCache, Written
from tabwright.completion.confidence import (
    FEWEST_CHARACTERS,
    log_floor,
    sure_length,
    threshold_for,
    unknown_words,
)
from tabwright.completion.excerpt_layout import Excerpt
from tabwright.completion.excerpt_reasons import shown_files
from tabwright.completion.knowledge import Knowledge
from tabwright.completion.openers_left import OpenersLeft
from tabwright.completion.prompt import Prompt, build_prompt, room_for
from tabwright.completion.shape import Shape, decide_shape
from tabwright.completion.stopping import whole_length
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason, Suggestion, Timings
from tabwright.completion.trimming import Draft, context_cut, context_free_cut
from tabwright.document import Cursor, DocumentSnapshot, places_of_word
from tabwright.errors import PromptTooLong
from tabwright.model.client import (
    GeneratedToken,
    GenerationEnd,
    GenerationRequest,
    PromptEvaluated,
    StopAt,
    TextGenerator,
)
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Guess
from tabwright.settings import CompletionSettings
from tabwright.syntax.languages import Language
from tabwright.syntax.names import unknown_name

_BY_HAND_PATIENCE = 3.0
_ATTEMPTS_BY_HAND = 3
_PROMPT_ATTEMPTS = 3
_TOKENS_AHEAD = 16
"""How far the model goes on behind a suggestion, as if it were accepted."""

_CUT_OFF = ("time_limit", "cancelled")

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
    openers_left: OpenersLeft | None = None
    """What the last accepted suggestion may have left open."""
    knowledge: Knowledge | None = None
    """What is known of the workspace; None where nothing is, or may be, known."""


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
    speeds: Speeds = UNMEASURED


def decide(request: CompletionRequest) -> Shape | NoSuggestion:
    """Decide what may be suggested; cheap, and needs no model."""
    return decide_shape(
        request.snapshot,
        request.cursor,
        request.language,
        request.settings,
        is_automatic=request.is_automatic,
    )


async def complete(
    request: CompletionRequest, shape: Shape, model: ReadyModel, cache: ResultCache
) -> Outcome:
    """Ask the model and return what is worth showing, or why nothing is.

    Asked by hand, the model is also made to start with its second and third choice: for
    alternatives to go through, and because an empty or useless answer need not be the end.

    Raises:
        ModelError: the model process cannot answer.
    """
    plan = _Plan(request, shape, model)
    started = time.monotonic()
    first = _outcome(plan, await _kept(plan, cache, first_token_rank=0))
    if request.is_automatic:
        return first
    found = [first] if isinstance(first, Suggestion) else []
    for rank in range(1, _ATTEMPTS_BY_HAND):
        if isinstance(first, NoSuggestion) and first.reason not in _WORTH_ANOTHER_START:
            return first
        another = _outcome(plan, await _kept(plan, cache, first_token_rank=rank))
        if isinstance(another, Suggestion) and another.text not in [each.text for each in found]:
            found.append(another)
    if not found:
        return first
    shown, *others = found
    others.sort(key=lambda each: -each.mean_log_probability)
    total = time.monotonic() - started
    return replace(
        shown,
        timings=replace(shown.timings, total_seconds=total),
        alternatives=tuple(each.text for each in others),
    )


async def write(
    request: CompletionRequest, shape: Shape, model: ReadyModel, floor: float
) -> Written:
    """Return what the model writes down to a log-probability, for calibration.

    Raises:
        ModelError: the model process cannot answer.
    """
    plan = _Plan(request, shape, model)
    generation = plan.generation(
        plan.prompt(plan.budget.context_tokens), max_tokens=plan.max_tokens
    )
    return await _streamed(plan, replace(generation, log_probability_floor=floor))


def outcome_of(
    request: CompletionRequest, shape: Shape, model: ReadyModel, written: Written
) -> Outcome:
    """Return what of it is worth showing."""
    plan = _Plan(request, shape, model)
    return _outcome(plan, _draft(plan, written))


async def prepare(request: CompletionRequest, model: ReadyModel) -> None:
    """Let the model read the prompt of a request that has not been made yet.

    Raises:
        ModelError: the model process cannot answer.
    """
    plan = _Plan(request, _ANY_SHAPE, model)
    await _work_ahead(plan, plan.prompt(plan.budget.context_tokens), max_tokens=1)


async def answer_ahead(
    request: CompletionRequest, shape: Shape, model: ReadyModel, cache: ResultCache
) -> None:
    """Let the model answer a request that has not been made yet, and keep the answer for when it
    is.

    Raises:
        ModelError: the model process cannot answer.
    """
    plan = _Plan(request, shape, model)
    with contextlib.suppress(PromptTooLong):
        await _kept(plan, cache, first_token_rank=0, is_background=True)


async def prepare_next(
    request: CompletionRequest, suggestion: Suggestion, shape: Shape, model: ReadyModel
) -> None:
    """Let the model go on behind a suggestion, as if it were accepted and Enter typed.

    Raises:
        ModelError: the model process cannot answer.
    """
    offset, text = request.cursor.offset, request.snapshot.text
    accepted = text[:offset] + suggestion.text + text[offset:]
    behind = replace(
        request,
        snapshot=replace(request.snapshot, text=accepted),
        cursor=Cursor(offset + len(suggestion.text)),
    )
    plan = _Plan(behind, shape, model)
    await _work_ahead(plan, plan.prompt(plan.budget.context_tokens), max_tokens=_TOKENS_AHEAD)


_ANY_SHAPE = Shape("line", "", "", may_start_new_line=False, is_body=False)
"""The prompt is the same whatever may be suggested."""


async def _work_ahead(plan: _Plan, prompt: Prompt, *, max_tokens: int) -> None:
    generation = plan.generation(prompt, max_tokens=max_tokens)
    generation = replace(
        generation,
        stop_at="line_end_after_text",
        log_probability_floor=-math.inf,
        guesses_behind=None,
        is_background=True,
    )
    with contextlib.suppress(PromptTooLong):
        async with contextlib.aclosing(plan.model.generator.generate(generation)) as events:
            async for _ in events:
                pass


@dataclass(frozen=True)
class _Plan:
    """One request on one model, with the bounds that follow from both."""

    request: CompletionRequest
    shape: Shape
    model: ReadyModel

    @property
    def budget(self) -> Budget:
        budget = budget_for(
            self.request.settings, self.model.speeds, is_automatic=self.request.is_automatic
        )
        room = self.model.context_tokens - max(budget.line_tokens, budget.block_tokens)
        return replace(budget, context_tokens=min(budget.context_tokens, max(64, room)))

    def whole_length(self, text: str) -> int | None:
        """Return how much of a growing text is the suggestion, None while more is wanted."""
        settings = self.request.settings
        return whole_length(text, self.shape, settings.max_lines, self.request.language)

    @property
    def max_tokens(self) -> int:
        budget = self.budget
        return budget.line_tokens if self.shape.kind == "line" else budget.block_tokens

    @property
    def floor(self) -> float:
        """The least log-probability of what is shown; asked by hand, anything is."""
        if not self.request.is_automatic:
            return -math.inf
        language = self.request.snapshot.language
        return log_floor(threshold_for(self.model.manifest, language))

    @property
    def can_guess(self) -> bool:
        """Whether anything but the model may say how the line goes on."""
        return self.request.knowledge is not None and self.request.settings.memory

    def guesses_behind(self, written: str) -> tuple[Guess, ...]:
        """Return how the line may go on behind a text at the cursor, from all but the model."""
        knowledge, cursor, snapshot = (
            self.request.knowledge,
            self.request.cursor,
            self.request.snapshot,
        )
        if knowledge is None or not self.can_guess:
            return ()
        if written:
            text, offset = snapshot.text, cursor.offset
            snapshot = replace(snapshot, text=text[:offset] + written + text[offset:])
            cursor = Cursor(offset + len(written))
        return knowledge.guesses(snapshot, cursor)

    @cached_property
    def excerpts(self) -> tuple[Excerpt, ...]:
        """The code from elsewhere that the model is shown."""
        request, manifest = self.request, self.model.manifest
        setting = request.settings.excerpts
        is_shown = setting == "always" or (setting == "auto" and manifest.wants_excerpts)
        if request.knowledge is None or request.language is None or not is_shown:
            return ()
        room = room_for(
            request.snapshot,
            request.language,
            manifest,
            context_tokens=self.budget.context_tokens,
            can_fill_in_the_middle=self.model.can_fill_in_the_middle,
        )
        sources = frozenset(request.settings.excerpt_sources)
        return request.knowledge.excerpts(
            request.snapshot, request.cursor, request.language, room, sources
        )

    def prompt(self, context_tokens: int) -> Prompt:
        return build_prompt(
            self.request.snapshot,
            self.request.cursor,
            self.request.language,
            self.model.manifest,
            context_tokens=context_tokens,
            can_fill_in_the_middle=self.model.can_fill_in_the_middle,
            excerpts=self.excerpts,
        )

    def generation(
        self, prompt: Prompt, *, max_tokens: int, first_token_rank: int = 0
    ) -> GenerationRequest:
        limit = self.request.settings.time_limit_seconds
        is_line = self.shape.kind == "line"
        first: StopAt = "line_end_after_text" if self.shape.may_start_new_line else "line_end"
        return GenerationRequest(
            document=self.request.snapshot.uri,
            segments=prompt.segments,
            max_tokens=max_tokens,
            add_bos=prompt.add_bos,
            stop_strings=prompt.stop_strings,
            time_limit_seconds=limit if self.request.is_automatic else limit * _BY_HAND_PATIENCE,
            first_token_rank=first_token_rank,
            stop_at=first if is_line else "",
            log_probability_floor=self.floor,
            guesses_behind=self.guesses_behind if self.can_guess else None,
        )

    def key(self, generation: GenerationRequest) -> Hashable:
        """Return what an answer depends on: where guesses are mixed in, the whole document."""
        request, known = self.request, None
        if request.knowledge is not None and self.can_guess:
            offset = request.cursor.offset
            known = (request.knowledge.revision, hash(request.snapshot.text), offset)
        return (self.model.name, self.shape, known, replace(generation, time_limit_seconds=0.0))


async def _kept(
    plan: _Plan, cache: ResultCache, first_token_rank: int, *, is_background: bool = False
) -> Kept:
    """Return what the model writes, from the cache or by asking it.

    A prompt that turns out longer than the context, which happens where a character takes more
    than a third of a token, is built again with half the budget.
    """
    max_tokens, budget = plan.max_tokens, plan.budget.context_tokens
    for attempt in range(_PROMPT_ATTEMPTS):
        prompt = plan.prompt(budget >> attempt)
        generation = plan.generation(
            prompt, max_tokens=max_tokens, first_token_rank=first_token_rank
        )
        key = plan.key(generation)
        known = cache.get(key)
        if known is not None:
            count = known.written.timings.prompt_tokens
            unasked = Timings(prompt_tokens=count, reused_tokens=count)
            return replace(known, written=replace(known.written, timings=unasked))
        try:
            written = await _streamed(plan, replace(generation, is_background=is_background))
        except PromptTooLong:
            if attempt == _PROMPT_ATTEMPTS - 1:
                raise
            continue
        kept = replace(_draft(plan, written), shown_files=shown_files(prompt.excerpts))
        if written.cause not in _CUT_OFF:  # another time there may be more of it
            cache.put(key, kept)
        return kept
    raise AssertionError("the loop returns or raises")


async def _streamed(plan: _Plan, generation: GenerationRequest) -> Written:
    """Let the model write until its text is a whole suggestion."""
    started = time.monotonic()
    first_token_at = started
    pieces: list[str] = []
    ends: list[int] = []
    log_probabilities: list[float] = []
    timings, cause, text = Timings(), "", ""
    async with contextlib.aclosing(plan.model.generator.generate(generation)) as events:
        async for event in events:
            match event:
                case PromptEvaluated():
                    first_token_at = time.monotonic()
                    timings = Timings(
                        queued_seconds=event.queued_seconds,
                        prefill_seconds=event.prefill_seconds,
                        prompt_tokens=event.prompt_tokens,
                        reused_tokens=event.reused_tokens,
                        evaluated_tokens=event.evaluated_tokens,
                    )
                case GeneratedToken():
                    pieces.append(event.text)
                    text = "".join(pieces)
                    ends.append(len(text))
                    log_probabilities.append(event.log_probability)
                    whole = plan.whole_length(text)
                    if whole is not None:
                        break
                case GenerationEnd():
                    cause = event.cause
    now = time.monotonic()
    return Written(
        text=text,
        token_ends=tuple(ends),
        log_probabilities=tuple(log_probabilities),
        cause=cause,
        timings=replace(
            timings,
            total_seconds=now - started,
            decode_seconds=now - first_token_at,
            generated_tokens=len(ends),
        ),
    )


def _draft(plan: _Plan, written: Written) -> Kept:
    """Make the cuts that depend on what the model wrote alone."""
    max_lines = plan.request.settings.max_lines
    whole = plan.whole_length(written.text)
    text = written.text if whole is None else written.text[:whole]
    sure = sure_length(written, plan.floor, _doubtful(plan, written.text))
    is_unsure = sure < len(text)
    is_cut_off = whole is None and written.cause in ("max_tokens", "time_limit")
    if is_unsure:
        text = text[:sure]
    elif is_cut_off:
        text = _without_unfinished_line(text)
    if not text.strip():
        reason = Reason.UNSURE if is_unsure else _empty_reason(written, whole)
        return Kept(written, Draft("", (), plan.shape, reason=reason), is_unsure)
    draft = context_free_cut(
        text,
        written.token_ends,
        plan.shape,
        language=plan.request.language,
        max_lines=max_lines,
        is_unfinished=is_cut_off or (is_unsure and "\n" in text) or text.count("\n") >= max_lines,
    )
    goes_on = is_unsure and "\n" not in draft.text
    return Kept(written, replace(draft, goes_on=goes_on), is_unsure)


def _doubtful(plan: _Plan, text: str) -> list[int]:
    """Return where names begin that neither the document nor the workspace has."""
    request = plan.request
    knowledge, document = request.knowledge, request.snapshot.text
    if knowledge is None or not plan.can_guess or not request.is_automatic:
        return []

    def is_known(name: str) -> bool:
        is_here = next(places_of_word(document, name), None) is not None
        return is_here or knowledge.knows(name)

    return unknown_words(text, document[: request.cursor.offset], is_known)


def _outcome(plan: _Plan, kept: Kept) -> Outcome:
    """Return what of it is worth showing at this cursor: run on every hit of the cache too."""
    request, model, written = plan.request, plan.model, kept.written
    offset, document = request.cursor.offset, request.snapshot.text
    left = request.openers_left
    owed = left.owed_at(request.snapshot.uri, document, offset, request.language) if left else ""
    cut = context_cut(kept.draft, document[:offset], document[offset:], request.language, owed=owed)
    assert cut is not None, "nothing was typed since"
    text, reason = cut.text, cut.reason
    if reason is Reason.SYNTAX_ERROR and kept.is_unsure:
        reason = Reason.UNSURE  # what was left when the model was cut short is no code yet
    if request.is_automatic and request.language is not None and reason is None:
        before, after = document[:offset], document[offset:]
        unknown = unknown_name(request.language, before, text, after)
        if unknown is not None:
            text = text[:unknown].rstrip()
            reason = None if text else Reason.UNKNOWN_NAME
    if reason is None and request.is_automatic and len(text.strip()) < FEWEST_CHARACTERS:
        reason = Reason.TOO_SHORT
    if reason is not None:
        return NoSuggestion(reason, "", model.name, written.timings, kept.shown_files)
    return Suggestion(
        text=text.replace("\n", request.snapshot.line_end),
        model=model.name,
        shape="block" if "\n" in text else "line",
        mean_log_probability=written.mean_log_probability(len(text)),
        ends_line=_ends_line(plan, written) and not kept.is_unsure,
        timings=written.timings,
        shown_files=kept.shown_files,
    )


def _ends_line(plan: _Plan, written: Written) -> bool:
    """Whether the model went on to a new line: it is left there as soon as one is whole."""
    whole = plan.whole_length(written.text)
    return written.cause == "line_end" or (
        whole is not None and written.text[whole:].startswith("\n")
    )


def _without_unfinished_line(text: str) -> str:
    """Drop the line that the model was kept from finishing, unless it is all there is."""
    whole_lines, _, _ = text.rpartition("\n")
    return whole_lines if whole_lines.strip() else text


def _empty_reason(written: Written, whole: int | None) -> Reason:
    if written.cause == "time_limit":
        return Reason.TIME_LIMIT
    return Reason.MODEL_ENDED if whole is None else Reason.LINE_COMPLETE
