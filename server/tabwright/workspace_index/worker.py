"""The program that reads files for the index, in a process of its own with little priority.

It is told on standard input what to read and answers on standard output: frames of four bytes of
length (big-endian) and a MessagePack message. It ends when its input does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import struct
import sys
from pathlib import Path
from typing import BinaryIO, TypeAlias

import msgspec

from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.database import known_hash_lookup
from tabwright.workspace_index.reading import languages_by_id, read_files
from tabwright.workspace_index.records import FileRecord
from tabwright.workspace_index.terms import TermMaker

FRAME_LENGTH = struct.Struct(">I")
_NICENESS = 10
_OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""Python looks for cycles after 700 new objects (2,000 since 3.13) by default, and a parsed file is
thousands of nodes without one."""


class WorkerStart(msgspec.Struct, frozen=True, array_like=True):
    """The first message to a worker."""

    folder: str
    """The workspace folder."""
    grammar_folders: tuple[str, ...]
    database: str
    """The index file, to ask what is known already."""


Batch: TypeAlias = tuple[bool, tuple[tuple[str, str], ...]]
"""Every further message: whether full-text search is to find the files, and their paths from the
workspace folder, with the ids of their languages. The answer is one `FileRecord` for each, in the
same order."""

_encoder = msgspec.msgpack.Encoder()
_start_decoder = msgspec.msgpack.Decoder(WorkerStart)
_batch_decoder = msgspec.msgpack.Decoder(Batch)
_answer_decoder = msgspec.msgpack.Decoder(tuple[FileRecord, ...])


def encode_frame(message: WorkerStart | Batch | tuple[FileRecord, ...]) -> bytes:
    """Return a message with its length before it."""
    body = _encoder.encode(message)
    return FRAME_LENGTH.pack(len(body)) + body


def decode_answer(body: bytes) -> tuple[FileRecord, ...]:
    """Return what a worker has answered.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    return _answer_decoder.decode(body)


def _main() -> None:
    # Whatever is printed by mistake must not get into the answers.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    questions = sys.stdin.buffer
    start = _start_decoder.decode(_read_frame(questions))
    registry = LanguageRegistry([Path(each) for each in start.grammar_folders])
    languages = languages_by_id(registry)
    folder, is_known = Path(start.folder), known_hash_lookup(Path(start.database))
    maker = TermMaker()
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            full_text, batch = _batch_decoder.decode(_read_frame(questions))
            files = [(path, languages[language]) for path, language in batch]
            records = read_files(folder, files, maker, is_known, full_text=full_text)
            _write_all(answers, encode_frame(tuple(records)))


def _read_frame(stream: BinaryIO) -> bytes:
    (length,) = FRAME_LENGTH.unpack(_read_exactly(stream, FRAME_LENGTH.size))
    return _read_exactly(stream, length)


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content


def _write_all(stream: BinaryIO, content: bytes) -> None:
    waiting = memoryview(content)
    while waiting:
        written = stream.write(waiting)
        waiting = waiting[written or 0 :]


if __name__ == "__main__":
    _main()
