"""Source with a cursor in, what the model writes, suggestion out."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from completion.scripted import ScriptedGenerator, a_model, complete, request_at_mark
from tabwright.completion import pipeline
from tabwright.completion.cache import ResultCache
from tabwright.completion.excerpt_layout import Excerpt, Part
from tabwright.completion.suggestion import NoSuggestion, Reason, ShownFile, Suggestion
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.errors import ModelCrashed, PromptTooLong
from tabwright.model.client import GeneratedToken, GenerationEvent, GenerationRequest
from tabwright.model.messages import Guess
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
        "x, y = 1, 2\nprint(‸)\n",
        "x, y)\nprint(z)\n",
        "x, y",
    ),
    "a bracket that the suggestion opened itself stays": (
        "python",
        "x = []\nprint(‸)\n",
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
        "x = []\ntotal = ‸\n",
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
    "a name that nothing defines is not suggested": (
        "python",
        "x = 1\ny = ‸\n",
        "nonsense(x)\n",
        Reason.UNKNOWN_NAME,
    ),
    "a suggestion shorter than the key that accepts it is none": (
        "python",
        "y = 1\nx = ‸\n",
        "y\n",
        Reason.TOO_SHORT,
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
        "b = 2\n\n",
        configure=asked.append,
    )
    assert isinstance(outcome, Suggestion)
    assert outcome.text == "c = a"
    assert outcome.alternatives == ()
    assert [request.first_token_rank for request in asked[0].requests] == [0, 1, 2]


async def test_asked_by_hand_the_alternatives_are_distinct_and_the_likelier_come_first() -> None:
    likelihoods = iter((-0.1, -2.0, -0.5))

    def configure(generator: ScriptedGenerator) -> None:
        ask = generator.generate

        async def generate(request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
            generator.log_probability = next(likelihoods)
            async for event in ask(request):
                yield event

        generator.generate = generate  # type: ignore[method-assign]

    request = request_at_mark("a = 1\nb = a\nx = ‸\n", by_hand=True)
    outcome = await complete(request, "a + 1\n", "a + 2\n", "b + 3\n", configure=configure)
    assert isinstance(outcome, Suggestion)
    assert (outcome.text, outcome.alternatives) == ("a + 1", ("b + 3", "a + 2"))
    likelihoods = iter((-0.1, -0.2, -0.3))
    outcome = await complete(request, "a + 1\n", "a + 1\n", "b + 3\n", configure=configure)
    assert isinstance(outcome, Suggestion)
    assert outcome.alternatives == ("b + 3",)


async def test_while_typing_there_are_no_alternatives() -> None:
    outcome = await complete(request_at_mark("a = 1\nx = ‸\n"), "a + 1\n")
    assert isinstance(outcome, Suggestion)
    assert outcome.alternatives == ()


# name: (source, what the model writes, probability of each token, what is shown)
SURENESS = {
    "all of it, where the model is sure": ("values = ‸\n", "sum + total\n", 0.99, None),
    "nothing, where it is not sure of the first token": ("x = ‸\n", "sum\n", 0.05, ""),
    "as much as it is sure of": ("x = ‸\n", "int(5 + 7 + 9 + 1)\n", 0.85, "int(5"),
}


@pytest.mark.parametrize("name", SURENESS)
async def test_unasked_a_suggestion_ends_where_the_model_is_not_sure(name: str) -> None:
    source, written, probability, wanted = SURENESS[name]
    settings = CompletionSettings()

    def configure(generator: ScriptedGenerator) -> None:
        generator.log_probability = math.log(probability)

    request = replace(request_at_mark(source, settings=settings), language=None)
    outcome = await complete(request, written, configure=configure)
    if wanted == "":
        assert isinstance(outcome, NoSuggestion)
        assert outcome.reason is Reason.UNSURE
    else:
        assert isinstance(outcome, Suggestion)
        assert outcome.text.startswith(wanted or written.rstrip())
        assert (outcome.text == written.rstrip()) == (wanted is None)
    by_hand = replace(request, is_automatic=False)
    asked = await complete(by_hand, written, "", "", configure=configure)
    assert isinstance(asked, Suggestion)
    assert asked.text.startswith(written.rstrip().rstrip(")"))


async def test_unasked_a_suggestion_may_end_where_more_must_follow() -> None:
    def configure(generator: ScriptedGenerator) -> None:
        ask = generator.generate

        async def generate(request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
            async for event in ask(request):
                if isinstance(event, GeneratedToken):
                    yield GeneratedToken(event.text, -2.0 if "(" in event.text else 0.0)
                else:
                    yield event

        generator.generate = generate  # type: ignore[method-assign]

    request = request_at_mark("class A:\n    __‸\n")
    outcome = await complete(request, "slots__ = ()\n", configure=configure)
    assert isinstance(outcome, Suggestion)
    assert (outcome.text, outcome.ends_line) == ("slots__ =", False)


@pytest.mark.parametrize(
    ("written", "probability", "ends_line"),
    [("len(a) + 1\n", 0.99, True), ("len(a) + 1", 0.99, False), ("len(a) + 1\n", 0.8, False)],
    ids=["with its line", "with the text", "where the model is not sure"],
)
async def test_a_suggestion_that_ends_its_line_says_so(
    written: str, probability: float, ends_line: bool
) -> None:
    def configure(generator: ScriptedGenerator) -> None:
        generator.log_probability = math.log(probability)

    outcome = await complete(request_at_mark("a = []\nx = ‸\n"), written, configure=configure)
    assert isinstance(outcome, Suggestion)
    assert outcome.ends_line is ends_line


async def test_what_the_model_wrote_is_asked_for_once_an_empty_answer_too() -> None:
    for written in ("len(a)\n", ""):
        cache, asked = ResultCache(), list[ScriptedGenerator]()
        request = request_at_mark("a = []\nx = ‸\n")
        first = await complete(request, written, configure=asked.append, cache=cache)
        again = await complete(request, configure=asked.append, cache=cache)
        assert [len(each.requests) for each in asked] == [1, 0]
        assert replace(again, timings=first.timings) == first
        assert again.timings.evaluated_tokens == again.timings.generated_tokens == 0
        assert again.timings.reused_tokens == again.timings.prompt_tokens == 10


async def test_what_is_kept_is_cut_anew_to_the_text_as_it_is_now() -> None:
    cache, language = ResultCache(), "without-comments-we-know"
    outcome = await complete(request_at_mark("a = 1\n‸\n", language), "b = 2\n", cache=cache)
    assert isinstance(outcome, Suggestion) and outcome.text == "b = 2"
    # The prompt is the same, as in this language the model is not shown the lines below.
    below = request_at_mark("a = 1\n‸\nb = 2\n", language)
    outcome = await complete(below, cache=cache)
    assert isinstance(outcome, NoSuggestion)
    assert outcome.reason is Reason.REPEATS_FOLLOWING_CODE


async def test_an_answer_cut_off_by_the_time_limit_is_asked_for_again() -> None:
    cache, asked = ResultCache(), list[ScriptedGenerator]()

    def configure(generator: ScriptedGenerator) -> None:
        generator.cause = "time_limit"
        asked.append(generator)

    for _ in range(2):
        await complete(request_at_mark("x = ‸\n"), "1 + 2", configure=configure, cache=cache)
    assert [len(each.requests) for each in asked] == [1, 1]


async def test_other_settings_of_a_request_are_another_question() -> None:
    cache, asked = ResultCache(), list[ScriptedGenerator]()
    source = "a = []\nx = ‸\n"
    await complete(request_at_mark(source), "len(a)\n", configure=asked.append, cache=cache)
    by_hand = request_at_mark(source, by_hand=True)
    await complete(by_hand, "1\n", "2\n", "3\n", configure=asked.append, cache=cache)
    assert [len(each.requests) for each in asked] == [1, 3]


async def test_reading_ahead_asks_for_the_very_prompt_that_the_question_has() -> None:
    request = request_at_mark("a = []\nx = ‸\n")
    shape = pipeline.decide(request)
    assert not isinstance(shape, NoSuggestion)
    generator = ScriptedGenerator(["len(a)\n"])
    model = a_model(generator)
    await pipeline.prepare(request, model)
    outcome = await pipeline.complete(request, shape, model, ResultCache())
    ahead, asked = generator.requests
    assert ahead.is_background and not asked.is_background
    assert (ahead.segments, ahead.document, ahead.heals) == (
        asked.segments,
        asked.document,
        asked.heals,
    )
    assert ahead.log_probability_floor == -math.inf
    assert isinstance(outcome, Suggestion)
    await pipeline.prepare_next(request, outcome, shape, model)
    behind = generator.requests[-1]
    assert behind.is_background
    assert behind.segments[-1].text.endswith("x = len(a)")
    assert behind.max_tokens > 1


async def test_a_prompt_too_long_to_read_ahead_is_no_error() -> None:
    generator = ScriptedGenerator([])
    generator.failure_ahead = PromptTooLong("the prompt does not fit")
    await pipeline.prepare(request_at_mark("x = ‸\n"), a_model(generator))
    assert len(generator.read_ahead) == 1


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
        "1 + 2\n",
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
    def configure(generator: ScriptedGenerator) -> None:
        generator.log_probability = -0.01

    outcome = await complete(request_at_mark("x = ‸\n"), "123\n", configure=configure)
    assert isinstance(outcome, Suggestion)
    assert outcome.mean_log_probability == pytest.approx(-0.01)
    timings = outcome.timings
    assert (timings.prompt_tokens, timings.reused_tokens, timings.evaluated_tokens) == (10, 4, 6)
    assert outcome.timings.generated_tokens == 2
    assert outcome.timings.total_seconds > 0


async def test_a_megabyte_in_one_line_is_answered() -> None:
    outcome = await complete(request_at_mark("x = [" + "1, " * 330_000 + "‸]\n"), "2]\n")
    assert isinstance(outcome, Suggestion | NoSuggestion)


# ---- what is known of the workspace ----


@dataclass
class ScriptedKnowledge:
    """Guesses by what they follow, names, and excerpts."""

    guesses_behind: dict[str, tuple[Guess, ...]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    shown: tuple[Excerpt, ...] = ()
    revision: int = 1

    def guesses(self, snapshot: DocumentSnapshot, cursor: Cursor) -> tuple[Guess, ...]:
        line = snapshot.text[: cursor.offset].rpartition("\n")[2]
        return self.guesses_behind.get(line, ())

    def knows(self, name: str) -> bool:
        return name in self.names

    def excerpts(self, *_question: object) -> tuple[Excerpt, ...]:
        return self.shown


SHELF = "self = shelf = 1\nx = ‸\n"


async def asked_with(
    knowledge: ScriptedKnowledge, *, model_id: str = "smollm2-135m", **settings: Any
) -> GenerationRequest:
    request = request_at_mark(SHELF, settings=CompletionSettings(**settings))
    asked: list[ScriptedGenerator] = []
    await complete(
        replace(request, knowledge=knowledge), "shelf\n", configure=asked.append, model_id=model_id
    )
    return asked[0].asked[0]


async def test_the_model_is_given_guesses_for_the_cursor_and_behind_what_it_writes() -> None:
    first, second = (Guess("shelf.books", 0.5),), (Guess("size", 0.5),)
    known = ScriptedKnowledge({"x = ": first, "x = shelf.": second})
    behind = (await asked_with(known)).guesses_behind
    assert behind is not None
    assert (behind(""), behind("shelf."), behind("other")) == (first, second, ())


@pytest.mark.parametrize("settings", [{"memory": False}])
async def test_without_the_memory_nothing_is_guessed(settings: dict[str, bool]) -> None:
    assert (await asked_with(ScriptedKnowledge(), **settings)).guesses_behind is None


@pytest.mark.parametrize(
    ("model_id", "setting", "is_shown"),
    [
        ("smollm2-135m", "auto", False),  # its manifest says that it is no better for it
        ("smollm2-135m", "always", True),
        ("qwen2.5-coder-0.5b", "auto", True),
        ("qwen2.5-coder-0.5b", "never", False),
    ],
)
async def test_excerpts_are_shown_to_models_that_are_better_for_them(
    model_id: str, setting: str, is_shown: bool
) -> None:
    known = ScriptedKnowledge(shown=(Excerpt("lib/shelf.py", "def shelf(): ...\n"),))
    request = await asked_with(known, model_id=model_id, excerpts=setting)
    shown = "".join(segment.text for segment in request.segments)
    assert ("lib/shelf.py" in shown) == is_shown


@pytest.mark.parametrize(
    ("answer", "setting"), [("shelf\n", "always"), ("", "always"), ("shelf\n", "never")]
)
async def test_an_outcome_says_of_which_files_the_model_was_shown_something(
    answer: str, setting: Literal["always", "never"]
) -> None:
    part = Part("definitions", "shelf", "lib/shelf.py", 0, "", 1.0, 9)
    known = ScriptedKnowledge(shown=(Excerpt("lib/shelf.py", "def shelf(): ...\n", (part,)),))
    request = request_at_mark(SHELF, settings=CompletionSettings(excerpts=setting))
    outcome = await complete(replace(request, knowledge=known), answer)
    wanted = (ShownFile("lib/shelf.py", ("defines shelf",)),)
    assert outcome.shown_files == (wanted if setting == "always" else ())


async def test_excerpts_without_room_are_not_said_to_be_shown() -> None:
    known = ScriptedKnowledge(shown=(Excerpt("lib/shelf.py", "def shelf(): ...\n" * 5000),))
    request = request_at_mark(SHELF, settings=CompletionSettings(excerpts="always"))
    outcome = await complete(replace(request, knowledge=known), "shelf\n")
    assert outcome.shown_files == ()


async def test_a_name_that_nothing_has_is_cut_where_a_known_one_is_shown() -> None:
    request = request_at_mark(SHELF, settings=CompletionSettings())
    answer = "shelf.books(weights)\n"
    for names, wanted in (({"books", "weights"}, "shelf.books(weights)"), ({"weights"}, "shelf.")):
        knowledge = ScriptedKnowledge(names=frozenset(names))
        outcome = await complete(
            replace(request, knowledge=knowledge, language=None),
            answer,
            configure=lambda generator: setattr(generator, "log_probability", -0.05),
        )
        assert isinstance(outcome, Suggestion)
        assert outcome.text == wanted


async def test_what_changed_in_the_workspace_asks_the_model_again() -> None:
    request = replace(request_at_mark(SHELF), knowledge=ScriptedKnowledge(revision=1))
    cache = ResultCache()
    await complete(request, "shelf\n", cache=cache)
    known = await complete(request, cache=cache)
    assert isinstance(known, Suggestion)
    changed = replace(request, knowledge=ScriptedKnowledge(revision=2))
    other = await complete(changed, "self\n", cache=cache)
    assert isinstance(other, Suggestion)
    assert (known.text, other.text) == ("shelf", "self")
