"""Models that are made while a real server runs, and the command that an editor has for it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import msgspec
import pytest

from end_to_end.conftest import Start
from end_to_end.editor import RecordingClient, until
from specialization.fake_trainer import an_adapter
from specialization.workspaces import write_workspace
from tabwright.commands.building import build_catalogue
from tabwright.model.manifest import Evidence
from tabwright.specialization.installing import candidate_manifest, install, remove

COMMAND = "tabwright.specializeWorkspace"
MODEL = "workspace-mine-1"


async def known_models(client: RecordingClient) -> set[str]:
    return {each["id"] for each in await client.run("tabwright.listModels")}


async def test_a_server_that_runs_takes_a_new_model_and_lets_go_of_it(
    start: Start, own_directories: Path
) -> None:
    client = await start()
    assert MODEL not in await known_models(client)
    base = build_catalogue().default
    made = candidate_manifest(base, MODEL, "Mine", languages=("python",), products=("/mine",))
    won = Evidence("*", base.id, "exact_match", 0.3, 0.1, 0.1, 0.3, 200, "tabwright specialize")
    adapter = own_directories / "adapter.gguf"
    adapter.write_bytes(an_adapter("mine"))
    install(msgspec.structs.replace(made, evidence=(won,)), adapter, "card")

    async def is_known() -> bool:
        return MODEL in await known_models(client)

    async def is_forgotten() -> bool:
        return MODEL not in await known_models(client)

    await until(is_known)
    remove(MODEL)
    await until(is_forgotten)


@pytest.mark.usefixtures("own_directories")
async def test_what_stands_in_the_way_is_the_commands_answer(start: Start, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    client = await start(folder=small)
    answer = await client.run(COMMAND)
    assert answer["ok"] is False
    assert "too small" in answer["message"]
    assert client.pop_ups == []


@pytest.mark.usefixtures("own_directories")
@pytest.mark.skipif(
    importlib.util.find_spec("torch") is not None, reason="the packages that train are installed"
)
async def test_missing_packages_are_named_with_what_installs_them(
    start: Start, tmp_path: Path
) -> None:
    client = await start(folder=write_workspace(tmp_path / "mine"))
    answer = await client.run(COMMAND, (tmp_path / "mine").as_uri(), {"minutes": 1})
    assert answer["ok"] is False
    assert "tabwright[train]" in answer["message"]


@pytest.mark.usefixtures("own_directories")
async def test_a_model_that_was_never_made_can_be_removed(start: Start, tmp_path: Path) -> None:
    client = await start()
    answer = await client.run(COMMAND, tmp_path.as_uri(), {"remove": True})
    assert answer["ok"] is True
    assert "is not installed" in answer["message"]
