"""What follows from changes on disk."""

from __future__ import annotations

from tabwright.workspace_index.keeping_up import Reaction, is_telling, reaction_to


def test_changed_files_are_looked_at_in_order_each_once() -> None:
    assert reaction_to(["b.py", "a.py", "b.py"]) == Reaction(("a.py", "b.py"))


def test_a_folder_stands_for_what_is_in_it() -> None:
    changed = ["a/b.py", "a", "a/c/d.py", "ab/x.py"]
    assert reaction_to(changed) == Reaction(("a", "ab/x.py"))


def test_what_is_never_looked_at_means_nothing() -> None:
    changed = ["node_modules/x.js", ".git/index", "a/__pycache__/b.pyc", ".git/info/refs"]
    assert reaction_to(changed).is_nothing
    assert not is_telling("x/node_modules/.gitignore")


def test_rules_and_the_folder_itself_mean_everything() -> None:
    for path in (".gitignore", "a/b/.ignore", ".git/info/exclude", ".", ""):
        assert reaction_to(["a.py", path]) == Reaction(rescan=True), path
    assert not reaction_to(["node_modules/x/.gitignore"]).rescan


def test_very_many_changes_mean_a_rescan() -> None:
    assert not reaction_to([f"{n}.py" for n in range(10)], many=10).rescan
    assert reaction_to([f"{n}.py" for n in range(11)], many=10) == Reaction(rescan=True)
    assert not reaction_to([f"node_modules/{n}.js" for n in range(99)], many=10).rescan


def test_nothing_means_nothing() -> None:
    assert reaction_to([]).is_nothing
