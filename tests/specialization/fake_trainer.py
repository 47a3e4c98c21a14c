"""A training process without training: `python fake_trainer.py MODE` behaves as MODE says.

It speaks as the real one does: a line of JSON in, lines of JSON out, and the end of its standard
input means that it is to keep a checkpoint and end.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path

import msgspec

from tabwright.specialization.training_messages import (
    NotTrained,
    Progress,
    Report,
    Trained,
    Training,
)


def say(report: Report) -> None:
    print(msgspec.json.encode(report).decode(), flush=True)


def an_adapter(content: str) -> bytes:
    """Return the smallest file that is a LoRA adapter by its header."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    pairs = {"general.type": "adapter", "adapter.type": "lora", "general.name": content}
    body = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in pairs.items())
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body + b"\0" * 64


def finish(training: Training, checkpoint: Path) -> None:
    learned = checkpoint.read_text() if checkpoint.exists() else "from the start"
    Path(training.output_path).write_bytes(an_adapter(f"{training.seed} {learned}"))
    say(Trained(100, 60.0, 2000, 500, 2.5, 1.5, "cpu", "float32", "0", 0.75))


def main(mode: str) -> None:
    training = msgspec.json.decode(sys.stdin.readline(), type=Training)
    checkpoint = Path(training.checkpoint_path)
    if mode not in {"says nothing", "is silent for a while"}:
        say(Progress("training", 25, 100, 30.0, 90.0, 500, 2.0))
    match mode:
        case "normally":
            print("a library prints something")
            say(Progress("training", 90, 100, 110.0, 10.0, 1800, 1.8, 1.6))
            finish(training, checkpoint)
        case "crashes":
            raise ValueError("the tensors do not fit")
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wants memory" | "wants much memory":
            hoard = bytearray(os.urandom(1 << 20)) * (400 if mode == "wants memory" else 800)
            time.sleep(600)
            del hoard
        case "fills the disk":
            raise OSError(28, "No space left on device")
        case "says nothing":
            time.sleep(600)
        case "is silent for a while":
            time.sleep(4)
            finish(training, checkpoint)
        case "says why it failed":
            say(NotTrained("memory", "no GPU has 40 GB"))
            time.sleep(600)
        case _:
            end_otherwise(mode, checkpoint)


def end_otherwise(mode: str, checkpoint: Path) -> None:
    match mode:
        case "leaves no model":
            say(Trained(0, 0.0, 0, 0, 0.0, 0.0, "cpu", "float32", "0"))
        case "waits":
            sys.stdin.read()
            checkpoint.write_text("from a checkpoint")
        case "ignores its end":
            threading.Event().wait(600)
        case _:
            raise SystemExit(f"no such mode: {mode}")


if __name__ == "__main__":
    main(sys.argv[1])
