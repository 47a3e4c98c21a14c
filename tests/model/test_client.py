"""The client against a scripted process: every way in which a process can answer or fail to."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tabwright.errors import (
    ModelCrashed,
    ModelError,
    ModelGaveUp,
    ModelHung,
    ModelLoadFailed,
    ModelNotLoaded,
    PromptTooLong,
)
from tabwright.model import client
from tabwright.model.client import (
    GeneratedToken,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    ModelProcess,
    ProcessPolicy,
    ProcessState,
    PromptEvaluated,
)
from tabwright.model.messages import Guess, LoadModel, Segment

SCRIPT = str(Path(__file__).with_name("scripted_process.py"))
KEY = "weights"
LONG = 20.0
"""Seconds that nothing here comes near unless it hangs."""

pytestmark = pytest.mark.timeout(60)

MakeProcess = Callable[..., ModelProcess]


@pytest.fixture
async def make_process() -> AsyncIterator[MakeProcess]:
    """Make clients; at the end each is stopped and must leave no process behind."""
    asyncio.get_running_loop().set_debug(True)
    asyncio.get_running_loop().slow_callback_duration = LONG
    made: list[ModelProcess] = []

    def make(
        start: str = "normally",
        *,
        hang_seconds: float = LONG,
        delays: tuple[float, ...] = (0.0, 0.0, 0.0),
        command: tuple[str, ...] = (),
        **callbacks: Any,
    ) -> ModelProcess:
        policy = ProcessPolicy(
            hang_seconds=hang_seconds,
            restart_delays_seconds=delays,
            command=command or (sys.executable, SCRIPT, start),
        )
        made.append(ModelProcess(policy, **callbacks))
        return made[-1]

    yield make
    for process in made:
        await process.stop()
    assert psutil.Process().children() == []


@pytest.fixture(autouse=True)
def check_asyncio_has_no_complaint(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    gc.collect()
    complaints = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name == "asyncio"
        and record.levelno >= logging.WARNING
        # What asyncio says, in debug mode only, when it cleans up after a cancelled start.
        and not record.getMessage().startswith("Close running child process: kill")
    ]
    assert complaints == []


def a_request(document: str, *texts: str) -> GenerationRequest:
    return GenerationRequest(document, tuple(Segment(text) for text in texts), max_tokens=8)


def a_model(weights_path: str = "good.gguf") -> LoadModel:
    return LoadModel(0, KEY, weights_path, "", 2048, 1, 1, 0, (), 0.0)


async def answer(process: ModelProcess, document: str, *texts: str) -> list[GenerationEvent]:
    return [event async for event in process.generate(KEY, a_request(document, *texts))]


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, GeneratedToken))


async def has_begun(process: ModelProcess, document: str) -> asyncio.Task[list[GenerationEvent]]:
    """Start a request and return it when its first token is there."""
    first = asyncio.Event()

    async def run() -> list[GenerationEvent]:
        events = []
        async with contextlib.aclosing(process.generate(KEY, a_request(document))) as stream:
            async for event in stream:
                events.append(event)
                first.set()
        return events

    task = asyncio.create_task(run())
    await asyncio.wait_for(first.wait(), LONG)
    return task


async def received(process: ModelProcess) -> list[str]:
    return list((await process.describe()).devices)


def is_alive(process_id: int | None) -> bool:
    return process_id is not None and psutil.pid_exists(process_id)


async def until(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - the conditions are those of other processes
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), LONG)


# ---- answers ----


async def test_loading_reports_progress_and_then_the_model(make_process: MakeProcess) -> None:
    progress: list[float] = []
    loaded = await make_process().load(a_model(), progress.append)
    assert progress == [0.25, 0.5, 1.0]
    assert (loaded.model_key, loaded.context_tokens) == (KEY, 2048)


async def test_a_refused_file_is_one_sentence_and_the_process_lives(
    make_process: MakeProcess,
) -> None:
    process = make_process()
    with pytest.raises(ModelLoadFailed, match=r"llama\.cpp cannot load bad\.gguf"):
        await process.load(a_model("bad.gguf"))
    process_id = process.process_id
    await process.load(a_model())
    assert process.process_id == process_id


async def test_a_stream_is_the_prompt_then_the_tokens_in_order_then_the_end(
    make_process: MakeProcess,
) -> None:
    events = await answer(make_process(), "words")
    assert events == [
        PromptEvaluated(3, 2, 1, 0.0, 0.1),
        GeneratedToken("one", -0.5),
        GeneratedToken(" two", -0.5),
        GeneratedToken(" three", -0.5),
        GenerationEnd("end_of_text"),
    ]


async def test_any_text_reaches_the_process_and_comes_back(make_process: MakeProcess) -> None:
    texts = ("🦜\0\r\n", "x" * 300_000, "half \ud83d a pair")
    events = await answer(make_process(), "echo", *texts)
    assert text_of(events) == "".join(texts).replace("\ud83d", "?")


async def test_a_request_that_cannot_be_served_leaves_the_process_alone(
    make_process: MakeProcess,
) -> None:
    process = make_process()
    with pytest.raises(PromptTooLong, match="The model cannot answer: 9 tokens do not fit"):
        await answer(process, "too-long")
    assert text_of(await answer(process, "words")) == "one two three"
    assert await received(process) == ["Generate too-long", "Generate words", "Describe"]


async def test_concurrent_requests_each_get_their_own_answer(make_process: MakeProcess) -> None:
    process = make_process()
    texts = [f"text {number}" for number in range(20)]
    answers = await asyncio.gather(*(answer(process, "echo", text) for text in texts))
    assert [text_of(events) for events in answers] == texts


async def test_a_generator_asks_its_own_model(make_process: MakeProcess) -> None:
    generator = make_process().generator_for(KEY)
    events = [event async for event in generator.generate(a_request("echo", "hello"))]
    assert text_of(events) == "hello"


async def test_unloading_is_reported(make_process: MakeProcess) -> None:
    unloaded: list[str] = []
    process = make_process(on_unloaded=unloaded.append)
    await process.unload(KEY)  # nothing runs yet, so there is nothing to free
    await process.load(a_model())
    await process.unload(KEY)
    await until(lambda: unloaded == [KEY])


async def test_measuring_tells_how_fast_the_model_reads_and_writes(
    make_process: MakeProcess,
) -> None:
    measured = await make_process().measure(KEY)
    assert (measured.read_tokens_per_second, measured.write_tokens_per_second) == (400.0, 60.0)


async def test_measuring_a_model_that_is_not_loaded_says_so(make_process: MakeProcess) -> None:
    with pytest.raises(ModelNotLoaded):
        await make_process("cannot-measure").measure(KEY)


async def test_what_was_evaluated_is_added_up_also_for_streams_that_were_left(
    make_process: MakeProcess,
) -> None:
    process = make_process()
    await answer(process, "words")
    async with contextlib.aclosing(process.generate(KEY, a_request("words"))) as events:
        await anext(events)
    await process.describe()
    assert (process.evaluated.prompt, process.evaluated.total) == (2, 10)


async def test_the_bounds_of_a_request_reach_the_process(make_process: MakeProcess) -> None:
    process = make_process()
    request = GenerationRequest("ahead.py", (Segment("x"),), 8, is_background=True)
    async for _ in process.generate(KEY, request):
        pass
    assert await received(process) == ["Ahead ahead.py", "Describe"]


# ---- cancelling ----


async def test_leaving_a_stream_early_cancels_it(make_process: MakeProcess) -> None:
    process = make_process()
    async with contextlib.aclosing(process.generate(KEY, a_request("endless"))) as events:
        async for event in events:
            if isinstance(event, GeneratedToken):
                break
    assert await received(process) == ["Generate endless", "Cancel", "Describe"]


async def test_a_stream_that_is_dropped_without_closing_is_cancelled_too(
    make_process: MakeProcess,
) -> None:
    process = make_process()
    async for event in process.generate(KEY, a_request("endless")):
        if isinstance(event, GeneratedToken):
            break
    gc.collect()
    assert "Cancel" in await received(process)  # else this would wait for the endless stream


async def test_cancelling_the_task_cancels_the_generation(make_process: MakeProcess) -> None:
    process = make_process()
    task = await has_begun(process, "endless")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await received(process) == ["Generate endless", "Cancel", "Describe"]


async def test_a_cancellation_that_comes_together_with_an_answer_is_not_lost(
    make_process: MakeProcess,
) -> None:
    process = make_process()
    stream = process.generate(KEY, a_request("endless"))
    await anext(stream)
    pending: Any = process._pending[1]
    put_answer = pending.put

    async def take_until_cancelled() -> None:
        async for _ in stream:
            pass

    task = asyncio.create_task(take_until_cancelled())

    def put_and_cancel(event: Any) -> None:
        put_answer(event)
        task.cancel()

    pending.put = put_and_cancel
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, LONG)
    assert "Cancel" in await received(process)


async def test_a_finished_stream_is_not_cancelled(make_process: MakeProcess) -> None:
    process = make_process()
    await answer(process, "words")
    with pytest.raises(ModelError):
        await answer(process, "too-long")
    assert "Cancel" not in await received(process)


async def test_what_still_comes_after_a_cancel_disturbs_nobody(make_process: MakeProcess) -> None:
    process = make_process()
    task = await has_begun(process, "ignores-cancel")
    task.cancel()
    assert text_of(await answer(process, "echo", "the next")) == "the next"


async def test_a_request_taken_back_while_the_process_starts_does_not_end_the_start(
    make_process: MakeProcess,
) -> None:
    states: list[ProcessState] = []
    process = make_process("is-slow", on_state=states.append)
    for _ in range(3):  # as happens at every key press
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(answer(process, "words"), 0.05)
    assert text_of(await answer(process, "words")) == "one two three"
    assert states == [ProcessState.STARTING, ProcessState.RUNNING]
    assert await received(process) == ["Generate words", "Describe"]


async def test_a_failed_start_that_nobody_waits_for_any_more_is_no_unhandled_error(
    make_process: MakeProcess,
) -> None:
    process = make_process("exits")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(answer(process, "words"), 0.01)
    await until(lambda: process.state is ProcessState.WAITING_TO_RESTART)
    with pytest.raises(ModelCrashed):
        await answer(process, "words")  # the failure before it is now forgotten, and looked at
    gc.collect()


# ---- crashes ----


async def test_a_crash_fails_every_request_that_waits(make_process: MakeProcess) -> None:
    process = make_process()
    results = await asyncio.gather(
        answer(process, "is-killed"),
        answer(process, "words"),
        answer(process, "words"),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [ModelCrashed] * 3
    assert "signal 9" in str(results[0])


async def test_the_tokens_before_a_crash_still_arrive(make_process: MakeProcess) -> None:
    events = []
    with pytest.raises(ModelCrashed):
        async for event in make_process().generate(KEY, a_request("is-killed")):
            events.append(event)
    assert text_of(events) == "one"


@pytest.mark.parametrize("crash", ["is-killed", "exits", "garbage"])
async def test_the_request_after_a_crash_starts_the_process_again(
    make_process: MakeProcess, crash: str
) -> None:
    process = make_process()
    with pytest.raises(ModelCrashed):
        await answer(process, crash)
    assert process.process_id is None
    assert text_of(await answer(process, "words")) == "one two three"


async def test_an_exit_status_is_named(make_process: MakeProcess) -> None:
    with pytest.raises(ModelCrashed, match="exit status 3"):
        await answer(make_process(), "exits")


async def test_a_crash_between_requests_is_noticed_and_repaired(make_process: MakeProcess) -> None:
    process = make_process()
    await process.describe()
    assert process.process_id is not None
    psutil.Process(process.process_id).kill()
    await until(lambda: process.state is ProcessState.WAITING_TO_RESTART)
    assert text_of(await answer(process, "words")) == "one two three"


async def test_the_states_of_a_crash_and_a_restart_come_in_order(make_process: MakeProcess) -> None:
    states: list[ProcessState] = []
    process = make_process(on_state=states.append)
    with pytest.raises(ModelCrashed):
        await answer(process, "is-killed")
    await answer(process, "words")
    await process.stop()
    assert states == [
        ProcessState.STARTING,
        ProcessState.RUNNING,
        ProcessState.WAITING_TO_RESTART,
        ProcessState.STARTING,
        ProcessState.RUNNING,
        ProcessState.STOPPED,
    ]


async def test_restarts_wait_as_long_as_the_policy_says(make_process: MakeProcess) -> None:
    process = make_process(delays=(0.0, 0.4))
    loop = asyncio.get_running_loop()
    for _ in range(2):
        with pytest.raises(ModelCrashed):
            await answer(process, "is-killed")
    crashed = loop.time()
    await answer(process, "words")
    assert loop.time() - crashed >= 0.35


async def test_after_the_last_delay_the_client_gives_up_until_it_is_restarted(
    make_process: MakeProcess,
) -> None:
    process = make_process(delays=(0.0, 0.0))
    for _ in range(3):
        with pytest.raises(ModelCrashed):
            await answer(process, "is-killed")
    assert process.state == ProcessState.GAVE_UP
    with pytest.raises(ModelGaveUp, match="crashed 3 times in a row"):
        await answer(process, "words")
    assert process.process_id is None
    await process.restart()
    assert text_of(await answer(process, "words")) == "one two three"
    with pytest.raises(ModelCrashed):  # the crashes before the restart are forgotten
        await answer(process, "is-killed")
    assert text_of(await answer(process, "words")) == "one two three"


async def test_crashes_with_healthy_times_between_them_are_not_in_a_row(
    make_process: MakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_HEALTHY_AFTER_SECONDS", 0.0)
    process = make_process(delays=(0.0,))
    for _ in range(4):
        await answer(process, "words")
        with pytest.raises(ModelCrashed):
            await answer(process, "is-killed")
    assert process.state == ProcessState.WAITING_TO_RESTART


# ---- starts that fail ----


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("exits", "the library is missing"),
        ("sends-garbage", "it said nothing"),
        ("other-version", "it speaks protocol"),
    ],
)
async def test_a_start_that_fails_says_why(
    make_process: MakeProcess, start: str, reason: str
) -> None:
    process = make_process(start)
    with pytest.raises(
        ModelCrashed, match=rf"does not start \({reason}.*\); run `tabwright doctor"
    ):
        await process.load(a_model())
    assert process.process_id is None
    assert psutil.Process().children() == []


async def test_a_start_without_a_word_is_given_up(
    make_process: MakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_START_SECONDS", 0.3)
    with pytest.raises(ModelCrashed, match="it was silent for"):
        await make_process("is-silent").load(a_model())
    assert psutil.Process().children() == []


@pytest.mark.parametrize("command", [(), ("/nowhere/python",)], ids=["exits", "no such command"])
async def test_starts_that_fail_in_a_row_are_given_up(
    make_process: MakeProcess, command: tuple[str, ...]
) -> None:
    process = make_process("exits", delays=(0.0, 0.0), command=command)
    for _ in range(3):
        with pytest.raises(ModelCrashed):
            await answer(process, "words")
    assert process.state == ProcessState.GAVE_UP
    with pytest.raises(ModelGaveUp):
        await answer(process, "words")


async def test_a_command_that_does_not_exist_is_a_sentence(make_process: MakeProcess) -> None:
    process = make_process(command=("/nowhere/python",))
    with pytest.raises(ModelError, match=r"^The model process cannot be started: .*\.$"):
        await process.describe()


async def test_all_requests_that_wait_for_a_start_share_its_failure(
    make_process: MakeProcess,
) -> None:
    process = make_process("exits", delays=(LONG,))
    results = await asyncio.gather(
        *(answer(process, "words") for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results] == [ModelCrashed] * 5
    assert process.state == ProcessState.WAITING_TO_RESTART


async def test_noise_on_stderr_blocks_nothing(make_process: MakeProcess) -> None:
    process = make_process("is-noisy")
    assert text_of(await answer(process, "noise")) == "one two three"


# ---- hangs ----


async def test_a_silent_process_is_ended_and_the_next_request_starts_another(
    make_process: MakeProcess,
) -> None:
    process = make_process(hang_seconds=0.6)
    task = asyncio.create_task(answer(process, "silent"))
    await until(lambda: process.process_id is not None)
    process_id = process.process_id
    with pytest.raises(ModelHung, match="starts again with the next request"):
        await task
    assert not is_alive(process_id)
    assert text_of(await answer(process, "words")) == "one two three"


async def test_a_hang_fails_every_request_that_waits(make_process: MakeProcess) -> None:
    process = make_process(hang_seconds=0.3)
    results = await asyncio.gather(
        answer(process, "silent"), answer(process, "words"), return_exceptions=True
    )
    assert [type(result) for result in results] == [ModelHung, ModelHung]


async def test_hangs_count_as_crashes(make_process: MakeProcess) -> None:
    process = make_process(hang_seconds=0.2, delays=(0.0,))
    for _ in range(2):
        with pytest.raises(ModelHung):
            await answer(process, "silent")
    with pytest.raises(ModelGaveUp):
        await answer(process, "words")


async def test_a_long_prefill_that_shows_life_is_no_hang(make_process: MakeProcess) -> None:
    process = make_process(hang_seconds=0.8)
    assert text_of(await answer(process, "long-prefill")) == "one two three"


async def test_a_request_that_waits_behind_a_long_one_is_no_hang(make_process: MakeProcess) -> None:
    process = make_process(hang_seconds=0.8)
    slow, fast = await asyncio.gather(answer(process, "long-prefill"), answer(process, "words"))
    assert text_of(slow) == text_of(fast) == "one two three"


async def test_a_request_behind_a_silent_load_is_no_hang_even_if_the_load_is_taken_back(
    make_process: MakeProcess,
) -> None:
    process = make_process(hang_seconds=0.6)
    await process.describe()
    loading = asyncio.create_task(process.load(a_model("silent-for-a-second.gguf")))
    await asyncio.sleep(0.05)
    loading.cancel()
    assert text_of(await answer(process, "words")) == "one two three"


async def test_a_generation_that_ignores_its_cancel_and_falls_silent_is_a_hang(
    make_process: MakeProcess,
) -> None:
    process = make_process(hang_seconds=0.6)
    await process.describe()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(answer(process, "silent"), 0.2)
    with pytest.raises(ModelHung):
        await answer(process, "words")


async def test_measuring_a_slow_model_is_no_hang(make_process: MakeProcess) -> None:
    process = make_process("measures-slowly", hang_seconds=0.6)
    assert (await process.measure(KEY)).read_tokens_per_second == 400.0


async def test_a_silent_load_that_goes_before_work_ahead_is_no_hang(
    make_process: MakeProcess,
) -> None:
    process = make_process(hang_seconds=0.6)
    ahead = GenerationRequest("words", (Segment("x"),), 8, is_background=True)

    async def work_ahead() -> list[GenerationEvent]:
        return [event async for event in process.generate(KEY, ahead)]

    # Loaded at once, so that the work ahead was sent before the load that goes before it.
    await process.describe()
    events, _ = await asyncio.gather(
        work_ahead(), process.load(a_model("silent-for-a-second.gguf"))
    )
    assert isinstance(events[-1], GenerationEnd)


async def test_idle_time_before_a_request_is_not_silence(make_process: MakeProcess) -> None:
    process = make_process(hang_seconds=0.6)
    await answer(process, "words")
    await asyncio.sleep(0.8)
    assert text_of(await answer(process, "words")) == "one two three"


# ---- ending ----


async def test_stopping_ends_the_process_and_fails_what_waits(make_process: MakeProcess) -> None:
    process = make_process()
    task = await has_begun(process, "endless")
    process_id = process.process_id
    assert is_alive(process_id)
    await process.stop()
    with pytest.raises(ModelCrashed, match="was stopped"):
        await task
    assert not is_alive(process_id)  # a zombie would still have its id
    assert process.process_id is None
    assert process.state == ProcessState.STOPPED


async def test_stopping_is_no_crash(
    make_process: MakeProcess, caplog: pytest.LogCaptureFixture
) -> None:
    process = make_process(delays=())
    for _ in range(3):
        assert text_of(await answer(process, "words")) == "one two three"
        await process.stop()
    assert [each for each in caplog.records if each.name.startswith("tabwright")] == []


async def test_stopping_twice_or_before_a_start_is_fine(make_process: MakeProcess) -> None:
    process = make_process()
    await process.stop()
    await process.describe()
    await asyncio.gather(process.stop(), process.stop())
    assert process.state == ProcessState.STOPPED


async def test_stopping_a_process_that_does_not_listen_ends_it(
    make_process: MakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_END_SECONDS", 0.3)
    process = make_process()
    await process.describe()
    assert process.process_id is not None
    child = psutil.Process(process.process_id)
    child.suspend()
    await process.stop()
    assert not child.is_running()


@pytest.mark.parametrize("seconds", [0.0, 0.2], ids=["at once", "when it runs"])
async def test_stopping_during_a_start_leaves_no_process(
    make_process: MakeProcess, seconds: float
) -> None:
    process = make_process("is-silent")
    task = asyncio.create_task(answer(process, "words"))
    await until(lambda: psutil.Process().children() != [])
    await asyncio.sleep(seconds)
    await process.stop()
    with pytest.raises(ModelCrashed, match="was stopped"):
        await task
    assert psutil.Process().children() == []
    assert process.state == ProcessState.STOPPED


async def test_stopping_while_waiting_to_restart_starts_nothing(make_process: MakeProcess) -> None:
    process = make_process(delays=(LONG,))
    with pytest.raises(ModelCrashed):
        await answer(process, "is-killed")
    task = asyncio.create_task(answer(process, "words"))
    await asyncio.sleep(0.05)
    assert not task.done()
    await process.stop()
    with pytest.raises(ModelCrashed, match="was stopped"):
        await task
    assert process.process_id is None


async def test_a_restart_does_not_wait_for_the_delay(make_process: MakeProcess) -> None:
    process = make_process(delays=(10 * LONG,))
    with pytest.raises(ModelCrashed):
        await answer(process, "is-killed")
    await process.restart()
    assert text_of(await answer(process, "words")) == "one two three"


async def test_a_request_during_a_restart_is_served_by_the_new_process(
    make_process: MakeProcess,
) -> None:
    process = make_process()
    await process.describe()
    old = process.process_id
    restart = asyncio.create_task(process.restart())
    await asyncio.sleep(0)
    assert text_of(await answer(process, "words")) == "one two three"
    await restart
    assert process.state == ProcessState.RUNNING
    assert process.process_id not in {None, old}


@pytest.mark.parametrize("ending", ["return", "loop.stop()", "os._exit(0)"])
def test_the_process_ends_with_a_server_that_never_stopped_it(ending: str) -> None:
    server = textwrap.dedent(
        f"""
        import asyncio, os
        from tabwright.model.client import *

        loop = asyncio.new_event_loop()

        async def serve():
            policy = ProcessPolicy(command={(sys.executable, SCRIPT, "normally")!r})
            process = ModelProcess(policy)
            await process.describe()
            print(process.process_id, flush=True)
            {ending}

        if {ending!r} == "return":
            asyncio.run(serve())
        else:
            task = loop.create_task(serve())
            loop.run_until_complete(asyncio.wait([task])) if {ending!r} != "loop.stop()" else None
            loop.run_forever()
            loop.close()
        """
    )
    ran = subprocess.run(
        [sys.executable, "-c", server], capture_output=True, text=True, timeout=LONG, check=True
    )
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(ran.stdout)).wait(LONG)


# ---- guesses ----


async def test_guesses_are_sent_with_a_request_and_behind_what_it_has_written(
    make_process: MakeProcess,
) -> None:
    asked: list[str] = []

    def guess(written: str) -> tuple[Guess, ...]:
        asked.append(written)
        return (Guess(f"<{written}>", 0.5),)

    process = make_process()
    await process.load(a_model())
    request = replace(a_request("guesses"), guesses_behind=guess)
    events = [event async for event in process.generate(KEY, request)]
    assert asked == ["", "<>"]
    assert text_of(events) == "<><<>>"


async def test_where_guessing_fails_the_process_does_not_wait_in_vain(
    make_process: MakeProcess,
) -> None:
    def fail(_written: str) -> tuple[Guess, ...]:
        raise ZeroDivisionError

    process = make_process()
    await process.load(a_model())
    request = replace(a_request("guesses"), guesses_behind=fail)
    with pytest.raises(ZeroDivisionError):
        [event async for event in process.generate(KEY, request)]
    assert text_of(await answer(process, "plain")) == "one two three"
