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
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tabwright.model.connection import Connection, Job
from tabwright.model.generation import Generation
from tabwright.model.llama import (
    LlamaError,
    LlamaModel,
    ModelOptions,
    NativeLog,
    PromptTooLongError,
    devices,
    gpu_memory_mb,
    library_version,
    supports_gpu_offload,
    system_info,
)
from tabwright.model.messages import (
    PROTOCOL_VERSION,
    Cancel,
    Describe,
    Description,
    Failed,
    Finished,
    Generate,
    Loaded,
    LoadModel,
    LoadProgress,
    Measure,
    Measured,
    MoreGuesses,
    Unloaded,
    UnloadModel,
    Welcome,
)

_PROGRESS_STEP = 0.02
_SECONDS_TO_END_BY_ITSELF = 2.0


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
                        gpu_memory_mb=gpu_memory_mb(),
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
            Generation(job, message, held.model, self._gives_way).run()
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
