"""One answer in the model process: prefill, then decode, with guesses mixed in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tabwright.model.connection import Job
from tabwright.model.llama import (
    LONGEST_DRAFT,
    KvSequence,
    LlamaError,
    LlamaModel,
    PromptTooLongError,
    text_decoder,
)
from tabwright.model.messages import (
    Evaluated,
    Finished,
    Generate,
    Guess,
    Piece,
    Prefilled,
    WantsGuesses,
)
from tabwright.model.mixture import Candidate, Mixture
from tabwright.model.next_token import Logits


class Generation:
    """One request on one model: prefill, then decode, cancellable between small batches."""

    def __init__(
        self, job: Job, message: Generate, model: LlamaModel, gives_way: Callable[[], bool]
    ) -> None:
        self._connection = job.connection
        self._message = message
        self._model = model
        self._gives_way = gives_way
        self._started = time.monotonic()
        self._decoding_started = self._started
        self._queued_seconds = self._started - job.arrived
        self._evaluated_before = model.evaluated_tokens
        self._prompt_evaluated: int | None = None
        self._generated = 0

    def run(self) -> None:
        """Stream the answer.

        Raises:
            LlamaError: the prompt does not fit, or llama.cpp cannot evaluate it.
        """
        message, model = self._message, self._model
        if self._must_stop() == "cancelled":
            self._finish("cancelled")
            return
        tokens = model.prompt_tokens(message.segments, add_bos=message.add_bos)
        if not tokens:
            raise LlamaError("the prompt is empty")
        if len(tokens) + message.max_tokens > model.context_tokens:
            raise PromptTooLongError(
                f"{len(tokens)} prompt tokens and {message.max_tokens} to generate do not fit"
                f" a context of {model.context_tokens}"
            )
        end = b""
        if message.heals and not message.segments[-1].is_control:
            # After a control token, models were trained to go on in the middle of a word.
            tokens, end = model.split_for_healing(tokens)
        sequence = model.sequence_for((id(self._connection), message.document))
        if self._prefill(sequence, tokens):
            self._decoding_started = time.monotonic()
            if message.known_text:
                self._follow(sequence, len(tokens), end)
            else:
                self._decode(sequence, len(tokens), end)

    def _prefill(self, sequence: KvSequence, tokens: list[int]) -> bool:
        """Evaluate what is new of the prompt; return False when that was stopped and finished."""
        message, model = self._message, self._model
        reused = 0
        for done in model.read_prompt(sequence, tokens):
            if done == 0:
                reused = min(len(sequence.tokens), len(tokens))
            else:
                self._connection.send(Evaluated(message.request_id, done))
            if cause := self._must_stop():
                self._finish(cause)
                return False
        self._prompt_evaluated = model.evaluated_tokens - self._evaluated_before
        self._connection.send(
            Prefilled(
                request_id=message.request_id,
                prompt_tokens=len(tokens),
                reused_tokens=reused,
                evaluated_tokens=self._prompt_evaluated,
                queued_seconds=self._queued_seconds,
                prefill_seconds=time.monotonic() - self._started,
            )
        )
        return True

    def _decode(self, sequence: KvSequence, length: int, unhealed: bytes) -> None:
        """Walk along the sequence token by token: first the prompt's end again, which is not
        sent, then the answer."""
        message, model = self._message, self._model
        stop_tokens = {model.control_token(text) for text in message.stop_strings}
        decoder = text_decoder()
        rank = message.first_token_rank
        written = ""
        pending, total = 0.0, 0.0
        drafted = 0
        guesses = message.guesses
        if message.asks_for_guesses:
            guesses += self._connection.wait_for_guesses(message.request_id)
        mixture = self._mixture(guesses, unhealed)
        while True:
            if self._generated >= message.max_tokens or length >= model.context_tokens:
                self._finish("max_tokens")
                return
            is_forced = bool(unhealed)
            chosen = self._choose(
                sequence.heads[length], mixture, 0 if is_forced else rank, unhealed
            )
            token = chosen.token
            rank = rank if is_forced else 0
            if token in stop_tokens or model.is_end(token):
                self._finish("end_of_text")
                return
            data = model.token_bytes(token)
            own, unhealed = data[len(unhealed) :], unhealed[len(data) :]
            pending += chosen.log_probability
            if own or not data:  # else it only says again what the prompt said
                self._generated += 1
                text = decoder.decode(own)
                written += text
                total += pending
                self._connection.send(Piece(message.request_id, text, pending))
                pending = 0.0
                if cause := self._is_whole(written, total):
                    self._finish(cause)
                    return
            if cause := self._must_stop():
                self._finish(cause)
                return
            drafted = self._note_draft(sequence, length, token, drafted)
            draft = [] if drafted else mixture.draft_after(token, LONGEST_DRAFT)
            is_guess = bool(draft)
            if not drafted and not is_guess:
                draft = model.draft_after(sequence, length, token)
            before = model.evaluated_tokens
            model.advance(sequence, length, token, draft)
            if model.evaluated_tokens != before:
                # Whether guesses are right says nothing of how prompt lookup fares.
                drafted = 0 if is_guess else len(draft)
            mixture.note(chosen)
            if message.asks_for_guesses and not mixture and not unhealed:
                self._ask_for_more(mixture)
            length += 1

    def _follow(self, sequence: KvSequence, length: int, unhealed: bytes) -> None:
        """Walk along the known text, the prompt's end before it, and tell how likely it is."""
        message, model = self._message, self._model
        decoder = text_decoder()
        pending = 0.0
        wanted = model.tokenize(unhealed.decode("utf-8", "replace") + message.known_text)
        for index, token in enumerate(wanted):
            log_probability = model.next_token(sequence.heads[length], unhealed).log_probability(
                token
            )
            if log_probability is None:
                self._finish("unsure")
                return
            if length >= model.context_tokens:
                self._finish("max_tokens")
                return
            if cause := self._must_stop():
                self._finish(cause)
                return
            data = model.token_bytes(token)
            own, unhealed = data[len(unhealed) :], unhealed[len(data) :]
            pending += log_probability
            if own:
                self._generated += 1
                self._connection.send(Piece(message.request_id, decoder.decode(own), pending))
                pending = 0.0
            rest = wanted[index + 1 : index + 1 + LONGEST_DRAFT]
            if rest:
                model.advance(sequence, length, token, rest)
            length += 1
        self._finish("end_of_text")

    def _mixture(self, guesses: Sequence[Guess], begin: bytes) -> Mixture:
        return Mixture(guesses, begin, self._model.tokenize, self._model.token_bytes)

    def _ask_for_more(self, mixture: Mixture) -> None:
        """Ask how the answer may go on behind what was sent."""
        request_id = self._message.request_id
        self._connection.send(WantsGuesses(request_id))
        mixture.add(self._connection.wait_for_guesses(request_id))

    def _choose(self, logits: Logits, mixture: Mixture, rank: int, must_begin: bytes) -> Candidate:
        """Return the token of this rank by probability."""
        return mixture.mixed(self._model.next_token(logits, must_begin), rank + 1)[rank]

    def _is_whole(self, written: str, log_probability: float) -> str:
        """Return why the answer ends with what is written, or nothing."""
        stop_at = self._message.stop_at
        if stop_at and "\n" in written:
            text = written if stop_at == "line_end" else written.lstrip()
            if "\n" in text:
                return "line_end"
        return "unsure" if log_probability < self._message.log_probability_floor else ""

    def _note_draft(self, sequence: KvSequence, length: int, token: int, drafted: int) -> int:
        """Count a drafted token as right or the rest of the draft as wrong; return what is left
        of the draft."""
        if not drafted:
            return 0
        if sequence.tokens[length : length + 1] == [token]:
            self._model.drafts.note(1, 1)
            return drafted - 1
        self._model.drafts.note(0, drafted)
        return 0

    def _must_stop(self) -> str:
        if self._connection.is_cancelled(self._message.request_id):
            return "cancelled"
        if self._message.is_background and self._gives_way():
            return "cancelled"
        limit = self._message.time_limit_seconds
        return "time_limit" if 0 < limit <= time.monotonic() - self._started else ""

    def _finish(self, cause: str) -> None:
        evaluated = self._model.evaluated_tokens - self._evaluated_before
        prompt = self._prompt_evaluated
        self._connection.send(
            Finished(
                request_id=self._message.request_id,
                cause=cause,  # type: ignore[arg-type]  # one of the literals, by construction
                generated_tokens=self._generated,
                decode_seconds=time.monotonic() - self._decoding_started,
                prompt_evaluated_tokens=evaluated if prompt is None else prompt,
                evaluated_tokens=evaluated,
            )
        )
