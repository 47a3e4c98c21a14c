"""A GGUF model of a few thousand parameters with a byte vocabulary, for tests of training."""

from pathlib import Path

import gguf
import numpy as np

CONTROL = ("<|endoftext|>", "<prefix>", "<suffix>", "<middle>", "<end>")
WIDTH, HEADS, KEY_HEADS, INNER, LAYERS = 64, 4, 2, 96, 2


def byte_spellings() -> list[str]:
    """How byte-level tokenisers spell the 256 bytes (GPT-2's table)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spelled, more = {}, 256
    for byte in range(256):
        spelled[byte] = chr(byte) if byte in plain else chr(more)
        more += byte not in plain
    return [spelled[byte] for byte in range(256)]


def write_tiny_model(path: Path, *, architecture: str = "llama", seed: int = 1) -> Path:
    """Write random weights; both llama.cpp and the trainer can load them."""
    rng = np.random.default_rng(seed)
    tokens = [*byte_spellings(), *CONTROL]
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 256 + [3] * len(CONTROL))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(260)

    def add(name: str, *shape: int, scale: float) -> None:
        writer.add_tensor(name, (rng.standard_normal(shape) * scale).astype(np.float32))

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(WIDTH, dtype=np.float32))

    keys = WIDTH // HEADS * KEY_HEADS
    add("token_embd.weight", len(tokens), WIDTH, scale=1.0)
    ones("output_norm.weight")
    for index in range(LAYERS):
        block = f"blk.{index}."
        ones(f"{block}attn_norm.weight")
        ones(f"{block}ffn_norm.weight")
        shapes = {
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (keys, WIDTH),
            "attn_v": (keys, WIDTH),
            "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (INNER, WIDTH),
            "ffn_up": (INNER, WIDTH),
            "ffn_down": (WIDTH, INNER),
        }
        for name, shape in shapes.items():
            add(f"{block}{name}.weight", *shape, scale=0.15)
        if architecture == "qwen2":
            for name in ("attn_q", "attn_k", "attn_v"):
                add(f"{block}{name}.bias", shapes[name][0], scale=0.5)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
