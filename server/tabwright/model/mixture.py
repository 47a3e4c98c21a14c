"""The model and some guesses of how its answer goes on, mixed. Runs in the model process only.

Each guess is an expert that knows one text and is sure of it; the model is an expert that knows a
little about every text. The model starts with the weight 1, a guess with the odds that its sender
gives it: a sure one outweighs the model many times. At each token, a guess votes for its next token
with its weight times a power of what the model thinks of that token, at least a little: so a guess
says which of the tokens that the model would accept it is, and what the model finds absurd takes a
very sure guess. A token's probability is the votes for it, and the model's weight times the model's
own probability, over all votes. A guess of a word votes for all tokens with which the word ends,
the sign after it included, in the proportions of the model; once the word is written, the model is
told that it has ended. A guess that said otherwise than the
token that was chosen is out; the others go on with their votes as weights, and the model with its
weight times its probability of the token. (With agreements of 0 this is Bayes' mixture of experts,
Cesa-Bianchi and Lugosi, Prediction, Learning, and Games, 2006; it is worse, because the model and
the guesses are not independent.)

The mixture is a function of the logits and the guesses, so it is as deterministic as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tabwright.model.messages import Guess
from tabwright.model.next_token import Group, goes_on_with_word

# python tests/benchmarks/fit_guesses.py
LINE_AGREEMENT = 1.08
NAME_AGREEMENT = 0.79
"""The power of the model's probability in the vote of a guess with the model's weight, for a whole
line or a name."""
SELF_RELIANCE = 0.2
"""How much lower it is for each e-fold of weight: a sure guess needs less agreement."""
LEAST_AGREEMENT = -4.13
"""The least logarithm of the model's probability that a vote is multiplied with."""

LEAST_FACTOR = 1e-3
"""By which the probability of a word that goes on is multiplied where it is guessed to end."""

MOST_WEIGHT = 20.0
"""Of a guess, however sure its sender is: against one that is absurd, the model keeps a say."""

Tokenize: TypeAlias = Callable[[str], list[int]]
TokenBytes: TypeAlias = Callable[[int], bytes]


class View(Protocol):
    """What a model thinks of the next token; see `next_token.NextToken`."""

    def best(self, count: int) -> list[tuple[int, float]]:
        """Return the likeliest tokens with their log-probabilities, the likeliest first."""
        ...

    def log_probability(self, token: int) -> float | None:
        """Return that of one token, None where it cannot come."""
        ...

    def word_end(self, rest: bytes) -> Group:
        """Return the tokens with which a word ends whose rest this is."""
        ...


@dataclass(frozen=True)
class Expected:
    """What a guess says comes next: a token, or any with which its word ends."""

    token: int
    """The token, or the likeliest of those; -1 where none can come."""
    log_probability: float
    """By the model, of all of them together."""
    word_end: bytes | None = None
    """The rest of the word, where it is any with which the word ends."""

    def has(self, token: int, data: bytes) -> bool:
        """Whether a token, which is written so, is what is expected."""
        if self.word_end is None:
            return token == self.token
        return data.startswith(self.word_end) and not goes_on_with_word(data[len(self.word_end) :])


@dataclass
class _Expert:
    """One guess that agrees with everything written so far."""

    rest: bytes
    """What it says comes next."""
    tokens: list[int]
    """The same in tokens."""
    is_line: bool
    agreement: float
    """The power of the model's probability in its vote."""
    weight: float
    vote: float = 0.0
    """The weight, as far as the model finds likely too what is expected."""
    expected: Expected | None = None
    has_ended: bool = False
    """Whether its line or word is written, so that it knows nothing more."""


@dataclass(frozen=True)
class Candidate:
    """A token that may come next."""

    token: int
    log_probability: float
    """Natural logarithm, by the mixture."""
    model_log_probability: float
    """The same, by the model alone, told where a word has ended."""


