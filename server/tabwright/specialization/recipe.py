"""Several trainings one after another, each from the result of an earlier one: weights that ship.

A run may be cut off at any moment. What is done is not done again: a stage whose adapter lies
beside a record with the same ingredients is left as it is, and a stage that was cut off goes on
from its checkpoint. Each adapter is a file of its own, of some ten megabytes.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from tabwright.errors import SpecializationError
from tabwright.model.manifest import FillInTheMiddle, Manifest, RepositoryFormat
from tabwright.specialization.training_client import Limits, run_training
from tabwright.specialization.training_messages import Progress, Trained, Training

_Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9._-]*$")]
_Positive = Annotated[float, msgspec.Meta(gt=0)]

TRAIN_FILE, HELD_OUT_FILE = "train.jsonl", "held_out.jsonl"


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One training."""

    id: _Name
    """The adapter's name, and the id of the model that will have it."""
    corpora: Annotated[tuple[_Name, ...], msgspec.Meta(min_length=1)]
    """Folders with `train.jsonl` and `held_out.jsonl`, as `tabwright corpus build` makes them."""
    share: _Positive
    """Of the time, where the time decides."""
    steps: Annotated[int, msgspec.Meta(ge=1)]
    """How many steps, where it does not."""
    learning_rate: _Positive
    starts_from: str = ""
    """The id of an earlier stage; empty starts from the base model."""
    excerpts: bool = False
    """Whether most long examples see excerpts of the other files of their package; the manifest
    of the model that comes of it then says `sees_excerpts = true`."""
    prompts: bool = False
    """Whether what prompts say is learned whole, as of a code base."""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"stages": "stage"}):
    """What is trained from what."""

    base: _Name
    rank: Annotated[int, msgspec.Meta(ge=1)]
    seed: int
    fill_in_the_middle: FillInTheMiddle
    repository_format: RepositoryFormat
    stages: tuple[Stage, ...]
    ends_with: str = ""


class StageRecord(msgspec.Struct, frozen=True):
    """How an adapter was made; written beside it when it is whole."""

    recipe: str
    """What decides about the result, as a hash."""
    corpora: dict[str, str]
    """SHA-256 of the training text of each."""
    trained: Trained
    adapter_sha256: str


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        SpecializationError: one sentence that names the file and what is wrong with it.
    """
    try:
        recipe = msgspec.toml.decode(path.read_bytes(), type=Recipe)
    except OSError as error:
        raise SpecializationError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SpecializationError(f"{path}: {error}.") from error
    known: set[str] = set()
    for stage in recipe.stages:
        if stage.starts_from and stage.starts_from not in known:
            raise SpecializationError(
                f"{path}: stage {stage.id} starts from {stage.starts_from!r}, which is no stage"
                " before it."
            )
        known.add(stage.id)
    return recipe


def follow(
    recipe: Recipe,
    base: Manifest,
    weights: Path,
    corpora: Path,
    into: Path,
    limits: Limits,
    on_progress: Callable[[Stage, Progress], None],
    *,
    minutes: float = 0.0,
    command: Sequence[str] = (),
) -> dict[str, StageRecord]:
    """Run every stage that is not done yet; return how each adapter was made, by its id.

    Args:
        base: the manifest of the base model, whose `weights` file is given.
        corpora: the folder of the corpora's folders.
        into: where `<id>.gguf` and `<id>.json` are written.
        minutes: for all stages together, divided by their shares; 0 takes the recipe's steps.
        command: the program that trains; empty for this package's own.

    Raises:
        SpecializationError: a corpus is missing, or a training failed; earlier stages are kept.
        TrainingInterrupted: Ctrl-C; the same call goes on from there.
    """
    manifest = msgspec.structs.replace(
        base,
        fill_in_the_middle=recipe.fill_in_the_middle,
        repository_format=recipe.repository_format,
        folder="",
    )
    into.mkdir(parents=True, exist_ok=True)
    shares = sum(stage.share for stage in recipe.stages)
    made: dict[str, StageRecord] = {}
    for stage in recipe.stages:
        hashes = {name: _sha256(_corpus_file(corpora / name, TRAIN_FILE)) for name in stage.corpora}
        start = made[stage.starts_from].adapter_sha256 if stage.starts_from else ""
        identity = _identity(recipe, stage, hashes, start, minutes)
        record = _record_of(into, stage.id)
        if record is None or record.recipe != identity:
            work = into / f"{stage.id}.excerpts" if stage.excerpts else None
            training = Training(
                manifest=_of_stage(manifest, stage),
                weights_path=str(weights),
                corpus_path=str(_joined(corpora, stage, TRAIN_FILE, into)),
                held_out_path=str(_joined(corpora, stage, HELD_OUT_FILE, into)),
                output_path=str(into / f"{stage.id}.gguf"),
                adapter_path=str(into / f"{stage.starts_from}.gguf") if stage.starts_from else "",
                checkpoint_path=str(into / f"{stage.id}.checkpoint"),
                minutes=minutes * stage.share / shares if minutes else 0.0,
                steps=0 if minutes else stage.steps,
                seed=recipe.seed,
                rank=recipe.rank,
                learning_rate=stage.learning_rate,
                ends_with=recipe.ends_with,
                excerpts_folder=str(work or ""),
                learns_prompts=stage.prompts,
            )
            trained = run_training(
                training, into, limits, functools.partial(on_progress, stage), command
            )
            record = StageRecord(identity, hashes, trained, _sha256(into / f"{stage.id}.gguf"))
            (into / f"{stage.id}.json").write_bytes(
                msgspec.json.format(msgspec.json.encode(record)) + b"\n"
            )
            for part in (TRAIN_FILE, HELD_OUT_FILE):
                (into / f"{stage.id}.{part}").unlink(missing_ok=True)
            if work is not None:
                shutil.rmtree(work, ignore_errors=True)
        made[stage.id] = record
    return made


def _of_stage(manifest: Manifest, stage: Stage) -> Manifest:
    return msgspec.structs.replace(manifest, sees_excerpts=True) if stage.excerpts else manifest


def _joined(corpora: Path, stage: Stage, part: str, into: Path) -> Path:
    """Return one file with a part of all of a stage's corpora, in the recipe's order."""
    joined = into / f"{stage.id}.{part}"
    with joined.open("wb") as file:
        for name in stage.corpora:
            file.write(_corpus_file(corpora / name, part).read_bytes())
    return joined


def _corpus_file(folder: Path, part: str) -> Path:
    path = folder / part
    if not path.is_file():
        raise SpecializationError(
            f"There is no {path}; `tabwright corpus build {folder.name} --into {folder}` makes it."
        )
    return path


def _record_of(into: Path, stage_id: str) -> StageRecord | None:
    """Return the record of an adapter that is whole and the one it tells of."""
    try:
        kept = (into / f"{stage_id}.json").read_bytes()
        record = msgspec.json.decode(kept, type=StageRecord)
        is_whole = _sha256(into / f"{stage_id}.gguf") == record.adapter_sha256
    except (OSError, msgspec.DecodeError):
        return None
    return record if is_whole else None


def _identity(
    recipe: Recipe, stage: Stage, hashes: dict[str, str], start: str, minutes: float
) -> str:
    shared = msgspec.to_builtins(msgspec.structs.replace(recipe, stages=()))
    own = msgspec.to_builtins(stage)
    for choice in ("excerpts", "prompts"):
        if not own[choice]:
            del own[choice]  # what was made before there was such a choice stays as it is
    parts = (shared, own, hashes, start, minutes)
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
