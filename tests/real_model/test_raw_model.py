"""A benchmark that asks a model in its own process gets what the model process answers."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from pathlib import Path

import pytest
from infilling_items import Item
from raw_model import RawModel, Served, load_message, request_for

from completion.scripted import LANGUAGES, manifest
from tabwright.model.client import GeneratedToken, ModelProcess
from tabwright.model.llama import NativeLog

CONTEXT_TOKENS = 256
ITEM = Item(
    id="shelf",
    set="packages",
    language="python",
    kind="single_line_end",
    before="class Shelf:\n    def __init__(self, books):\n        self.books = bo",
    after="\n\n    def __len__(self):\n        return len(self.books)\n",
    middle="oks",
    program_before="",
    program_after="",
    reference_passes=False,
    can_be_judged=False,
)

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("default_weights"),
]


def test_it_answers_as_the_model_process_does(default_weights: Path) -> None:
    model = Served(manifest(), default_weights)

    async def ask_process() -> str:
        process = ModelProcess()
        try:
            await process.load(load_message(model, CONTEXT_TOKENS))
            request = request_for(ITEM, model, LANGUAGES, CONTEXT_TOKENS)
            events = process.generator_for(model.manifest.id).generate(request)
            return "".join([e.text async for e in events if isinstance(e, GeneratedToken)])
        finally:
            await process.stop()

    raw = RawModel(model, LANGUAGES, CONTEXT_TOKENS, NativeLog())
    try:
        answer = raw.ask(ITEM)
        unlikely = raw.ask(replace(ITEM, id="other", middle="zzuwqx"))
    finally:
        raw.close()
    assert answer.text == asyncio.run(ask_process())
    assert answer.exact
    assert not answer.stopped
    assert answer.known is not None
    assert unlikely.known is not None
    # The prompt's last word is healed: what is likely costs little although it is cut in two.
    assert 0 < answer.known.nats < math.log(4) < unlikely.known.nats
