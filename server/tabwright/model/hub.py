"""Weights from a model hub, over its plain HTTP interface.

No `huggingface_hub`: size and SHA-256 are checked here against what the repository's own listing
says, a cut connection resumes, and the token stays with the host it is meant for. Two requests
are all it takes:

    GET {endpoint}/api/models/{repository}/revision/{revision}?blobs=true    names, sizes, hashes
    GET {endpoint}/{repository}/resolve/{commit}/{file}                      the file, resumable

The endpoint is `HF_ENDPOINT` (a mirror) or https://huggingface.co, the token `HF_TOKEN`; proxies
and certificates are taken from the environment as httpx does.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from tabwright.errors import WeightsUnavailable
from tabwright.model.incoming_file import (
    OnProgress,
    accept,
    check_free_space,
    write_pieces,
)
from tabwright.model.manifest import HubSource

_DEFAULT_ENDPOINT = "https://huggingface.co"
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_TRIES = 5
_LONGEST_WAIT_SECONDS = 60.0
_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_NAMES_SHOWN = 12
_NETWORK_PIECE_BYTES = 64 * 1024
"""Small, so that a slow line shows progress and a cut one loses little."""

_Result = TypeVar("_Result")


class HubFile(msgspec.Struct, frozen=True):
    """One file of a repository at one commit."""

    repository: str
    commit: str
    name: str
    size: int
    """In bytes; 0 when the hub does not say."""
    sha256: str
    """Empty when neither the hub nor the manifest says."""

    @property
    def origin(self) -> str:
        """Exactly what this file is, for the record."""
        return f"{self.repository}@{self.commit}/{self.name}"


class _Listed(msgspec.Struct):
    rfilename: str
    size: int | None = None
    lfs: dict[str, object] | None = None


class _Repository(msgspec.Struct):
    sha: str
    siblings: list[_Listed]


class _Resumable(msgspec.Struct):
    """Beside a partial file: what it is a part of."""

    origin: str
    sha256: str
    entity_tag: str


class _TransientError(Exception):
    """A failure that a second try may cure; the message is the cause in a few words."""

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


def fetch_hub_file(
    source: HubSource,
    folder: Path,
    on_progress: OnProgress,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Path, str, str]:
    """Download the source's one file into `folder`; return its path, its origin and its SHA-256.

    A `.partial` file stays behind only when the connection was lost or the user interrupted, and
    the next call goes on from there. `sleep` waits between tries.

    Raises:
        WeightsUnavailable: the hub cannot be reached, refuses, or does not have exactly one such
            file, or the disk is full.
        WeightsDamaged: what came has another size or hash than promised; it was deleted.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or _DEFAULT_ENDPOINT
    with _client() as client:
        on_progress("looking up", 0, 0)
        wanted = _with_retries(lambda: _resolve(client, endpoint, source), endpoint, sleep)
        destination = folder / PurePosixPath(wanted.name).name
        partial = folder / f"{destination.name}.partial"
        already = partial.stat().st_size if partial.is_file() else 0
        check_free_space(folder, max(0, wanted.size - already))
        _download(client, endpoint, source, wanted, partial, on_progress=on_progress, sleep=sleep)
        _note_path(partial).unlink(missing_ok=True)
        sha256 = accept(partial, destination, wanted.size, wanted.sha256, on_progress)
    return destination, wanted.origin, sha256


def _client() -> httpx.Client:
    try:
        return httpx.Client(timeout=_TIMEOUT, follow_redirects=True)
    except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
        # ImportError: a SOCKS proxy needs the optional package `socksio`.
        raise WeightsUnavailable(
            f"The proxy or certificate settings of this environment cannot be used: {error}."
        ) from error


