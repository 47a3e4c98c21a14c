"""A running session takes a model that was made for a workspace, and lets go of it again."""

from __future__ import annotations

from pathlib import Path

import msgspec

from specialization.fake_trainer import an_adapter
from tabwright.commands.building import build_catalogue, build_session
from tabwright.model.manifest import Evidence, LocalSource, Manifest
from tabwright.model.routing import Route
from tabwright.specialization.installing import (
    candidate_manifest,
    install,
    manifest_toml,
    remove,
)
from tabwright.user_directories import user_models_directory


def an_installed_base(folder: Path) -> Manifest:
    """Put weights and a manifest for them among the user's own."""
    bundled = build_catalogue().get("smollm2-135m")
    weights = folder / "weights.gguf"
    weights.write_bytes(b"GGUF")
    source = msgspec.structs.replace(bundled.weights, source=LocalSource(str(weights)))
    base = msgspec.structs.replace(bundled, weights=source)
    models = user_models_directory()
    models.mkdir(parents=True)
    (models / "smollm2-135m.toml").write_text(manifest_toml(base), encoding="utf-8")
    return base


def test_it_answers_in_its_workspace_only_and_until_it_is_removed(own_directories: Path) -> None:
    base = an_installed_base(own_directories)
    folder, other = own_directories / "mine", own_directories / "other"
    session = build_session()

    def model_for(workspace: Path, language: str = "python") -> str:
        chosen = session.models.choose(Route(language, workspace=str(workspace)))
        return chosen.id if isinstance(chosen, Manifest) else chosen.sentence

    assert model_for(folder) == base.id
    made = candidate_manifest(
        base, "workspace-mine-1", "Mine", languages=("python",), products=(str(folder),)
    )
    won = Evidence("*", base.id, "exact_match", 0.3, 0.1, 0.1, 0.3, 200, "tabwright specialize")
    adapter = own_directories / "adapter.gguf"
    adapter.write_bytes(an_adapter("mine"))
    install(msgspec.structs.replace(made, evidence=(won,)), adapter, "card")
    session.note_disk_change()
    assert model_for(folder) == "workspace-mine-1"
    assert model_for(folder / "below") == "workspace-mine-1"
    assert model_for(other) == base.id
    assert model_for(folder, "rust") == base.id
    assert remove("workspace-mine-1")
    session.note_disk_change()
    assert model_for(folder) == base.id
