"""The model and some guesses of how its answer goes on, mixed. Runs in the model process only.

Each guess is an expert that knows one text and is sure of it; the model is an expert that knows a
little about every text. The model starts with the weight 1, a guess with the odds that its sender
gives it: a sure one outweighs the model many times. At each token, a guess votes for its next token
with its weight times a power of what the model thinks of that token, at least a little: so a guess
says which of the tokens that the model would accept it is, and what the model finds absurd takes a
very sure guess. A token's probability is the votes for it, and the model's weight times the model's
own probability, over all votes. A guess that said otherwise than the token that was chosen is out;
the others go on with their votes as weights, and the model with its weight times its probability of
the token. (With agreements of 0 this is Bayes' mixture of experts, Cesa-Bianchi and Lugosi,
Prediction, Learning, and Games, 2006; it is worse, because the model and the guesses are not
independent.)

The mixture is a function of the logits and the guesses, so it is as deterministic as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tabwright.model.messages import Guess

# python tests/benchmarks/fit_guesses.py
LINE_AGREEMENT = 1.11
NAME_AGREEMENT = 0.6
"""The power of the model's probability in the vote of a guess with the model's weight, for a whole
line or a name."""
SELF_RELIANCE = 0.2
"""How much lower it is for each e-fold of weight: a sure guess needs less agreement."""
LEAST_AGREEMENT = -3.94
"""The least logarithm of the model's probability that a vote is multiplied with."""

MOST_WEIGHT = 20.0
"""Of a guess, however sure its sender is: against one that is absurd, the model keeps a say."""

Tokenize: TypeAlias = Callable[[str], list[int]]
TokenBytes: TypeAlias = Callable[[int], bytes]


@dataclass
class _Expert:
    """One guess that agrees with everything written so far."""

    rest: bytes
    """What it says comes next."""
    tokens: list[int]
    """The same in tokens."""
    agreement: float
    """The power of the model's probability in its vote."""
    weight: float
    vote: float = 0.0
    """The weight, as far as the model finds its next token likely too."""


@dataclass(frozen=True)
class Candidate:
    """A token that may come next."""

    token: int
    log_probability: float
    """Natural logarithm, by the mixture."""
    model_log_probability: float
    """The same, by the model alone."""


def agreement_of(weight: float, *, is_line: bool) -> float:
    """Return the power of the model's probability in the vote of a guess of some weight."""
    alike = LINE_AGREEMENT if is_line else NAME_AGREEMENT
    return max(0.0, alike - SELF_RELIANCE * math.log(weight))


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
        for guess in guesses:
            text = guess.text + ("\n" if guess.is_line else "")
            rest = begin + text.encode("utf-8", "replace")
            tokens = self._tokens_of(rest)
            if tokens and guess.weight > 0:
                weight = min(guess.weight, MOST_WEIGHT)
                agreement = agreement_of(weight, is_line=guess.is_line)
                self._experts.append(_Expert(rest, tokens, agreement, weight))

    def __bool__(self) -> bool:
        """Whether any guess is still in."""
        return bool(self._experts)

    @property
    def next_tokens(self) -> tuple[int, ...]:
        """The tokens that guesses go on with."""
        return tuple(dict.fromkeys(expert.tokens[0] for expert in self._experts))

    def mixed(self, tokens: Sequence[tuple[int, float]]) -> list[Candidate]:
        """Mix the model's log-probabilities of some tokens; the likeliest first, ties by token.

        Those of `next_tokens` must be among them, unless they are impossible here.
        """
        if not self._experts:
            own = [Candidate(token, each, each) for token, each in tokens]
            return sorted(own, key=lambda each: (-each.log_probability, each.token))
        known = dict(tokens)
        for expert in self._experts:
            likelihood = max(known.get(expert.tokens[0], -math.inf), LEAST_AGREEMENT)
            expert.vote = expert.weight * math.exp(expert.agreement * likelihood)
        votes = self._model_weight + sum(expert.vote for expert in self._experts)
        mixed = []
        for token, log_probability in tokens:
            share = self._model_weight * math.exp(log_probability)
            share += sum(each.vote for each in self._experts if each.tokens[0] == token)
            together = math.log(share / votes) if share > 0 else -math.inf
            mixed.append(Candidate(token, together, log_probability))
        return sorted(mixed, key=lambda each: (-each.log_probability, each.token))

    def draft_after(self, token: int, most: int) -> list[int]:
        """Return up to `most` tokens that follow a token by the heaviest guess that has it."""
        having = [expert for expert in self._experts if expert.tokens[0] == token]
        if not having:
            return []
        return max(having, key=lambda expert: expert.weight).tokens[1 : 1 + most]

    def note(self, chosen: Candidate) -> None:
        """Go on behind a chosen token, which is one of those that were mixed last."""
        data = self._token_bytes(chosen.token)
        self._model_weight *= math.exp(chosen.model_log_probability)
        still = [expert for expert in self._experts if self._follow(expert, chosen.token, data)]
        # One that has said all it knows leaves its weight to the others.
        self._experts = [expert for expert in still if expert.tokens]
        left = self._model_weight + sum(expert.vote for expert in self._experts)
        if not self._experts or left <= 0:
            self._model_weight, self._experts = 1.0, []
            return
        self._model_weight /= left
        for expert in self._experts:
            expert.weight = expert.vote / left

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
