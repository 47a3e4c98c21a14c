"""The LSP4IJ template in `editors/jetbrains`, made from `grammars/` and `settings.py`.

`python tests/jetbrains_template.py` writes it, so that file types and settings cannot drift. What
LSP4IJ reads in such a folder: https://github.com/redhat-developer/lsp4ij, `docs/`,
`UserDefinedLanguageServerTemplate.md`.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec

from settings_table import docstrings
from tabwright.bundled_data import grammars_folder
from tabwright.settings import CompletionSettings, Settings, camel_case
from tabwright.syntax.language_file import FILE_NAME, LanguageFile, read_language_file

FOLDER = Path(__file__).parents[1] / "editors" / "jetbrains"
COMMAND = "tabwright serve"

_NOT_FOR_JETBRAINS = frozenset({"completion_list"})
"""Decided by `initializationOptions.json`: two lists with the same suggestion help nobody."""


def files() -> dict[str, Any]:
    """Return what each made file of the template holds."""
    return {
        "template.json": template(),
        "settings.json": {"tabwright": {}},
        "settings.schema.json": settings_schema(),
    }


def template() -> dict[str, Any]:
    """Return the server's name, its command and the files it is asked about."""
    folders = sorted(path.parent for path in grammars_folder().glob(f"*/{FILE_NAME}"))
    return {
        "id": "tabwright",
        "name": "Tabwright",
        "programArgs": {"default": COMMAND},
        "fileTypeMappings": [
            {
                "fileType": {"patterns": patterns(language)},
                "languageId": language.editor_ids[0],
            }
            for language in map(read_language_file, folders)
        ],
    }


def patterns(language: LanguageFile) -> list[str]:
    """Return the file name patterns of a language, as IntelliJ writes them."""
    return [*(f"*{extension}" for extension in language.extensions), *language.file_names]


def settings_schema() -> dict[str, Any]:
    """Return the JSON schema by which LSP4IJ completes and checks `settings.json`."""
    per_language = _properties(CompletionSettings, with_defaults=False)
    everywhere = _properties(Settings, with_defaults=True)
    languages = {"type": "object", "additionalProperties": _closed_object(per_language)}
    per_workspace = _closed_object({**per_language, "languages": languages})
    everywhere["languages"]["additionalProperties"] = _closed_object(per_language)
    everywhere["workspaces"]["additionalProperties"] = per_workspace
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Tabwright",
        **_closed_object({"tabwright": _closed_object(everywhere)}),
    }


def _closed_object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _properties(form: type[CompletionSettings], *, with_defaults: bool) -> dict[str, Any]:
    texts = {**docstrings(CompletionSettings), **docstrings(form)}
    _, components = msgspec.json.schema_components([form])
    schemas = components[form.__name__]["properties"]
    defaults = json.loads(msgspec.json.encode(form()))
    found: dict[str, Any] = {}
    for field in dataclasses.fields(form):
        if field.name in _NOT_FOR_JETBRAINS:
            continue
        schema = {key: value for key, value in schemas[field.name].items() if key != "default"}
        default = {"default": defaults[field.name]} if with_defaults else {}
        found[camel_case(field.name)] = {**schema, **default, "description": texts[field.name]}
    return found


def as_text(value: object) -> str:
    """Return a value as the JSON of a file."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, value in files().items():
        (FOLDER / name).write_text(as_text(value), encoding="utf-8")
    print(f"{FOLDER}: {len(template()['fileTypeMappings'])} languages")
