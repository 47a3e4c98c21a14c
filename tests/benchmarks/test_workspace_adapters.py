"""What counts as added by a newer version, and how the user's command is run."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import pytest
import typing_items
import workspace_training
import workspace_typing
from held_out_items import LINE_END, MID_WORD
from infilling_items import Item
from known_text import Likelihood
from packages import Package, SourceFile
from raw_model import RawAnswer, Served
from specialist_figures import compare_pairs
from test_specialists import a_manifest
from version_changes import Added, Release, added_items, added_places
from workspace_adapters import compare, print_report, read_adapters
from workspace_training import Options, last_words, specialise
from workspace_typing import added_pieces, completed_keys

from completion.scripted import LANGUAGES
from specialization.fake_trainer import an_adapter
from tabwright.model.catalogue import Catalogue, catalogue_folders, read_catalogue

OLD = """import bisect

def place_of(books, book):
    place = bisect.bisect(books, book)
    return place

def titles(books):
    found = []
    for book in books:
        found.append(book.title)
    return found
"""


def a_file(text: str, name: str = "shelf.py", version: str = "1") -> SourceFile:
    package = Package("shelf", version, "wheel", (".py",), "MIT")
    root = Path(f"/shelf-{version}")
    return SourceFile(package, root, root / name, text)


def added(old: Sequence[SourceFile], *new: SourceFile) -> list[str]:
    return [place.file.text[place.start : place.end] for place in added_places(old, list(new))]


# -- what was added --


def test_a_version_without_changes_adds_nothing() -> None:
    assert added([a_file(OLD)], a_file(OLD, version="2")) == []


def test_new_and_changed_lines_are_added() -> None:
    new = OLD.replace("    return place\n", "    check(place)\n    return place + 1\n")
    assert added([a_file(OLD)], a_file(new)) == ["check(place)", "return place + 1"]


def test_a_line_that_is_only_indented_otherwise_is_not_added() -> None:
    new = OLD.replace("    place = bisect", "        place = bisect").replace("\n\n", "\n\n\n")
    assert added([a_file(OLD)], a_file(new)) == []


def test_a_file_with_another_name_has_only_new_lines_added() -> None:
    new = OLD + "\ndef count(books):\n    return len(books)\n"
    assert added([a_file(OLD)], a_file(new, name="shelves.py")) == [
        "def count(books):",
        "return len(books)",
    ]


def test_lines_that_were_moved_between_files_are_not_added() -> None:
    head, _, tail = OLD.partition("def titles")
    assert added([a_file(OLD)], a_file(head), a_file("def titles" + tail, name="other.py")) == []


def test_a_known_line_in_new_company_is_added_and_marked() -> None:
    new = OLD + "\ndef last(shelves):\n    place = len(shelves) - 1\n    return place\n"
    items = added_items([a_file(OLD)], [a_file(new)], "python", 10, 1, LANGUAGES)
    marked = {
        (each.item.before.rpartition("\n")[2] + each.item.middle).strip(): each.is_known_line
        for each in items
    }
    assert marked["return place"]
    assert not marked["place = len(shelves) - 1"]


def test_items_are_of_both_kinds_and_no_line_is_asked_about_twice() -> None:
    names = [f"name_{random.Random(number).randrange(10**6)}" for number in range(40)]
    new = OLD + "".join(
        f"{name} = make_{name}(books, {index})\n" for index, name in enumerate(names)
    )
    items = added_items([a_file(OLD)], [a_file(new)], "python", 20, 1, LANGUAGES)
    assert [each.item.kind for each in items] == [LINE_END] * 10 + [MID_WORD] * 10
    lines = {each.item.before.count("\n") for each in items}
    assert len(lines) == 20
    assert all(each.item.before + each.item.middle + each.item.after == new for each in items)


# -- the user's command --


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(tmp_path / "users-data"))
    monkeypatch.setenv("TABWRIGHT_CONFIG_DIR", str(tmp_path / "users-config"))
    models = tmp_path / "users-config" / "models"
    models.mkdir(parents=True)
    (models / "mine.toml").write_text('adapter = "a.gguf"\n')
    (tmp_path / "users-data" / "weights").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    return tmp_path


def run(place: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> workspace_training.Made:
    """Run `specialise` with a program in the place of the command."""
    command = [sys.executable, "-c", program]
    monkeypatch.setattr(workspace_training, "python_module_command", lambda _name: command)
    base = Served(a_manifest(place, "base"), place / "base.gguf")
    mine = a_manifest(place, "mine")
    options = Options(minutes=2, items=10, seed=5, base="", context_tokens=512)
    return specialise(place / "shelf", base, options, place / "run", Catalogue((mine,), ()))


MANIFEST = """
import os, pathlib, sys
assert sys.argv[1:4] == ["specialize", "--workspace", {workspace!r}], sys.argv
assert sys.argv[4:8] == ["--minutes", "2", "--base", "base"], sys.argv
folder = pathlib.Path(os.environ["TABWRIGHT_DATA_DIR"]) / "models"
folder.mkdir()
(folder / "own.gguf").write_bytes(b"GGUF")
(folder / "workspace-shelf.toml").write_text('''
id = "workspace-shelf"
name = "Shelf"
family = "small"
parameters_millions = 1
languages = ["python"]
context_tokens = 512
memory_mb = 1
adapter = "own.gguf"
[licence]
name = "MIT"
commercial_use = "allowed"
[weights]
quantisation = "F32"
size_mb = 1
[weights.source]
kind = "file"
path = "base.gguf"
''')
"""


def test_an_installed_model_is_found_and_the_users_folders_stay_as_they_were(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(place.glob("users-*/**/*"))
    made = run(place, monkeypatch, MANIFEST.format(workspace=str(place / "shelf")))
    assert made.note == "installed"
    assert made.model is not None
    assert made.model.manifest.id == "workspace-shelf"
    assert made.model.adapter is not None
    assert made.model.adapter.read_bytes() == b"GGUF"
    assert made.model.weights == place / "base.gguf"
    assert sorted(place.glob("users-*/**/*")) == before


def test_a_model_that_was_not_better_is_no_model(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run(place, monkeypatch, "raise SystemExit(3)")
    assert made.model is None
    assert made.note.startswith("not installed: no gain")


def test_a_failure_says_why(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = 'print(\'{"kind": "failed", "message": "No memory left."}\'); raise SystemExit(1)'
    assert run(place, monkeypatch, said).note == "failed: No memory left."


def test_the_last_words_of_a_command() -> None:
    assert last_words('{"message": "No."}\n', "a warning\n") == "No."
    assert last_words("", "Traceback\nValueError: no\n") == "ValueError: no"
    assert last_words('[1]\nnot JSON {"', "") == "it said nothing"


def test_adapters_at_hand_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "a=b.gguf"
    file.write_bytes(b"")
    # A file's name may hold the sign, a package's may not.
    with pytest.raises(click.BadParameter, match="is not there"):
        read_adapters([f"nox={tmp_path / 'missing.gguf'}"], {"nox"})
    with pytest.raises(click.BadParameter, match="write PACKAGE=FILE"):
        read_adapters([f"unknown={file}"], {"nox"})
    with pytest.raises(click.BadParameter, match="write PACKAGE=FILE"):
        read_adapters(["nox"], {"nox"})
    assert read_adapters([f"nox={file}"], {"nox"}) == {"nox": file}


# -- typed key by key --


def test_only_pieces_of_added_lines_are_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"shelf_{number}.py" for number in range(12)]
    new_text = OLD.replace("    return place\n", "    checked(place, books)\n    return place\n")
    package = Package("shelf", "2", "wheel", (".py",), "MIT")
    old = [a_file(OLD, name) for name in names]
    new = [SourceFile(package, tmp_path, tmp_path / name, new_text) for name in names]
    monkeypatch.setattr(typing_items, "fetch", lambda _package, folder: folder)
    monkeypatch.setattr(typing_items, "source_files", lambda _package, _root: new)
    release = Release(old[0].package, package, "python")
    pieces = added_pieces(release, old, new, 4, 1, tmp_path, LANGUAGES)
    assert [item.removed for item in pieces["Python"]] == ["\n    checked(place, books)"] * 4


def test_both_models_are_typed_with_in_a_data_folder_of_their_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool, str]] = []

    async def shares(model: str, _pieces: object) -> list[float]:
        catalogue = read_catalogue(catalogue_folders())
        is_known = any(each.id == model for each in catalogue.manifests)
        seen.append((model, is_known, os.environ["TABWRIGHT_DATA_DIR"]))
        return [0.5, 0.75] if model == workspace_typing.OWN else [0.25, 0.5]

    monkeypatch.setattr(workspace_typing, "completed_shares", shares)
    adapter = place / "own.gguf"
    adapter.write_bytes(an_adapter("own"))
    known = {each.id: each for each in read_catalogue(catalogue_folders()).manifests}
    base = Served(known["smollm2-135m-python"], place / "base.gguf")
    own = Served(msgspec.structs.replace(base.manifest, id="own"), base.weights, adapter)
    before = sorted(place.glob("users-*/**/*"))
    row = completed_keys({}, base, own, 1, place / "typing")
    data = str(place / "typing" / "data")
    assert seen == [(workspace_typing.OWN, True, data), ("smollm2-135m-python", True, data)]
    assert (row["theirs"], row["ours"]) == (0.375, 0.625)
    assert os.environ["TABWRIGHT_DATA_DIR"] == str(place / "users-data")
    assert sorted(place.glob("users-*/**/*")) == before


# -- how two models compare --


def answers_of(texts: Sequence[str], items: Sequence[Item]) -> list[RawAnswer]:
    return [
        RawAnswer(item, text, text.split("\n")[0], True, Likelihood(1.0, 2), True)
        for item, text in zip(items, texts, strict=True)
    ]


def test_an_answer_that_goes_on_below_the_line_is_right_and_ends_wrongly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = [a_file(OLD)], [a_file(OLD.replace("titles", "names").replace("found", "seen"))]
    items = added_items(old, new, "python", 4, 1, LANGUAGES)
    asked = [Added(items[0].item, number % 2 == 0) for number in range(40)]
    middles = [each.item.middle for each in asked]
    ours = answers_of([f"{each}\nmore" for each in middles], [each.item for each in asked])
    theirs = answers_of(["?"] * 40, [each.item for each in asked])
    result = compare(asked, ours, theirs, seed=1)
    assert result["exact"]["ours"] == 0
    assert result["exact_when_cut"]["ours"] == 1
    assert result["exact_when_cut"]["verdict"] == "better"
    assert result["exact_of_new_lines_when_cut"]["items"] == 20
    typed = compare_pairs([(0.5, 0.25)] * 30, 1).as_row() | {"pairs": [(0.5, 0.25)] * 30}
    result["typed"] = typed
    refused = {"package": "b", "note": "not installed", "exact_when_cut": None}
    twice = [{"package": "a", **result}, {"package": "c", **result}]
    print_report({"results": [*twice, refused], "seed": 1})
    printed = capsys.readouterr().out
    assert "All 80 places, first lines: 0.0 to 100.0 % exact (+100.0 to +100.0)." in printed
    assert "reached, 2 of 3" not in printed
    assert "0.0 100.0" in printed
    assert "a: of 30 added pieces typed key by key, 25.0 to 50.0 % completed" in printed
    assert "all: of 60 added pieces" in printed
    assert "b: not installed." in printed
    assert "by first lines: missed, 2 of 3" in printed
