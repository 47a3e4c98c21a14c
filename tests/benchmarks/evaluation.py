"""Do the sums depend on how a text is cut into batches, and what do batches of each size cost?

    python tests/benchmarks/evaluation.py [--tokens 400]

The model process never evaluates a single token, and uses no flash attention on a processor: this
shows why. The logits after a text are compared bit by bit between ways to evaluate it.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from options import model_option, output_option
from reporting import WIDTH, installed_model, machine, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the model process is started
import llama_cpp

_LARGEST_BATCH = 64
_BATCHES = (32, 64, 16, 8, 4, 2, 1)
_ROUNDS = 3


@dataclass(frozen=True)
class Way:
    """One way to evaluate the text."""

    flash_attention: bool
    threads: int
    batch: int
    tokens_per_second: float
    is_same: bool
    """Whether the logits are bit by bit those of batches of 32 with one thread."""
    largest_difference: float


@click.command(context_settings={"max_content_width": 100})
@click.option("--tokens", default=400, show_default=True, type=click.IntRange(min=64, max=2000))
@model_option()
@output_option(__file__)
def main(tokens: int, model: str, output: Path) -> None:
    """Compare batch sizes, threads and kinds of attention: the same sums, and at what speed?"""
    manifest, weights = installed_model(model)
    text = Path(__file__).read_text(encoding="utf-8") * 4
    threads = sorted({1, min(2, os.cpu_count() or 1)})
    log = llama_cpp.llama_log_callback(lambda _level, _text, _data: None)
    llama_cpp.llama_log_set(log, ctypes.c_void_p(0))
    options = llama_cpp.llama_model_default_params()
    options.n_gpu_layers = 0
    options.use_extra_bufts = False
    loaded = llama_cpp.llama_model_load_from_file(str(weights).encode(), options)
    if not loaded:
        raise click.ClickException(f"llama.cpp cannot load {weights}")
    prompt = _tokens(loaded, text)[:tokens]
    ways = []
    for flash_attention in (False, True):
        reference: np.ndarray | None = None
        for count in threads:
            context = _context(loaded, count, len(prompt), flash_attention=flash_attention)
            for batch in _BATCHES:
                seconds, logits = _best(context, loaded, prompt, batch)
                reference = logits if reference is None else reference
                ways.append(
                    Way(
                        flash_attention=flash_attention,
                        threads=count,
                        batch=batch,
                        tokens_per_second=len(prompt) / seconds,
                        is_same=bool(np.array_equal(logits, reference)),
                        largest_difference=float(np.abs(logits - reference).max()),
                    )
                )
            llama_cpp.llama_free(context)
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "tokens": len(prompt),
        "ways": [asdict(way) for way in ways],
    }
    _print(ways)
    write_results(report, output)


def _tokens(model: Any, text: str) -> list[int]:
    vocabulary = llama_cpp.llama_model_get_vocab(model)
    data = text.encode()
    room = (llama_cpp.llama_token * len(data))()
    count = llama_cpp.llama_tokenize(vocabulary, data, len(data), room, len(room), False, False)
    return list(room[:count])


def _context(model: Any, threads: int, tokens: int, *, flash_attention: bool) -> Any:
    options = llama_cpp.llama_context_default_params()
    options.n_ctx = tokens + _LARGEST_BATCH
    options.n_batch = options.n_ubatch = _LARGEST_BATCH
    options.n_threads = options.n_threads_batch = threads
    options.flash_attn_type = (
        llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        if flash_attention
        else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    return llama_cpp.llama_init_from_model(model, options)


def _best(context: Any, model: Any, prompt: Sequence[int], size: int) -> tuple[float, np.ndarray]:
    """Return the seconds of the best round, and the logits after the last token."""
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        _evaluate(context, prompt, size)
        best = min(best, time.perf_counter() - began)
    count = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    row = llama_cpp.llama_get_logits_ith(context, -1)
    return best, np.ctypeslib.as_array(row, shape=(count,)).copy()


def _evaluate(context: Any, prompt: Sequence[int], size: int) -> None:
    """Evaluate a text from scratch; where a batch has two tokens or more, both give logits."""
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    batch = llama_cpp.llama_batch_init(_LARGEST_BATCH, 0, 1)
    starts = list(range(0, len(prompt), size))
    if size > 1 and len(prompt) - starts[-1] == 1:
        starts[-1] -= 1  # no single token is left over
    for start, end in zip(starts, [*starts[1:], len(prompt)], strict=True):
        part = prompt[start:end]
        for index, token in enumerate(part):
            batch.token[index] = token
            batch.pos[index] = start + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = end == len(prompt) and index >= len(part) - 2
        batch.n_tokens = len(part)
        if llama_cpp.llama_decode(context, batch) != 0:
            raise click.ClickException("llama.cpp cannot evaluate a batch")
    llama_cpp.llama_batch_free(batch)


def _print(ways: Sequence[Way]) -> None:
    table = Table(box=SIMPLE_HEAD, title="Evaluating the same text", title_justify="left")
    for title in ("attention", "threads", "batch", "tokens/s", "ms/batch", "sums", "difference"):
        table.add_column(title, justify="left" if title in ("attention", "sums") else "right")
    for way in ways:
        table.add_row(
            "flash" if way.flash_attention else "plain",
            str(way.threads),
            str(way.batch),
            f"{way.tokens_per_second:.0f}",
            f"{1000 * way.batch / way.tokens_per_second:.1f}",
            "the same" if way.is_same else "DIFFER",
            f"{way.largest_difference:.3f}",
        )
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    main()
