"""What is written in a file, from its name."""

from __future__ import annotations

import pytest

from tabwright.model.use_cases import use_cases_of


@pytest.mark.parametrize(
    "path",
    [
        "tests/helpers.py",
        "src/__tests__/button.tsx",
        "test_session.py",
        "pkg/server_test.go",
        "src/button.test.ts",
        "src/button.spec.js",
        "src/main/UserServiceTest.java",
        "spec/user_spec.rb",
        "conftest.py",
        "Tests/a.swift",
    ],
)
def test_files_of_tests(path: str) -> None:
    assert use_cases_of(path, "x") == {"tests"}


@pytest.mark.parametrize(
    "path", ["", "contest.py", "src/latest.py", "protest/a.py", "testimony.go", "src/attest.rs"]
)
def test_files_whose_names_only_look_like_it(path: str) -> None:
    assert use_cases_of(path, "x") == set()


def test_configuration_and_comments() -> None:
    assert use_cases_of("ci.yml", "yaml") == {"configuration"}
    assert use_cases_of("tests/a.py", "python", is_in_comment=True) == {"tests", "comments"}
