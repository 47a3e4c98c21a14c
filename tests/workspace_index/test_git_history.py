"""Which files change together, in real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from tabwright.workspace_index.git_history import (
    ChangedTogether,
    Commit,
    head_of,
    read_history,
)

DAY = 24 * 3600
NOBODY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str, seconds: int = 1_700_000_000) -> str:
    dates = {"GIT_AUTHOR_DATE": f"{seconds} +0000", "GIT_COMMITTER_DATE": f"{seconds} +0000"}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | NOBODY | dates,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(repository: Path, *paths: str, seconds: int = 1_700_000_000) -> None:
    for path in paths:
        file = repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as text:
            text.write("x\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "A change\n\nof files", seconds=seconds)


def names(pairs) -> list[str]:
    return [path for path, _ in pairs]


def test_files_of_the_same_commits_come_with_their_share(repository):
    commit(repository, "a.py", "b.py")
    commit(repository, "a.py", "b.py", "c.py")
    commit(repository, "a.py")
    together = read_history(repository).with_("a.py")
    assert together == (("b.py", 2 / 4), ("c.py", 1 / 4))


def test_the_share_is_that_of_the_file_asked_about(repository):
    commit(repository, "a.py", "b.py")
    commit(repository, "a.py")
    history = read_history(repository)
    assert history.with_("b.py") == (("a.py", 1 / 2),)
    assert history.with_("a.py") == (("b.py", 1 / 3),)


def test_equal_shares_come_in_order_of_path(repository):
    commit(repository, "m.py", "z.py", "b/c.py", "a.py")
    assert names(read_history(repository).with_("m.py")) == ["a.py", "b/c.py", "z.py"]


def test_an_old_commit_counts_less_than_a_new_one():
    newest = 1_700_000_000
    history = ChangedTogether(
        (Commit(newest, ("a", "new")), Commit(newest - 180 * DAY, ("a", "old")))
    )
    assert history.with_("a") == (("new", 1 / 2.5), ("old", 0.5 / 2.5))


def test_age_counts_from_the_newest_commit_and_not_from_today():
    commits = (Commit(5_000, ("a", "b")), Commit(4_000, ("a", "c")))
    later = tuple(Commit(commit.seconds + 900 * DAY, commit.paths) for commit in commits)
    assert ChangedTogether(commits).with_("a") == ChangedTogether(later).with_("a")


def test_a_commit_of_many_files_is_left_out(repository):
    commit(repository, "a.py", *(f"{number}.py" for number in range(30)))
    assert read_history(repository).with_("a.py") == ()
    commit(repository, "a.py", *(f"{number}.py" for number in range(29)))
    assert len(read_history(repository).with_("a.py", limit=99)) == 29


def test_paths_are_relative_to_the_workspace_in_a_larger_repository(repository):
    commit(repository, "inner/a.py", "inner/deep/b.py", "outer.py")
    assert names(read_history(repository / "inner").with_("a.py")) == ["deep/b.py"]


def test_names_outside_ascii_and_with_blanks_are_read_as_they_are(repository):
    commit(repository, "ä 😀.py", "b c.py", 'odd".py')
    assert names(read_history(repository).with_("b c.py")) == ["ä 😀.py"]


def test_merges_are_left_out(repository):
    commit(repository, "a.py")
    git(repository, "checkout", "-q", "-b", "other")
    commit(repository, "b.py")
    git(repository, "checkout", "-q", "main")
    commit(repository, "c.py")
    git(repository, "merge", "-q", "--no-commit", "other")
    commit(repository, "a.py", "b.py")
    assert read_history(repository).with_("a.py") == ()


def test_only_the_newest_commits_are_asked_for(repository):
    for number in range(5):
        commit(repository, "a.py", f"{number}.py", seconds=1_700_000_000 + number)
    assert sorted(names(read_history(repository, limit=2).with_("a.py"))) == ["3.py", "4.py"]


def test_no_repository_knows_nothing(tmp_path):
    (tmp_path / ".git").write_text("gitdir: nowhere")  # keeps git from looking further up
    assert read_history(tmp_path).with_("a.py") == ()
    assert read_history(tmp_path / "missing").with_("a.py") == ()


def test_a_repository_without_commits_knows_nothing(repository):
    assert read_history(repository).with_("a.py") == ()


def test_a_missing_git_knows_nothing(repository, monkeypatch):
    commit(repository, "a.py", "b.py")
    monkeypatch.setenv("PATH", str(repository))
    assert read_history(repository).with_("a.py") == ()


def test_a_git_that_does_not_answer_in_time_knows_nothing(repository, tmp_path, monkeypatch):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nprintf '\\0001700000000\\n\\na.py\\nb.py\\n'\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    assert read_history(repository, timeout_seconds=0.2).with_("a.py") == ()


def test_the_variables_of_a_surrounding_git_do_not_lead_astray(repository, monkeypatch):
    commit(repository, "a.py", "b.py")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert names(read_history(repository).with_("a.py")) == ["b.py"]


def test_the_head_changes_with_every_commit_and_checkout(repository):
    seen = [head_of(repository)]
    commit(repository, "a.py")
    seen.append(head_of(repository))
    commit(repository, "b.py")
    seen.append(head_of(repository))
    git(repository, "checkout", "-q", "-b", "other")
    seen.append(head_of(repository))
    git(repository, "checkout", "-q", "--detach", "HEAD~1")
    seen.append(head_of(repository))
    assert len(set(seen)) == len(seen)
    assert all(seen)


def test_the_head_is_that_of_git_with_loose_packed_and_detached_references(repository):
    commit(repository, "a.py")
    newest = git(repository, "rev-parse", "HEAD").strip()
    assert head_of(repository) == f"refs/heads/main {newest}"
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads/main").exists()
    assert head_of(repository) == f"refs/heads/main {newest}"
    git(repository, "checkout", "-q", "--detach")
    assert head_of(repository) == newest


def test_the_head_of_a_linked_worktree_is_its_own(repository, tmp_path):
    commit(repository, "a.py")
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", "-b", "other", str(linked))
    before = head_of(repository)
    for packed in (False, True):
        if packed:
            git(repository, "pack-refs", "--all")
        newest = git(linked, "rev-parse", "HEAD").strip()
        assert head_of(linked) == f"refs/heads/other {newest}"
        commit(linked, f"b{packed}.py", "c.py")
        assert head_of(linked) != f"refs/heads/other {newest}"
    assert head_of(repository) == before
    assert names(read_history(linked).with_("bTrue.py")) == ["c.py"]


def test_the_head_of_a_folder_inside_is_that_of_its_repository(repository):
    commit(repository, "inner/a.py")
    assert head_of(repository / "inner") == head_of(repository) != ""


@pytest.mark.parametrize(
    "head",
    [b"", b"\xff\xfe", b"ref: ../../../etc/passwd", b"ref: /etc/passwd", b"ref: " + b"a" * 9999],
)
def test_a_broken_head_is_no_error(tmp_path, head):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(head)
    assert "root:" not in head_of(tmp_path)
