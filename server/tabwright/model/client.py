"""The server's side of the model process: start it, ask it, cancel, watch it, start it again."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import enum
import itertools
import logging
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import msgspec

from tabwright.errors import ModelCrashed, ModelError, ModelGaveUp, ModelHung, ModelLoadFailed
from tabwright.model.messages import (
    PROTOCOL_VERSION,
    Cancel,
    Describe,
    Description,
    Evaluated,
    Failed,
    Finished,
    FromProcess,
    Generate,
    Loaded,
    LoadModel,
    LoadProgress,
    Piece,
    Prefilled,
    Segment,
    ToProcess,
    Unloaded,
    UnloadModel,
    Welcome,
    decode_from_process,
    encode,
    frame_length,
)

logger = logging.getLogger(__name__)

_START_SECONDS = 60.0
_LOAD_SILENCE_SECONDS = 300.0
"""Loading reports progress while it reads; building a large context on a slow disk does not."""
_END_SECONDS = 3.0
_HEALTHY_AFTER_SECONDS = 60.0


# ---- what the completion layer sees ----


@dataclass(frozen=True)
class GenerationRequest:
    """A prompt and the bounds of its answer."""

    document: str
    segments: tuple[Segment, ...]
    max_tokens: int
    add_bos: bool = False
    stop_strings: tuple[str, ...] = ()
    time_limit_seconds: float = 0.0
    first_token_rank: int = 0


@dataclass(frozen=True)
class PromptEvaluated:
    """The first event of a stream: the model has read the prompt."""

    prompt_tokens: int
    reused_tokens: int
    queued_seconds: float
    prefill_seconds: float


@dataclass(frozen=True)
class GeneratedToken:
    """One token; `text` is empty while a character is incomplete."""

    text: str
    log_probability: float


@dataclass(frozen=True)
class GenerationEnd:
    """The last event of a stream that was not left early."""

    cause: Literal["end_of_text", "max_tokens", "time_limit", "cancelled"]


GenerationEvent: TypeAlias = PromptEvaluated | GeneratedToken | GenerationEnd


class TextGenerator(Protocol):
    """Whatever can continue a prompt: the model process, or a script in tests."""

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Stream the continuation. Closing the iterator cancels the generation.

        Raises:
            ModelError: the generation cannot be started or was cut off.
        """
        ...


# ---- the process ----


