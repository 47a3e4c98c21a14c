"""A suggestion that was cut off inside what it opened is closed."""

from __future__ import annotations

import pytest

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.closing import missing_closers
from tabwright.syntax.languages import LanguageRegistry

LANGUAGES = LanguageRegistry([grammars_folder()])

# (language, before, suggestion, after, what closes it)
CASES = {
    "a block on a line of its own, indented as it was opened": (
        "c",
        "void f(int ret) {",
        "\n    if (ret != 0) {\n        stop();",
        "\n}\n",
        "\n    }",
    ),
    "several, innermost first": (
        "javascript",
        "function f() {",
        "\n  const a = {\n    b: [\n      1,",
        "\n}\n",
        "\n    ]\n  }",
    ),
    "a bracket of the last line right there": (
        "python",
        "values = [1]\nend = ",
        "len(values",
        "\n",
        ")",
    ),
    "a call over several lines": (
        "python",
        "tree = ",
        "Tree(\n    1,\n    2,",
        "\n",
        "\n)",
    ),
    "nothing where nothing is open": ("python", "x = ", "f(1)", "\n", ""),
    "nothing where the text after the cursor closes it": (
        "javascript",
        "function f() {\n  g(",
        "[1, 2",
        "]);\n}\n",
        "",
    ),
    "nothing where closing mends nothing": ("python", "x = ", "f(1 +", "\n", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_opened_is_closed(name: str) -> None:
    language_id, before, suggestion, after, wanted = CASES[name]
    language = LANGUAGES.for_editor_id(language_id)
    assert language is not None
    assert missing_closers(language, before, suggestion, after) == wanted


def test_the_keyword_that_ends_a_block_is_one_too() -> None:
    language = LANGUAGES.for_editor_id("lua")
    assert language is not None
    assert (
        missing_closers(language, "local function f(x)", "\n  if x then\n    g()", "\nend\n")
        == "\n  end"
    )
