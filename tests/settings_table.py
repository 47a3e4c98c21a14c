"""The settings as a Markdown table, made from `settings.py`, so that the README cannot drift.

`python tests/settings_table.py` prints it.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
from collections.abc import Iterator

from tabwright import settings
from tabwright.settings import CompletionSettings, Settings, camel_case


def docstrings(form: type) -> dict[str, str]:
    """The string that follows each field."""
    (tree,) = ast.parse(inspect.getsource(form)).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def rows() -> Iterator[str]:
    per_language = {each.name for each in dataclasses.fields(CompletionSettings)}
    texts = {**docstrings(CompletionSettings), **docstrings(Settings)}
    for field in dataclasses.fields(Settings):
        value = getattr(settings.Settings(), field.name)
        default = json.dumps(list(value) if isinstance(value, tuple) else value)
        name = camel_case(field.name)
        mark = " ¹" if field.name in per_language else ""
        yield f"| `{name}`{mark} | `{default}` | {texts[field.name]} |"


def table() -> str:
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows()])


if __name__ == "__main__":
    print(table())
