"""The model and some guesses of how its answer goes on, mixed. Runs in the model process only.

Each guess is an expert that knows one text and is sure of it; the model is an expert that knows a
little about every text. They are mixed as Bayes has it: a guess starts with the probability that
its sender gives it, the model with the rest; the probability of a token is the weighted mean of
what the experts give it; and after each token, each expert's weight is multiplied by what it gave
the token that was chosen. A guess that said otherwise is out, and one that was right together with
a model that hesitated gains weight. (Context mixing as in PAQ and in CTW, Willems, Shtarkov and
Tjalkens 1995, with experts as in Cesa-Bianchi and Lugosi, Prediction, Learning, and Games, 2006.)

The mixture is a function of the logits and the guesses, so it is as deterministic as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tabwright.model.messages import Guess

MOST_TOGETHER = 0.98
"""The guesses' share at most: the model can always overrule them."""

Tokenize: TypeAlias = Callable[[str], list[int]]
TokenBytes: TypeAlias = Callable[[int], bytes]


@dataclass
class _Expert:
    """One guess that agrees with everything written so far."""

    rest: bytes
    """What it says comes next."""
    tokens: list[int]
    """The same in tokens."""
    weight: float


@dataclass(frozen=True)
class Candidate:
    """A token that may come next."""

    token: int
    log_probability: float
    """Natural logarithm, by the mixture."""
    model_log_probability: float
    """The same, by the model alone."""


class Mixture:
    """The guesses that are still in, with their weights.

    A guess of a whole line expects the line to end after its text; another says nothing about
    what follows it, and leaves its weight to the others there.
    """

    def __init__(
        self, guesses: Sequence[Guess], begin: bytes, tokenize: Tokenize, token_bytes: TokenBytes
    ) -> None:
        """`begin` is the end of the prompt that is written again before the answer."""
        self._tokenize = tokenize
        self._token_bytes = token_bytes
        self._model_weight = 1.0
        self._experts: list[_Expert] = []
        total = sum(guess.probability for guess in guesses)
        scale = min(1.0, MOST_TOGETHER / total) if total > 0 else 0.0
        for guess in guesses:
            text = guess.text + ("\n" if guess.is_line else "")
            rest = begin + text.encode("utf-8", "replace")
            tokens = self._tokens_of(rest)
            if tokens and guess.probability > 0:
                self._experts.append(_Expert(rest, tokens, guess.probability * scale))
        self._model_weight -= sum(expert.weight for expert in self._experts)

    def __bool__(self) -> bool:
        """Whether any guess is still in."""
        return bool(self._experts)

    @property
    def next_tokens(self) -> tuple[int, ...]:
        """The tokens that guesses go on with."""
        return tuple(dict.fromkeys(expert.tokens[0] for expert in self._experts))

    def mixed(self, tokens: Sequence[tuple[int, float]]) -> list[Candidate]:
        """Mix the model's log-probabilities of some tokens; the likeliest first, ties by token."""
        mixed = []
        for token, log_probability in tokens:
            if not self._experts:
                mixed.append(Candidate(token, log_probability, log_probability))
                continue
            share = self._model_weight * math.exp(log_probability)
            share += sum(each.weight for each in self._experts if each.tokens[0] == token)
            likelihood = math.log(share) if share > 0 else -math.inf
            mixed.append(Candidate(token, likelihood, log_probability))
        return sorted(mixed, key=lambda each: (-each.log_probability, each.token))

    def draft_after(self, token: int, most: int) -> list[int]:
        """Return up to `most` tokens that follow a token by the heaviest guess that has it."""
        having = [expert for expert in self._experts if expert.tokens[0] == token]
        if not having:
            return []
        return max(having, key=lambda expert: expert.weight).tokens[1 : 1 + most]

    def note(self, chosen: Candidate) -> None:
        """Go on behind a chosen token."""
        data = self._token_bytes(chosen.token)
        self._model_weight *= math.exp(chosen.model_log_probability)
        still = [expert for expert in self._experts if self._follow(expert, chosen.token, data)]
        total = self._model_weight + sum(expert.weight for expert in still)
        # One that has said all it knows leaves its weight to the others.
        self._experts = [expert for expert in still if expert.tokens]
        left = self._model_weight + sum(expert.weight for expert in self._experts)
        if not self._experts or left <= 0 or total <= 0:
            self._model_weight, self._experts = 1.0, []
            return
        self._model_weight /= left
        for expert in self._experts:
            expert.weight /= left

    def _follow(self, expert: _Expert, token: int, data: bytes) -> bool:
        """Take a token off what a guess says; False when it says otherwise."""
        if expert.tokens[0] == token:
            del expert.tokens[0]
            expert.rest = expert.rest[len(data) :]
            return True
        if data and expert.rest.startswith(data):
            expert.rest = expert.rest[len(data) :]
            expert.tokens = self._tokens_of(expert.rest)
            return True
        # The token may go beyond the text that is known: a line end with the next indentation.
        return bool(expert.rest) and data.startswith(expert.rest) and self._end(expert)

    @staticmethod
    def _end(expert: _Expert) -> bool:
        expert.rest, expert.tokens = b"", []
        return True

    def _tokens_of(self, rest: bytes) -> list[int]:
        try:
            return self._tokenize(rest.decode("utf-8"))
        except UnicodeDecodeError:  # the rest begins within a character
            return []
