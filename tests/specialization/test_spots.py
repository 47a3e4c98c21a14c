"""Where models are asked."""

from __future__ import annotations

from specialization.workspaces import a_module
from tabwright.commands.building import build_languages
from tabwright.specialization.sources import SourceFile
from tabwright.specialization.spots import choose_spots

LANGUAGES = build_languages()
FILES = [SourceFile("python", f"m{number}.py", a_module(number)) for number in range(10)]


def test_the_same_seed_asks_at_the_same_spots() -> None:
    assert choose_spots(FILES, LANGUAGES, 100, 7) == choose_spots(FILES, LANGUAGES, 100, 7)
    assert choose_spots(FILES, LANGUAGES, 100, 7) != choose_spots(FILES, LANGUAGES, 100, 8)


def test_what_was_taken_out_makes_the_file_whole_again() -> None:
    for spot in choose_spots(FILES, LANGUAGES, 300, 7):
        whole = spot.text[: spot.start] + spot.middle + spot.text[spot.start :]
        assert whole == spot.file.text
        assert spot.middle.strip()
        assert "\n" not in spot.middle
        assert not spot.middle[0].isspace()
        assert not spot.middle[-1].isspace()


def test_both_kinds_are_asked_and_are_what_they_are_called() -> None:
    spots = choose_spots(FILES, LANGUAGES, 300, 7)
    assert sum(spot.kind == "mid_line" for spot in spots) > 60
    assert all(bool(spot.line_after.strip()) == (spot.kind == "mid_line") for spot in spots)


def test_no_line_is_asked_about_twice() -> None:
    spots = choose_spots(FILES, LANGUAGES, 10_000, 7)
    lines = [(spot.file.path, spot.file.text.count("\n", 0, spot.start)) for spot in spots]
    assert len(lines) == len(set(lines))


def test_comments_and_blank_lines_are_not_asked_about() -> None:
    text = "# a comment that is long enough\n\n   \n    # another comment here\nx\n"
    assert choose_spots([SourceFile("python", "c.py", text)], LANGUAGES, 10, 7) == []


def test_only_what_is_kept_aside_is_asked_about() -> None:
    text = a_module(1)
    start, end = text.index("def colour_1_1"), text.index("def degree_1_2")
    file = SourceFile("python", "m.py", text, kept_aside=((0, 5), (start, end)))
    spots = choose_spots([file], LANGUAGES, 100, 7)
    assert len(spots) == 5
    assert all(start <= spot.start < spot.end <= end for spot in spots)
    assert all(spot.text != text and len(spot.text) > end - start for spot in spots)


def test_lines_that_were_learned_are_not_asked_about() -> None:
    text = "first = make(1)\nsecond = make(2)\n    third = make( 3 )\n"
    learned = SourceFile("python", "l.py", "if x:\n  third = make(3)\nfirst = make(1)")
    asked = SourceFile("python", "a.py", text)
    (spot,) = choose_spots([asked], LANGUAGES, 10, 7, [learned])
    assert "second = make(2)".endswith((spot.middle + spot.line_after).strip())


def test_any_text_can_be_asked_about() -> None:
    texts = [
        "",
        "\r\n" * 9,
        "🙂🙂🙂🙂 = call('🙂')\r\n" * 9,
        "\t\tvalue = (1,\t2)\n",
        "x" * 1_000_000,
    ]
    files = [SourceFile("python", f"{n}.py", text) for n, text in enumerate(texts)]
    spots = choose_spots(files, LANGUAGES, 100, 7)
    assert len(spots) == 10
    assert all(spot.middle and "\r" not in spot.middle + spot.line_after for spot in spots)
