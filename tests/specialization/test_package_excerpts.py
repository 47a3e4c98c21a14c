"""What examples see of the other files of their package."""

from __future__ import annotations

import errno
import random
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from completion.scripted import manifest as scripted_manifest
from specialization.workspaces import write_workspace
from tabwright.commands.building import build_languages
from tabwright.completion.prompt import build_prompt, room_for
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.manifest import FillInTheMiddle, Manifest, RepositoryFormat
from tabwright.session.workspaces import Workspaces
from tabwright.settings import CompletionSettings, Settings
from tabwright.specialization import package_excerpts
from tabwright.specialization.examples import Example, Hole, Source, examples_with_excerpts
from tabwright.specialization.package_excerpts import PackageExcerpts
from tabwright.specialization.workspace_sources import read_workspace

LANGUAGES = build_languages()
PYTHON = LANGUAGES.for_editor_id("python")
assert PYTHON is not None
CONTEXT_TOKENS = 512

SHELF = """\
class Shelf:
    \"\"\"Holds boxes.\"\"\"

    def __init__(self, width_in_cm: int, boards: int = 3) -> None:
        self.width_in_cm = width_in_cm
        self.boards = boards

    def put_box_on_board(self, box: "Box", board_number: int) -> bool:
        return box.width_in_cm < self.width_in_cm and board_number < self.boards


def shelf_for_boxes(boxes: list["Box"]) -> Shelf:
    return Shelf(max(box.width_in_cm for box in boxes))
"""
PADDING = "\n".join(f"FIGURE_{number} = {number * 7919}" for number in range(120))
USE = f"""\
from store.shelf import Shelf, shelf_for_boxes


class Removal:
    def pack_everything(self, boxes):
        shelf = shelf_for_boxes(boxes)
        for number, box in enumerate(boxes):
            shelf.put_box_on_board(box, number)
        return shelf

    def peel_the_onions(self, knife_with_red_handle):
        return knife_with_red_handle


{PADDING}


def unpack(removal: Removal, shelf: Shelf):
    removal.pack_everything([])
    return shelf.put_box_on_board(None, 2)
"""
OTHER = """\
from store.use import unpack


def run_it(shelf):
    return unpack(None, shelf)
"""
STORE = (
    Source("python", "store/__init__.py", "", "store"),
    Source("python", "store/shelf.py", SHELF, "store"),
    Source("python", "store/use.py", USE, "store"),
    Source("python", "store/other.py", OTHER, "store"),
)
USING = STORE[2]


@pytest.fixture
def manifest() -> Manifest:
    return msgspec.structs.replace(
        scripted_manifest(),
        fill_in_the_middle=FillInTheMiddle("spm-joined", "<prefix>", "<suffix>", "<middle>"),
        repository_format=RepositoryFormat(file_separator="<file>"),
        sees_excerpts=True,
    )


def hole_of(text: str, piece: str) -> Hole:
    start = text.rindex(piece)
    return Hole("rest of line", start, start + len(piece))


def examples(
    packages: PackageExcerpts, source: Source, hole: Hole, manifest: Manifest
) -> list[Example]:
    assert PYTHON is not None
    saved = source.text[: hole.start] + source.text[hole.end :]
    find = packages.finder(source, PYTHON, saved)
    assert find is not None
    return examples_with_excerpts(
        source, hole, CONTEXT_TOKENS, find, manifest, PYTHON, random.Random(1), cursors=4
    )


def shown(found: Sequence[Example]) -> str:
    return "".join(segment.text for example in found for segment in example.segments)


