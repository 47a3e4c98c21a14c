"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

from settings_table import table
from tabwright.completion.suggestion import Reason
from tabwright.main import _COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_with_its_default() -> None:
    assert table() in README, "run `python tests/settings_table.py` and paste its table"


def test_every_reason_is_explained() -> None:
    for reason in Reason:
        assert f"| `{reason.value}` | {reason.sentence} |" in README


def test_every_command_is_named() -> None:
    for name in _COMMANDS:
        assert f"tabwright {name}" in README


def test_every_file_that_is_linked_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
