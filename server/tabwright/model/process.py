"""The model process: reads requests, runs them on llama.cpp one at a time, streams the answers.

Started by `model.client` as `python -P -m tabwright.model.process`; llama.cpp lives here alone, so
that a native crash costs one suggestion and not the editor.

Two threads: the reader takes messages from stdin and marks cancelled requests at once; the main
thread runs requests in order and looks at the marks between small batches.
"""

from __future__ import annotations

import collections
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from tabwright.model.llama import (
    LONGEST_DRAFT,
    KvSequence,
    LlamaError,
    LlamaModel,
    Logits,
    ModelOptions,
    NativeLog,
    PromptTooLongError,
    devices,
    library_version,
    supports_gpu_offload,
    system_info,
    text_decoder,
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
    ToProcess,
    Unloaded,
    UnloadModel,
    WantsGuesses,
    Welcome,
    decode_to_process,
    encode,
    frame_length,
)
from tabwright.model.mixture import Candidate, Mixture

_PROGRESS_STEP = 0.02
_GUESSES_KEPT = 64
_LONGEST_WAIT_FOR_GUESSES_SECONDS = 2.0
"""They are there in milliseconds, unless the client hangs."""
_SECONDS_TO_END_BY_ITSELF = 2.0


class Connection:
    """One client: its stream of answers and the requests it has taken back."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()
        self._has_changed = threading.Condition(self._lock)
        self._guesses: dict[int, tuple[Guess, ...]] = {}
        self._sending = threading.Lock()
        self.is_closed = False

    def messages(self) -> Iterator[ToProcess]:
        """Yield messages until the stream ends or is out of step."""
        while True:
            header = self._incoming.read(4)
            if len(header) < 4:
                return
            try:
                length = frame_length(header)
                body = self._incoming.read(length)
                if len(body) < length:
                    return
                yield decode_to_process(body)
            except (ValueError, msgspec.DecodeError) as error:
                print(f"unreadable message: {error}", file=sys.stderr)
                return

    def send(self, message: FromProcess) -> None:
        """Write one answer at once; a client that is gone is not an error."""
        try:
            with self._sending:  # the reader answers what was replaced before it was begun
                self._outgoing.write(encode(message))
                self._outgoing.flush()
        except (OSError, ValueError):
            self.is_closed = True

    def cancel(self, request_id: int) -> None:
        """Mark a request as taken back."""
        with self._has_changed:
            self._cancelled.add(request_id)
            self._has_changed.notify_all()

    def close(self) -> None:
        """Note that nobody is left to read any answer."""
        with self._has_changed:
            self.is_closed = True
            self._has_changed.notify_all()

    def take_guesses(self, message: MoreGuesses) -> None:
        """Keep guesses for the request that waits for them."""
        with self._has_changed:
            self._guesses[message.request_id] = message.guesses
            while len(self._guesses) > _GUESSES_KEPT:  # those of requests that ended without them
                del self._guesses[next(iter(self._guesses))]
            self._has_changed.notify_all()

    def wait_for_guesses(self, request_id: int) -> tuple[Guess, ...]:
        """Return the guesses that were asked for, none if they never come."""

        def has_come() -> bool:
            return request_id in self._guesses or request_id in self._cancelled or self.is_closed

        with self._has_changed:
            self._has_changed.wait_for(has_come, _LONGEST_WAIT_FOR_GUESSES_SECONDS)
            return self._guesses.pop(request_id, ())

    def is_cancelled(self, request_id: int) -> bool:
        """Whether a request was taken back, or nobody is left to read its answer."""
        with self._lock:
            return self.is_closed or request_id in self._cancelled

    def forget(self, request_id: int) -> None:
        """Drop the mark of a finished request."""
        with self._lock:
            self._cancelled.discard(request_id)
            self._guesses.pop(request_id, None)


@dataclass(frozen=True)
class Job:
    """A message of a client, with the moment it arrived (monotonic seconds)."""

    connection: Connection
    message: ToProcess
    arrived: float


@dataclass
class HeldModel:
    """A loaded model and what is needed to say that it is still the one asked for."""

    model: LlamaModel
    asked: LoadModel
    bad_control_strings: tuple[str, ...]
    last_use: float


class Engine:
    """Holds the models and runs one job at a time."""

    def __init__(self, log: NativeLog, gives_way: Callable[[], bool]) -> None:
        self._log = log
        self._gives_way = gives_way
        self._held: dict[str, HeldModel] = {}
        self._connections: set[Connection] = set()

    def run(self, job: Job) -> None:
        """Serve one message; every request gets exactly one last answer."""
        self._connections.add(job.connection)
        match job.message:
            case LoadModel() as message:
                self._load(job.connection, message)
            case Generate() as message:
                self._generate(job, message)
            case UnloadModel() as message:
                self._unload(message.model_key)
            case Measure() as message:
                self._measure(job.connection, message)
            case Describe() as message:
                job.connection.send(
                    Description(
                        request_id=message.request_id,
                        llama_cpp_python=library_version(),
                        system_info=system_info(),
                        gpu_offload=supports_gpu_offload(),
                        devices=devices(),
                    )
                )
            case MoreGuesses():
                pass  # the reader has given it to the request that waits for it
            case Cancel() as message:
                # The reader has marked it already; its request, which came before, is served now.
                job.connection.forget(message.request_id)

    def seconds_until_idle(self) -> float | None:
        """Return how long until the next model may be freed; None when none ever is."""
        waits = [
            held.last_use + held.asked.idle_unload_seconds - time.monotonic()
            for held in self._held.values()
            if held.asked.idle_unload_seconds > 0
        ]
        return max(0.0, min(waits)) if waits else None

    def unload_idle(self) -> None:
        """Free every model that nobody has used for as long as its client said."""
        now = time.monotonic()
        for key, held in list(self._held.items()):
            limit = held.asked.idle_unload_seconds
            if 0 < limit <= now - held.last_use:
                self._unload(key)

    def close(self) -> None:
        """Free all models."""
        for held in self._held.values():
            held.model.close()
        self._held.clear()

    def _load(self, connection: Connection, message: LoadModel) -> None:
        held = self._held.get(message.model_key)
        started = time.monotonic()
        if held is None or not _is_same(held.asked, message):
            if held is not None:
                self._unload(message.model_key)
            try:
                held = self._loaded(connection, message)
            except LlamaError as error:
                connection.send(Failed(message.request_id, "load", str(error)))
                return
            self._held[message.model_key] = held
        held.asked = message
        held.last_use = time.monotonic()
        connection.send(
            Loaded(
                request_id=message.request_id,
                model_key=message.model_key,
                seconds=time.monotonic() - started,
                context_tokens=held.model.context_tokens,
                description=held.model.description,
                bad_control_strings=held.bad_control_strings,
            )
        )

    def _loaded(self, connection: Connection, message: LoadModel) -> HeldModel:
        reported = 0.0

        def report(fraction: float) -> None:
            nonlocal reported
            if fraction - reported >= _PROGRESS_STEP:
                reported = fraction
                connection.send(LoadProgress(message.request_id, fraction))

        options = ModelOptions(
            weights_path=message.weights_path,
            adapter_path=message.adapter_path,
            context_tokens=message.context_tokens,
            prefill_threads=message.prefill_threads,
            decode_threads=message.decode_threads,
            gpu_layers=message.gpu_layers,
        )
        model = LlamaModel(options, self._log, report)
        bad = tuple(text for text in message.control_strings if model.control_token(text) is None)
        return HeldModel(model, message, bad, time.monotonic())

    def _unload(self, model_key: str) -> None:
        held = self._held.pop(model_key, None)
        if held is None:
            return
        held.model.close()
        for connection in self._connections:
            connection.send(Unloaded(model_key))

    def _measure(self, connection: Connection, message: Measure) -> None:
        held = self._asked_for(connection, message)
        if held is None:
            return
        try:
            read, write = held.model.measure()
        except LlamaError as error:
            connection.send(Failed(message.request_id, "decode", str(error)))
            return
        held.last_use = time.monotonic()
        connection.send(Measured(message.request_id, read, write))

    def _asked_for(self, connection: Connection, message: Generate | Measure) -> HeldModel | None:
        """Return the model, or say that it is not loaded."""
        held = self._held.get(message.model_key)
        if held is None:
            refusal = f"{message.model_key} is not loaded"
            connection.send(Failed(message.request_id, "not_loaded", refusal))
        return held

    def _generate(self, job: Job, message: Generate) -> None:
        held = self._asked_for(job.connection, message)
        if held is None:
            return
        if message.max_tokens < 1 or not 0 <= message.first_token_rank < held.model.vocabulary_size:
            refusal = (
                f"max_tokens={message.max_tokens} and first_token_rank={message.first_token_rank}"
                " ask for no token"
            )
            job.connection.send(Failed(message.request_id, "bad_request", refusal))
            return
        try:
            _Generation(job, message, held.model, self._gives_way).run()
        except PromptTooLongError as error:
            job.connection.send(Failed(message.request_id, "prompt_too_long", str(error)))
        except LlamaError as error:
            job.connection.send(Failed(message.request_id, "decode", str(error)))
        finally:
            held.last_use = time.monotonic()


def _is_same(held: LoadModel, asked: LoadModel) -> bool:
    same_but_for = {
        "request_id": asked.request_id,
        "idle_unload_seconds": asked.idle_unload_seconds,
    }
    return msgspec.structs.replace(held, **same_but_for) == asked


class _Generation:
    """One request on one model: prefill, then decode, cancellable between small batches."""

    def __init__(
        self, job: Job, message: Generate, model: LlamaModel, gives_way: Callable[[], bool]
    ) -> None:
        self._connection = job.connection
        self._message = message
        self._model = model
        self._gives_way = gives_way
        self._started = time.monotonic()
        self._decoding_started = self._started
        self._queued_seconds = self._started - job.arrived
        self._evaluated_before = model.evaluated_tokens
        self._prompt_evaluated: int | None = None
        self._generated = 0

    def run(self) -> None:
        """Stream the answer.

        Raises:
            LlamaError: the prompt does not fit, or llama.cpp cannot evaluate it.
        """
        message, model = self._message, self._model
        if self._must_stop() == "cancelled":
            self._finish("cancelled")
            return
        tokens = model.prompt_tokens(message.segments, add_bos=message.add_bos)
        if not tokens:
            raise LlamaError("the prompt is empty")
        if len(tokens) + message.max_tokens > model.context_tokens:
            raise PromptTooLongError(
                f"{len(tokens)} prompt tokens and {message.max_tokens} to generate do not fit"
                f" a context of {model.context_tokens}"
            )
        end = b""
        if message.heals and not message.segments[-1].is_control:
            # After a control token, models were trained to go on in the middle of a word.
            tokens, end = model.split_for_healing(tokens)
        sequence = model.sequence_for((id(self._connection), message.document))
        if self._prefill(sequence, tokens):
            self._decoding_started = time.monotonic()
            self._decode(sequence, len(tokens), end)

    def _prefill(self, sequence: KvSequence, tokens: list[int]) -> bool:
        """Evaluate what is new of the prompt; return False when that was stopped and finished."""
        message, model = self._message, self._model
        reused = 0
        for done in model.read_prompt(sequence, tokens):
            if done == 0:
                reused = min(len(sequence.tokens), len(tokens))
            else:
                self._connection.send(Evaluated(message.request_id, done))
            if cause := self._must_stop():
                self._finish(cause)
                return False
        self._prompt_evaluated = model.evaluated_tokens - self._evaluated_before
        self._connection.send(
            Prefilled(
                request_id=message.request_id,
                prompt_tokens=len(tokens),
                reused_tokens=reused,
                evaluated_tokens=self._prompt_evaluated,
                queued_seconds=self._queued_seconds,
                prefill_seconds=time.monotonic() - self._started,
            )
        )
        return True

    def _decode(self, sequence: KvSequence, length: int, unhealed: bytes) -> None:
        """Walk along the sequence token by token: first the prompt's end again, which is not
        sent, then the answer."""
        message, model = self._message, self._model
        stop_tokens = {model.control_token(text) for text in message.stop_strings}
        decoder = text_decoder()
        rank = message.first_token_rank
        written = ""
        pending, total = 0.0, 0.0
        drafted = 0
        guesses = message.guesses
        if message.asks_for_guesses:
            guesses += self._connection.wait_for_guesses(message.request_id)
        mixture = self._mixture(guesses, unhealed)
        while True:
            if self._generated >= message.max_tokens or length >= model.context_tokens:
                self._finish("max_tokens")
                return
            is_forced = bool(unhealed)
            chosen = self._choose(
                sequence.heads[length], mixture, 0 if is_forced else rank, unhealed
            )
            token = chosen.token
            rank = rank if is_forced else 0
            if token in stop_tokens or model.is_end(token):
                self._finish("end_of_text")
                return
            data = model.token_bytes(token)
            own, unhealed = data[len(unhealed) :], unhealed[len(data) :]
            pending += chosen.log_probability
            if own or not data:  # else it only says again what the prompt said
                self._generated += 1
                text = decoder.decode(own)
                written += text
                total += pending
                if not message.is_background:
                    self._connection.send(Piece(message.request_id, text, pending))
                pending = 0.0
                if cause := self._is_whole(written, total):
                    self._finish(cause)
                    return
            if cause := self._must_stop():
                self._finish(cause)
                return
            drafted = self._note_draft(sequence, length, token, drafted)
            draft = [] if drafted else mixture.draft_after(token, LONGEST_DRAFT)
            is_guess = bool(draft)
            if not drafted and not is_guess:
                draft = model.draft_after(sequence, length, token)
            before = model.evaluated_tokens
            model.advance(sequence, length, token, draft)
            if model.evaluated_tokens != before:
                # Whether guesses are right says nothing of how prompt lookup fares.
                drafted = 0 if is_guess else len(draft)
            mixture.note(chosen)
            if message.asks_for_guesses and not mixture and not unhealed:
                mixture = self._more_guesses()
            length += 1

    def _mixture(self, guesses: Sequence[Guess], begin: bytes) -> Mixture:
        return Mixture(guesses, begin, self._model.tokenize, self._model.token_bytes)

    def _more_guesses(self) -> Mixture:
        """Ask how the answer may go on behind what was sent."""
        request_id = self._message.request_id
        self._connection.send(WantsGuesses(request_id))
        return self._mixture(self._connection.wait_for_guesses(request_id), b"")

    def _choose(self, logits: Logits, mixture: Mixture, rank: int, must_begin: bytes) -> Candidate:
        """Return the token of this rank by probability."""
        besides = mixture.next_tokens
        likeliest = self._model.likeliest(logits, rank + 1, must_begin, besides)
        return mixture.mixed(likeliest)[rank]

    def _is_whole(self, written: str, log_probability: float) -> str:
        """Return why the answer ends with what is written, or nothing."""
        stop_at = self._message.stop_at
        if stop_at and "\n" in written:
            text = written if stop_at == "line_end" else written.lstrip()
            if "\n" in text:
                return "line_end"
        return "unsure" if log_probability < self._message.log_probability_floor else ""

    def _note_draft(self, sequence: KvSequence, length: int, token: int, drafted: int) -> int:
        """Count a drafted token as right or the rest of the draft as wrong; return what is left
        of the draft."""
        if not drafted:
            return 0
        if sequence.tokens[length : length + 1] == [token]:
            self._model.drafts.note(1, 1)
            return drafted - 1
        self._model.drafts.note(0, drafted)
        return 0

    def _must_stop(self) -> str:
        if self._connection.is_cancelled(self._message.request_id):
            return "cancelled"
        if self._message.is_background and self._gives_way():
            return "cancelled"
        limit = self._message.time_limit_seconds
        return "time_limit" if 0 < limit <= time.monotonic() - self._started else ""

    def _finish(self, cause: str) -> None:
        evaluated = self._model.evaluated_tokens - self._evaluated_before
        prompt = self._prompt_evaluated
        self._connection.send(
            Finished(
                request_id=self._message.request_id,
                cause=cause,  # type: ignore[arg-type]  # one of the literals, by construction
                generated_tokens=self._generated,
                decode_seconds=time.monotonic() - self._decoding_started,
                prompt_evaluated_tokens=evaluated if prompt is None else prompt,
                evaluated_tokens=evaluated,
            )
        )


def run_safely(engine: Engine, job: Job) -> None:
    """Run a job; a bug in it fails the job alone."""
    try:
        engine.run(job)
    except Exception as error:  # whatever it is, other requests can still be served
        traceback.print_exc()
        request_id = getattr(job.message, "request_id", None)
        if request_id is not None:
            job.connection.send(Failed(request_id, "decode", f"internal {type(error).__name__}"))


class Jobs:
    """What is to be done, in order; work ahead comes after everything else."""

    def __init__(self) -> None:
        self._waiting: collections.deque[Job | None] = collections.deque()
        self._ahead: dict[tuple[int, str], Job] = {}
        self._changed = threading.Condition()

    def put(self, job: Job | None) -> None:
        """Add a job; None ends the work. Work ahead takes the place of older such work."""
        dropped = None
        message = job.message if job is not None else None
        with self._changed:
            if job is not None and isinstance(message, Generate) and message.is_background:
                key = (id(job.connection), message.document)
                dropped = self._ahead.pop(key, None)
                self._ahead[key] = job
            else:
                if job is not None and isinstance(message, Cancel):
                    dropped = self._take_back(job.connection, message.request_id)
                self._waiting.append(job)
            self._changed.notify()
        if dropped is not None:
            assert isinstance(dropped.message, Generate), "only these are work ahead"
            dropped.connection.send(Finished(dropped.message.request_id, "cancelled", 0, 0.0))

    def _take_back(self, connection: Connection, request_id: int) -> Job | None:
        """Remove work ahead that was cancelled before it began.

        The `Cancel` itself goes before all work ahead, and with it the mark of the cancelled one.
        """
        for key, job in self._ahead.items():
            is_meant = isinstance(job.message, Generate) and job.message.request_id == request_id
            if is_meant and job.connection is connection:
                return self._ahead.pop(key)
        return None

    def is_waiting(self) -> bool:
        """Whether somebody waits, so that work ahead must give way."""
        return bool(self._waiting)

    def get(self, timeout: float | None) -> Job | None:
        """Return the next job, or None when there is no more to do.

        Raises:
            TimeoutError: there was nothing to do for `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._ahead, timeout):
                raise TimeoutError
            if self._waiting:
                return self._waiting.popleft()
            return self._ahead.pop(next(iter(self._ahead)))


def serve(connection: Connection) -> None:
    """Serve one client until its stream ends."""
    log = NativeLog()
    jobs = Jobs()
    engine = Engine(log, jobs.is_waiting)

    def read() -> None:
        for message in connection.messages():
            if isinstance(message, MoreGuesses):
                connection.take_guesses(message)
                continue
            if isinstance(message, Cancel):
                connection.cancel(message.request_id)
            jobs.put(Job(connection, message, time.monotonic()))
        connection.close()
        jobs.put(None)
        # The main thread may be inside a long native call, or hung in one.
        time.sleep(_SECONDS_TO_END_BY_ITSELF)
        os._exit(0)

    threading.Thread(target=read, name="reader", daemon=True).start()
    connection.send(Welcome(PROTOCOL_VERSION, os.getpid()))
    while True:
        with contextlib.suppress(TimeoutError):
            job = jobs.get(engine.seconds_until_idle())
            if job is None:
                break
            run_safely(engine, job)
        engine.unload_idle()
    engine.close()


def main() -> None:
    """Take over stdin and stdout for messages and serve."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the client's to handle
    # Whatever a library prints must not reach the stream of messages.
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(Connection(sys.stdin.buffer, outgoing))


if __name__ == "__main__":
    main()
