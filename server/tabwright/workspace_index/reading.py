"""Reads one file into a record for the index. The same in a worker process and in the server."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.workspace_index.extracting import facts_of
from tabwright.workspace_index.facts import FileFacts
from tabwright.workspace_index.recognising import (
    LARGEST_FILE_BYTES,
    LeftOut,
    left_out_by_content,
)
from tabwright.workspace_index.records import FileRecord, encode_facts
from tabwright.workspace_index.secrets import mask_secrets
from tabwright.workspace_index.terms import TermMaker

HASH_BYTES = 16


def read_files(
    folder: Path,
    files: Sequence[tuple[str, Language]],
    maker: TermMaker,
    is_known: Callable[[bytes, bool], bool],
    *,
    full_text: bool,
) -> list[FileRecord]:
    """Return what the index keeps of files, given by their paths from the workspace folder.

    Args:
        is_known: whether a content, given by its hash, is in the index; with True, whether
            full-text search finds it, too.
        full_text: whether full-text search is to find them.
    """
    looked_at = [_look_at(folder, path, language, is_known, full_text) for path, language in files]
    terms = iter(maker.terms_of([(each.text, each.facts) for _, each in looked_at if each]))
    return [
        msgspec.structs.replace(record, terms=next(terms)) if parsed is not None else record
        for record, parsed in looked_at
    ]


class _Parsed(NamedTuple):
    text: str
    facts: FileFacts


def _look_at(
    folder: Path,
    path: str,
    language: Language,
    is_known: Callable[[bytes, bool], bool],
    full_text: bool,
) -> tuple[FileRecord, _Parsed | None]:
    """Return what the index keeps of a file without its terms, and what these follow from."""
    try:
        read = _bytes_of(folder / path)
    except (OSError, ValueError):
        return FileRecord(path, "gone"), None
    if read is None:
        return FileRecord(path, "unsettled"), None
    content, size, modified_ns = read
    why = left_out_by_content(content)
    if why is not None:
        return FileRecord(path, "left out", size, modified_ns, left_out=why.value), None
    content_hash = hash_of(content, language.id)
    if is_known(content_hash, full_text):
        return FileRecord(path, "known", size, modified_ns, content_hash), None
    text = mask_secrets(text_from(content))
    facts = facts_of(text, language, with_chunks=full_text)
    definitions, rest = encode_facts(facts)
    record = FileRecord(
        path,
        "facts",
        size,
        modified_ns,
        content_hash,
        definitions=definitions,
        rest=rest,
        has_full_text=full_text,
    )
    return record, _Parsed(text, facts)


def masked_text(folder: Path, path: str, language_id: str, content_hash: bytes) -> str | None:
    """Return a file's text as it was indexed, None when it holds something else by now."""
    try:
        read = _bytes_of(folder / path)
    except (OSError, ValueError):
        return None
    if read is None or hash_of(read[0], language_id) != content_hash:
        return None
    return mask_secrets(text_from(read[0]))


def masked_code(folder: Path, path: str) -> str | LeftOut:
    """Return a file's text as the index reads it, or why it is left out. It is not followed out of
    its folder when it is a link by now.
    """
    try:
        read = _bytes_of(folder / path)
    except (OSError, ValueError):
        return LeftOut.UNREADABLE
    if read is None:
        return LeftOut.UNREADABLE
    return left_out_by_content(read[0]) or mask_secrets(text_from(read[0]))


def hash_of(content: bytes, language_id: str) -> bytes:
    """Return what a content is known by: the same bytes mean something else in another language."""
    digest = hashlib.blake2b(language_id.encode(), digest_size=HASH_BYTES)
    digest.update(b"\0")
    digest.update(content)
    return digest.digest()


def text_from(content: bytes) -> str:
    """Return the text of a file; what is no UTF-8 becomes question marks, a mark at its start
    is no part of it.
    """
    return content.decode("utf-8-sig", "replace")


def languages_by_id(registry: LanguageRegistry) -> dict[str, Language]:
    """Return every language by its id."""
    return {language.id: language for language in registry.all()}


def _bytes_of(path: Path) -> tuple[bytes, int, int] | None:
    """Return what is in a file with its size and time, None when it changes at this moment.

    Raises:
        OSError: it cannot be read, or is no plain file.
        ValueError: its name is impossible.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise OSError("no plain file")
        if before.st_size > LARGEST_FILE_BYTES:
            raise OSError("too large")
        content = file.read(LARGEST_FILE_BYTES + 1)
        after = os.fstat(descriptor)
    is_steady = (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    if not is_steady or len(content) != before.st_size:
        return None
    return content, before.st_size, before.st_mtime_ns
