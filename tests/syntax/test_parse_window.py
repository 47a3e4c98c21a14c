"""Which part of a very long text is parsed."""

from tabwright.syntax.parse_window import (
    AFTER_CHARACTERS,
    BEFORE_CHARACTERS,
    WHOLE_TEXT_CHARACTERS,
    parse_window,
)

FUNCTION = "def f():\n    return 1\n\n"


def test_a_text_of_usual_length_is_parsed_whole():
    assert parse_window("x" * WHOLE_TEXT_CHARACTERS, 5) == (0, WHOLE_TEXT_CHARACTERS)
    assert parse_window("", 0) == (0, 0)


def test_a_long_text_is_cut_where_definitions_start():
    text = FUNCTION * 20_000
    offset = len(text) // 2
    start, end = parse_window(text, offset)
    assert text.startswith("def f():", start)
    assert text.startswith("def f():", end)
    assert offset - BEFORE_CHARACTERS <= start <= offset - BEFORE_CHARACTERS // 2
    assert offset + AFTER_CHARACTERS // 2 <= end <= offset + AFTER_CHARACTERS


def test_a_closing_bracket_starts_no_window():
    text = "}\n    x;\n" * 40_000
    start, end = parse_window(text, len(text) // 2)
    assert text.startswith("}", start) or text.startswith("    x", start)
    assert text[start - 1] == "\n"
    assert text[end - 1] == "\n"


def test_one_long_line_is_cut_anywhere():
    text = "x" * 1_000_000
    offset = 500_000
    assert parse_window(text, offset) == (offset - BEFORE_CHARACTERS, offset + AFTER_CHARACTERS)


def test_the_ends_of_a_long_text_belong_to_their_windows():
    text = FUNCTION * 20_000
    assert parse_window(text, 10)[0] == 0
    assert parse_window(text, len(text) - 10)[1] == len(text)


def test_typing_on_a_line_moves_no_window():
    above, below = FUNCTION * 10_000 + "x = ", "\n" + FUNCTION * 10_000
    windows = set()
    for typed in ("", "f", "f(", "f(a", "f(a, [b])"):
        text = above + typed + below
        start, end = parse_window(text, len(above) + len(typed))
        windows.add((start, len(text) - end))
    assert len(windows) == 1
