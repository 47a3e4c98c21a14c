"""Which files of a folder are found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabwright.workspace_index.ignoring import rules_of
from tabwright.workspace_index.walking import find_file, walk
from workspace_index.workspaces import write


def found(folder: Path, *exclude: str, below: str = "") -> list[str]:
    rules = rules_of(folder, exclude, reads_ignore_files=True)
    files = [each.path for each in walk(rules, lambda name: name.endswith(".py"), below=below)]
    for path in files:  # one by one, the same files are found
        assert find_file(rules, path) is not None, path
    return files


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def test_files_come_in_order(tmp_path: Path) -> None:
    folder = write(tmp_path / "w", {"b.py": "", "a/z.py": "", "a/b/c.py": "", "a.txt": ""})
    assert found(folder) == ["b.py", "a/z.py", "a/b/c.py"]
    assert found(folder, below="a/b") == ["a/b/c.py"]
    assert found(folder, below="nowhere") == []


def test_what_others_wrote_or_tools_made_is_passed_over(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "w",
        {
            "a.py": "",
            "node_modules/x.py": "",
            "sub/vendor/x.py": "",
            ".git/hooks/x.py": "",
            "my_env/pyvenv.cfg": "",
            "my_env/lib/x.py": "",
            "target_dir/CACHEDIR.TAG": "",
            "target_dir/x.py": "",
            "lib/site-packages/x.py": "",
        },
    )
    assert found(folder) == ["a.py"]


def test_build_folders_count_where_git_keeps_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "w", {"build/x.py": "", "src/build/y.py": ""})
    assert found(folder) == []
    (folder / ".git").mkdir()
    assert found(folder) == ["build/x.py", "src/build/y.py"]
    write(folder, {".gitignore": "/build/\n"})
    assert found(folder) == ["src/build/y.py"]


def test_patterns_of_all_kinds_are_honoured(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "w",
        {
            ".git/info/exclude": "private.py\n",
            "home_is_elsewhere.py": "",
            ".gitignore": "*_gen.py\n/only_top.py\ndeep/**/x.py\nlog*/\n[ab]1.py\n!keep_gen.py\n",
            "private.py": "",
            "x_gen.py": "",
            "keep_gen.py": "",
            "only_top.py": "",
            "sub/only_top.py": "",
            "deep/a/b/x.py": "",
            "deep/a/b/y.py": "",
            "logs/x.py": "",
            "a1.py": "",
            "c1.py": "",
            "sub/.ignore": "here.py\n",
            "sub/here.py": "",
            "here.py": "",
            "set/by/setting.py": "",
        },
    )
    assert found(folder, "set/by/") == [
        "c1.py",
        "here.py",
        "home_is_elsewhere.py",
        "keep_gen.py",
        "deep/a/b/y.py",
        "sub/only_top.py",
    ]


def test_the_users_own_excludes_count(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = write(tmp_path / "w", {"mine.py": "", "scratch.py": "", "a.py": ""})
    write(home, {".config/git/ignore": "mine.py\n"})
    assert found(folder) == ["a.py", "scratch.py"]
    write(
        home,
        {
            ".gitconfig": "[user]\n\tname = x\n[core]\n\texcludesFile = ~/my_ignores\n",
            "my_ignores": "scratch.py\n",
        },
    )
    assert found(folder) == ["a.py", "mine.py"]


def test_a_work_tree_of_its_own_reads_the_excludes_of_its_repository(tmp_path: Path) -> None:
    write(tmp_path / "repo", {".git/info/exclude": "private.py\n"})
    write(tmp_path / "repo/.git/worktrees/w", {"commondir": "../..\n"})
    folder = write(
        tmp_path / "w",
        {".git": f"gitdir: {tmp_path}/repo/.git/worktrees/w\n", "private.py": "", "a.py": ""},
    )
    assert found(folder) == ["a.py"]


def test_links_and_loops_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"secret.py": ""})
    folder = write(tmp_path / "w", {"a/b.py": ""})
    (folder / "a" / "again").symlink_to(folder)
    (folder / "out").symlink_to(outside)
    (folder / "file.py").symlink_to(outside / "secret.py")
    (folder / "broken.py").symlink_to(folder / "nothing")
    assert found(folder) == ["a/b.py"]
    rules = rules_of(folder, (), reads_ignore_files=True)
    for path in ("out/secret.py", "file.py", "broken.py", "a/again/a/b.py", "gone.py"):
        assert find_file(rules, path) is None, path


@pytest.mark.skipif(os.geteuid() == 0, reason="everything can be read by root")
def test_folders_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "w", {"a.py": "", "closed/b.py": ""})
    (folder / "closed").chmod(0)
    try:
        assert found(folder) == ["a.py"]
    finally:
        (folder / "closed").chmod(0o700)


def test_names_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "w", {"a.py": ""})
    try:
        (folder / os.fsdecode(b"\xff.py")).write_text("")
    except OSError:
        pytest.skip("this file system takes only names that are text")
    assert found(folder) == ["a.py"]


def test_patterns_that_make_no_sense_are_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "w", {".gitignore": "!\n\\\n[\nx.py\n", "x.py": "", "y.py": ""})
    assert found(folder) == ["y.py"]