@pytest.mark.parametrize("order", ["spm-joined", "spm", "psm"])
async def test_prompts_are_those_that_a_session_builds_in_a_workspace_of_the_package(
    order: str, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABWRIGHT_INDEX_DIR", str(tmp_path / "index"))
    form = FillInTheMiddle(order, "<prefix>", "<suffix>", "<middle>")  # type: ignore[arg-type]
    manifest = msgspec.structs.replace(manifest, fill_in_the_middle=form)
    hole = hole_of(USE, "put_box_on_board(None, 2)")
    text = USE[: hole.start] + USE[hole.end :]
    workspace = tmp_path / "project"
    (workspace / "store").mkdir(parents=True)
    for source in STORE:
        (workspace / source.path).write_text(source.text if source is not USING else text)
    known = Workspaces(LANGUAGES, lambda _event: None)
    known.configure(Settings(), [])
    known.follow([workspace], [])
    opened = known.of(workspace)
    assert opened is not None
    opened.want_full_text()
    await known.settle()
    try:
        knowledge = known.knowledge_for(workspace / USING.path, Settings())
        assert knowledge is not None
        with PackageExcerpts(STORE, tmp_path / "excerpts", LANGUAGES) as packages:
            found = examples(packages, USING, hole, manifest)
        assert len(found) == (1 if order == "spm-joined" else 4)
        for example in found:
            offset = USE.rindex(example.middle, 0, hole.end)
            typed = USE[:offset] + USE[hole.end :]
            snapshot = DocumentSnapshot("file:///use.py", "python", 1, typed, USING.path)
            room = room_for(
                snapshot,
                PYTHON,
                manifest,
                context_tokens=CONTEXT_TOKENS,
                can_fill_in_the_middle=True,
            )
            assert PYTHON is not None
            sources = frozenset(CompletionSettings().excerpt_sources)
            excerpts = knowledge.excerpts(snapshot, Cursor(offset), PYTHON, room, sources)
            assert "store/shelf.py" in [each.path for each in excerpts]
            served = build_prompt(
                snapshot,
                Cursor(offset),
                PYTHON,
                manifest,
                context_tokens=CONTEXT_TOKENS,
                can_fill_in_the_middle=True,
                excerpts=excerpts,
            )
            assert example.segments == served.segments
    finally:
        await known.stop()


def test_definitions_of_imported_files_are_shown(manifest: Manifest, tmp_path: Path) -> None:
    with PackageExcerpts(STORE, tmp_path / "excerpts", LANGUAGES) as packages:
        hole = hole_of(USE, "put_box_on_board(None, 2)")
        (example,) = examples(packages, USING, hole, manifest)
    assert example.middle == "put_box_on_board(None, 2)"
    assert example.segments[0].text == "<file>"
    assert "def put_box_on_board(self, box" in shown([example])


def test_nothing_of_what_is_taken_out_comes_back_from_the_indexed_file(
    manifest: Manifest, tmp_path: Path
) -> None:
    """The index holds the file as it is; what is far from the cursor would be shown of it."""
    start = USE.index("    def peel_the_onions")
    hole = Hole("lines", start, USE.index("\n\n\nFIGURE"))
    cursor = hole_of(USE, "put_box_on_board(None, 2)")
    assert PYTHON is not None
    with PackageExcerpts(STORE, tmp_path / "excerpts", LANGUAGES) as packages:

        def seen(saved: str) -> str:
            find = packages.finder(USING, PYTHON, saved)
            assert find is not None
            found = examples_with_excerpts(
                USING, cursor, CONTEXT_TOKENS, find, manifest, PYTHON, random.Random(1), cursors=1
            )
            return shown(found)

        assert "peel_the_onions" in seen(USE)
        assert "peel_the_onions" not in seen(USE[: hole.start] + USE[hole.end :])


@pytest.mark.parametrize("piece", ["knife_with_red_handle\n", "shelf = shelf_for_boxes(boxes)"])
def test_the_middle_is_in_no_part_of_the_prompt(
    piece: str, manifest: Manifest, tmp_path: Path
) -> None:
    text = USE.replace("(self, knife_with_red_handle)", "(self)")
    source = Source("python", "store/use.py", text, "store")
    files = (*STORE[:2], source, STORE[3])
    hole = hole_of(text, piece)
    with PackageExcerpts(files, tmp_path / "excerpts", LANGUAGES) as packages:
        found = examples(packages, source, hole, manifest)
    assert piece not in shown(found)


def five_packages() -> list[Source]:
    return [
        Source(each.language, each.path, each.text, f"package{number}")
        for number in range(5)
        for each in STORE
    ]


def test_the_same_question_has_the_same_answer_however_many_packages_were_open_between(
    manifest: Manifest, tmp_path: Path
) -> None:
    files = five_packages()
    using = [each for each in files if each.path == USING.path]
    hole = hole_of(USE, "put_box_on_board(None, 2)")
    with PackageExcerpts(files, tmp_path / "one", LANGUAGES) as packages:
        first = [examples(packages, each, hole, manifest) for each in using]
        again = [examples(packages, each, hole, manifest) for each in reversed(using)]
    with PackageExcerpts(files, tmp_path / "two", LANGUAGES) as packages:
        other_order = [examples(packages, each, hole, manifest) for each in reversed(using)]
    assert again == first[::-1]
    assert other_order == first[::-1]
    assert all(each == first[0] for each in first)


def test_packages_do_not_see_each_other(manifest: Manifest, tmp_path: Path) -> None:
    files = [
        Source(each.language, each.path, each.text, each.path if each is STORE[1] else "rest")
        for each in STORE
    ]
    hole = hole_of(USE, "put_box_on_board(None, 2)")
    with PackageExcerpts(files, tmp_path / "excerpts", LANGUAGES) as packages:
        found = examples(packages, files[2], hole, manifest)
    assert "store/shelf.py" not in shown(found)


def test_a_package_of_one_file_has_none(tmp_path: Path) -> None:
    alone = Source("python", "alone.py", USE, "alone")
    with PackageExcerpts([*STORE, alone], tmp_path / "excerpts", LANGUAGES) as packages:
        assert packages.finder(alone, PYTHON, USE) is None
        assert packages.finder(USING, PYTHON, USE) is not None
        assert packages.finder(USING, None, USE) is None


def test_a_huge_package_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_excerpts, "MOST_CHARACTERS", len(USE))
    with PackageExcerpts(STORE, tmp_path / "excerpts", LANGUAGES) as packages:
        assert packages.finder(USING, PYTHON, USE) is None
    assert not (tmp_path / "excerpts").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../outside.py",
        "HERE/outside.py",
        "a/../../outside.py",
        "a\\b.py",
        "c:outside.py",
        "a\0b.py",
    ],
)
def test_paths_that_lead_elsewhere_are_left_out(path: str, tmp_path: Path) -> None:
    strange = Source("python", path.replace("HERE", str(tmp_path)), OTHER, "store")
    folder = tmp_path / "in" / "excerpts"
    with PackageExcerpts([*STORE, strange], folder, LANGUAGES) as packages:
        assert packages.finder(USING, PYTHON, USE) is not None
        names = {each.name for each in folder.rglob("*.py")}
    assert names == {"__init__.py", "shelf.py", "use.py", "other.py"}
    assert not list(tmp_path.rglob("*outside*"))


