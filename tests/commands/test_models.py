"""`tabwright models`: what a user reads, in a terminal and in a pipe."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from small_gguf import adapter_file
from tabwright.commands.models import models_group
from tabwright.errors import CommandError, ManifestError, TabwrightError, WeightsMissing
from tabwright.model.catalogue import read_manifest
from tabwright.model.source_record import SourceRecord, StoredFile, write_record
from tabwright.model.weights import weights_folder

EMPTY_GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
MANIFEST = """
id = "mine"
name = "Mine"
family = "mine"
parameters_millions = 1
languages = ["python"]
context_tokens = 128
memory_mb = 1
[licence]
name = "House rules"
commercial_use = "forbidden"
warning = "Only for use at home."
[weights]
quantisation = "Q8_0"
size_mb = 1
[weights.source]
"""
EVIDENCE = """
[[evidence]]
language = "python"
against = "mine"
measure = "exact_match"
ours = 0.3
theirs = 0.1
low = 0.1
high = 0.3
items = 400
command = "python compare.py"
"""
OWN_FILE = 'kind = "file"\npath = "mine.gguf"\n'
FROM_HUB = 'kind = "hub"\nrepository = "a/b"\nfile_pattern = "*.gguf"\n'


@pytest.fixture(scope="module")
def default_weights_folder(default_weights: Path) -> Path:
    """Found before a test has directories of its own."""
    return default_weights.parent


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own models folder."""
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TABWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    folder = tmp_path / "config" / "models"
    folder.mkdir(parents=True)
    return folder


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(models_group, arguments, input=typed)


def check_error(kind: type[TabwrightError], *arguments: str) -> str:
    """The command raises an error of this kind with one sentence, which is returned."""
    result = run(*arguments)
    assert isinstance(result.exception, kind)
    return str(result.exception)


def add_own_file(models: Path) -> Path:
    (models / "mine.toml").write_text(MANIFEST + OWN_FILE)
    (models / "mine.gguf").write_bytes(EMPTY_GGUF)
    return models / "mine.gguf"


def add_fetched(models: Path) -> Path:
    """A model as `pull` would leave it."""
    (models / "mine.toml").write_text(MANIFEST + FROM_HUB)
    manifest = read_manifest(models / "mine.toml")
    folder = weights_folder(manifest)
    folder.mkdir(parents=True)
    (folder / "mine.gguf").write_bytes(EMPTY_GGUF)
    stored = StoredFile(
        name="mine.gguf",
        size=len(EMPTY_GGUF),
        sha256=hashlib.sha256(EMPTY_GGUF).hexdigest(),
        quantisation="Q8_0",
    )
    record = SourceRecord(source=manifest.weights.source, origin="a/b@1/mine.gguf", original=stored)
    write_record(folder, record)
    return folder / "mine.gguf"


