"""Is this a whole GGUF file? Reads its header only; the tensor data is never loaded.

The layout is in llama.cpp's `docs/gguf.md` (ggml project, "GGUF File structure"): magic, version,
two counts, key-value pairs, tensor descriptions, padding, tensor data. A truncated download has a
good header, so the check that matters is where the last tensor ends.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from tabwright.errors import WeightsDamaged

_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING = 8
_ARRAY = 9
_UINT32 = 4

# ggml type number: (elements per block, bytes per block), from ggml.c's `type_traits`.
_TENSOR_TYPES = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    9: (32, 36),  # Q8_1
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    15: (256, 292),  # Q8_K
    20: (32, 18),  # IQ4_NL
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    30: (1, 2),  # BF16
}
_LONGEST = 1 << 28  # no string, array or count of a real header comes near this


def check_gguf(path: Path) -> None:
    """Check the magic, the version, the header, and that all tensor data lies within the file.

    Raises:
        WeightsDamaged: the file is no GGUF file or ends too early; the message is one sentence.
        OSError: the file cannot be read.
    """
    _checked_texts(path)


def check_adapter(path: Path) -> None:
    """Check the same of a LoRA adapter, and that the file says that it is one.

    Raises:
        WeightsDamaged: it is no GGUF file, ends too early, or holds something else.
        OSError: the file cannot be read.
    """
    texts = _checked_texts(path)
    if texts.get(b"general.type") != b"adapter" or texts.get(b"adapter.type") != b"lora":
        raise WeightsDamaged(f"{path.name} is a GGUF file, but no LoRA adapter.")


def _checked_texts(path: Path) -> dict[bytes, bytes]:
    """Check a file as `check_gguf` does and return the texts that its header holds."""
    size = path.stat().st_size
    texts: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise WeightsDamaged(f"{path.name} is not a GGUF file.")
        try:
            needed = _end_of_tensor_data(file, texts)
        except (struct.error, ValueError, UnicodeDecodeError) as error:
            raise WeightsDamaged(f"{path.name} has a damaged GGUF header: {error}.") from error
    if needed > size:
        raise WeightsDamaged(
            f"{path.name} is cut short: its tensors need {needed:,} bytes and it has {size:,}."
        )
    return texts


def _end_of_tensor_data(file: BinaryIO, texts: dict[bytes, bytes]) -> int:
    version, tensor_count, pair_count = _unpack(file, "<IQQ")
    if version not in (2, 3):
        # Version 1 had other integer sizes; a huge number means a big-endian file.
        raise ValueError(f"version {version} is not supported")
    if tensor_count > _LONGEST or pair_count > _LONGEST:
        raise ValueError("impossible counts")
    alignment = 32
    for _ in range(pair_count):
        key = _string(file)
        (value_type,) = _unpack(file, "<I")
        if key == b"general.alignment" and value_type == _UINT32:
            (alignment,) = _unpack(file, "<I")
            continue
        if value_type == _STRING:
            texts[key] = _string(file)
            continue
        _skip_value(file, value_type)
    if alignment == 0:
        raise ValueError("an alignment of 0")
    if tensor_count == 0:
        return file.tell()  # a vocabulary alone, which nothing need follow
    longest_end = 0
    for _ in range(tensor_count):
        longest_end = max(longest_end, _tensor_end(file))
    start = -(-file.tell() // alignment) * alignment
    return start + longest_end


def _tensor_end(file: BinaryIO) -> int:
    _string(file)
    (dimensions,) = _unpack(file, "<I")
    if dimensions > 8:
        raise ValueError(f"a tensor of {dimensions} dimensions")
    elements = 1
    for length in _unpack(file, f"<{dimensions}Q"):
        elements *= length
    tensor_type, offset = _unpack(file, "<IQ")
    # A type this table does not know counts as empty: newer formats must not look damaged.
    per_block, block_bytes = _TENSOR_TYPES.get(tensor_type, (1, 0))
    return int(offset) + elements // per_block * block_bytes


def _skip_value(file: BinaryIO, value_type: int) -> None:
    if value_type in _SCALAR_BYTES:
        file.seek(_SCALAR_BYTES[value_type], 1)
    elif value_type == _STRING:
        _string(file)
    elif value_type == _ARRAY:
        item_type, count = _unpack(file, "<IQ")
        if count > _LONGEST:
            raise ValueError("an impossibly long array")
        if item_type in _SCALAR_BYTES:
            file.seek(_SCALAR_BYTES[item_type] * count, 1)
        else:
            for _ in range(count):
                _skip_value(file, item_type)
    else:
        raise ValueError(f"unknown value type {value_type}")


def _string(file: BinaryIO) -> bytes:
    (length,) = _unpack(file, "<Q")
    if length > _LONGEST:
        raise ValueError("an impossibly long string")
    text = file.read(length)
    if len(text) < length:
        raise ValueError("it ends inside a string")
    return text


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
