"""What is read from one file, as it goes from a worker process into the index."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from tabwright.workspace_index.facts import Chunk, Definition, FileFacts, Import
from tabwright.workspace_index.terms import FileTerms

Outcome: TypeAlias = Literal[
    "facts",  # a new content
    "known",  # a content that is in the index already
    "left out",  # nothing to index, and not again until it changes
    "gone",  # it cannot be read, or is not there any more
    "unsettled",  # it changed while it was read: again later
]


class FileRest(msgspec.Struct, frozen=True, array_like=True):
    """`FileFacts` without the definitions, which are asked for most."""

    language: str
    imports: tuple[Import, ...]
    references: tuple[tuple[str, int], ...]
    chunks: tuple[Chunk, ...]


class FileImports(msgspec.Struct, frozen=True, array_like=True):
    """The beginning of `FileRest`, which is all that is decoded where no more is wanted."""

    language: str
    imports: tuple[Import, ...]


class FileRecord(msgspec.Struct, frozen=True, array_like=True):
    """What reading one file has given."""

    path: str
    outcome: Outcome
    size: int = 0
    modified_ns: int = 0
    content_hash: bytes = b""
    left_out: str = ""
    """Why, where the outcome is that."""
    definitions: bytes = b""
    rest: bytes = b""
    """Encoded `FileRest`."""
    terms: FileTerms | None = None
    has_full_text: bool = False
    """Whether chunks are among the facts and terms; only with facts."""


_encoder = msgspec.msgpack.Encoder()
_definitions_decoder = msgspec.msgpack.Decoder(tuple[Definition, ...])
_definition_decoder = msgspec.msgpack.Decoder(Definition)
_split_decoder = msgspec.msgpack.Decoder(tuple[msgspec.Raw, ...])
_rest_decoder = msgspec.msgpack.Decoder(FileRest)
_imports_decoder = msgspec.msgpack.Decoder(FileImports)


def encode_facts(facts: FileFacts) -> tuple[bytes, bytes]:
    """Return the definitions and the rest of some facts as they are kept."""
    rest = FileRest(facts.language, facts.imports, facts.references, facts.chunks)
    return _encoder.encode(facts.definitions), _encoder.encode(rest)


def decode_definitions(encoded: bytes) -> tuple[Definition, ...]:
    """Return definitions as they were.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    return _definitions_decoder.decode(encoded)


class EncodedDefinitions:
    """Definitions of which few are wanted: each is decoded when it is asked for first."""

    __slots__ = ("_decoded", "_encoded")

    def __init__(self, encoded: bytes) -> None:
        """Raises `msgspec.MsgspecError` where it is something else."""
        self._encoded = _split_decoder.decode(encoded)
        self._decoded: dict[int, Definition] = {}

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, number: int) -> Definition:
        """Return one by its place.

        Raises:
            msgspec.MsgspecError: it is something else.
        """
        found = self._decoded.get(number)
        if found is None:
            found = self._decoded[number] = _definition_decoder.decode(self._encoded[number])
        return found


def decode_imports(rest: bytes) -> FileImports:
    """Return what a file imports; quicker than all that is known of it.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    return _imports_decoder.decode(rest)


def decode_facts(definitions: bytes, rest: bytes) -> FileFacts:
    """Return facts as they were.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    other = _rest_decoder.decode(rest)
    return FileFacts(
        language=other.language,
        definitions=decode_definitions(definitions),
        imports=other.imports,
        references=other.references,
        chunks=other.chunks,
    )
