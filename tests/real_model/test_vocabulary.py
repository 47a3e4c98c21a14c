from pathlib import Path

import msgspec
import pytest

from tabwright.bundled_data import models_folder
from tabwright.model.catalogue import read_manifest
from tabwright.model.llama import LlamaModel, ModelOptions, NativeLog
from tabwright.model.messages import Segment
from tabwright.specialization.batches import Batches
from tabwright.specialization.examples import Example, Source
from tabwright.specialization.installing import TAUGHT_FORM
from tabwright.specialization.vocabulary import Vocabulary

pytestmark = pytest.mark.real_model

TEXTS = ("def  f(x):\n\treturn x\n", "größer → 😀 <|im_end|>", "x" * 300, "   \n\n  1234567", "")


def test_tokens_are_those_of_the_server(default_weights: Path):
    vocabulary = Vocabulary(default_weights)
    options = ModelOptions(str(default_weights), "", 64, 1, 1, 0)
    model = LlamaModel(options, NativeLog(), lambda _fraction: None)
    for text in TEXTS:
        segments = [Segment("<file_sep>", is_control=True), Segment(text)]
        assert vocabulary.tokens(segments) == model.prompt_tokens(segments, add_bos=False)
    model.close()


@pytest.mark.parametrize(("order", "first"), [("spm", "on"), ("spm-joined", " json")])
def test_a_begun_word_is_learned_whole_where_the_server_heals_it(
    default_weights: Path, order: str, first: str
):
    vocabulary = Vocabulary(default_weights)
    form = msgspec.structs.replace(TAUGHT_FORM, order=order)
    manifest = read_manifest(models_folder() / "smollm2-135m.toml")
    manifest = msgspec.structs.replace(manifest, fill_in_the_middle=form)
    batches = Batches([Source("python", "a.py", "x = 1\n" * 30)], manifest, vocabulary, seed=1)
    segments = [Segment("<jupyter_output>", is_control=True), Segment("    return js")]
    if order == "spm":
        segments.reverse()
    example = Example(tuple(segments), "on.load(path)", True, "rest of line")
    sequence = batches._sequence(example, 3.0)
    assert (sequence.answer[-1], sequence.last_weight) == (vocabulary.end, 3.0)
    assert sequence.answer[: len(vocabulary.text(first))] == vocabulary.text(first)


@pytest.mark.parametrize(("kind", "read"), [("typing", {"\n", "\n   "}), ("lines", set())])
def test_lines_that_are_being_typed_end_one_by_one(
    default_weights: Path, kind: str, read: set[str]
):
    vocabulary = Vocabulary(default_weights)
    manifest = read_manifest(models_folder() / "smollm2-135m.toml")
    manifest = msgspec.structs.replace(manifest, fill_in_the_middle=TAUGHT_FORM)
    batches = Batches([Source("python", "a.py", "x = 1\n" * 30)], manifest, vocabulary, seed=1)
    example = Example((Segment("a = 1"),), "if a:\n    b = 2\nc", True, kind)
    sequence = batches._sequence(example, 1.0)
    found = {(sequence.answer[place],) for place in sequence.instead}
    assert found == {tuple(vocabulary.text(text)) for text in read}
    assert {token for token, _ in sequence.instead.values()} <= {vocabulary.end}
