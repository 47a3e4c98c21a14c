"""What the model is shown, for each way of asking."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from completion.scripted import LANGUAGES, MARK, manifest, snapshot_at_mark
from tabwright.completion.prompt import Prompt, build_prompt, prefix_window, suffix_window
from tabwright.model.messages import Segment


def prompt_for(
    source: str, model_id: str, *, budget: int = 512, can_fill: bool = True, path: str = "a/b.py"
) -> Prompt:
    snapshot, cursor = snapshot_at_mark(source, path=path)
    return build_prompt(
        snapshot,
        cursor,
        LANGUAGES.for_editor_id("python"),
        manifest(model_id),
        context_tokens=budget,
        can_fill_in_the_middle=can_fill,
    )


def test_a_model_without_fill_in_the_middle_gets_a_path_comment_and_the_prefix() -> None:
    prompt = prompt_for("x = ‸)\ny = 2\n\n", "smollm2-135m")
    assert prompt.segments == (Segment("# a/b.py\nx = "),)


@pytest.mark.parametrize("source", ["x = ‸", "x = ‸)\n", "x = ‸\n\n  \n"])
def test_where_nothing_is_below_the_prompt_is_path_and_prefix(source: str) -> None:
    assert prompt_for(source, "smollm2-135m").segments == (Segment("# a/b.py\nx = "),)


def test_typing_on_a_line_only_adds_to_the_end_of_a_prompt() -> None:
    before, after = "def f():\n    ", "\n    return y\n"
    for model_id in ("smollm2-135m", "qwen2.5-coder-0.5b"):
        texts = [
            "".join(
                part.text for part in prompt_for(before + typed + MARK + after, model_id).segments
            )
            for typed in ("", "y", "y =", "y = 1")
        ]
        assert all(new.startswith(old) for old, new in itertools.pairwise(texts))


def test_a_model_without_fill_in_the_middle_is_shown_the_following_lines_where_that_pays() -> None:
    snapshot, cursor = snapshot_at_mark("x = ‸old\ny = 2\n", path="a/b.py")
    prompt = build_prompt(
        snapshot,
        cursor,
        LANGUAGES.for_editor_id("python"),
        msgspec.structs.replace(manifest("smollm2-135m"), following_lines=True),
        context_tokens=512,
        can_fill_in_the_middle=False,
    )
    assert prompt.segments == (Segment("# a/b.py (further down)\ny = 2\n\n# a/b.py\nx = "),)


def test_in_prefix_suffix_middle_order_the_cursors_line_begins_the_middle() -> None:
    prompt = prompt_for("w = 1\nx = ‸\ny = 2\n", "qwen2.5-coder-0.5b")
    assert prompt.segments == (
        Segment("<|file_sep|>", is_control=True),
        Segment("a/b.py\n"),
        Segment("<|fim_prefix|>", is_control=True),
        Segment("w = 1\n"),
        Segment("<|fim_suffix|>", is_control=True),
        Segment("\ny = 2\n"),
        Segment("<|fim_middle|>", is_control=True),
        Segment("x = "),
    )


def test_typing_in_a_line_leaves_a_prefix_suffix_middle_prompt_as_it_was_but_for_its_end() -> None:
    start = prompt_for("w = 1\n‸\ny = 2\n", "qwen2.5-coder-0.5b").segments
    for typed in ("x", "x = ", "x = w +"):
        prompt = prompt_for(f"w = 1\n{typed}‸\ny = 2\n", "qwen2.5-coder-0.5b")
        assert prompt.segments == (*start, Segment(typed))


def test_suffix_prefix_middle_order_is_that_of_the_manifest() -> None:
    prompt = prompt_for("x = ‸\ny = 2\n", "mellum-4b-base")
    assert [segment.text for segment in prompt.segments] == [
        "<filename>",
        "a/b.py\n",
        "<fim_suffix>",
        "\ny = 2\n",
        "<fim_prefix>",
        "x = ",
        "<fim_middle>",
    ]


def test_the_path_follows_the_prefix_token_where_the_model_learnt_it_there() -> None:
    prompt = prompt_for("w = 1\nx = ‸\n", "starcoder2-3b")
    assert [segment.text for segment in prompt.segments][:3] == [
        "<file_sep>",
        "<fim_prefix>",
        "a/b.py\nw = 1\n",
    ]


def test_a_model_whose_file_lacks_the_tokens_is_asked_without_them() -> None:
    prompt = prompt_for("x = ‸\ny = 2\n", "qwen2.5-coder-0.5b", can_fill=False)
    assert not any("fim" in segment.text for segment in prompt.segments)
    assert prompt.segments[-1].text.endswith("x = ")


def test_code_that_looks_like_a_control_token_stays_text() -> None:
    prompt = prompt_for("x = '<|fim_middle|>' + ‸\n", "qwen2.5-coder-0.5b")
    quoting = [segment for segment in prompt.segments if "x = '<|fim_middle|>'" in segment.text]
    assert [segment.is_control for segment in quoting] == [False]


def test_a_document_without_a_path_has_no_header() -> None:
    assert prompt_for("x = ‸\n", "smollm2-135m", path="").segments == (Segment("x = "),)


def test_carriage_returns_are_not_shown_to_the_model() -> None:
    prompt = prompt_for("a = 1\r\nb = 2\rx = ‸\r\n", "smollm2-135m", path="")
    assert prompt.segments == (Segment("a = 1\nb = 2\nx = "),)


def test_the_prompt_only_grows_at_its_end_while_one_types() -> None:
    lines = "".join(f"value_{number} = {number}\n" for number in range(400))
    typed = "for name in sorted(values):\n    print(name, values[name])\n"
    previous = ""
    breaks = 0
    for count in range(1, len(typed)):
        prompt = prompt_for(lines + typed[:count] + MARK, "smollm2-135m", budget=256)
        (segment,) = prompt.segments
        breaks += not segment.text.startswith(previous)
        previous = segment.text
    assert breaks <= 1


def test_a_window_starts_at_a_line_and_keeps_within_its_budget() -> None:
    text = "".join(f"line {number}\n" for number in range(1000))
    for offset in range(3000, 3200, 7):
        window = prefix_window(text, offset, 600)
        assert 300 < len(window) <= 600
        assert text[:offset].endswith(window)
        assert text[offset - len(window) - 1] == "\n"


def test_a_window_within_one_endless_line_still_moves_in_steps() -> None:
    text = "x" * 100_000
    starts = {offset - len(prefix_window(text, offset, 600)) for offset in range(50_000, 50_150)}
    assert len(starts) <= 2
    assert all(len(prefix_window(text, offset, 600)) <= 600 for offset in range(50_000, 50_150))


def test_the_text_after_the_cursor_ends_with_a_whole_line() -> None:
    assert suffix_window("ab\ncd\nef\n", 0, 7) == "ab\ncd\n"
    assert suffix_window("abcdefgh", 0, 4) == "abcd"
    assert suffix_window("ab", 2, 4) == ""


@pytest.mark.parametrize(("model_id", "times"), [("smollm2-135m", 1), ("qwen2.5-coder-0.5b", 2)])
def test_a_secret_in_the_document_is_masked_at_its_place(model_id: str, times: int) -> None:
    token = "ghp_" + "a8Kd72mQzX91LpWv" + "T3nRb6YcE0sJu5Hf4GiO"
    source = f'TOKEN = "{token}"\nprint({MARK})\nOTHER = "{token}"\n'
    shown = "".join(each.text for each in prompt_for(source, model_id).segments)
    assert token not in shown
    assert shown.count("*" * len(token)) == times
