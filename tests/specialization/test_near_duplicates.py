"""Texts that are nearly the same, and texts that hold what models are judged with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tabwright.errors import CorpusError
from tabwright.specialization.evaluation_overlap import EvaluationTexts
from tabwright.specialization.near_duplicates import NearDuplicates, shingles

WORDS = [f"name_{number * 7919 % 997}" for number in range(400)]
TEXT = " ".join(WORDS)
EDITED = " ".join([*WORDS[:200], "another", *WORDS[201:]])
OTHER = " ".join(reversed(WORDS))
TASK = {
    "prefix": "def common_elements(first, second):\n    result = set()\n    for one in first:\n",
    "middle": "        for other in second:\n",
    "suffix": "            if one == other:\n                result.add(one)\n    return result\n",
    "test": "never looked at, since the three parts are there: a b c d e f g h i j k l",
}


def test_a_shingle_is_five_words() -> None:
    assert shingles("a b.c(d, e, f)") == {b"a b c d e", b"b c d e f"}
    assert shingles("a b") == {b"a b"}
    assert shingles("") == {b""}


def test_an_edited_copy_is_near_and_another_text_is_not() -> None:
    pytest.importorskip("datasketch")
    known = NearDuplicates()
    assert known.add_unless_near(TEXT)
    assert not known.add_unless_near(EDITED)
    assert known.add_unless_near(OTHER)


def test_a_copy_with_other_white_space_is_the_same() -> None:
    pytest.importorskip("datasketch")
    known = NearDuplicates()
    known.add_unless_near(TEXT)
    assert known.is_duplicate(TEXT.replace(" ", "\n  "))
    assert not known.is_duplicate(EDITED)


def test_what_is_near_is_the_same_in_every_process() -> None:
    pytest.importorskip("datasketch")
    program = (
        "from tabwright.specialization.near_duplicates import NearDuplicates\n"
        "known = NearDuplicates()\n"
        "words = [f'w{number}' for number in range(120)]\n"
        # around the threshold, where another seed decides otherwise
        "for cut in range(0, 60, 3):\n"
        "    others = [f'x{cut}_{number}' for number in range(cut)]\n"
        "    print(known.add_unless_near(' '.join(words[cut:] + others)))\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_without_datasketch_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(CorpusError, match=r"datasketch is needed .*tabwright\[train\]"):
        NearDuplicates()


def evaluation(folder: Path, name: str, content: str) -> EvaluationTexts:
    (folder / name).write_text(content, "utf-8")
    return EvaluationTexts(folder)


def test_a_file_that_holds_a_whole_task_overlaps(tmp_path: Path) -> None:
    texts = evaluation(tmp_path, "tasks.jsonl", json.dumps(TASK) + "\n")
    whole = TASK["prefix"] + TASK["middle"] + TASK["suffix"]
    assert len(texts) == 1
    assert texts.overlaps(f"{TEXT}\n{whole}\n{OTHER}")
    assert not texts.overlaps(f"{TEXT}\n{TASK['middle']}\n{OTHER}")


def test_tasks_without_the_three_parts_and_plain_files_are_texts_too(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "source.py").write_text(EDITED, "utf-8")
    (tmp_path / "binary.bin").write_bytes(b"\xff\xfe")
    texts = evaluation(tmp_path, "more.jsonl", json.dumps({"prompt": OTHER, "number": 1}) + "\n\n")
    assert len(texts) == 2
    assert texts.overlaps(OTHER)
    assert texts.overlaps(TEXT)  # of which the source is an edited copy


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", "no json\n", "is no JSON lines"),
        ("a.jsonl", "[1]\n", "holds no evaluation files"),
        ("a.txt", "", "holds no evaluation files"),
    ],
)
def test_a_folder_that_would_check_nothing_is_an_error(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    with pytest.raises(CorpusError, match=said):
        evaluation(tmp_path, name, content)
