"""LoRA adapters as GGUF, in the form that llama.cpp loads (`convert_lora_to_gguf.py` there)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from tabwright.errors import SpecializationError

Matrices = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""A (rank, inputs) and B (outputs, rank)."""


def write_adapter(
    path: Path, additions: Mapping[str, Matrices], *, architecture: str, alpha: float, name: str
) -> None:
    """Write an adapter, whole or not at all; matrices are stored in half precision.

    The addition to a weight is `alpha / rank * B @ A`.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        writer = gguf.GGUFWriter(unfinished, architecture)
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_name(name)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
        for tensor, (first, second) in additions.items():
            writer.add_tensor(f"{tensor}.lora_a", first.astype(np.float16))
            writer.add_tensor(f"{tensor}.lora_b", second.astype(np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_adapter(path: Path) -> dict[str, Matrices]:
    """Return the matrices of an adapter by the name of the tensor they are added to.

    Raises:
        SpecializationError: the file is missing or no LoRA adapter.
    """
    try:
        reader = gguf.GGUFReader(str(path))
    except (ValueError, OSError, IndexError) as error:
        raise SpecializationError(f"{path} cannot be read as an adapter: {error}.") from error
    parts: dict[str, dict[str, npt.NDArray[np.float32]]] = {}
    for tensor in reader.tensors:
        name, _, which = tensor.name.rpartition(".")
        parts.setdefault(name, {})[which] = gguf.quants.dequantize(
            tensor.data, tensor.tensor_type
        ).astype(np.float32)
    if not parts or any(set(pair) != {"lora_a", "lora_b"} for pair in parts.values()):
        raise SpecializationError(f"{path} is not a LoRA adapter.")
    return {name: (pair["lora_a"], pair["lora_b"]) for name, pair in parts.items()}
