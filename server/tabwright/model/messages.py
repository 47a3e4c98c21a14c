"""The messages between a server and the model process: the only module both sides import.

Each message is a MessagePack map behind a four-byte big-endian length. The protocol is
asynchronous and assumes no single client: request ids are unique per connection, every answer
names the request it belongs to, and KV sequences are named by the client's own document names,
so one process may later serve every editor window over several connections.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Literal, TypeAlias

import msgspec

PROTOCOL_VERSION = 4
MAX_FRAME_BYTES = 64 * 1024 * 1024

_LENGTH = struct.Struct(">I")


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """A part of a prompt: the user's text, or the name of one control token."""

    text: str
    is_control: bool = False
    """True for a manifest's own strings (`<|fim_middle|>`). Only these may become control tokens;
    user text that looks like one stays plain text."""


class Guess(msgspec.Struct, frozen=True, array_like=True):
    """A text with which the answer may go on, from someone who knows nothing of the model."""

    text: str
    weight: float
    """Its odds against the model, which has 1, before the model is heard; see `mixture.py`."""
    is_line: bool = True
    """Whether the line ends after it; else a word does."""


# ---- from a server to the model process ----


class LoadModel(msgspec.Struct, frozen=True, tag=True):
    """Make a model ready. Asking for one that is loaded answers at once."""

    request_id: int
    model_key: str
    """The client's name for this combination of weights, adapter and options."""
    weights_path: str
    adapter_path: str
    """A LoRA adapter as GGUF, or empty."""
    context_tokens: int
    prefill_threads: int
    decode_threads: int
    """Small models decode no faster on several threads, and several threads wait for each other."""
    gpu_layers: int
    """Layers to offload; -1 for all; 0 for none."""
    control_strings: tuple[str, ...]
    """Every string that prompts will use as a control token: each must be exactly one token."""
    idle_unload_seconds: float
    """Free the model when nothing was asked of it for this long; 0 keeps it."""


class Generate(msgspec.Struct, frozen=True, tag=True):
    """Continue a prompt, greedily, streaming a `Piece` per token."""

    request_id: int
    model_key: str
    document: str
    """Names the KV sequence to reuse: requests of one document share their common prefix."""
    segments: tuple[Segment, ...]
    add_bos: bool
    max_tokens: int
    stop_strings: tuple[str, ...]
    """Control tokens that end the text, besides the model's own end-of-generation tokens."""
    time_limit_seconds: float
    """Counted from the start of the prefill; 0 for none."""
    first_token_rank: int = 0
    """0 starts with the likeliest token, 1 with the second, and so on: alternatives."""
    stop_at: Literal["", "line_end", "line_end_after_text"] = ""
    """Whether the answer ends with a line: at its first line end, or at the first one that
    follows something else than white space."""
    log_probability_floor: float = -math.inf
    """The answer ends once its tokens together are less likely than this (natural logarithm)."""
    heals: bool = True
    """False takes the prompt as it ends, even inside a word."""
    guesses: tuple[Guess, ...] = ()
    """Each token's probability is that of the model and these together, see `mixture.py`. They
    are drafts too: where they are right, several tokens are evaluated at once."""
    asks_for_guesses: bool = False
    """Whether guesses come by themselves (`MoreGuesses`) while the prompt is read, and are asked
    for (`WantsGuesses`) behind each token at which none is left; the answer waits for them."""
    known_text: str = ""
    """If given, this is the answer, whatever the model would say: its pieces tell how likely each
    token is. It ends with `unsure` where the text cannot go on what was healed of the prompt."""
    is_background: bool = False
    """True for work ahead: nobody waits for it, and it gives way to any other request at once. Only
    the newest one of a document is kept."""


class Measure(msgspec.Struct, frozen=True, tag=True):
    """Measure how fast a loaded model reads and writes on this machine."""

    request_id: int
    model_key: str


class MoreGuesses(msgspec.Struct, frozen=True, tag=True):
    """The first guesses of a request, or the answer to a `WantsGuesses`; there may be none."""

    request_id: int
    guesses: tuple[Guess, ...]


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop a request within one small batch; it still gets its `Finished`."""

    request_id: int


class UnloadModel(msgspec.Struct, frozen=True, tag=True):
    """Free a model's memory."""

    model_key: str


class Describe(msgspec.Struct, frozen=True, tag=True):
    """Ask what this build of llama.cpp can do."""

    request_id: int


ToProcess: TypeAlias = (
    LoadModel | Generate | MoreGuesses | Measure | Cancel | UnloadModel | Describe
)


