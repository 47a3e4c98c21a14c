"""When a new model counts as better, and how both are asked."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from completion.scripted import manifest
from specialization.workspaces import a_module
from tabwright.commands.building import build_languages
from tabwright.errors import ModelLoadFailed
from tabwright.specialization.judging import Answer, Contestant, ask, judged
from tabwright.specialization.package_excerpts import PackageExcerpts
from tabwright.specialization.sources import SourceFile
from tabwright.specialization.spots import Spot, choose_spots

LANGUAGES = build_languages()
FILES = [SourceFile("python", f"m{number}.py", a_module(number)) for number in range(20)]
SPOTS = choose_spots(FILES, LANGUAGES, 200, 7)
SCRIPTED = Path(__file__).parents[1] / "end_to_end" / "scripted_model.py"
MODEL_SCRIPT = Path(__file__).parents[1] / "model" / "scripted_process.py"


def right(spot: Spot) -> str:
    return spot.middle


def wrong(_spot: Spot) -> str:
    return "§§§"


def nearly(spot: Spot) -> str:
    return spot.middle + ";"


def answers(
    share_right: int, other: object = wrong, likelihood: float | None = None
) -> list[Answer]:
    """Return answers of which that many in a hundred are right."""
    assert callable(other)
    return [
        Answer(
            right(spot) if number % 100 < share_right else str(other(spot)),
            likelihood * (1 - number % 10 / 20) if likelihood is not None else None,
        )
        for number, spot in enumerate(SPOTS)
    ]


@pytest.mark.parametrize(
    ("base", "candidate", "decided_by"),
    [
        (answers(10), answers(40), "exact_match"),
        (answers(40), answers(10), ""),
        (answers(20), answers(20), ""),
        (answers(20), answers(22), ""),  # by the sign test, four spots are luck
        (answers(20), answers(20, nearly), "edit_similarity"),
        (answers(40, wrong), answers(10, nearly), ""),  # alike, and less often right
        ([Answer("")] * len(SPOTS), [Answer("")] * len(SPOTS), ""),
        (answers(20, likelihood=0.6), answers(20, likelihood=0.62), "likelihood"),
        (answers(20, likelihood=0.6), answers(20), ""),
        (answers(10, likelihood=0.6), answers(40, likelihood=0.62), "exact_match"),
        (answers(10, likelihood=0.6), answers(40, likelihood=0.58), ""),
        (answers(40, likelihood=0.6), answers(10, likelihood=0.62), ""),
    ],
    ids=[
        "better",
        "worse",
        "equal",
        "by luck",
        "more alike",
        "alike, less exact",
        "silent",
        "likelier",
        "likelier is unknown",
        "better, likelier",
        "better, less likely",
        "likelier, worse",
    ],
)
def test_only_what_is_surely_better_wins(
    base: list[Answer], candidate: list[Answer], decided_by: str
) -> None:
    judgement = judged(SPOTS, base, candidate, seed=7)
    assert judgement.decided_by == decided_by
    assert judgement.wins == bool(decided_by)


def test_white_space_at_the_end_does_not_matter() -> None:
    spot = SPOTS[0]
    judgement = judged([spot], [Answer(spot.middle + "  ")], [Answer(" " + spot.middle)], seed=7)
    assert judgement.base[0].exact
    assert not judgement.candidate[0].exact


async def test_both_are_asked_at_every_spot_and_progress_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spots = SPOTS[:6]
    monkeypatch.setenv("SCRIPTED_ANSWER", f"first{spots[0].line_after}")
    monkeypatch.setenv("SCRIPTED_PROMPTS", str(tmp_path / "prompts"))
    told: list[tuple[int, int]] = []
    contestant = Contestant(manifest(), tmp_path / "weights.gguf")
    command = (sys.executable, str(SCRIPTED))
    found = await ask(
        (contestant, contestant),
        spots,
        LANGUAGES,
        lambda done, total: told.append((done, total)),
        command,
    )
    assert [len(each) for each in found] == [6, 6]
    assert found[0][0].text == "first"
    assert 0 < (found[0][0].likelihood or 0.0) < 1
    assert told == [(number, 12) for number in range(1, 13)]
    prompts = (tmp_path / "prompts").read_text().splitlines()
    assert len(prompts) == 12
    assert all(spot.file.path in prompt for spot, prompt in zip(spots, prompts, strict=False))


async def test_a_model_that_cannot_be_asked_about_a_text_is_not_judged_by_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCRIPTED_ANSWER", "first")
    monkeypatch.setenv("SCRIPTED_PROMPTS", str(tmp_path / "prompts"))
    monkeypatch.setenv("SCRIPTED_KNOWS_NOTHING", "1")
    contestant = Contestant(manifest(), tmp_path / "weights.gguf")
    command = (sys.executable, str(SCRIPTED))
    found = await ask((contestant,), SPOTS[:3], LANGUAGES, command=command)
    assert [each.likelihood for each in found[0]] == [None] * 3


async def test_only_a_model_that_wants_excerpts_is_shown_the_other_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use = "from m3 import factor_3_2\n\n\ndef run(values: list[int]) -> int:\n"
    use += "    return factor_3_2(values, 1)\n" * 30
    spot = Spot(SourceFile("python", "use.py", use), use.rindex("3_2("), len(use) - 1, "line_end")
    monkeypatch.setenv("SCRIPTED_ANSWER", "x")
    monkeypatch.setenv("SCRIPTED_PROMPTS", str(tmp_path / "prompts"))
    without, seeing = (
        Contestant(
            msgspec.structs.replace(manifest(), sees_excerpts=sees), tmp_path / "weights.gguf"
        )
        for sees in (False, True)
    )
    with PackageExcerpts([spot.file, *FILES], tmp_path / "excerpts", LANGUAGES) as excerpts:
        await ask(
            (without, seeing),
            [spot],
            LANGUAGES,
            command=(sys.executable, str(SCRIPTED)),
            excerpts=excerpts,
        )
    first, second = (tmp_path / "prompts").read_text().splitlines()
    assert "def factor_3_2(" not in first
    assert "def factor_3_2(" in second


async def test_a_model_that_does_not_load_is_an_error(tmp_path: Path) -> None:
    contestant = Contestant(manifest(), Path("bad.gguf"))
    command = (sys.executable, str(MODEL_SCRIPT), "normally")
    with pytest.raises(ModelLoadFailed):
        await ask((contestant,), SPOTS[:2], LANGUAGES, command=command)
