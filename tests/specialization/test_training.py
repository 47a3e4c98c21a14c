import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

torch = pytest.importorskip("torch", reason="needs `pip install 'tabwright[train]'`")

from specialization.tiny_model import write_tiny_model  # noqa: E402 # after the check
from tabwright.bundled_data import models_folder  # noqa: E402
from tabwright.errors import SpecializationError  # noqa: E402
from tabwright.model.catalogue import read_manifest  # noqa: E402
from tabwright.model.manifest import FillInTheMiddle  # noqa: E402
from tabwright.specialization import training as trainer  # noqa: E402
from tabwright.specialization.adapter_file import read_adapter  # noqa: E402
from tabwright.specialization.training import read_sources, train  # noqa: E402
from tabwright.specialization.training_messages import (  # noqa: E402
    NotTrained,
    Progress,
    Report,
    Trained,
    Training,
)

TEXT = """\
def total(values):
    result = 0
    for value in values:
        result += value
    return result


"""


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch):
    monkeypatch.setattr(trainer, "_can_compile", lambda: False)  # compiling takes longer than all


@pytest.fixture
def training(tmp_path: Path) -> Training:
    corpus = tmp_path / "train.jsonl"
    row = {"language": "python", "path": "a.py", "text": TEXT * 8}
    corpus.write_text(json.dumps(row) + "\n", encoding="utf-8")
    manifest = msgspec.structs.replace(
        read_manifest(models_folder() / "smollm2-135m.toml"),
        fill_in_the_middle=FillInTheMiddle("spm", "<prefix>", "<suffix>", "<middle>"),
        folder="",
    )
    return Training(
        manifest=manifest,
        weights_path=str(write_tiny_model(tmp_path / "base.gguf")),
        corpus_path=str(corpus),
        held_out_path=str(corpus),
        output_path=str(tmp_path / "out" / "adapter.gguf"),
        checkpoint_path=str(tmp_path / "checkpoint"),
        steps=8,
        rank=4,
        learning_rate=1e-2,
        threads=1,
        device="cpu",
    )


def output(training: Training) -> bytes:
    return Path(training.output_path).read_bytes()


def test_training_lowers_the_held_out_loss_and_reports_each_step(training):
    reports: list[Progress] = []
    trained = train(msgspec.structs.replace(training, steps=12), reports.append)
    assert trained.held_out_loss < trained.held_out_loss_before
    assert trained.steps == 12
    assert trained.tokens > trained.learned_tokens > 0
    assert [each.step for each in reports if each.loss is not None] == list(range(1, 13))
    assert not Path(training.checkpoint_path).exists()


def test_the_same_options_give_the_same_adapter_twice(training):
    train(training, lambda _progress: None)
    first = output(training)
    train(training, lambda _progress: None)
    assert output(training) == first
    train(msgspec.structs.replace(training, seed=2), lambda _progress: None)
    assert output(training) != first


class Stopped(Exception):
    pass


