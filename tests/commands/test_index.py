"""`tabwright index ...`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tabwright.commands.index import index_group
from tabwright.errors import CommandError
from tabwright.main import cli


@pytest.fixture
def workspace(own_directories: Path) -> Path:
    folder = own_directories / "my project"
    folder.mkdir()
    (folder / "a.py").write_text("def known(): pass\n")
    (folder / ".env").write_text("TOKEN=x\n")
    return folder


def said(*arguments: str) -> str:
    result = CliRunner().invoke(index_group, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_an_index_is_made_shown_and_forgotten(workspace: Path) -> None:
    assert "No workspace is indexed." in said("status")
    assert "is not indexed" in said("status", str(workspace))
    assert "1 files indexed" in said("rebuild", str(workspace))
    assert "1 files indexed" in said("status", str(workspace))
    assert str(workspace) in said("status")
    assert "is deleted" in said("forget", str(workspace), "--yes")
    assert "No workspace is indexed." in said("status")
    assert "is not indexed" in said("forget", str(workspace), "--yes")


def test_all_are_forgotten_at_once_also_those_whose_folder_is_gone(workspace: Path) -> None:
    said("rebuild", str(workspace))
    workspace.rename(workspace.parent / "elsewhere")
    assert "not there any more" in said("status")
    assert "is deleted" in said("forget", "--all", "--yes")
    assert "Nothing is kept." in said("forget", "--all", "--yes")


def test_patterns_leave_files_out(workspace: Path) -> None:
    assert "0 files indexed" in said("rebuild", str(workspace), "--exclude", "a.*")


def test_whether_there_is_full_text_search_is_said(workspace: Path) -> None:
    from tabwright.workspace_index.index import WorkspaceIndex
    from workspace_index.workspaces import languages

    assert "full-text search" in said("rebuild", str(workspace))
    index = WorkspaceIndex.open(workspace, languages())
    index.update()
    index.close()
    assert "full-text search" not in said("status", str(workspace))
    assert "full-text search" not in said("rebuild", str(workspace))


def test_an_index_in_use_is_left_alone(workspace: Path) -> None:
    from tabwright.workspace_index.index import WorkspaceIndex
    from workspace_index.workspaces import languages

    index = WorkspaceIndex.open(workspace, languages())
    index.update()
    for arguments in (["rebuild", str(workspace)], ["forget", str(workspace), "--yes"]):
        with pytest.raises(CommandError, match="An editor uses"):
            CliRunner().invoke(index_group, arguments, catch_exceptions=False)
    assert index.definitions_of(["known"], 1)
    assert "An editor keeps it up to date." in said("status", str(workspace))
    index.close()


def test_what_makes_no_sense_is_said(workspace: Path) -> None:
    for arguments in (["forget"], ["forget", str(workspace), "--all"], ["rebuild", "/nowhere/x"]):
        with pytest.raises(CommandError):
            CliRunner().invoke(index_group, arguments, catch_exceptions=False)


def test_it_is_a_command() -> None:
    assert "index" in CliRunner().invoke(cli, ["--help"]).output
