"""How much of a suggestion leaves the program sound."""

import re
import time

import pytest

from tabwright.syntax.soundness import sound_length

# language, program with the cursor mark, suggestion, what of it is sound
CASES = [
    # Whole suggestions.
    ("python", "x = ‸\n", "foo(a)", "foo(a)"),
    ("python", "‸\n", "def f(x):\n    return x\n", "def f(x):\n    return x\n"),
    ("python", "foo(‸)\n", "a, b", "a, b"),
    ("python", "foo(bar(‸)\n", "a), b", "a), b"),
    ("python", 'print("hel‸")\n', "lo wor", "lo wor"),
    ("python", 'print("hel‸\n', 'lo")', 'lo")'),
    ("python", "# Say‸\n", " hello (to", " hello (to"),
    ("python", "x = '😀'\ny = ‸\n", "'😀' + x", "'😀' + x"),
    ("python", "if x:\r\n    ‸\r\n", "y = 1\r\n    z = 2", "y = 1\r\n    z = 2"),
    ("python", "if x:\n    a()\n‸\n", "else:\n    b()", "else:\n    b()"),
    ("javascript", "const x = ‸;\n", "() => { return `${y}`; }", "() => { return `${y}`; }"),
    # Unfinished suggestions are no faults.
    ("python", "‸\n", "if x:", "if x:"),
    ("python", "‸\n", "if x:  # why", "if x:  # why"),
    ("python", "‸\n    y = 1\n", "if x:", "if x:"),
    ("python", "def f():\n    ‸\n", "for x in y:\n        ", "for x in y:\n        "),
    ("python", "x = ‸\n", "foo(a, [b", "foo(a, [b"),
    ("python", "x = ‸\n", "[\n    1,\n    2,", "[\n    1,\n    2,"),
    ("python", "foo‸)\n", "(a", "(a"),
    ("javascript", "function f() {\n  ‸\n}\n", "if (x) {", "if (x) {"),
    ("javascript", "x.then‸\n", "((y) => {\n  z(", "((y) => {\n  z("),
    ("java", "class A {\n  void f() {\n    ‸\n  }\n}\n", "foo(", "foo("),
    ("java", "class A {\n  void f() {\n    ‸\n  }\n}\n", "int x = f(a)", "int x = f(a)"),
    ("csharp", "class A {\n  void F() {\n    ‸\n  }\n}\n", "if (x)", "if (x)"),
    ("c", "int f() {\n  ‸\n}\n", "while (x) {\n    y();", "while (x) {\n    y();"),
    ("rust", "fn f() {\n    ‸\n}\n", "let x = foo(", "let x = foo("),
    ("go", "package a\n\nfunc f() {\n\t‸\n}\n", "for i := range x {", "for i := range x {"),
    ("ruby", "def f\n  ‸\nend\n", "items.each do |x|", "items.each do |x|"),
    ("ruby", "‸\n", "def f\n  if x", "def f\n  if x"),
    ("lua", "‸\n", "if x then\n  y(", "if x then\n  y("),
    ("bash", "‸\n", "for x in a b; do\n  echo", "for x in a b; do\n  echo"),
    # Broken suggestions are cut.
    ("python", "foo(‸)\n", "a, b)", "a, b"),
    ("python", "‸\n", "x = 1\ny = = 2\n", "x = 1\n"),
    ("python", "x = ‸\n", "f(a) g h", "f(a) "),
    ("python", "‸\n", 'x = 1\ny = "abc', "x = 1\n"),
    ("javascript", "function f() {\n  ‸\n}\n", "x();\n}\n}", "x();\n"),
    ("javascript", "if (a) {\n  b(‸\n}\n", "c);\n}", "c);\n"),
    ("rust", "fn f() {\n    ‸\n}\n", "a();\n    b() c", "a();\n    "),
    ("ruby", "def f\n  ‸\nend\n", "x\nend\nend", "x\n"),
    ("python", "x = 1\n‸\n", ") ] }", ""),
    # A program that is broken elsewhere.
    ("python", "def broken(:\n    pass\n\n\nx = ‸\n", "foo(a)", "foo(a)"),
    ("python", "def broken(:\n    pass\n\n\n\n‸\n", "y = 1\nz = ) 2", "y = 1\n"),
    ("python", "x = ‸\n", "f(if)", "f"),
    ("html", "<div>‸</div>\n", "<b>x</b></p>", "<b>x</b>"),
    # A program without its end.
    ("javascript", "function f() {\n  x();\n  const y = a && ‸\n", "a.b !== c", "a.b !== c"),
    ("javascript", "function f() {\n  if (x) {\n    ‸\n", "y(]", "y("),
    ("java", "class A {\n  void f() {\n    int x = ‸\n", "g(1);", "g(1);"),
    ("python", "x = [\n    1,\n    ‸\n", "2, 3", "2, 3"),
    ("ruby", "class A\n  def f\n    x = ‸\n", "g(1)", "g(1)"),
    ("python", 'def f():\n    """Say\n    ‸\n', "(it", "(it"),
    # Nothing to look at.
    ("python", "‸", "", ""),
    ("python", "x = ‸", "   ", ""),
    ("python", "‸", "x", "x"),
]