def agreement_of(weight: float, *, is_line: bool) -> float:
    """Return the power of the model's probability in the vote of a guess of some weight."""
    alike = LINE_AGREEMENT if is_line else NAME_AGREEMENT
    return max(0.0, alike - SELF_RELIANCE * math.log(weight))


class _WordEnded:
    """A model's view where a word has probably ended: it is as sure of that as it is told."""

    def __init__(self, view: View, sureness: float, token_bytes: TokenBytes) -> None:
        self._view = view
        self._sureness = sureness
        self._token_bytes = token_bytes
        self._end = view.word_end(b"")

    def best(self, count: int) -> list[tuple[int, float]]:
        tokens = [token for token, _ in self._view.best(count)]
        if self._end.best >= 0 and self._end.best not in tokens:
            tokens.append(self._end.best)
        found = [(token, self.log_probability(token) or 0.0) for token in tokens]
        return sorted(found, key=lambda each: (-each[1], each[0]))

    def log_probability(self, token: int) -> float | None:
        own = self._view.log_probability(token)
        if own is None or self._end.log_probability == -math.inf:
            return own
        factor = 1 - self._sureness
        if not goes_on_with_word(self._token_bytes(token)):
            factor += self._sureness * math.exp(-self._end.log_probability)
        return own + math.log(max(factor, LEAST_FACTOR))

    def word_end(self, rest: bytes) -> Group:
        found = self._view.word_end(rest)
        if found.best < 0:
            return found
        own, adjusted = self._view.log_probability(found.best), self.log_probability(found.best)
        change = adjusted - own if own is not None and adjusted is not None else 0.0
        return Group(found.log_probability + change, found.best)


