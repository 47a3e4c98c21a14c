"""The server's side of the model process: start it, ask it, cancel, watch it, start it again."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import enum
import itertools
import logging
import math
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import msgspec

from tabwright.errors import (
    ModelCrashed,
    ModelError,
    ModelGaveUp,
    ModelHung,
    ModelLoadFailed,
    ModelNotLoaded,
    PromptTooLong,
)
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
    Guess,
    Loaded,
    LoadModel,
    LoadProgress,
    Measure,
    Measured,
    MoreGuesses,
    Piece,
    Prefilled,
    Segment,
    ToProcess,
    Unloaded,
    UnloadModel,
    WantsGuesses,
    Welcome,
    decode_from_process,
    encode,
    frame_length,
)
from tabwright.model.safe_python import python_module_command

logger = logging.getLogger(__name__)

_START_SECONDS = 60.0
_LOAD_SILENCE_SECONDS = 300.0
"""Loading reports progress while it reads; building a large context on a slow disk does not, and
neither does measuring a large model on a slow processor."""
_END_SECONDS = 3.0
_HEALTHY_AFTER_SECONDS = 60.0
_READ_BYTES = 64 * 1024
_LONGEST_ERROR_LINE_BYTES = 1000


# ---- what the completion layer sees ----


StopAt: TypeAlias = Literal["", "line_end", "line_end_after_text"]


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
    stop_at: StopAt = ""
    log_probability_floor: float = -math.inf
    heals: bool = True
    """Whether a last word that may be cut off is completed from its start."""
    guesses_behind: Callable[[str], tuple[Guess, ...]] | None = field(default=None, compare=False)
    """Returns how the answer may go on behind what was written of it, from elsewhere than the
    model: that is mixed with what the model says. Asked for the empty text first, and again where
    none of the earlier guesses is left."""
    known_text: str = ""
    """If given, this text is streamed instead of an answer, to tell how likely it is."""
    is_background: bool = False
    """Work ahead: the stream ends as soon as anything else is asked."""


@dataclass(frozen=True)
class PromptEvaluated:
    """The first event of a stream: the model has read the prompt."""

    prompt_tokens: int
    reused_tokens: int
    evaluated_tokens: int
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

    cause: Literal["end_of_text", "line_end", "unsure", "max_tokens", "time_limit", "cancelled"]


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
    """The command line of the process; empty for `tabwright.model.process`."""


@dataclass
class EvaluatedTokens:
    """What the model has evaluated since the start, cancelled and background work included."""

    prompt: int = 0
    total: int = 0
    """Prompts, answers and drafts."""

    def note(self, finished: Finished) -> None:
        """Add a request that has come to its end."""
        self.prompt += finished.prompt_evaluated_tokens
        self.total += finished.evaluated_tokens


@dataclass(eq=False)
class _Pending:
    """A request that waits for answers."""

    answers: collections.deque[FromProcess | ModelError] = field(default_factory=collections.deque)
    something_happened: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, answer: FromProcess | ModelError) -> None:
        self.answers.append(answer)
        self.something_happened.set()


@dataclass(eq=False)
class _Running:
    """One life of the process and the tasks that read from it."""

    process: asyncio.subprocess.Process
    started: float
    last_heard: float
    reader: asyncio.Task[None] | None = None
    error_reader: asyncio.Task[None] | None = None
    last_words: collections.deque[str] = field(default_factory=lambda: collections.deque(maxlen=20))
    patience_by_request: dict[int, float] = field(default_factory=dict)
    """How long the process may be silent over each request it has not answered yet, in the order
    in which it serves them; those that nobody waits for any more are still among them."""
    patience_by_work_ahead: dict[int, float] = field(default_factory=dict)
    """The same for work ahead, which it serves after all of them."""
    is_ending: bool = False
    ended_because: ModelError | None = None

    def note_asked(self, message: ToProcess, request_id: int, hang_seconds: float) -> None:
        """A request was sent; silence counts from here if the process had nothing to do."""
        if not self.patience_by_request and not self.patience_by_work_ahead:
            self.last_heard = time.monotonic()
        is_slow = isinstance(message, LoadModel | Measure)
        is_ahead = isinstance(message, Generate) and message.is_background
        waiting = self.patience_by_work_ahead if is_ahead else self.patience_by_request
        waiting[request_id] = _LOAD_SILENCE_SECONDS if is_slow else hang_seconds

    def note_answered(self, request_id: int) -> None:
        """The last answer to a request has come."""
        self.patience_by_request.pop(request_id, None)
        self.patience_by_work_ahead.pop(request_id, None)

    def patience(self, otherwise: float) -> float:
        """Return how long the process may be silent over what it does now."""
        served_now = (*self.patience_by_request.values(), *self.patience_by_work_ahead.values())
        return next(iter(served_now), otherwise)


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
        self.policy = policy or ProcessPolicy()
        self.evaluated = EvaluatedTokens()
        self._on_state = on_state
        self._on_unloaded = on_unloaded
        self._state = ProcessState.STOPPED
        self._running: _Running | None = None
        self._pending: dict[int, _Pending] = {}
        self._ids = itertools.count(1)
        self._starting: asyncio.Task[_Running] | None = None
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
                        raise ModelLoadFailed(f"{reason}.")
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
        guesses_behind = request.guesses_behind

        def send_guesses(written: str) -> None:
            if guesses_behind is None:
                return
            guesses: tuple[Guess, ...] = ()
            try:
                guesses = guesses_behind(written)
            finally:  # the process waits for them
                if self._running is not None:
                    self._send(self._running, MoreGuesses(request_id, guesses))

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
            stop_at=request.stop_at,
            log_probability_floor=request.log_probability_floor,
            heals=request.heals,
            asks_for_guesses=guesses_behind is not None,
            known_text=request.known_text,
            is_background=request.is_background,
        )
        written = ""
        # The first guesses are made while the process reads the prompt.
        asked = self._ask(message, request_id, lambda: send_guesses(""))
        async with contextlib.aclosing(asked) as answers:
            async for answer in answers:
                match answer:
                    case Piece():
                        written += answer.text
                        yield GeneratedToken(answer.text, answer.log_probability)
                    case Prefilled():
                        yield PromptEvaluated(
                            prompt_tokens=answer.prompt_tokens,
                            reused_tokens=answer.reused_tokens,
                            evaluated_tokens=answer.evaluated_tokens,
                            queued_seconds=answer.queued_seconds,
                            prefill_seconds=answer.prefill_seconds,
                        )
                    case WantsGuesses():
                        send_guesses(written)
                    case Finished():
                        yield GenerationEnd(answer.cause)
                        return
                    case Failed():
                        raise _failure(answer)
                    case _:
                        pass

    async def measure(self, model_key: str) -> Measured:
        """Return how fast a loaded model is on this machine; takes about a second.

        Raises:
            ModelError: it is not loaded, or the process ended.
        """
        request_id = next(self._ids)
        message = Measure(request_id, model_key)
        async with contextlib.aclosing(self._ask(message, request_id)) as answers:
            async for answer in answers:
                match answer:
                    case Measured():
                        return answer
                    case Failed():
                        raise _failure(answer)
                    case _:
                        pass
        raise ModelCrashed("The model process closed its answer without a result.")

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
        starting = self._starting
        if starting is not None and not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
        running = self._running
        if running is not None:
            running.is_ending = True
            running.ended_because = running.ended_because or ModelCrashed(_STOPPED)
            if running.process.stdin is not None:
                running.process.stdin.close()
            await self._end(running)
        if self._running is None and (self._starting is None or self._starting.done()):
            self._set_state(ProcessState.STOPPED)

    # -- one request --

    async def _ask(
        self,
        message: ToProcess,
        request_id: int,
        when_sent: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[FromProcess, None]:
        """Send a request and yield its answers, the last one included.

        Leaving early cancels it in the process. This is the only place that does.
        """
        running = await self._ensure_running()
        pending = self._pending[request_id] = _Pending()
        is_finished = False
        try:
            self._send(running, message)
            running.note_asked(message, request_id, self.policy.hang_seconds)
            when_sent()
            while not is_finished:
                answer = await self._next_answer(running, pending)
                if isinstance(answer, ModelError):
                    is_finished = True
                    raise answer
                is_finished = _is_last(answer)
                if isinstance(answer, Loaded | Finished | Measured):
                    self._note_health(running)
                yield answer
        finally:
            self._pending.pop(request_id, None)
            if not is_finished and running is self._running:
                self._send(running, Cancel(request_id))

    async def _next_answer(self, running: _Running, pending: _Pending) -> FromProcess | ModelError:
        """Wait as long as the process shows life.

        It may be silent as long as the request it works on allows, which need not be this one.
        """
        while not pending.answers:
            if running.ended_because is not None and self._running is not running:
                return running.ended_because  # it ended before this request was noted
            patience = running.patience(self.policy.hang_seconds)
            left = running.last_heard + patience - time.monotonic()
            if left <= 0:
                left = _END_SECONDS
                self._declare_hung(running, patience)
            # Not `asyncio.wait_for`: before Python 3.12 it forgets a cancellation that comes
            # together with an answer, and the stream would go on.
            pending.something_happened.clear()
            timer = asyncio.get_running_loop().call_later(left, pending.something_happened.set)
            try:
                await pending.something_happened.wait()
            finally:
                timer.cancel()
        return pending.answers.popleft()

    def _note_health(self, running: _Running) -> None:
        if time.monotonic() - running.started > _HEALTHY_AFTER_SECONDS:
            self._crashes = 0

    def _declare_hung(self, running: _Running, patience: float) -> None:
        """End the process; its reader then tells every request why."""
        if running.is_ending:
            return
        running.is_ending = True
        running.ended_because = ModelHung(
            f"The model process was silent for {patience:.0f} s and was ended;"
            " it starts again with the next request."
        )
        _kill(running.process)

    def _send(self, running: _Running, message: ToProcess) -> None:
        stdin = running.process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(encode(message))

    # -- the life of the process --

    async def _ensure_running(self) -> _Running:
        """Return the running process, or start it.

        The start is a task of its own: a request that is taken back while the process starts (as
        happens at every key press) must not end what the next request needs.
        """
        while (running := self._running) is not None:
            if not running.is_ending or running.reader is None:
                return running
            await asyncio.wait([running.reader])
        if self._starting is None or self._starting.done():
            if self._state is ProcessState.GAVE_UP:
                raise ModelGaveUp(
                    f"The model process crashed {self._crashes} times in a row and is not started"
                    " again by itself; use the command that restarts the model."
                )
            self._starting = asyncio.create_task(self._start_when_allowed())
            self._starting.add_done_callback(_note_failure)
        starting = self._starting
        await asyncio.wait([starting])  # unlike awaiting the task, this leaves it to the others
        if starting.cancelled():
            raise ModelCrashed(_STOPPED)
        if (failure := starting.exception()) is not None:
            raise failure
        return starting.result()

    async def _start_when_allowed(self) -> _Running:
        wait = self._may_start_at - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._set_state(ProcessState.STARTING)
        try:
            running = await self._start()
        except ModelCrashed as error:
            logger.warning("%s", error)
            self._count_crash()
            raise
        self._running = running
        self._set_state(ProcessState.RUNNING)
        return running

    async def _start(self) -> _Running:
        try:
            process = await asyncio.create_subprocess_exec(
                *(self.policy.command or python_module_command("tabwright.model.process")),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(),
            )
        except OSError as refusal:
            raise ModelCrashed(f"The model process cannot be started: {refusal}.") from refusal
        now = time.monotonic()
        running = _Running(process, started=now, last_heard=now)
        running.error_reader = asyncio.create_task(self._read_errors(running))
        try:
            await _read_welcome(running)
        except BaseException:
            await _reap(running)
            raise
        running.reader = asyncio.create_task(self._read(running))
        return running

    async def _read(self, running: _Running) -> None:
        """Hand every answer to the request it belongs to, until the process ends."""
        try:
            while (message := await _read_message(running.process)) is not None:
                running.last_heard = time.monotonic()
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
                        | WantsGuesses(request_id=request_id)
                        | Prefilled(request_id=request_id)
                        | Piece(request_id=request_id)
                        | Measured(request_id=request_id)
                        | Finished(request_id=request_id)
                        | Failed(request_id=request_id)
                    ):
                        if isinstance(message, Finished):
                            self.evaluated.note(message)
                        if _is_last(message):
                            running.note_answered(request_id)
                        pending = self._pending.get(request_id)
                        if pending is not None:
                            pending.put(message)
        except asyncio.CancelledError:  # the event loop closes before `stop`
            running.ended_because = running.ended_because or ModelCrashed(_STOPPED)
            raise
        finally:
            await self._note_end(running)

    async def _read_errors(self, running: _Running) -> None:
        """Keep the last lines of stderr. It must be read whatever it holds: a full pipe blocks."""
        stderr = running.process.stderr
        assert stderr is not None, "stderr was asked for as a pipe"
        rest = b""
        while chunk := await stderr.read(_READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                _note_error_line(running, line)
            rest = rest[-_LONGEST_ERROR_LINE_BYTES:]
        _note_error_line(running, rest)

    async def _note_end(self, running: _Running) -> None:
        running.is_ending = True
        code = await _reap(running)
        if self._running is running:
            self._running = None
        error = running.ended_because or ModelCrashed(
            f"The model process ended unexpectedly ({_exit_reason(code)});"
            " it starts again with the next request."
        )
        if isinstance(running.ended_because, ModelCrashed):
            self._set_state(ProcessState.STOPPED)
        else:
            logger.warning("%s", error)
            self._count_crash()
        running.ended_because = error
        for pending in list(self._pending.values()):
            pending.put(error)

    def _count_crash(self) -> None:
        delays = self.policy.restart_delays_seconds
        self._crashes += 1
        if self._crashes > len(delays):
            self._set_state(ProcessState.GAVE_UP)
            return
        self._may_start_at = time.monotonic() + delays[self._crashes - 1]
        self._set_state(ProcessState.WAITING_TO_RESTART)

    async def _end(self, running: _Running) -> None:
        """Give the process time to end by itself, then end it and wait for its last answers."""
        try:
            await asyncio.wait_for(running.process.wait(), _END_SECONDS)
        except asyncio.TimeoutError:
            _kill(running.process)
        if running.reader is not None:
            await asyncio.wait([running.reader], timeout=2 * _END_SECONDS)

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


_STOPPED = "The model process was stopped."


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


async def _read_welcome(running: _Running) -> None:
    """Wait for the first message.

    Raises:
        ModelCrashed: it does not come, or is of another version of this package.
    """
    try:
        welcome = await asyncio.wait_for(_read_message(running.process), _START_SECONDS)
    except asyncio.TimeoutError:
        reason = f"it was silent for {_START_SECONDS:.0f} s"
    else:
        if isinstance(welcome, Welcome):
            if welcome.protocol_version == PROTOCOL_VERSION:
                return
            reason = f"it speaks protocol {welcome.protocol_version}, not {PROTOCOL_VERSION}"
        else:
            await _reap(running)  # only then are its last words complete
            reason = _last_words(running)
    raise ModelCrashed(
        f"The model process does not start ({reason}); run `tabwright doctor` to see why."
    )


async def _reap(running: _Running) -> int | None:
    """End the process and return its exit status, or None when even killing does not end it.

    The event loop reports the end only after all that the process wrote was read.
    """
    stdout = running.process.stdout
    assert stdout is not None, "stdout was asked for as a pipe"
    with contextlib.suppress(asyncio.TimeoutError):
        if stdout.at_eof():
            # It is ending by itself. A signal now would take its exit status from asyncio, which
            # then warns of an unknown child and reports 255.
            await asyncio.wait_for(running.process.wait(), _END_SECONDS)
    _kill(running.process)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_drain(stdout), _END_SECONDS)
        await asyncio.wait_for(running.process.wait(), _END_SECONDS)
    if running.error_reader is not None:
        await asyncio.wait([running.error_reader], timeout=_END_SECONDS)
    return running.process.returncode


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(_READ_BYTES):
        pass


def _note_failure(starting: asyncio.Task[_Running]) -> None:
    """Look at a failure that has been logged, even if every request that waited was taken back."""
    if not starting.cancelled():
        starting.exception()


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def _is_last(answer: FromProcess) -> bool:
    return isinstance(answer, Loaded | Failed | Finished | Description | Measured)


def _note_error_line(running: _Running, line: bytes) -> None:
    text = line.decode("utf-8", "replace").strip()
    if text:
        running.last_words.append(text)
        logger.debug("model process: %s", text)


def _failure(answer: Failed) -> ModelError:
    sentence = f"The model cannot answer: {answer.message}."
    if answer.kind == "not_loaded":
        return ModelNotLoaded(sentence)
    return PromptTooLong(sentence) if answer.kind == "prompt_too_long" else ModelError(sentence)


def _last_words(running: _Running) -> str:
    return running.last_words[-1].rstrip(".") if running.last_words else "it said nothing"


def _exit_reason(code: int | None) -> str:
    if code is None:
        return "it cannot be ended"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def model_key(parts: Sequence[object]) -> str:
    """Return the key of a combination of weights, adapter and options."""
    return "|".join(str(part) for part in parts)
