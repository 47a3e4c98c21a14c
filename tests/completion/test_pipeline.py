"""Source with a cursor in, what the model writes, suggestion out."""

from __future__ import annotations

import pytest

from completion.scripted import ScriptedGenerator, complete, request_at_mark
from tabwright.completion.suggestion import NoSuggestion, Reason, Suggestion
from tabwright.errors import ModelCrashed, PromptTooLong
from tabwright.settings import CompletionSettings

# name: (language, source, what the model writes, what is shown or the reason why nothing is)
TYPING = {
    "the rest of a line ends at its line end": (
        "python",
        "import os\n\npath = ‸\n",
        "os.getcwd()\nprint(path)\n",
        "os.getcwd()",
    ),
    "a bracket that the editor has typed is not doubled": (
        "python",
        "x = y = 1\nprint(‸)\n",
        "x, y)\nprint(z)\n",
        "x, y",
    ),
    "a bracket that the suggestion opened itself stays": (
        "python",
        "x = [1]\nprint(‸)\n",
        "len(x))\n",
        "len(x)",
    ),
    "a quote that the editor has typed is not doubled": (
        "python",
        "d = {}\nd[‸]\n",
        '"key"]\n',
        '"key"',
    ),
    "a block follows what opens one": (
        "python",
        "def double(x):‸\n",
        "\n    y = x * 2\n    return y\n\ndef other():\n    pass\n",
        "\n    y = x * 2\n    return y",
    ),
    "a body that is still empty is filled as a block": (
        "javascript",
        "function double(x) {\n  ‸\n}\n",
        "const y = x * 2;\n  return y;\n}\n\nfunction other() {\n",
        "const y = x * 2;\n  return y;",
    ),
    "a block ends where its indentation does": (
        "go",
        "package a\n\nfunc f(x int) int {\n\t‸\n}\n",
        "return x * 2\n}\n\nfunc g() {\n",
        "return x * 2",
    ),
    "a line that is complete gets nothing": (
        "python",
        "x = 1‸\n",
        "\ny = 2\n",
        Reason.LINE_COMPLETE,
    ),
    "the line that follows anyway is not suggested": (
        "python",
        "a = 1\n‸\nb = 2\n",
        "b = 2\nc = 3\n",
        Reason.REPEATS_FOLLOWING_CODE,
    ),
    "the line above is not suggested once more": (
        "python",
        "import os\n‸\n\nx = 1\n",
        "import os\nimport os\n",
        Reason.REPEATS_ITSELF,
    ),
    "a suggestion is cut where it breaks the syntax": (
        "python",
        "x = [1]\ntotal = ‸\n",
        "sum(x) )) (\n",
        "sum(x)",
    ),
    "nothing is left of a suggestion that is no code": (
        "python",
        "x = ‸\n",
        ")))\n",
        Reason.SYNTAX_ERROR,
    ),
    "a Markdown fence ends the code": (
        "python",
        "def double(x):‸\n",
        "\n    return x * 2\n```\n\nThis function\n",
        "\n    return x * 2",
    ),
    "an empty answer is named": ("python", "x = ‸\n", "", Reason.MODEL_ENDED),
    "a cycle within a line is cut back to its first round": (
        "python",
        "values = ‸\n",
        "[1, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3\n",
        "[1, 2, 3",
    ),
    "line ends are those of the document": (
        "python",
        "def double(x):‸\r\n",
        "\n    y = x * 2\n    return y\n\n",
        "\r\n    y = x * 2\r\n    return y",
    ),
    "an unknown language is completed without its syntax": (
        "cobol-of-the-future",
        "MOVE A TO ‸\n",
        "B.\nSTOP RUN.\n",
        "B.",
    ),
    "tabs indent where the document uses tabs": (
        "python",
        "def one():\n\treturn 1\n\ndef double(x):‸\n",
        "\n    y = x * 2\n    return y\n\n",
        "\n\ty = x * 2\n\treturn y",
    ),
}


@pytest.mark.parametrize("name", TYPING)
async def test_typing(name: str) -> None:
    language, source, written, wanted = TYPING[name]
    outcome = await complete(request_at_mark(source, language), written)
    if isinstance(wanted, Reason):
        assert isinstance(outcome, NoSuggestion)
        assert outcome.reason is wanted
    else:
        assert isinstance(outcome, Suggestion), outcome
        assert outcome.text == wanted