def _resolve(client: httpx.Client, endpoint: str, source: HubSource) -> HubFile:
    address = (
        f"{endpoint}/api/models/{quote(source.repository)}/revision/{quote(source.revision, '')}"
    )
    response = client.get(address, params={"blobs": "true"}, headers=_headers())
    _check_status(response, endpoint, source)
    try:
        repository = msgspec.json.decode(response.content, type=_Repository)
    except msgspec.DecodeError as error:
        raise WeightsUnavailable(
            f"{_shown(endpoint)} answers with something else than a list of files for"
            f" {source.repository}; is HF_ENDPOINT right?"
        ) from error
    pattern = source.file_pattern.lower()  # `Q8_0` and `q8_0` both occur, often in one family
    found = [
        file for file in repository.siblings if fnmatch.fnmatchcase(file.rfilename.lower(), pattern)
    ]
    if len(found) != 1:
        raise WeightsUnavailable(_not_exactly_one(source, found or repository.siblings, found))
    (file,) = found
    listed_sha256 = str((file.lfs or {}).get("sha256", ""))
    if source.sha256 and listed_sha256 and listed_sha256 != source.sha256:
        raise WeightsUnavailable(
            f"{source.repository} now has another {file.rfilename} than the manifest's sha256 says."
        )
    return HubFile(
        repository=source.repository,
        commit=repository.sha,
        name=file.rfilename,
        size=file.size or 0,
        sha256=source.sha256 or listed_sha256,
    )


def _not_exactly_one(source: HubSource, candidates: list[_Listed], found: list[_Listed]) -> str:
    names = sorted(file.rfilename for file in candidates)
    if not found:
        names = [name for name in names if name.endswith(".gguf")] or names
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    count = f"{len(found)} files match" if found else "no file matches"
    return (
        f"In {source.repository} {count} {source.file_pattern!r}; there are: {shown or 'no files'}."
        " Correct `weights.source.file_pattern` in the manifest."
    )


