"""Scans that are kept and continued say what a scan of the whole says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.languages import LanguageRegistry
from tabwright.syntax.rough_scanner import RoughScanner

LANGUAGES = {each.id: each for each in LanguageRegistry([grammars_folder()]).all()}
PIECES = [" ", "x", "if", "end", "do", "then", "(", ")", "[", "]", "{", "}", '"', "'", "`", "#"]
PIECES += ["/*", "*/", "//", "\\", "\n", "\r", "\r\n", "=begin", "=end", '"""', "${", "#{", "{$"]
PIECES += ["<!--"]

texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(LANGUAGES)), texts, texts, texts)
def test_a_scan_that_goes_on_from_the_lines_above_is_that_of_the_whole(
    language_id, before, first, second
):
    scanner = RoughScanner(LANGUAGES[language_id].definition)
    for after in (first, second, ""):
        text = before + after
        assert scanner.scan_at_cursor(text, len(before)) == scanner.scan(text, 0, len(text))


@pytest.mark.parametrize(
    ("language_id", "form"),
    [
        pytest.param(each.id, form, id=f"{each.id} {form.open}")
        for each in LANGUAGES.values()
        for form in each.definition.strings
        if form.interpolation
    ],
)
def test_code_in_a_string_is_open_until_its_bracket_is_closed(language_id, form):
    scanner = RoughScanner(LANGUAGES[language_id].definition)
    text = f"{form.open}a {form.interpolation}"
    inside = scanner.scan(text, 0, len(text)).open
    assert [each.kind for each in inside] == ["string", "bracket"]
    text += f"b{inside[-1].closer} c"
    assert [each.kind for each in scanner.scan(text, 0, len(text)).open] == ["string"]
    text += form.close
    assert scanner.scan(text, 0, len(text)).open == ()


@pytest.mark.parametrize("language_id", sorted(LANGUAGES))
def test_no_mark_has_a_line_end_in_it(language_id):
    definition = LANGUAGES[language_id].definition
    marks = [mark for form in definition.strings for mark in (form.open, form.close)]
    marks += [mark for form in definition.block_comments for mark in (form.open, form.close)]
    assert not any("\n" in mark for mark in marks)
