"""The LSP4IJ template agrees with the server, and each of its commands is one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import jetbrains_template
from tabwright.main import cli
from tabwright.settings import Settings, read_settings
from tabwright.syntax.languages import LanguageRegistry

FOLDER = jetbrains_template.FOLDER


def content(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", list(jetbrains_template.files()))
def test_what_is_made_is_what_is_there(name: str) -> None:
    wanted = jetbrains_template.as_text(jetbrains_template.files()[name])
    there = (FOLDER / name).read_text(encoding="utf-8")
    assert there == wanted, "run `python tests/jetbrains_template.py`"


def test_every_file_goes_to_one_language_and_that_is_the_servers() -> None:
    registry = LanguageRegistry([Path(__file__).parents[1] / "grammars"])
    owners: dict[str, str] = {}
    for mapping in content("template.json")["fileTypeMappings"]:
        for pattern in mapping["fileType"]["patterns"]:
            assert pattern not in owners, f"{pattern}: {owners[pattern]} and {mapping}"
            owners[pattern] = mapping["languageId"]
            language = registry.for_editor_id(mapping["languageId"])
            assert language is not None
            assert registry.for_path(pattern.replace("*", "some")) is language
    assert owners["*.py"] == "python"
    assert owners["Cargo.lock"] == "toml"


def test_the_settings_that_it_brings_are_settings_of_the_server() -> None:
    options = read_settings(content("initializationOptions.json"))
    assert options.problems == ()
    assert options.settings.completion_list == "never"
    schema = content("settings.schema.json")["properties"]["tabwright"]["properties"]
    defaults = read_settings({name: each["default"] for name, each in schema.items()})
    assert defaults.problems == ()
    assert defaults.settings == Settings()
    assert read_settings(content("settings.json")["tabwright"]).settings == Settings()


def commands(task: Any) -> Iterator[str]:
    """Every command of an installer, at whatever depth."""
    if isinstance(task, dict):
        if isinstance(command := task.get("command"), str):
            yield command
        for each in task.values():
            yield from commands(each)


def test_the_installer_runs_commands_that_there_are() -> None:
    for command in commands(content("installer.json")):
        # LSP4IJ splits at spaces and starts the first word without a shell.
        program, *arguments = command.split(" ")
        assert program == "tabwright"
        assert CliRunner().invoke(cli, [*arguments, "--help"]).exit_code == 0


def test_the_page_links_what_there_is_and_names_every_file() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page):
        assert (FOLDER / target).exists(), target
    for path in FOLDER.iterdir():
        assert f"`{path.name}`" in page or path.name == "README.md"
