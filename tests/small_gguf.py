"""Small GGUF files, byte by byte: a header, one tensor, its data."""

from __future__ import annotations

import struct
from collections.abc import Mapping

_TEXT = 8
_F32 = 0


def gguf_file(texts: Mapping[str, str], elements: int = 64) -> bytes:
    """A file with some metadata and one tensor of 32-bit floats."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(texts))
    for key, value in texts.items():
        head += _text(key) + struct.pack("<I", _TEXT) + _text(value)
    head += _text("a.weight") + struct.pack("<IQIQ", 1, elements, _F32, 0)
    return head + b"\0" * (-len(head) % 32) + b"\0" * (4 * elements)


def adapter_file() -> bytes:
    """What llama.cpp calls a LoRA adapter, as far as its header goes."""
    return gguf_file({"general.type": "adapter", "adapter.type": "lora"})


def weights_file() -> bytes:
    """A file that is no adapter."""
    return gguf_file({"general.type": "model"})


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data
