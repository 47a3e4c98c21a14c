"""Secrets, settings and ignore files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwright.session.excluded_files import Exclusion, exclusion_of


def excluded(path: Path, folder: Path | None, *patterns: str) -> Exclusion | None:
    return exclusion_of(path, folder, patterns, reads_ignore_files=True)


@pytest.mark.parametrize(
    "name",
    [".env", ".env.production", "server.key", "id_rsa", "sub/credentials", "home/.ssh/config"],
)
def test_files_that_usually_hold_secrets_are_left_alone(tmp_path: Path, name: str) -> None:
    assert excluded(tmp_path / name, tmp_path) is Exclusion.SECRET


@pytest.mark.parametrize("name", ["main.py", ".env.example", "keyboard.py", "environment.py"])
def test_other_files_are_not(tmp_path: Path, name: str) -> None:
    assert excluded(tmp_path / name, tmp_path) is None


def test_the_setting_excludes_by_gitignore_patterns(tmp_path: Path) -> None:
    assert excluded(tmp_path / "a/gen/x.py", tmp_path, "gen/") is Exclusion.BY_SETTING
    assert excluded(tmp_path / "a/x.py", tmp_path, "gen/", "*.js") is None


def test_what_git_ignores_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("private.py\n")
    (tmp_path / ".gitignore").write_text("build/\n*.log\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / ".gitignore").write_text("local.py\n!keep.log\n")
    ignored = ["build/x.py", "a.log", "src/local.py", "private.py", "src/deep/local.py"]
    kept = ["src/x.py", "src/keep.log", "local.py"]
    assert {name: excluded(tmp_path / name, tmp_path) for name in ignored} == dict.fromkeys(
        ignored, Exclusion.BY_GIT
    )
    assert {name: excluded(tmp_path / name, tmp_path) for name in kept} == dict.fromkeys(kept)


def test_a_file_below_an_ignored_folder_cannot_be_taken_back(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("build/\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / ".gitignore").write_text("!x.py\n")
    assert excluded(tmp_path / "build/x.py", tmp_path) is Exclusion.BY_GIT


def test_ignore_files_above_an_opened_subfolder_count(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.gen.py\n")
    (tmp_path / "sub").mkdir()
    assert excluded(tmp_path / "sub/a.gen.py", tmp_path / "sub") is Exclusion.BY_GIT


def test_ignored_files_can_be_allowed(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    assert excluded(tmp_path / "a.py", tmp_path) is Exclusion.BY_GIT
    assert exclusion_of(tmp_path / "a.py", tmp_path, (), reads_ignore_files=False) is None


def test_a_workspace_that_was_deleted_excludes_nothing_more(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert excluded(gone / "a.py", gone) is None
    assert excluded(gone / "a.py", None) is None
