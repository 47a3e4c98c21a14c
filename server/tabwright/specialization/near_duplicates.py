"""Texts that are nearly the same, by MinHash; the sole importer of datasketch.

Broder, "On the resemblance and containment of documents" (1997); with shingles of five words and a
resemblance of 0.7, as for The Stack (arXiv 2211.15533).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from tabwright.errors import CorpusError

SHINGLE_WORDS = 5
PERMUTATIONS = 128
THRESHOLD = 0.7
PERMUTATION_SEED = 1

_WORD = re.compile(r"\w+")


def shingles(text: str) -> set[bytes]:
    """Return every run of five words; of a text with fewer, the one run that it is."""
    words = _WORD.findall(text)
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return {" ".join(words[at : at + SHINGLE_WORDS]).encode() for at in range(last)}


class NearDuplicates:
    """The texts so far. The same texts in the same order give the same answers anywhere."""

    def __init__(self) -> None:
        """Begin with no text.

        Raises:
            CorpusError: datasketch is not installed.
        """
        try:
            import datasketch  # noqa: PLC0415
        except ImportError as error:
            raise CorpusError(
                "datasketch is needed to build a corpus and is not installed; install it with"
                " `pip install 'tabwright[train]'`."
            ) from error
        self._datasketch: Any = datasketch
        self._index: Any = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
        self._hashes: dict[int, Any] = {}
        self._seen: set[bytes] = set()

    def is_duplicate(self, text: str) -> bool:
        """Say whether the same text, but for white space, has been added."""
        return _digest(text) in self._seen

    def add_unless_near(self, text: str) -> bool:
        """Add a text, unless one that is much like it has been; say whether it was added."""
        hashed = self._datasketch.MinHash(num_perm=PERMUTATIONS, seed=PERMUTATION_SEED)
        hashed.update_batch(shingles(text))
        near = self._index.query(hashed)
        if any(self._hashes[key].jaccard(hashed) >= THRESHOLD for key in near):
            return False
        key = len(self._hashes)
        self._hashes[key] = hashed
        self._index.insert(key, hashed)
        self._seen.add(_digest(text))
        return True


def _digest(text: str) -> bytes:
    return hashlib.sha256(" ".join(text.split()).encode()).digest()
