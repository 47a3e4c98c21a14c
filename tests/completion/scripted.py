"""A generator that says what the test wrote, and remembers what it was asked."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from tabwright.bundled_data import grammars_folder
from tabwright.completion import pipeline
from tabwright.completion.cache import ResultCache
from tabwright.completion.pipeline import CompletionRequest, ReadyModel
from tabwright.completion.suggestion import NoSuggestion, Outcome
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.errors import ModelError
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.client import (
    GeneratedToken,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptEvaluated,
)
from tabwright.model.manifest import Manifest
from tabwright.settings import CompletionSettings
from tabwright.syntax.languages import LanguageRegistry

MARK = "‸"
LANGUAGES = LanguageRegistry([grammars_folder()])
CATALOGUE = read_catalogue(catalogue_folders()[:1])
_TOKENS = re.compile(r"\n[ \t]*| ?\w+|[^\w\n]", re.ASCII)


@dataclass
class ScriptedGenerator:
    """Answers with the enqueued texts in turn, a rough token at a time.

    Work ahead takes no answer from the queue: it gets those of `ahead`, and gives way where there
    are none.
    """

    answers: list[str | ModelError]
    requests: list[GenerationRequest] = field(default_factory=list)
    tokens_read: int = 0
    log_probability: float = 0.0
    cause: Literal["end_of_text", "time_limit"] = "end_of_text"
    was_closed_early: bool = False
    ahead: list[str] = field(default_factory=list)
    failure_ahead: ModelError | None = None
    """What work ahead comes to, where it fails."""

    @property
    def asked(self) -> list[GenerationRequest]:
        """The requests that somebody waited for."""
        return [each for each in self.requests if not each.is_background]

    @property
    def read_ahead(self) -> list[GenerationRequest]:
        """The requests that were work ahead."""
        return [each for each in self.requests if each.is_background]

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        self.requests.append(request)
        if request.is_background:
            if self.failure_ahead is not None:
                raise self.failure_ahead
            if request.max_tokens == 1 or not self.ahead:
                yield PromptEvaluated(10, 4, 6, 0.0, 0.1)
                yield GenerationEnd("cancelled")
                return
        answer = self.ahead.pop(0) if request.is_background else self.answers.pop(0)
        if isinstance(answer, ModelError):
            raise answer
        ended = False
        try:
            yield PromptEvaluated(10, 4, 6, 0.0, 0.1)
            for token in _TOKENS.findall(answer):
                self.tokens_read += 1
                yield GeneratedToken(token, self.log_probability)
            ended = True
            yield GenerationEnd(self.cause)
        finally:
            self.was_closed_early = not ended


def manifest(model_id: str = "smollm2-135m") -> Manifest:
    """A bundled model, with the same threshold for all languages whatever it is calibrated to."""
    return msgspec.structs.replace(CATALOGUE.get(model_id), confidence={"*": 0.5})


def snapshot_at_mark(
    source: str, language: str = "python", path: str = "src/sample.py"
) -> tuple[DocumentSnapshot, Cursor]:
    before, found, after = source.partition(MARK)
    assert found, "the source needs a cursor mark"
    return (
        DocumentSnapshot("file:///src/sample", language, 1, before + after, path),
        Cursor(len(before)),
    )


def request_at_mark(
    source: str,
    language: str = "python",
    settings: CompletionSettings | None = None,
    *,
    by_hand: bool = False,
) -> CompletionRequest:
    snapshot, cursor = snapshot_at_mark(source, language)
    return CompletionRequest(
        snapshot=snapshot,
        cursor=cursor,
        settings=settings or CompletionSettings(),
        is_automatic=not by_hand,
        language=LANGUAGES.for_editor_id(language),
    )


async def complete(
    request: CompletionRequest,
    *answers: str | ModelError,
    configure: Callable[[ScriptedGenerator], None] = lambda _generator: None,
    model_id: str = "smollm2-135m",
    cache: ResultCache | None = None,
) -> Outcome:
    """Run the pipeline with scripted answers."""
    shape = pipeline.decide(request)
    if isinstance(shape, NoSuggestion):
        return shape
    generator = ScriptedGenerator(list(answers))
    configure(generator)
    model = a_model(generator, model_id)
    return await pipeline.complete(request, shape, model, ResultCache() if cache is None else cache)


def a_model(generator: ScriptedGenerator, model_id: str = "smollm2-135m") -> ReadyModel:
    return ReadyModel(
        manifest=manifest(model_id),
        generator=generator,
        can_fill_in_the_middle=manifest(model_id).fill_in_the_middle is not None,
        context_tokens=1024,
        name=model_id,
    )