class Mixture:
    """The guesses that are still in, with their weights.

    A guess of a whole line expects the line to end after its text, another its word; when it is
    written they leave their weight to the others.
    """

    def __init__(
        self, guesses: Sequence[Guess], begin: bytes, tokenize: Tokenize, token_bytes: TokenBytes
    ) -> None:
        """`begin` is the end of the prompt that is written again before the answer."""
        self._tokenize = tokenize
        self._token_bytes = token_bytes
        self._model_weight = 1.0
        self._experts: list[_Expert] = []
        self.word_end = 0.0
        """How sure it is that the word ends here, for a guess of it that is written, 0 to 1."""
        self._include(guesses, begin)

    def __bool__(self) -> bool:
        """Whether any guess is still in."""
        return bool(self._experts)

    def add(self, guesses: Sequence[Guess]) -> None:
        """Mix in guesses of how the text goes on from here, once no other is left."""
        self._model_weight = 1.0
        self._include(guesses, b"")

    def expected(self, view: View) -> list[Expected]:
        """Return what each guess that is still in says comes next."""
        return [self._expected(expert, view) for expert in self._experts]

    def mixed(self, view: View, count: int = 1) -> list[Candidate]:
        """Mix the model's view of the next token with the guesses.

        The likeliest come first, ties by token: `count` of the model's own, and what is expected.
        """
        if self.word_end:
            view = _WordEnded(view, self.word_end, self._token_bytes)
        known = dict(view.best(count))
        for expert in self._experts:
            expected = expert.expected = self._expected(expert, view)
            likelihood = max(expected.log_probability, LEAST_AGREEMENT)
            expert.vote = expert.weight * math.exp(expert.agreement * likelihood)
            if expected.token >= 0 and expected.token not in known:
                own = view.log_probability(expected.token)
                if own is not None:
                    known[expected.token] = own
        votes = self._model_weight + sum(expert.vote for expert in self._experts)
        mixed = []
        for token, log_probability in known.items():
            data = self._token_bytes(token)
            share = self._model_weight * math.exp(log_probability)
            share += sum(
                _vote_for(each, token, data, log_probability) or 0.0 for each in self._experts
            )
            together = math.log(share / votes) if share > 0 else -math.inf
            mixed.append(Candidate(token, together, log_probability))
        return sorted(mixed, key=lambda each: (-each.log_probability, each.token))

    def draft_after(self, token: int, most: int) -> list[int]:
        """Return up to `most` tokens that follow a token by the heaviest guess that has it."""
        having = [expert for expert in self._experts if expert.tokens[:1] == [token]]
        if not having:
            return []
        return max(having, key=lambda expert: expert.weight).tokens[1 : 1 + most]

    def note(self, chosen: Candidate) -> None:
        """Go on behind a chosen token, which is one of those that were mixed last."""
        token, data = chosen.token, self._token_bytes(chosen.token)
        self._model_weight *= math.exp(chosen.model_log_probability)
        still = []
        for expert in self._experts:
            vote = _vote_for(expert, token, data, chosen.model_log_probability)
            if self._follow(expert, token, data):
                expert.weight = vote if vote is not None else expert.vote
                still.append(expert)
        self.word_end = self._sureness_of_word_end(still, data)
        # One whose line or word is written leaves its weight to the others.
        self._experts = [expert for expert in still if not expert.has_ended]
        left = self._model_weight + sum(expert.weight for expert in self._experts)
        if not self._experts or left <= 0:
            self._model_weight, self._experts = 1.0, []
            return
        self._model_weight /= left
        for expert in self._experts:
            expert.weight /= left

    def _sureness_of_word_end(self, experts: Sequence[_Expert], data: bytes) -> float:
        """Return how sure those are, beside the model, whose word ends with what was written."""
        written = [each for each in experts if each.has_ended and not each.is_line]
        sure = sum(each.weight for each in written if each.rest == data)
        return sure / (sure + self._model_weight) if sure > 0 else 0.0

    def _include(self, guesses: Sequence[Guess], begin: bytes) -> None:
        for guess in guesses:
            text = guess.text + ("\n" if guess.is_line else "")
            rest = begin + text.encode("utf-8", "replace")
            tokens = self._tokens_of(rest)
            if tokens and guess.weight > 0:
                weight = min(guess.weight, MOST_WEIGHT)
                agreement = agreement_of(weight, is_line=guess.is_line)
                self._experts.append(_Expert(rest, tokens, guess.is_line, agreement, weight))

    def _expected(self, expert: _Expert, view: View) -> Expected:
        if not expert.is_line and len(expert.tokens) == 1:
            group = view.word_end(expert.rest)
            return Expected(group.best, group.log_probability, expert.rest)
        token = expert.tokens[0]
        log_probability = view.log_probability(token)
        if log_probability is None:
            return Expected(-1, -math.inf)
        return Expected(token, log_probability)

    def _follow(self, expert: _Expert, token: int, data: bytes) -> bool:
        """Take a token off what a guess says; False when it says otherwise."""
        rest = expert.rest
        if data and len(data) < len(rest) and rest.startswith(data):
            expert.rest = rest[len(data) :]
            is_next = expert.tokens[0] == token
            expert.tokens = expert.tokens[1:] if is_next else self._tokens_of(expert.rest)
            return bool(expert.tokens)
        # The token may go beyond the text that is known: a line end with the next indentation, the
        # end of a word with a bracket.
        expert.has_ended = data.startswith(rest) and (
            expert.is_line or not goes_on_with_word(data[len(rest) :])
        )
        return expert.has_ended

    def _tokens_of(self, rest: bytes) -> list[int]:
        try:
            return self._tokenize(rest.decode("utf-8"))
        except UnicodeDecodeError:  # the rest begins within a character
            return []


def _vote_for(expert: _Expert, token: int, data: bytes, log_probability: float) -> float | None:
    """Return what of a guess's vote is for a token that the model finds so probable; None where it
    expects another one.

    A vote for several tokens is shared out as the model would.
    """
    expected = expert.expected
    if expected is None or not expected.has(token, data):
        return None
    if expected.word_end is None:
        return expert.vote
    return expert.vote * math.exp(log_probability - expected.log_probability)
