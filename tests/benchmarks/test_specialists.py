"""How the specialists' benchmark draws its items and judges what it gets."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from held_out_items import BLOCK, KINDS, LINE_END, MID_LINE, MID_WORD, PACKAGES, draw, places_in
from infilling_items import Item
from known_text import Likelihood
from packages import Package, SourceFile
from raw_model import RawAnswer, cut_answer
from retyping import Shown, retype
from specialist_figures import compare_pairs, compared, groups_of, raw_figures
from specialist_models import base_of, models_asked, role, served, speaks
from specialist_tables import evidence_tables, verdicts
from typing_items import Item as TypedItem
from workspace_adapters import RELEASES

from completion.scripted import LANGUAGES
from tabwright.bundled_data import models_folder
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason, Suggestion
from tabwright.errors import ManifestError
from tabwright.model.catalogue import Catalogue
from tabwright.model.manifest import FillInTheMiddle, Licence, LocalSource, Manifest, Weights
from tabwright.session.documents import OpenDocument

PYTHON = '''"""A shelf of books."""

import bisect


class Shelf:
    # comments are not asked about, however long they are
    def __init__(self, books):
        self.books = sorted(books)
        self.note = "a string that is long enough"

    def add(self, book):
        place = bisect.bisect(self.books, book)
        self.books.insert(place, book)
        return place

    def titles(self):
        return [book.title for book in self.books if book.title]
'''
AN_ITEM = Item(
    id="shelf",
    set="packages",
    language="python",
    kind=MID_LINE,
    before="    self.books.insert(",
    after=")\n    return place\n",
    middle="place, book",
    program_before="",
    program_after="",
    reference_passes=False,
    can_be_judged=False,
    path="shelf.py",
)


def a_file(text: str = PYTHON, name: str = "shelf.py") -> SourceFile:
    package = Package("shelf", "1", "wheel", (".py",), "MIT")
    return SourceFile(package, Path("/shelf"), Path("/shelf") / name, text)


def drawn(kind: str, count: int, seed: int = 1, text: str = PYTHON) -> list[Item]:
    return draw(places_in([a_file(text)]), "python", kind, count, random.Random(seed), LANGUAGES)


def an_answer(text: str = "", item: Item = AN_ITEM, **changes: object) -> RawAnswer:
    fills_in = bool(changes.pop("fills_in", True))
    answer = RawAnswer(
        item=item,
        text=text,
        cut=cut_answer(item, text, fills_in=fills_in),
        stopped=True,
        known=None,
        fills_in=fills_in,
    )
    return replace(answer, **changes)  # type: ignore[arg-type]  # the fields of an answer


# -- items --


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_is_the_file_with_a_piece_taken_out(kind: str) -> None:
    items = drawn(kind, 4)
    assert items
    for item in items:
        assert item.before + item.middle + item.after == PYTHON
        assert item.middle.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_more_items_are_the_same_ones_and_others(kind: str) -> None:
    assert drawn(kind, 5)[:3] == drawn(kind, 3)
    assert drawn(kind, 3, seed=2) != drawn(kind, 3)


def test_the_kinds_are_told_by_what_stands_around_the_cursor() -> None:
    for item in drawn(LINE_END, 8) + drawn(MID_WORD, 8):
        assert item.after.startswith("\n")
        assert "\n" not in item.middle
        is_inside = bool(re.match(r"\w\w", item.before[-1] + item.middle[0]))
        assert is_inside == (item.kind == MID_WORD)
    for item in drawn(MID_LINE, 8):
        assert item.after.partition("\n")[0].strip()
    for item in drawn(BLOCK, 4):
        assert item.middle.count("\n") >= 1
        assert item.lines == "multi"


def test_neither_comments_nor_strings_are_asked_about() -> None:
    text = "# a comment that is long\nx = '''\na text in a string\nand one more line\n'''\n" * 20
    for kind in (LINE_END, MID_LINE, MID_WORD):
        for item in drawn(kind, 10, text=text):
            line = item.before.rpartition("\n")[2] + item.middle
            assert line.startswith("x =")


def test_a_text_that_two_files_have_is_asked_about_once() -> None:
    assert len(places_in([a_file(), a_file(name="copy.py")])) == len(places_in([a_file()]))


def learned_from(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the names of the packages that the corpora of a folder are made of."""
    for path in sorted(folder.glob("*.toml")):
        for package in msgspec.toml.decode(path.read_bytes()).get("packages", ()):
            yield path.name, package["name"]


