import itertools
import random
from pathlib import Path

import msgspec
import pytest

from tabwright.bundled_data import grammars_folder, models_folder
from tabwright.completion.prompt import build_prompt
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.catalogue import read_manifest
from tabwright.model.manifest import FillInTheMiddle, Manifest, RepositoryFormat
from tabwright.specialization.examples import (
    CLOSING_SIGNS,
    Hole,
    Source,
    Window,
    draw_hole,
    examples_at_hole,
)
from tabwright.syntax.languages import LanguageRegistry

PYTHON = LanguageRegistry([grammars_folder()]).for_editor_id("python")
SOURCE = Source("python", "package/module.py", Path(__file__).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return msgspec.structs.replace(
        read_manifest(models_folder() / "smollm2-135m.toml"),
        fill_in_the_middle=FillInTheMiddle("spm", "<prefix>", "<suffix>", "<middle>"),
        repository_format=RepositoryFormat(file_separator="<file>"),
    )


def text_behind(name, segments):
    place = [segment.text for segment in segments].index(name) + 1
    return "" if segments[place].is_control else segments[place].text


def shown_before(segments):
    return text_behind("<prefix>", segments)


def shown_after(segments):
    return text_behind("<suffix>", segments)


def test_prompts_are_those_that_the_server_sends_at_the_cursor(manifest):
    text = "import json\n\n\ndef load(path):\n    return json.load(path)\n\n\nVALUE = 1\n"
    start = text.index("json.load")
    hole = Hole("rest of line", start, text.index("\n", start))
    source = Source("python", "a.py", text)
    (example,) = examples_at_hole(
        source, hole, Window(500, 500), manifest, PYTHON, random.Random(1), cursors=1
    )
    snapshot = DocumentSnapshot("", "python", 0, text[:start] + text[hole.end :], "a.py")
    served = build_prompt(
        snapshot, Cursor(start), PYTHON, manifest, context_tokens=2048, can_fill_in_the_middle=True
    )
    assert example.segments == served.segments
    assert (example.middle, example.is_whole) == ("json.load(path)", True)


@pytest.mark.parametrize("seed", range(60))
def test_prompt_and_middle_together_are_the_file_again(manifest, seed):
    rng = random.Random(seed)
    hole = draw_hole(SOURCE, PYTHON, rng)
    if hole is None:
        pytest.skip("this draw meets nothing of use")
    assert SOURCE.text[hole.start : hole.end].strip()
    for example in examples_at_hole(
        SOURCE, hole, Window(400, 200), manifest, PYTHON, rng, cursors=6
    ):
        before, after = shown_before(example.segments), shown_after(example.segments)
        assert before + example.middle in SOURCE.text
        assert SOURCE.text.startswith(after, hole.end)
        if example.is_whole:
            assert before + example.middle + after in SOURCE.text
        else:
            assert example.middle.endswith("\n") or len(example.middle) == 240


def test_cursors_of_a_hole_share_the_beginning_of_their_prompts(manifest):
    hole = Hole("typing", SOURCE.text.index("@pytest.fixture"), SOURCE.text.index("def shown_b"))
    examples = examples_at_hole(
        SOURCE, hole, Window(300, 200), manifest, PYTHON, random.Random(2), cursors=8
    )
    assert len(examples) >= 5
    befores = [shown_before(each.segments) for each in examples]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(befores))
    assert len({shown_after(each.segments) for each in examples}) == 1


def test_all_kinds_of_holes_are_drawn_and_the_same_seed_draws_the_same():
    def draws(seed):
        rng = random.Random(seed)
        return [draw_hole(SOURCE, PYTHON, rng) for _ in range(300)]

    assert draws(3) == draws(3)
    assert {hole.kind for hole in draws(3) if hole is not None} == {
        "rest of line",
        "inside line",
        "lines",
        "syntax",
        "typing",
        "characters",
    }


def test_holes_inside_lines_end_before_a_closing_sign_of_the_same_line():
    rng = random.Random(5)
    draws = [draw_hole(SOURCE, PYTHON, rng) for _ in range(400)]
    holes = [hole for hole in draws if hole is not None and hole.kind == "inside line"]
    assert len(holes) > 40
    assert all(SOURCE.text[hole.end] in CLOSING_SIGNS for hole in holes)
    assert not any("\n" in SOURCE.text[hole.start : hole.end] for hole in holes)


@pytest.mark.parametrize("text", ["", "x", "\n" * 500, " " * 500])
def test_texts_with_nothing_to_learn_give_no_hole(text):
    rng = random.Random(1)
    assert not any(draw_hole(Source("python", "a.py", text), PYTHON, rng) for _ in range(40))


def test_a_language_without_a_grammar_still_gives_holes():
    rng = random.Random(1)
    source = Source("cobol", "a.cob", "MOVE A TO B.\n" * 20)
    assert any(draw_hole(source, None, rng) for _ in range(20))


def test_a_joined_middle_goes_on_where_the_prompt_ends(manifest):
    joined = msgspec.structs.replace(
        manifest,
        fill_in_the_middle=FillInTheMiddle("spm-joined", "<prefix>", "<suffix>", "<middle>"),
    )
    hole = Hole("typing", SOURCE.text.index("@pytest.fixture"), SOURCE.text.index("def text_b"))
    (example,) = examples_at_hole(
        SOURCE, hole, Window(300, 200), joined, PYTHON, random.Random(2), cursors=8
    )
    *_, middle, last = example.segments
    assert middle.text == "<middle>"
    assert SOURCE.text.endswith(last.text, 0, hole.start)
    assert example.middle == SOURCE.text[hole.start : hole.end]
    assert example.is_whole
    assert SOURCE.text.startswith(text_behind("<suffix>", example.segments), hole.end)
