"""The adapters that ship: what they answer for, and that their card is about these very files."""

from __future__ import annotations

import hashlib

import pytest

from tabwright.bundled_data import models_folder
from tabwright.model.catalogue import read_catalogue
from tabwright.model.manifest import Manifest
from tabwright.model.routing import Machine, Route, route
from tabwright.model.weights import adapter_path, adapter_problem

BUNDLED = read_catalogue([models_folder()])
ADAPTERS = [manifest for manifest in BUNDLED.manifests if manifest.adapter]
CARD = (models_folder() / "weights" / "README.md").read_text(encoding="utf-8")


def with_the_default_weights_alone(manifest: Manifest) -> str:
    same = manifest.weights.source == BUNDLED.default.weights.source
    return "" if same else "not fetched"


@pytest.mark.parametrize(
    ("language", "model"),
    [
        ("python", "smollm2-135m"),
        ("rust", "smollm2-135m"),
        ("java", "smollm2-135m"),
        ("markdown", "smollm2-135m"),
    ],
)
def test_a_fresh_installation_has_a_model_for_the_language(language: str, model: str) -> None:
    """Adapters that have not beaten their base on held-out code do not take its place."""
    machine = Machine(memory_mb=8000)
    found = route(BUNDLED.manifests, Route(language), machine, with_the_default_weights_alone)
    assert found.chosen is not None
    assert found.chosen.manifest.id == model


@pytest.mark.parametrize("manifest", ADAPTERS, ids=lambda manifest: manifest.id)
def test_an_adapter_that_ships_is_whole_small_and_the_one_of_its_card(manifest: Manifest) -> None:
    assert adapter_problem(manifest) == ""
    file = adapter_path(manifest)
    assert file is not None
    data = file.read_bytes()
    assert len(data) < 40_000_000
    assert f"`{hashlib.sha256(data).hexdigest()}`" in CARD
    assert f"`{manifest.id}`" in CARD


@pytest.mark.parametrize("manifest", ADAPTERS, ids=lambda manifest: manifest.id)
def test_a_figure_of_the_evidence_stands_in_the_card(manifest: Manifest) -> None:
    assert manifest.evidence
    for each in manifest.evidence:
        if each.language in manifest.languages:
            for figure in (f"{each.theirs:.1%}", f"{each.ours:.1%}", f"{100 * each.low:+.1f}"):
                assert figure.replace("%", " %") in CARD
