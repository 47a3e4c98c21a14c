"""A model asked by itself: the server's prompt, and nothing that the server does to the answer.

`RawModel` loads a model into this process, so that the prompt of an item is read once for its
answer and for the likelihood of what really stood there. Both come from the code that the model
process runs. What it costs is measured in a real model process (`serving_cost`).
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from infilling_items import Item
from infilling_measures import is_exact
from known_text import Likelihood, likelihood
from reporting import median

from tabwright.completion.prompt import build_prompt
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.client import GenerationRequest, ModelProcess
from tabwright.model.connection import Connection, Job
from tabwright.model.generation import Generation
from tabwright.model.llama import LlamaModel, ModelOptions, NativeLog
from tabwright.model.manifest import Manifest
from tabwright.model.messages import (
    Finished,
    FromProcess,
    Generate,
    LoadModel,
    Piece,
    decode_from_process,
    frame_length,
)
from tabwright.specialization.comparison import edit_similarity
from tabwright.syntax.languages import LanguageRegistry

_LINE_TOKENS, _BLOCK_TOKENS = 96, 128
_SPARE_TOKENS = 320
"""Room in the context for the answer, and for prompts that outgrow their estimate."""
_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Served:
    """A manifest, and the files that its model is loaded from."""

    manifest: Manifest
    weights: Path
    adapter: Path | None = None

    @property
    def fills_in(self) -> bool:
        """Whether it is shown what stands after the cursor."""
        return self.manifest.fill_in_the_middle is not None


@dataclass(frozen=True)
class RawAnswer:
    """What a model writes at one place, and what it thinks of what really stood there."""

    item: Item
    text: str
    """All of it, to the model's own end or the limit."""
    cut: str
    """See `cut_answer`."""
    stopped: bool
    """Whether the model itself ended it."""
    known: Likelihood | None
    fills_in: bool

    @property
    def exact(self) -> bool:
        """Whether the answer is what was taken out. A model that continues a text and cannot know
        where to stop is judged by its cut answer."""
        return is_exact(self.text if self.fills_in else self.cut, self.item.middle)

    @property
    def exact_when_cut(self) -> bool:
        """The same of the cut answer, for every model."""
        return is_exact(self.cut, self.item.middle)

    @property
    def similarity(self) -> float:
        """Edit similarity of what `exact` judges."""
        text = self.text if self.fills_in else self.cut
        return edit_similarity(text.rstrip(), self.item.middle.rstrip())


def cut_answer(item: Item, text: str, *, fills_in: bool) -> str:
    """Return an answer for as many lines as were taken out.

    A model that only sees the text before the cursor writes what stands after it in the line
    again, in the right place: that is not held against it.
    """
    lines = "\n".join(text.split("\n")[: item.line_count])
    rest = item.after.partition("\n")[0].rstrip()
    return lines if fills_in or not rest else lines.rstrip().removesuffix(rest)


def request_for(
    item: Item, model: Served, languages: LanguageRegistry, context_tokens: int
) -> GenerationRequest:
    """Return the server's prompt at an item, for an answer that nothing cuts short."""
    language = languages.for_path(item.file_path)
    assert language is not None, "every language asked about is bundled"
    text = item.before + item.after
    snapshot = DocumentSnapshot(
        f"file:///{item.file_path}", language.editor_ids[0], 1, text, item.file_path
    )
    prompt = build_prompt(
        snapshot,
        Cursor(len(item.before)),
        language,
        model.manifest,
        context_tokens=context_tokens,
        can_fill_in_the_middle=model.fills_in,
    )
    is_line = item.line_count == 1
    return GenerationRequest(
        document=item.id,
        segments=prompt.segments,
        add_bos=prompt.add_bos,
        stop_strings=prompt.stop_strings,
        max_tokens=_LINE_TOKENS if is_line else _BLOCK_TOKENS,
        # It is cut there anyway; one that fills in is to show that it ends by itself.
        stop_at="line_end" if is_line and not model.fills_in else "",
    )


