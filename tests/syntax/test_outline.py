"""The queries of the index are read when first needed, and give plain spans in string offsets."""

import time

import pytest

from tabwright.bundled_data import grammars_folder
from tabwright.errors import LanguageFileError
from tabwright.syntax.languages import LanguageRegistry
from tabwright.syntax.outline import LONGEST_PARSE_SECONDS, MOST_OPEN_ANGLES, outline_of

WITHOUT_DEFINITIONS = frozenset({"css", "html", "json", "toml", "yaml"})
WITH_DEFINITIONS = sorted(
    each.id
    for each in LanguageRegistry([grammars_folder()]).all()
    if each.id not in WITHOUT_DEFINITIONS
)


@pytest.mark.parametrize("language_id", WITH_DEFINITIONS)
def test_each_language_has_definitions_imports_and_references(language, language_id):
    query = language(language_id).grammar.facts
    captures = {query.capture_name(index) for index in range(query.capture_count)}
    assert {"name", "body", "import", "reference"} <= captures
    assert captures & {"import.module", "import.path"}
    assert captures & {"definition.function", "definition.method"}


def test_a_language_without_them_has_pieces_only(language):
    outline = outline_of('{"a": [1, 2]}', language("json").grammar)
    assert (outline.definitions, outline.imports, outline.references) == ([], [], {})
    assert outline.pieces == [(0, 13)]


def test_spans_are_in_order_and_outer_ones_come_first(language):
    text = "class A:\n    '''😀'''\n    def f(self): return g\n"
    outline = outline_of(text, language("python").grammar)
    assert [(text[start:end], what) for start, end, what in outline.definitions] == [
        (text[:-1], "definition.class"),
        ("A", "name"),
        (text[text.index("'") : -1], "body"),
        ("'''😀'''", "doc"),
        ("def f(self): return g", "definition.function"),
        ("f", "name"),
        ("return g", "body"),
    ]
    assert outline.references == {"self": 1, "g": 1}


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("definitions.scm", "(identifier) @lost", "definitions.scm captures @lost"),
        ("imports.scm", "(lost) @import", "imports.scm is not a query for this parser"),
        ("references.scm", "; inherits: lost\n", "references.scm cannot be read"),
    ],
)
def test_a_broken_query_is_one_sentence_when_it_is_first_asked(
    tmp_path, bundled, file, text, sentence
):
    folder = tmp_path / "python"
    folder.mkdir()
    for path in bundled.for_editor_id("python").folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / file).write_text(text)
    registry = LanguageRegistry([tmp_path])
    broken = registry.for_editor_id("python")
    assert broken is not None  # completions need none of it
    with pytest.raises(LanguageFileError, match=sentence):
        outline_of("x = 1\n", broken.grammar)


def test_a_parse_that_takes_too_long_is_given_up(language):
    grammar = language("python").grammar
    source = b"x = [1, 2]\n" * 5_000
    assert grammar.parse_within(source, -1.0) is None
    tree = grammar.parse_within(source, LONGEST_PARSE_SECONDS)
    assert tree is not None
    assert str(tree.root_node) == str(grammar.parse(source).root_node)


def test_a_parse_that_never_ends_is_stopped(language):
    grammar = language("python").grammar
    started = time.thread_time()
    assert grammar.parse_within(b"f(" * 400_000, 0.05) is None
    took = time.thread_time() - started
    grammar.parse(b"f(" * 400_000)
    assert took < (time.thread_time() - started - took) / 2


@pytest.mark.parametrize("language_id", ["csharp", "java", "typescript"])
def test_thousands_of_open_angles_are_not_even_parsed(language, language_id):
    outline = outline_of("A<" * (MOST_OPEN_ANGLES + 1), language(language_id).grammar)
    assert (outline.references, outline.pieces) == ({}, ())


def test_shifts_and_comparisons_are_no_open_angles(language):
    text = "int f(int a) { return a < 1 << 3; }\n" * 3_000
    assert outline_of(text, language("c").grammar).references == {"a": 6_000}


def test_a_tree_too_deep_for_a_query_is_looked_into_only_so_far(language):
    outline = outline_of("a." * 80_000 + "b\n", language("python").grammar)
    assert outline.references["a"] >= 1
