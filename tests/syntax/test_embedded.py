"""Code of other languages in a text, by its marks."""

from __future__ import annotations

import time

import pytest

from tabwright.syntax.embedded import embedded_at, embedded_in

MARK = "‸"


def language_at(source: str, language: str, *, is_cell: bool = False) -> tuple[str, str]:
    """The language at the mark, and the code that it stands in; nothing in the text's own."""
    before, _, after = source.partition(MARK)
    text = before + after
    found = embedded_at(embedded_in(text, language, is_cell=is_cell), len(before))
    return ("", "") if found is None else (found.language, text[found.start : found.end])


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ("<p>‸</p><script>a</script>", ""),
        ("<script>a‸</script>", "javascript"),
        ("<script>‸", "javascript"),
        ("<script>a</script>‸", ""),
        ("<scr‸ipt>a</script>", ""),
        ("<SCRIPT>a‸</SCRIPT>", "javascript"),
        ('<script type="module">a‸</script>', "javascript"),
        ('<script type="text/x-template"><p>‸</script>', ""),
        ('<script type="application/ld+json">‸</script>', "json"),
        ('<script lang="ts">‸</script>', "typescript"),
        ('<script data-a="x > y">‸</script>', "javascript"),
        ("<style>‸</style>", "css"),
        ('<style lang="scss">‸</style>', "scss"),
        ("<!-- <script> -->‸", ""),
        ("<!-- <script> ‸", ""),
        ("<scripture>‸", ""),
        ("<script ‸", ""),
    ],
)
def test_the_language_at_a_place_in_html(source: str, language: str) -> None:
    assert language_at(source, "html")[0] == language
    assert language_at(source, "python") == ("", "")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# T\n```python\nx = ‸1\n```\n", ("python", "x = 1")),
        ("```py\nx = ‸", ("python", "x = ")),
        ("~~~~ rust\nx‸\n~~~\ny\n~~~~\n", ("rust", "x\n~~~\ny")),
        ("```{.go}\n‸x\n```\n", ("go", "x")),
        ("```python\nx\n‸```\n", ("", "")),
        ("```\nx‸\n```\n", ("", "")),
        ("``‸`python\nx\n```\n", ("", "")),
        ("```python\nx\n```\ny‸\n", ("", "")),
        ("```python\n‸```\n", ("", "")),
        ("```python\n‸\n```\n", ("python", "")),
    ],
)
def test_the_language_at_a_place_in_markdown(source: str, expected: tuple[str, str]) -> None:
    assert language_at(source, "markdown") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = ‸", ("", "")),
        ("%%bash\nls ‸", ("shellscript", "ls ")),
        ("\n%%script bash\nls‸", ("shellscript", "ls")),
        ("%%sql sqlite://\nselect ‸", ("sql", "select ")),
        ("%%ba‸sh\nls", ("", "")),
        ("%%time\nx‸", ("", "")),
        ("x = 1\n!pip inst‸all\ny", ("shellscript", "pip install")),
        ("%sql select ‸", ("sql", "select ")),
        ("x = 5 %sql‸", ("", "")),
    ],
)
def test_the_language_at_a_place_in_a_cell(source: str, expected: tuple[str, str]) -> None:
    assert language_at(source, "python", is_cell=True) == expected
    assert language_at(source, "python") == ("", "")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('<script "' * 50_000, "html"),
        ("<script>" * 50_000, "html"),
        ("<!--" * 100_000, "html"),
        ("```a\n" * 100_000, "markdown"),
        ("~~~\n" * 100_000, "markdown"),
        ("<script" + " " * 400_000, "html"),
    ],
)
def test_odd_texts_take_no_longer_than_their_length(text: str, language: str) -> None:
    began = time.process_time()
    embedded_in(text[: len(text) // 8], language)
    short = time.process_time() - began
    began = time.process_time()
    embedded_in(text, language)
    assert time.process_time() - began < 0.2 + 30 * short


def test_a_text_that_is_very_long_is_left_alone() -> None:
    assert embedded_in("<script>a</script>" + "x" * 1_000_000, "html") == ()