class ProcessState(enum.Enum):
    """What the model process is doing, for status displays."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    WAITING_TO_RESTART = "waiting to restart"
    GAVE_UP = "gave up"


@dataclass(frozen=True)
class ProcessPolicy:
    """When to lose patience with the process."""

    hang_seconds: float = 30.0
    """Silence during a request after which the process is taken for hung and ended."""
    restart_delays_seconds: tuple[float, ...] = (0.0, 1.0, 5.0)
    """Wait before each start after consecutive crashes; after the last the client gives up."""
    command: tuple[str, ...] = ()
    """The command line of the process; empty for `python -P -m tabwright.model.process`."""


@dataclass(eq=False)
class _Pending:
    """A request that waits for answers."""

    queue: asyncio.Queue[FromProcess | ModelError] = field(default_factory=asyncio.Queue)


@dataclass(eq=False)
class _Running:
    """One life of the process and the tasks that read from it."""

    process: asyncio.subprocess.Process
    started: float
    reader: asyncio.Task[None] | None = None
    error_reader: asyncio.Task[None] | None = None
    last_words: collections.deque[str] = field(default_factory=lambda: collections.deque(maxlen=20))
    ended_because: ModelError | None = None


class ModelProcess:
    """The model process and everything that waits for it.

    All methods run on one event loop. Several requests may be under way; the process serves them
    in order.
    """

    def __init__(
        self,
        policy: ProcessPolicy | None = None,
        on_state: Callable[[ProcessState], None] = lambda _state: None,
        on_unloaded: Callable[[str], None] = lambda _model_key: None,
    ) -> None:
        self._policy = policy or ProcessPolicy()
        self._on_state = on_state
        self._on_unloaded = on_unloaded
        self._state = ProcessState.STOPPED
        self._running: _Running | None = None
        self._pending: dict[int, _Pending] = {}
        self._ids = itertools.count(1)
        self._start_lock = asyncio.Lock()
        self._crashes = 0
        self._may_start_at = 0.0

    @property
    def state(self) -> ProcessState:
        """What the process is doing."""
        return self._state

    @property
    def process_id(self) -> int | None:
        """The process id while it runs."""
        return self._running.process.pid if self._running else None

    async def load(
        self, model: LoadModel, on_progress: Callable[[float], None] = lambda _fraction: None
    ) -> Loaded:
        """Make a model ready; at once when it is. `request_id` is filled in here.

        Raises:
            ModelLoadFailed: llama.cpp refuses the file.
            ModelCrashed: the process ended meanwhile.
            ModelHung: the process fell silent.
            ModelGaveUp: it crashed too often in a row.
        """
        request_id = next(self._ids)
        message = msgspec.structs.replace(model, request_id=request_id)
        async with contextlib.aclosing(self._ask(message, request_id)) as answers:
            async for answer in answers:
                match answer:
                    case LoadProgress(fraction=fraction):
                        on_progress(fraction)
                    case Loaded():
                        return answer
                    case Failed(message=reason):
                        raise ModelLoadFailed(reason)
                    case _:
                        pass
        raise ModelCrashed("The model process closed its answer without a result.")

    async def describe(self) -> Description:
        """Return what this build of llama.cpp can do.

        Raises:
            ModelError: the process cannot be started or ended.
        """
        request_id = next(self._ids)
        async with contextlib.aclosing(self._ask(Describe(request_id), request_id)) as answers:
            async for answer in answers:
                if isinstance(answer, Description):
                    return answer
        raise ModelCrashed("The model process closed its answer without a result.")

    def generator_for(self, model_key: str) -> TextGenerator:
        """Return a generator that asks this loaded model."""
        return _ModelGenerator(self, model_key)

    async def generate(
        self, model_key: str, request: GenerationRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Stream a continuation; see `TextGenerator.generate`."""
        request_id = next(self._ids)
        message = Generate(
            request_id=request_id,
            model_key=model_key,
            document=request.document,
            segments=request.segments,
            add_bos=request.add_bos,
            max_tokens=request.max_tokens,
            stop_strings=request.stop_strings,
            time_limit_seconds=request.time_limit_seconds,
            first_token_rank=request.first_token_rank,
        )
        async with contextlib.aclosing(self._ask(message, request_id)) as answers:
            async for answer in answers:
                match answer:
                    case Piece():
                        yield GeneratedToken(answer.text, answer.log_probability)
                    case Prefilled():
                        yield PromptEvaluated(
                            prompt_tokens=answer.prompt_tokens,
                            reused_tokens=answer.reused_tokens,
                            queued_seconds=answer.queued_seconds,
                            prefill_seconds=answer.prefill_seconds,
                        )
                    case Finished():
                        yield GenerationEnd(answer.cause)
                        return
                    case Failed():
                        raise ModelError(f"The model cannot answer: {answer.message}.")
                    case _:
                        pass

    async def unload(self, model_key: str) -> None:
        """Free a model's memory if the process runs at all."""
        if self._running is not None:
            self._send(self._running, UnloadModel(model_key))

    async def restart(self) -> None:
        """End the process, forget its crashes, and let the next request start it again."""
        await self.stop()
        self._crashes = 0
        self._may_start_at = 0.0

    async def stop(self) -> None:
        """End the process; requests under way fail with `ModelCrashed`."""
        running = self._running
        if running is not None:
            running.ended_because = ModelCrashed("The model process was stopped.")
            if running.process.stdin is not None:
                running.process.stdin.close()
            await self._end(running)
        self._set_state(ProcessState.STOPPED)

    # -- one request --

    async def _ask(self, message: ToProcess, request_id: int) -> AsyncGenerator[FromProcess, None]:
        """Send a request and yield its answers, the last one included.

        Leaving early cancels it in the process. This is the only place that does.
        """
        running = await self._ensure_running()
        pending = self._pending[request_id] = _Pending()
        is_finished = False
        patience = (
            _LOAD_SILENCE_SECONDS if isinstance(message, LoadModel) else self._policy.hang_seconds
        )
        try:
            self._send(running, message)
            while not is_finished:
                try:
                    answer = await asyncio.wait_for(pending.queue.get(), patience)
                except asyncio.TimeoutError:
                    if self._is_waiting_behind_others(request_id):
                        continue
                    raise self._declare_hung(running, patience) from None
                if isinstance(answer, ModelError):
                    is_finished = True
                    raise answer
                is_finished = isinstance(answer, Loaded | Failed | Finished | Description)
                if isinstance(answer, Loaded | Finished):
                    self._note_health(running)
                yield answer
        finally:
            self._pending.pop(request_id, None)
            if not is_finished and running is self._running:
                self._send(running, Cancel(request_id))

    def _is_waiting_behind_others(self, request_id: int) -> bool:
        return request_id != min(self._pending, default=request_id)

    def _note_health(self, running: _Running) -> None:
        if time.monotonic() - running.started > _HEALTHY_AFTER_SECONDS:
            self._crashes = 0

    def _declare_hung(self, running: _Running, patience: float) -> ModelHung:
        error = ModelHung(
            f"The model process was silent for {patience:.0f} s and was ended;"
            " it starts again with the next request."
        )
        running.ended_because = error
        with contextlib.suppress(ProcessLookupError):
            running.process.kill()
        return error

    def _send(self, running: _Running, message: ToProcess) -> None:
        stdin = running.process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(encode(message))

    # -- the life of the process --

    async def _ensure_running(self) -> _Running:
        async with self._start_lock:
            if self._running is not None:
                return self._running
            if self._state is ProcessState.GAVE_UP:
                raise ModelGaveUp(
                    f"The model process crashed {self._crashes} times in a row and is not started"
                    " again by itself; use the command that restarts the model."
                )
            wait = self._may_start_at - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self._set_state(ProcessState.STARTING)
            try:
                self._running = await self._start()
            except BaseException:
                self._set_state(ProcessState.STOPPED)
                raise
            self._set_state(ProcessState.RUNNING)
            return self._running

    async def _start(self) -> _Running:
        command = self._policy.command or (sys.executable, "-P", "-m", "tabwright.model.process")
        if not self._policy.command and sys.version_info < (3, 11):
            # `-P` is new in Python 3.11; `-c` with a cleaned path does the same before it.
            command = (sys.executable, "-c", _SAFE_START)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(),
            )
        except OSError as refusal:
            raise ModelCrashed(f"The model process cannot be started: {refusal}.") from refusal
        running = _Running(process, time.monotonic())
        running.error_reader = asyncio.create_task(self._read_errors(running))
        try:
            welcome = await asyncio.wait_for(_read_message(process), _START_SECONDS)
        except asyncio.TimeoutError:
            welcome = None
        if not isinstance(welcome, Welcome) or welcome.protocol_version != PROTOCOL_VERSION:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await asyncio.wait([running.error_reader], timeout=_END_SECONDS)
            error = ModelCrashed(
                f"The model process does not start: {_last_words(running)}"
                " Run `tabwright doctor` to see why."
            )
            self._count_crash()
            raise error
        running.reader = asyncio.create_task(self._read(running))
        return running

    async def _read(self, running: _Running) -> None:
        """Hand every answer to the request it belongs to, until the process ends."""
        try:
            while (message := await _read_message(running.process)) is not None:
                match message:
                    case Unloaded(model_key=key):
                        self._on_unloaded(key)
                    case Welcome():
                        pass
                    case (
                        Description(request_id=request_id)
                        | LoadProgress(request_id=request_id)
                        | Loaded(request_id=request_id)
                        | Evaluated(request_id=request_id)
                        | Prefilled(request_id=request_id)
                        | Piece(request_id=request_id)
                        | Finished(request_id=request_id)
                        | Failed(request_id=request_id)
                    ):
                        pending = self._pending.get(request_id)
                        if pending is not None:
                            pending.queue.put_nowait(message)
        finally:
            await self._note_end(running)

    async def _read_errors(self, running: _Running) -> None:
        stderr = running.process.stderr
        assert stderr is not None, "stderr was asked for as a pipe"
        with contextlib.suppress(ValueError):  # a line beyond the stream's limit
            while line := await stderr.readline():
                text = line.decode("utf-8", "replace").rstrip()
                running.last_words.append(text)
                logger.debug("model process: %s", text)

    async def _note_end(self, running: _Running) -> None:
        with contextlib.suppress(ProcessLookupError):
            running.process.kill()
        code = await running.process.wait()
        if running.error_reader is not None:
            await asyncio.wait([running.error_reader], timeout=_END_SECONDS)
        if self._running is running:
            self._running = None
        was_wanted = isinstance(running.ended_because, ModelCrashed)
        error = running.ended_because or ModelCrashed(
            f"The model process ended unexpectedly ({_exit_reason(code)});"
            " it starts again with the next request."
        )
        if not was_wanted:
            logger.warning("%s", error)
            self._count_crash()
        for pending in list(self._pending.values()):
            pending.queue.put_nowait(error)

    def _count_crash(self) -> None:
        delays = self._policy.restart_delays_seconds
        self._crashes += 1
        if self._crashes > len(delays):
            self._set_state(ProcessState.GAVE_UP)
            return
        self._may_start_at = time.monotonic() + delays[self._crashes - 1]
        self._set_state(ProcessState.WAITING_TO_RESTART)

    async def _end(self, running: _Running) -> None:
        try:
            await asyncio.wait_for(running.process.wait(), _END_SECONDS)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                running.process.kill()
        if running.reader is not None:
            await asyncio.wait([running.reader], timeout=_END_SECONDS)

    def _set_state(self, state: ProcessState) -> None:
        if state is not self._state:
            self._state = state
            self._on_state(state)


