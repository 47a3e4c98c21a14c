"""Open documents over what is on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwright.workspace_index.facts import FileFacts
from tabwright.workspace_index.index import WorkspaceIndex
from tabwright.workspace_index.overlaid import OpenFile, OverlaidView, open_file
from workspace_index.workspaces import languages, opened, places, write

DISK = {
    "a.py": "class Tree:\n    def grow(self): pass\n\ndef old_name(): pass\n",
    "b.py": "from a import Tree\n\ndef other(): return Tree()\n",
}
TYPED = "class Tree:\n    def shrink(self): pass\n\ndef new_name(): pass\n"


def python(text: str) -> OpenFile:
    language = languages().for_path("x.py")
    assert language is not None
    return open_file(text, language)


@pytest.fixture
def index(tmp_path: Path) -> WorkspaceIndex:
    def resolve(_path: str, facts: FileFacts) -> list[str]:
        return [f"{each.module}.py" for each in facts.imports]

    index = opened(write(tmp_path / "w", DISK), resolve=resolve)
    index.update()
    return index


def test_what_is_typed_wins_over_what_is_saved(index: WorkspaceIndex) -> None:
    view = OverlaidView(index, {"a.py": python(TYPED)})
    found = places(view.definitions_of(["Tree", "old_name", "new_name", "other"], 5))
    assert found == [("a.py", "Tree"), ("a.py", "new_name"), ("b.py", "other")]
    assert places(view.members_of("Tree")) == [("a.py", "shrink")]
    assert places(view.members_of("Tree", "a.py")) == [("a.py", "shrink")]
    assert view.text_of("a.py") == TYPED
    assert view.text_of("b.py") == DISK["b.py"]
    assert view.knows_name("new_name")
    assert not view.knows_name("old_name")
    assert view.knows_name("other")


def test_search_is_in_what_is_typed(index: WorkspaceIndex) -> None:
    view = OverlaidView(index, {"a.py": python(TYPED)})
    (found,) = view.search(["shrink"], 5)
    assert found.path == "a.py"
    assert "shrink" in TYPED[found.start : found.end]
    assert not view.search(["old_name"], 5) or all(
        "old_name" not in (view.text_of(each.path) or "")[each.start : each.end]
        for each in view.search(["old_name"], 5)
    )


def test_a_document_that_is_not_on_disk_is_known(index: WorkspaceIndex) -> None:
    view = OverlaidView(index, {"new.py": python("from a import Tree\n\ndef planted(): pass\n")})
    assert places(view.definitions_of(["planted"], 1)) == [("new.py", "planted")]
    assert view.imported_by("new.py") == ("a.py",)
    assert view.importers_of("a.py") == ("b.py", "new.py")


def test_an_import_that_was_removed_while_typing_does_not_count(index: WorkspaceIndex) -> None:
    view = OverlaidView(index, {"b.py": python("pass\n")})
    assert view.importers_of("a.py") == ()
    assert index.importers_of("a.py") == ("b.py",)


def test_an_open_document_imports_as_it_is_now(index: WorkspaceIndex) -> None:
    view = OverlaidView(index, {"new.py": python("from a import Tree\n\nTree()\n")})
    assert view.importers_of("a.py", ["Tree"]) == ("b.py", "new.py")
    assert "new.py" not in view.importers_of("a.py", ["nobody_uses_this"])
    assert [each.name for each in view.definitions_in("new.py")] == []
    assert view.definitions_in("a.py") == index.definitions_in("a.py")


def test_open_and_saved_definitions_come_in_the_order_of_the_names(index: WorkspaceIndex) -> None:
    view = OverlaidView(index, {"new.py": python("class Tree: pass\n\ndef planted(): pass\n")})
    found = places(view.definitions_of(["planted", "Tree", "grow"], 5))
    assert found[0] == ("new.py", "planted")
    assert [name for _, name in found] == sorted(
        [name for _, name in found], key=["planted", "Tree", "grow"].index
    )
    assert {path for path, name in found if name == "Tree"} == {"a.py", "new.py"}
    assert len(view.definitions_of(["Tree"], 1)) == 1


def test_without_open_documents_it_is_the_index(index: WorkspaceIndex) -> None:
    view = OverlaidView(index, {})
    assert view.definitions_of(["Tree"], 5) == index.definitions_of(["Tree"], 5)
    assert view.search(["grow"], 5) == index.search(["grow"], 5)
    assert view.facts_of("a.py") == index.facts_of("a.py")


def test_many_definitions_in_an_open_file_do_not_hide_others(tmp_path: Path) -> None:
    many = "".join(f"def run(x{n}): pass\n" for n in range(40))
    index = opened(write(tmp_path / "many", {"a.py": many, "z.py": "def run(): pass\n"}))
    index.update()
    view = OverlaidView(index, {"a.py": python("pass\n")})
    assert places(view.definitions_of(["run"], 3)) == [("z.py", "run")]
