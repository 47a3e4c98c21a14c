"""Packages that models are judged with and that therefore never enter a corpus."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from tabwright.errors import CorpusError
from tabwright.specialization.corpus_manifest import Corpus, CorpusPackage, ExcludedPackages


def check_exclusions(corpus: Corpus, exclusions: Sequence[ExcludedPackages]) -> None:
    """Check that a corpus names no excluded package.

    Raises:
        CorpusError: it does; the message gives the reason.
    """
    for package in corpus.packages:
        reason = reason_for_exclusion(package, exclusions)
        if reason is not None:
            raise CorpusError(f"{package.name} must not be in a corpus: {reason}")


def reason_for_exclusion(
    package: CorpusPackage, exclusions: Sequence[ExcludedPackages]
) -> str | None:
    """Return why a package is excluded, or None."""
    name = re.sub(r"[._]+", "-", package.name.lower())
    for group in exclusions:
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in group.names):
            return group.reason
    return None
