"""One loaded model on llama.cpp's low-level interface. Runs in the model process only.

Why not the `Llama` class: its fill-in-the-middle ids are wrong, it tokenises user text with control
tokens enabled, keeps one sequence only, and points the process's stdout at /dev/null while it
loads (seen in llama-cpp-python 0.3.36).
"""

from __future__ import annotations

import bisect
import codecs
import ctypes
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from tabwright.model.messages import Segment

SEQUENCES = 4
"""How many documents keep their evaluated prompts at once."""

BATCH_TOKENS = 32
"""Prompt tokens per call into llama.cpp: a cancelled request stops within one such batch."""

_HEALED_TOKENS = 6
_ENDS_IN_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
"""Letters alone: what comes before may still be part of the same word."""

_SPECIAL_ATTRIBUTES = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
_GGML_LOG_ERROR = 4
_GGML_LOG_WARN = 3


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
    last_use: int = 0


@dataclass(frozen=True)
class ModelOptions:
    """How to load a model."""

    weights_path: str
    adapter_path: str
    context_tokens: int
    prefill_threads: int
    decode_threads: int
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
        self._tokens_by_bytes: list[tuple[bytes, int]] = []
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
        spelled = (
            (self.token_bytes(token), token)
            for token in range(self.vocabulary_size)
            if not self.is_end(token)
        )
        self._tokens_by_bytes = sorted(piece for piece in spelled if piece[0])
        self.context_tokens = min(
            options.context_tokens, int(llama_cpp.llama_model_n_ctx_train(self._model))
        )
        context_params = llama_cpp.llama_context_default_params()
        context_params.n_ctx = self.context_tokens * SEQUENCES
        context_params.n_batch = BATCH_TOKENS
        context_params.n_ubatch = BATCH_TOKENS
        context_params.n_seq_max = SEQUENCES
        context_params.n_threads = options.decode_threads
        context_params.n_threads_batch = options.prefill_threads
        context_params.kv_unified = False
        if options.gpu_layers == 0 or not supports_gpu_offload():
            # On a CPU it reads prompts at a third of the speed in batches this small, and its sums
            # depend on the batch (`tests/benchmarks/evaluation.py`).
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

    def keep_common_prefix(self, sequence: KvSequence, tokens: Sequence[int]) -> int:
        """Drop from the sequence all that `tokens` does not begin with; return what is left.

        At least the last token is left to evaluate, because its logits are wanted. Models whose
        memory cannot be rolled back (recurrent, sliding window) start over.
        """
        common = 0
        for mine, wanted in zip(sequence.tokens, tokens[:-1], strict=False):
            if mine != wanted:
                break
            common += 1
        self._truncate(sequence, common)
        return len(sequence.tokens)

    def _truncate(self, sequence: KvSequence, length: int) -> None:
        if length < len(sequence.tokens):
            if llama_cpp.llama_memory_seq_rm(self._memory, sequence.index, length, -1):
                del sequence.tokens[length:]
            else:
                llama_cpp.llama_memory_seq_rm(self._memory, sequence.index, -1, -1)
                sequence.tokens.clear()

    def evaluate(self, sequence: KvSequence, tokens: Sequence[int]) -> Iterator[int]:
        """Append tokens to a sequence, a batch at a time, yielding the count done after each.

        The last batch leaves the logits of the last token to be read.

        Raises:
            LlamaError: llama.cpp cannot evaluate; the sequence is empty afterwards.
        """
        done = 0
        while done < len(tokens):
            part = tokens[done : done + BATCH_TOKENS]
            self._decode(sequence, part, wants_logits=done + len(part) == len(tokens))
            done += len(part)
            yield done

    def _decode(self, sequence: KvSequence, tokens: Sequence[int], *, wants_logits: bool) -> None:
        batch = self._batch
        assert batch is not None, "the model is closed"
        start = len(sequence.tokens)
        for position, token in enumerate(tokens):
            batch.token[position] = token
            batch.pos[position] = start + position
            batch.n_seq_id[position] = 1
            batch.seq_id[position][0] = sequence.index
            batch.logits[position] = 0
        batch.logits[len(tokens) - 1] = 1 if wants_logits else 0
        batch.n_tokens = len(tokens)
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            llama_cpp.llama_memory_seq_rm(self._memory, sequence.index, -1, -1)
            sequence.tokens.clear()
            said = self._log.take_errors()
            raise LlamaError(f"llama_decode returned {status}" + (f": {said}" if said else ""))
        sequence.tokens.extend(tokens)

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

    def next_token(self, rank: int = 0, must_begin: bytes = b"") -> tuple[int, float]:
        """Return the token of this rank by probability and its log-probability (natural).

        With `must_begin` only tokens count that agree with these bytes as far as both go, so that
        a healed prompt's end comes out again byte by byte. Ties go to the lower token id, so that
        the choice is the same every time.
        """
        pointer = llama_cpp.llama_get_logits_ith(self._context, -1)
        logits: npt.NDArray[np.float32] = np.ctypeslib.as_array(
            pointer, shape=(self.vocabulary_size,)
        )
        if must_begin:
            allowed = self._agreeing_tokens(must_begin)
            if not allowed.size:
                raise LlamaError("no token of this model spells the end of the prompt")
            token = int(allowed[np.argmax(logits[allowed])])
        elif rank == 0:
            token = int(np.argmax(logits))
        else:
            token = int(np.argsort(-logits, kind="stable")[rank])
        top = float(np.max(logits))
        normaliser = top + float(np.log(np.sum(np.exp(logits - top))))
        return token, float(logits[token]) - normaliser

    def _agreeing_tokens(self, wanted: bytes) -> npt.NDArray[np.int64]:
        """Return, in order, the tokens that begin with `wanted` or that `wanted` begins with."""
        pieces = self._tokens_by_bytes
        first = bisect.bisect_left(pieces, (wanted, -1))
        beyond = bisect.bisect_left(pieces, (_after(wanted), -1)) if _after(wanted) else len(pieces)
        found = [token for _, token in pieces[first:beyond]]
        for length in range(1, len(wanted)):
            start = bisect.bisect_left(pieces, (wanted[:length], -1))
            while start < len(pieces) and pieces[start][0] == wanted[:length]:
                found.append(pieces[start][1])
                start += 1
        return np.array(sorted(found), dtype=np.int64)

    def is_end(self, token: int) -> bool:
        """Whether the model ends its answer with this token."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token)) or bool(
            llama_cpp.llama_vocab_is_control(self._vocabulary, token)
        )

    def token_bytes(self, token: int) -> bytes:
        """Return the UTF-8 bytes of a token, which may hold part of a character only."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            size = -count


def _after(prefix: bytes) -> bytes:
    """Return the smallest bytes greater than everything that begins with `prefix`, or nothing."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else b""


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
