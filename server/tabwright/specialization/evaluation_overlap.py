"""Files that hold what models are judged with, by shared runs of five words.

A file that holds a whole task among other code resembles it little, so what counts is how much of
the task it holds: containment, counted exactly, which is never below resemblance.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tabwright.errors import CorpusError
from tabwright.specialization.near_duplicates import shingles

LARGEST_SHARE = 0.5
_FEWEST_SHINGLES = 8
_LARGEST_FILE_BYTES = 1_000_000


class EvaluationTexts:
    """The texts of a folder of evaluation files.

    A line of a `.jsonl` file is one text, made of `prefix`, `middle` and `suffix` where it has
    them, else of all its strings; any other UTF-8 file is one text.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder.

        Raises:
            CorpusError: it cannot be read or holds no text.
        """
        self._holders: dict[int, list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        for text in _texts(folder):
            runs = {hash_of(run) for run in shingles(text)}
            if len(runs) < _FEWEST_SHINGLES:
                continue
            for run in runs:
                self._holders[run].append(len(self._sizes))
            self._sizes.append(len(runs))
        if not self._sizes:
            raise CorpusError(f"{folder} holds no evaluation files.")

    def __len__(self) -> int:
        return len(self._sizes)

    def overlaps(self, text: str) -> bool:
        """Say whether a text holds half of an evaluation text or more."""
        shared = Counter(
            holder for run in shingles(text) for holder in self._holders.get(hash_of(run), ())
        )
        return any(count >= LARGEST_SHARE * self._sizes[holder] for holder, count in shared.items())


def hash_of(run: bytes) -> int:
    """Return a small key for a run of words, for the life of this process."""
    return hash(run)


def _texts(folder: Path) -> Iterator[str]:
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise CorpusError(f"{folder} cannot be read: {error.strerror or error}.") from error
    for path in files:
        try:
            is_lines = path.suffix == ".jsonl"
            if not is_lines and path.stat().st_size > _LARGEST_FILE_BYTES:
                continue
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if not is_lines:
            yield text
            continue
        for line in text.split("\n"):
            if line.strip():
                yield _text_of_item(line, path)


def _text_of_item(line: str, path: Path) -> str:
    try:
        item = json.loads(line)
    except ValueError as error:
        raise CorpusError(f"{path} is no JSON lines: {error}.") from error
    if not isinstance(item, dict):
        return ""
    parts = [item.get(name) for name in ("prefix", "middle", "suffix")]
    if not all(isinstance(part, str) for part in parts):
        return "\n".join(part for part in item.values() if isinstance(part, str))
    return "".join(str(part) for part in parts)
