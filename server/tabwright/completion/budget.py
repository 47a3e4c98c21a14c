"""How much a model may read and write: from its measured speed and the time a person waits.

The figures go up in steps, so that a measurement that comes out a little differently leaves every
prompt, and with it every suggestion, as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.settings import CompletionSettings

CONTEXT_STEPS = (256, 384, 512, 768, 1024, 1536, 2048, 3072)
_LINE_STEPS = (16, 24, 32, 48, 64)
_BLOCK_STEPS = (32, 48, 64, 96, 128, 192, 256)
_WAITS_PER_PROMPT = 8
"""A whole prompt may take this many waits to read: that happens when a file is opened or the
cursor jumps, mostly before the question comes, while a key brings but a few new tokens."""
_WAITS_PER_LINE = 2
"""A suggestion ends early where the model is not sure; few lines are written to this bound."""
_WAITS_PER_BLOCK = 8
_TOKENS_PER_BLOCK_LINE = 16


@dataclass(frozen=True)
class Speeds:
    """How fast a model is on this machine, in tokens per second."""

    read: float
    write: float


UNMEASURED = Speeds(read=400.0, write=60.0)
"""What is assumed until a model was measured: a small one on a laptop."""


@dataclass(frozen=True)
class Budget:
    """The bounds of a prompt and its answers, in tokens."""

    context_tokens: int
    line_tokens: int
    block_tokens: int


def budget_for(settings: CompletionSettings, speeds: Speeds, *, is_automatic: bool) -> Budget:
    """Return what fits the time that a person waits at these speeds.

    The context is the same for both kinds of request: they share the prompt they have read.
    """
    context = settings.context_tokens
    if context == "auto":
        context = _step(CONTEXT_STEPS, speeds.read * settings.wait_seconds * _WAITS_PER_PROMPT)
    wait = settings.wait_seconds if is_automatic else settings.wait_by_hand_seconds
    block = _step(_BLOCK_STEPS, speeds.write * wait * _WAITS_PER_BLOCK)
    return Budget(
        context_tokens=context,
        line_tokens=_step(_LINE_STEPS, speeds.write * wait * _WAITS_PER_LINE),
        block_tokens=min(block, settings.max_lines * _TOKENS_PER_BLOCK_LINE),
    )


def _step(steps: tuple[int, ...], value: float) -> int:
    """Return the highest step that is not above the value, or the lowest."""
    return max((step for step in steps if step <= value), default=steps[0])
