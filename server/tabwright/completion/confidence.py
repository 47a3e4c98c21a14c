"""How much of what the model wrote is sure enough to be shown unasked.

A suggestion ends before the token at which everything up to it, taken together, becomes less
likely than a threshold: the product of the tokens' probabilities, each given what was typed. Of the
word borders up to there it ends at the one where it may be expected to save most keys: a longer one
saves more, if it is right. Short and right beats long and wrong: whoever accepts it is asked again
at its end.

The thresholds are those of the model's manifest, found per language on held-out code with
`tests/benchmarks/calibrate.py`; no threshold is universal. A name that neither the document nor the
workspace has makes the rest less likely than the model says.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence

from tabwright.completion.cache import Written
from tabwright.document import is_in_word
from tabwright.model.manifest import Manifest

DEFAULT_THRESHOLD = 0.4
"""For a model that nobody has calibrated."""

DOUBTFUL = 0.5
"""How much less likely a name makes a suggestion that neither the document nor the workspace has.
"""

FEWEST_CHARACTERS = 2
"""To accept a suggestion takes a key: a shorter one saves nothing."""


_WORD = re.compile(r"[^\W\d]\w*")
_WORD_BEFORE = re.compile(r"\w+\Z")
_SHORTEST_NAME = 3


def threshold_for(manifest: Manifest, language: str) -> float:
    """Return the least probability of a suggestion that is shown unasked."""
    table = manifest.confidence
    return table.get(language, table.get("*", DEFAULT_THRESHOLD))


def log_floor(threshold: float) -> float:
    """Return the natural logarithm of a threshold; 0 lets everything pass."""
    return math.log(threshold) if threshold > 0 else -math.inf


def sure_length(written: Written, floor: float, doubtful: Sequence[int] = ()) -> int:
    """Return how many characters are sure enough and save most keys, never ending inside a word.

    How many keys a text saves is how many it has, less the one that accepts it, times its
    probability.

    `floor` is the natural logarithm of the least probability. `doubtful` are offsets in the text
    at which something begins that makes all that follows less likely than the model says.
    """
    text = written.text
    if floor == -math.inf:
        return len(text)
    totals = itertools.accumulate(written.log_probabilities)
    best, best_worth = 0, -math.inf
    for end, total in zip(written.token_ends, totals, strict=True):
        likelihood = total + math.log(DOUBTFUL) * sum(start < end for start in doubtful)
        if likelihood < floor:
            continue
        length = end
        while 0 < length < len(text) and _is_inside_word(text, length):
            length -= 1
        worth = likelihood + _log_of_keys_saved(text[:length])
        if worth >= best_worth:
            best, best_worth = length, worth
    return best


def _log_of_keys_saved(text: str) -> float:
    keys = len(text.strip()) - 1  # to accept it takes one
    return math.log(keys) if keys > 0 else -math.inf


def unknown_words(text: str, before: str, is_known: Callable[[str], bool]) -> list[int]:
    """Return where in a text words begin that are not known; `before` is what it follows."""
    begun = _WORD_BEFORE.search(before)
    head = begun.group() if begun is not None else ""
    found = []
    for match in _WORD.finditer(head + text):
        is_new = match.end() > len(head)
        if is_new and len(match.group()) >= _SHORTEST_NAME and not is_known(match.group()):
            found.append(max(0, match.start() - len(head)))
    return found


def _is_inside_word(text: str, offset: int) -> bool:
    return is_in_word(text[offset - 1]) and is_in_word(text[offset])
