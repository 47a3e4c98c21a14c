"""The network of a Llama-like GGUF model in PyTorch, frozen, with trainable low-rank additions.

Written here rather than taken from `transformers` and `peft`, because it attends along trees
(`packing.py`), computes logits only where something is to be predicted, works on the tensors as
GGUF has them (so that an adapter needs no conversion), and compiles to one function for all layers.

LoRA: Hu et al. 2021, arXiv 2106.09685. Architecture: Touvron et al. 2023, arXiv 2302.13971.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import torch
from torch.nn import functional

from tabwright.errors import SpecializationError

ADAPTED = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""The linear layers of a block that get an addition."""

_INTERLEAVED = {"llama"}
"""Architectures whose rotary pairs are neighbours in GGUF; of the others they are halves apart."""
ARCHITECTURES = ("llama", "qwen2")
_LONGEST_WHOLE = 512


@dataclass(frozen=True)
class Dimensions:
    """What the file says about its network."""

    architecture: str
    layers: int
    width: int
    heads: int
    key_heads: int
    head_width: int
    rope_base: float
    norm_epsilon: float
    longest_context: int


Pair = tuple[torch.nn.Parameter, torch.nn.Parameter]
"""A (rank, inputs) and B (outputs, rank), float32."""


class Network:
    """A frozen base model and its additions.

    Raises:
        SpecializationError: the file is of an architecture that is not known here.
    """

    def __init__(
        self,
        weights: Path,
        *,
        rank: int,
        scale: float,
        device: torch.device,
        dtype: torch.dtype,
        seed: int,
        is_compiled: bool,
    ) -> None:
        self.rank, self.scale = rank, scale
        self.device, self.dtype = device, dtype
        fields, tensors = _read(weights)
        self.dimensions = _dimensions(fields, weights)
        self.embedding = self._tensor(tensors, "token_embd.weight")
        self.output = (
            self._tensor(tensors, "output.weight") if "output.weight" in tensors else self.embedding
        )
        self.output_norm = self._tensor(tensors, "output_norm.weight")
        generator = torch.Generator().manual_seed(seed)
        self.additions: dict[str, Pair] = {}
        self._blocks: list[tuple[torch.Tensor, ...]] = []
        self._biases: list[tuple[torch.Tensor | None, ...]] = []
        for index in range(self.dimensions.layers):
            name = f"blk.{index}."
            norms = [self._tensor(tensors, f"{name}{each}_norm.weight") for each in ("attn", "ffn")]
            linear = [self._tensor(tensors, f"{name}{each}.weight") for each in ADAPTED]
            self._blocks.append((*norms, *linear))
            self._biases.append(
                tuple(
                    self._tensor(tensors, f"{name}{each}.bias")
                    if f"{name}{each}.bias" in tensors
                    else None
                    for each in ("attn_q", "attn_k", "attn_v")
                )
            )
            for each, weight in zip(ADAPTED, linear, strict=True):
                self.additions[f"{name}{each}.weight"] = self._fresh_pair(weight, generator)
        self._layer = torch.compile(_layer, dynamic=False) if is_compiled else _layer
        self._loss = torch.compile(_loss, dynamic=True) if is_compiled else _loss

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """Yield what is trained, in a fixed order."""
        for first, second in self.additions.values():
            yield first
            yield second

    def loss(
        self,
        tokens: torch.Tensor,
        depths: torch.Tensor,
        sees: torch.Tensor,
        rows: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        """Return the weighted mean of the predictions' costs, in nats.

        Args:
            tokens: (batch, length) ids.
            depths: (batch, length) positions.
            sees: (batch, length, length) booleans, see `TokenForest.ancestors`.
            rows: (predictions,) indices into the flattened (batch * length).
            targets: (predictions,) ids.
            weights: (predictions,) float32.
        """
        hidden = self._hidden(tokens, depths, sees)
        chosen = hidden.reshape(-1, hidden.shape[-1])[rows]
        loss: torch.Tensor = self._loss(chosen, self.output, targets, weights)
        return loss

    def _hidden(
        self, tokens: torch.Tensor, depths: torch.Tensor, sees: torch.Tensor
    ) -> torch.Tensor:
        size = self.dimensions
        half = size.head_width // 2
        speeds = size.rope_base ** (-torch.arange(half, device=self.device) / half)
        angles = depths[:, None, :, None].float() * speeds
        cosine, sine = angles.cos().to(self.dtype), angles.sin().to(self.dtype)
        mask = torch.zeros(sees.shape, device=self.device)
        mask = mask.masked_fill(~sees, -1e9)[:, None, None]
        hidden = functional.embedding(tokens, self.embedding)
        for index, block in enumerate(self._blocks):
            pairs = [self.additions[f"blk.{index}.{name}.weight"] for name in ADAPTED]
            low = [part.to(self.dtype) for pair in pairs for part in pair]
            hidden = self._layer(
                hidden, cosine, sine, mask, block, low, self._biases[index], self.scale, size
            )
        return _norm(hidden, self.output_norm, size.norm_epsilon)

    def _fresh_pair(self, weight: torch.Tensor, generator: torch.Generator) -> Pair:
        outputs, inputs = weight.shape
        bound = 1 / math.sqrt(inputs)
        first = (torch.rand((self.rank, inputs), generator=generator) * 2 - 1) * bound
        second = torch.zeros((outputs, self.rank))
        return (
            torch.nn.Parameter(first.to(self.device)),
            torch.nn.Parameter(second.to(self.device)),
        )

    def _tensor(self, tensors: dict[str, Any], name: str) -> torch.Tensor:
        found = tensors.get(name)
        if found is None:
            raise SpecializationError(f"The weights have no tensor {name}; they cannot be trained.")
        values = gguf.quants.dequantize(found.data, found.tensor_type)
        return torch.from_numpy(values.copy()).to(self.device, self.dtype)


def _read(weights: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        reader = gguf.GGUFReader(str(weights))
    except (ValueError, OSError, IndexError) as error:
        raise SpecializationError(f"{weights} cannot be read as GGUF: {error}.") from error
    fields = {
        name: field.contents()
        for name, field in reader.fields.items()
        if not name.startswith("tokenizer.")
    }
    return fields, {tensor.name: tensor for tensor in reader.tensors}


def _dimensions(fields: dict[str, Any], weights: Path) -> Dimensions:
    architecture = str(fields.get("general.architecture"))
    if architecture not in ARCHITECTURES:
        known = " and ".join(ARCHITECTURES)
        raise SpecializationError(
            f"{weights.name} is of the architecture {architecture}; only {known} can be trained."
        )

    def field(name: str, default: object = None) -> Any:
        return fields.get(f"{architecture}.{name}", default)

    width, heads = int(field("embedding_length")), int(field("attention.head_count"))
    return Dimensions(
        architecture=architecture,
        layers=int(field("block_count")),
        width=width,
        heads=heads,
        key_heads=int(field("attention.head_count_kv", heads)),
        head_width=int(field("attention.key_length", width // heads)),
        rope_base=float(field("rope.freq_base", 10_000.0)),
        norm_epsilon=float(field("attention.layer_norm_rms_epsilon", 1e-5)),
        longest_context=int(field("context_length", 2048)),
    )


def _norm(hidden: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    wide = hidden.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    return wide.to(hidden.dtype) * weight


def _rotated(
    heads: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor, *, interleaved: bool
) -> torch.Tensor:
    """Rotate (batch, heads, length, width) by its positions (Su et al. 2021, arXiv 2104.09864)."""
    if interleaved:
        even, odd = heads[..., 0::2], heads[..., 1::2]
        pairs = (even * cosine - odd * sine, odd * cosine + even * sine)
        return torch.stack(pairs, dim=-1).flatten(-2)
    first, second = heads.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def _layer(
    hidden: torch.Tensor,
    cosine: torch.Tensor,
    sine: torch.Tensor,
    mask: torch.Tensor,
    block: tuple[torch.Tensor, ...],
    low: list[torch.Tensor],
    biases: tuple[torch.Tensor | None, ...],
    scale: float,
    size: Dimensions,
) -> torch.Tensor:
    """One block on (batch, length, width)."""
    batch, length, width = hidden.shape
    attention_norm, feed_norm, *weights = block
    interleaved = size.architecture in _INTERLEAVED

    def linear(inputs: torch.Tensor, which: int) -> torch.Tensor:
        base = inputs @ weights[which].t()
        if which < len(biases) and (bias := biases[which]) is not None:
            base = base + bias
        inner = inputs @ low[2 * which].t()
        return torch.addmm(base, inner, low[2 * which + 1].t(), alpha=scale)

    inputs = _norm(hidden, attention_norm, size.norm_epsilon).view(batch * length, width)
    shape = (batch, length, -1, size.head_width)
    query, key, value = (linear(inputs, which).view(shape).transpose(1, 2) for which in range(3))
    query = _rotated(query, cosine, sine, interleaved=interleaved) * size.head_width**-0.5
    key = _rotated(key, cosine, sine, interleaved=interleaved)
    seen = _attended(query, key, value, mask, size)
    joined = seen.transpose(1, 2).reshape(batch * length, size.heads * size.head_width)
    hidden = hidden + linear(joined, 3).view(batch, length, width)
    inputs = _norm(hidden, feed_norm, size.norm_epsilon).view(batch * length, width)
    inner = functional.silu(linear(inputs, 4)) * linear(inputs, 5)
    return hidden + linear(inner, 6).view(batch, length, width)


def _attended(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    size: Dimensions,
) -> torch.Tensor:
    """Attend from (batch, heads, length, width) queries, which are scaled already, as `mask` lets.

    Short rows multiply whole matrices, which is what AMX is for; long ones go by blocks.
    """
    batch, _, length, _ = query.shape
    group = size.heads // size.key_heads
    if length > _LONGEST_WHOLE:
        return functional.scaled_dot_product_attention(
            query,
            key.repeat_interleave(group, dim=1),
            value.repeat_interleave(group, dim=1),
            attn_mask=mask[:, 0].to(query.dtype),
            scale=1.0,
        )
    grouped = (batch, size.key_heads, group * length, size.head_width)
    scores = query.reshape(grouped) @ key.transpose(-1, -2)
    scores = scores.view(batch, size.key_heads, group, length, length).float() + mask
    seen = torch.softmax(scores, -1).to(query.dtype).view(*grouped[:3], length) @ value
    return seen.view(batch, size.heads, length, size.head_width)


def _loss(
    hidden: torch.Tensor, output: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    logits = (hidden @ output.t()).float()
    costs = functional.cross_entropy(logits, targets, reduction="none")
    return (costs * weights).sum() / weights.sum().clamp(min=1e-6)
