"""Configuration files as plain values; one that cannot be read is as good as none."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence

import msgspec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LARGEST = 1_000_000
"""In characters. No configuration file of a person is larger."""
_NOTHING: Mapping[str, object] = {}

_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])')


def json_table(text: str | None) -> Mapping[str, object]:
    """Return a JSON object that may have comments and commas too many; empty when it is none."""
    if text is None or len(text) > _LARGEST:
        return _NOTHING
    value = _json_value(text)
    if value is None:
        without_comments = _STRING_OR_COMMENT.sub(_keep_strings, text.lstrip("\ufeff"))
        value = _json_value(_STRING_OR_COMMA.sub(_keep_strings, without_comments))
    return table(value)


def toml_table(text: str | None) -> Mapping[str, object]:
    """Return a TOML document; empty when it is none."""
    if text is None or len(text) > _LARGEST:
        return _NOTHING
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def table(value: object) -> Mapping[str, object]:
    """Return a value that should be a table; empty when it is something else."""
    return value if isinstance(value, dict) else _NOTHING


def items(value: object) -> Sequence[object]:
    """Return a value that should be a list; empty when it is something else."""
    return value if isinstance(value, list) else ()


def text_or_empty(value: object) -> str:
    """Return a value that should be a string; empty when it is something else."""
    return value if isinstance(value, str) else ""


def texts(value: object) -> tuple[str, ...]:
    """Return the strings of a list, or a string alone as one of them."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in items(value) if isinstance(item, str))


def _json_value(text: str) -> object:
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None


def _keep_strings(match: re.Match[str]) -> str:
    found = match.group()
    return found if found.startswith('"') else ""