@dataclass(frozen=True)
class _ModelGenerator:
    """A `TextGenerator` that asks one loaded model."""

    process: ModelProcess
    model_key: str

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        return self.process.generate(self.model_key, request)


_SAFE_START = (
    "import sys; sys.path[:] = [each for each in sys.path if each]; "
    "from tabwright.model.process import main; main()"
)


def _environment() -> dict[str, str]:
    """Return the child's environment.

    OpenMP threads spin while they wait, which starves whatever else the machine does; a short
    spin keeps the speed (`tests/benchmarks/threads.py` prints the comparison). The user's own
    settings win.
    """
    quiet = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1", "PYTHONUNBUFFERED": "1"}
    return {**quiet, **os.environ}


async def _read_message(process: asyncio.subprocess.Process) -> FromProcess | None:
    stdout = process.stdout
    assert stdout is not None, "stdout was asked for as a pipe"
    try:
        header = await stdout.readexactly(4)
        body = await stdout.readexactly(frame_length(header))
        return decode_from_process(body)
    except asyncio.IncompleteReadError:
        return None
    except (ValueError, msgspec.DecodeError) as error:
        logger.warning("The model process sent something unreadable: %s", error)
        return None


def _last_words(running: _Running) -> str:
    lines = [line for line in running.last_words if line.strip()]
    return f"{lines[-1]}." if lines else "it ended without a word."


def _exit_reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def model_key(parts: Sequence[object]) -> str:
    """Return the key of a combination of weights, adapter and options."""
    return "|".join(str(part) for part in parts)
