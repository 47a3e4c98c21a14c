"""A model's tokens as the server makes them: llama.cpp's own tokeniser on the same file."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from tabwright.errors import SpecializationError
from tabwright.model.messages import Segment


class Vocabulary:
    """The vocabulary of one GGUF file; the weights in it are not loaded.

    Raises:
        SpecializationError: llama.cpp cannot read the file.
    """

    def __init__(self, weights: Path) -> None:
        llama_cpp.llama_log_set(_SILENCE, ctypes.c_void_p(0))
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self._model: Any = llama_cpp.llama_model_load_from_file(str(weights).encode(), parameters)
        if not self._model:
            raise SpecializationError(f"llama.cpp cannot read the vocabulary of {weights}.")
        self._vocabulary: Any = llama_cpp.llama_model_get_vocab(self._model)
        self._control: dict[str, int] = {}
        self._begins_with_line_end: dict[int, bool] = {}
        self.size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        self.end = int(llama_cpp.llama_vocab_eos(self._vocabulary))
        """The token that ends a text."""
        self.begin = int(llama_cpp.llama_vocab_bos(self._vocabulary))

    def tokens(self, segments: Sequence[Segment], *, add_bos: bool = False) -> list[int]:
        """Return the tokens of a prompt, each segment by itself, as `model.llama` makes them.

        Raises:
            SpecializationError: a control segment is not exactly one token.
        """
        found = [self.begin] if add_bos else []
        for segment in segments:
            if segment.is_control:
                found.append(self.control(segment.text))
            else:
                found += self.text(segment.text)
        return found

    def text(self, text: str) -> list[int]:
        """Return the tokens of a text in which nothing is a control token."""
        return self._tokenize(text, control=False)

    def control(self, name: str) -> int:
        """Return the one token that `name` is.

        Raises:
            SpecializationError: it is none or several.
        """
        if name not in self._control:
            found = self._tokenize(name, control=True)
            if len(found) != 1:
                raise SpecializationError(f"{name!r} is not one token of this model.")
            self._control[name] = found[0]
        return self._control[name]

    def begins_with_line_end(self, token: int) -> bool:
        """Say whether the text of a token begins with a line feed."""
        if token not in self._begins_with_line_end:
            room = 64
            piece = ctypes.create_string_buffer(room)
            size = llama_cpp.llama_token_to_piece(
                self._vocabulary, llama_cpp.llama_token(token), piece, room, 0, False
            )
            self._begins_with_line_end[token] = size > 0 and piece.raw[0:1] == b"\n"
        return self._begins_with_line_end[token]

    def _tokenize(self, text: str, *, control: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        if not data:
            return []
        room = len(data) + 8
        tokens = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(
            self._vocabulary, data, len(data), tokens, room, False, control
        )
        return tokens[: max(count, 0)]


def _say_nothing(_level: int, _text: bytes, _data: object) -> None:
    pass  # stdout and stderr of a run are for its progress


_SILENCE = llama_cpp.llama_log_callback(_say_nothing)
