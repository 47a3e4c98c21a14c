"""What a loaded model thinks, token by token, of a text that is known to follow a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tabwright.model.llama import LONGEST_DRAFT, LlamaModel
from tabwright.model.next_token import Logits


@dataclass(frozen=True)
class Step:
    """A token of the known text, and the logits before it."""

    token: int
    must_begin: bytes
    """What is still to be said again of the prompt's healed end; see `split_for_healing`."""
    logits: Logits


@dataclass(frozen=True)
class Likelihood:
    """How likely a model finds a text."""

    nats: float
    """The negative natural logarithm of its probability."""
    tokens: int


def along(
    model: LlamaModel,
    prompt: Sequence[int],
    text: str,
    *,
    heals: bool = True,
    owner: object = "document",
) -> Iterator[Step]:
    """Walk along a text after a prompt, whose end is healed as the server heals it.

    A step's logits are valid until the next one is asked for. The evaluated prompt of an `owner`
    is used again where it begins in the same way.
    """
    tokens, end = model.split_for_healing(list(prompt)) if heals else (list(prompt), b"")
    sequence = model.sequence_for(owner)
    for _ in model.read_prompt(sequence, tokens):
        pass
    length = len(tokens)
    wanted = model.tokenize(end.decode("utf-8", "replace") + text)
    for index, token in enumerate(wanted):
        yield Step(token, end, sequence.heads[length])
        end = end[len(model.token_bytes(token)) :]
        if index + 1 < len(wanted):
            model.advance(sequence, length, token, wanted[index + 1 : index + 1 + LONGEST_DRAFT])
        length += 1


def likelihood(
    model: LlamaModel,
    prompt: Sequence[int],
    text: str,
    *,
    heals: bool = True,
    owner: object = "document",
) -> Likelihood | None:
    """Return how likely a text is after a prompt; None where the healed prompt and the text are
    cut into tokens that do not agree with the prompt's end."""
    nats, count = 0.0, 0
    for step in along(model, prompt, text, heals=heals, owner=owner):
        known = model.next_token(step.logits, step.must_begin).log_probability(step.token)
        if known is None:
            return None
        nats -= known
        count += 1
    return Likelihood(nats, count)
