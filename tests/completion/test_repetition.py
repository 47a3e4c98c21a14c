"""Where a text that goes round in circles, or ends in the middle of something, is cut."""

from __future__ import annotations

import pytest

from completion.scripted import complete, request_at_mark
from tabwright.completion.repetition import repetition_start
from tabwright.completion.suggestion import NoSuggestion, Reason, Suggestion
from tabwright.settings import CompletionSettings

REPEATING = {
    "a line is said again": ("a = f(x)\na = f(x)", "", 1),
    "three lines are said again": (
        "if not x:\n    return\nx = y\nif not x:\n    return\nx = y",
        "",
        3,
    ),
    "blank lines between do not count": ("a = 1\n\nb = 2\n\na = 1\n\nb = 2", "", 4),
    "a fourth round of counting": ("char *s1;\nchar *s2;\nchar *s3;\nchar *s4;", "", 3),
    "a fourth round of counting in pairs": (
        "case 1:\n  f();\ncase 2:\n  f();\ncase 3:\n  f();\ncase 4:\n  f();",
        "",
        6,
    ),
    "a stutter across dots": ("import a.List;\nimport a.List.Type.Type.Type;", "", 1),
    "a long line is said again": (
        "var a = require('something');\nvar b = 1;\nvar c = 2;\nvar d = 3;\nvar e = 4;\n"
        "var a = require('something');",
        "",
        5,
    ),
    "a line whose body is said again goes too": (
        "if a:\n    return something_long(x)\nif b:\n    return something_long(x)",
        "",
        2,
    ),
    "a stutter within a name": ("char *buf;\nchar *buf_str_str_str_str;", "", 1),
    "the line above is said again": ("x = y", "a = b\nx = y", 0),
    "the lines above are said again": ("a = b\nx = y\nz = 1", "a = b\nx = y", 0),
}

NOT_REPEATING = {
    "brackets close one after the other": ("});\n});\n}", ""),
    "blocks end one after the other": ("end\nend\nend)", ""),
    "rulers": ("# ======\n# title", "x"),
    "a constant of one digit": ("x = 0xFFFFFFFFFFFFFFFF\ny = 0xAAAAAAAAAAAAAAAA", ""),
    "a long line at another depth": (
        "x = something_quite_long(y)\nif b:\n    x = something_quite_long(y)",
        "",
    ),
    "counting to three": ("x1 = 1\nx2 = 2\nx3 = 3", ""),
    "counting on from the lines above": ("x4 = 4\nx5 = 5", "x1 = 1\nx2 = 2\nx3 = 3"),
    "a pattern that the lines above have begun": ("bar()", "foo()\nbar()\nfoo()"),
    "like lines that stand apart": ("x = 1\ny = 2\nz = 3\nu = 4\nv = 5\nx = 1", ""),
}


@pytest.mark.parametrize("name", REPEATING)
def test_repetition_is_found(name: str) -> None:
    text, above, start = REPEATING[name]
    assert repetition_start(text.split("\n"), above.split("\n")) == start


@pytest.mark.parametrize("name", NOT_REPEATING)
def test_no_repetition_is_seen(name: str) -> None:
    text, above = NOT_REPEATING[name]
    assert repetition_start(text.split("\n"), above.split("\n")) is None


async def suggested(source: str, written: str, language: str = "python", lines: int = 12) -> str:
    settings = CompletionSettings(max_lines=lines)
    outcome = await complete(
        request_at_mark(source, language, settings, by_hand=True), written, "", ""
    )
    assert isinstance(outcome, Suggestion)
    return outcome.text


async def test_the_model_is_stopped_when_it_goes_round_in_circles() -> None:
    written = "\n    x = f(x)\n    y = g(y)" * 20
    text = await suggested("def h(x, y):‸\n", written)
    assert text == "\n    x = f(x)\n    y = g(y)"


async def test_the_lines_above_are_not_suggested_once_more() -> None:
    request = request_at_mark("a = f(x)\nb = g(y)‸\n", by_hand=True)
    outcome = await complete(request, "\na = f(x)\nb = g(y)\n", "", "")
    assert isinstance(outcome, NoSuggestion)
    assert outcome.reason is Reason.REPEATS_ITSELF


async def test_a_block_that_is_cut_off_leaves_nothing_open() -> None:
    written = "\n  start();\n  for (;;) {\n    a();\n    b();\n    c();\n  }\n  stop();\n}\n"
    assert await suggested("function f() {‸\n}\n", written, "javascript", 4) == "\n  start();"


async def test_a_block_that_is_cut_off_does_not_end_in_a_header() -> None:
    written = "\n    x = 1\n    y = 2\n    if x:\n        return y\n    return x\n"
    assert await suggested("def f():‸\n", written, "python", 3) == "\n    x = 1\n    y = 2"


async def test_a_block_that_is_nothing_but_a_beginning_is_kept_and_closed() -> None:
    written = "\n  return g({\n    a: 1,\n    b: 2,\n    c: 3,\n  });\n}\n"
    wanted = "\n  return g({\n    a: 1,\n    b: 2,\n  })"
    assert await suggested("function f() {‸\n}\n", written, "javascript", 3) == wanted


async def test_a_starred_comment_ends_where_the_stars_do() -> None:
    written = "\n * Returns the sum.\n   total: 3,\n   other: 4,\n"
    source = "/**\n * Adds numbers.‸\n */\nfunction add() {}\n"
    assert await suggested(source, written, "javascript") == "\n * Returns the sum."


async def test_a_comment_does_not_end_in_an_empty_line() -> None:
    written = "\n * Returns the sum.\n *\n * \n */\n"
    source = "/**\n * Adds numbers.‸\n */\nfunction add() {}\n"
    assert await suggested(source, written, "javascript", 3) == "\n * Returns the sum."


async def test_a_line_that_joins_the_following_lines_is_not_suggested() -> None:
    source = "value = build(‸\n    first / 1000,\n    second / 1000,\n)\n"
    outcome = await complete(
        request_at_mark(source, by_hand=True), "first / 1000, second\n", "", ""
    )
    assert isinstance(outcome, NoSuggestion)
    assert outcome.reason is Reason.REPEATS_FOLLOWING_CODE


async def test_blank_lines_in_a_suggestion_hold_no_white_space() -> None:
    written = "\n    x = f()\n    \n    y = g()\n    return x\n"
    assert await suggested("def h():‸\n", written) == ("\n    x = f()\n\n    y = g()\n    return x")
