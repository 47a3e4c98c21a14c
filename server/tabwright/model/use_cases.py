"""What is written at a place, where a model may be meant for just that; from names alone."""

from __future__ import annotations

import re

from tabwright.model.manifest import UseCase

_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs", "testing"})
_TEST_NAME = re.compile(
    r"""(?: test_.* | .*[_-]tests? | .*[._-]spec | .*\.test | conftest
          | .*[a-z0-9]Tests? | .*[a-z0-9]Spec )\Z""",
    re.VERBOSE,
)
_CONFIGURATION_LANGUAGES = frozenset(
    {"json", "jsonc", "yaml", "toml", "ini", "properties", "dockerfile", "makefile", "cmake"}
)


def use_cases_of(
    relative_path: str, language: str, *, is_in_comment: bool = False
) -> frozenset[UseCase]:
    """Return what is written at a place in a file, which may be several things, or none.

    `relative_path` has forward slashes, `language` is the editor's language id; a docstring counts
    as a comment.
    """
    found: set[UseCase] = set()
    *folders, name = relative_path.split("/")
    stem = name.rpartition(".")[0] or name
    if _TEST_FOLDERS & {folder.lower() for folder in folders} or _TEST_NAME.match(stem):
        found.add("tests")
    if language in _CONFIGURATION_LANGUAGES:
        found.add("configuration")
    if is_in_comment:
        found.add("comments")
    return frozenset(found)
