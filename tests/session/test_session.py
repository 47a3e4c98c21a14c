"""What a session asks of the model, and when: by the prompts that reach a scripted generator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from completion.scripted import CATALOGUE, LANGUAGES, MARK, ScriptedGenerator, a_model, manifest
from tabwright.completion import pipeline
from tabwright.completion.pipeline import ReadyModel
from tabwright.completion.suggestion import NoSuggestion, Outcome, Reason, Suggestion
from tabwright.completion.trimming import context_cut
from tabwright.document import TextRange
from tabwright.errors import ModelCrashed, ModelError
from tabwright.lsp import to_lsp
from tabwright.model.routing import Route
from tabwright.session import session as session_module
from tabwright.session.documents import OpenDocument
from tabwright.session.model_host import Choice
from tabwright.session.session import Session
from tabwright.session.work_ahead import Work
from tabwright.settings import Settings

URI = "file:///src/sample.py"
PROGRAM = "values = []\nx = ‸\n"
ANSWER = "len(values)\n"
LONG_PROGRAM = "values = []\n" * 400


class Editor:
    """A session with one document whose model is a script."""

    def __init__(self, session: Session, generator: ScriptedGenerator) -> None:
        self.session = session
        self.generator = generator
        self.failures: list[ModelError] = []

    def open(
        self, source: str = PROGRAM, path: Path | None = None, language: str = "python"
    ) -> None:
        text, _, after = source.partition(MARK)
        self.offset = len(text)
        self.session.open(OpenDocument(URI, language, 1, text + after, path))

    @property
    def document(self) -> OpenDocument:
        return self.session.documents.by_uri[URI]

    def edit(self, start: int, end: int, text: str) -> None:
        self.document.replace(TextRange(start, end), text)
        self.document.version += 1
        self.offset = start + len(text)
        self.session.note_edit(URI, self.offset)

    def type(self, text: str) -> None:
        self.edit(self.offset, self.offset, text)

    async def suggest(self, *, by_hand: bool = False) -> Outcome:
        return await self.session.complete(URI, self.offset, is_automatic=not by_hand)

    async def rest(self) -> None:
        """Wait until nothing is under way."""
        await self.session.rest()

    @property
    def ends_read_ahead(self) -> list[str]:
        """The ends of the prompts that were read without a question."""
        return [each.segments[-1].text[-8:] for each in self.generator.read_ahead]


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch) -> Editor:
    return new_editor(monkeypatch, ANSWER, ANSWER, ANSWER)


def new_editor(monkeypatch: pytest.MonkeyPatch, *answers: str | ModelError) -> Editor:
    generator = ScriptedGenerator(list(answers))
    model = a_model(generator)
    session = Session(LANGUAGES, lambda: CATALOGUE)
    made = Editor(session, generator)
    host = session.models

    def note_failure(_model: ReadyModel, error: ModelError) -> None:
        made.failures.append(error)

    replaced: dict[str, Callable[..., Any]] = {
        "choose": lambda _language: manifest(),
        "ready_now": lambda _manifest: model,
        "begin_loading": lambda _manifest: None,
        "note_failure": note_failure,
    }
    for name, function in replaced.items():
        monkeypatch.setattr(host, name, function)
    monkeypatch.setattr(session_module, "is_on_battery", lambda: False)
    session.configure(Settings())
    return made


# ---- work before the question ----


async def test_a_short_document_is_read_to_its_end_when_it_is_opened(editor: Editor) -> None:
    editor.open(PROGRAM)
    await editor.rest()
    assert editor.ends_read_ahead == ["[]\nx = \n"]
    assert editor.generator.asked == []


async def test_of_a_long_document_nobody_knows_where_the_cursor_is(editor: Editor) -> None:
    editor.open(LONG_PROGRAM + MARK)
    await editor.rest()
    assert editor.generator.requests == []


async def test_a_document_that_is_opened_again_is_read_to_where_its_cursor_was(
    editor: Editor,
) -> None:
    editor.open(LONG_PROGRAM + "x = ‸\n" + LONG_PROGRAM)
    editor.session.focus(URI, editor.offset)
    await editor.rest()
    editor.session.close(URI)
    editor.open(LONG_PROGRAM + "x = ‸\n" + LONG_PROGRAM)
    await editor.rest()
    assert editor.ends_read_ahead == [" []\nx = "] * 2


async def test_the_prompt_is_read_at_an_edit_and_once_for_a_burst_of_keys(editor: Editor) -> None:
    editor.open()
    await editor.rest()
    for key in "len":
        editor.type(key)
    await editor.rest()
    assert editor.ends_read_ahead[1:] == ["\nx = len"]


async def test_the_prompt_is_read_where_the_cursor_moves(editor: Editor) -> None:
    editor.open()
    await editor.rest()
    editor.session.focus(URI, len("values = "))
    await editor.rest()
    editor.session.focus(URI)  # to the front again, and nobody says where the cursor is
    await editor.rest()
    assert editor.ends_read_ahead[1:] == ["values = "[-8:]] * 2


async def test_a_cursor_beyond_the_end_or_in_an_unknown_document_does_no_harm(
    editor: Editor,
) -> None:
    editor.open()
    await editor.rest()
    editor.session.focus(URI, 10_000)
    editor.session.focus("file:///unknown.py", 3)
    editor.session.note_edit("file:///unknown.py", 3)
    await editor.rest()
    assert editor.ends_read_ahead == ["[]\nx = \n"] * 2


async def test_a_question_ends_what_is_read_ahead(editor: Editor) -> None:
    editor.open()
    editor.type("5 + ")
    assert isinstance(await editor.suggest(), Suggestion)
    await editor.rest()
    assert len(editor.generator.asked) == 1
    # Only what follows the suggestion was read ahead, not the two prompts that came before.
    assert editor.ends_read_ahead == ["(values)"]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(enabled=False),
        Settings(trigger="manual"),
        Settings(languages={"python": {"enabled": False}}),
        Settings(exclude=("*.py",)),
        Settings(eagerness="low"),
    ],
    ids=["disabled", "by hand only", "language disabled", "excluded", "not eager"],
)
async def test_nothing_is_read_ahead_where_it_is_not_wanted(
    editor: Editor, settings: Settings, tmp_path: Path
) -> None:
    editor.session.configure(settings)
    editor.open(path=tmp_path / "sample.py")
    await editor.rest()
    editor.type("len")
    await editor.rest()
    editor.session.focus(URI, 3)
    await editor.rest()
    assert editor.generator.requests == []


@pytest.mark.parametrize("name", [".env", "id_rsa", "server.pem"])
async def test_nothing_is_read_ahead_of_a_file_that_holds_secrets(
    editor: Editor, tmp_path: Path, name: str
) -> None:
    editor.open(path=tmp_path / name)
    await editor.rest()
    editor.type("SECRET=")
    await editor.rest()
    assert editor.generator.requests == []


async def test_nothing_is_read_ahead_of_what_git_ignores(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("sample.py\n")
    editor.session.documents.folders = [tmp_path]
    editor.open(path=tmp_path / "sample.py")
    await editor.rest()
    assert editor.generator.requests == []


@pytest.mark.parametrize(
    "text", ["", "   \n", "a\0b", "x" * 5_000_001], ids=["empty", "blank", "binary", "too large"]
)
async def test_nothing_is_read_ahead_of_what_no_suggestion_can_come_of(
    editor: Editor, text: str
) -> None:
    editor.open(text)
    editor.session.focus(URI, 1)
    await editor.rest()
    assert editor.generator.requests == []


async def test_inside_a_comment_the_prompt_is_read_for_the_line_that_comes(
    editor: Editor,
) -> None:
    editor.open("x = 1  # the value‸")
    await editor.rest()
    assert len(editor.generator.read_ahead) == 1


async def test_on_battery_nothing_is_read_ahead_unless_the_setting_says_so(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "is_on_battery", lambda: True)
    editor.open()
    await editor.rest()
    assert editor.generator.requests == []
    editor.session.configure(Settings(eagerness="high"))
    editor.session.focus(URI, 3)
    await editor.rest()
    assert len(editor.generator.read_ahead) == 1


async def test_who_asks_at_every_key_is_answered_before_the_question(editor: Editor) -> None:
    editor.open()
    await editor.suggest()
    await editor.rest()
    editor.generator.ahead = ["len(values)\n"]
    editor.type("2 * ")
    await editor.rest()
    questions = len(editor.generator.asked)
    outcome = await editor.suggest()
    assert isinstance(outcome, Suggestion)
    assert outcome.text == "len(values)"
    assert len(editor.generator.asked) == questions


async def test_where_the_editor_waits_before_it_asks_answers_are_made_at_once(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.open()
    await editor.suggest()
    delays: list[float] = []
    schedule = editor.session._ahead.schedule

    def note(work: Work, delay_seconds: float) -> None:
        delays.append(delay_seconds)
        schedule(work, delay_seconds)

    monkeypatch.setattr(editor.session._ahead, "schedule", note)
    for pause in (0.0, 0.05, 0.05, 0.0, 0.0):
        editor.type("1")
        await asyncio.sleep(pause)
        editor.generator.answers = [""]
        await editor.suggest()
    assert [each > 0 for each in delays] == [True, True, False, False, True]


async def test_an_answer_that_gave_way_is_not_taken_for_one(editor: Editor) -> None:
    editor.open()
    await editor.suggest()
    editor.type("2 * ")
    await editor.rest()
    questions = len(editor.generator.asked)
    assert isinstance(await editor.suggest(), Suggestion)
    assert len(editor.generator.asked) == questions + 1


async def test_what_is_asked_by_hand_is_not_what_was_answered_ahead(editor: Editor) -> None:
    editor.open()
    await editor.suggest()
    editor.generator.ahead = ["wrong\n"]
    editor.type("2 * ")
    await editor.rest()
    editor.generator.answers = ["len(values)\n"] * 3
    outcome = await editor.suggest(by_hand=True)
    assert isinstance(outcome, Suggestion)
    assert outcome.text == "len(values)"


async def test_where_nobody_asks_only_the_prompt_is_read(editor: Editor) -> None:
    editor.open()
    for key in "1234":
        editor.type(key)
        await editor.rest()
    assert {each.max_tokens for each in editor.generator.read_ahead} == {1}
    assert all(each.guesses_behind is None for each in editor.generator.read_ahead)
    await editor.suggest()
    for key in "56789":
        editor.type(key)
        await editor.rest()
    answered = [each.max_tokens > 1 for each in editor.generator.read_ahead[-5:]]
    assert answered == [True, True, True, False, False]


# ---- work after an answer ----


async def test_after_a_suggestion_that_ends_its_line_the_next_one_is_prepared(
    editor: Editor,
) -> None:
    editor.open()
    await editor.rest()
    outcome = await editor.suggest()
    assert isinstance(outcome, Suggestion)
    await editor.rest()
    behind = editor.generator.read_ahead[-1]
    assert behind.segments[-1].text.endswith("x = " + outcome.text)
    assert behind.max_tokens > 1


@pytest.mark.parametrize("answer", ["len(values", ""], ids=["an open line", "nothing"])
async def test_after_anything_else_nothing_is_prepared(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    editor = new_editor(monkeypatch, answer)
    editor.open()
    await editor.rest()
    await editor.suggest()
    await editor.rest()
    assert len(editor.generator.read_ahead) == 1


async def test_the_next_key_drops_what_is_being_prepared(editor: Editor) -> None:
    editor.open()
    await editor.rest()
    await editor.suggest()
    editor.type("l")
    await editor.rest()
    assert editor.ends_read_ahead[1:] == ["[]\nx = l"]


# ---- what is asked only once ----


async def test_the_same_place_is_asked_about_once_also_after_undo(editor: Editor) -> None:
    editor.open()
    await editor.rest()
    first = await editor.suggest()
    editor.type("q")
    editor.edit(editor.offset - 1, editor.offset, "")
    again = await editor.suggest()
    assert isinstance(first, Suggestion) and isinstance(again, Suggestion)
    assert again.text == first.text == "len(values)"
    assert len(editor.generator.asked) == 1


async def test_an_empty_answer_is_asked_for_once_too(monkeypatch: pytest.MonkeyPatch) -> None:
    editor = new_editor(monkeypatch, "")
    editor.open()
    for _ in range(2):
        outcome = await editor.suggest()
        assert isinstance(outcome, NoSuggestion) and outcome.reason is Reason.MODEL_ENDED
        editor.type("q")
        editor.edit(editor.offset - 1, editor.offset, "")
    assert len(editor.generator.asked) == 1


async def test_new_settings_ask_again(editor: Editor) -> None:
    editor.open()
    await editor.suggest()
    editor.session.configure(Settings(max_lines=3))
    await editor.suggest()
    assert len(editor.generator.asked) == 2


async def test_weights_that_change_on_disk_ask_again(editor: Editor) -> None:
    editor.open()
    await editor.suggest()
    editor.session.note_disk_change()
    await editor.suggest()
    assert len(editor.generator.asked) == 2


# ---- alternatives, acceptance ----


async def test_alternatives_asked_by_hand_are_items_of_the_protocol_s_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    editor = new_editor(monkeypatch, "len(values)\n", "sum(values)\n", "len(values)\n")
    editor.open()
    outcome = await editor.suggest(by_hand=True)
    assert isinstance(outcome, Suggestion)
    here = types.Range(types.Position(1, 4), types.Position(1, 4))
    items = to_lsp.inline_completions(outcome, here, "").items
    assert [item.insert_text for item in items] == ["len(values)", "sum(values)"]
    assert [item.range for item in items] == [here, here]
    counts = [item.command.arguments for item in items if item.command is not None]
    assert counts == [[{"characters": 11}]] * 2


async def test_what_an_accepted_suggestion_left_open_the_next_one_may_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owed: list[str] = []

    def note_owed(*arguments: Any, **options: Any) -> Any:
        owed.append(options["owed"])
        return context_cut(*arguments, **options)

    monkeypatch.setattr(pipeline, "context_cut", note_owed)
    for is_accepted in (True, False):
        editor = new_editor(monkeypatch, "sum(map(len, ", "values)))\n")
        editor.open("values = []\nprint(‸)\n")
        outcome = await editor.suggest()
        assert isinstance(outcome, Suggestion)
        if is_accepted:
            editor.session.outcomes.note_accepted(len(outcome.text))
        editor.type(outcome.text)
        following = await editor.suggest()
        assert isinstance(following, Suggestion)
        assert following.text == "values))"
    assert owed == ["", "))", "", ""]


async def test_the_accepted_alternative_is_told_by_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    editor = new_editor(monkeypatch, "len(values)\n", "sum(values, start=1)\n", "")
    editor.open()
    outcome = await editor.suggest(by_hand=True)
    assert isinstance(outcome, Suggestion)
    (other,) = outcome.alternatives
    editor.session.outcomes.note_accepted(len(other))
    assert editor.session.outcomes.openers_left is not None
    assert editor.session.outcomes.openers_left.accepted == other
    assert editor.session.outcomes.statistics.accepted_characters == len(other)


# ---- failures and the end ----


async def test_a_crash_while_reading_ahead_costs_no_suggestion_and_loads_the_model_again(
    editor: Editor,
) -> None:
    crash = ModelCrashed("gone")
    editor.generator.failure_ahead = crash
    editor.open()
    await editor.rest()
    assert editor.failures == [crash]
    assert editor.session.outcomes.explanation is None
    editor.generator.failure_ahead = None
    assert isinstance(await editor.suggest(), Suggestion)


async def test_a_crash_while_the_next_is_prepared_costs_nothing_either(editor: Editor) -> None:
    editor.open()
    await editor.rest()
    crash = editor.generator.failure_ahead = ModelCrashed("gone")
    assert isinstance(await editor.suggest(), Suggestion)
    await editor.rest()
    assert editor.failures == [crash]
    shown = editor.session.outcomes.explanation
    assert shown is not None and shown.reason == "shown"


async def test_stopping_leaves_no_task_behind(editor: Editor) -> None:
    before = asyncio.all_tasks()
    editor.open()
    await editor.suggest()
    editor.type("l")
    await editor.session.stop()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert editor.generator.read_ahead == []


# ---- which model ----


async def test_a_script_in_a_page_is_asked_of_the_model_for_its_language(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Route] = []

    def choose(where: Route) -> object:
        asked.append(where)
        return manifest()

    monkeypatch.setattr(editor.session.models, "choose", choose)
    editor.open(
        f"<p>a</p>\n<script>\nconst values = [];\nconst n = {MARK}\n</script>", None, "html"
    )
    await editor.suggest()
    assert asked[-1].language == "javascript"
    (request,) = editor.generator.asked
    prompt = "".join(segment.text for segment in request.segments)
    assert prompt.endswith("const values = [];\nconst n = ")
    assert "<script>" not in prompt


async def test_code_in_a_page_follows_the_settings_of_its_language_and_of_the_page(
    editor: Editor,
) -> None:
    page = f"<script>const n = {MARK}</script>"
    for languages in ({"javascript": {"enabled": False}}, {"html": {"enabled": False}}):
        editor.session.configure(Settings(languages=languages))
        editor.open(page, None, "html")
        outcome = await editor.suggest()
        assert isinstance(outcome, NoSuggestion)
        assert outcome.reason is Reason.DISABLED


async def test_whoever_asks_is_told_which_model_answered_and_why(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        editor.session.models, "choice", lambda _where: Choice(manifest(), "for python")
    )
    editor.open()
    await editor.suggest()
    explanation = editor.session.outcomes.explanation
    assert explanation is not None
    assert (explanation.model, explanation.route) == ("smollm2-135m", "for python")
    assert to_lsp.explanation(explanation)["route"] == "for python"