# ---- from the model process to a server ----


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The first message of a process, once its libraries are loaded."""

    protocol_version: int
    process_id: int


class Description(msgspec.Struct, frozen=True, tag=True):
    """What this build of llama.cpp can do."""

    request_id: int
    llama_cpp_python: str
    system_info: str
    gpu_offload: bool
    devices: tuple[str, ...]
    gpu_memory_mb: tuple[int, ...] = ()
    """Memory of each GPU, in units of 10^6 bytes."""


class LoadProgress(msgspec.Struct, frozen=True, tag=True):
    """How much of a model is loaded, 0 to 1."""

    request_id: int
    fraction: float


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """A model is ready."""

    request_id: int
    model_key: str
    seconds: float
    context_tokens: int
    description: str
    bad_control_strings: tuple[str, ...]
    """Configured strings that are not exactly one token of this model."""


class Evaluated(msgspec.Struct, frozen=True, tag=True):
    """A sign of life during prefill: how many prompt tokens were evaluated so far."""

    request_id: int
    tokens: int


class Prefilled(msgspec.Struct, frozen=True, tag=True):
    """The prompt is evaluated; the first token follows."""

    request_id: int
    prompt_tokens: int
    reused_tokens: int
    """Prompt tokens whose KV entries were still there."""
    evaluated_tokens: int
    """What the prompt has cost: at least its other tokens, and one more where only one is new."""
    queued_seconds: float
    prefill_seconds: float


class Piece(msgspec.Struct, frozen=True, tag=True):
    """One generated token. `text` is empty while a character is still incomplete."""

    request_id: int
    text: str
    log_probability: float
    """Natural logarithm of the token's probability under the full softmax."""


class WantsGuesses(msgspec.Struct, frozen=True, tag=True):
    """How may the answer go on behind all the pieces sent so far? It waits for the answer."""

    request_id: int


class Measured(msgspec.Struct, frozen=True, tag=True):
    """How fast a model is here, in tokens per second; the best of a few rounds."""

    request_id: int
    read_tokens_per_second: float
    """Prompt tokens, in the batches that prompts are read in."""
    write_tokens_per_second: float
    """Answer tokens, without any luck with drafts."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The end of a generation, whatever the cause."""

    request_id: int
    cause: Literal["end_of_text", "line_end", "unsure", "max_tokens", "time_limit", "cancelled"]
    generated_tokens: int
    decode_seconds: float
    prompt_evaluated_tokens: int = 0
    """Prompt tokens that were evaluated, also when the request was cancelled while reading."""
    evaluated_tokens: int = 0
    """All tokens that were evaluated for it, drafts included."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A request that cannot be served; the process lives on."""

    request_id: int
    kind: Literal["load", "not_loaded", "prompt_too_long", "decode", "bad_request"]
    message: str


class Unloaded(msgspec.Struct, frozen=True, tag=True):
    """A model's memory was freed, by request or because nothing was asked of it."""

    model_key: str


FromProcess: TypeAlias = (
    Welcome
    | Description
    | LoadProgress
    | Loaded
    | Evaluated
    | Prefilled
    | Piece
    | WantsGuesses
    | Measured
    | Finished
    | Failed
    | Unloaded
)

_encoder = msgspec.msgpack.Encoder()
_to_process: msgspec.msgpack.Decoder[ToProcess] = msgspec.msgpack.Decoder(ToProcess)
_from_process: msgspec.msgpack.Decoder[FromProcess] = msgspec.msgpack.Decoder(FromProcess)


def encode(message: ToProcess | FromProcess) -> bytes:
    """Return one frame: four bytes of big-endian length, then the message.

    Half a surrogate pair, which an editor may send and UTF-8 cannot say, becomes a question mark.
    """
    try:
        body = _encoder.encode(message)
    except UnicodeEncodeError:
        body = _encoder.encode(_without_surrogates(msgspec.to_builtins(message)))
    return _LENGTH.pack(len(body)) + body


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _without_surrogates(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(each) for each in value]
    return value


def frame_length(header: bytes) -> int:
    """Return the body length that a four-byte header announces.

    Raises:
        ValueError: it is larger than any message can be, so the stream is out of step.
    """
    (length,) = _LENGTH.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes cannot be a message")
    return int(length)


def decode_to_process(body: bytes) -> ToProcess:
    """Read a message sent to the model process.

    Raises:
        msgspec.DecodeError: the bytes are no such message.
    """
    return _to_process.decode(body)


def decode_from_process(body: bytes) -> FromProcess:
    """Read a message sent by the model process.

    Raises:
        msgspec.DecodeError: the bytes are no such message.
    """
    return _from_process.decode(body)
