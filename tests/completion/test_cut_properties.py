"""What holds for every cut, whatever the text: checked with text that nobody thought of."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from completion.scripted import LANGUAGES
from tabwright.completion.following import without_line_overlap, without_lines_below
from tabwright.completion.indentation import with_document_indentation
from tabwright.completion.openers_left import OpenersLeft, openers_left
from tabwright.completion.repetition import is_nearly_equal, repetition_start
from tabwright.completion.shape import Shape
from tabwright.completion.stopping import whole_length
from tabwright.completion.trimming import context_cut, context_free_cut
from tabwright.document import line_end, line_start
from tabwright.syntax.block_end import block_end
from tabwright.syntax.typed_closers import PLAIN_SCANNER, undoubled_length

PIECES = [
    *("a", "b1", "x = 1", "f(", ")", "[", "]", "{", "}", '"', "'", '"""', "`", ":", ";", ","),
    *("if x:", "else:", "return a", "end", "def f", "# no", "// no", "/*", "*/", "case 1:", "\\"),
    *(" ", "    ", "\t", "\n", "\n    ", "\n  ", "\n\t", "\r\n", "\r", "\n\n", "\f", "\u2028"),
    *("😀", "é", "\ud800", "\0", "\N{ZERO WIDTH JOINER}", "```"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=30)
KNOWN = st.sampled_from([None, *map(LANGUAGES.for_editor_id, ("python", "javascript", "ruby"))])
SOME = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shape_between(before: str, after: str, kind: str, is_body: bool) -> Shape:
    return Shape(
        kind="block" if kind == "block" else "line",
        line_before=before[line_start(before, len(before)) :],
        line_after=after[: line_end(after, 0)],
        may_start_new_line=kind != "line",
        is_body=is_body and kind == "block",
    )


SHAPES = st.builds(
    shape_between, TEXTS, TEXTS, st.sampled_from(["line", "line below", "block"]), st.booleans()
)


def words(text: str) -> str:
    """Take out what the documented normalisations change: white space of any kind."""
    return "".join(text.split())


def check_prefix(shorter: str, text: str) -> None:
    """Check that a cut only takes from the end, but for white space and closers that are added."""
    added = words(shorter)
    while added and not words(text).startswith(added):
        assert added[-1] in ")]}" or added.endswith("end"), (shorter, text)
        added = added[: -3 if added.endswith("end") else -1]


@SOME
@given(TEXTS, SHAPES, KNOWN)
def test_the_context_free_cut_takes_from_the_end_and_once_is_enough(text, shape, language):
    ends = [*range(0, len(text) + 1, 3)]
    draft = context_free_cut(text, ends, shape, language=language)
    assert words(text).startswith(words(draft.text))
    assert (draft.reason is None) == bool(draft.text.strip())
    assert all(0 < end <= len(draft.text) for end in draft.token_ends)
    again = context_free_cut(draft.text, draft.token_ends, shape, language=language)
    assert again.text == draft.text


@SOME
@example("case 1: a", "a)", "[,a", "line", False, LANGUAGES.for_editor_id("ruby"))
@given(TEXTS, TEXTS, TEXTS, st.sampled_from(["line", "line below", "block"]), st.booleans(), KNOWN)
def test_the_context_cut_takes_from_the_end_and_once_is_enough(
    text, before, after, kind, is_body, language
):
    shape = shape_between(before, after, kind, is_body)
    draft = context_free_cut(text, range(len(text)), shape, language=language)
    trimmed = context_cut(draft, before, after, language)
    assert trimmed is not None
    assert (trimmed.reason is None) == bool(trimmed.text.strip())
    check_prefix(trimmed.text, text)
    if trimmed.text:
        kept = context_free_cut(trimmed.text, (), shape, language=language)
        again = context_cut(kept, before, after, language)
        assert again is not None
        assert again.text.rstrip() == trimmed.text.rstrip()


