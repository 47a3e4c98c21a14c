"""A whole run: what is installed, what is kept, and what a failure leaves behind."""

from __future__ import annotations

import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from specialization.workspaces import write_workspace
from tabwright.commands.building import build_catalogue, build_languages
from tabwright.errors import SpecializationError, TrainingFailed, TrainingInterrupted
from tabwright.model.manifest import LocalSource, Manifest
from tabwright.specialization import specializing
from tabwright.specialization.installing import candidate_manifest, card_of, remove
from tabwright.specialization.judging import Answer, Contestant
from tabwright.specialization.package_excerpts import PackageExcerpts
from tabwright.specialization.run_folder import discard_run, opened_run
from tabwright.specialization.specializing import Commands, Finished, Plan, specialize
from tabwright.specialization.spots import Spot
from tabwright.specialization.training_client import Limits, run_training
from tabwright.specialization.training_messages import Trained, Training
from tabwright.specialization.workspace_sources import read_workspace
from tabwright.user_directories import (
    data_directory,
    specialised_models_directory,
    specialising_directory,
)

LANGUAGES = build_languages()
FAKE = str(Path(__file__).parent / "fake_trainer.py")
MODEL = "workspace-x-00000000"


@pytest.fixture
def plan(own_directories: Path) -> Plan:
    """A plan for a small workspace, on weights that nobody loads."""
    weights = own_directories / "weights.gguf"
    weights.write_bytes(b"GGUF")
    bundled = build_catalogue().get("smollm2-135m")
    source = msgspec.structs.replace(bundled.weights, source=LocalSource(str(weights)))
    base = msgspec.structs.replace(bundled, weights=source)
    folder = write_workspace(own_directories / "workspace", 40)
    return Plan(
        base=base,
        candidate=candidate_manifest(
            base, MODEL, "Made for x", languages=("python",), products=(str(folder),)
        ),
        sources=read_workspace(folder, LANGUAGES).sources,
        what="the code of one workspace",
        command="tabwright specialize --workspace x",
        minutes=20,
        seed=7,
        memory_mb=100_000,
    )


