"""Telling a whole GGUF file from a damaged one by its header."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from model.hub_server import gguf_bytes
from tabwright.errors import WeightsDamaged
from tabwright.model.gguf_file import check_gguf

WHOLE = gguf_bytes(1000)


def check_damaged(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    with pytest.raises(WeightsDamaged, match=words):
        check_gguf(path)


def test_a_whole_file_passes(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(WHOLE)
    check_gguf(path)
    path.write_bytes(WHOLE + b"padding")
    check_gguf(path)


@pytest.mark.parametrize("missing", [1, 500, 1000])
def test_missing_tensor_data_is_noticed(tmp_path: Path, missing: int) -> None:
    check_damaged(tmp_path, WHOLE[:-missing], "cut short")


@pytest.mark.parametrize("length", [4, 8, 20, 30, 40, 60, 80])
def test_a_header_that_ends_early_is_noticed(tmp_path: Path, length: int) -> None:
    check_damaged(tmp_path, WHOLE[:length], r"damaged GGUF header|cut short")


@pytest.mark.parametrize("data", [b"", b"GGU", b"<html>", b"\0" * 100])
def test_something_else_is_noticed(tmp_path: Path, data: bytes) -> None:
    check_damaged(tmp_path, data, "not a GGUF file")


def test_absurd_numbers_neither_hang_nor_fill_the_memory(tmp_path: Path) -> None:
    check_damaged(tmp_path, b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60), "impossible counts")
    check_damaged(tmp_path, b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 2**62), "impossibly long")
    check_damaged(tmp_path, b"GGUF" + struct.pack("<IQQ", 0x03000000, 1, 1), "not supported")


def test_arrays_and_alignment_are_read(tmp_path: Path) -> None:
    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 3)
    header += text(b"tokens") + struct.pack("<IIQ", 9, 8, 2) + text(b"a") + text(b"bc")
    header += text(b"scores") + struct.pack("<IIQ", 9, 6, 3) + struct.pack("<3f", 1, 2, 3)
    header += text(b"general.alignment") + struct.pack("<II", 4, 64)
    header += text(b"w") + struct.pack("<I2QIQ", 2, 64, 2, 8, 0)  # Q8_0: 4 blocks of 34 bytes
    whole = header + b"\0" * (-len(header) % 64) + b"\1" * (4 * 34)
    path = tmp_path / "model.gguf"
    path.write_bytes(whole)
    check_gguf(path)
    check_damaged(tmp_path, whole[:-1], "cut short")
