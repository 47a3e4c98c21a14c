"""Reads many files in worker processes, in the order given and with bounded memory.

A worker that dies or falls silent costs its files one more try, each on its own; a file that ends
a worker twice is left out until it changes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple

import msgspec

from tabwright.model.safe_python import python_module_command
from tabwright.workspace_index.records import FileRecord
from tabwright.workspace_index.worker import (
    FRAME_LENGTH,
    Batch,
    WorkerStart,
    decode_answer,
    encode_frame,
)

logger = logging.getLogger(__name__)

WORKER_MODULE = "tabwright.workspace_index.worker"
MOST_WORKERS = 4

_BATCH_FILES = 64
_BATCH_BYTES = 400_000
_BATCHES_AHEAD = 3
"""How many batches each worker may be ahead of the one whose records are wanted next."""
_SILENCE_SECONDS = 60.0
_READ_BYTES = 1 << 20
_LARGEST_ANSWER_BYTES = 1 << 29
_BATCHES_PER_LIFE = 150
"""A worker starts anew after so many batches (half a second in minutes): whatever its libraries do
not give back of its memory is then given back."""
_STARTS_THAT_FAIL = 4


class ToRead(NamedTuple):
    """A file that is to be read."""

    path: str
    language: str
    size: int
    modified_ns: int


def default_workers() -> int:
    """Return how many processes read files: one core is left for whoever is typing."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(MOST_WORKERS, (usable or 2) - 1))


