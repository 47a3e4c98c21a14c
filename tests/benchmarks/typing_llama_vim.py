"""llama.vim in the typing benchmark: what it does at each key, spoken to llama-server.

Written after the behaviour of llama.vim's `autoload/llama.vim` of 2025: its prompt sizes, limits,
result cache, retries, second request from behind the suggestion shown, and ring of chunks. A model
without fill-in-the-middle cannot answer `/infill`: then the same prefix goes to `/completion`, and
there is no suffix and no ring.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
from llama_server_peer import Completion, LlamaServer
from typing_editor import Ask, Document

_PREFIX_LINES, _SUFFIX_LINES = 256, 64
_PREDICT_TOKENS = 128
_PROMPT_MS, _FIRST_PREDICT_MS, _PREDICT_MS = 500, 250, 1000
_TOP_K, _TOP_P = 40, 0.90
_SAMPLERS = ("top_k", "top_p", "infill")
_RETRY_SECONDS = 0.1
_CACHE_ENTRIES = 250
_CACHE_DROPPED_LINES = 3
_CACHE_TYPED_ALONG = 128
_LONGEST_LINE_SUFFIX = 8
_RING_CHUNKS, _RING_QUEUE, _RING_CHUNK_LINES = 16, 16, 64
_RING_SCOPE_LINES = 1024
_RING_JUMP_LINES = 32
_RING_UPDATE_SECONDS = 1.0
_RING_REST_SECONDS = 3.0
_RING_ENTER_SECONDS = 0.1
_TOO_ALIKE, _SAME = 0.5, 0.9
_NEVER = -9999

_Key = tuple[str, str]
"""The text before the cursor and the text after it; llama.vim takes a hash of both."""


@dataclass(frozen=True)
class _Context:
    """What is sent: whole lines before, the line up to the cursor, and everything after."""

    prefix: str
    middle: str
    suffix: str
    indentation: int
    right_of_cursor: str

    @property
    def key(self) -> _Key:
        return self.prefix + self.middle, self.suffix


@dataclass(frozen=True)
class _Hint:
    """The suggestion on the screen."""

    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def can_be_accepted(self) -> bool:
        return bool(self.text.strip())


@dataclass
class LlamaVim:
    """The plugin's state, and the one request that it has under way."""

    server: LlamaServer
    name: str = "llama.vim"
    accepts_first_line: bool = True
    _cache: dict[_Key, str] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(1))
    _document: Document | None = None
    _ask: Ask | None = None
    _hint: _Hint | None = None
    _job: asyncio.Task[None] | None = None
    _retry: asyncio.TimerHandle | None = None
    _last_indentation: int = -1
    _moved_at: float = 0.0
    _ring: list[tuple[str, ...]] = field(default_factory=list)
    _queue: list[tuple[str, ...]] = field(default_factory=list)
    _picked_line: int = _NEVER
    _ring_task: asyncio.Task[None] | None = None

    def processes(self) -> list[psutil.Process]:
        """Return llama-server."""
        return [self.server.process]

    async def open(self, document: Document) -> None:
        """Enter a buffer: in time, a chunk around the cursor goes into the ring."""
        self._document, self._ask, self._hint = document, None, None
        if self.server.can_infill:
            self._ring_task = asyncio.create_task(self._keep_ring())

    def key(self, document: Document, ask: Ask) -> None:
        """Follow the cursor: show what the cache has, then ask for the new place."""
        self._ask = ask
        self._hint = None
        self._moved_at = time.monotonic()
        # A key for which nothing is sent reads nothing.
        ask.add_tokens(0)
        self._try_hint()
        self._request(None, ())

    async def close(self, document: Document) -> None:
        """Leave insert mode. A request under way is not stopped, as in the plugin."""
        if self._retry is not None:
            self._retry.cancel()
        if self._ring_task is not None:
            self._ring_task.cancel()
            await asyncio.wait([self._ring_task])
        if self._job is not None:
            await asyncio.wait([self._job])
        if self._retry is not None:
            self._retry.cancel()  # the last answer may have set it again
        self._document = self._ask = self._hint = None

    async def prefilled_tokens(self) -> int | None:
        """Return llama-server's count."""
        return await self.server.prefilled_tokens()

    # -- asking --

    def _request(self, line_number: int | None, previous: Sequence[str]) -> None:
        """Ask for the cursor's place, or for the one behind a suggestion, if nothing runs."""
        if self._document is None or self._ask is None:
            return
        if self._job is not None:
            if self._retry is not None:
                self._retry.cancel()
            self._retry = asyncio.get_running_loop().call_later(
                _RETRY_SECONDS, self._request, line_number, previous
            )
            return
        context = self._context(line_number, previous)
        if len(context.right_of_cursor) > _LONGEST_LINE_SUFFIX:
            return
        keys = _cache_keys(context)
        if any(key in self._cache for key in keys):
            return
        self._last_indentation = context.indentation
        self._job = asyncio.create_task(self._run(context, keys, self._ask, bool(previous)))
        if self.server.can_infill:
            self._pick_far_chunks()

    async def _run(
        self, context: _Context, keys: Sequence[_Key], ask: Ask, is_speculative: bool
    ) -> None:
        try:
            answer = await self._complete(context, is_speculative)
            if answer is None:
                return
            ask.add_tokens(answer.prefilled_tokens)
            for key in keys:
                self._remember(key, answer.content)
            if self._hint is None or not self._hint.can_be_accepted:
                self._try_hint()
            if not is_speculative:
                ask.answer("")  # an answer with nothing to show, or one that comes too late
        finally:
            self._job = None

    async def _complete(self, context: _Context, is_speculative: bool) -> Completion | None:
        body: dict[str, Any] = {
            "n_predict": _PREDICT_TOKENS,
            "n_indent": context.indentation,
            "top_k": _TOP_K,
            "top_p": _TOP_P,
            "samplers": _SAMPLERS,
            "stream": False,
            "cache_prompt": True,
            "t_max_prompt_ms": _PROMPT_MS,
            "t_max_predict_ms": _PREDICT_MS if is_speculative else _FIRST_PREDICT_MS,
            "response_fields": ["content", "timings/prompt_n"],
        }
        if not self.server.can_infill:
            body["prompt"] = context.prefix + context.middle
            return await self.server.complete("/completion", body)
        self._evict_like_the_surroundings()
        body |= {
            "input_prefix": context.prefix,
            "input_suffix": context.suffix,
            "input_extra": self._extra(),
            "prompt": context.middle,
        }
        return await self.server.complete("/infill", body)

    def _context(self, line_number: int | None, previous: Sequence[str]) -> _Context:
        """Return the context at the cursor, or as if a suggestion had been inserted."""
        document = self._document
        assert document is not None, "only an open document is asked about"
        lines = (document.before + document.after).split("\n")
        number = document.line_number if line_number is None else line_number
        line = lines[number]
        if previous:
            return self._context_behind(lines, number, previous)
        column = len(document.before) - document.before.rfind("\n") - 1
        middle, right, indentation = line[:column], line[column:], _indentation(line)
        if not line.strip():
            middle, right, indentation = "", "", 0
        return _Context(
            prefix="\n".join(lines[max(0, number - _PREFIX_LINES) : number]) + "\n",
            middle=middle,
            suffix=_suffix(right, lines, number),
            indentation=indentation,
            right_of_cursor=right,
        )

    def _context_behind(
        self, lines: Sequence[str], number: int, previous: Sequence[str]
    ) -> _Context:
        first = lines[number] + previous[0]
        start = max(0, number - _PREFIX_LINES + len(previous) - 1)
        before = list(lines[start:number])
        if len(previous) > 1:
            before += [first, *previous[1:-1]]
        return _Context(
            prefix="\n".join(before) + "\n",
            middle=first if len(previous) == 1 else previous[-1],
            suffix=_suffix("", lines, number),
            indentation=self._last_indentation,
            right_of_cursor="",
        )

    # -- the cache and what is shown --

    def _remember(self, key: _Key, content: str) -> None:
        if len(self._cache) > _CACHE_ENTRIES - 1:
            del self._cache[self._chance.choice(list(self._cache))]
        self._cache[key] = content

    def _try_hint(self) -> None:
        """Show what the cache has for the cursor, and ask for what comes after it."""
        if self._document is None or self._ask is None:
            return
        content = self._cached()
        if content is None:
            return
        line_number = self._document.line_number
        self._hint = self._rendered(content)
        self._ask.answer(self._hint.text if self._hint.can_be_accepted else "")
        self._request(line_number, self._hint.lines)

    def _cached(self) -> str | None:
        """Return an answer for this place, or what is left of one from up to 128 keys ago."""
        before, after = self._context(None, ()).key
        exact = self._cache.get((before, after))
        if exact is not None:
            return exact
        found: str | None = None
        longest = 0
        for count in range(1, min(_CACHE_TYPED_ALONG, len(before)) + 1):
            content = self._cache.get((before[:-count], after))
            if not content or not content.startswith(before[-count:]):
                continue
            rest = content[count:]
            if rest and found is None:
                found = rest
            elif len(rest) > longest:
                found, longest = rest, len(rest)
        return found

    def _rendered(self, content: str) -> _Hint:
        """Return what the plugin shows: not what the text below says already."""
        document = self._document
        assert document is not None, "only an open document shows suggestions"
        shown = content.split("\n")
        while shown and not shown[-1]:
            shown.pop()
        shown = shown or [""]
        lines = (document.before + document.after).split("\n")
        number = document.line_number
        line = lines[number]
        if not line.strip():
            lead = min(len(_whitespace(shown[0])), len(line))
            line, shown[0] = shown[0][:lead], shown[0][lead:]
        column = len(document.before) - document.before.rfind("\n") - 1
        left, right = line[:column], line[column:]
        if _repeats_below(shown, left, right, lines, number):
            shown = [""]
        shown[-1] += right
        return _Hint(tuple(shown))

    # -- the ring of chunks --

    async def _keep_ring(self) -> None:
        await asyncio.sleep(_RING_ENTER_SECONDS)
        if self._ask is None:  # the plugin takes none from a changed buffer here
            self._pick_around()
        while True:
            await asyncio.sleep(_RING_UPDATE_SECONDS)
            rests = self._ask is None or time.monotonic() - self._moved_at >= _RING_REST_SECONDS
            if rests and self._queue:
                self._ring = [*self._ring, self._queue.pop(0)][-_RING_CHUNKS:]
                await self._prefill_ring()

    async def _prefill_ring(self) -> None:
        body = {
            "input_prefix": "",
            "input_suffix": "",
            "input_extra": self._extra(),
            "prompt": "",
            "n_predict": 0,
            "temperature": 0.0,
            "stream": False,
            "samplers": (),
            "cache_prompt": True,
            "t_max_prompt_ms": 1,
            "t_max_predict_ms": 1,
            "response_fields": [""],
        }
        await self.server.complete("/infill", body)

    def _extra(self) -> list[dict[str, str]]:
        return [{"text": "\n".join(chunk) + "\n"} for chunk in self._ring]

    def _around(self) -> list[str]:
        document = self._document
        assert document is not None, "chunks are taken from an open document"
        lines = (document.before + document.after).split("\n")
        half = _RING_CHUNK_LINES // 2
        return lines[max(0, document.line_number - half) : document.line_number + half + 1]

    def _pick_around(self) -> None:
        self._pick(self._around(), does_evict=True)

    def _pick_far_chunks(self) -> None:
        """Take chunks from beyond the prefix and the suffix once the cursor has moved far."""
        document = self._document
        assert document is not None, "chunks are taken from an open document"
        number = document.line_number
        if abs(number - self._picked_line) <= _RING_JUMP_LINES:
            return
        lines = (document.before + document.after).split("\n")
        above = lines[max(0, number - _RING_SCOPE_LINES) : max(1, number - _PREFIX_LINES + 1)]
        start = min(len(lines) - 1, number + _SUFFIX_LINES)
        self._pick(above, does_evict=False)
        self._pick(lines[start : start + _RING_CHUNK_LINES + 1], does_evict=False)
        self._picked_line = number

    def _pick(self, text: Sequence[str], *, does_evict: bool) -> None:
        if len(text) < 3:
            return
        chunk = self._random_part(text) if len(text) + 1 >= _RING_CHUNK_LINES else tuple(text)
        if chunk in self._ring or chunk in self._queue:
            return
        for kept in (self._queue, self._ring):
            alike = [each for each in kept if _similarity(each, chunk) > _SAME]
            if alike and not does_evict:
                return
            kept[:] = [each for each in kept if each not in alike]
        self._queue = [*self._queue, chunk][-_RING_QUEUE:]

    def _random_part(self, text: Sequence[str]) -> tuple[str, ...]:
        half = _RING_CHUNK_LINES // 2
        start = self._chance.randint(0, max(0, len(text) - half))
        return tuple(text[start : start + half + 1])

    def _evict_like_the_surroundings(self) -> None:
        """Drop chunks that would only make the model repeat what is around the cursor."""
        here = self._random_part(self._around())
        self._ring = [each for each in self._ring if _similarity(each, here) <= _TOO_ALIKE]


