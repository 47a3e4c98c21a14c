"""Reading manifests: what is bundled, what a user adds, and what is wrong with a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tabwright.bundled_data import models_folder
from tabwright.errors import ManifestError
from tabwright.model.catalogue import catalogue_folders, read_catalogue, read_manifest
from tabwright.model.manifest import LocalSource, Manifest
from tabwright.model.weights import local_weights_path

MANIFEST = """
id = "mine"
name = "Mine"
family = "qwen2.5-coder"
parameters_millions = 494
languages = ["python"]
context_tokens = 32768
memory_mb = 900
stop_strings = ["<stop>", "<prefix>"]

[licence]
name = "Apache-2.0"
commercial_use = "allowed"

[weights]
quantisation = "Q8_0"
size_mb = 531

[weights.source]
kind = "file"
path = "mine.gguf"

[fill_in_the_middle]
order = "psm"
prefix = "<prefix>"
suffix = "<suffix>"
middle = "<middle>"
"""

BUNDLED = read_catalogue([models_folder()])


def write_manifest(folder: Path, text: str = MANIFEST, name: str = "mine.toml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def check_problem(folder: Path, text: str, *words: str) -> None:
    """The file is left out with one sentence that holds the words, and nothing is raised."""
    path = write_manifest(folder, text)
    catalogue = read_catalogue([folder])
    assert catalogue.manifests == ()
    (problem,) = catalogue.problems
    assert str(path) in problem
    assert "\n" not in problem.strip()
    for word in words:
        assert word in problem


def test_every_bundled_manifest_can_be_used() -> None:
    assert BUNDLED.problems == ()
    assert len(BUNDLED.manifests) == len(list(models_folder().glob("*.toml"))) >= 13
    assert BUNDLED.default.id == "smollm2-135m"
    assert BUNDLED.default.licence.commercial_use == "allowed"
    assert sum(manifest.is_default for manifest in BUNDLED.manifests) == 1


def test_the_table_in_the_readme_agrees_with_the_manifests() -> None:
    text = (models_folder() / "README.md").read_text()
    rows = re.findall(
        r"^\| `([^`]+)`.*\| (\S+) M \| (\S+) MB \|[^|]*\| ([^|]+) \| (\w+) \|$", text, re.M
    )
    stated = {
        (one, int(size.replace(",", "")), int(mb.replace(",", "")), licence, use)
        for one, size, mb, licence, use in rows
    }
    assert stated == {
        (
            one.id,
            one.parameters_millions,
            one.weights.size_mb,
            one.licence.name,
            one.licence.commercial_use,
        )
        for one in BUNDLED.manifests
    }


def test_every_field_is_explained_in_the_readme() -> None:
    text = (models_folder() / "README.md").read_text()
    for field in Manifest.__struct_fields__:
        if field not in ("folder", "weights", "licence", "fill_in_the_middle", "repository_format"):
            assert f"`{field}`" in text, field


@pytest.mark.parametrize("manifest", BUNDLED.manifests, ids=lambda manifest: manifest.id)
def test_a_licence_with_conditions_carries_a_plain_warning(manifest: Manifest) -> None:
    assert bool(manifest.licence.warning) == (manifest.licence.commercial_use != "allowed")


def test_a_user_manifest_overrides_by_id_and_can_be_the_default(tmp_path: Path) -> None:
    text = MANIFEST.replace('id = "mine"', 'id = "qwen2.5-coder-0.5b"\nis_default = true')
    write_manifest(tmp_path, text, "qwen2.5-coder-0.5b.toml")
    catalogue = read_catalogue([models_folder(), tmp_path])
    assert catalogue.problems == ()
    assert len(catalogue.manifests) == len(BUNDLED.manifests)
    assert catalogue.get("qwen2.5-coder-0.5b").name == "Mine"
    assert catalogue.default.name == "Mine"


def test_a_gguf_file_of_ones_own_is_found_beside_its_manifest(tmp_path: Path) -> None:
    write_manifest(tmp_path)
    manifest = read_catalogue([tmp_path]).get("mine")
    assert isinstance(manifest.weights.source, LocalSource)
    assert local_weights_path(manifest, manifest.weights.source) == tmp_path / "mine.gguf"
    assert manifest.control_strings == ("<prefix>", "<suffix>", "<middle>", "<stop>")


def test_folders_that_do_not_exist_hold_nothing(tmp_path: Path) -> None:
    assert read_catalogue([tmp_path / "none"]).manifests == ()
    with pytest.raises(ManifestError, match="is_default"):
        _ = read_catalogue([tmp_path / "none"]).default


def test_the_users_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABWRIGHT_CONFIG_DIR", str(tmp_path))
    assert catalogue_folders()[0] == models_folder()
    assert catalogue_folders()[-1] == tmp_path / "models"


def test_models_made_here_are_among_the_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(tmp_path))
    assert tmp_path / "specialised" in catalogue_folders()


def test_a_misspelt_id_suggests_the_nearest() -> None:
    with pytest.raises(ManifestError, match=r"did you mean qwen2\.5-coder-1\.5b"):
        BUNDLED.get("qwen-coder-1.5b")
    with pytest.raises(ManifestError, match="models list"):
        BUNDLED.get("zzz")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size_mb = 531", 'size_mb = "big"', ["`weights.size_mb`", "expected `int`"]),
        ("size_mb = 531", "", ["field `weights.size_mb` is missing"]),
        ('family = "qwen2.5-coder"\n', "", ["field `family` is missing"]),
        ("memory_mb", "memory", ["not known", "`memory`"]),
        ('kind = "file"', 'kind = "torrent"', ["`weights.source", "torrent"]),
        ('order = "psm"', 'order = "mps"', ["`fill_in_the_middle.order`"]),
        ('"allowed"', '"restricted"', ["`licence.warning`"]),
        ('id = "mine"', 'id = "yours"', ["`id`", "'mine'"]),
        ('"<suffix>"', '"<prefix>"', ["three different strings"]),
        ('id = "mine"', 'id = "mine"\nadapter = "/a.gguf"', ["`adapter`", "/a.gguf"]),
        ('id = "mine"', 'id = "mine"\nadapter = "weights/../../a.gguf"', ["below", "folder"]),
        ('id = "mine"', 'id = "mine"\nadapter = "C:a.gguf"', ["`adapter`"]),
        ('id = "mine"', "id = \"mine\"\nadapter = 'weights\\..\\..\\a.gguf'", ["`adapter`"]),
        ('id = "mine"', 'id = "mine"\nbase = "nobody"', ["`base`", "nobody"]),
        ('id = "mine"', 'id = "mine"\nbase = "mine"', ["`base`", "mine"]),
        ('id = "mine"', 'id = "mine"\nuse_cases = ["poems"]', ["`use_cases[0]`"]),
        ('id = "mine"', 'id = "mine"\nproducts = [""]', ["`products[0]`"]),
        ('id = "mine"', 'id = "mine"\nuncertain = ["weights.colour"]', ["weights.colour"]),
        ('["python"]', "[]", ["`languages`"]),
        ('id = "mine"', "id = mine", ["not valid TOML"]),
    ],
)
def test_a_bad_file_is_left_out_with_one_sentence(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    assert old in MANIFEST
    check_problem(tmp_path, MANIFEST.replace(old, new, 1), *words)


EVIDENCE = """
[[evidence]]
language = "python"
against = "other"
measure = "exact_match"
ours = 0.3
theirs = 0.1
low = 0.1
high = 0.3
items = 400
command = "python compare.py"
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("low = 0.1", "low = 0.4", ["`evidence.low`", "0.4"]),
        ("low = 0.1\n", "", ["`evidence[0].low` is missing"]),
        ('against = "other"', 'against = "mine"', ["`evidence.against`"]),
        ('language = "python"', 'language = "go"', ["`evidence.language`", "'go'"]),
        ("items = 400", "items = 0", ["`evidence[0].items`"]),
    ],
)
def test_evidence_that_proves_nothing_is_refused(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    assert read_manifest(write_manifest(tmp_path, MANIFEST + EVIDENCE)).evidence[0].low == 0.1
    check_problem(tmp_path, MANIFEST + EVIDENCE.replace(old, new, 1), *words)


def test_a_model_and_its_adapter_are_named_together(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST.replace('id = "mine"', 'id = "start"'), "start.toml")
    made = MANIFEST.replace(
        'id = "mine"', 'id = "mine"\nbase = "start"\nadapter = "weights/a.gguf"'
    )
    write_manifest(tmp_path, made)
    write_manifest(tmp_path, made.replace('id = "mine"', 'id = "start-go"'), "start-go.toml")
    catalogue = read_catalogue([tmp_path])
    assert catalogue.problems == ()
    assert catalogue.get("mine").display_name == "start+mine"
    assert catalogue.get("start-go").display_name == "start-go"
    assert catalogue.get("start").display_name == "start"


def test_models_made_from_one_another_in_a_ring_are_left_out(tmp_path: Path) -> None:
    for name, base in (("mine", "yours"), ("yours", "mine")):
        text = MANIFEST.replace('id = "mine"', f'id = "{name}"\nbase = "{base}"')
        write_manifest(tmp_path, text, f"{name}.toml")
    catalogue = read_catalogue([tmp_path])
    assert catalogue.manifests == ()
    assert len(catalogue.problems) == 2


def test_a_file_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match=r"mine\.toml"):
        read_manifest(path)


def test_a_folder_named_like_a_manifest_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").mkdir()
    assert len(read_catalogue([tmp_path]).problems) == 1


def test_a_bad_file_does_not_take_the_others_along(tmp_path: Path) -> None:
    write_manifest(tmp_path)
    write_manifest(tmp_path, "nonsense", "other.toml")
    catalogue = read_catalogue([tmp_path])
    assert [manifest.id for manifest in catalogue.manifests] == ["mine"]
    assert len(catalogue.problems) == 1
