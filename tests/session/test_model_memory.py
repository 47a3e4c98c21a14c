"""Which models go for another one to fit."""

from __future__ import annotations

from pathlib import Path

import msgspec

from completion.scripted import CATALOGUE
from tabwright.model.messages import LoadModel
from tabwright.session.model_memory import Footprint, budget_mb, footprint, to_unload, total_mb
from tabwright.settings import read_settings

SHARED = [Footprint("base.gguf", 100.0, 200.0) for _ in range(3)]
OTHER = Footprint("other.gguf", 500.0, 100.0)


def test_models_that_share_their_weights_count_them_once() -> None:
    assert total_mb(dict(zip("abc", SHARED, strict=True))) == 100 + 3 * 200
    assert total_mb({"a": SHARED[0], "b": OTHER}) == 300 + 600


def test_nothing_goes_while_all_fit() -> None:
    assert to_unload({"a": SHARED[0], "b": SHARED[1]}, SHARED[2], 700) == ()


def test_the_one_that_was_used_longest_ago_goes_first_and_no_more_than_must() -> None:
    loaded = {"a": SHARED[0], "b": OTHER, "c": SHARED[1]}
    assert to_unload(loaded, SHARED[2], 1100) == ("a",)
    assert to_unload(loaded, SHARED[2], 800) == ("a", "b")


def test_a_model_larger_than_the_budget_is_loaded_alone() -> None:
    assert to_unload({"a": SHARED[0]}, OTHER, 50) == ("a",)


def test_a_footprint_is_that_of_the_files_and_the_manifest(tmp_path: Path) -> None:
    weights, adapter = tmp_path / "w.gguf", tmp_path / "a.gguf"
    weights.write_bytes(b"x" * 2_000_000)
    adapter.write_bytes(b"x" * 500_000)
    request = LoadModel(1, "k", str(weights), str(adapter), 128, 1, 1, 0, (), 0.0)
    manifest = msgspec.structs.replace(CATALOGUE.default, memory_mb=10)
    assert footprint(manifest, request) == Footprint(str(weights), 2.0, 8.5)
    weights.unlink()
    assert footprint(manifest, request).weights_mb == 0.0


def test_the_budget_is_a_setting_or_a_share_of_the_machine() -> None:
    assert budget_mb(read_settings({"modelMemoryMb": 700}).settings) == 700
    assert budget_mb(read_settings({}).settings) > 100
    assert read_settings({"modelMemoryMb": 0}).problems
