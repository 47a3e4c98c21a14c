"""Which rows see excerpts of other files, and that the same step has the same rows."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import msgspec
import pytest

from completion.scripted import manifest as scripted_manifest
from specialization.workspaces import a_module
from tabwright.commands.building import build_languages
from tabwright.model.manifest import FillInTheMiddle, Manifest, RepositoryFormat
from tabwright.model.messages import Segment
from tabwright.specialization.batches import (
    LONG_EVERY,
    SOME_OF_PROMPTS,
    Batch,
    Batches,
    PromptLearning,
)
from tabwright.specialization.examples import Source
from tabwright.specialization.package_excerpts import PackageExcerpts
from tabwright.specialization.vocabulary import Vocabulary

CONTROL = {"<prefix>": 256, "<suffix>": 257, "<middle>": 258, "<file>": 259, "<end>": 260}
FIRST_WORD = 300


class Words:
    """A vocabulary of pieces of three characters, about as many as a model's tokens have."""

    end = CONTROL["<end>"]

    def tokens(self, segments: Sequence[Segment], *, add_bos: bool = False) -> list[int]:
        assert not add_bos
        return [
            token
            for each in segments
            for token in ([CONTROL[each.text]] if each.is_control else self.text(each.text))
        ]

    def text(self, text: str) -> list[int]:
        pieces = [text[start : start + 3] for start in range(0, len(text), 3)]
        return [FIRST_WORD + zlib.crc32(each.encode()) for each in pieces]

    def control(self, name: str) -> int:
        return CONTROL[name]

    def begins_with_line_end(self, _token: int) -> bool:
        return False


def manifest(order: str = "spm-joined") -> Manifest:
    return msgspec.structs.replace(
        scripted_manifest(),
        fill_in_the_middle=FillInTheMiddle(order, "<prefix>", "<suffix>", "<middle>"),  # type: ignore[arg-type]
        repository_format=RepositoryFormat(file_separator="<file>"),
        sees_excerpts=True,
        add_bos=False,
    )


def package(name: str, files: int) -> list[Source]:
    """Modules that use each other."""
    found = []
    for number in range(files):
        imports = "".join(f"from {name}.m{other} import LIMIT_{other}\n" for other in range(files))
        found.append(Source("python", f"{name}/m{number}.py", imports + a_module(number), name))
    return found


SOURCES = package("one", 4) + package("two", 3)


def batches(
    excerpts: PackageExcerpts | None,
    seed: int = 1,
    order: str = "spm-joined",
    *,
    knows_ends: bool = False,
    prompts: PromptLearning = SOME_OF_PROMPTS,
) -> Batches:
    vocabulary = cast("Vocabulary", Words())
    return Batches(
        SOURCES,
        manifest(order),
        vocabulary,
        seed=seed,
        knows_ends=knows_ends,
        prompts=prompts,
        excerpts=excerpts,
    )


@pytest.fixture
def packages(tmp_path: Path) -> PackageExcerpts:
    return PackageExcerpts(SOURCES, tmp_path / "excerpts", build_languages())


def digest(batch: Batch) -> str:
    found = hashlib.sha256()
    for values in (batch.tokens, batch.depths, batch.sees, batch.rows, batch.targets):
        found.update(values.tobytes())
    return found.hexdigest()


LONG_STEPS = range(LONG_EVERY - 1, 8 * LONG_EVERY, LONG_EVERY)


def test_most_rows_begin_with_a_prompt_that_sees_other_files_and_some_with_one_that_sees_none(
    packages: PackageExcerpts,
) -> None:
    seeing: list[bool] = []
    with packages:
        drawn = batches(packages)
        for step in range(LONG_EVERY - 1, 20 * LONG_EVERY, LONG_EVERY):
            for row in drawn.at_step(step).tokens.tolist():
                first = row[: row.index(CONTROL["<middle>"])]
                seeing.append(first.count(CONTROL["<file>"]) > 1)
    assert 0.45 < sum(seeing) / len(seeing) < 0.75


def test_short_rows_are_what_they_are_without_excerpts(packages: PackageExcerpts) -> None:
    with packages:
        drawn, plain = batches(packages), batches(None)
        for step in range(LONG_EVERY - 1):
            assert digest(drawn.at_step(step)) == digest(plain.at_step(step))
        assert digest(drawn.at_step(LONG_EVERY - 1)) != digest(plain.at_step(LONG_EVERY - 1))


@pytest.mark.parametrize("order", ["spm-joined", "spm", "psm"])
def test_a_step_has_the_same_rows_whatever_was_drawn_before(order: str, tmp_path: Path) -> None:
    languages = build_languages()
    with PackageExcerpts(SOURCES, tmp_path / "one", languages) as packages:
        drawn = batches(packages, order=order)
        steps = [digest(drawn.at_step(step)) for step in LONG_STEPS]
    with PackageExcerpts(SOURCES, tmp_path / "two", languages) as packages:
        resumed = batches(packages, order=order)
        assert [digest(resumed.at_step(step)) for step in LONG_STEPS[4:]] == steps[4:]
    assert len(set(steps)) == len(steps)


def test_ends_weigh_more_at_first_unless_they_are_known() -> None:
    def weight_of_ends(drawn: Batches, step: int) -> float:
        batch = drawn.at_step(step)
        return float(batch.weights[batch.targets == Words.end].max())

    fresh, further = batches(None), batches(None, knows_ends=True)
    late = 20 * LONG_EVERY * LONG_EVERY
    assert weight_of_ends(fresh, 0) > 2 * weight_of_ends(further, 0)
    assert (
        weight_of_ends(fresh, late) == weight_of_ends(further, late) == weight_of_ends(further, 0)
    )


def test_of_what_is_shown_as_much_is_predicted_as_is_wished() -> None:
    none, some, every = (
        batches(None, prompts=PromptLearning(share, 0.25)).at_step(1) for share in (0.0, 0.5, 1.0)
    )
    assert len(none.rows) < len(some.rows) < len(every.rows)
    assert len(none.rows) == none.learned == every.learned
    assert 0.25 in every.weights
    assert 0.25 not in none.weights
    # What is shown after the cursor begins nowhere, so that only what stands before it counts.
    assert none.read // 2 < len(every.rows) < every.read


def test_what_models_are_judged_by_is_the_same_whatever_prompts_are_worth() -> None:
    judged = [batches(None, prompts=PromptLearning(share)).fixed(1)[0] for share in (0.0, 1.0)]
    assert digest(judged[0]) == digest(judged[1])
    assert len(judged[1].rows) == judged[1].learned
