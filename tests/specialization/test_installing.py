"""Installing a model in one step, or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

import msgspec
import pytest

from specialization.fake_trainer import an_adapter
from tabwright.errors import SpecializationError
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.manifest import Evidence, LocalSource, Manifest
from tabwright.specialization import installing
from tabwright.specialization.installing import (
    candidate_manifest,
    card_of,
    install,
    manifest_toml,
    remove,
    workspace_model_id,
)
from tabwright.user_directories import specialised_models_directory

pytestmark = pytest.mark.usefixtures("own_directories")
EVIDENCE = Evidence(
    "*", "smollm2-135m", "exact_match", 0.31, 0.12, 0.1, 0.25, 200, 'tabwright specialize "x"'
)


def a_candidate(model_id: str = "workspace-x-00000000") -> Manifest:
    base = read_catalogue(catalogue_folders()).get("smollm2-135m")
    made = candidate_manifest(
        base,
        model_id,
        'Made for "x" \\ é 🙂 \x7f',
        languages=("python", "c++"),
        products=("/home/some one/x",),
    )
    return msgspec.structs.replace(made, evidence=(EVIDENCE,))


def an_adapter_file(folder: Path, content: str = "first") -> Path:
    path = folder / f"{content}.gguf"
    path.write_bytes(an_adapter(content))
    return path


def installed_files() -> dict[str, bytes]:
    folder = specialised_models_directory()
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_installed_model_is_in_the_catalogue(tmp_path: Path) -> None:
    installed = install(a_candidate(), an_adapter_file(tmp_path), "# The card")
    catalogue = read_catalogue(catalogue_folders())
    assert catalogue.problems == ()
    found = catalogue.get("workspace-x-00000000")
    assert found == installed
    assert found.products == ("/home/some one/x",)
    assert found.evidence == (EVIDENCE,)
    assert (Path(found.folder) / found.adapter).read_bytes() == an_adapter("first")
    assert card_of(found).read_text() == "# The card"


def test_the_manifest_says_all_that_the_base_says() -> None:
    base = read_catalogue(catalogue_folders()).get("smollm2-135m")
    made = a_candidate()
    again = msgspec.toml.decode(manifest_toml(made), type=Manifest)
    assert again == made
    assert again.weights == base.weights
    assert again.confidence == base.confidence
    assert again.base == base.id
    assert not again.is_default


@pytest.mark.parametrize(
    "model_id", [each.id for each in read_catalogue(catalogue_folders()).manifests]
)
def test_every_bundled_manifest_can_be_written(model_id: str) -> None:
    bundled = msgspec.structs.replace(read_catalogue(catalogue_folders()).get(model_id), folder="")
    assert msgspec.toml.decode(manifest_toml(bundled), type=Manifest) == bundled


def test_nobody_else_can_look_into_it(tmp_path: Path) -> None:
    folder = specialised_models_directory()
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    install(a_candidate(), an_adapter_file(tmp_path), "card")
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_later_model_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    first = install(a_candidate(), an_adapter_file(tmp_path), "card")
    second = install(a_candidate(), an_adapter_file(tmp_path, "second"), "second card")
    assert first.adapter != second.adapter  # a loaded model is known by its path
    assert sorted(installed_files()) == sorted(
        ("workspace-x-00000000.toml", second.adapter, second.adapter[:-5] + ".md")
    )


def test_installing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    install(a_candidate(), an_adapter_file(tmp_path), "card")
    before = installed_files()
    install(a_candidate(), an_adapter_file(tmp_path), "card")
    assert installed_files() == before


@pytest.mark.parametrize("step", range(12))
def test_a_full_disk_leaves_what_was_installed(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(a_candidate(), an_adapter_file(tmp_path), "card")
    before = installed_files()
    count = 0

    def failing(real: object) -> object:
        def call(*arguments: object, **named: object) -> object:
            nonlocal count
            count += 1
            if count > step:
                raise OSError(errno.ENOSPC, "No space left on device")
            assert callable(real)
            return real(*arguments, **named)

        return call

    monkeypatch.setattr(installing.shutil, "copyfile", failing(installing.shutil.copyfile))
    monkeypatch.setattr(Path, "write_text", failing(Path.write_text))
    monkeypatch.setattr(os, "fsync", failing(os.fsync))
    monkeypatch.setattr(Path, "replace", failing(Path.replace))
    try:
        install(a_candidate(), an_adapter_file(tmp_path, "second"), "second card")
    except SpecializationError as error:
        assert "No space left" in str(error)
        assert installed_files() == before
    else:
        assert step >= 10  # all ten steps that a disk can refuse were taken
        assert installed_files() != before


def test_a_manifest_that_could_not_be_read_is_not_installed(tmp_path: Path) -> None:
    bad = msgspec.structs.replace(a_candidate(), languages=())
    with pytest.raises(SpecializationError, match="languages"):
        install(bad, an_adapter_file(tmp_path), "card")
    assert installed_files() == {}


def test_an_adapter_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpecializationError, match="cannot be installed"):
        install(a_candidate(), tmp_path / "none.gguf", "card")


def test_removing_takes_everything_of_it_and_nothing_else(tmp_path: Path) -> None:
    install(a_candidate(), an_adapter_file(tmp_path), "card")
    install(a_candidate("workspace-x-00000001"), an_adapter_file(tmp_path), "card")
    (specialised_models_directory() / "weights" / "mine.gguf").write_text("mine")
    assert remove("workspace-x-00000000")
    assert not remove("workspace-x-00000000")
    assert not any("x-00000000" in name for name in installed_files())
    assert len(installed_files()) == 4


def test_removing_where_nothing_was_ever_made() -> None:
    assert not remove("workspace-x-00000000")


def test_a_folders_id_is_its_own_and_always_the_same(tmp_path: Path) -> None:
    names = ("My Project!", "a/My Project!", "日本語", "x" * 200)
    folders = [tmp_path / name for name in names]
    ids = [workspace_model_id(folder) for folder in folders]
    assert len(set(ids)) == len(ids)
    assert ids == [workspace_model_id(folder) for folder in folders]
    assert ids[0].startswith("workspace-my-project-")
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", model_id) for model_id in ids)


def test_a_model_that_nobody_knows_how_to_teach_is_refused() -> None:
    base = read_catalogue(catalogue_folders()).get("smollm2-135m")
    other = msgspec.structs.replace(base, family="another")
    with pytest.raises(SpecializationError, match="--base"):
        candidate_manifest(other, "own-python", "x", languages=("python",))


def test_weights_beside_the_bases_manifest_are_named_by_their_whole_path() -> None:
    base = read_catalogue(catalogue_folders()).get("smollm2-135m")
    local = msgspec.structs.replace(
        base,
        folder="/models",
        weights=msgspec.structs.replace(base.weights, source=LocalSource("mine.gguf")),
    )
    made = candidate_manifest(local, "own-python", "x", languages=("python",))
    assert made.weights.source == LocalSource("/models/mine.gguf")
