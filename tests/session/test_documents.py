"""Documents kept in step with an editor, and notebooks as one text."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tabwright.document import TextRange
from tabwright.session.documents import LARGEST_DOCUMENT, Documents, Notebook, OpenDocument

_PIECES = st.lists(st.sampled_from(["\r", "\n", "\r\n", "a", "b🦜", "\f", "\u2028"]), max_size=10)


def document(text: str, uri: str = "file:///a.py", path: Path | None = None) -> OpenDocument:
    return OpenDocument(uri, "python", 1, text, path)


def lines(value: OpenDocument) -> list[str]:
    ranges = [value.line_range(number) for number in range(value.line_count)]
    return [value.text[each.start : each.end] for each in ranges]


def test_lines_end_where_the_protocol_says_and_nowhere_else() -> None:
    assert lines(document("a\r\nb\rc\nd\fe\u2028f\x85g\n")) == [
        "a",
        "b",
        "c",
        "d\fe\u2028f\x85g",
        "",
    ]
    assert lines(document("")) == [""]


def test_a_line_beyond_the_last_is_the_end_of_the_text() -> None:
    assert document("ab\ncd").line_range(7) == TextRange(5, 5)


@given(_PIECES, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), _PIECES), max_size=4))
def test_after_any_edits_the_lines_are_those_of_the_new_text(
    pieces: list[str], edits: list[tuple[int, int, list[str]]]
) -> None:
    edited = document("".join(pieces))
    text = edited.text
    for one, other, new in edits:
        start, end = sorted((min(one, len(text)), min(other, len(text))))
        edited.replace(TextRange(start, end), "".join(new))
        text = text[:start] + "".join(new) + text[end:]
        assert edited.text == text
        assert lines(edited) == lines(document(text))


def test_a_document_beyond_the_limit_is_not_kept_and_comes_back_when_it_shrinks() -> None:
    large = document("x" * (LARGEST_DOCUMENT + 1))
    assert large.is_too_large
    assert large.text == ""
    large.replace(TextRange(0, 1), "y")
    assert large.text == ""
    large.replace_all("small")
    assert not large.is_too_large
    assert large.text == "small"
    large.replace(TextRange(0, 0), "x" * LARGEST_DOCUMENT)
    assert large.is_too_large


def test_a_path_is_told_below_its_innermost_folder() -> None:
    documents = Documents(folders=[Path("/work"), Path("/work/inner")])
    assert documents.relative_path(Path("/work/inner/src/a.py")) == "src/a.py"
    assert documents.relative_path(Path("/work/b.py")) == "b.py"
    assert documents.relative_path(Path("/elsewhere/c.py")) == "c.py"
    assert documents.relative_path(None) == ""


def notebook_with(*cells: tuple[str, str, str, bool]) -> Documents:
    """Cells as (uri, language, text, is code)."""
    documents = Documents()
    documents.notebooks["nb"] = Notebook("nb", Path("/work/plot.ipynb"))
    documents.splice_cells("nb", 0, 0, [(uri, is_code) for uri, _, _, is_code in cells])
    for uri, language, text, _ in cells:
        documents.open(OpenDocument(uri, language, 1, text, None))
    return documents


def test_the_code_cells_of_a_notebook_are_one_text_the_last_included() -> None:
    documents = notebook_with(
        ("1", "python", "import os", True),
        ("2", "markdown", "# Title", False),
        ("3", "python", "x = 1\n", True),
        ("4", "python", "print(x)", True),
    )
    found = documents.snapshot("3", 2)
    assert found is not None
    snapshot, cursor = found
    assert snapshot.text == "import os\nx = 1\nprint(x)"
    assert cursor.offset == len("import os\nx ")
    assert snapshot.uri == "nb"
    assert snapshot.relative_path == "plot.ipynb"
    last = documents.snapshot("4", 8)
    assert last is not None
    assert last[1].offset == len(last[0].text)


def test_cells_of_another_language_are_left_out() -> None:
    documents = notebook_with(("1", "python", "x = 1", True), ("2", "sql", "SELECT 1", True))
    found = documents.snapshot("2", 0)
    assert found is not None
    assert found[0].text == "SELECT 1"


def test_cells_move_come_and_go() -> None:
    documents = notebook_with(("1", "python", "a", True), ("2", "python", "b", True))
    documents.splice_cells("nb", 0, 2, [("2", True), ("1", True)])
    found = documents.snapshot("1", 0)
    assert found is not None
    assert found[0].text == "b\na"
    documents.splice_cells("nb", 0, 1, [])
    documents.close("2")
    found = documents.snapshot("1", 0)
    assert found is not None
    assert found[0].text == "a"


def test_a_shell_cell_is_a_text_of_its_own_with_all_other_shell_code() -> None:
    documents = notebook_with(
        ("1", "python", "x = 1\n!ls -l\n", True),
        ("2", "python", "%%bash\ncd src\n", True),
        ("3", "python", "print(x)", True),
    )
    found = documents.snapshot("2", len("%%bash\ncd "))
    assert found is not None
    snapshot, cursor = found
    assert (snapshot.language, snapshot.text) == ("shellscript", "ls -l\ncd src\n")
    assert snapshot.text[: cursor.offset] == "ls -l\ncd "
    python = documents.snapshot("3", 5)
    assert python is not None
    assert python[0].text == "x = 1\n!ls -l\nprint(x)"
    assert python[0].text[: python[1].offset].endswith("\nprint")
    on_the_magic = documents.snapshot("2", 3)
    assert on_the_magic is not None
    assert on_the_magic[0].language == "python"


def test_the_scripts_of_a_page_are_one_text() -> None:
    page = "<script>const a = 1;</script>\n<p>\n<script>a</script>\n"
    documents = Documents()
    documents.open(OpenDocument("p", "html", 1, page, Path("/work/p.html")))
    found = documents.snapshot("p", page.rindex("a</script>") + 1)
    assert found is not None
    snapshot, cursor = found
    assert (snapshot.language, snapshot.text) == ("javascript", "const a = 1;\na")
    assert cursor.offset == len(snapshot.text)
    outside = documents.snapshot("p", page.index("<p>"))
    assert outside is not None
    assert (outside[0].language, outside[0].text, outside[0].uri) == ("html", page, "p")
    assert snapshot.uri != outside[0].uri


def test_a_fence_in_a_language_that_nobody_knows_is_part_of_its_text() -> None:
    documents = Documents(knows_language={"python"}.__contains__)
    text = "```console\n$ ls\n```\n```python\nx\n```\n"
    documents.open(OpenDocument("r", "markdown", 1, text, None))
    for mark, language in (("$ ls", "markdown"), ("x\n", "python")):
        found = documents.snapshot("r", text.index(mark))
        assert found is not None
        assert found[0].language == language


def test_an_unknown_document_has_no_snapshot() -> None:
    assert Documents().snapshot("file:///gone.py", 0) is None