# name: (source, settings, reason): decided without asking the model
DECIDED = {
    "inside a comment": ("x = 1  # the ‸value\n", {}, Reason.IN_COMMENT),
    "at the end of a comment": ("# the value‸\n", {}, Reason.IN_COMMENT),
    "inside a string": ("x = 'ab‸c'\n", {}, Reason.IN_STRING),
    "inside a docstring": ('"""Some ‸words."""\n', {}, Reason.IN_STRING),
    "with code right of the cursor": ("x = ‸ + 1\n", {}, Reason.TEXT_AFTER_CURSOR),
    "in the middle of a word": ("pri‸nt(1)\n", {}, Reason.TEXT_AFTER_CURSOR),
    "switched off": ("x = ‸\n", {"enabled": False}, Reason.DISABLED),
    "by hand only": ("x = ‸\n", {"trigger": "manual"}, Reason.MANUAL_ONLY),
    "in an empty file": ("‸", {}, Reason.NOTHING_TO_GO_ON),
    "in a binary file": ("a\0b‸", {}, Reason.BINARY_FILE),
}


@pytest.mark.parametrize("name", DECIDED)
async def test_nothing_is_suggested_while_typing(name: str) -> None:
    source, settings, reason = DECIDED[name]
    outcome = await complete(request_at_mark(source, settings=CompletionSettings(**settings)))
    assert isinstance(outcome, NoSuggestion)
    assert outcome.reason is reason
    assert outcome.sentence


@pytest.mark.parametrize("source", ["# the value‸\n", "x = 'ab‸c'\n", "x = ‸ + 1\n", "‸"])
async def test_asked_by_hand_the_model_is_asked_anywhere(source: str) -> None:
    asked: list[ScriptedGenerator] = []
    await complete(
        request_at_mark(source, by_hand=True), "y\n", "y\n", "y\n", configure=asked.append
    )
    assert asked[0].requests


async def test_asked_by_hand_a_useless_answer_is_followed_by_the_next_choice() -> None:
    asked: list[ScriptedGenerator] = []
    outcome = await complete(
        request_at_mark("a = 1\n‸\nb = 2\n", by_hand=True),
        "b = 2\n\n",
        "c = a\n\n",
        configure=asked.append,
    )
    assert isinstance(outcome, Suggestion)
    assert outcome.text == "c = a"
    assert [request.first_token_rank for request in asked[0].requests] == [0, 1]


async def test_while_typing_the_model_is_asked_once() -> None:
    asked: list[ScriptedGenerator] = []
    await complete(request_at_mark("x = ‸\n"), "", "y\n", configure=asked.append)
    assert len(asked[0].requests) == 1


async def test_the_model_is_stopped_as_soon_as_the_line_is_whole() -> None:
    asked: list[ScriptedGenerator] = []
    await complete(request_at_mark("x = ‸\n"), "1\ny = 2\nz = 3\n" * 20, configure=asked.append)
    assert asked[0].was_closed_early
    assert asked[0].tokens_read <= 3


async def test_a_prompt_that_does_not_fit_is_built_again_with_half_the_budget() -> None:
    asked: list[ScriptedGenerator] = []
    outcome = await complete(
        request_at_mark("y = 1\n" * 400 + "x = ‸\n"),
        PromptTooLong("the prompt does not fit"),
        "1\n",
        configure=asked.append,
    )
    assert isinstance(outcome, Suggestion)
    first, second = ("".join(part.text for part in each.segments) for each in asked[0].requests)
    assert len(second) < len(first) * 0.7


async def test_a_crash_of_the_model_process_is_not_swallowed_here() -> None:
    with pytest.raises(ModelCrashed):
        await complete(request_at_mark("x = ‸\n"), ModelCrashed("gone"))


async def test_lines_single_never_goes_past_the_line() -> None:
    settings = CompletionSettings(lines="single")
    outcome = await complete(
        request_at_mark("def f(x):\n    ‸\n", settings=settings), "y = 1\n    return y\n"
    )
    assert isinstance(outcome, Suggestion)
    assert outcome.text == "y = 1"


async def test_a_block_has_at_most_as_many_lines_as_the_setting_says() -> None:
    settings = CompletionSettings(max_lines=3)
    body = "".join(f"    x{number} = {number}\n" for number in range(9))
    outcome = await complete(request_at_mark("def f():‸\n", settings=settings), "\n" + body)
    assert isinstance(outcome, Suggestion)
    assert outcome.text.count("\n") == 3


async def test_the_timings_and_probabilities_of_the_answer_are_kept() -> None:
    outcome = await complete(request_at_mark("x = ‸\n"), "1\n")
    assert isinstance(outcome, Suggestion)
    assert outcome.mean_log_probability == pytest.approx(-0.5)
    assert (outcome.timings.prompt_tokens, outcome.timings.reused_tokens) == (10, 4)
    assert outcome.timings.generated_tokens == 2
    assert outcome.timings.total_seconds > 0


async def test_a_megabyte_in_one_line_is_answered() -> None:
    outcome = await complete(request_at_mark("x = [" + "1, " * 330_000 + "‸]\n"), "2]\n")
    assert isinstance(outcome, Suggestion | NoSuggestion)
