"""`tabwright context`, as typed in a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tabwright.commands.context import context, workspace_of
from tabwright.errors import CommandError

FILES = {
    "pyproject.toml": "[project]\nname = 'shop'\n",
    "shop/__init__.py": "",
    "shop/models.py": (
        "class User:\n    def greet(self, loudly=False):\n        return loudly\n\n\n"
        "def unrelated(value):\n    return value\n"
    ),
    "shop/door.py": (
        "from shop.models import User\n\n\ndef welcome(user: User, doors):\n    \n    return 1\n"
    ),
    "main.py": "from shop.door import welcome\n\nwelcome(None, [])\n",
    ".gitignore": "ignored.py\n",
    "ignored.py": "def f(a):\n    return a\n",
}
SIGNATURES = ("--only", "definitions", "--only", "members")


@pytest.fixture
def shop(own_directories: Path) -> Path:
    folder = own_directories / "shop folder"
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / ".git").mkdir()
    return folder


def asked(*arguments: str) -> str:
    done = CliRunner().invoke(context, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_what_is_shown_is_listed_with_its_reason_and_price(shop: Path) -> None:
    shown = asked(f"{shop}/shop/door.py:5:5", "--text", *SIGNATURES)
    assert "def welcome(user: User, doors):" in shown
    assert "class User" in shown
    assert "shop/models.py:1" in shown
    assert "members" in shown
    assert "tokens" in shown
    assert "# shop/models.py\nclass User:\n    def greet(self, loudly=False): ...\n" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_the_same_as_json(shop: Path) -> None:
    answer: dict[str, Any] = json.loads(asked(f"{shop}/shop/door.py:5:5", "--json", *SIGNATURES))
    assert answer["workspace"] == str(shop)
    assert answer["around"] == ["def welcome(user: User, doors):"]
    parts = [part for each in answer["excerpts"] for part in each["parts"]]
    (greet,) = [part for part in parts if "greet" in part["what"]]
    assert (greet["path"], greet["line"]) == ("shop/models.py", 2)
    assert (greet["source"], greet["because_of"]) == ("members", "User")
    assert 0 < answer["excerpt_tokens"] <= answer["most_excerpt_tokens"]
    assert all(part["reason"] for part in answer["left_out"])


def test_a_second_time_the_answer_is_the_same(shop: Path) -> None:
    arguments = (f"{shop}/shop/door.py:5:5", "--json")
    assert asked(*arguments) == asked(*arguments)


def test_a_changed_file_is_read_again(shop: Path) -> None:
    asked(f"{shop}/shop/door.py:5:5", "--json")
    (shop / "shop/models.py").write_text("class User:\n    def wave(self, often):\n        pass\n")
    shown = asked(f"{shop}/shop/door.py:5:5", "--text", *SIGNATURES)
    assert "def wave(self, often): ..." in shown
    assert "greet" not in shown


def test_one_source_can_be_asked_alone(shop: Path) -> None:
    answer = json.loads(asked(f"{shop}/shop/door.py:5:5", "--json", "--only", "importers"))
    assert [each["path"] for each in answer["excerpts"]] == ["main.py"]
    assert answer["excerpts"][0]["text"] == "welcome(None, [])\n"


def test_where_nothing_can_help_it_says_so(shop: Path) -> None:
    (shop / "alone.py").write_text("import json\n\n\ndef f(a):\n    return a\n")
    shown = asked(f"{shop}/alone.py:5:5")
    assert "Nothing was looked for: no import leads into the workspace" in shown
    assert json.loads(asked(f"{shop}/alone.py:5:5", "--json"))["nothing_because"]


def test_of_a_file_that_git_ignores_it_says_that_the_index_does_not_know_it(shop: Path) -> None:
    assert "The index does not know this file" in asked(f"{shop}/ignored.py:2:5")


@pytest.mark.parametrize(
    ("place", "more", "complaint"),
    [
        ("shop/door.py", (), "no FILE:LINE:COLUMN"),
        ("shop/door.py:99:1", (), "there is no line 99"),
        ("missing.py:1:1", (), "There is no file"),
        ("LICENCE:1:1", (), "knows no language for LICENCE"),
        ("shop/door.py:1:1", ("--workspace", "nowhere"), "There is no folder nowhere"),
        ("main.py:1:1", ("--workspace", "shop"), "is not in the workspace folder shop"),
        ("main.py:1:1", ("--model", "none"), "none"),
    ],
)
def test_what_makes_no_sense_gets_one_sentence(
    shop: Path, monkeypatch: pytest.MonkeyPatch, place: str, more: tuple[str, ...], complaint: str
) -> None:
    (shop / "LICENCE").write_text("Free.\n")
    monkeypatch.chdir(shop)
    done = CliRunner().invoke(context, [place, *more])
    assert done.exit_code != 0
    assert done.exception is not None
    assert complaint in str(done.exception)
    assert "\n" not in str(done.exception)


def test_the_workspace_is_the_repository_else_the_files_folder(shop: Path, tmp_path: Path) -> None:
    assert workspace_of(shop / "shop/door.py", None) == shop
    assert workspace_of(tmp_path / "a.py", None) == tmp_path
    with pytest.raises(CommandError):
        workspace_of(tmp_path / "a.py", shop)
