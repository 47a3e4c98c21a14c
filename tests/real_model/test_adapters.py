"""An adapter that llama.cpp refuses, on the real default weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_gguf import adapter_file
from tabwright.bundled_data import models_folder
from tabwright.completion.pipeline import ReadyModel
from tabwright.errors import ModelLoadFailed
from tabwright.model.catalogue import read_catalogue
from tabwright.model.manifest import Manifest
from tabwright.session.model_host import LoadEvent, ModelHost
from tabwright.settings import Settings

pytestmark = pytest.mark.real_model

PROOF = """
[[evidence]]
language = "ruby"
against = "smollm2-135m"
measure = "exact_match"
ours = 0.3
theirs = 0.1
low = 0.1
high = 0.3
items = 400
command = "none"
"""


@pytest.mark.usefixtures("default_weights")
async def test_an_adapter_of_nothing_costs_one_sentence_and_the_base_answers(
    tmp_path: Path,
) -> None:
    text = (models_folder() / "smollm2-135m.toml").read_text(encoding="utf-8")
    text = text.replace('id = "smollm2-135m"', 'id = "hollow"\nbase = "smollm2-135m"')
    text = text.replace('languages = ["*"]', 'languages = ["ruby"]\nadapter = "hollow.gguf"')
    (tmp_path / "hollow.toml").write_text(text + PROOF, encoding="utf-8")
    (tmp_path / "hollow.gguf").write_bytes(adapter_file())
    events: list[LoadEvent] = []
    host = ModelHost(lambda: read_catalogue([models_folder(), tmp_path]), events.append)
    host.configure(Settings())
    try:
        hollow = host.choose("ruby")
        assert isinstance(hollow, Manifest)
        assert hollow.id == "hollow"
        loading = host.begin_loading(hollow)
        assert loading is not None
        with pytest.raises(ModelLoadFailed, match=r"cannot load the adapter of hollow\.gguf"):
            await loading
        assert [each.phase for each in events if each.phase != "loading"] == ["failed"]
        base = host.choose("ruby")
        assert isinstance(base, Manifest)
        assert base.id == "smollm2-135m"
        loading = host.begin_loading(base)
        assert loading is not None
        assert isinstance(await loading, ReadyModel)
    finally:
        await host.stop()
