from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs `pip install 'tabwright[train]'`")

from specialization.tiny_model import write_tiny_model  # noqa: E402 # after the check
from tabwright.errors import SpecializationError  # noqa: E402
from tabwright.model.llama import LlamaModel, ModelOptions, NativeLog  # noqa: E402
from tabwright.specialization.adapter_file import (  # noqa: E402
    read_adapter,
    write_adapter,
)
from tabwright.specialization.network import Network  # noqa: E402
from tabwright.specialization.packing import TokenForest, TokenSequence, tree_of  # noqa: E402

SEQUENCES = [
    TokenSequence([257, 10, 20, 30, 40, 259], [50, 60, 260]),
    TokenSequence([257, 10, 20, 30, 40, 50, 259], [60, 260]),
    TokenSequence([257, 10, 20, 35, 259], [70, 71, 72]),
]


def network(weights: Path, *, rank: int = 4) -> Network:
    return Network(
        weights,
        rank=rank,
        scale=2.0,
        device=torch.device("cpu"),
        dtype=torch.float32,
        seed=1,
        is_compiled=False,
    )


def loss_of(net: Network, forest: TokenForest, *, length: int = 0) -> float:
    length = length or len(forest)
    padding = [0] * (length - len(forest))
    (places, weights) = zip(*forest.targets.items(), strict=True)
    rows, targets = zip(*places, strict=True)
    with torch.no_grad():
        loss = net.loss(
            torch.tensor([forest.tokens + padding]),
            torch.tensor([forest.depths + padding]),
            torch.from_numpy(forest.ancestors(length))[None],
            torch.tensor(rows),
            torch.tensor(targets),
            torch.tensor(weights),
        )
    return float(loss)


def llama_cpp_loss(weights: Path, adapter: str, sequences: list[TokenSequence]) -> float:
    """The mean cost of all distinct predictions, as the server's own runtime computes them."""
    options = ModelOptions(str(weights), adapter, 256, 1, 1, 0)
    model = LlamaModel(options, NativeLog(), lambda _fraction: None)
    costs: dict[tuple[int, ...], float] = {}
    for sequence in sequences:
        tokens = list(sequence.prompt)
        held = model.sequence_for("test")
        for token in sequence.answer:
            for _ in model.read_prompt(held, tokens):
                pass
            logits = np.asarray(held.heads[len(tokens)], dtype=np.float64)
            costs[(*tokens, token)] = np.logaddexp.reduce(logits) - logits[token]
            tokens.append(token)
    model.close()
    return float(np.mean(list(costs.values())))


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def weights(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.gguf"
    return write_tiny_model(path, architecture=request.param)


def with_random_additions(net: Network) -> Network:
    generator = torch.Generator().manual_seed(5)
    for _, second in net.additions.values():
        second.data.copy_(torch.randn(second.shape, generator=generator) * 0.05)
    return net


def test_a_tree_costs_what_its_sequences_cost_alone(weights):
    net = with_random_additions(network(weights))
    alone = [(loss_of(net, tree_of([each])), len(each.answer)) for each in SEQUENCES]
    mean = sum(loss * count for loss, count in alone) / sum(count for _, count in alone)
    assert loss_of(net, tree_of(SEQUENCES)) == pytest.approx(mean, rel=1e-4)


def test_padding_and_long_rows_change_nothing(weights):
    net = with_random_additions(network(weights))
    plain = loss_of(net, tree_of(SEQUENCES))
    assert loss_of(net, tree_of(SEQUENCES), length=64) == pytest.approx(plain, rel=1e-4)
    assert loss_of(net, tree_of(SEQUENCES), length=520) == pytest.approx(plain, rel=1e-4)


def test_the_base_model_is_the_one_that_llama_cpp_serves(weights):
    served = llama_cpp_loss(weights, "", SEQUENCES)
    assert loss_of(network(weights), tree_of(SEQUENCES)) == pytest.approx(served, rel=2e-3)


@pytest.mark.parametrize("rank", [4, 32])
def test_an_adapter_does_in_llama_cpp_what_it_did_in_training(weights, tmp_path, rank):
    net = with_random_additions(network(weights, rank=rank))
    path = tmp_path / "adapter.gguf"
    write_adapter(
        path,
        {
            name: (first.detach().numpy(), second.detach().numpy())
            for name, (first, second) in net.additions.items()
        },
        architecture=net.dimensions.architecture,
        alpha=2.0 * rank,
        name="test",
    )
    trained, base = loss_of(net, tree_of(SEQUENCES)), llama_cpp_loss(weights, "", SEQUENCES)
    served = llama_cpp_loss(weights, str(path), SEQUENCES)
    assert abs(served - trained) < abs(trained - base) / 5
    known = read_adapter(path)
    assert set(known) == set(net.additions)
    first, second = net.additions["blk.1.ffn_down.weight"]
    np.testing.assert_allclose(known["blk.1.ffn_down.weight"][0], first.detach(), atol=2e-3)
    np.testing.assert_allclose(known["blk.1.ffn_down.weight"][1], second.detach(), atol=2e-3)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no weights at all" * 9])
def test_a_file_of_something_else_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(SpecializationError, match=r"bad\.gguf cannot be read"):
        network(path)
    with pytest.raises(SpecializationError, match=r"bad\.gguf cannot be read"):
        read_adapter(path)


def test_an_unknown_architecture_is_named(tmp_path):
    path = write_tiny_model(tmp_path / "other.gguf", architecture="bloom")
    with pytest.raises(SpecializationError, match="bloom; only llama and qwen2"):
        network(path)


def test_weights_are_no_adapter(weights):
    with pytest.raises(SpecializationError, match="not a LoRA adapter"):
        read_adapter(weights)