@SOME
@given(TEXTS, TEXTS, TEXTS, KNOWN, st.data())
def test_typing_along_shows_the_rest(text, before, after, language, data):
    shape = shape_between(before, after, "block", False)
    draft = context_free_cut(text, range(len(text)), shape, language=language)
    whole = context_cut(draft, before, after, language)
    assert whole is not None
    typed = whole.text[: data.draw(st.integers(0, len(whole.text)))].rstrip()
    rest = context_cut(draft, before + typed, after, language, typed=typed)
    assert rest is None or rest.reason is not None or words(rest.text)


@SOME
@given(TEXTS, SHAPES, TEXTS, TEXTS)
def test_indentation_changes_white_space_at_the_starts_of_lines_only(text, shape, before, after):
    indented = with_document_indentation(text, shape, before + shape.line_before, after)
    assert [line.lstrip(" \t") for line in indented.split("\n")] == [
        line.lstrip(" \t") for line in text.split("\n")
    ]
    again = with_document_indentation(indented, shape, before + shape.line_before, after)
    assert again == indented


@SOME
@given(TEXTS, TEXTS, TEXTS, KNOWN)
def test_what_follows_is_cut_from_the_end_and_once_is_enough(text, before, after, language):
    scanner = PLAIN_SCANNER if language is None else language.scanner
    closed = text[: undoubled_length(scanner, before, text, after)]
    assert undoubled_length(scanner, before, closed, after) == len(closed)
    on_line = without_line_overlap(text, after[: line_end(after, 0)])
    assert text.startswith(on_line)
    assert without_line_overlap(on_line, after[: line_end(after, 0)]) == on_line
    below = without_lines_below(text, before[line_start(before, len(before)) :], after, scanner)
    assert text.startswith(below)
    line_before = before[line_start(before, len(before)) :]
    assert without_lines_below(below, line_before, after, scanner) == below


@SOME
@given(TEXTS, TEXTS, TEXTS, KNOWN, SHAPES, st.integers(0, 40))
def test_questions_about_any_text_are_answered(text, before, after, language, shape, max_lines):
    if language is not None:
        end = block_end(language, before, text, after)
        assert end is None or 0 <= end <= len(text)
    length = whole_length(text, shape, max_lines, language)
    assert length is None or 0 <= length <= len(text)
    start = repetition_start(text.split("\n"), before.split("\n"))
    assert start is None or 0 <= start <= text.count("\n")
    owed = openers_left(text, language)
    left = OpenersLeft("file:///a", len(before + text), text)
    where = left.owed_at("file:///a", before + text + after, len(before + text), language)
    assert where == owed or not text
    assert left.owed_at("file:///b", before + text + after, len(before + text), language) == ""


@SOME
@given(st.text("abc", max_size=12), st.text("abc", max_size=12), st.floats(0, 1))
def test_nearly_equal_is_an_edit_distance(one, other, share):
    table = list(range(len(other) + 1))
    for row, character in enumerate(one, start=1):
        above, table = table, [row]
        for column, wanted in enumerate(other):
            changed = above[column] + (character != wanted)
            table.append(min(changed, above[column + 1] + 1, table[column] + 1))
    wanted = table[-1] <= int(share * max(len(one), len(other)))
    assert is_nearly_equal(one, other, share) is wanted


def test_a_megabyte_in_one_line_is_cut_in_no_time() -> None:
    megabyte = "[1, 2, 'x'], " * 80_000
    for text, before, after, language in (
        ("1)\nfoo", megabyte, megabyte, LANGUAGES.for_editor_id("python")),
        (megabyte, "x = [", "]\n" + megabyte, None),
        ("x\n" * 2000, megabyte + "\n", megabyte, None),
    ):
        shape = shape_between(before, after, "block", True)
        draft = context_free_cut(text, (1,), shape)
        assert context_cut(draft, before, after, language) is not None


def test_nothing_is_cut_from_nothing() -> None:
    shape = shape_between("", "", "block", False)
    draft = context_free_cut("", (), shape)
    assert draft.text == ""
    cut = context_cut(draft, "", "", None)
    assert cut is not None
    assert cut.text == ""
