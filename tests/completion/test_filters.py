"""Each filter where it acts, and beside it the nearest case where it must not.

A case is the source with the cursor, what the model writes, and what is shown; nothing is the
reason why nothing is.
"""

from __future__ import annotations

import pytest

from completion.scripted import LANGUAGES, MARK
from tabwright.completion.shape import Shape, decide_shape
from tabwright.completion.stopping import whole_length
from tabwright.completion.suggestion import Reason
from tabwright.completion.trimming import Trimmed, context_cut, context_free_cut
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.settings import CompletionSettings


def shape_at(source: str, language: str, *, by_hand: bool = True) -> Shape:
    before, _, after = source.partition(MARK)
    shape = decide_shape(
        DocumentSnapshot("file:///a", language, 1, before + after),
        Cursor(len(before)),
        LANGUAGES.for_editor_id(language),
        CompletionSettings(),
        is_automatic=not by_hand,
    )
    assert isinstance(shape, Shape)
    return shape


def shown(
    source: str,
    written: str,
    language: str = "unknown",
    *,
    by_hand: bool = True,
    typed: str = "",
    owed: str = "",
) -> Trimmed | None:
    """Run both stages; `typed` has been typed at the mark since the model was asked."""
    before, _, after = source.partition(MARK)
    known = LANGUAGES.for_editor_id(language)
    shape = shape_at(source, language, by_hand=by_hand)
    ends = range(1, len(written) + 1)
    draft = context_free_cut(written, list(ends), shape, language=known)
    return context_cut(draft, before + typed, after, known, typed=typed, owed=owed)


LETTERS = "".join(f"\n    {name}()" for name in "abcde")