def stop_at(step: int):
    def report(progress: Progress) -> None:
        if progress.step == step:
            raise Stopped

    return report


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(training, monkeypatch):
    train(training, lambda _progress: None)
    whole = output(training)
    Path(training.output_path).unlink()
    monkeypatch.setattr(trainer, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    with pytest.raises(Stopped):
        train(training, stop_at(5))
    assert not Path(training.output_path).exists()
    seen: list[int] = []
    train(training, lambda progress: seen.append(progress.step))
    assert min(step for step in seen if step) == 4
    assert output(training) == whole


def test_a_run_that_is_to_stop_keeps_what_it_has(training):
    train(training, lambda _progress: None)
    whole = output(training)
    seen: list[int] = []

    def note(progress: Progress) -> None:
        seen.append(progress.step)

    with pytest.raises(trainer.Stopped, match="Stopped at step 5 of 8"):
        train(training, note, lambda: 5 in seen)
    seen.clear()
    train(training, note)
    assert min(step for step in seen if step) == 5
    assert output(training) == whole


OTHER = """\
class Tree:
    left: Tree | None = None
    right: Tree | None = None


"""


@pytest.fixture
def of_a_code_base(training: Training, tmp_path: Path, monkeypatch) -> Training:
    """A run that goes on from an adapter for other code, and is judged by that."""
    monkeypatch.setattr(trainer, "_SHARE_BATCHES", 2)
    held_out, start = tmp_path / "held_out.jsonl", tmp_path / "start.gguf"
    row = {"language": "python", "path": "b.py", "text": OTHER * 8}
    held_out.write_text(json.dumps(row) + "\n", encoding="utf-8")
    before = msgspec.structs.replace(
        training,
        corpus_path=str(held_out),
        output_path=str(start),
        steps=12,
        learning_rate=5e-2,
    )
    train(before, lambda _progress: None)
    return msgspec.structs.replace(
        training,
        adapter_path=str(start),
        held_out_path=str(held_out),
        learns_prompts=True,
        steps=4,
    )


def distance(path: Path, other: Path) -> float:
    one, two = read_adapter(path), read_adapter(other)
    pairs = [(a, b) for name in one for a, b in zip(one[name], two[name], strict=True)]
    return float(sum(((a - b) ** 2).sum() for a, b in pairs)) ** 0.5


def test_a_code_base_is_learned_as_far_as_what_was_not_read_becomes_no_less_likely(
    of_a_code_base, monkeypatch
):
    result, start = Path(of_a_code_base.output_path), Path(of_a_code_base.adapter_path)
    with monkeypatch.context() as whole:
        whole.setattr(trainer, "_SHARES", (1.0,))
        to_the_end = train(of_a_code_base, lambda _progress: None)
    way = distance(result, start)
    phases: list[str] = []
    trained = train(of_a_code_base, lambda progress: phases.append(progress.phase))
    assert trained.share < 1.0
    assert trained.held_out_loss < to_the_end.held_out_loss
    # The share is a half or three quarters; files hold weights in 8 bits, which rounds them.
    assert distance(result, start) == pytest.approx(trained.share * way, rel=0.02)
    assert phases.count("choosing") == 3


def test_a_code_base_that_only_gains_is_learned_whole(of_a_code_base):
    gaining = msgspec.structs.replace(of_a_code_base, held_out_path=of_a_code_base.corpus_path)
    assert train(gaining, lambda _progress: None).share == 1.0


def test_a_language_is_learned_whole(of_a_code_base):
    language = msgspec.structs.replace(of_a_code_base, learns_prompts=False)
    assert train(language, lambda _progress: None).share == 1.0


def test_a_run_stopped_while_it_chooses_goes_on_from_its_last_step(of_a_code_base):
    train(of_a_code_base, lambda _progress: None)
    whole = output(of_a_code_base)
    phases: list[str] = []

    def note(progress: Progress) -> None:
        phases.append(progress.phase)

    with pytest.raises(trainer.Stopped, match="after the last step"):
        train(of_a_code_base, note, lambda: phases.count("choosing") == 2)
    steps: list[int] = []
    train(of_a_code_base, lambda progress: steps.append(progress.step))
    assert set(steps) == {0, 4}
    assert output(of_a_code_base) == whole


@pytest.fixture
def with_excerpts(training: Training, tmp_path: Path) -> Training:
    """Two modules that use each other, and a manifest whose model is shown that."""
    use = "from a import total\n\n\ndef mean(values):\n    return total(values) / len(values)\n\n\n"
    rows = [
        {"language": "python", "path": "a.py", "text": TEXT * 30, "package": "sums"},
        {"language": "python", "path": "b.py", "text": use * 30, "package": "sums"},
    ]
    lines = [json.dumps(row) + "\n" for row in rows]
    Path(training.corpus_path).write_text("".join(lines), encoding="utf-8")
    manifest = msgspec.structs.replace(training.manifest, sees_excerpts=True)
    folder = str(tmp_path / "excerpts")
    return msgspec.structs.replace(training, manifest=manifest, excerpts_folder=folder, steps=14)


def test_a_run_with_excerpts_is_another_one_and_the_same_twice(with_excerpts, tmp_path):
    train(with_excerpts, lambda _progress: None)
    first = output(with_excerpts)
    elsewhere = str(tmp_path / "other place")
    train(msgspec.structs.replace(with_excerpts, excerpts_folder=elsewhere), lambda _progress: None)
    assert output(with_excerpts) == first
    train(msgspec.structs.replace(with_excerpts, excerpts_folder=""), lambda _progress: None)
    assert output(with_excerpts) != first
    assert not (tmp_path / "excerpts").exists()


def test_a_resumed_run_with_excerpts_ends_where_an_uninterrupted_one_does(with_excerpts, tmp_path):
    train(with_excerpts, lambda _progress: None)
    whole = output(with_excerpts)
    seen: list[int] = []

    def note(progress: Progress) -> None:
        seen.append(progress.step)

    with pytest.raises(trainer.Stopped):
        train(with_excerpts, note, lambda: 8 in seen)
    assert not (tmp_path / "excerpts").exists()
    seen.clear()
    train(with_excerpts, note)
    assert min(step for step in seen if step) == 8
    assert output(with_excerpts) == whole


def test_a_run_without_excerpts_is_not_resumed_with_them(with_excerpts):
    without = msgspec.structs.replace(with_excerpts, excerpts_folder="")
    seen: list[int] = []
    with pytest.raises(trainer.Stopped):
        train(without, lambda progress: seen.append(progress.step), lambda: 5 in seen)
    seen.clear()
    train(with_excerpts, lambda progress: seen.append(progress.step))
    assert next(step for step in seen if step) == 1


@pytest.mark.parametrize("damage", ["cut off", "of another run"])
def test_a_checkpoint_of_no_use_is_not_resumed_from(training, monkeypatch, damage):
    monkeypatch.setattr(trainer, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    with pytest.raises(Stopped):
        train(training, stop_at(5))
    if damage == "cut off":
        kept = Path(training.checkpoint_path)
        kept.write_bytes(kept.read_bytes()[:1000])
    else:
        training = msgspec.structs.replace(training, seed=7)
    seen: list[int] = []
    train(training, lambda progress: seen.append(progress.step))
    assert next(step for step in seen if step) == 1


def test_minutes_become_steps_whose_count_is_told(training):
    short = msgspec.structs.replace(training, steps=0, minutes=0.02)
    trained = train(short, lambda _progress: None)
    assert trained.steps >= 1
    repeated = msgspec.structs.replace(training, steps=trained.steps)
    first = output(training)
    train(repeated, lambda _progress: None)
    assert output(training) == first


def test_training_goes_on_from_an_adapter(training, tmp_path):
    train(training, lambda _progress: None)
    first = tmp_path / "first.gguf"
    Path(training.output_path).rename(first)
    on = msgspec.structs.replace(training, adapter_path=str(first), seed=2)
    further = train(on, lambda _progress: None)
    fresh = train(msgspec.structs.replace(training, seed=2), lambda _progress: None)
    assert further.held_out_loss_before < fresh.held_out_loss_before
    other_rank = msgspec.structs.replace(on, rank=8)
    with pytest.raises(SpecializationError, match="rank 4, not 8"):
        train(other_rank, lambda _progress: None)


@pytest.mark.parametrize("content", ["", "no json\n", '{"language": "python"}\n', "[1]\n"])
def test_a_corpus_of_something_else_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "corpus.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SpecializationError, match=r"corpus\.jsonl"):
        read_sources(path)


def run_process(line: bytes) -> tuple[int, list[Report]]:
    """Run the program on one line; its stdin stays open, as that of a client that waits."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tabwright.specialization.training_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line + b"\n")
        process.stdin.flush()
        said = [msgspec.json.decode(each, type=Report) for each in process.stdout]
        return process.wait(), said


def test_the_program_says_in_a_sentence_what_is_wrong_with_its_input(training):
    code, said = run_process(b"{}")
    assert code == 1
    assert isinstance(said[-1], NotTrained)
    missing = msgspec.structs.replace(training, corpus_path="/nowhere/train.jsonl")
    code, said = run_process(msgspec.json.encode(missing))
    assert code == 1
    assert isinstance(said[-1], NotTrained)
    assert "/nowhere/train.jsonl" in said[-1].message


def test_the_program_ends_with_the_result(training, monkeypatch):
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    code, said = run_process(msgspec.json.encode(msgspec.structs.replace(training, steps=2)))
    assert code == 0
    assert isinstance(said[-1], Trained)
    assert Path(training.output_path).is_file()


def test_the_program_ends_when_its_starter_does(training):
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tabwright.specialization.training_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        endless = msgspec.structs.replace(training, steps=10**7)
        process.stdin.write(msgspec.json.encode(endless) + b"\n")
        process.stdin.close()
        assert process.wait(60) == 1
    assert not Path(training.output_path).exists()