def test_another_spelling_of_a_path_does_not_bring_back_what_is_taken_out(
    manifest: Manifest, tmp_path: Path
) -> None:
    """As `store/use.py` it would be another file, whose class is named at the cursor."""
    spelled = Source("python", "./store/use.py", USE, "store")
    start, end = USE.index("class Removal"), USE.index("FIGURE_0 ")
    source = Source("python", spelled.path, USE[:start] + USE[end:], "store")
    assert PYTHON is not None
    with PackageExcerpts((*STORE[:2], spelled), tmp_path / "excerpts", LANGUAGES) as packages:
        hole = hole_of(source.text, "put_box_on_board(None, 2)")
        seen = shown(examples(packages, source, hole, manifest))
    assert "def put_box_on_board" in seen
    assert "class Removal" not in seen
    assert "pack_everything(self" not in seen


def test_a_file_in_the_place_of_a_folder_is_left_out(manifest: Manifest, tmp_path: Path) -> None:
    files = (*STORE, Source("python", "store", "x = 1\n", "store"))
    with PackageExcerpts(files, tmp_path / "excerpts", LANGUAGES) as packages:
        hole = hole_of(USE, "put_box_on_board(None, 2)")
        assert "def put_box_on_board(self" in shown(examples(packages, USING, hole, manifest))


def test_what_is_laid_out_is_for_its_owner_alone_and_goes_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "excerpts"
    folder.mkdir()
    (folder / "of an earlier run").write_text("killed")
    with PackageExcerpts(STORE, folder, LANGUAGES) as packages:
        assert packages.seconds_laying_out == 0
        packages.finder(USING, PYTHON, USE)
        assert packages.seconds_laying_out > 0
        assert not (folder / "of an earlier run").exists()
        for each in (folder, folder / "0", folder / "indexes"):
            assert stat.S_IMODE(each.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with PackageExcerpts(STORE, tmp_path / "excerpts", LANGUAGES) as packages:
        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            packages.finder(USING, PYTHON, USE)


def test_ignored_and_secret_files_of_a_workspace_are_never_seen(
    manifest: Manifest, tmp_path: Path
) -> None:
    folder = tmp_path / "workspace"
    write_workspace(folder, 40)
    (folder / ".gitignore").write_text("ignored.py\nprivate/\n")
    hidden = "def put_the_hidden_thing(shelf):\n    return shelf.hidden_thing_of_the_shelf\n" * 3
    for name in ("ignored.py", "private/inside.py", "node_modules/there.py", "kept.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(hidden if name != "kept.py" else hidden.replace("hidden", "ok"))
    sources = read_workspace(folder, LANGUAGES).sources
    text = "from kept import put_the_ok_thing\nfrom ignored import put_the_hidden_thing\n\n\n"
    text += "\n".join(f"put_the_ok_thing({n}), put_the_hidden_thing({n})" for n in range(30))
    asking = Source("python", "asking.py", text + "\nput_the_ok_thing(99)\n")
    hole = hole_of(asking.text, "(99)")
    with PackageExcerpts(
        [asking, *sources.train, *sources.held_out], tmp_path / "excerpts", LANGUAGES
    ) as packages:
        seen = shown(examples(packages, asking, hole, manifest))
        laid_out = "".join(each.read_text() for each in (tmp_path / "excerpts").rglob("*.py"))
    assert "ok_thing_of_the_shelf" in laid_out
    assert "hidden_thing_of_the_shelf" not in laid_out
    assert "def put_the_ok_thing(shelf)" in seen
    assert "def put_the_hidden_thing" not in seen