def load_message(model: Served, context_tokens: int) -> LoadModel:
    """Return how the model process is told to load a model."""
    cores = psutil.cpu_count(logical=False) or 1
    return LoadModel(
        request_id=0,
        model_key=model.manifest.id,
        weights_path=str(model.weights),
        adapter_path=str(model.adapter) if model.adapter else "",
        context_tokens=min(model.manifest.context_tokens, context_tokens + _SPARE_TOKENS),
        prefill_threads=cores,
        decode_threads=max(1, cores // 2),
        gpu_layers=0,
        control_strings=model.manifest.control_strings,
        idle_unload_seconds=0,
    )


def loaded(model: Served, context_tokens: int, log: NativeLog) -> LlamaModel:
    """Load a model into this process as a model process would.

    Raises:
        LlamaError: llama.cpp refuses a file.
    """
    load = load_message(model, context_tokens)
    options = ModelOptions(
        load.weights_path,
        load.adapter_path,
        load.context_tokens,
        load.prefill_threads,
        load.decode_threads,
        load.gpu_layers,
    )
    return LlamaModel(options, log, lambda _fraction: None)


class RawModel:
    """A model in this process, asked one item at a time."""

    def __init__(
        self, model: Served, languages: LanguageRegistry, context_tokens: int, log: NativeLog
    ) -> None:
        """Load it.

        Raises:
            LlamaError: llama.cpp refuses a file.
        """
        self._served = model
        self._languages = languages
        self._context_tokens = context_tokens
        self._model = loaded(model, context_tokens, log)

    def ask(self, item: Item) -> RawAnswer:
        """Return what the model makes of an item.

        Raises:
            LlamaError: it cannot be evaluated.
        """
        request = request_for(item, self._served, self._languages, self._context_tokens)
        outgoing = io.BytesIO()
        connection = Connection(io.BytesIO(), outgoing)
        owner = (id(connection), request.document)  # as `Generation` has it: one reading of it
        prompt = self._model.prompt_tokens(request.segments, add_bos=request.add_bos)
        heals = not request.segments[-1].is_control
        known = likelihood(self._model, prompt, item.middle, heals=heals, owner=owner)
        message = _generate_message(request, self._served.manifest.id)
        job = Job(connection, message, time.monotonic())
        Generation(job, message, self._model, lambda: False).run()
        text, stopped = _answer(outgoing.getvalue())
        fills_in = self._served.fills_in
        cut = cut_answer(item, text, fills_in=fills_in)
        return RawAnswer(item, text, cut, stopped, known, fills_in)

    def close(self) -> None:
        """Free the model."""
        self._model.close()


def _generate_message(request: GenerationRequest, model_key: str) -> Generate:
    return Generate(
        request_id=1,
        model_key=model_key,
        document=request.document,
        segments=request.segments,
        add_bos=request.add_bos,
        max_tokens=request.max_tokens,
        stop_strings=request.stop_strings,
        time_limit_seconds=0,
        stop_at=request.stop_at,
        heals=request.heals,
    )


def _answer(frames: bytes) -> tuple[str, bool]:
    """Return the text of a stream of messages, and whether the model itself ended it."""
    text, stopped, place = "", False, 0
    while place < len(frames):
        start = place + _LENGTH_BYTES
        place = start + frame_length(frames[place:start])
        message: FromProcess = decode_from_process(frames[start:place])
        if isinstance(message, Piece):
            text += message.text
        elif isinstance(message, Finished):
            stopped = message.cause == "end_of_text"
    return text, stopped


@dataclass(frozen=True)
class ServingCost:
    """What a model costs that is asked in a process of its own."""

    median_milliseconds: float
    """From the question to the end of the answer, with every prompt read anew."""
    resident_mb: float
    """Of the process, after the last answer."""


def serving_cost(
    model: Served, items: Sequence[Item], languages: LanguageRegistry, context_tokens: int
) -> ServingCost:
    """Ask a real model process about some items, after one that is not counted.

    Raises:
        ModelError: the model cannot be loaded or asked.
    """

    async def run() -> ServingCost:
        process = ModelProcess()
        milliseconds = []
        try:
            load = load_message(model, context_tokens)
            await process.load(load)
            generator = process.generator_for(load.model_key)
            for number, item in enumerate([*items[:1], *items]):
                request = request_for(item, model, languages, context_tokens)
                started = time.monotonic()
                async for _ in generator.generate(replace(request, document=str(number))):
                    pass
                milliseconds.append((time.monotonic() - started) * 1000)
            resident = psutil.Process(process.process_id).memory_info().rss / 1e6
        finally:
            await process.stop()
        return ServingCost(round(median(milliseconds[1:]), 1), round(resident, 1))

    return asyncio.run(run())