class Judges:
    """Stands in for the models: the base knows nothing, the candidate as much as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.candidate_knows = True
        self.failure: BaseException | None = None
        self.excerpts: object = None
        monkeypatch.setattr(specializing, "ask", self.ask)

    async def ask(
        self, contestants: Sequence[Contestant], spots: Sequence[Spot], *others: object
    ) -> list[list[Answer]]:
        base, candidate = contestants
        self.excerpts = others[-1]
        assert candidate.adapter is not None
        assert candidate.adapter.is_file()
        assert candidate.weights == base.weights
        if self.failure is not None:
            raise self.failure
        return [
            [Answer("§")] * len(spots),
            [Answer(each.middle if self.candidate_knows else "§") for each in spots],
        ]


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> Judges:
    return Judges(monkeypatch)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """What was trained, in order."""
    found: list[Training] = []

    def note(training: Training, *others: Any) -> Trained:
        found.append(training)
        return run_training(training, *others)

    monkeypatch.setattr(specializing, "run_training", note)
    return found


def run(plan: Plan, mode: str = "normally") -> tuple[Finished, list[Mapping[str, Any]]]:
    events: list[Mapping[str, Any]] = []
    commands = Commands(trainer=(sys.executable, FAKE, mode))
    return specialize(plan, LANGUAGES, events.append, commands), events


def installed() -> Manifest | None:
    found = [each for each in build_catalogue().manifests if each.id == MODEL]
    return found[0] if found else None


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


def interrupt(plan: Plan, mode: str = "waits", said: str = "goes on") -> None:
    """Press Ctrl-C as soon as training has said something."""

    def on_event(event: Mapping[str, Any]) -> None:
        if event["kind"] == "progress":
            raise KeyboardInterrupt

    commands = Commands(trainer=(sys.executable, FAKE, mode))
    with pytest.raises(TrainingInterrupted, match=said):
        specialize(plan, LANGUAGES, on_event, commands)


@pytest.mark.usefixtures("judges")
def test_a_better_model_is_installed_with_its_evidence_and_its_card(plan: Plan) -> None:
    finished, events = run(plan)
    found = installed()
    assert found is not None
    assert finished.installed == found
    assert found.base == "smollm2-135m"
    first = found.evidence[0]
    assert (first.measure, first.against, first.ours, first.theirs) == (
        "exact_match",
        "smollm2-135m",
        1.0,
        0.0,
    )
    assert first.low > 0
    assert first.command.endswith("--steps 100")
    card = card_of(found).read_text()
    assert plan.sources.digest in card
    assert "500 of them to be predicted, 75 % of the change kept" in card
    assert not any(file.path in card for file in plan.sources.train)
    assert [event["kind"] for event in events] == ["started", "progress", "progress"]
    assert [event["fraction"] for event in events[1:]] == [0.25, 110 / 120]


@pytest.mark.usefixtures("judges")
def test_nothing_of_the_run_is_left_once_it_is_over(plan: Plan) -> None:
    run(plan)
    assert files_below(specialising_directory()) == {}


def test_a_model_that_is_not_better_changes_nothing(plan: Plan, judges: Judges) -> None:
    judges.candidate_knows = False
    finished, _ = run(plan)
    assert finished.installed is None
    assert files_below(data_directory()) == {}


def test_a_model_that_is_not_better_leaves_an_earlier_one(plan: Plan, judges: Judges) -> None:
    run(plan)
    before = files_below(specialised_models_directory())
    judges.candidate_knows = False
    run(replace(plan, seed=8))
    assert files_below(specialised_models_directory()) == before


@pytest.mark.usefixtures("judges")
@pytest.mark.parametrize("mode", ["crashes", "is killed", "fills the disk", "says why it failed"])
def test_a_training_that_fails_leaves_what_was_installed(mode: str, plan: Plan) -> None:
    run(plan)
    before = files_below(specialised_models_directory())
    with pytest.raises(TrainingFailed):
        run(replace(plan, seed=8), mode)
    assert files_below(specialised_models_directory()) == before


@pytest.mark.usefixtures("judges")
def test_a_training_that_takes_too_much_memory_leaves_what_was_installed(plan: Plan) -> None:
    run(plan)
    before = files_below(specialised_models_directory())
    tiny = msgspec.structs.replace(plan.base, parameters_millions=1)
    with pytest.raises(TrainingFailed, match="--memory-mb"):
        run(replace(plan, base=tiny, memory_mb=710, seed=8), "wants much memory")
    assert files_below(specialised_models_directory()) == before


@pytest.mark.usefixtures("judges")
def test_a_training_without_a_model_installs_nothing(plan: Plan) -> None:
    with pytest.raises(SpecializationError, match="without a model"):
        run(plan, "leaves no model")
    assert installed() is None


@pytest.mark.usefixtures("judges")
def test_an_interrupted_training_goes_on_where_it_stopped(plan: Plan) -> None:
    interrupt(plan)
    assert installed() is None
    _, events = run(plan)
    assert events[0]["resumed"]
    found = installed()
    assert found is not None
    assert b"from a checkpoint" in (Path(found.folder) / found.adapter).read_bytes()


@pytest.mark.usefixtures("judges")
def test_what_is_stopped_before_its_first_checkpoint_leaves_nothing(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(specializing, "Limits", lambda memory: Limits(memory, stopping_seconds=0.5))
    interrupt(plan, "ignores its end", "before anything was learned")
    assert files_below(data_directory()) == {}


@pytest.mark.usefixtures("judges")
@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"minutes": 5}, {"is_fresh": True}, {"steps": 10}],
    ids=["seed", "minutes", "fresh", "steps"],
)
def test_other_options_begin_anew(change: dict[str, Any], plan: Plan) -> None:
    interrupt(plan)
    _, events = run(replace(plan, **change))
    assert not events[0]["resumed"]
    assert events[0]["outdated"] == ("is_fresh" not in change)


@pytest.mark.usefixtures("judges")
def test_other_texts_begin_anew(plan: Plan) -> None:
    interrupt(plan)
    fewer = replace(plan.sources, train=plan.sources.train[1:])
    _, events = run(replace(plan, sources=fewer))
    assert events[0]["outdated"]


@pytest.mark.parametrize("sees", [False, True])
def test_what_the_base_says_of_excerpts_holds_for_training_and_judging(
    sees: bool, plan: Plan, judges: Judges, trained: list[Training]
) -> None:
    base = msgspec.structs.replace(plan.base, sees_excerpts=sees)
    candidate = candidate_manifest(base, MODEL, "Made for x", languages=("python",))
    finished, _ = run(replace(plan, base=base, candidate=candidate))
    assert bool(trained[0].excerpts_folder) == sees
    assert trained[0].manifest.sees_excerpts == sees
    assert isinstance(judges.excerpts, PackageExcerpts) == sees
    assert finished.installed is not None
    assert finished.installed.sees_excerpts == sees
    assert files_below(specialising_directory()) == {}


@pytest.mark.parametrize("products", [(), ("/somewhere",)])
def test_a_code_base_is_learned_whole_and_a_language_is_not(
    products: tuple[str, ...], plan: Plan, judges: Judges, trained: list[Training]
) -> None:
    judges.candidate_knows = False
    run(replace(plan, candidate=msgspec.structs.replace(plan.candidate, products=products)))
    assert trained[0].learns_prompts == bool(products)


def test_ctrl_c_while_judging_does_not_train_again(plan: Plan, judges: Judges) -> None:
    judges.failure = KeyboardInterrupt()
    with pytest.raises(TrainingInterrupted, match="goes on"):
        run(plan)
    judges.failure = None
    finished, events = run(plan, "crashes")  # it is not even started
    assert events[0]["resumed"]
    assert finished.installed is not None


@pytest.mark.usefixtures("judges")
def test_what_is_kept_meanwhile_is_for_its_owner_alone(plan: Plan) -> None:
    interrupt(plan)
    root = specialising_directory()
    assert (root / MODEL / "train.jsonl").is_file()
    assert root.is_relative_to(data_directory())
    for folder in (root, root / MODEL):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((root / MODEL / "train.jsonl").stat().st_mode) == 0o600
    assert discard_run(MODEL)
    assert not discard_run(MODEL)
    assert not (root / MODEL).exists()


@pytest.mark.usefixtures("judges")
def test_one_model_is_not_made_twice_at_the_same_time(plan: Plan) -> None:
    with (
        opened_run(MODEL, plan.sources, {}, is_fresh=False),
        pytest.raises(SpecializationError, match="another process"),
    ):
        run(plan)


@pytest.mark.usefixtures("judges")
def test_too_little_memory_or_disk_is_said_before_anything_begins(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecializationError, match="--base"):
        run(replace(plan, memory_mb=500))

    def full(_folder: object) -> object:
        return type("Usage", (), {"free": 1_000_000})()

    monkeypatch.setattr(specializing.shutil, "disk_usage", full)
    with pytest.raises(SpecializationError, match="are free"):
        run(plan)
    assert files_below(data_directory()) == {}


@pytest.mark.usefixtures("judges")
def test_a_data_directory_that_cannot_be_written_is_one_sentence(plan: Plan) -> None:
    specialising_directory().parent.mkdir(parents=True)
    specialising_directory().write_text("a file in its place")
    with pytest.raises(SpecializationError, match="Nothing that is installed was changed"):
        run(plan)


@pytest.mark.usefixtures("judges")
def test_the_same_run_twice_gives_the_same_files(plan: Plan) -> None:
    run(plan)
    before = files_below(specialised_models_directory())
    assert remove(MODEL)
    run(plan)
    assert files_below(specialised_models_directory()) == before