def token_borders(text: str) -> list[int]:
    return [found.end() for found in re.finditer(r"\w+|\s+|[^\w\s]", text)]


@pytest.mark.parametrize(("language_id", "program", "suggestion", "sound"), CASES)
def test_the_sound_part_of_a_suggestion(language, split, language_id, program, suggestion, sound):
    before, after = split(program)
    cuts = token_borders(suggestion)
    length = sound_length(language(language_id), before, suggestion, after, cuts)
    if sound == suggestion:
        assert suggestion[:length] == sound
    else:
        # A little more than the last sound statement may stand: its fault comes later.
        assert suggestion[:length].startswith(sound.rstrip())
        assert length < len(suggestion)


# language, program, what goes on beyond its end, and more of the line
BEGINNINGS = [
    ("python", "def f():\n    ‸\n", "request.", "get()"),
    ("python", "class A:\n    __‸\n", "slots__ =", " ()"),
    ("python", "x = [a for a ‸]\n", "in b if", " c"),
    ("python", "f(a‸)\n", "uto_attribs=", "True"),
    ("rust", "fn f() {\n    a(buil‸\n}\n", "der.", "b()"),
    ("rust", "fn f(&self)‸\n", " -> PyResult<", "A>"),
    ("java", "class A {\n  void f() {\n    String file‸\n  }\n}\n", "name =", " a;"),
    ("java", "import com.‸\n", "a.", "b;"),
    ("go", "package a\n\nfunc f() {\n\tx‸\n}\n", " :=", " 1"),
    ("javascript", "const a‸\n", "ssert = require('http-", "assert')"),
    ("csharp", "class A {\n  void F() {\n    var x‸\n  }\n}\n", " = a.", "B();"),
]


@pytest.mark.parametrize(("language_id", "program", "beginning", "more"), BEGINNINGS)
def test_the_beginning_of_a_line_may_end_where_more_must_follow(
    language, split, language_id, program, beginning, more
):
    before, after = split(program)
    known, cuts = language(language_id), token_borders(beginning)
    assert sound_length(known, before, beginning + more, after, []) == len(beginning + more)
    assert sound_length(known, before, beginning, after, cuts) < len(beginning)
    assert sound_length(known, before, beginning, after, cuts, goes_on=True) == len(beginning)


@pytest.mark.parametrize("beginning", ["x = )", "f(]", "a b = ", "x = = "])
def test_the_beginning_of_a_line_that_nothing_can_follow_is_cut(language, beginning):
    cuts = token_borders(beginning)
    length = sound_length(language("python"), "", beginning, "\n", cuts, goes_on=True)
    assert length < len(beginning.rstrip())


def test_only_the_given_cuts_are_taken(language):
    length = sound_length(language("python"), "", "x = 1\ny = = 2", "", [6])
    assert length == 6


def test_a_cut_beside_the_text_is_left_out(language):
    assert sound_length(language("python"), "", "x = )", "", [-1, 0, 99]) == 0


def test_the_half_typed_line_is_mended_rather_than_left_broken(language):
    suggestion = "foo(a)\ny = if if"
    length = sound_length(language("python"), "x = ", suggestion, "\n", [6, 7])
    assert length == 7


def test_what_cannot_be_mended_is_not_withheld(language):
    before = "def f(:\n  )\n  x = foo(bar(\n"
    length = sound_length(language("python"), before, "a, b", "\n) ] = =\n", [1, 2])
    assert length == 4


def test_mismatched_brackets_are_cut_in_a_broken_program(language):
    length = sound_length(language("javascript"), "f(g(", "a, [b), c", "\n", [1, 2, 4])
    assert length <= 4


def test_line_ends_are_tried_far_from_the_end_of_the_suggestion(language):
    suggestion = "x = 1\ny = 2\n" + "z = = " + "a " * 60
    cuts = token_borders(suggestion)
    length = sound_length(language("python"), "", suggestion, "", cuts)
    assert suggestion[:length].startswith("x = 1\ny = 2")


def test_a_very_long_program_is_judged_by_the_part_around_the_cursor(language):
    function = "def f():\n    return g(1)\n\n\n"
    before, after = function * 15_000, "\n" + function * 15_000
    started = time.monotonic()
    good = sound_length(language("python"), before, "x = f()", after, [])
    bad = sound_length(language("python"), before, "x = f(]", after, [1])
    assert (good, bad) == (7, 1)
    # The limit is loose: it tells a window from the whole, not one machine from another.
    assert time.monotonic() - started < 3


def test_lone_surrogates_and_nul_bytes_do_no_harm(language):
    length = sound_length(language("python"), "x = '\ud800\0' + ", "'😀\0'", "\ny = '\ud800'\n", [])
    assert length == 4
