"""What the process that trains is told, and what it says: one JSON object per line.

The command that starts it needs neither PyTorch nor this machine's patience: it passes `Training`
on the child's stdin and reads `Progress` until there is `Trained` or `NotTrained`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from tabwright.model.manifest import Manifest


class Training(msgspec.Struct, frozen=True, tag=True):
    """One run: what is trained on what, for how long, and where the result goes."""

    manifest: Manifest
    """Of the model to be: its prompt layout is what the examples look like."""
    weights_path: str
    """The base model as GGUF; it is not changed."""
    corpus_path: str
    """JSON lines with `language`, `path` and `text`, and with `package` where there are several."""
    held_out_path: str
    """The same, never trained on; the held-out loss is measured on it."""
    output_path: str
    """The LoRA adapter as GGUF; appears when the run has ended, whole."""
    adapter_path: str = ""
    """The adapter to go on from, of the same rank; empty starts from the base model."""
    checkpoint_path: str = ""
    """Where the run is kept every minute, and resumed from when it is there; empty for nowhere."""
    minutes: float = 20.0
    """How long to train; with `steps`, only a name."""
    steps: int = 0
    """How many steps to take. 0 finds out what `minutes` allow by timing the first few, which
    makes the result depend on the machine's speed; the count is in `Trained`, to repeat it."""
    seed: int = 1
    rank: int = 32
    learning_rate: float = 1e-3
    learns_prompts: bool = False
    """Whether what prompts say is learned whole, line ends apart, as of a code base, and the result
    is taken from between start and end, where held-out text is likeliest; else some of what prompts
    say is learned, as of a language, and the end is the result."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    """0 for all cores."""
    ends_with: str = ""
    """The control token that ends a middle; empty for the model's own end-of-sequence token."""
    excerpts_folder: str = ""
    """Where the packages of the corpus are laid out, so that most long examples see excerpts of the
    other files of theirs, as the server shows them; for their owner alone, and deleted at the end.
    Empty for examples without excerpts."""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Where a run is."""

    phase: Literal["loading", "timing", "training", "choosing", "writing"]
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Trained for so long, earlier parts of a resumed run included."""
    seconds_left: float = 0.0
    tokens: int = 0
    loss: float | None = None
    """Of the middles of the last steps, in nats per token."""
    held_out_loss: float | None = None
    """The same on held-out text, where it was just measured."""


class Trained(msgspec.Struct, frozen=True, tag=True):
    """A run that came to its end; the adapter is written."""

    steps: int
    seconds: float
    tokens: int
    learned_tokens: int
    """How many of them were to be predicted, the middles and the ends."""
    held_out_loss_before: float
    held_out_loss: float
    device: str
    precision: str
    torch_version: str
    share: float = 1.0
    """How much of the way from start to end was kept, above 0 to 1."""


class NotTrained(msgspec.Struct, frozen=True, tag=True):
    """A run that cannot go on; what was there before is as it was."""

    kind: Literal["input", "memory", "disk", "other"]
    message: str
    """One sentence for a person."""


Report: TypeAlias = Progress | Trained | NotTrained
