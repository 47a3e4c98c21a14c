"""The pure parts of the infilling benchmark, and how it keeps programs in bounds."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from infilling_asking import Answer, continue_text
from infilling_items import Item, choose, read_item
from infilling_measures import faultless, is_exact, judge, passes, summary
from infilling_programs import ProgramRunner, Step, recipe_for, run_program

from completion.scripted import LANGUAGES, ScriptedGenerator
from tabwright.syntax.languages import Language

DOUBLE = Item(
    id="double",
    set="small",
    language="python",
    kind="single_mid",
    before="def double(x):\n    return ",
    after="\n",
    middle="x * 2",
    program_before="def double(x):\n    return ",
    program_after="\nassert double(2) == 4\n",
    reference_passes=True,
    can_be_judged=True,
)


def a_record(**changes: Any) -> dict[str, Any]:
    test = {"program_prefix": "a\n", "program_suffix": "c\ntest\n"}
    return {
        "id": "1",
        "language": "python",
        "kind": "single_line",
        "prefix": "a\n",
        "middle": "b\n",
        "suffix": "c\n",
        "test": test,
        **changes,
    }


def python() -> Language:
    language = LANGUAGES.for_editor_id("python")
    assert language is not None
    return language


# -- items --


def test_a_removed_line_leaves_an_empty_line_to_write_on() -> None:
    item = read_item(a_record(), "small")
    assert (item.before, item.middle, item.after) == ("a\n", "b", "\nc\n")
    assert item.program_before + item.middle + item.program_after == "a\nb\nc\ntest\n"


def test_a_random_span_stays_as_it_comes() -> None:
    item = read_item(a_record(kind="random_span"), "small")
    assert (item.middle, item.after) == ("b\n", "c\n")


JUDGED = {
    "known to tell": ({"reference_passes": True, "empty_fails": True}, True),
    "nothing is known": ({}, True),
    "passes without the piece too": ({"reference_passes": True, "empty_fails": False}, False),
    "fails with the piece too": ({"reference_passes": False, "empty_fails": True}, False),
}


@pytest.mark.parametrize(("known", "wanted"), JUDGED.values(), ids=JUDGED)
def test_tests_that_tell_nothing_are_left_out(known: dict[str, bool], wanted: bool) -> None:
    test = {"program_prefix": "", "program_suffix": "", **known}
    assert read_item(a_record(test=test), "small").can_be_judged is wanted


KINDS = {"single_start": "single", "multi_line": "multi", "random_span": "auto"}


@pytest.mark.parametrize(("kind", "lines"), KINDS.items())
def test_the_kind_decides_how_many_lines_are_asked_for(kind: str, lines: str) -> None:
    assert replace(DOUBLE, kind=kind).lines == lines


def some_items() -> list[Item]:
    return [
        replace(DOUBLE, id=f"{language} {kind} {number}", language=language, kind=kind)
        for language in ("go", "rust")
        for kind in ("single_mid", "multi_start")
        for number in range(5)
    ]


def test_a_larger_count_takes_the_same_items_and_more() -> None:
    few, many = choose(some_items(), 2, 1), choose(some_items(), 4, 1)
    assert (len(few), len(many), len(choose(some_items(), 0, 1))) == (8, 16, 20)
    assert set(few) < set(many)
    assert few == choose(some_items(), 2, 1)


def test_names_of_one_sort_add_up_and_of_two_narrow_down() -> None:
    assert {item.language for item in choose(some_items(), 0, 1, ["go", "rust"])} == {"go", "rust"}
    narrowed = choose(some_items(), 0, 1, ["go", "single_mid"])
    assert {item.group for item in narrowed} == {("small", "go", "single_mid")}


def test_a_name_of_nothing_is_told() -> None:
    with pytest.raises(ValueError, match="cobol: not among go, multi_start"):
        choose(some_items(), 0, 1, ["go", "cobol"])


# -- the bare model --


def continued(says: str, item: Item) -> tuple[str, ScriptedGenerator]:
    generator = ScriptedGenerator([says])
    return asyncio.run(continue_text(generator, item)), generator


def test_the_bare_model_is_stopped_at_the_end_of_the_line() -> None:
    text, generator = continued("x + x\n    return y", DOUBLE)
    assert text == "x + x"
    assert generator.was_closed_early
    assert generator.requests[0].segments[0].text == DOUBLE.before


def test_the_bare_model_writes_as_many_lines_as_were_taken_out() -> None:
    text, _ = continued("1\n\n2\n3", replace(DOUBLE, middle="a\n\nb"))
    assert text == "1\n\n2"


# -- measures --


EXACT = {
    "the same": ("x", "x", True),
    "white space at the end": ("x  \n", "x", True),
    "another indentation": ("  x", "x", False),
    "only white space was taken out": ("\n   ", "\n   ", True),
    "nothing, of white space": ("", "\n   ", False),
}


@pytest.mark.parametrize(("text", "middle", "wanted"), EXACT.values(), ids=EXACT)
def test_exact_is_the_piece_taken_out(text: str, middle: str, wanted: bool) -> None:
    assert is_exact(text, middle) is wanted


FAULTLESS = {
    "a whole statement": ("f();", (True, True, True)),
    "an open block can be closed": ("if (x) {\n        f();", (False, True, True)),
    "a statement can be ended": ("int x = 1", (False, False, True)),
    "a stray bracket stays one": ("f());", (False, False, False)),
}


@pytest.mark.parametrize(("text", "wanted"), FAULTLESS.values(), ids=FAULTLESS)
def test_faults_are_counted_in_three_ways(text: str, wanted: tuple[bool, bool, bool]) -> None:
    item = replace(DOUBLE, before="int f(int x) {\n    ", after="\n}\n")
    language = LANGUAGES.for_editor_id("cpp")
    assert language is not None
    assert faultless(language, item, text) == wanted


def test_what_was_broken_before_is_no_new_fault() -> None:
    item = replace(DOUBLE, before="def f(:\n    ", after="\n\n\nf()\n")
    assert faultless(python(), item, "double(2)")[0]


def test_only_what_must_be_run_is_run(tmp_path: Path) -> None:
    runner = ProgramRunner(tmp_path)
    assert passes(DOUBLE, DOUBLE.middle, runner) is True
    assert passes(DOUBLE, " ", runner) is False
    assert passes(replace(DOUBLE, can_be_judged=False), "x + x", runner) is None
    assert runner.program_count == 0
    for _ in range(2):
        assert passes(DOUBLE, "x + x", runner) is True
        assert passes(DOUBLE, "x + 1", runner) is False
    assert runner.program_count == 2


def test_a_language_that_cannot_be_run_has_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    runner = ProgramRunner(tmp_path)
    assert runner.missing("rust") == "there is no rustc"
    assert passes(replace(DOUBLE, language="rust"), "x + x", runner) is None


def test_a_summary_counts_silence_as_neither_exact_nor_passing(tmp_path: Path) -> None:
    runner = ProgramRunner(tmp_path)
    answers = [Answer("x * 2"), Answer("x + 1))"), Answer("", "line_complete")]
    figures = summary([judge(DOUBLE, "typing", each, python(), runner) for each in answers])
    assert figures["exact"] == figures["passes"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["exact_of_shown"] == 0.5
    assert (figures["tested"], figures["adds_fault_when_sound"]) == (3, 1)
    assert figures["reasons"] == {"line_complete": 1}


@pytest.mark.parametrize(
    ("contestant", "text", "sound"),
    [
        ("typing", "max(x +", True),
        ("by hand", "max(x +", False),
        ("typing", "x +", True),
        ("typing", "x + )", False),
    ],
)
def test_only_typing_may_begin_a_line(
    contestant: str, text: str, sound: bool, tmp_path: Path
) -> None:
    judged = judge(DOUBLE, contestant, Answer(text), python(), ProgramRunner(tmp_path))
    assert judged.sound is sound


# -- programs --


def python_passes(program: str, tmp_path: Path) -> bool:
    recipe = recipe_for("python", tmp_path)
    assert not isinstance(recipe, str)
    return run_program(recipe, program)


PROGRAMS = {
    "ends": ("assert 1 + 1 == 2", True),
    "fails a test": ("assert 1 + 1 == 3", False),
    "is no program": ("def", False),
    "leaves before its tests": ("import sys\nsys.exit(0)\nassert False", False),
    "writes in its own folder": ("open('here', 'w').write('x')", True),
    "takes too much memory": ("x = bytearray(3_000_000_000)", False),
    "prints without end": ("while True: print('x' * 1000)", False),
    "asks": ("input()", False),
    "looks for a token": ("import os\nassert 'A_TOKEN' not in os.environ", True),
}


@pytest.mark.parametrize(("program", "wanted"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_passes_when_it_comes_to_its_end(
    program: str, wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", "secret")
    assert python_passes(program, tmp_path) is wanted


def test_output_that_tells_of_a_failed_test_fails(tmp_path: Path) -> None:
    recipe = recipe_for("python", tmp_path)
    assert not isinstance(recipe, str)
    strict = replace(recipe, forbidden_output="Assertion failed")
    assert not run_program(strict, "print('Assertion failed')")


@pytest.mark.parametrize("program", ["while True: pass", "import time\ntime.sleep(60)"])
def test_a_program_without_end_is_ended(program: str, tmp_path: Path) -> None:
    recipe = recipe_for("python", tmp_path)
    assert not isinstance(recipe, str)
    step = Step(recipe.steps[0].command, cpu_seconds=1, wall_seconds=3)
    started = time.monotonic()
    assert not run_program(replace(recipe, steps=(step,)), program)
    assert time.monotonic() - started < 30


def test_what_a_program_starts_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = [sys.executable, "-c", "import time; time.sleep(60)"]
    program = (
        "import pathlib, subprocess\n"
        f"child = subprocess.Popen({child!r})\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
    )
    assert python_passes(program, tmp_path)
    process_id = int(note.read_text())
    deadline = time.monotonic() + 10
    while is_alive(process_id) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(process_id)


def is_alive(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
