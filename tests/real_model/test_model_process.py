"""The model process with the default weights: what no script can stand in for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import psutil
import pytest

from real_model.wire import Wire
from tabwright.errors import (
    ModelCrashed,
    ModelError,
    ModelLoadFailed,
    ModelNotLoaded,
    PromptTooLong,
)
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.client import (
    GeneratedToken,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    ModelProcess,
    PromptEvaluated,
)
from tabwright.model.messages import (
    Cancel,
    Evaluated,
    Finished,
    Generate,
    Loaded,
    LoadModel,
    Prefilled,
    Segment,
)
from tabwright.model.safe_python import python_module_command
from tabwright.model.weights import installed_weights

LONG = 60.0
CONTEXT_TOKENS = 1024
PROSE = "The history of the computer begins with"
CODE = "".join(f"def add_{number}(value):\n    return value + {number}\n\n" for number in range(8))

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def weights() -> Path:
    manifest = read_catalogue(catalogue_folders()).default
    path = installed_weights(manifest)
    if path is None:
        pytest.skip(f"the weights are not installed: run `tabwright models pull {manifest.id}`")
    return path


@pytest.fixture
async def process(weights: Path) -> AsyncIterator[ModelProcess]:
    process = ModelProcess()
    await process.load(a_model(weights))
    yield process
    await process.stop()


def a_model(weights: Path, model_key: str = "weights", adapter: Path | str = "") -> LoadModel:
    return LoadModel(
        request_id=0,
        model_key=model_key,
        weights_path=str(weights),
        adapter_path=str(adapter),
        context_tokens=CONTEXT_TOKENS,
        prefill_threads=2,
        decode_threads=1,
        gpu_layers=0,
        control_strings=("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
        idle_unload_seconds=0.0,
    )


def a_request(
    prompt: str | tuple[Segment, ...],
    *,
    document: str = "a.py",
    max_tokens: int = 4,
    first_token_rank: int = 0,
    time_limit_seconds: float = 0.0,
) -> GenerationRequest:
    return GenerationRequest(
        document=document,
        segments=(Segment(prompt),) if isinstance(prompt, str) else prompt,
        max_tokens=max_tokens,
        first_token_rank=first_token_rank,
        time_limit_seconds=time_limit_seconds,
    )


async def answer(
    process: ModelProcess, request: GenerationRequest, model_key: str = "weights"
) -> list[GenerationEvent]:
    return [event async for event in process.generate(model_key, request)]


def tokens_of(events: list[GenerationEvent]) -> list[GeneratedToken]:
    return [event for event in events if isinstance(event, GeneratedToken)]


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(token.text for token in tokens_of(events))


async def prompt_of(process: ModelProcess, prompt: str, document: str) -> tuple[int, int]:
    """Ask for one token and return how many tokens the prompt has and how many were reused."""
    first = (await answer(process, a_request(prompt, document=document, max_tokens=1)))[0]
    assert isinstance(first, PromptEvaluated)
    return first.prompt_tokens, first.reused_tokens


def size_of(path: Path) -> int:
    return path.stat().st_size


# ---- loading ----


async def test_loading_describes_the_model_and_names_strings_that_are_no_control_token(
    process: ModelProcess, weights: Path
) -> None:
    strings = ("<|endoftext|>", "def", "<|no_such_token|>", "<|endoftext|><|im_end|>", "")
    model = msgspec.structs.replace(a_model(weights, "another"), control_strings=strings)
    loaded = await process.load(model)
    assert loaded.bad_control_strings == strings[1:]
    assert loaded.context_tokens == CONTEXT_TOKENS
    assert loaded.description


async def test_loading_reports_progress_that_only_grows(
    process: ModelProcess, weights: Path
) -> None:
    progress: list[float] = []
    await process.load(a_model(weights, "another"), progress.append)
    assert progress == sorted(progress)
    assert 0 < progress[0] < progress[-1] <= 1


async def test_a_loaded_model_is_not_loaded_again(process: ModelProcess, weights: Path) -> None:
    first = await prompt_of(process, CODE, "a.py")
    progress: list[float] = []
    await process.load(a_model(weights), progress.append)
    assert progress == []
    assert await prompt_of(process, CODE, "a.py") == (first[0], first[0])


async def test_a_truncated_file_is_one_sentence_and_the_process_lives(
    process: ModelProcess, weights: Path, tmp_path: Path
) -> None:
    truncated = tmp_path / "truncated.gguf"
    for kept in (size_of(weights) // 2, 100_000):
        with weights.open("rb") as whole:
            truncated.write_bytes(whole.read(kept))
        with pytest.raises(ModelLoadFailed, match=r"truncated\.gguf: .+\.$") as refusal:
            await process.load(a_model(truncated, "truncated"))
        assert "\n" not in str(refusal.value)
    assert text_of(await answer(process, a_request(PROSE)))


async def test_weights_are_no_adapter(process: ModelProcess, weights: Path, tmp_path: Path) -> None:
    nonsense = tmp_path / "adapter.gguf"
    nonsense.write_bytes(b"nonsense")
    for adapter in (nonsense, weights, tmp_path / "nothing.gguf"):
        with pytest.raises(ModelLoadFailed, match="cannot load the adapter of"):
            await process.load(a_model(weights, "adapted", adapter))
    assert text_of(await answer(process, a_request(PROSE)))


async def test_an_adapter_changes_the_answer_of_its_own_model_only(
    process: ModelProcess, weights: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter.gguf"
    write_random_adapter(adapter, width=576)
    before = await answer(process, a_request(PROSE))
    await process.load(a_model(weights, "adapted", adapter))
    adapted = await answer(process, a_request(PROSE), "adapted")
    assert tokens_of(adapted)[0].log_probability != tokens_of(before)[0].log_probability
    again = await answer(process, a_request(PROSE, document="another.py"))
    assert tokens_of(again) == tokens_of(before)


async def test_an_adapter_for_another_shape_is_refused(
    process: ModelProcess, weights: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter.gguf"
    write_random_adapter(adapter, width=64)
    with pytest.raises(ModelLoadFailed, match="cannot load the adapter of"):
        await process.load(a_model(weights, "adapted", adapter))
    assert text_of(await answer(process, a_request(PROSE)))


def write_random_adapter(path: Path, width: int) -> None:
    """Write a LoRA of rank 4 for the first layer's query matrix (format: ggml's docs/gguf.md)."""
    rank, alignment = 4, 32

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def text_field(name: str, value: str) -> bytes:
        return text(name) + struct.pack("<I", 8) + text(value)

    fields = [
        text_field("general.type", "adapter"),
        text_field("general.architecture", "llama"),
        text_field("adapter.type", "lora"),
        text("adapter.lora.alpha") + struct.pack("<If", 6, 8.0),
    ]
    size = width * rank * 4
    assert size % alignment == 0
    tensors = [
        text(f"blk.0.attn_q.weight.{name}") + struct.pack("<IQQIQ", 2, *shape, 0, offset)
        for name, shape, offset in (
            ("lora_a", (width, rank), 0),
            ("lora_b", (rank, width), size),
        )
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields)) + b"".join(fields + tensors)
    chance = random.Random(1)
    values = [chance.uniform(-1, 1) for _ in range(2 * width * rank)]
    padding = bytes(-len(head) % alignment)
    path.write_bytes(head + padding + struct.pack(f"<{len(values)}f", *values))


# ---- the KV cache ----


async def test_the_same_prompt_again_evaluates_nothing(process: ModelProcess) -> None:
    tokens, reused = await prompt_of(process, CODE, "a.py")
    assert reused == 0
    evaluated = process.evaluated.total
    assert await prompt_of(process, CODE, "a.py") == (tokens, tokens)
    assert process.evaluated.total == evaluated


async def test_a_longer_prompt_reuses_the_shorter_one(process: ModelProcess) -> None:
    short, _ = await prompt_of(process, CODE, "a.py")
    long, reused = await prompt_of(process, CODE + "def subtract(", "a.py")
    assert long > short
    assert short - 1 <= reused < long


async def test_an_edit_in_the_middle_reuses_what_is_before_it(process: ModelProcess) -> None:
    tokens, _ = await prompt_of(process, CODE, "a.py")
    edited = CODE.replace("return value + 6", "return value - 6")
    _, reused = await prompt_of(process, edited, "a.py")
    assert tokens // 2 < reused < tokens - 10


async def test_every_document_has_a_sequence_of_its_own(process: ModelProcess) -> None:
    tokens, _ = await prompt_of(process, CODE, "a.py")
    assert await prompt_of(process, CODE, "b.py") == (tokens, 0)
    await prompt_of(process, PROSE, "b.py")
    assert await prompt_of(process, CODE, "a.py") == (tokens, tokens)


async def test_the_document_that_waited_longest_gives_way(process: ModelProcess) -> None:
    def prompt(number: int) -> str:
        return f"{number} is the number of this document"  # no two share a first token

    for number in (1, 2, 3, 4, 1, 5):
        await prompt_of(process, prompt(number), f"{number}.py")
    for kept in (1, 3, 4, 5):
        assert (await prompt_of(process, prompt(kept), f"{kept}.py"))[1] > 0
    assert (await prompt_of(process, prompt(2), "2.py"))[1] == 0


@pytest.mark.parametrize("prompt", [PROSE, CODE], ids=["prose", "code"])
async def test_a_greedy_answer_is_the_same_cold_and_warm(
    process: ModelProcess, prompt: str
) -> None:
    cold = await answer(process, a_request(prompt, max_tokens=60))
    warm = await answer(process, a_request(prompt, max_tokens=60))
    assert isinstance(warm[0], PromptEvaluated) and warm[0].reused_tokens > 0
    assert len(tokens_of(cold)) > 30
    assert tokens_of(warm) == tokens_of(cold)


async def test_a_prompt_reached_by_typing_answers_like_the_same_prompt_at_once(
    process: ModelProcess,
) -> None:
    for end in range(len(CODE) - 20, len(CODE)):
        await prompt_of(process, CODE[:end], "typed.py")
    typed = await answer(process, a_request(CODE, document="typed.py", max_tokens=60))
    at_once = await answer(process, a_request(CODE, document="opened.py", max_tokens=60))
    assert tokens_of(typed) == tokens_of(at_once)


# ---- text and control tokens ----


@pytest.mark.parametrize("control", ["<|endoftext|>", "<|im_end|>", "<|im_start|>"])
async def test_a_control_string_in_the_users_text_stays_text(
    process: ModelProcess, control: str
) -> None:
    plain = await answer(process, a_request(f"separator = '{control}'\n", document="plain.py"))
    real = await answer(
        process,
        a_request(
            (Segment("separator = '"), Segment(control, True), Segment("'\n")), document="real.py"
        ),
    )
    assert isinstance(plain[0], PromptEvaluated) and isinstance(real[0], PromptEvaluated)
    assert plain[0].prompt_tokens >= real[0].prompt_tokens + 3
    assert plain[-1] == GenerationEnd("max_tokens")


async def test_a_control_token_steers_the_model_and_ends_its_answer(process: ModelProcess) -> None:
    chat = (
        Segment("<|im_start|>", True),
        Segment("user\nReply with the single word: hello"),
        Segment("<|im_end|>", True),
        Segment("\n"),
        Segment("<|im_start|>", True),
        Segment("assistant\n"),
    )
    events = await answer(process, a_request(chat, max_tokens=200))
    assert events[-1] == GenerationEnd("end_of_text")
    assert "<|" not in text_of(events)


async def test_a_control_segment_that_is_no_control_token_is_an_error(
    process: ModelProcess,
) -> None:
    process_id = process.process_id
    for text in ("<|no_such_token|>", "def", ""):
        with pytest.raises(ModelError, match="is not one control token of this model"):
            await answer(process, a_request((Segment(text, True),)))
    assert process.process_id == process_id


@pytest.mark.parametrize(
    "prompt",
    [
        "\0",
        "a\0b",
        "\ud83d half a pair",
        "\r\n\r\n",
        "\ufeff",
        "e\u0301\u200b",
        " " * 300,
        "🦜" * 40,
    ],
)
async def test_any_text_can_be_continued(process: ModelProcess, prompt: str) -> None:
    process_id = process.process_id
    events = await answer(process, a_request(prompt))
    assert isinstance(events[0], PromptEvaluated) and events[0].prompt_tokens > 0
    assert isinstance(events[-1], GenerationEnd)
    assert process.process_id == process_id


async def test_characters_of_several_tokens_arrive_whole(process: ModelProcess) -> None:
    events = await answer(process, a_request("🦜🐍🦜🐍🦜🐍🦜🐍🦜🐍🦜🐍", max_tokens=24))
    assert set(text_of(events)) & {"🦜", "🐍"}
    assert "\ufffd" not in text_of(events)
    assert len(tokens_of(events)) > len(text_of(events))


# ---- bounds ----


async def test_a_prompt_that_does_not_fit_is_an_error_and_the_process_lives(
    process: ModelProcess,
) -> None:
    process_id = process.process_id
    with pytest.raises(PromptTooLong, match=f"do not fit a context of {CONTEXT_TOKENS}"):
        await answer(process, a_request("word " * 2 * CONTEXT_TOKENS))
    with pytest.raises(PromptTooLong):
        await answer(process, a_request(PROSE, max_tokens=CONTEXT_TOKENS))
    assert text_of(await answer(process, a_request(PROSE)))
    assert process.process_id == process_id


@pytest.mark.parametrize(
    "request_",
    [
        a_request(""),
        a_request(PROSE, max_tokens=0),
        a_request(PROSE, max_tokens=-1),
        a_request(PROSE, first_token_rank=-1),
        a_request(PROSE, first_token_rank=10_000_000),
    ],
    ids=["empty", "no tokens", "fewer than none", "negative rank", "rank beyond the vocabulary"],
)
async def test_a_request_without_sense_is_an_error_and_the_process_lives(
    process: ModelProcess, request_: GenerationRequest
) -> None:
    process_id = process.process_id
    with pytest.raises(ModelError, match="The model cannot answer"):
        await answer(process, request_)
    assert text_of(await answer(process, a_request(PROSE)))
    assert process.process_id == process_id


async def test_the_context_can_be_filled_to_its_last_token(process: ModelProcess) -> None:
    prompt = "word " * (CONTEXT_TOKENS - 10)
    with pytest.raises(PromptTooLong) as refusal:
        await answer(process, a_request(prompt, max_tokens=CONTEXT_TOKENS))
    left = CONTEXT_TOKENS - int(str(refusal.value).partition(" prompt tokens")[0].split()[-1])
    assert 0 < left < 20
    for document in ("a.py", "b.py"):  # a neighbour takes no room away
        events = await answer(process, a_request(prompt, document=document, max_tokens=left))
        assert len(tokens_of(events)) == left
    with pytest.raises(PromptTooLong):
        await answer(process, a_request(prompt, max_tokens=left + 1))


@pytest.mark.parametrize("prompt", ["The capital of France is Par", "    return", "def fibonac"])
async def test_a_prompt_that_ends_inside_a_word_still_gets_all_its_tokens(
    process: ModelProcess, prompt: str
) -> None:
    events = await answer(process, a_request(prompt, max_tokens=3))
    assert len(tokens_of(events)) == 3
    assert tokens_of(events)[0].text


@pytest.mark.parametrize("max_tokens", [1, 7])
async def test_an_answer_has_as_many_tokens_as_asked_for(
    process: ModelProcess, max_tokens: int
) -> None:
    events = await answer(process, a_request(PROSE, max_tokens=max_tokens))
    assert len(tokens_of(events)) == max_tokens
    assert events[-1] == GenerationEnd("max_tokens")


async def test_a_time_limit_ends_an_answer(process: ModelProcess) -> None:
    request = a_request(PROSE, max_tokens=CONTEXT_TOKENS - 50, time_limit_seconds=0.2)
    events = await answer(process, request)
    assert events[-1] == GenerationEnd("time_limit")
    assert len(tokens_of(events)) < CONTEXT_TOKENS - 50


async def test_a_time_limit_ends_a_prefill_and_what_it_did_is_kept(process: ModelProcess) -> None:
    assert await answer(process, a_request(CODE, time_limit_seconds=0.000_001)) == [
        GenerationEnd("time_limit")
    ]
    long = CODE * 4
    for limit in (0.02, 0.05, 0.1, 0.2, 0.5):  # how long a batch takes depends on the machine
        before = process.evaluated.prompt
        events = await answer(process, a_request(long, time_limit_seconds=limit))
        assert events == [GenerationEnd("time_limit")]
        if process.evaluated.prompt > before:
            break
    kept = process.evaluated.prompt
    tokens, reused = await prompt_of(process, long, "a.py")
    assert 0 < reused < tokens - 1
    assert reused == kept


async def test_ranks_give_different_beginnings_from_likely_to_unlikely(
    process: ModelProcess,
) -> None:
    answers = [
        await answer(process, a_request(PROSE, max_tokens=1, first_token_rank=rank))
        for rank in range(5)
    ]
    first_tokens = [tokens_of(events)[0] for events in answers]
    assert len({token.text for token in first_tokens}) == 5
    probabilities = [token.log_probability for token in first_tokens]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(each <= 0 for each in probabilities)


async def test_a_known_text_is_as_likely_as_when_the_model_writes_it_itself(
    process: ModelProcess,
) -> None:
    request = a_request(CODE + "\nimport o", max_tokens=8)
    own = tokens_of(await answer(process, request))
    text = "".join(token.text for token in own)
    events = await answer(process, replace(request, known_text=text))
    assert events[-1] == GenerationEnd("end_of_text")
    again = tokens_of(events)
    assert "".join(token.text for token in again) == text
    ours, theirs = (sum(token.log_probability for token in each) for each in (again, own))
    assert ours == pytest.approx(theirs, abs=0.05)  # evaluated in larger batches
    other = tokens_of(await answer(process, replace(request, known_text="zelot = 17")))
    assert "".join(token.text for token in other) == "zelot = 17"
    assert sum(token.log_probability for token in other) < ours - 1


# ---- cancelling, ending ----


def test_a_cancel_during_a_long_prefill_stops_it_and_the_next_request_is_served(
    weights: Path,
) -> None:
    command = python_module_command("tabwright.model.process")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        wire = Wire(child.stdout, child.stdin)  # type: ignore[arg-type]  # they are buffered
        try:
            wire.send(msgspec.structs.replace(a_model(weights), request_id=1))
            wire.until(lambda message: isinstance(message, Loaded))
            long = Generate(
                2, "weights", "a.py", (Segment(CODE * 5),), False, 4, (), time_limit_seconds=0
            )
            wire.send(long)
            wire.until(lambda message: isinstance(message, Evaluated))
            wire.send(Cancel(2), msgspec.structs.replace(long, request_id=3))
            after_cancel = wire.until(lambda message: isinstance(message, Finished))
            cancelled = after_cancel[-1]
            assert isinstance(cancelled, Finished)
            assert (cancelled.request_id, cancelled.cause) == (2, "cancelled")
            assert cancelled.generated_tokens == 0
            done = sum(isinstance(message, Evaluated) for message in after_cancel)
            prefilled = wire.until(lambda message: isinstance(message, Prefilled))[-1]
            assert isinstance(prefilled, Prefilled)
            # It stopped within a batch or few (the cancel itself takes its time to arrive), and
            # the next request went on from there.
            assert 0 < prefilled.reused_tokens < prefilled.prompt_tokens / 2
            assert prefilled.reused_tokens <= 32 * (done + 2)
            assert prefilled.reused_tokens == cancelled.prompt_evaluated_tokens
            ended = wire.until(lambda message: isinstance(message, Finished))[-1]
            assert isinstance(ended, Finished) and ended.cause == "max_tokens"
        finally:
            child.kill()


async def test_a_killed_process_fails_the_stream_and_the_next_one_answers_alike(
    process: ModelProcess, weights: Path
) -> None:
    whole = await answer(process, a_request(PROSE, max_tokens=20))
    seen: list[GenerationEvent] = []
    killed = process.process_id
    assert killed is not None
    with pytest.raises(ModelCrashed):
        async for event in process.generate("weights", a_request(PROSE, max_tokens=500)):
            seen.append(event)
            if len(seen) == 5:
                psutil.Process(killed).kill()
    with pytest.raises(ModelNotLoaded):
        await answer(process, a_request(PROSE))
    assert process.process_id not in {None, killed}
    await process.load(a_model(weights))
    assert text_of(await answer(process, a_request(PROSE, max_tokens=20))) == text_of(whole)


@pytest.mark.parametrize("is_idle", [True, False], ids=["idle", "unloaded"])
async def test_unloading_frees_the_memory_and_the_model_can_be_loaded_again(
    weights: Path, is_idle: bool
) -> None:
    unloaded = asyncio.Event()
    process = ModelProcess(on_unloaded=lambda _model_key: unloaded.set())
    model = msgspec.structs.replace(a_model(weights), idle_unload_seconds=0.5 if is_idle else 0.0)
    try:
        await process.load(model)
        await answer(process, a_request(PROSE))
        assert process.process_id is not None
        child = psutil.Process(process.process_id)
        held = child.memory_info().rss
        if not is_idle:
            assert not unloaded.is_set()
            await process.unload("weights")
        await asyncio.wait_for(unloaded.wait(), LONG)
        assert child.memory_info().rss < held - size_of(weights) * 0.8
        with pytest.raises(ModelNotLoaded):
            await answer(process, a_request(PROSE))
        await process.load(model)
        assert text_of(await answer(process, a_request(PROSE)))
    finally:
        await process.stop()


async def test_a_model_in_use_is_not_idle(weights: Path) -> None:
    process = ModelProcess()
    try:
        await process.load(msgspec.structs.replace(a_model(weights), idle_unload_seconds=0.5))
        request = a_request(PROSE, max_tokens=900, time_limit_seconds=1.0)
        assert (await answer(process, request))[-1] == GenerationEnd("time_limit")
        assert text_of(await answer(process, a_request(PROSE)))
    finally:
        await process.stop()


@pytest.mark.skipif(os.name == "nt", reason="the server ends itself with a signal")
def test_the_process_ends_with_its_server_in_the_middle_of_an_answer(weights: Path) -> None:
    server = f"""if True:
        import asyncio, os, signal
        from tabwright.model.client import *
        from tabwright.model.messages import *

        async def serve():
            process = ModelProcess()
            model = LoadModel(0, "weights", {str(weights)!r}, "", 1024, 2, 1, 0, (), 0.0)
            await process.load(model)
            request = GenerationRequest("a.py", (Segment({PROSE!r}),), max_tokens=900)
            async for event in process.generate("weights", request):
                if isinstance(event, GeneratedToken):
                    print(process.process_id, flush=True)
                    os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(serve())
    """
    ran = subprocess.run(
        [sys.executable, "-c", server], stdout=subprocess.PIPE, timeout=LONG, check=False
    )
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(ran.stdout)).wait(5.0)