def test_the_list_fits_80_columns_and_marks_default_and_licence(models: Path) -> None:
    add_own_file(models)
    result = run("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert any("smollm2-135m (default)" in line and line.split()[-1] == "no" for line in lines)
    (mine,) = (line.split() for line in lines if line.startswith("mine "))
    assert mine == ["mine", "1", "forbidden", "python", "yes"]
    assert "\x1b" not in result.stdout


def test_the_list_as_json_holds_the_same(models: Path) -> None:
    path = add_own_file(models)
    described = {one["id"]: one for one in json.loads(run("list", "--json").stdout)}
    assert described["mine"]["installed"] is True
    assert described["mine"]["path"] == str(path)
    assert described["smollm2-135m"]["installed"] is False
    assert described["mellum-4b-base"]["fill_in_the_middle"] is True


def test_a_bad_manifest_is_named_beside_the_list(models: Path) -> None:
    (models / "bad.toml").write_text('id = "bad"')
    result = run("list")
    assert result.exit_code == 0
    assert "bad.toml: field `name` is missing." in result.stderr
    assert "qwen2.5-coder-0.5b" in result.stdout


def test_pulling_prints_the_licence_warning_plain_lines_and_the_path(models: Path) -> None:
    path = add_own_file(models)
    result = run("pull", "mine")
    assert result.exit_code == 0, result.exception
    assert "House rules. Only for use at home." in result.stderr
    assert result.stdout == f"mine is ready: {path}\n"
    assert "\x1b" not in result.output


def test_pulling_an_unknown_model_suggests_another() -> None:
    assert "did you mean" in check_error(ManifestError, "pull", "smollm")


def test_pulling_what_is_not_there_says_where_it_should_be(models: Path) -> None:
    add_own_file(models).unlink()
    assert str(models / "mine.gguf") in check_error(WeightsMissing, "pull", "mine")


def test_verifying_names_each_file(models: Path) -> None:
    add_fetched(models)
    assert run("verify", "mine").stdout == "mine: mine.gguf is sound\n"
    assert run("verify", "--all").stdout == "mine: mine.gguf is sound\n"


def test_verifying_damage_fails_with_the_cure(models: Path) -> None:
    path = add_fetched(models)
    path.write_bytes(EMPTY_GGUF + b"!")
    for which in ("mine", "--all"):
        assert "tabwright models pull mine" in check_error(TabwrightError, "verify", which)


def test_verifying_nothing_says_so() -> None:
    assert run("verify", "--all").stdout == "No model is installed.\n"
    assert "models pull smollm2-135m" in check_error(WeightsMissing, "verify")


def test_verifying_one_and_all_is_refused(models: Path) -> None:
    add_fetched(models)
    check_error(CommandError, "verify", "mine", "--all")


def test_where_shows_every_file_and_its_origin(models: Path) -> None:
    path = add_fetched(models)
    for arguments in (("where",), ("where", "mine")):
        output = run(*arguments).stdout
        assert "a/b@1/mine.gguf" in output
        assert f"{path}  Q8_0, 0 MB, in use" in output
    assert run("where", "smollm2-135m").stdout == "smollm2-135m: not installed\n"


def test_removing_asks_first(models: Path) -> None:
    path = add_fetched(models)
    assert run("remove", "mine", typed="n\n").exit_code == 1
    assert path.exists()
    assert run("remove", "mine", "--yes").exit_code == 0
    assert not path.parent.exists()
    assert run("remove", "mine", "--yes").stdout == "mine is not installed.\n"


def test_a_file_of_ones_own_is_never_removed(models: Path) -> None:
    path = add_own_file(models)
    assert "delete it yourself" in check_error(TabwrightError, "remove", "mine", "--yes")
    assert path.exists()


ADAPTER = 'base = "mine"\nadapter = "weights/mine-py.gguf"\n'


def add_adapter(models: Path, content: bytes) -> Path:
    """A model made from `mine`, with its weights."""
    text = MANIFEST.replace('id = "mine"', 'id = "mine-py"')
    (models / "mine-py.toml").write_text(ADAPTER + text + FROM_HUB + EVIDENCE)
    (models / "weights").mkdir()
    path = models / "weights" / "mine-py.gguf"
    path.write_bytes(content)
    return path


def test_models_that_share_weights_are_shown_as_such(models: Path) -> None:
    weights = add_fetched(models)
    adapter = add_adapter(models, adapter_file())
    shown = run("where", "mine-py").stdout
    assert "shared with mine" in shown.splitlines()[0]
    assert f"  {weights}  Q8_0" in shown
    assert f"  {adapter}  adapter" in shown
    assert "mine-py.gguf is sound" in run("verify", "mine-py").stdout
    assert "uses those of mine" in check_error(TabwrightError, "remove", "mine-py", "--yes")
    assert "cannot be used without them: mine-py." in run("remove", "mine", "--yes").stdout
    assert run("where", "mine-py").stdout.splitlines()[0] == "mine-py: not installed"


def test_a_broken_adapter_is_shown_wherever_its_model_is(models: Path) -> None:
    add_fetched(models)
    add_adapter(models, adapter_file()[:-1])
    (line,) = (line for line in run("list").stdout.splitlines() if line.startswith("mine-py"))
    assert line.split()[-2:] == ["no", "adapter"]
    (one,) = (one for one in json.loads(run("list", "--json").stdout) if one["id"] == "mine-py")
    assert one["installed"] is False
    assert "cut short" in one["problem"]
    assert "cut short" in run("where", "mine-py").stdout
    assert "cut short" in check_error(TabwrightError, "verify", "mine-py")


def test_recommending_says_which_model_is_used_and_why(models: Path) -> None:
    add_fetched(models)
    add_adapter(models, adapter_file())
    found = json.loads(run("recommend", "--json", "python", "go").stdout)
    python, go = found["languages"]
    assert (python["model"], python["name"]) == ("mine-py", "mine-py")
    assert "exact match 0.3 against 0.1 of mine" in python["reason"]
    assert "mine-py is better" in python["others"]["mine"]
    assert go["model"] is None
    assert all(python["others"].values())


def test_the_recommendation_fits_80_columns_and_fetches_nothing(models: Path) -> None:
    add_fetched(models)
    add_adapter(models, b"")
    for arguments in ((), ("python",)):
        result = run("recommend", *arguments)
        assert result.exit_code == 0, result.exception
        assert max(len(line.rstrip()) for line in result.stdout.splitlines()) <= 80
        assert "\x1b" not in result.stdout
        assert "mine" in result.stdout
    assert "is not a GGUF file" in " ".join(result.stdout.split())


def test_without_any_model_the_recommendation_is_what_to_fetch() -> None:
    (python,) = json.loads(run("recommend", "--json", "python").stdout)["languages"]
    assert python["model"] is None
    assert python["better"]["size_mb"] > 0
    assert python["better"]["licence"]


def test_timing_nothing_says_what_to_do() -> None:
    assert "tabwright models pull" in check_error(CommandError, "bench")
    assert "mine" in check_error(ManifestError, "bench", "mine")


def test_timing_leaves_out_what_cannot_be_loaded_and_says_why(models: Path) -> None:
    add_fetched(models)
    add_adapter(models, b"")
    check_error(CommandError, "bench")
    result = run("bench")
    assert "mine cannot be measured: llama.cpp cannot load" in result.stderr
    assert "mine-py.gguf" in result.stderr


@pytest.mark.real_model
def test_timing_what_is_installed_is_remembered(default_weights_folder: Path, models: Path) -> None:
    weights = models.parent.parent / "data" / "weights"
    weights.mkdir(parents=True)
    (weights / "smollm2-135m").symlink_to(default_weights_folder)
    found = json.loads(run("bench", "--json").stdout)
    assert {"smollm2-135m", "smollm2-135m-python"} <= {one["id"] for one in found}
    for one in found:
        assert one["read_tokens_per_second"] > one["write_tokens_per_second"] > 0
        assert one["memory_mb"] > 100
        assert one["load_seconds"] > 0
    assert "Not measured yet" not in run("recommend", "python").stdout
    table = run("bench", "smollm2-135m").stdout
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 80


@pytest.mark.parametrize(
    "command", ["list", "pull", "verify", "where", "remove", "bench", "recommend"]
)
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 4


def test_importing_the_commands_loads_no_network_and_no_drawing() -> None:
    code = (
        "import sys, tabwright.commands.models;"
        "print([n for n in ('httpx', 'rich.table', 'rich.progress', 'filelock', 'llama_cpp')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
