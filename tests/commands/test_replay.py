"""`tabwright complete --record` and `tabwright replay`: a suggestion again, from its record."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from completion.scripted import ScriptedGenerator
from tabwright.commands import building
from tabwright.commands.complete import complete
from tabwright.commands.record import RecordedOutcome
from tabwright.commands.replay import difference, replay
from tabwright.completion.pipeline import ReadyModel
from tabwright.errors import CommandError, ManifestError, TabwrightError, WeightsMissing
from tabwright.model.manifest import Manifest
from tabwright.session.session import Session

WEIGHTS = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
MANIFEST = """
id = "mine"
name = "Mine"
family = "mine"
parameters_millions = 1
languages = ["python"]
context_tokens = 1024
memory_mb = 1
is_default = true
[licence]
name = "House rules"
commercial_use = "allowed"
[weights]
quantisation = "Q8_0"
size_mb = 1
[weights.source]
kind = "file"
path = "mine.gguf"
"""
SOURCE = "def total(prices):\n    return \n\n\nname = '🦜'\n"
PLACE = "shop.py:2"
CURSOR = len("def total(prices):\n    return ")

Edit = Callable[[dict[str, Any]], None]


@dataclass
class Workplace:
    """A folder with a file to complete and a model that says what it is told to say."""

    folder: Path
    weights: Path
    answers: list[str] = field(default_factory=list)
    generators: list[ScriptedGenerator] = field(default_factory=list)

    @property
    def record(self) -> Path:
        return self.folder / "record.json"

    def complete(self, *arguments: str, says: str = "sum(prices)") -> Result:
        self.answers = [says] * 3
        return CliRunner().invoke(complete, [PLACE, "--model", "mine", *arguments])

    def make_record(self, *arguments: str, says: str = "sum(prices)") -> dict[str, Any]:
        result = self.complete("--record", str(self.record), *arguments, says=says)
        assert result.exit_code == 0, result.output
        return dict(json.loads(self.record.read_text(encoding="utf-8")))

    def edit_record(self, edit: Edit) -> None:
        record = json.loads(self.record.read_text(encoding="utf-8"))
        edit(record)
        self.record.write_text(json.dumps(record), encoding="utf-8")

    def replay(self, *arguments: str, says: str = "sum(prices)") -> Result:
        self.answers = [says] * 3
        return CliRunner().invoke(replay, [str(self.record), *arguments])

    def refusal(self, kind: type[TabwrightError] = CommandError) -> str:
        """The one sentence with which the record is refused, before any model is asked."""
        asked = len(self.generators)
        result = self.replay()
        assert isinstance(result.exception, kind), result.output
        assert result.output == ""
        assert len(self.generators) == asked
        assert "\n" not in str(result.exception)
        return str(result.exception)


@pytest.fixture
def workplace(own_directories: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    models = own_directories / "config" / "models"
    models.mkdir(parents=True)
    (models / "mine.toml").write_text(MANIFEST)
    (models / "mine.gguf").write_bytes(WEIGHTS)
    folder = own_directories / "shop"
    folder.mkdir()
    (folder / "shop.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(folder)
    place = Workplace(folder, models / "mine.gguf")
    build = building.build_session

    def build_scripted() -> Session:
        session = build()
        generator = ScriptedGenerator(list(place.answers), log_probability=-0.01)
        place.generators.append(generator)

        def ready_now(manifest: Manifest) -> ReadyModel:
            return ReadyModel(manifest, generator, False, 1024, manifest.id)

        monkeypatch.setattr(session.models, "ready_now", ready_now)
        monkeypatch.setattr(session.models, "begin_loading", lambda _manifest: None)
        return session

    monkeypatch.setattr(building, "build_session", build_scripted)
    return place


# ---- the record ----


def test_a_record_holds_all_the_suggestion_depends_on(workplace: Workplace) -> None:
    record = workplace.make_record("--automatic", "--lines", "single")
    assert record["schema"] == 3
    assert record["text"] == SOURCE
    assert record["language"] == "python"
    assert record["relative_path"] == "shop.py"
    assert record["cursor_offset"] == CURSOR
    assert record["is_automatic"] is True
    assert record["model"]["id"] == "mine"
    assert record["model"]["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert record["settings"]["model"] == "mine"
    assert record["settings"]["lines"] == "single"
    assert record["settings"]["contextTokens"] == "auto"
    assert record["outcome"] == {
        "suggestion": "sum(prices)",
        "reason": "",
        "generated_tokens": 4,
        "mean_log_probability": -0.01,
    }
    assert all(record["program"][name] for name in ("tabwright", "llama_cpp_python"))


def test_no_time_limit_holds_for_a_record(workplace: Workplace) -> None:
    assert workplace.make_record()["settings"]["timeLimitSeconds"] == 0
    assert workplace.generators[-1].requests[0].time_limit_seconds == 0


def test_only_its_owner_can_read_a_record_also_one_that_was_there(workplace: Workplace) -> None:
    workplace.record.write_text("an older and much longer file" * 1000)
    workplace.record.chmod(0o644)
    workplace.make_record()
    assert stat.S_IMODE(workplace.record.stat().st_mode) == 0o600


def test_an_answer_without_a_suggestion_is_recorded_too(workplace: Workplace) -> None:
    record = workplace.make_record(says="")
    assert record["outcome"]["reason"] == "model_ended"
    assert workplace.replay(says="").output == "identical\n"


def test_an_answer_that_needed_no_model_is_recorded_and_replayed_without_one(
    workplace: Workplace,
) -> None:
    (workplace.folder / "shop.py").write_text("x = 1\ny = 2  # a comment\n")
    record = workplace.make_record("--automatic")
    assert record["outcome"]["reason"] == "in_comment"
    assert record["model"] is None
    workplace.weights.unlink()
    assert workplace.replay().output == "identical\n"


def test_without_a_model_nothing_is_recorded(workplace: Workplace) -> None:
    workplace.weights.unlink()
    result = workplace.complete("--record", str(workplace.record))
    assert isinstance(result.exception, CommandError)
    assert "nothing to record" in str(result.exception)
    assert not workplace.record.exists()


def test_the_text_of_a_file_with_secrets_is_not_recorded(workplace: Workplace) -> None:
    (workplace.folder / ".env").write_text("TOKEN=abc\nTOKEN_2=\n")
    arguments = [".env:2", "--model", "mine", "--record", str(workplace.record)]
    result = CliRunner().invoke(complete, arguments)
    assert isinstance(result.exception, CommandError)
    assert not workplace.record.exists()


def test_a_record_that_cannot_be_written_is_one_sentence(workplace: Workplace) -> None:
    result = workplace.complete("--record", str(workplace.folder / "none" / "record.json"))
    assert "sum(prices)" in result.output
    assert isinstance(result.exception, CommandError)


# ---- the replay ----


def test_the_same_suggestion_is_identical(workplace: Workplace) -> None:
    workplace.make_record()
    result = workplace.replay()
    assert (result.exit_code, result.output) == (0, "identical\n")
    answer = json.loads(workplace.replay("--json").output)
    assert answer["identical"] is True
    assert answer["causes"] == []


@pytest.mark.parametrize("way", [(), ("--automatic",), ("--lines", "multi")])
def test_a_replay_asks_the_model_exactly_the_same_from_anywhere(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: tuple[str, ...]
) -> None:
    (workplace.folder / "deep" / "er").mkdir(parents=True)
    source = workplace.folder / "deep" / "er" / "shop.py"
    source.write_bytes(SOURCE.replace("\n", "\r\n").encode())
    workplace.answers = ["sum(prices)"] * 3
    arguments = ["deep/er/shop.py:2", "--model", "mine", "--record", str(workplace.record), *way]
    assert CliRunner().invoke(complete, arguments).exit_code == 0
    source.unlink()
    monkeypatch.chdir(tmp_path)
    assert workplace.replay().output == "identical\n"
    recorded, replayed = (generator.requests for generator in workplace.generators)
    assert [each.segments for each in recorded] == [each.segments for each in replayed]
    assert [each.max_tokens for each in recorded] == [each.max_tokens for each in replayed]
    assert "deep/er/shop.py" in recorded[0].segments[0].text


def test_another_suggestion_is_shown_as_a_diff(workplace: Workplace) -> None:
    workplace.make_record()
    result = workplace.replay(says="prices[0]")
    assert result.exit_code == 1
    assert "--- recorded\n+++ now\n-sum(prices)\n+prices[0]\n" in result.output
    assert "please report" in result.output
    answer = json.loads(workplace.replay("--json", says="prices[0]").output)
    assert answer["identical"] is False
    assert answer["recorded"]["suggestion"] == "sum(prices)"
    assert answer["now"]["suggestion"] == "prices[0]"


def test_no_suggestion_is_shown_with_its_reason(workplace: Workplace) -> None:
    workplace.make_record()
    result = workplace.replay(says="")
    assert result.exit_code == 1
    assert "+(no suggestion: model_ended)" in result.output


@pytest.mark.parametrize(
    ("name", "other", "cause"),
    [
        ("tabwright", "0.0.7", "by Tabwright 0.0.7"),
        ("llama_cpp_python", "0.2.9", "llama-cpp-python 0.2.9"),
    ],
)
def test_another_version_is_named_as_the_likely_cause(
    workplace: Workplace, name: str, other: str, cause: str
) -> None:
    workplace.make_record()

    def edit(record: dict[str, Any]) -> None:
        record["program"][name] = other

    workplace.edit_record(edit)
    result = workplace.replay(says="prices[0]")
    assert result.exit_code == 1
    assert f"Likely cause: The record was made {'' if 'by' in cause else 'with '}{cause}" in (
        result.output
    )
    assert workplace.replay().output == "identical\n"


def test_a_setting_that_is_gone_is_named_as_the_likely_cause(workplace: Workplace) -> None:
    workplace.make_record()

    def edit(record: dict[str, Any]) -> None:
        record["settings"]["fancy"] = True

    workplace.edit_record(edit)
    assert "tabwright.fancy" in workplace.replay(says="prices[0]").output


def test_other_figures_for_the_same_bytes_are_told_and_are_no_difference(
    workplace: Workplace,
) -> None:
    workplace.make_record()

    def edit(record: dict[str, Any]) -> None:
        record["outcome"]["mean_log_probability"] = -0.25

    workplace.edit_record(edit)
    result = workplace.replay()
    assert result.exit_code == 0
    assert result.output.startswith("identical\nComputed a little differently")


def test_other_weights_are_refused_and_replayed_when_wanted(workplace: Workplace) -> None:
    workplace.make_record()
    workplace.weights.write_bytes(WEIGHTS + b"!")
    assert "other weights of mine" in workplace.refusal()
    result = workplace.replay("--other-weights", says="prices[0]")
    assert result.exit_code == 1
    assert "Likely cause: The weights of mine are others" in result.output


def test_a_model_that_is_gone_is_refused(workplace: Workplace) -> None:
    workplace.make_record()
    workplace.weights.unlink()
    assert "weights of mine" in workplace.refusal(WeightsMissing)
    workplace.weights.with_suffix(".toml").unlink()
    assert "no model 'mine'" in workplace.refusal(ManifestError)


def _as_of_tomorrow(record: dict[str, Any]) -> None:
    record["schema"] = 99
    record["more"] = "fields"


def _without_text(record: dict[str, Any]) -> None:
    del record["text"]


def _beyond_the_end(record: dict[str, Any]) -> None:
    record["cursor_offset"] = 9999


def _before_the_start(record: dict[str, Any]) -> None:
    record["cursor_offset"] = -1


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (_as_of_tomorrow, "schema 99"),
        (_without_text, "missing required field `text`"),
        (_beyond_the_end, "beyond the end"),
        (_before_the_start, "damaged"),
    ],
)
def test_a_record_that_cannot_be_used_is_one_sentence(
    workplace: Workplace, edit: Edit, complaint: str
) -> None:
    workplace.make_record()
    workplace.edit_record(edit)
    assert complaint in workplace.refusal()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"schema": 1, "te', b"\xff\xfe"])
def test_what_is_no_record_is_one_sentence(workplace: Workplace, content: bytes) -> None:
    workplace.record.write_bytes(content)
    assert "no record of a completion" in workplace.refusal()


def test_a_record_that_is_not_there_is_one_sentence(workplace: Workplace) -> None:
    assert "Cannot read" in workplace.refusal()


def test_line_ends_and_trailing_spaces_are_visible_in_a_difference() -> None:
    before = RecordedOutcome("a\r\nb  ", "", 3, -0.1)
    now = RecordedOutcome("a\nb", "", 3, -0.1)
    assert difference(before, now).splitlines()[2:] == ["-a␍", "-b··", "+a", "+b"]


def test_help_says_that_a_record_holds_source_text() -> None:
    for command in (complete, replay):
        said = " ".join(CliRunner().invoke(command, ["--help"]).output.lower().split())
        assert "holds the text" in said or "holds the source text" in said


# ---- the real model ----


@pytest.mark.real_model
def test_the_real_model_answers_a_record_alike(tmp_path: Path, default_weights: Path) -> None:
    sample, record = tmp_path / "sample.py", tmp_path / "record.json"
    sample.write_text("import json\n\n\ndef load(path):\n    return js\n\n\nEND = 1\n")
    shown = CliRunner().invoke(complete, [f"{sample}:5", "--record", str(record)])
    assert shown.exit_code == 0, shown.output
    written = json.loads(record.read_text())
    assert written["model"]["weights"] == default_weights.name
    assert written["program"]["system_info"]
    assert written["outcome"]["suggestion"].startswith("on")
    result = CliRunner().invoke(replay, [str(record)])
    assert (result.exit_code, result.output) == (0, "identical\n")
