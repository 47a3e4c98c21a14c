"""The settings in VS Code's `package.json`, made from `settings.py`, so that they cannot drift.

`python tests/vscode_settings.py` writes them there.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec

from settings_table import docstrings
from tabwright.settings import CompletionSettings, Settings, camel_case

MANIFEST = Path(__file__).parents[1] / "editors" / "vscode" / "package.json"
TITLE = "Suggestions"
"""The section of `contributes.configuration` that is made here; the others are the extension's."""

_OF_THE_MACHINE = frozenset({"threads", "gpu_layers", "idle_unload_seconds", "hang_seconds"})


def section() -> dict[str, Any]:
    """Return the section with every setting of the server."""
    properties = {
        f"tabwright.{camel_case(name)}": {**form, "scope": _scope(name), "order": order}
        for order, (name, form) in enumerate(_forms(Settings).items())
    }
    return {"title": TITLE, "order": 0, "properties": properties}


def _scope(name: str) -> str:
    return "machine-overridable" if name in _OF_THE_MACHINE else "window"


def _forms(form: type[CompletionSettings]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each field, with its default and its docstring."""
    texts = {**docstrings(CompletionSettings), **docstrings(form)}
    _, components = msgspec.json.schema_components([form])
    schemas = components[form.__name__]["properties"]
    defaults = json.loads(msgspec.json.encode(form()))
    found: dict[str, dict[str, Any]] = {}
    for field in dataclasses.fields(form):
        schema = {key: value for key, value in schemas[field.name].items() if key != "default"}
        if field.name == "languages":
            schema["additionalProperties"] = _per_language()
        if field.name == "workspaces":
            schema["additionalProperties"] = _per_workspace()
        found[field.name] = {
            **_with_one_type(schema),
            "default": defaults[field.name],
            "markdownDescription": texts[field.name],
        }
    return found


def _per_language() -> dict[str, Any]:
    forms = _forms(CompletionSettings)
    for form in forms.values():
        del form["default"]  # what is not set for a language is as it is for all
    properties = {camel_case(name): form for name, form in forms.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _per_workspace() -> dict[str, Any]:
    everything = _per_language()
    languages = {"type": "object", "additionalProperties": _per_language()}
    return {**everything, "properties": {**everything["properties"], "languages": languages}}


def _with_one_type(schema: dict[str, Any]) -> dict[str, Any]:
    """Name the types of a choice: VS Code draws settings by `type`, `enum` alone is no type."""
    if "enum" in schema:
        return {"type": "string", **schema}
    if "anyOf" not in schema:
        return schema
    choices = [_with_one_type(each) for each in schema["anyOf"]]
    return {"type": [each["type"] for each in choices], "anyOf": choices}


def with_settings(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a `package.json` with the section in the place of its old one."""
    contributes = manifest["contributes"]
    others = [each for each in contributes["configuration"] if each["title"] != TITLE]
    return {
        **manifest,
        "contributes": {**contributes, "configuration": [section(), *others]},
    }


if __name__ == "__main__":
    manifest = with_settings(json.loads(MANIFEST.read_text(encoding="utf-8")))
    MANIFEST.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{MANIFEST}: {len(section()['properties'])} settings")
