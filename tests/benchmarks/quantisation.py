"""Which quantisation of a model is fastest on this machine, and what does converting cost?

    python tests/benchmarks/quantisation.py [--model ID] [--threads 2] [--rounds 5] [--json FILE]

Takes the weights as they were fetched, writes them again as F16, Q8_0 and Q4_0 into a temporary
folder, and measures all of them round by round in turn, so that a busy neighbour slows all alike.

The last columns compare each with the same weights as F32, which holds the fetched file's values
exactly and computes without rounding activations: how often the likeliest next token is the same,
the mean Kullback-Leibler divergence in nats, and the mean loss on the token that really follows,
over positions in code. The fetched file's own row shows what its arithmetic alone changes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reporting import processor
from rich.console import Console
from rich.table import Table

from tabwright.model import requantise_process
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.requantise_process import LoadedFile, measure, requantise
from tabwright.model.weights import require_weights, stored_files, weights_folder

COMPARED_TOKENS = 500


def main() -> None:
    """Measure, print a table, and write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="id of an installed model; the default model when absent")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()

    catalogue = read_catalogue(catalogue_folders())
    manifest = catalogue.get(options.model) if options.model else catalogue.default
    original = require_weights(manifest)
    if record := stored_files(manifest):
        original = weights_folder(manifest) / record.original.name
    with tempfile.TemporaryDirectory() as temporary:
        paths = {manifest.weights.quantisation: original}
        for name in ("F16", "Q8_0", "Q4_0"):
            paths[name] = Path(temporary) / f"{name}.gguf"
            requantise(original, paths[name], name, options.threads)
        load_before = os.getloadavg()[0]
        speeds = measure(
            list(paths.values()),
            options.threads,
            options.rounds,
            prompt_tokens=512,
            batch_sizes=(32, 512),
        )
        exact = Path(temporary) / "F32.gguf"
        requantise(original, exact, "F32", options.threads)
        exact_change, *changes = _changes([exact, *paths.values()], options.threads)
        rows = [
            {
                "quantisation": name,
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "prefill_batches_of_32": round(statistics.median(speed.prefill[0]), 1),
                "prefill_one_batch_of_512": round(statistics.median(speed.prefill[1]), 1),
                "decode": round(statistics.median(speed.decode), 1),
                "same_top_token": round(change.same_top_token, 4),
                "divergence_nats": round(change.divergence, 6),
                "loss_nats_per_token": round(change.loss, 4),
            }
            for (name, path), speed, change in zip(paths.items(), speeds, changes, strict=True)
        ]
    report = {
        "model": manifest.id,
        "threads": options.threads,
        "rounds": options.rounds,
        "processor": processor(),
        "load_average_before": load_before,
        "exact_loss_nats_per_token": round(exact_change.loss, 4),
        "rows": rows,
    }
    _print(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


@dataclass(frozen=True)
class _Change:
    same_top_token: float
    divergence: float
    loss: float


def _changes(paths: list[Path], threads: int) -> list[_Change]:
    """Compare the next-token distributions of each file with the first one's, over real code."""
    text = Path(requantise_process.__file__).read_text()
    tokens = LoadedFile(paths[0], threads).tokens_of(text)[:COMPARED_TOKENS]
    reference: np.ndarray | None = None
    changes = []
    for path in paths:
        found = _log_probabilities(LoadedFile(path, threads), tokens)
        if reference is None:
            reference = found
        changes.append(
            _Change(
                same_top_token=float((found.argmax(axis=1) == reference.argmax(axis=1)).mean()),
                divergence=float((np.exp(reference) * (reference - found)).sum(axis=1).mean()),
                loss=float(-found[np.arange(len(tokens) - 1), tokens[1:]].mean()),
            )
        )
    return changes


def _log_probabilities(file: LoadedFile, tokens: list[int]) -> np.ndarray:
    logits = file.logits_of_each(tokens).astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _print(report: dict[str, object]) -> None:
    table = Table(title=f"{report['model']}: tokens/s with {report['threads']} threads")
    rows = report["rows"]
    assert isinstance(rows, list)
    titles = ("", "MB", "prefill by 32", "prefill 512", "decode", "same top", "KL", "loss")
    for title in titles:
        table.add_column(title, justify="right" if title else "left")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    table.caption = f"loss as F32: {report['exact_loss_nats_per_token']}"
    Console().print(table)


if __name__ == "__main__":
    main()