# name: (language, source, what the model writes, what is shown or why nothing is)
BY_HAND = {
    # Repetition.
    "a line that ends in rounds": (
        "python",
        "x = ‸\n",
        "[0, 1, 0, 1, 0, 1, 0, 1, 0, 1",
        "[0, 1, 0, 1]",
    ),
    "a ruler": ("python", "x = ‸\n", '"-=-=-=-=-=-=-"', '"-=-=-=-=-=-=-"'),
    "a line once more": ("python", "def f():\n    ‸\n", "a = f(b)\n    a = f(b)", "a = f(b)"),
    "two lines alike": ("python", "def f():\n    ‸\n", "a = 1\n    b = 1", "a = 1\n    b = 1"),
    "a paragraph once more": (
        "python",
        "def f():‸\n",
        LETTERS + "\n" + LETTERS,
        LETTERS,
    ),
    "a paragraph that begins alike": (
        "python",
        "def f():‸\n",
        "\n    a()\n    b()\n    c()\n    d()\n    e()\n\n    a()\n    b()\n    return c, d, e",
        "\n    a()\n    b()\n    c()\n    d()\n    e()\n\n    a()\n    b()\n    return c, d, e",
    ),
    "a line varied for the fifth time": (
        "python",
        "def f():‸\n",
        "".join(f"\n    self.register_handler('name', self.handle_{name})" for name in "abcdef"),
        "".join(f"\n    self.register_handler('name', self.handle_{name})" for name in "abcd"),
    ),
    "short lines of a kind": (
        "python",
        "def f():‸\n",
        "".join(f"\n    self.{name} = {name}" for name in "abcdef"),
        "".join(f"\n    self.{name} = {name}" for name in "abcdef"),
    ),
    "the line above": ("python", "a = f(b)\n‸\n", "a = f(b)", Reason.REPEATS_ITSELF),
    "a line like the one above": ("python", "a = f(b)\n‸\n", "a = f(c)", "a = f(c)"),
    # What follows the cursor.
    "the next line": ("python", "a = 1\n‸\nb = 2\n", "b = 2", Reason.REPEATS_FOLLOWING_CODE),
    "less than the next line": ("python", "a = 1\n‸\nb = 2\n", "b = 3", "b = 3"),
    "nearly the next lines": (
        "python",
        "‸\n\ntotal_of_values = compute(a)\nprint_the_report(total)\n",
        "total_of_value = compute(a)\nprint_the_report(total)",
        Reason.REPEATS_FOLLOWING_CODE,
    ),
    "lines of the same make": (
        "python",
        "‸\n\ntotal_of_values = compute(a)\nprint_the_report(total)\n",
        "total_of_counts = compute(b)\nprint_the_result(total)",
        "total_of_counts = compute(b)\nprint_the_result(total)",
    ),
    "an end that is the next lines": (
        "python",
        "x = [\n    ‸\n    4,\n    5,\n]\n",
        "1,\n    2,\n    4,",
        "1,\n    2,",
    ),
    "an end that is a later line": (
        "python",
        "x = [\n    ‸\n    4,\n    5,\n]\n",
        "1,\n    2,\n    5,",
        "1,\n    2,\n    5,",
    ),
    "the rest of the line": ("python", "x = f(‸, key=1)\n", "a, b, key=1)", "a, b"),
    "a rest that only looks alike": ("python", "x = f(‸, key=1)\n", "a, keys", "a, keys"),
    "a word that ends a block": ("ruby", "def f\n  ‸\nend\n", "a\nend", "a"),
    "a word that ends its own block": (
        "lua",
        "if x then\n‸\nend\n",
        "if y then\na()\nend\nb()",
        "if y then\na()\nend\nb()",
    ),
    # Closers.
    "a bracket that is there": ("python", "f(‸)\n", "a, b)", "a, b"),
    "a bracket that is missing": ("python", "g(f(‸)\n", "a))", "a)"),
    "a brace that is there": ("javascript", "function f() {\n  ‸\n}\n", "a();\n}", "a();"),
    "a brace that is missing": (
        "javascript",
        "class A {\n  f() {\n    ‸\n}\n",
        "a();\n  }\n\n  g() {\n",
        "a();\n  }",
    ),
    "a brace right of the cursor": (
        "javascript",
        "  f(() => {‸});\n",
        "\n    a();\n  });",
        "\n    a();\n  ",
    ),
    "a brace right of a single line": ("javascript", "f(() => {‸});\n", " a() });", " a()"),
    # Scope.
    "the end of the suite": (
        "python",
        "def f():‸\n",
        "\n    a()\n    b()\n\nc()\n",
        "\n    a()\n    b()",
    ),
    "a string that is not indented": (
        "python",
        "def f():‸\n",
        '\n    a = """\none\n"""\n    return a\n\nc()\n',
        '\n    a = """\none\n"""\n    return a',
    ),
    "labels of a switch": (
        "go",
        "package a\n\nfunc f(x int) {\n\tswitch x {‸\n\t}\n}\n",
        "\n\tcase 1:\n\t\ta()\n\tdefault:\n\t\tb()\n\t}\n\tc()\n",
        "\n\tcase 1:\n\t\ta()\n\tdefault:\n\t\tb()",
    ),
    "a preprocessor line": (
        "c",
        "int f(void) {\n    ‸\n}\n",
        "a();\n#ifdef B\n    b();\n#endif\n    return 1;\n}\n\nint g(void) {\n",
        "a();\n#ifdef B\n    b();\n#endif\n    return 1;",
    ),
    "a call after an unindented body": (
        "javascript",
        "function f() {\n‸\n}\nf();\n",
        "a();\n}\ng();\n",
        "a();",
    ),
    # Indentation.
    "four spaces in a document with two": (
        "python",
        "def e():\n  return 1\n\n\ndef f():\n  return 1\n\n\ndef g(a):‸\n",
        "\n    if a:\n        a()\n    return a",
        "\n  if a:\n    a()\n  return a",
    ),
    "two spaces in a document with four": (
        "python",
        "def f():\n    return 1\n\n\nclass A:\n    def g(self):‸\n",
        "\n      if a:\n        a()\n      return a",
        "\n        if a:\n            a()\n        return a",
    ),
    "two levels at once": (
        "javascript",
        "function f() {\n  a();\n}\n\nx = f(‸\n",
        "a,\n    b,\n    c)",
        "a,\n    b,\n    c)",
    ),
    "spaces in a document with tabs": (
        "go",
        "package a\n\nfunc f() {\n\ta()\n}\n\nfunc g() {‸\n}\n",
        "\n    if a {\n        b()\n    }",
        "\n\tif a {\n\t\tb()\n\t}",
    ),
    "tabs in a document with spaces": (
        "python",
        "def e():\n  return 1\n\n\ndef f():\n  return 1\n\n\ndef g(a):‸\n",
        "\n\tif a:\n\t\ta()\n\treturn a",
        "\n  if a:\n    a()\n  return a",
    ),
    "a document that shows no unit": (
        "python",
        "def g(a):‸\n",
        "\n   if a:\n      a()\n   return a",
        "\n   if a:\n      a()\n   return a",
    ),
    "one space too many": (
        "python",
        "def f():\n    a()\n    ‸\n",
        " b()\n    c()",
        "b()\n    c()",
    ),
    "the white space of the line once more": (
        "python",
        "def f():\n    a()\n    ‸\n",
        "    b()\n        c()",
        "b()\n    c()",
    ),
    "half an indentation": (
        "python",
        "if a:\n    b()\n\n\ndef f():\n    return 1\n\n\ndef g():\n  ‸\n",
        "a()\n  b()",
        "  a()\n    b()",
    ),
    "half an indentation that the model fills": (
        "python",
        "if a:\n    b()\n\n\ndef f():\n    return 1\n\n\ndef g():\n  ‸\n",
        "  a()\n    b()",
        "  a()\n    b()",
    ),
    "no indentation below a header": (
        "python",
        "def f():\n    return 1\n\n\ndef g():\n‸\n",
        "    a()\n    b()",
        "    a()\n    b()",
    ),
    "no indentation within braces": (
        "cpp",
        "namespace a {\n‸\n}\n",
        "int b;\nint c;",
        "int b;\nint c;",
    ),
    "a call that goes on below": (
        "javascript",
        "function f() {\n  x = a\n  ‸\n}\n",
        "  .b()\n    .c();",
        "  .b()\n    .c();",
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    language, source, written, wanted = BY_HAND[name]
    outcome = shown(source, written, language)
    assert outcome is not None
    if isinstance(wanted, Reason):
        assert outcome == Trimmed("", wanted)
    else:
        assert outcome == Trimmed(wanted)


@pytest.mark.parametrize(
    ("source", "written", "wanted"),
    [
        ("x = ‸\n", "1\ny = 2", "1"),
        ("x = ‸\n", "f(1)", "f(1)"),
    ],
)
def test_while_typing_a_line_is_one_line(source: str, written: str, wanted: str) -> None:
    assert shown(source, written, "python", by_hand=False) == Trimmed(wanted)


# name: (source, what the model writes, typed since, what is shown of the rest; None: no hit)
TYPED = {
    "a word of it": ("x = ‸\n", "foo(bar)", "foo", "(bar)"),
    "something else": ("x = ‸\n", "foo(bar)", "fa", None),
    "its first line": (
        "def f(a):‸\n",
        "\n    if a:\n        a()\n    return a",
        "\n    if a:\n        a()",
        "\n    return a",
    ),
    "its first line, with the document's indentation": (
        "def e():\n  pass\n\ndef g():\n  pass\n\ndef f(a):‸\n",
        "\n    if a:\n        a()\n    return a",
        "\n  if a:\n    ",
        "a()\n  return a",
    ),
    "a line, with another line end": (
        "def f(a):‸\r\n",
        "\n    if a:\n        a()\n    return a",
        "\r\n    if a:\r\n",
        "        a()\n    return a",
    ),
    "all of it": ("x = ‸\n", "foo(bar)", "foo(bar)", ""),
}


@pytest.mark.parametrize("name", TYPED)
def test_a_suggestion_survives_typing_along_it(name: str) -> None:
    source, written, typed, wanted = TYPED[name]
    outcome = shown(source, written, "python", typed=typed)
    assert (None if outcome is None else outcome.text) == wanted


def test_a_closer_that_the_editor_adds_meanwhile_is_not_doubled() -> None:
    assert shown("x = ‸\n", "foo(bar)", "python") == Trimmed("foo(bar)")
    assert shown("x = ‸)\n", "foo(bar)", "python", typed="foo(") == Trimmed("bar")


def test_what_the_last_suggestion_opened_may_be_closed() -> None:
    source = "print(g(foo(‸)\n"
    assert shown(source, "x))))") == Trimmed("x))")
    source = "# :(\nprint(foo(‸))\n"
    assert shown(source, "x))", owed="))") == Trimmed("x))")
    assert shown("foo(‸)\n", "x)", owed="") == Trimmed("x")


STOPPED = {
    # language, source, streamed so far, how much is the suggestion: the mark `¦`, none for more
    "a closer of the block is waited for": ("go", "func f() {‸\n", "\n\ta()\n}"),
    "and ends it with what follows it": ("go", "f(func() {‸\n", "\n\ta()\n})¦\n"),
    "another line of code ends it": ("go", "func f() {‸\n", "\n\ta()¦\nx +"),
    "a label does not": ("go", "func f() {\n\tswitch x {‸\n", "\n\tcase 1:\n\t\ta()\n\tcase 2:"),
    "nor what may become one": ("go", "func f() {\n\tswitch x {‸\n", "\n\tcase 1:\n\t\ta()\n\tca"),
    "nor an open string": ("python", "def f():‸\n", '\n    a = """\nb'),
    "a body that is not indented goes on": ("go", "func f() {‸\n", "\na()\nif b {\n}\nc()"),
    "until its closer": ("go", "func f() {‸\n", "\na()\nif b {\n}\n}¦\nc()"),
    "below a header of several lines too": (
        "python",
        "def f(a,\n      b):‸\n",
        "\n  a()\n  b()¦\nc()",
    ),
    "a header does in an indented language": ("python", "if x:‸\n", "\n    a()¦\nelse:"),
    "a word that begins like one does": ("python", "if x:‸\n", "\n    a()¦\nend = 1\n"),
}


@pytest.mark.parametrize("name", STOPPED)
def test_the_stream_ends_where_indentation_says(name: str) -> None:
    language, source, streamed = STOPPED[name]
    text, found, rest = streamed.partition("¦")
    shape = shape_at(source, language)
    length = whole_length(text + rest, shape, 12, LANGUAGES.for_editor_id(language))
    assert length == (len(text) if found else None)
