"""One loaded model on llama.cpp's low-level interface. Runs in the model process only.

Why not the `Llama` class: its fill-in-the-middle ids are wrong, it tokenises user text with control
tokens enabled, keeps one sequence only, and points the process's stdout at /dev/null while it
loads (seen in llama-cpp-python 0.3.36).

The same tokens give the same logits, bit by bit, however they came to be evaluated: on a CPU
llama.cpp computes a batch of one token in another order than a batch of several, whose sums do not
depend on their number or on the threads (`python tests/benchmarks/evaluation.py` shows both). So
no batch here has one token, and none is asked for the logits of one. What fills a batch up are
tokens that the answer may well go on with (`draft_after`), whose logits then are there for nothing.

The logits at the end of each sequence are kept (`KvSequence.heads`). An answer is a walk along
them: as long as the next token is the one already evaluated it costs nothing, which makes typing
along a suggestion, or deleting what was typed, free and the same as asking anew.
"""

from __future__ import annotations

import codecs
import ctypes
import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from tabwright.model.messages import Segment
from tabwright.model.next_token import Logits, NextToken, Spellings
from tabwright.model.pace import Neighbours, Pace

SEQUENCES = 4
"""How many documents keep their evaluated prompts at once."""

BATCH_TOKENS = 32
"""The most prompt tokens per call into llama.cpp."""

_FEWEST_BATCH_TOKENS = 8
_BATCH_SECONDS = 0.04
"""A cancelled request stops within one batch, so on a slow or busy machine they are smaller."""

LONGEST_DRAFT = 7
_LONG_MATCH, _SHORT_MATCH = 3, 2
_DRAFT_AFTER_SHORT_MATCH = 3
_KEPT_LOGITS_BYTES = 8_000_000
_MOST_HEADS, _FEWEST_HEADS = 40, 32
_LONGEST_KEPT = 200
_TEXTS_KEPT, _PIECES_KEPT = 2_000, 16_000
"""The tokens of so many texts, of at most so many characters, and the bytes of so many tokens are
kept: together a few megabytes."""
_MEASURED_ROUNDS, _MEASURED_TOKENS = 5, 4
_MEASURED_SECONDS = 3.0
"""No further round begins after this: on a busy machine, or with a large model, one must do."""
_DRAFT_MEMORY = 0.95
_LEAST_DRAFT_SHARE = 0.15
"""Checking six more drafted tokens costs less than writing one token (`evaluation.py`)."""

_HEALED_TOKENS = 6
_ENDS_IN_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
"""Letters alone: what comes before may still be part of the same word."""

_SPECIAL_ATTRIBUTES = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
_GGML_LOG_ERROR = 4
_GGML_LOG_WARN = 3
_GGML_DEVICE_GPU = 1
"""One with memory of its own; others share that of the machine."""


class LlamaError(Exception):
    """llama.cpp refused; the message is what it said, in one sentence."""


class PromptTooLongError(LlamaError):
    """The prompt and the room for its answer do not fit the context."""


class NativeLog:
    """Keeps the last error lines of llama.cpp, so that a refusal can say why.

    The callback must outlive every native call, which is why this object lives as long as the
    process.
    """

    def __init__(self) -> None:
        self._errors: list[str] = []
        self._callback = llama_cpp.llama_log_callback(self._keep)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _keep(self, level: int, text: bytes, _user_data: object) -> None:
        if level in (_GGML_LOG_WARN, _GGML_LOG_ERROR):
            line = text.decode("utf-8", "replace").strip()
            if line:
                self._errors = [*self._errors[-4:], line]

    def take_errors(self) -> str:
        """Return the kept lines, joined, and forget them."""
        lines, self._errors = self._errors, []
        return "; ".join(lines)


@dataclass
class KvSequence:
    """One llama.cpp sequence and the tokens whose keys and values it holds."""

    index: int
    owner: object = None
    tokens: list[int] = field(default_factory=list)
    heads: dict[int, Logits] = field(default_factory=dict)
    """The logits after the first `n` tokens, by `n`; those of the last places only. Shape
    (vocabulary,)."""
    last_use: int = 0