def _download(
    client: httpx.Client,
    endpoint: str,
    source: HubSource,
    wanted: HubFile,
    partial: Path,
    *,
    on_progress: OnProgress,
    sleep: Callable[[float], None],
) -> None:
    address = f"{endpoint}/{quote(source.repository)}/resolve/{wanted.commit}/{quote(wanted.name)}"

    def attempt() -> None:
        start, entity_tag = _resume_point(partial, wanted)
        if wanted.size and start == wanted.size:
            return
        headers = _headers()
        if start:
            headers["Range"] = f"bytes={start}-"
            # Without If-Range a file that has changed would be glued to the old one's beginning.
            if entity_tag:
                headers["If-Range"] = entity_tag
        with client.stream("GET", address, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                partial.unlink(missing_ok=True)
                raise _TransientError("it cannot resume there")
            _check_status(response, endpoint, source)
            if not (start and _continues_at(response, start)):
                # The server sends the whole file: it knows no ranges, or the file has changed.
                start = 0
                partial.unlink(missing_ok=True)
            total = wanted.size or start + int(response.headers.get("Content-Length", 0))
            _write_note(partial, wanted, _strong_entity_tag(response))
            write_pieces(
                _no_more_than(response.iter_raw(_NETWORK_PIECE_BYTES), total - start),
                partial,
                start=start,
                total=total,
                phase="downloading",
                on_progress=on_progress,
            )

    size_before = [0]

    def made_progress() -> bool:
        size = partial.stat().st_size if partial.is_file() else 0
        grew = size > size_before[0]
        size_before[0] = size
        return grew

    def told_sleep(seconds: float) -> None:
        on_progress("waiting to try again", size_before[0], wanted.size)
        sleep(seconds)

    _with_retries(attempt, endpoint, told_sleep, made_progress)


def _shown(endpoint: str) -> str:
    """Return an address without the user name and password that it may carry."""
    return re.sub(r"//[^/@]*@", "//", endpoint)


def _headers() -> dict[str, str]:
    # `identity`: a compressed answer would have other byte offsets than the file.
    headers = {"User-Agent": "tabwright", "Accept-Encoding": "identity"}
    # Set on the request, not on the client: httpx drops it when a redirect leaves this host.
    if token := os.environ.get("HF_TOKEN", "").strip():
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _check_status(response: httpx.Response, endpoint: str, source: HubSource) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _TRANSIENT_STATUSES:
        raise _TransientError(f"HTTP status {status}", _retry_after(response))
    hub = _shown(endpoint)
    if status in (401, 403):
        raise WeightsUnavailable(
            f"{hub} does not give {source.repository} to just anyone (status {status}):"
            f" accept its licence at {hub}/{source.repository}, then set HF_TOKEN to an"
            " access token of your account. A repository that does not exist looks the same."
        )
    if status == 404:
        raise WeightsUnavailable(
            f"{hub} has no {source.repository} at revision {source.revision!r}; correct"
            " `weights.source` in the manifest."
        )
    raise WeightsUnavailable(f"{hub} refuses {source.repository} with HTTP status {status}.")


def _retry_after(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0")))
    except ValueError:  # a date, which hubs do not send
        return 0.0


def _with_retries(
    attempt: Callable[[], _Result],
    endpoint: str,
    sleep: Callable[[float], None],
    made_progress: Callable[[], bool] = lambda: False,
) -> _Result:
    """Try again after passing failures, with doubling waits, as long as there is hope."""
    hub = _shown(endpoint)
    failures = 0
    while True:
        try:
            return attempt()
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise WeightsUnavailable(f"HF_ENDPOINT is no usable address: {error}.") from error
        except (httpx.TransportError, _TransientError) as error:
            failures = 1 if made_progress() else failures + 1
            if failures >= _TRIES:
                raise WeightsUnavailable(
                    f"{hub} cannot be reached ({_cause(error)}); check the network, a proxy"
                    " in HTTPS_PROXY, or a mirror in HF_ENDPOINT, and try again to go on."
                ) from error
            wait = getattr(error, "wait_seconds", 0.0) or 2.0 ** (failures - 1)
            sleep(min(wait, _LONGEST_WAIT_SECONDS))
        except httpx.HTTPError as error:
            raise WeightsUnavailable(f"{hub} cannot be used: {_cause(error)}.") from error


def _cause(error: Exception) -> str:
    return str(error) or type(error).__name__


def _resume_point(partial: Path, wanted: HubFile) -> tuple[int, str]:
    """Return the byte to go on from and the entity tag seen then; start anew when in doubt."""
    try:
        note = msgspec.json.decode(_note_path(partial).read_bytes(), type=_Resumable)
        size = partial.stat().st_size
    except (OSError, msgspec.DecodeError):
        return 0, ""
    if wanted.sha256:
        is_same = note.sha256 == wanted.sha256
    else:
        is_same = note.origin == wanted.origin and bool(note.entity_tag)
    if not is_same or (wanted.size and size > wanted.size):
        return 0, ""
    return size, note.entity_tag


def _write_note(partial: Path, wanted: HubFile, entity_tag: str) -> None:
    note = _Resumable(origin=wanted.origin, sha256=wanted.sha256, entity_tag=entity_tag)
    # Without a note the download still works; it only cannot be resumed.
    with contextlib.suppress(OSError):
        _note_path(partial).write_bytes(msgspec.json.encode(note))


def _note_path(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _strong_entity_tag(response: httpx.Response) -> str:
    tag = str(response.headers.get("ETag", ""))
    return "" if tag.startswith("W/") else tag


def _continues_at(response: httpx.Response, start: int) -> bool:
    """Tell whether the answer begins at that byte; False when it is the whole file.

    Raises:
        _TransientError: it begins elsewhere.
    """
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return False
    begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if not begins or int(begins[1]) != start:
        raise _TransientError("it resumes at another byte than asked")
    return True


def _no_more_than(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Pass pieces on; stop after one byte more than promised, so that no server fills the disk."""
    passed = 0
    for piece in pieces:
        yield piece
        passed += len(piece)
        if limit > 0 and passed > limit:
            return
