"""Faults of a text, in string offsets."""

import pytest

from tabwright.document import TextRange


@pytest.mark.parametrize("source", ["", "\n", "x = 1\n", "x = '😀'\r\n", "\t", "x = 1"])
def test_a_sound_text_has_no_fault(language, source):
    parsed = language("python").parse(source)
    assert parsed.fault_count() == 0
    assert parsed.fault_spans() == ()


def test_a_fault_is_where_the_text_is_broken(language):
    source = "é = '😀'\nx = ) 1\ny = 2\n"
    parsed = language("python").parse(source)
    assert parsed.fault_count() == 1
    start = source.index(")")
    assert parsed.fault_spans() == (TextRange(start, start + 1),)


def test_a_missing_token_is_an_empty_fault(language):
    source = "int f() { return 1 }"
    (span,) = language("c").parse(source).fault_spans()
    assert span == TextRange(source.index(" }"), source.index(" }"))


def test_every_fault_counts(language):
    parsed = language("javascript").parse("f(];\ng();\nh(];\n")
    assert parsed.fault_count() >= 2
    starts = [span.start for span in parsed.fault_spans()]
    assert starts == sorted(starts)


def test_a_fault_far_down_in_a_very_long_text_counts(language):
    source = "x = 1\n" * 50_000
    assert language("python").parse(source).fault_count() == 0
    assert language("python").parse(source + "x = )\n").fault_count() > 0


@pytest.mark.parametrize(
    ("language_id", "source", "fault"),
    [
        ("python", "f(if)\n", "if"),
        ("ruby", "def f\n  x\nend\nend\n", "end"),
        ("bash", "echo a\nfi\n", "fi"),
        ("lua", "f(then)\n", "then"),
        ("html", "<div><p>a</p></q></div>\n", "</q>"),
    ],
)
def test_what_the_parser_lets_pass_is_a_fault_too(language, language_id, source, fault):
    (span,) = language(language_id).parse(source).fault_spans()
    assert span == TextRange(source.rindex(fault), source.rindex(fault) + len(fault))


@pytest.mark.parametrize(
    ("language_id", "source"),
    [
        ("ruby", "x = (1..2).end\ny.then { z }\nfoo(if: 1)\nself.class\n"),
        ("bash", "echo done fi\n"),
        ("lua", "local e = { ['end'] = 1 }\n"),
        ("python", "match = type = print\n"),
    ],
)
def test_a_keyword_where_it_is_allowed_is_no_fault(language, language_id, source):
    assert language(language_id).parse(source).fault_spans() == ()