def in_batches(files: Sequence[ToRead]) -> Iterator[list[ToRead]]:
    """Yield the files in pieces of about the same work."""
    batch: list[ToRead] = []
    size = 0
    for file in files:
        if batch and (len(batch) >= _BATCH_FILES or size + file.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def read_in_workers(
    start: WorkerStart,
    files: Sequence[ToRead],
    workers: int,
    is_cancelled: Callable[[], bool] = lambda: False,
    command: Sequence[str] = (),
    *,
    reads_full_text: Callable[[], bool] = lambda: True,
) -> Generator[list[FileRecord], None, None]:
    """Yield the records of all files in order, batch by batch; less of them when cancelled.

    Closing the iterator ends the processes. `reads_full_text` says for each batch, when its turn
    comes, whether full-text search is to find its files.

    Raises:
        OSError: no process can be started, or none lives.
    """
    program = command or python_module_command(WORKER_MODULE)
    crew = _Crew(start, list(in_batches(files)), program, reads_full_text)
    try:
        crew.start(max(1, min(workers, len(crew.batches))))
        for number in range(len(crew.batches)):
            records = crew.wait_for(number, is_cancelled)
            if records is None:
                return
            yield records
    finally:
        crew.end()


class _Crew:
    """Some workers that share a list of batches, and a thread for each that talks to it."""

    def __init__(
        self,
        start: WorkerStart,
        batches: list[list[ToRead]],
        command: Sequence[str],
        reads_full_text: Callable[[], bool],
    ) -> None:
        self.batches = batches
        self._reads_full_text = reads_full_text
        self._start = start
        self._command = command
        self._next = 0
        self._next_lock = threading.Lock()
        self._room = threading.Semaphore(0)
        self._answers: queue.SimpleQueue[tuple[int, list[FileRecord]]] = queue.SimpleQueue()
        self._early: dict[int, list[FileRecord]] = {}
        self._is_ending = threading.Event()
        self._has_answered = False
        self._deaths = 0
        self._workers: list[_Worker] = []
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        # The first one here, so that a system without processes is found out by the caller.
        self._workers = [_Worker(self._start, self._command) for _ in range(count)]
        try:
            self._workers[0].ensure_running()
        except OSError:
            self._is_ending.set()
            raise
        self._room = threading.Semaphore(count * _BATCHES_AHEAD)
        for worker in self._workers:
            thread = threading.Thread(
                target=self._serve, args=(worker,), name="tabwright-index", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def wait_for(self, number: int, is_cancelled: Callable[[], bool]) -> list[FileRecord] | None:
        """Return the records of a batch, None when cancelled.

        Raises:
            OSError: no worker lives long enough to read anything.
        """
        while number not in self._early:
            if is_cancelled():
                return None
            if not self._has_answered and self._deaths >= _STARTS_THAT_FAIL:
                raise OSError("the workers of the index end before they have read anything")
            with contextlib.suppress(queue.Empty):
                done, records = self._answers.get(timeout=0.1)
                self._early[done] = records
        self._room.release()
        return self._early.pop(number)

    def end(self) -> None:
        self._is_ending.set()
        for worker in self._workers:
            worker.end()
        self._room.release(len(self._threads) or 1)
        for thread in self._threads:
            thread.join(timeout=5)

    def _serve(self, worker: _Worker) -> None:
        while True:
            self._room.acquire()
            with self._next_lock:
                number = self._next
                self._next += 1
            if number >= len(self.batches) or self._is_ending.is_set():
                worker.end()
                return
            records = self._read(worker, self.batches[number])
            self._answers.put((number, records))

    def _read(self, worker: _Worker, batch: list[ToRead]) -> list[FileRecord]:
        answer = self._asked(worker, batch)
        if answer is not None:
            return answer
        records: list[FileRecord] = []
        for file in batch:  # each on its own, so that only those that end it are lost
            alone = None if self._is_ending.is_set() else self._asked(worker, [file])
            if alone is None and self._is_ending.is_set():
                break  # the worker was ended, and nobody wants these any more
            records += alone if alone is not None else [_unreadable(file)]
        return records

    def _asked(self, worker: _Worker, files: Sequence[ToRead]) -> list[FileRecord] | None:
        answer = worker.ask(files, self._is_ending, full_text=self._reads_full_text())
        if answer is None:
            self._deaths += 1
        else:
            self._has_answered = True
        return answer


def _unreadable(file: ToRead) -> FileRecord:
    logger.warning("A file could not be indexed and is left out: it ends the worker process.")
    return FileRecord(
        file.path, "left out", file.size, file.modified_ns, left_out="cannot be parsed"
    )


class _Worker:
    """One worker process, started when it is asked and again after it died."""

    def __init__(self, start: WorkerStart, command: Sequence[str]) -> None:
        self._start = start
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._lock = threading.Lock()
        self._has_ended = False

    def ensure_running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._has_ended:
                raise OSError("the worker was ended")
            if self._process is None:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    bufsize=0,
                )
                assert self._process.stdin is not None
                self._process.stdin.write(encode_frame(self._start))
            return self._process

    def ask(
        self, files: Sequence[ToRead], is_ending: threading.Event, *, full_text: bool
    ) -> list[FileRecord] | None:
        """Return the records of some files, None when the process did not survive that."""
        batch: Batch = (full_text, tuple((file.path, file.language) for file in files))
        try:
            process = self.ensure_running()
            assert process.stdin is not None
            _write_all(process.stdin.fileno(), encode_frame(batch))
            records = decode_answer(_read_answer(process, is_ending))
            if len(records) != len(files):
                raise ValueError("another number of answers than questions")  # noqa: TRY301
        except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
            logger.info("A worker of the index ended or fell silent: %s.", type(error).__name__)
            self._kill()
            return None
        self._asked += 1
        if self._asked % _BATCHES_PER_LIFE == 0:
            self._kill()
        return list(records)

    def end(self) -> None:
        """End the process for good."""
        self._has_ended = True
        self._kill()

    def _kill(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()


def _write_all(descriptor: int, content: bytes) -> None:
    waiting = memoryview(content)
    while waiting:
        waiting = waiting[os.write(descriptor, waiting) :]


def _read_answer(process: subprocess.Popen[bytes], is_ending: threading.Event) -> bytes:
    """Read one frame.

    Raises:
        EOFError: the process ended, or fell silent for too long.
        ValueError: no answer is as long as this one says.
    """
    received = bytearray()
    wanted = FRAME_LENGTH.size
    deadline = time.monotonic() + _SILENCE_SECONDS
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(received) < wanted:
            if not selector.select(timeout=1.0):
                if is_ending.is_set() or time.monotonic() > deadline:
                    raise EOFError
                continue
            piece = os.read(process.stdout.fileno(), _READ_BYTES)
            if not piece:
                raise EOFError
            received += piece
            if wanted == FRAME_LENGTH.size and len(received) >= wanted:
                (length,) = FRAME_LENGTH.unpack_from(received)
                if length > _LARGEST_ANSWER_BYTES:
                    raise ValueError("an answer cannot be so long")
                wanted += length
    return bytes(received[FRAME_LENGTH.size :])
