"""What an accepted suggestion left open, and until when it may be closed."""

import pytest

from completion.scripted import LANGUAGES
from tabwright.completion.openers_left import OpenersLeft, openers_left

OWED = {
    "foo(bar(": "))",
    "f(() => {": "})",
    'x["a': '"]',
    "foo(bar)": "",
    "foo(')": "')",
    "": "",
    "if x:": "",
    ") + (": ")",
}

# name: (what was accepted, what was typed after it, what is owed then)
LATER = {
    "at once": ("foo(bar(", "", "))"),
    "after a word": ("foo(bar(", "x, ", "))"),
    "after one is closed by hand": ("foo(bar(", "x)", ")"),
    "after all are closed by hand": ("foo(bar(", "x))", ""),
    "after a string is closed by hand": ('foo("a', 'b"', ")"),
    "not once something else is opened": ("foo(bar(", "g(", ""),
    "still after that is closed": ("foo(bar(", "g()", "))"),
}


@pytest.mark.parametrize("text", OWED)
def test_the_closers_are_owed_innermost_first(text):
    assert openers_left(text) == OWED[text]


def test_a_bracket_in_a_comment_is_none():
    python = LANGUAGES.for_editor_id("python")
    assert openers_left("f(a,  # not :(\n", python) == ")"


@pytest.mark.parametrize("name", LATER)
def test_they_are_owed_along_what_is_typed(name):
    accepted, typed, owed = LATER[name]
    text = "x = " + accepted + typed + ")\n"
    left = OpenersLeft("file:///a", len("x = " + accepted), accepted)
    assert left.owed_at("file:///a", text, len(text) - 2) == owed


@pytest.mark.parametrize(
    ("uri", "text", "offset"),
    [
        ("file:///b", "x = foo(", 8),
        ("file:///a", "y\nx = foo(", 10),
        ("file:///a", "x = foo(", 3),
        ("file:///a", "x = ", 4),
    ],
)
def test_nothing_is_owed_anywhere_else(uri, text, offset):
    assert OpenersLeft("file:///a", 8, "foo(").owed_at("file:///a", "x = foo(", 8) == ")"
    assert OpenersLeft("file:///a", 8, "foo(").owed_at(uri, text, offset) == ""
