"""Whether a new model is better than the one it was made from, on files it has never seen.

Both are asked by the process that serves them, with the prompts that are served, at the same spots.
The new one wins when the exact answers say so; where these tell nothing, the likeness of the
answers may, and after that how likely each finds what really stood there, which tells most of a
small difference. "Say so" means that a 95 % interval of the difference lies above 0, and that more
than a handful of places differ; and what is gained by one measure must not be lost by another.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from tabwright.completion.following import without_line_overlap
from tabwright.completion.prompt import Prompt
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.errors import PromptTooLong
from tabwright.model.client import (
    GeneratedToken,
    GenerationRequest,
    ModelProcess,
    ProcessPolicy,
    TextGenerator,
)
from tabwright.model.manifest import Manifest
from tabwright.model.messages import LoadModel
from tabwright.specialization.comparison import Interval, edit_similarity, paired_bootstrap
from tabwright.specialization.package_excerpts import PackageExcerpts, prompt_with_excerpts
from tabwright.specialization.spots import Spot
from tabwright.syntax.languages import LanguageRegistry

SPOTS = 180
CONTEXT_TOKENS = 256
"""What a small model reads while one types on a slow machine."""
FEWEST_MORE = 6
"""So many more spots must be better than worse whatever the interval says: of a handful the
bootstrap is too sure, and six of six are the fewest that a sign test takes for no luck (p = 0.03).
"""
_ROOM_FOR_DENSE_TEXT = 1.5
_ANSWER_TOKENS = 64

OnAsked = Callable[[int, int], None]
"""Is told how many of how many questions were asked."""


@dataclass(frozen=True)
class Contestant:
    """A model that is asked: its manifest, its weights, and its adapter if it has one."""

    manifest: Manifest
    weights: Path
    adapter: Path | None = None


@dataclass(frozen=True)
class Score:
    """How one answer compares with what stood there."""

    exact: bool
    similarity: float
    likelihood: float | None = None
    """The probability of what stood there, by character: the geometric mean, 0 to 1. None where
    the model cannot be asked, since its tokens do not fit the prompt's end."""


@dataclass(frozen=True)
class Answer:
    """What a model writes at a spot, and how likely it finds what stood there."""

    text: str
    likelihood: float | None = None
    """See `Score`."""


@dataclass(frozen=True)
class Judgement:
    """Both models' scores at the same spots, and what follows."""

    spots: tuple[Spot, ...]
    base: tuple[Score, ...]
    candidate: tuple[Score, ...]
    exact: Interval
    """Of the difference in exact answers, candidate minus base, 0 to 1."""
    similarity: Interval
    likelihood: Interval
    """Of the spots at which both could be asked."""

    @property
    def measures(self) -> tuple[tuple[str, Interval, Sequence[float], Sequence[float]], ...]:
        """Each measure's name, the interval of its difference, and the candidate's and the base's
        values; those that decide first come first.
        """
        both = self.likelihoods
        return (
            (
                "exact_match",
                self.exact,
                [float(each.exact) for each in self.candidate],
                [float(each.exact) for each in self.base],
            ),
            (
                "edit_similarity",
                self.similarity,
                [each.similarity for each in self.candidate],
                [each.similarity for each in self.base],
            ),
            ("likelihood", self.likelihood, [new for new, _ in both], [old for _, old in both]),
        )

    @property
    def likelihoods(self) -> list[tuple[float, float]]:
        """The candidate's and the base's, at the spots at which both could be asked."""
        return [
            (new.likelihood, old.likelihood)
            for new, old in zip(self.candidate, self.base, strict=True)
            if new.likelihood is not None and old.likelihood is not None
        ]

    @property
    def decided_by(self) -> str:
        """The measure by which the candidate wins, `exact_match`, `edit_similarity` or
        `likelihood`; empty where it does not.
        """
        if any(interval.is_loss for _, interval, _, _ in self.measures):
            return ""
        for name, interval, ours, theirs in self.measures:
            if interval.is_gain and _more(a - b for a, b in zip(ours, theirs, strict=True)):
                return name
        return ""

    @property
    def wins(self) -> bool:
        """Whether the candidate is to be installed."""
        return bool(self.decided_by)


def judged(
    spots: Sequence[Spot], base: Sequence[Answer], candidate: Sequence[Answer], seed: int
) -> Judgement:
    """Compare two models' answers, one for each spot."""
    old, new = (
        tuple(_score(spot, answer) for spot, answer in zip(spots, answers, strict=True))
        for answers in (base, candidate)
    )
    nothing = Interval(0.0, 0.0, 0.0)
    judgement = Judgement(tuple(spots), old, new, nothing, nothing, nothing)
    intervals = (
        paired_bootstrap(ours, theirs, seed=seed) for _, _, ours, theirs in judgement.measures
    )
    return Judgement(tuple(spots), old, new, *intervals)


