"""The quick look at a name agrees with all patterns in full."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from tabwright.workspace_index.ignoring import PatternList, is_secret

PIECES = ("a", "b.py", "*", "*.py", "?", "[ab]", "**", "x*", "*~", "lib", ".env")
NAMES = ("a", "b.py", "lib", "x1", "c.py", "q~", ".env", "ab", "b.pyc")


@st.composite
def patterns(draw: st.DrawFn) -> str:
    path = "/".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3)))
    start = draw(st.sampled_from(("", "", "!", "/", "!/")))
    return start + path + draw(st.sampled_from(("", "", "/", " ")))


@settings(max_examples=400)
@given(
    st.lists(patterns(), max_size=5),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
    st.booleans(),
)
def test_the_verdict_is_that_of_the_library(
    lines: list[str], parts: list[str], is_folder: bool
) -> None:
    inside = "/".join(parts) + ("/" if is_folder else "")
    expected = GitIgnoreSpec.from_lines(lines).check_file(inside).include
    # Asked in the order of the folders, an ignored folder around a path has been seen before.
    around = [
        GitIgnoreSpec.from_lines(lines).check_file("/".join(parts[:depth]) + "/").include
        for depth in range(1, len(parts))
    ]
    if not any(around):
        assert bool(PatternList(lines).verdict(parts[-1], inside)) == bool(expected)


def test_secrets_are_told_by_names_and_folders() -> None:
    secret = ("a/.env", ".ssh/config", "x/id_rsa.pub", "deploy.key", "C:\\x\\.env", "/a/.aws/b")
    assert [path for path in secret if not is_secret(path)] == []
    assert not any(map(is_secret, ("a/.env.example", "keys.py", "env.py", "credentials.py")))
