"""Which files are much the same, so that none is learned from while its twin is a question.

A file's lines, four at a time and without white space, are hashed, and an eighth of the hashes is
kept, chosen by their value (Manber 1994, "Finding similar files in a large file system"). Files
that share most of the smaller one's hashes are alike.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

_LINES_TOGETHER = 4
_KEPT_SHARE = 8
_ALIKE_SHARE = 0.5
_FEW_HASHES = 4
"""A short file keeps all of its hashes: an eighth would say nothing."""
_SHORT_FILE_LINES = 60
_COMMON = 50
"""What more files share than this is a licence or a header, and makes none alike."""


def groups_of_alike(texts: Sequence[str]) -> list[int]:
    """Return a group's number for each text; those alike, also by way of others, share one.

    A group's number is the index of its first member.
    """
    prints = [_prints(text) for text in texts]
    having: defaultdict[int, list[int]] = defaultdict(list)
    for index, each in enumerate(prints):
        for value in each:
            having[value].append(index)
    leader = list(range(len(texts)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for index, each in enumerate(prints):
        shared: Counter[int] = Counter()
        for value in each:
            if len(having[value]) <= _COMMON:
                shared.update(other for other in having[value] if other < index)
        for other, count in shared.items():
            if count >= _ALIKE_SHARE * min(len(each), len(prints[other])):
                first, second = sorted((find(index), find(other)))
                leader[second] = first
    by_content: dict[frozenset[int] | str, int] = {}
    for index, text in enumerate(texts):  # also those that share only what many share
        key = prints[index] if len(prints[index]) >= _FEW_HASHES else "".join(text.split())
        first, second = sorted((find(index), find(by_content.setdefault(key, index))))
        leader[second] = first
    return [find(index) for index in range(len(texts))]


def _prints(text: str) -> frozenset[int]:
    lines = [squeezed for line in text.splitlines() if len(squeezed := "".join(line.split())) > 1]
    hashes = {
        _hash("\n".join(lines[start : start + _LINES_TOGETHER]))
        for start in range(max(1, len(lines) - _LINES_TOGETHER + 1))
    }
    if len(lines) < _SHORT_FILE_LINES:
        return frozenset(hashes)
    return frozenset(value for value in hashes if value % _KEPT_SHARE == 0)


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
