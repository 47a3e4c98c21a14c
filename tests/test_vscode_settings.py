"""The VS Code extension's manifest agrees with the server and with its own sources."""

from __future__ import annotations

import json
import re
from pathlib import Path

import vscode_settings
from tabwright.lsp import handlers, to_lsp
from tabwright.settings import Settings, read_settings

MANIFEST = json.loads(vscode_settings.MANIFEST.read_text(encoding="utf-8"))
CONTRIBUTES = MANIFEST["contributes"]
HANDLERS = Path(handlers.__file__).read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for path in vscode_settings.MANIFEST.parent.glob("src/*.ts")
)


def properties(title: str) -> dict[str, dict[str, object]]:
    (section,) = [each for each in CONTRIBUTES["configuration"] if each["title"] == title]
    return dict(section["properties"])


def test_the_settings_are_those_of_the_server() -> None:
    assert vscode_settings.with_settings(MANIFEST) == MANIFEST, (
        "run `python tests/vscode_settings.py`"
    )


def test_the_defaults_are_what_the_server_takes_for_its_own() -> None:
    values = {
        name.removeprefix("tabwright."): each["default"]
        for name, each in properties(vscode_settings.TITLE).items()
    }
    result = read_settings(values)
    assert result.problems == ()
    assert result.settings == Settings()


def test_the_server_is_not_sent_the_settings_that_are_the_extensions_own() -> None:
    (listed,) = re.findall(r"const OWN_SETTINGS = \[(.*?)\]", SOURCES)
    own = {name.split(".")[1] for name in properties("Tabwright")}
    assert set(re.findall(r"'(\w+)'", listed)) == own
    for name in own:
        assert read_settings({name: "x"}).problems != ()


def test_every_command_is_there_and_none_has_a_name_of_the_servers() -> None:
    contributed = {each["command"] for each in CONTRIBUTES["commands"]}
    registered = set(re.findall(r"^ {4}'(tabwright\.\w+)': \(\) =>", SOURCES, re.MULTILINE))
    assert contributed <= registered
    # The language client registers the server's commands under their own names.
    of_the_server = set(re.findall(r'"(tabwright\.\w+)"', HANDLERS)) | {to_lsp.ACCEPTED_COMMAND}
    assert "tabwright.explain" in of_the_server
    assert not registered & of_the_server


def test_what_the_manifest_and_the_readme_link_exists() -> None:
    folder = vscode_settings.MANIFEST.parent
    readme = (folder / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"\]\((?!https?:|command:)([^)#]+)", readme))
    for step in CONTRIBUTES["walkthroughs"][0]["steps"]:
        targets |= {step["media"].get("image"), step["media"].get("markdown")} - {None}
    for target in {*targets, MANIFEST["icon"]}:
        assert (folder / target).exists(), target
