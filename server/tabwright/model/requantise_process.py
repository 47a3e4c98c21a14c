"""The child program behind `requantise`: rewrites a GGUF file and measures both.

Started as `python -P -m tabwright.model.requantise_process SOURCE TARGET FORMAT THREADS ROUNDS`
and short-lived, because llama.cpp stays out of every other process: it may crash natively, and
what it allocates it keeps. Writes TARGET and prints one JSON `Comparison` to stdout.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path

import llama_cpp
import msgspec
import numpy as np

from tabwright.model.requantise import Comparison, Speeds

LONGEST_PROMPT_TOKENS = 512
SMALL_BATCH = 32
"""The server's own prefill step: small, so that a cancelled request stops soon."""
DECODED_TOKENS = 48
_DECIDING_PROMPT_TOKENS = 192
"""Six of the server's batches: enough to tell two formats apart, and soon over."""

FORMATS = {
    "F32": llama_cpp.LLAMA_FTYPE_ALL_F32,
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
}


class LoadedFile:
    """One GGUF file in memory with one context, for measuring only."""

    def __init__(self, path: Path, threads: int) -> None:
        options = llama_cpp.llama_model_default_params()
        options.n_gpu_layers = 0
        options.use_extra_bufts = False  # as `llama.py` serves, see there
        model = llama_cpp.llama_model_load_from_file(str(path).encode(), options)
        if not model:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        self._model = model
        self._vocabulary_size = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(model)
        )
        context_options = llama_cpp.llama_context_default_params()
        context_options.n_ctx = LONGEST_PROMPT_TOKENS + DECODED_TOKENS + SMALL_BATCH
        context_options.n_batch = LONGEST_PROMPT_TOKENS
        context_options.n_ubatch = LONGEST_PROMPT_TOKENS
        context_options.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        context_options.n_threads = threads
        context_options.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(model, context_options)
        if not self._context:
            raise RuntimeError(f"llama.cpp cannot make a context for {path}")
        self._batch = llama_cpp.llama_batch_init(LONGEST_PROMPT_TOKENS, 0, 1)

    def clear(self) -> None:
        """Forget every evaluated token."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)

    def prefill(self, tokens: list[int], batch_size: int) -> float:
        """Evaluate a prompt from scratch and return the tokens per second."""
        self.clear()
        began = time.perf_counter()
        for start in range(0, len(tokens), batch_size):
            self._evaluate(tokens[start : start + batch_size], start)
        return len(tokens) / (time.perf_counter() - began)

    def decode(self, first_position: int, tokens: list[int]) -> float:
        """Evaluate tokens two by two, as the server does, and return the tokens per second."""
        began = time.perf_counter()
        for index in range(0, len(tokens), 2):
            self._evaluate(tokens[index : index + 2], first_position + index)
        return len(tokens) / (time.perf_counter() - began)

    def logits_of_each(self, tokens: list[int]) -> np.ndarray:
        """Return one row of logits per position, shape (tokens, vocabulary)."""
        self.clear()
        rows = []
        for position, token in enumerate(tokens):
            self._evaluate([token], position)
            row = llama_cpp.llama_get_logits_ith(self._context, -1)
            rows.append(np.ctypeslib.as_array(row, shape=(self._vocabulary_size,)).copy())
        return np.stack(rows)

    def tokens_of(self, text: str) -> list[int]:
        """Return the tokens of plain text, no control tokens among them."""
        vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        data = text.encode()
        room = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(vocabulary, data, len(data), room, len(room), False, False)
        return list(room[:count])

    def _evaluate(self, tokens: list[int], first_position: int) -> None:
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = first_position + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = index == len(tokens) - 1
        if llama_cpp.llama_decode(self._context, batch) != 0:
            raise RuntimeError("llama.cpp cannot evaluate a batch")
        llama_cpp.llama_synchronize(self._context)


def measure(
    paths: list[Path],
    threads: int,
    rounds: int,
    *,
    prompt_tokens: int,
    batch_sizes: tuple[int, ...],
) -> list[Speeds]:
    """Measure the files in turn, round by round, so that a busy neighbour slows all alike.

    Raises:
        RuntimeError: llama.cpp cannot load or run one of them.
    """
    files = [LoadedFile(path, threads) for path in paths]
    prompt = [100 + 37 * index % 5000 for index in range(prompt_tokens)]
    following = prompt[:DECODED_TOKENS]
    prefills: list[list[list[float]]] = [[] for _ in files]
    decodes: list[list[float]] = [[] for _ in files]
    for file in files:  # warm up: the first evaluation touches every page of the weights
        file.prefill(prompt[:SMALL_BATCH], SMALL_BATCH)
    for _ in range(rounds):
        for index, file in enumerate(files):
            prefills[index].append([file.prefill(prompt, size) for size in batch_sizes])
            decodes[index].append(file.decode(prompt_tokens, following))
    return [
        Speeds(prefill=tuple(zip(*prefill, strict=True)), decode=tuple(decode))
        for prefill, decode in zip(prefills, decodes, strict=True)
    ]


def requantise(source: Path, target: Path, format_name: str, threads: int) -> None:
    """Write `source` again with every large tensor in another format.

    Raises:
        RuntimeError: llama.cpp refuses; its own log on stderr says why.
    """
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = FORMATS[format_name]
    options.nthread = threads
    options.allow_requantize = True
    refused = llama_cpp.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(options)
    )
    if refused:
        raise RuntimeError(f"llama.cpp could not write {target.name}")


def main(arguments: list[str]) -> None:
    """Do what the module's docstring says."""
    source, target, format_name, threads, rounds = arguments
    llama_cpp.llama_backend_init()
    if llama_cpp.llama_supports_gpu_offload():
        comparison = Comparison(gpu_offload=True)
    else:
        requantise(Path(source), Path(target), format_name, int(threads))
        original, copy = measure(
            [Path(source), Path(target)],
            int(threads),
            int(rounds),
            prompt_tokens=_DECIDING_PROMPT_TOKENS,
            batch_sizes=(SMALL_BATCH,),
        )
        comparison = Comparison(gpu_offload=False, original=original, copy=copy)
    sys.stdout.buffer.write(msgspec.json.encode(comparison))


if __name__ == "__main__":
    main(sys.argv[1:])
