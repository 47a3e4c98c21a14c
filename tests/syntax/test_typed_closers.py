"""Which closers of a suggestion come twice: all from the mark `¦` on goes."""

import pytest

from tabwright.syntax.typed_closers import PLAIN_SCANNER, undoubled_length

# name: (source with the cursor, suggestion, closers known to be missing)
CASES = {
    "a bracket": ("foo(‸)\n", "x, y¦)", ""),
    "a brace": ("x = {‸}\n", "'a': 1¦}", ""),
    "a quote": ('x["‸"]\n', 'key¦"]', ""),
    "two brackets": ("foo(bar(‸))\n", "x¦), y)", ""),
    "a bracket below": ("foo(\n    ‸\n)\n", "x,\n    y,¦\n)", ""),
    "a brace below": ("function f() {\n  ‸\n}\n", "a();¦\n}", ""),
    "one of two brackets": ("foo(bar(‸)\n", "x), y¦)", ""),
    "none that is missing": ("foo(bar(‸\n", "x))¦", ""),
    "none that the suggestion opened": ("foo(‸)\n", "bar(x), (y)¦", ""),
    "none in a string": ("foo(‸)\n", '")"¦', ""),
    "none where the brace below ends an outer block": (
        "class A {\n  f() {‸\n}\n",
        "\n    a();\n  }¦",
        "",
    ),
    "one where the brace below ends this block": (
        "class A {\n  f() {‸\n  }\n}\n",
        "\n    a();¦\n  }",
        "",
    ),
    "none of those that are known to be missing": ("g(foo(‸))\n", "x)¦", ")"),
    "one more than is known to be missing": ("g(foo(‸))\n", "x)¦)", ")"),
    "a hanging bracket": ("bar(\n  foo(\n    a,\n    ‸\n    )\n)\n", "b¦\n    )", ""),
    "nothing where nothing was opened": ("x = ‸\n", "1) + 2¦", ""),
}


def check_undoubled(scanner, split, source, marked, owed):
    before, after = split(source)
    kept = marked.partition("¦")[0]
    length = undoubled_length(scanner, before, marked.replace("¦", ""), after, owed)
    assert marked.replace("¦", "")[:length].rstrip() == kept.rstrip()


@pytest.mark.parametrize("name", CASES)
def test_a_closer_comes_once(split, name):
    check_undoubled(PLAIN_SCANNER, split, *CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_same_deep_in_a_long_document(split, name):
    source, marked, owed = CASES[name]
    filler = "function f() {\n  a();\n}\n" * 1000
    check_undoubled(PLAIN_SCANNER, split, filler + source + filler, marked, owed)


def test_a_word_that_ends_a_block_comes_once(language, split):
    scanner = language("ruby").scanner
    check_undoubled(scanner, split, "def f\n  ‸\nend\n", "if a\n    b\n  end¦\nend", "")


def test_the_apostrophe_of_a_comment_opens_nothing(language, split):
    scanner = language("javascript").scanner
    check_undoubled(scanner, split, "f( // don't\n  ‸)\n", "x¦)", "")


@pytest.mark.parametrize("text", ["(" * 100_000, ")" * 100_000, '("' * 50_000, "\ud800\t\r\n" * 9])
def test_many_brackets_take_no_time(text):
    assert 0 <= undoubled_length(PLAIN_SCANNER, text, text[:4000], text) <= len(text)
