"""The record of one completion: what `complete --record` writes and `replay` reads.

It is one JSON file that holds all a suggestion depends on, the text of the document included.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import stat
from pathlib import Path
from typing import Annotated, Any

import msgspec

import tabwright
from tabwright.commands.asking import Answered, Asked
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason
from tabwright.errors import CommandError
from tabwright.model.incoming_file import hash_file
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Guess
from tabwright.model.weights import adapter_path, require_weights
from tabwright.settings import CompletionSettings, Settings, camel_case

SCHEMA = 3
"""The form of the record; another number means that fields were added, renamed or dropped."""

_LOG_PROBABILITY_DIGITS = 3
_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR
_SESSION_SETTINGS = ("threads", "gpu_layers")
"""Of the settings that hold for all languages, those with which the model computes."""
_WITHOUT_EFFECT = frozenset({"debounce_seconds"})

_NOT_RECORDED = frozenset(
    {
        Reason.EXCLUDED_FILE,
        Reason.FILE_TOO_LARGE,
        Reason.DOCUMENT_NOT_OPEN,
        Reason.MODEL_MISSING,
        Reason.MODEL_LOADING,
        Reason.MODEL_FAILED,
        Reason.MODEL_RESTARTING,
        Reason.MODEL_GAVE_UP,
        Reason.SUPERSEDED,
        Reason.TIME_LIMIT,
        Reason.INTERNAL_ERROR,
    }
)
"""Nothing to repeat: they tell of this machine at one moment, or the file is nobody's business."""


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What computed."""

    tabwright: str
    llama_cpp_python: str
    system_info: str
    """llama.cpp's own line about the processor; empty where no model was asked."""


class RecordedModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model that was asked."""

    id: str
    weights: str
    """The name of the file that was loaded, which may be a faster copy."""
    sha256: str
    adapter: str = ""
    adapter_sha256: str = ""


class RecordedSpeeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast the model was taken to be, which decides how much it reads and writes."""

    read: float
    write: float


class RecordedOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of it: a suggestion, or the name of a reason."""

    suggestion: str
    reason: str
    generated_tokens: int
    mean_log_probability: float
    """Rounded, because the last digits depend on the processor; 0 without a suggestion."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One completion, with all it takes to do it again."""

    schema: int
    program: Program
    model: RecordedModel | None
    text: str
    language: str
    """The editor's language id."""
    relative_path: str
    cursor_offset: Annotated[int, msgspec.Meta(ge=0)]
    """Characters (Unicode code points) of `text` before the cursor."""
    is_automatic: bool
    settings: dict[str, Any]
    """Those that can change a suggestion, as they held for the language, under editors' names."""
    outcome: RecordedOutcome
    route: str = ""
    """Why this model was asked, in a few words."""
    speeds: RecordedSpeeds | None = None
    """None where no model was asked."""
    guesses: dict[str, tuple[Guess, ...]] = {}
    """What the workspace's code says about how the line goes on, by what is written behind the
    cursor: text, probability, whether the line ends there."""
    excerpts: tuple[tuple[str, str], ...] = ()
    """What the model was shown of the workspace's other files: paths and texts."""
    unknown_names: tuple[str, ...] = ()
    """Names in the suggestion that neither the document nor the workspace has."""


class _Schema(msgspec.Struct, frozen=True):
    schema: int


def record_of(asked: Asked, answered: Answered) -> Record:
    """Return the record of a completion; hashes the weights.

    Raises:
        CommandError: the outcome says nothing that could be repeated.
        WeightsMissing: the weights have gone meanwhile.
    """
    outcome = answered.outcome
    if isinstance(outcome, NoSuggestion) and outcome.reason in _NOT_RECORDED:
        raise CommandError(f"There is nothing to record. {outcome.sentence}")
    speeds = answered.speeds
    return Record(
        schema=SCHEMA,
        program=program_of(answered),
        model=model_of(answered.model) if answered.model is not None else None,
        text=asked.text,
        language=answered.language,
        relative_path=answered.relative_path,
        cursor_offset=asked.offset,
        is_automatic=asked.is_automatic,
        settings=settings_that_matter(answered),
        outcome=recorded_outcome(outcome),
        route=answered.route,
        speeds=RecordedSpeeds(speeds.read, speeds.write) if speeds is not None else None,
        guesses=dict(answered.guesses),
        excerpts=answered.excerpts,
        unknown_names=answered.unknown_names,
    )


def program_of(answered: Answered) -> Program:
    """Return what has just computed."""
    try:
        library = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        library = "unknown"
    return Program(tabwright.__version__, library, answered.system_info)


def model_of(manifest: Manifest) -> RecordedModel:
    """Return the identity of an installed model; reads its whole files.

    Raises:
        WeightsMissing: its weights are not on this machine.
        CommandError: they cannot be read.
    """
    weights = require_weights(manifest)
    adapter = adapter_path(manifest)
    return RecordedModel(
        id=manifest.id,
        weights=weights.name,
        sha256=_sha256(weights),
        adapter=manifest.adapter,
        adapter_sha256=_sha256(adapter) if adapter is not None else "",
    )


def _sha256(path: Path) -> str:
    try:
        return hash_file(path, lambda _phase, _done, _total: None)
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror}.") from error


def settings_that_matter(answered: Answered) -> dict[str, Any]:
    """Return the settings that can change a suggestion, as they held, with `auto` resolved."""
    settings: Settings = answered.settings
    here = answered.settings_there
    values = {
        each.name: getattr(here, each.name)
        for each in dataclasses.fields(CompletionSettings)
        if each.name not in _WITHOUT_EFFECT
    }
    values |= {name: getattr(settings, name) for name in _SESSION_SETTINGS}
    if answered.model is not None:
        values["model"] = answered.model.id
    return {camel_case(name): value for name, value in values.items()}


def recorded_outcome(outcome: Outcome) -> RecordedOutcome:
    """Return what a record keeps of an outcome."""
    tokens = outcome.timings.generated_tokens
    if isinstance(outcome, NoSuggestion):
        return RecordedOutcome("", outcome.reason.value, tokens, 0.0)
    sureness = round(outcome.mean_log_probability, _LOG_PROBABILITY_DIGITS)
    return RecordedOutcome(outcome.text, "", tokens, sureness)


def write_record(record: Record, path: Path) -> None:
    """Write a record that only its owner can read, because it holds source text.

    Raises:
        CommandError: the file cannot be written.
    """
    data = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _OWNER_ONLY)  # a file that was there kept its own mode
            file.write(data)
    except OSError as error:
        raise CommandError(f"Cannot write {path}: {error.strerror}.") from error


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        CommandError: it cannot be read, is damaged, or is of another schema.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror}.") from error
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
        if schema != SCHEMA:
            raise CommandError(
                f"{path} is a record of schema {schema}; this version of Tabwright replays"
                f" schema {SCHEMA}."
            )
        record = msgspec.json.decode(data, type=Record)
    except msgspec.DecodeError as error:
        raise CommandError(f"{path} is damaged, or no record of a completion: {error}.") from error
    if record.cursor_offset > len(record.text):
        raise CommandError(f"{path} is damaged: its cursor is beyond the end of its text.")
    return record