def _more(differences: Iterable[float]) -> bool:
    """Whether enough more spots are better than are worse."""
    return sum((each > 0) - (each < 0) for each in differences) >= FEWEST_MORE


def _score(spot: Spot, answer: Answer) -> Score:
    wanted, given = spot.middle.rstrip(), answer.text.rstrip()
    return Score(given == wanted, edit_similarity(given, wanted), answer.likelihood)


async def ask(
    contestants: Sequence[Contestant],
    spots: Sequence[Spot],
    languages: LanguageRegistry,
    on_asked: OnAsked = lambda _done, _total: None,
    command: tuple[str, ...] = (),
    excerpts: PackageExcerpts | None = None,
) -> list[list[Answer]]:
    """Return each contestant's answers, one for each spot; one model is in memory at a time.

    Those whose manifest wants excerpts see those of `excerpts`.

    Raises:
        ModelError: a model cannot be loaded, or its process ended.
    """
    process = ModelProcess(ProcessPolicy(command=command))
    total = len(contestants) * len(spots)
    answers: list[list[Answer]] = []
    try:
        for number, contestant in enumerate(contestants):
            done = number * len(spots)
            request = _load_request(contestant, f"judged {number}")
            loaded = await process.load(request)
            form = contestant.manifest.fill_in_the_middle
            has_form = form is not None and not (
                {form.prefix, form.suffix, form.middle} & set(loaded.bad_control_strings)
            )
            generator = process.generator_for(request.model_key)
            given = []
            shown = excerpts if contestant.manifest.wants_excerpts else None
            for spot in spots:
                prompt = prompt_at(spot, contestant.manifest, languages, shown, has_form=has_form)
                given.append(await _answer(generator, prompt, spot))
                on_asked(done + len(given), total)
            await process.unload(request.model_key)
            answers.append(given)
    finally:
        await process.stop()
    return answers


def prompt_at(
    spot: Spot,
    manifest: Manifest,
    languages: LanguageRegistry,
    excerpts: PackageExcerpts | None,
    *,
    has_form: bool,
) -> Prompt:
    """Return the prompt that is served at a spot, with excerpts of other files if they are given.

    `has_form` says whether the weights know the manifest's fill-in-the-middle tokens.
    """
    file = spot.file
    language = languages.for_editor_id(file.language)
    return prompt_with_excerpts(
        DocumentSnapshot(file.path, file.language, 1, spot.text, file.path),
        Cursor(spot.start),
        language,
        manifest,
        excerpts.finder(file, language, spot.text) if excerpts is not None else None,
        context_tokens=CONTEXT_TOKENS,
        can_fill_in_the_middle=has_form,
    )


async def _answer(generator: TextGenerator, prompt: Prompt, spot: Spot) -> Answer:
    """Return what a model writes at a spot, to the end of the line, without what follows there."""
    request = GenerationRequest(
        document=spot.file.path,
        segments=prompt.segments,
        max_tokens=_ANSWER_TOKENS,
        add_bos=prompt.add_bos,
        stop_strings=prompt.stop_strings,
        stop_at="line_end",
    )
    try:
        written = "".join([each.text for each in await _tokens(generator, request)])
        known = await _tokens(generator, replace(request, known_text=spot.middle))
    except PromptTooLong:
        return Answer("")  # the same text is as long for both
    text = without_line_overlap(written.split("\n", 1)[0], spot.line_after)
    if "".join([each.text for each in known]) != spot.middle:
        return Answer(text)
    nats = -sum(each.log_probability for each in known)
    return Answer(text, math.exp(-nats / len(spot.middle)))


async def _tokens(generator: TextGenerator, request: GenerationRequest) -> Sequence[GeneratedToken]:
    async with contextlib.aclosing(generator.generate(request)) as events:
        return [event async for event in events if isinstance(event, GeneratedToken)]


def _load_request(contestant: Contestant, key: str) -> LoadModel:
    manifest = contestant.manifest
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    threads = max(1, min(psutil.cpu_count(logical=False) or 1, cores or 1_000))
    wanted = int(CONTEXT_TOKENS * _ROOM_FOR_DENSE_TEXT) + _ANSWER_TOKENS
    return LoadModel(
        request_id=0,
        model_key=key,
        weights_path=str(contestant.weights),
        adapter_path=str(contestant.adapter) if contestant.adapter else "",
        context_tokens=min(manifest.context_tokens, wanted),
        prefill_threads=threads,
        decode_threads=threads,
        gpu_layers=-1,
        control_strings=manifest.control_strings,
        idle_unload_seconds=0,
    )