def test_no_corpus_holds_a_package_that_models_are_judged_with() -> None:
    judged_with = {package.name for group in PACKAGES.values() for package in group}
    judged_with |= {release.name for release in RELEASES}
    learned = list(learned_from(models_folder() / "corpora"))
    assert not [each for each in learned if each[1] in judged_with]


# -- answers --


@pytest.mark.parametrize(
    ("text", "fills_in", "is_exact", "is_exact_when_cut"),
    [
        ("place, book", True, True, True),
        ("place, book\nand more", True, False, True),
        ("place, book)", True, False, False),  # it was shown the bracket
        ("place, book)", False, True, True),  # it was not
        ("place, book)\n    return", False, True, True),
        ("book, place)", False, False, False),
        ("", True, False, False),
    ],
)
def test_who_cannot_see_the_rest_of_the_line_may_write_it(
    text: str, fills_in: bool, is_exact: bool, is_exact_when_cut: bool
) -> None:
    answer = an_answer(text, fills_in=fills_in)
    assert answer.exact == is_exact
    assert answer.exact_when_cut == is_exact_when_cut


def test_a_block_is_cut_after_as_many_lines_as_were_taken_out() -> None:
    item = replace(AN_ITEM, kind=BLOCK, middle="a = 1\nb = 2", after="\nc = 3\n")
    assert cut_answer(item, "a = 1\nb = 2\nc = 3", fills_in=False) == "a = 1\nb = 2"


