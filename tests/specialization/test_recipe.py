import hashlib
import sys
from pathlib import Path

import msgspec
import pytest

from tabwright.bundled_data import models_folder
from tabwright.errors import SpecializationError, TrainingFailed
from tabwright.model.catalogue import read_manifest
from tabwright.specialization import recipe as recipes
from tabwright.specialization.recipe import Recipe, StageRecord, follow, read_recipe
from tabwright.specialization.training_client import Limits, run_training

FAKE = Path(__file__).with_name("fake_trainer.py")
RECIPE = """
base = "smollm2-135m"
rank = 32
seed = 1
[fill_in_the_middle]
order = "spm"
prefix = "<a>"
suffix = "<b>"
middle = "<c>"
[repository_format]
file_separator = "<d>"
[[stage]]
id = "general"
corpora = ["one", "two"]
share = 0.5
steps = 10
learning_rate = 1e-3
[[stage]]
id = "special"
starts_from = "general"
corpora = ["two"]
share = 0.5
steps = 5
learning_rate = 1e-3
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    for name in ("one", "two"):
        for part in ("train", "held_out"):
            file = tmp_path / "corpora" / name / f"{part}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'{{"text": "{name} {part}"}}\n', encoding="utf-8")
    return read_recipe(path)


class Kitchen:
    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.into = folder / "made"
        self.started: list[str] = []

    def follow(self, mode: str = "normally", minutes: float = 0.0):
        self.started.clear()
        return follow(
            self.recipe,
            read_manifest(models_folder() / "smollm2-135m.toml"),
            Path("weights.gguf"),
            self.folder / "corpora",
            self.into,
            Limits(memory_mb=4000),
            lambda stage, _progress: self.started.append(stage.id),
            minutes=minutes,
            command=(sys.executable, str(FAKE), mode),
        )


@pytest.fixture
def kitchen(tmp_path: Path, recipe: Recipe) -> Kitchen:
    return Kitchen(tmp_path, recipe)


def test_each_stage_leaves_its_adapter_and_a_record_and_nothing_else(kitchen):
    made = kitchen.follow()
    assert list(made) == ["general", "special"]
    assert sorted(path.name for path in kitchen.into.iterdir()) == [
        "general.gguf",
        "general.json",
        "special.gguf",
        "special.json",
    ]


def test_what_is_done_is_not_done_again(kitchen):
    first = kitchen.follow()
    assert kitchen.follow() == first
    assert kitchen.started == []


def test_a_changed_corpus_is_learned_anew_by_all_that_depends_on_it(kitchen):
    kitchen.follow()
    (kitchen.folder / "corpora" / "one" / "train.jsonl").write_text('{"text": "more"}\n')
    kitchen.follow()
    assert set(kitchen.started) == {"general"}  # the same adapter came of it: it is a fake
    (kitchen.folder / "corpora" / "two" / "train.jsonl").write_text('{"text": "more"}\n')
    kitchen.follow()
    assert set(kitchen.started) == {"general", "special"}


def test_a_damaged_adapter_is_made_again(kitchen):
    kitchen.follow()
    (kitchen.into / "special.gguf").write_bytes(b"GGUF, but cut off")
    kitchen.follow()
    assert set(kitchen.started) == {"special"}


def test_a_stage_that_fails_leaves_the_earlier_ones(kitchen):
    kitchen.follow()
    (kitchen.folder / "corpora" / "two" / "train.jsonl").write_text('{"text": "more"}\n')
    with pytest.raises(TrainingFailed):
        kitchen.follow("crashes")
    assert (kitchen.into / "general.gguf").is_file()


def test_a_missing_corpus_is_named_with_the_command_that_makes_it(kitchen):
    (kitchen.folder / "corpora" / "two" / "train.jsonl").unlink()
    with pytest.raises(SpecializationError, match="tabwright corpus build two --into"):
        kitchen.follow()


def with_excerpts(recipe: Recipe) -> Recipe:
    general, special = recipe.stages
    return msgspec.structs.replace(
        recipe, stages=(general, msgspec.structs.replace(special, excerpts=True))
    )


def test_a_stage_that_is_to_see_excerpts_trains_a_manifest_that_says_so(kitchen, monkeypatch):
    trainings = {}

    def run(training, folder, *others):
        trainings[Path(training.output_path).stem] = training
        if training.excerpts_folder:
            Path(training.excerpts_folder).mkdir()  # as one that was killed leaves it
        return run_training(training, folder, *others)

    monkeypatch.setattr(recipes, "run_training", run)
    kitchen.recipe = with_excerpts(kitchen.recipe)
    kitchen.follow()
    assert trainings["general"].excerpts_folder == ""
    assert trainings["general"].manifest.sees_excerpts is False
    assert Path(trainings["special"].excerpts_folder).parent == kitchen.into
    assert trainings["special"].manifest.sees_excerpts is True
    assert not Path(trainings["special"].excerpts_folder).exists()


def test_a_stage_that_is_to_see_excerpts_is_made_again_and_no_other(kitchen):
    kitchen.follow()
    kitchen.recipe = with_excerpts(kitchen.recipe)
    kitchen.follow()
    assert set(kitchen.started) == {"special"}


def test_a_stage_that_learns_prompts_trains_so_and_is_made_again(kitchen, monkeypatch):
    kitchen.follow()
    trainings = []

    def run(training, *others):
        trainings.append(training)
        return run_training(training, *others)

    monkeypatch.setattr(recipes, "run_training", run)
    general, special = kitchen.recipe.stages
    kitchen.recipe = msgspec.structs.replace(
        kitchen.recipe, stages=(general, msgspec.structs.replace(special, prompts=True))
    )
    kitchen.follow()
    assert [each.learns_prompts for each in trainings] == [True]
    assert Path(trainings[0].output_path).stem == "special"


def test_what_was_made_before_there_were_excerpts_is_not_made_again(kitchen):
    """The hash is what the version before wrote for the same recipe and the same corpora."""
    made = kitchen.follow()
    assert made["general"].recipe == (
        "670b4c493bb3e3f2874e557e4ca155c86ad23dd5dac09ecbfb8c85c76399baea"
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('starts_from = "general"', 'starts_from = "special"', "no stage before it"),
        ("rank = 32", "rank = 0", "rank"),
        ("seed = 1", "seed = ", r"recipe\.toml"),
        ('id = "general"', 'id = "../general"', "id"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_in_a_sentence(tmp_path, old, new, complaint):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecializationError, match=complaint):
        read_recipe(path)


def test_the_recipe_of_the_weights_that_ship_can_be_read():
    recipe = read_recipe(models_folder() / "weights" / "recipe.toml")
    made = {stage.id: stage.starts_from for stage in recipe.stages}
    assert made["smollm2-135m-python"] == made["smollm2-135m-javascript"] == "smollm2-135m-code"
    assert read_manifest(models_folder() / f"{recipe.base}.toml")


def test_the_stage_to_go_on_from_is_whole_and_of_the_recipe():
    folder = models_folder() / "weights"
    recipe = read_recipe(folder / "recipe.toml")
    kept = (folder / f"{recipe.stages[0].id}.json").read_bytes()
    record = msgspec.json.decode(kept, type=StageRecord)
    adapter = (folder / f"{recipe.stages[0].id}.gguf").read_bytes()
    assert hashlib.sha256(adapter).hexdigest() == record.adapter_sha256
    assert record.trained.steps == recipe.stages[0].steps
    assert tuple(record.corpora) == recipe.stages[0].corpora
