"""Shared by the syntax tests: the bundled languages, and source text with a cursor mark `‸`."""

from collections.abc import Callable

import pytest

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.languages import Language, LanguageRegistry

MARK = "‸"

SplitAtMark = Callable[[str], tuple[str, str]]
LanguageById = Callable[[str], Language]


@pytest.fixture(scope="session")
def bundled() -> LanguageRegistry:
    return LanguageRegistry([grammars_folder()])


@pytest.fixture(scope="session")
def language(bundled: LanguageRegistry) -> LanguageById:
    """Find a bundled language by its own id."""
    by_id = {each.id: each for each in bundled.all()}
    return by_id.__getitem__


@pytest.fixture(scope="session")
def split() -> SplitAtMark:
    """Split source text at its one cursor mark."""

    def split_at_mark(source: str) -> tuple[str, str]:
        before, found, after = source.partition(MARK)
        assert found
        assert MARK not in after
        return before, after

    return split_at_mark