def test_the_figures_of_raw_answers() -> None:
    answers = [
        an_answer("place, book", known=Likelihood(2.0, 4)),
        an_answer("place", stopped=False, known=Likelihood(6.0, 4)),
        an_answer("nothing like it", known=None),
    ]
    figures = raw_figures(answers)
    assert figures["items"] == 3
    assert figures["exact"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["stopped"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["perplexity"] == pytest.approx(2.718, abs=1e-3)
    assert figures["bits_per_character"] == pytest.approx(8 / 0.693147 / 22, abs=1e-4)


def test_of_no_answers_nothing_is_known() -> None:
    assert raw_figures([])["perplexity"] is None


# -- comparing --


def answers_of(rights: Sequence[bool], language: str = "python") -> list[RawAnswer]:
    return [
        an_answer(
            "place, book" if right else "", replace(AN_ITEM, id=f"{number}", language=language)
        )
        for number, right in enumerate(rights)
    ]


def test_models_are_compared_group_by_group_on_the_same_items() -> None:
    ours = answers_of([True] * 30 + [False] * 10)
    theirs = answers_of([True] * 10 + [False] * 40)
    found = compared(ours, theirs, lambda each: float(each.exact), seed=1)
    assert set(found) == set(groups_of(AN_ITEM))
    whole = found["all"]
    assert (whole.items, whole.ours, whole.theirs) == (40, 0.75, 0.25)
    assert whole.verdict == "better"
    assert whole.as_row()["ratio"] == 3.0


def test_items_without_a_value_are_not_compared() -> None:
    ours = answers_of([True, False, True])

    def value(answer: RawAnswer) -> float | None:
        return None if answer.item.id == "1" else float(answer.exact)

    assert compared(ours, ours, value, seed=1)["all"].items == 2
    assert compared(ours, [], value, seed=1) == {}


def test_a_handful_of_items_says_nothing() -> None:
    assert compare_pairs([(1.0, 0.0)] * 5, seed=1).verdict == "few"
    assert compare_pairs([(1.0, 0.0)] * 40, seed=1).verdict == "better"
    assert compare_pairs([(0.0, 1.0)] * 40, seed=1).verdict == "worse"
    assert compare_pairs([(1.0, 1.0)] * 40, seed=1).verdict == "-"
    assert compare_pairs([(1.0, 0.0)] * 40, seed=1).as_row()["ratio"] is None


def test_the_verdicts_name_what_was_reached_and_what_was_lost() -> None:
    better = compare_pairs([(1.0, 0.0)] * 30 + [(1.0, 1.0)] * 10, seed=1).as_row()
    worse = compare_pairs([(0.0, 1.0)] * 30, seed=1).as_row()
    report = {
        "alone": {"ours": {"all": {"stopped": 0.5}}},
        "alone_against_base": {
            "ours": {"exact": {"python single lines": better, "python multi_block": worse}}
        },
    }
    said = "\n".join(verdicts(report))
    assert "at least 3 times the base's: reached, 4.0 times" in said
    assert "ends 90% by itself: missed, 50.0%" in said
    assert "no kind of item worse, alone: missed, python multi_block." in said


def test_what_has_too_few_items_is_not_said_to_be_no_worse() -> None:
    few = compare_pairs([(0.0, 1.0)] * 3, seed=1).as_row()
    report = {
        "alone": {"ours": {"all": {"stopped": 1.0}}},
        "alone_against_base": {"ours": {"exact": {"python multi_block": few}}},
    }
    assert "alone: cannot be told; 1 of 1 groups have too few items." in verdicts(report)[-1]


def test_a_manifest_can_hold_the_evidence() -> None:
    row = compare_pairs([(1.0, 0.0)] * 30 + [(1.0, 1.0)] * 10, seed=1).as_row()
    report = {
        "models": [{"id": "base"}],
        "items_of_a_group": 10,
        "seed": 31,
        "only": ["packages"],
        "alone_against_base": {"ours": {"exact": {"all": row, "c": row, "c single_line_end": row}}},
    }
    found = msgspec.toml.decode(evidence_tables(report))["evidence"]
    assert [each["language"] for each in found] == ["c"]
    assert found[0]["against"] == "base"
    assert (found[0]["ours"], found[0]["theirs"], found[0]["items"]) == (1.0, 0.25, 40)
    assert found[0]["command"].endswith(
        "--only packages --no-pipeline --models ours --items 10 --seed 31"
    )


def test_the_evidence_of_several_languages_together_stands_for_the_others() -> None:
    row, lost = (compare_pairs([pair] * 30, seed=1).as_row() for pair in ((1.0, 0.0), (0.0, 1.0)))
    report = {
        "models": [{"id": "base"}],
        "items_of_a_group": 10,
        "seed": 31,
        "only": [],
        "alone_against_base": {"ours": {"exact": {"all": row, "c": row, "cpp": lost}}},
    }
    found = msgspec.toml.decode(evidence_tables(report))["evidence"]
    assert [(each["language"], each["ours"]) for each in found] == [("*", 1), ("c", 1), ("cpp", 0)]


def test_completed_code_is_evidence_and_too_few_items_are_none() -> None:
    row, few = (compare_pairs([(1.0, 0.0)] * count, seed=1).as_row() for count in (30, 3))
    report = {
        "models": [{"id": "base"}],
        "items_of_a_group": 1,
        "seed": 31,
        "only": ["packages"],
        "typed": 30,
        "pipeline": {},
        "pipeline_against_base": {"ours": {"exact": {"all": few, "c": few}}},
        "completed": {"base": {"all": row, "c": row}, "ours": {"all": row, "c": row}},
    }
    (found,) = msgspec.toml.decode(evidence_tables(report))["evidence"]
    assert (found["measure"], found["language"], found["items"]) == ("completed_code", "c", 30)
    assert "--only packages --typed 30 --models ours" in found["command"]


# -- models --


def a_manifest(folder: Path, model_id: str, weights: str = "base.gguf", **more: object) -> Manifest:
    manifest = Manifest(
        id=model_id,
        name=model_id,
        family="small",
        parameters_millions=1,
        licence=Licence("MIT", "allowed"),
        languages=("*",),
        context_tokens=512,
        memory_mb=1,
        weights=Weights("F32", 1, LocalSource(weights)),
        folder=str(folder),
    )
    return msgspec.structs.replace(manifest, **more)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    for name in ("base.gguf", "python.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    form = FillInTheMiddle("spm", "<p>", "<s>", "<m>")
    of_python = {"languages": ("python",), "fill_in_the_middle": form}
    return Catalogue(
        (
            a_manifest(tmp_path, "base", is_default=True),
            a_manifest(tmp_path, "of-go", languages=("go",), adapter="go.gguf"),
            a_manifest(tmp_path, "of-python", adapter="python.gguf", **of_python),
            a_manifest(tmp_path, "other", weights="other.gguf"),
        ),
        (),
    )


def test_the_base_comes_first_and_adapters_whose_files_are_missing_are_named(
    catalogue: Catalogue,
) -> None:
    asked, left_out = models_asked(catalogue, [])
    assert [each.manifest.id for each in asked] == ["base", "of-python"]
    assert [each.fills_in for each in asked] == [False, True]
    assert [role(each, asked[0]) for each in asked] == ["base", "language"]
    assert [speaks(each, "go") for each in asked] == [True, False]
    assert left_out == ["of-go: its weights are not on this machine"]
    assert asked[1].adapter is not None
    assert asked[1].weights.name == "base.gguf"


def test_models_can_be_named(catalogue: Catalogue) -> None:
    asked, left_out = models_asked(catalogue, ["other", "of-python", "base"])
    assert [each.manifest.id for each in asked] == ["base", "of-python"]
    assert left_out == ["other: its weights are not on this machine"]
    with pytest.raises(ManifestError, match="no model 'nobody'"):
        models_asked(catalogue, ["nobody"])


def test_the_base_of_a_default_adapter_is_what_it_was_made_from(catalogue: Catalogue) -> None:
    base, *others = catalogue.manifests
    plain = msgspec.structs.replace(base, is_default=False)
    default = msgspec.structs.replace(others[1], is_default=True)
    changed = Catalogue((plain, default), ())
    assert base_of(changed).id == "base"
    assert served(changed, default) is not None


# -- typing again --


class Suggests:
    """A session that suggests a text at one place of a document, and nothing anywhere else."""

    def __init__(self, offset: int, text: str) -> None:
        self._offset, self._text = offset, text
        self.documents: list[OpenDocument] = []

    def open(self, document: OpenDocument) -> None:
        self.documents.append(document)

    def close(self, uri: str) -> None:
        assert self.documents[-1].uri == uri

    async def complete(self, _uri: str, offset: int, *, is_automatic: bool) -> Outcome:
        assert is_automatic
        if offset == self._offset:
            return Suggestion(self._text, "small", "line", -0.1)
        return NoSuggestion(Reason.UNSURE)


@pytest.mark.parametrize(("text", "accepted"), [("= sorted(x)", "= sorted(x)"), ("= x", "")])
async def test_what_is_right_is_accepted_and_all_else_typed(text: str, accepted: str) -> None:
    file = a_file("def f(x):\n    y = sorted(x)\n    return y\n")
    item = TypedItem("Python", "python", file, 9, "\n    y = sorted(x)", (0.1,) * 18)
    session = Suggests(9 + len("\n    y "), text)
    shown: list[Shown] = []
    taken = await retype(session, item, shown.append)  # type: ignore[arg-type]  # stands in for one
    assert "".join(each.text for each in taken) == accepted
    assert session.documents[-1].text == file.text
    assert [each.text for each in shown if each.text] == [text]
