"""Write fetched weights once more in a format this machine computes faster, when that pays.

llama.cpp has fast matrix kernels for some formats and not for others, so the smallest file is not
the fastest. `tests/benchmarks/quantisation.py` on SmolLM2-135M, 2 cores with AVX-512 VNNI; speeds
in tokens per second, 2 threads, medians of 5 alternated rounds:

    format   MB    prefill by 32   by 512   decode   same top token   divergence   loss
    Q4_1     98         346          442      129          98.4 %        0.0034     2.935
    F16     271         597        1,144      108          99.8 %        0.0000     2.932
    Q8_0    145         574          926      128          96.4 %        0.0048     2.936
    Q4_0     92         950        1,554      161          72.2 %        0.2982     3.151

The last three columns compare with the same weights as F32, over 500 tokens of Python: the mean
Kullback-Leibler divergence, and the loss on the token that really follows (2.931 as F32), both in
nats. Even the fetched file differs, because its arithmetic rounds activations. So:

- **Candidate.** Only Q8_0, only for a source in a format without such kernels (Q4_1, Q5_0, Q5_1).
  It is not exact, but changes little more than Q4_1's own arithmetic does, and the loss is the
  same. Q4_0 is faster still but answers differently at every fourth token. F16 changes nothing
  but decodes slower, since it moves almost three times the bytes.
- **Size.** Only sources of at most 1,000 MB: the copy takes up to twice as much again, and a file
  of several gigabytes is better chosen in the right format from the start.
- **Evidence.** The copy is measured against its source on the user's own processor, best of five
  alternated rounds, and kept only if prefill in the server's batches is at least 1.3 times as fast
  and decoding at least 0.85 times. A refusal counts for good only if the rounds agree: on a busy
  machine the next `pull` measures again. A build of llama.cpp that computes on a GPU keeps the
  original.

The original always stays, so that `tabwright models verify` can still check what was fetched.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
from pathlib import Path

import msgspec

from tabwright.errors import WeightsDamaged, WeightsUnavailable
from tabwright.model.gguf_file import check_gguf
from tabwright.model.incoming_file import OnProgress, check_free_space, hash_file
from tabwright.model.safe_python import python_module_command
from tabwright.model.source_record import StoredFile

_FASTER_FORMAT = {"Q4_1": "Q8_0", "Q5_0": "Q8_0", "Q5_1": "Q8_0"}
_LARGEST_SOURCE_BYTES = 1_000_000_000
_LEAST_PREFILL_GAIN = 1.3
_LEAST_DECODE_RATIO = 0.85
_ROUNDS = 5
_TIME_LIMIT_SECONDS = 180
_LARGEST_SPREAD = 1.25


class Speeds(msgspec.Struct, frozen=True):
    """What each round measured, in tokens per second."""

    prefill: tuple[tuple[float, ...], ...]
    """For each batch size one figure per round."""
    decode: tuple[float, ...]


class Comparison(msgspec.Struct, frozen=True):
    """What the child program found."""

    gpu_offload: bool
    """True when this build of llama.cpp computes on a GPU; then nothing was written."""
    original: Speeds | None = None
    copy: Speeds | None = None


class CopyDecision(msgspec.Struct, frozen=True):
    """Whether there is a faster copy now, and why."""

    copy: StoredFile | None
    reason: str
    is_final: bool = True
    """False when another try may end otherwise, for example with more room on the disk."""


def make_faster_copy(folder: Path, original: StoredFile, on_progress: OnProgress) -> CopyDecision:
    """Make the faster copy if it pays, and say what was decided.

    Raises nothing when no copy can be made: the original serves as well, only slower. An
    interruption leaves no copy behind.
    """
    wanted = _FASTER_FORMAT.get(original.quantisation)
    if wanted is None:
        return CopyDecision(
            None, f"{original.quantisation} has no faster format that keeps its quality."
        )
    if original.size > _LARGEST_SOURCE_BYTES:
        return CopyDecision(None, "The file is too large for a second copy to be worth its space.")
    try:
        check_free_space(folder, 2 * original.size)
    except WeightsUnavailable:
        return CopyDecision(None, "The disk has no room for a faster copy.", is_final=False)
    destination = folder / f"{Path(original.name).stem}.as-{wanted}.gguf"
    partial = destination.with_name(f"{destination.name}.partial")
    on_progress(f"measuring {wanted} on this machine", 0, 0)
    try:
        comparison = _compare(folder / original.name, partial, wanted)
        is_worth_it, is_final, reason = _judge(comparison, wanted)
        if not is_worth_it:
            return CopyDecision(None, reason, is_final=is_final)
        check_gguf(partial)
        partial.replace(destination)
        copy = StoredFile(
            name=destination.name,
            size=destination.stat().st_size,
            sha256=hash_file(destination, on_progress),
            quantisation=wanted,
        )
        return CopyDecision(copy, reason)
    except (_NotMadeError, OSError, WeightsDamaged) as error:
        return CopyDecision(None, f"A faster copy could not be made: {error}.", is_final=False)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


class _NotMadeError(Exception):
    """The child program failed; the message is the end of what it said."""


def _compare(source: Path, target: Path, wanted: str) -> Comparison:
    command = [
        *python_module_command("tabwright.model.requantise_process"),
        *(str(source), str(target), wanted, str(_threads()), str(_ROUNDS)),
    ]
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIME_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _NotMadeError(f"it took longer than {_TIME_LIMIT_SECONDS} seconds") from error
    if child.returncode != 0:
        lines = child.stderr.decode(errors="replace").strip().splitlines()
        raise _NotMadeError(lines[-1] if lines else f"exit status {child.returncode}")
    try:
        return msgspec.json.decode(child.stdout, type=Comparison)
    except msgspec.DecodeError as error:
        raise _NotMadeError(str(error)) from error


def _judge(comparison: Comparison, wanted: str) -> tuple[bool, bool, str]:
    """Return whether the copy pays, whether that can be believed, and the reason."""
    original, copy = comparison.original, comparison.copy
    if comparison.gpu_offload or original is None or copy is None:
        return False, True, "This build of llama.cpp computes on a GPU, where the original is fast."
    # The best rounds: what else runs on the machine can only slow one down.
    old_prefill, new_prefill = max(original.prefill[0]), max(copy.prefill[0])
    old_decode, new_decode = max(original.decode), max(copy.decode)
    is_worth_it = (
        new_prefill >= _LEAST_PREFILL_GAIN * old_prefill
        and new_decode >= _LEAST_DECODE_RATIO * old_decode
    )
    is_steady = all(
        _is_steady(rounds)
        for rounds in (original.prefill[0], copy.prefill[0], original.decode, copy.decode)
    )
    reason = (
        f"Measured here, {wanted} reads prompts at {new_prefill / old_prefill:.2f} times and writes"
        f" at {new_decode / old_decode:.2f} times the original's speed ({new_prefill:.0f} against"
        f" {old_prefill:.0f} and {new_decode:.0f} against {old_decode:.0f} tokens/s)."
    )
    if not is_worth_it and not is_steady:
        reason += " The machine was busy; `tabwright models pull` measures again."
    return is_worth_it, is_worth_it or is_steady, reason


def _is_steady(rounds: tuple[float, ...]) -> bool:
    """Tell whether the rounds agree, so that even the best of them can be believed."""
    return max(rounds) <= _LARGEST_SPREAD * statistics.median(rounds)


def _threads() -> int:
    """Return half the usable cores, four at most.

    llama.cpp's threads wait for one another at every step, so with a thread on every core one busy
    neighbour slows a measurement tenfold and makes it worthless.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(4, cores // 2))
