"""Examples that begin alike, trained on at once: each token of their common beginning is read once.

The sequences of a hole (`examples.py`) form a tree of tokens. A network that attends from each
token to its ancestors only, and counts positions by depth, computes for every sequence exactly what
it would compute for that sequence alone; the attention pattern is that of tree attention for
speculative decoding (SpecInfer, Miao et al. 2023, arXiv 2305.09781), used here for training.
A hole with eight cursors costs hardly more than one with one, and teaches eight times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TokenSequence:
    """One example in tokens."""

    prompt: Sequence[int]
    answer: Sequence[int]
    """To be predicted, the end token included where there is one."""
    last_weight: float = 1.0
    """Of the answer's last prediction."""
    instead: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    """By places in the answer whose tokens are only read: what is to be predicted there, and the
    weight of that."""


@dataclass
class TokenForest:
    """Trees of tokens in one row; parents come before their children."""

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    """The index of the token before; -1 for the first of a prompt."""
    depths: list[int] = field(default_factory=list)
    targets: dict[tuple[int, int], float] = field(default_factory=dict)
    """(index of a token, token that is to follow it) -> weight of that prediction."""
    of_prompts: set[tuple[int, int]] = field(default_factory=set)
    """Those targets that are what a prompt says, not what is to be answered."""

    def __len__(self) -> int:
        return len(self.tokens)

    def join(self, other: TokenForest) -> None:
        """Add another forest's trees behind these."""
        shift = len(self)
        self.tokens += other.tokens
        self.parents += [parent + shift if parent >= 0 else -1 for parent in other.parents]
        self.depths += other.depths
        for (index, token), weight in other.targets.items():
            self.targets[index + shift, token] = weight
        self.of_prompts |= {(index + shift, token) for index, token in other.of_prompts}

    def ancestors(self, size: int) -> npt.NDArray[np.bool_]:
        """Return a (size, size) matrix: row i has True where token i may look, at itself included.

        Rows behind the forest's end look at themselves only, so that no softmax is empty.
        """
        sees = np.eye(size, dtype=np.bool_)
        for index, parent in enumerate(self.parents):
            if parent >= 0:
                sees[index] |= sees[parent]
        return sees


def tree_of(
    sequences: Sequence[TokenSequence],
    *,
    prompt_from: int = 0,
    prompt_weight: float = 0.0,
    is_learned: Callable[[int], bool] = lambda _token: True,
) -> TokenForest:
    """Return the tree of sequences that share their beginnings.

    Args:
        sequences: at least one.
        prompt_from: the tokens of the prompts are to be predicted too from this depth on, the last
            (a control token) excepted.
        prompt_weight: the weight of these predictions; that of the answers' is 1 unless they say
            otherwise.
        is_learned: whether a token of a prompt is to be predicted.
    """
    forest = TokenForest()
    children: dict[tuple[int, int], int] = {}
    for sequence in sequences:
        node = -1
        for depth, token in enumerate((*sequence.prompt, *sequence.answer[:-1])):
            child = children.get((node, token))
            is_prompt = depth < len(sequence.prompt)
            if not is_prompt:
                place = depth - len(sequence.prompt)
                target, weight = sequence.instead.get(place, (token, 1.0))
                forest.targets[node, target] = weight
                forest.of_prompts.discard((node, target))
            elif (
                prompt_weight
                and prompt_from <= depth < len(sequence.prompt) - 1
                and node >= 0
                and (node, token) not in forest.targets
                and is_learned(token)
            ):
                forest.targets[node, token] = prompt_weight
                forest.of_prompts.add((node, token))
            if child is None:
                child = len(forest)
                children[node, token] = child
                forest.tokens.append(token)
                forest.parents.append(node)
                forest.depths.append(depth)
            node = child
        if sequence.answer:
            forest.targets[node, sequence.answer[-1]] = sequence.last_weight
            forest.of_prompts.discard((node, sequence.answer[-1]))
    return forest