def _cache_keys(context: _Context) -> list[_Key]:
    """Return the key of a context, and those with one to three first lines dropped."""
    keys, prefix = [context.key], context.prefix
    for _ in range(_CACHE_DROPPED_LINES):
        prefix = prefix.partition("\n")[2]
        if not prefix:
            break
        keys.append((prefix + context.middle, context.suffix))
    return keys


def _suffix(right: str, lines: Sequence[str], number: int) -> str:
    return right + "\n" + "\n".join(lines[number + 1 : number + 1 + _SUFFIX_LINES]) + "\n"


def _whitespace(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _indentation(line: str) -> int:
    return len(_whitespace(line))


def _repeats_below(
    shown: Sequence[str], left: str, right: str, lines: Sequence[str], number: int
) -> bool:
    """Whether a suggestion only says what stands after the cursor or below it."""
    first, *rest = shown
    below = list(lines[number + 1 :])
    if rest and not first and rest == below[: len(rest)]:
        return True
    if not rest and first == right:
        return True
    while len(below) > 1 and not below[0].strip():
        below.pop(0)
    if not below or left + first != below[0]:
        return False
    following = below[1:]
    if len(rest) == 1:
        return bool(following) and following[0].startswith(rest[0])
    return rest == following[: len(rest)]


def _similarity(one: Sequence[str], other: Sequence[str]) -> float:
    """Return how many lines two chunks share, from 0 to 1."""
    common = sum(line in other for line in one)
    return 2.0 * common / (len(one) + len(other))