@dataclass
class DraftRecord:
    """How well drafts have fared lately: what decides whether long ones are worth their time."""

    accepted: float = 1.0
    drafted: float = 2.0

    def note(self, accepted: int, drafted: int) -> None:
        """Take one draft into account; older ones fade."""
        self.accepted = self.accepted * _DRAFT_MEMORY + accepted
        self.drafted = self.drafted * _DRAFT_MEMORY + drafted

    @property
    def pays(self) -> bool:
        """Whether enough of the drafted tokens were right."""
        return self.accepted >= _LEAST_DRAFT_SHARE * self.drafted


@dataclass(frozen=True)
class ModelOptions:
    """How to load a model."""

    weights_path: str
    adapter_path: str
    context_tokens: int
    prefill_threads: int
    decode_threads: int
    """For batches as small as those of an answer."""
    gpu_layers: int


class LlamaModel:
    """Weights, a context and its KV sequences.

    Not thread-safe: one thread calls it, because a llama.cpp context is not.
    """

    def __init__(
        self, options: ModelOptions, log: NativeLog, on_progress: Callable[[float], None]
    ) -> None:
        """Load weights, adapter and context.

        Raises:
            LlamaError: llama.cpp cannot load one of them.
        """
        self._log = log
        # llama-cpp-python's pointers carry no types.
        self._model: Any = None
        self._vocabulary: Any = None
        self._context: Any = None
        self._memory: Any = None
        self._adapter: Any = None
        self._batch: Any = None
        self.vocabulary_size = 0
        self._spellings = Spellings((), 0)
        # At each key of a word the same guesses come again, and most tokens are common ones.
        self._tokens_of_short = lru_cache(maxsize=_TEXTS_KEPT)(self._tokens_of)
        self._known_pieces = lru_cache(maxsize=_PIECES_KEPT)(self._piece)
        self._heads_kept = _FEWEST_HEADS
        self.drafts = DraftRecord()
        self.evaluated_tokens = 0
        """Tokens that were given to llama.cpp since the model was loaded, drafts included."""
        self._threads = max(1, options.prefill_threads)
        self._writing_threads = max(1, options.decode_threads)
        self._pace = Pace(self._threads)
        self._neighbours = Neighbours()
        self._threads_set = self._threads
        self._is_on_gpu = options.gpu_layers != 0 and supports_gpu_offload()
        self.can_roll_back = True
        """Whether tokens can be taken back: recurrent models cannot, and get neither drafts nor
        kept logits."""
        self.context_tokens = 0
        self._sequences = [KvSequence(index) for index in range(SEQUENCES)]
        self._uses = itertools.count(1)
        log.take_errors()
        try:
            self._load(options, on_progress)
        except BaseException:
            self.close()
            raise

    def _load(self, options: ModelOptions, on_progress: Callable[[float], None]) -> None:
        model_params = llama_cpp.llama_model_default_params()
        model_params.n_gpu_layers = options.gpu_layers if options.gpu_layers >= 0 else 10_000
        # Repacked weights (AMX and others) crash on virtual machines that do not let programs use
        # AMX, and compute other sums for one token than for several.
        model_params.use_extra_bufts = False

        def report(fraction: float, _user_data: object) -> bool:
            on_progress(fraction)
            return True

        callback = llama_cpp.llama_progress_callback(report)
        model_params.progress_callback = callback
        self._model = llama_cpp.llama_model_load_from_file(
            str(options.weights_path).encode(), model_params
        )
        if not self._model:
            raise LlamaError(self._refusal("cannot load the weights", options.weights_path))
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        spelled = [
            (self._piece(token), token)
            for token in range(self.vocabulary_size)
            if not self.is_end(token)
        ]
        self._spellings = Spellings([each for each in spelled if each[0]], self.vocabulary_size)
        fitting = _KEPT_LOGITS_BYTES // (4 * self.vocabulary_size)
        self._heads_kept = max(_FEWEST_HEADS, min(_MOST_HEADS, fitting))
        self.context_tokens = min(
            options.context_tokens, int(llama_cpp.llama_model_n_ctx_train(self._model))
        )
        context_params = llama_cpp.llama_context_default_params()
        context_params.n_ctx = (self.context_tokens + LONGEST_DRAFT + 1) * SEQUENCES
        context_params.n_batch = BATCH_TOKENS
        context_params.n_ubatch = BATCH_TOKENS
        context_params.n_seq_max = SEQUENCES
        context_params.n_threads = self._threads
        context_params.n_threads_batch = self._threads
        context_params.kv_unified = False
        if not self._is_on_gpu:
            # On a CPU its sums depend on the batch, and it is no faster in batches this small
            # (`tests/benchmarks/evaluation.py`).
            context_params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        context_params.no_perf = True
        self._context = llama_cpp.llama_init_from_model(self._model, context_params)
        if not self._context:
            raise LlamaError(self._refusal("cannot make a context", options.weights_path))
        if options.adapter_path:
            self._adapter = llama_cpp.llama_adapter_lora_init(
                self._model, str(options.adapter_path).encode()
            )
            if not self._adapter:
                raise LlamaError(self._refusal("cannot load the adapter", options.adapter_path))
            adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(self._adapter)
            scales = (ctypes.c_float * 1)(1.0)
            if llama_cpp.llama_set_adapters_lora(self._context, adapters, 1, scales) != 0:
                raise LlamaError(self._refusal("cannot use the adapter", options.adapter_path))
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, 1)
        self.can_roll_back = not (
            llama_cpp.llama_model_is_recurrent(self._model)
            or llama_cpp.llama_model_is_hybrid(self._model)
        )

    def _refusal(self, what: str, path: str) -> str:
        said = self._log.take_errors()
        return f"llama.cpp {what} of {Path(path).name}" + (f": {said}" if said else "")

    def close(self) -> None:
        """Free everything; the object is of no use afterwards."""
        if self._batch is not None:
            llama_cpp.llama_batch_free(self._batch)
            self._batch = None
        if self._context:
            llama_cpp.llama_free(self._context)
            self._context = None
        if self._adapter:
            self._adapter = None  # freed with its model
        if self._model:
            llama_cpp.llama_model_free(self._model)
            self._model = None

    @property
    def description(self) -> str:
        """llama.cpp's one-line description of the model."""
        buffer = ctypes.create_string_buffer(256)
        llama_cpp.llama_model_desc(self._model, buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    def tokenize(self, text: str, *, control: bool = False) -> list[int]:
        """Return the tokens of `text`. Only with `control` may they be control tokens."""
        if len(text) > _LONGEST_KEPT or control:
            return self._tokens_of(text, control=control)
        return self._tokens_of_short(text).copy()

    def _tokens_of(self, text: str, *, control: bool = False) -> list[int]:
        data = text.encode("utf-8", "replace")
        if not data:
            return []
        capacity = len(data) + 8
        while True:
            tokens = (llama_cpp.llama_token * capacity)()
            count = llama_cpp.llama_tokenize(
                self._vocabulary, data, len(data), tokens, capacity, False, control
            )
            if count >= 0:
                return tokens[:count]
            capacity = -count

    def control_token(self, text: str) -> int | None:
        """Return the single token that `text` names, or None when it is not exactly one.

        An ordinary word may be a single token too: it is none of the model's control tokens.
        """
        tokens = self.tokenize(text, control=True)
        if len(tokens) != 1:
            return None
        attributes = int(llama_cpp.llama_vocab_get_attr(self._vocabulary, tokens[0]))
        return tokens[0] if attributes & _SPECIAL_ATTRIBUTES else None

    def prompt_tokens(self, segments: Sequence[Segment], *, add_bos: bool) -> list[int]:
        """Tokenise a prompt, each segment by itself.

        Raises:
            LlamaError: a control segment is not exactly one token of this model.
        """
        tokens: list[int] = []
        if add_bos:
            tokens.append(int(llama_cpp.llama_vocab_bos(self._vocabulary)))
        for segment in segments:
            if not segment.is_control:
                tokens += self.tokenize(segment.text)
                continue
            token = self.control_token(segment.text)
            if token is None:
                raise LlamaError(f"{segment.text!r} is not one control token of this model")
            tokens.append(token)
        return tokens

    def sequence_for(self, owner: object) -> KvSequence:
        """Return the owner's sequence, taking the least recently used one if it has none."""
        mine = [sequence for sequence in self._sequences if sequence.owner == owner]
        sequence = mine[0] if mine else min(self._sequences, key=lambda each: each.last_use)
        if not mine:
            sequence.owner = owner
        sequence.last_use = next(self._uses)
        return sequence

    def read_prompt(self, sequence: KvSequence, tokens: Sequence[int]) -> Iterator[int]:
        """Make the sequence begin with `tokens` and know the logits after them.

        Yields the count of tokens evaluated so far: after every batch, and 0 at first, when it is
        clear how many of the prompt's tokens are reused: the sequence has these. What the sequence
        holds beyond the prompt stays where it continues it.

        Raises:
            LlamaError: llama.cpp cannot evaluate; the sequence is empty afterwards.
        """
        common = 0
        for mine, wanted in zip(sequence.tokens, tokens, strict=False):
            if mine != wanted:
                break
            common += 1
        if common == len(tokens) and common in sequence.heads:
            yield 0
            return
        fresh = 2 if self.can_roll_back else 1
        self._truncate(sequence, max(0, min(common, len(tokens) - fresh)))
        yield 0
        done = 0
        while len(sequence.tokens) < len(tokens):
            part = self._next_batch(tokens[len(sequence.tokens) :])
            is_last = len(sequence.tokens) + len(part) == len(tokens)
            is_alone = len(part) < fresh  # the whole prompt is one token
            batch = [*part, *part] if is_alone else part
            self._evaluate(sequence, batch, logits=fresh if is_last else 0)
            done += len(part)
            yield done

    def _next_batch(self, tokens: Sequence[int]) -> Sequence[int]:
        """Return the first tokens: as many as are soon evaluated, leaving no single one over."""
        size = int(_BATCH_SECONDS * self._pace.tokens_per_second)
        size = min(max(size, _FEWEST_BATCH_TOKENS), BATCH_TOKENS, len(tokens))
        return tokens[: size - 1 if len(tokens) - size == 1 else size]

    def advance(self, sequence: KvSequence, length: int, token: int, draft: Sequence[int]) -> None:
        """Make `token` follow the first `length` tokens, and know the logits after it.

        Nothing is evaluated where the sequence goes on with it already. Else the tokens of
        `draft`, which may follow it, are evaluated along.

        Raises:
            LlamaError: llama.cpp cannot evaluate; the sequence is empty afterwards.
        """
        known = sequence.tokens[length : length + 1] == [token] and length + 1 in sequence.heads
        if known:
            return
        before = sequence.tokens[:length]
        self._truncate(sequence, length)
        while len(sequence.tokens) < length:  # nothing could be taken back
            again = self._next_batch(before[len(sequence.tokens) :])
            self._evaluate(sequence, again, logits=0)
        room = self.context_tokens + LONGEST_DRAFT - length
        if not self.can_roll_back:
            self._evaluate(sequence, [token], logits=1)
            return
        # Without a draft the token itself fills the batch; it is dropped when another follows.
        part = [token, *(draft[:room] or [token])]
        self._evaluate(sequence, part, logits=len(part))

    def draft_after(self, sequence: KvSequence, length: int, token: int) -> list[int]:
        """Return tokens that followed the last tokens where they stood before, or none.

        Prompt lookup: the latest place at which the last three tokens, else the last two, stood.
        """
        known = np.array([*sequence.tokens[:length], token], dtype=np.int64)
        for size in (_LONG_MATCH, _SHORT_MATCH):
            if len(known) <= size:
                continue
            found = np.ones(len(known) - size, dtype=bool)
            for place in range(size):
                found &= known[place : place + len(found)] == known[len(known) - size + place]
            (starts,) = np.nonzero(found)
            if starts.size:
                start = int(starts[-1]) + size
                longest = LONGEST_DRAFT if size == _LONG_MATCH else _DRAFT_AFTER_SHORT_MATCH
                if not self.drafts.pays:
                    longest = 1
                return [int(each) for each in known[start : start + longest]]
        return []

    def measure(self) -> tuple[float, float]:
        """Return tokens per second of reading prompts and of writing; takes a second or a few.

        Counted in processor time shared by the threads, and the best of a few rounds, because
        whatever else runs on the machine would otherwise decide the figure. The least recently
        used sequence is emptied for it.

        Raises:
            LlamaError: llama.cpp cannot evaluate.
        """
        sequence = self.sequence_for(None)
        prompt = [100 + 37 * index % (self.vocabulary_size // 2) for index in range(BATCH_TOKENS)]
        self._forget(sequence)
        self._pace = Pace(self._threads)
        self._evaluate(sequence, prompt, logits=0)  # touches every page of the weights
        reading: list[float] = []
        writing: list[float] = []
        began = time.monotonic()
        for _ in range(_MEASURED_ROUNDS):
            if reading and time.monotonic() - began > _MEASURED_SECONDS:
                break
            reading.append(self._seconds_for(sequence, prompt) / len(prompt))
            for token in prompt[:_MEASURED_TOKENS]:
                writing.append(self._seconds_for(sequence, [token, token]))
        self._forget(sequence)
        return 1 / min(reading), 1 / min(writing)

    def _seconds_for(self, sequence: KvSequence, tokens: Sequence[int]) -> float:
        began, cpu_began = time.perf_counter(), time.process_time()
        self._evaluate(sequence, tokens, logits=2)
        elapsed = time.perf_counter() - began
        self._pace = Pace(self._threads)  # measured as on a quiet machine
        used = (time.process_time() - cpu_began) / self._threads_set
        # Where a GPU does the work, the processor's time says nothing.
        return elapsed if self._is_on_gpu else max(1e-6, min(elapsed, used))

    def _truncate(self, sequence: KvSequence, length: int) -> None:
        if length < len(sequence.tokens):
            if llama_cpp.llama_memory_seq_rm(self._memory, sequence.index, length, -1):
                del sequence.tokens[length:]
            else:
                self._forget(sequence)
        for place in [place for place in sequence.heads if place > len(sequence.tokens)]:
            del sequence.heads[place]

    def _forget(self, sequence: KvSequence) -> None:
        llama_cpp.llama_memory_seq_rm(self._memory, sequence.index, -1, -1)
        sequence.tokens.clear()
        sequence.heads.clear()

    def _evaluate(self, sequence: KvSequence, tokens: Sequence[int], *, logits: int) -> None:
        """Append tokens to a sequence in one batch and keep the logits after the last of them."""
        batch = self._batch
        assert batch is not None, "the model is closed"
        start = len(sequence.tokens)
        first_wanted = len(tokens) - logits
        for position, token in enumerate(tokens):
            batch.token[position] = token
            batch.pos[position] = start + position
            batch.n_seq_id[position] = 1
            batch.seq_id[position][0] = sequence.index
            batch.logits[position] = position >= first_wanted
        batch.n_tokens = len(tokens)
        status = self._decode(batch)
        if status != 0:
            self._forget(sequence)
            said = self._log.take_errors()
            raise LlamaError(f"llama_decode returned {status}" + (f": {said}" if said else ""))
        sequence.tokens.extend(tokens)
        self.evaluated_tokens += len(tokens)
        for position in range(max(0, first_wanted), len(tokens)):
            pointer = llama_cpp.llama_get_logits_ith(self._context, position)
            row: Logits = np.ctypeslib.as_array(pointer, shape=(self.vocabulary_size,))
            sequence.heads[start + position + 1] = row.copy()
        for place in sorted(sequence.heads)[: -self._heads_kept]:
            del sequence.heads[place]

    def _decode(self, batch: Any) -> int:
        others = self._neighbours.share() if self._threads > 1 else None
        if others is not None:
            self._pace.note_neighbours(others)
        is_small = int(batch.n_tokens) <= LONGEST_DRAFT + 1
        threads = self._pace.threads
        if is_small:
            threads = min(threads, self._writing_threads)
        if threads != self._threads_set:
            llama_cpp.llama_set_n_threads(self._context, threads, threads)
            self._threads_set = threads
        began, cpu_began = time.perf_counter(), time.process_time()
        status = int(llama_cpp.llama_decode(self._context, batch))
        elapsed = time.perf_counter() - began
        self._pace.note_speed(int(batch.n_tokens), elapsed)
        if not self._is_on_gpu:
            self._pace.note(elapsed, time.process_time() - cpu_began, threads)
        return status

    def split_for_healing(self, tokens: Sequence[int]) -> tuple[list[int], bytes]:
        """Split a prompt that ends in text before its last word; return its start and that end.

        A prompt that ends inside a token makes the right continuation about a thousand times less
        likely (arXiv 2601.23223), and most keys are typed inside a word. The end is at least one
        token, at most `_HEALED_TOKENS`, and covers the letters the prompt ends in; the answer is
        then made to begin with exactly its bytes (`next_token`).
        """
        end = b""
        count = 0
        while count < min(_HEALED_TOKENS, len(tokens) - 1):
            piece = self.token_bytes(tokens[len(tokens) - 1 - count])
            if not piece or (count > 0 and not _ENDS_IN_WORD.fullmatch(end)):
                break
            end = piece + end
            count += 1
        return list(tokens[: len(tokens) - count]), end

    def next_token(self, logits: Logits, must_begin: bytes = b"") -> NextToken:
        """Return the model's view of the token that these logits are for; see `NextToken`.

        Raises:
            LlamaError: no token agrees with the bytes.
        """
        if must_begin and not self._spellings.agreeing(must_begin).size:
            raise LlamaError("no token of this model spells the end of the prompt")
        return NextToken(logits, self._spellings, must_begin)

    def is_end(self, token: int) -> bool:
        """Whether the model ends its answer with this token."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token)) or bool(
            llama_cpp.llama_vocab_is_control(self._vocabulary, token)
        )

    def token_bytes(self, token: int) -> bytes:
        """Return the UTF-8 bytes of a token, which may hold part of a character only."""
        return self._known_pieces(token)

    def _piece(self, token: int) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            size = -count


def text_decoder() -> codecs.IncrementalDecoder:
    """Return a decoder that holds back incomplete characters until their last byte is there."""
    return codecs.getincrementaldecoder("utf-8")("replace")


def system_info() -> str:
    """Return the CPU features and backends that this build of llama.cpp uses."""
    return str(llama_cpp.llama_print_system_info().decode("utf-8", "replace")).strip()


def supports_gpu_offload() -> bool:
    """Return whether this build can put layers on a GPU."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def library_version() -> str:
    """Return the version of llama-cpp-python."""
    return str(llama_cpp.__version__)


def devices() -> tuple[str, ...]:
    """Return the names of the compute devices that the library sees, empty when it cannot tell."""
    try:
        from llama_cpp._ggml import libggml  # noqa: PLC0415 - a private module, may be absent

        count = libggml.ggml_backend_dev_count
        count.restype = ctypes.c_size_t
        get = libggml.ggml_backend_dev_get
        get.argtypes, get.restype = [ctypes.c_size_t], ctypes.c_void_p
        describe = libggml.ggml_backend_dev_description
        describe.argtypes, describe.restype = [ctypes.c_void_p], ctypes.c_char_p
        found = [describe(get(index)) for index in range(count())]
    except (ImportError, AttributeError, OSError):
        return ()
    return tuple((each or b"").decode("utf-8", "replace") for each in found)


def gpu_memory_mb() -> tuple[int, ...]:
    """Return the memory of each GPU in units of 10^6 bytes, empty when the library cannot tell."""
    if not supports_gpu_offload():
        return ()
    try:
        from llama_cpp._ggml import libggml  # noqa: PLC0415 - a private module, may be absent

        count, get = libggml.ggml_backend_dev_count, libggml.ggml_backend_dev_get
        kind, memory = libggml.ggml_backend_dev_type, libggml.ggml_backend_dev_memory
    except (ImportError, AttributeError, OSError):
        return ()
    count.restype = ctypes.c_size_t
    get.argtypes, get.restype = [ctypes.c_size_t], ctypes.c_void_p
    kind.argtypes, kind.restype = [ctypes.c_void_p], ctypes.c_int
    pointer = ctypes.POINTER(ctypes.c_size_t)
    memory.argtypes, memory.restype = [ctypes.c_void_p, pointer, pointer], None
    found = []
    for index in range(count()):
        device = get(index)
        if kind(device) == _GGML_DEVICE_GPU:
            free, total = ctypes.c_size_t(), ctypes.c_size_t()
            memory(device, ctypes.byref(free), ctypes.byref(total))
            found.append(total.value // 1_000_000)
    return tuple(found)
