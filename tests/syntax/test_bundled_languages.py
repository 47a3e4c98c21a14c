"""Every bundled language parses, knows its places and blocks, and judges suggestions."""

from dataclasses import dataclass

import pytest

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.parsed_text import Place
from tabwright.syntax.soundness import sound_length


@dataclass(frozen=True)
class Sample:
    """A valid program in one language, with places to ask about."""

    path: str
    editor_id: str
    program: str
    """It contains `a comment` in a comment and `some text` in a string, each once."""
    code: str
    """A piece of the program that is code."""
    opening: str
    """A program with the cursor mark where a block opens; empty for a language without blocks."""
    cursor: str
    """A program with the cursor mark that the two suggestions are for."""
    good: str
    bad: str


SAMPLES = {
    "python": Sample(
        "a/b.py",
        "python",
        '# a comment\ndef f(x):\n    return g(x, "some text")\n',
        "return g",
        "def f(x):‸\n",
        "def f(x):\n    ‸\n",
        "return g(x)",
        "return ) x",
    ),
    "javascript": Sample(
        "b.mjs",
        "javascriptreact",
        "// a comment\nexport function f(x) {\n  return <A b={g(`some text`)} />;\n}\n",
        "return",
        "function f(x) {‸\n}\n",
        "function f(x) {\n  ‸\n}\n",
        "return g(x);",
        "return ) x;",
    ),
    "typescript": Sample(
        "b.ts",
        "typescript",
        "/* a comment */\nfunction f(x: number): string {\n  return 'some text';\n}\n",
        "return",
        "interface A {‸}\n",
        "function f(x: A) {\n  ‸\n}\n",
        "const y: B<C> = x;",
        "const y: = ] x;",
    ),
    "tsx": Sample(
        "b.tsx",
        "typescriptreact",
        '// a comment\nconst f = (x: A) => {\n  return <B c="some text">{x}</B>;\n};\n',
        "return",
        "const f = (x: A) => {‸};\n",
        "function f(x: A) {\n  return ‸;\n}\n",
        "<B>{x}</B>",
        "<B>{x}</",
    ),
    "go": Sample(
        "b.go",
        "go",
        'package a\n\n// a comment\nfunc f(x int) string {\n\treturn "some text"\n}\n',
        "return",
        "package a\n\nfunc f() {‸}\n",
        "package a\n\nfunc f() {\n\t‸\n}\n",
        "x := g()",
        "x := ) g()",
    ),
    "rust": Sample(
        "b.rs",
        "rust",
        "// a comment\nfn f<'a>(x: &'a str) -> String {\n    g(x, \"some text\")\n}\n",
        "g(x",
        "impl A {‸}\n",
        "fn f() {\n    ‸\n}\n",
        "let x = g();",
        "let = ] x;",
    ),
    "java": Sample(
        "B.java",
        "java",
        '// a comment\nclass A {\n  String f() {\n    return "some text";\n  }\n}\n',
        "return",
        "class A {\n  void f() {‸\n  }\n}\n",
        "class A {\n  void f() {\n    ‸\n  }\n}\n",
        "int x = g();",
        "int = ) x;",
    ),
    "c": Sample(
        "b.h",
        "c",
        '/* a comment */\nchar *f(int x) {\n  return "some text";\n}\n',
        "return",
        "struct a {‸};\n",
        "int f(void) {\n  ‸\n}\n",
        "return g(1);",
        "return ) 1;",
    ),
    "cpp": Sample(
        "b.hpp",
        "cpp",
        '// a comment\ntemplate <class T> auto f(T x) { return g<T>("some text"); }\n',
        "return",
        "class A {‸};\n",
        "int f() {\n  ‸\n}\n",
        "auto x = g<int>(1);",
        "auto = ) x;",
    ),
    "csharp": Sample(
        "B.cs",
        "csharp",
        '// a comment\nclass A {\n    string F() => @"some text";\n}\n',
        "F()",
        "class A\n{‸\n}\n",
        "class A {\n  void F() {\n    ‸\n  }\n}\n",
        "var x = G();",
        "var = ] x;",
    ),
    "ruby": Sample(
        "b/Rakefile",
        "ruby",
        "# a comment\ndef f(x)\n  puts 'some text' if x\nend\n",
        "puts",
        "items.each do |x|‸\nend\n",
        "def f\n  ‸\nend\n",
        "x = g(1)",
        "x = ) g",
    ),
    "php": Sample(
        "b.php",
        "php",
        "<?php\n// a comment\nfunction f($x) {\n  return 'some text';\n}\n",
        "return",
        "<?php\nfunction f() {‸\n}\n",
        "<?php\nfunction f() {\n  ‸\n}\n",
        "return $x;",
        "return ] x;",
    ),
    "bash": Sample(
        "b/.bashrc",
        "shellscript",
        "# a comment\nif [ -n \"$x\" ]; then\n  echo 'some text'\nfi\n",
        "echo",
        "if x; then‸\nfi\n",
        "f() {\n  ‸\n}\n",
        "echo $(g 1)",
        "echo ) ; ;",
    ),
    "kotlin": Sample(
        "b.kts",
        "kotlin",
        '// a comment\nfun f(x: Int): String {\n    return "some text"\n}\n',
        "return",
        "class A {‸\n}\n",
        "fun f() {\n    ‸\n}\n",
        "val x = g(1)",
        "val = ) x",
    ),
    "lua": Sample(
        "b.lua",
        "lua",
        '-- a comment\nlocal function f(x)\n  return "some text"\nend\n',
        "return",
        "for i = 1, 2 do‸\nend\n",
        "function f()\n  ‸\nend\n",
        "local x = g(1)",
        "local = ) x",
    ),
    "html": Sample(
        "b.html",
        "html",
        '<!-- a comment -->\n<a href="some text">words</a>\n',
        "words",
        "",
        "<div>‸</div>\n",
        "<p>Hello</p>",
        "<p>Hello</q>",
    ),
    "css": Sample(
        "b.css",
        "css",
        '/* a comment */\na::after {\n  content: "some text";\n}\n',
        "content",
        "a {‸\n}\n",
        "a {\n  ‸\n}\n",
        "color: red;",
        "color: ) ] red;",
    ),
    "json": Sample(
        "b.json",
        "jsonc",
        '// a comment\n{"a": ["some text", true]}\n',
        "true",
        '{"a": {‸}}',
        '{"a": 1‸}',
        ', "b": [1, {"c": 2}]',
        ', "b": ]',
    ),
    "swift": Sample(
        "b.swift",
        "swift",
        '// a comment\nfunc f(x: Int) -> String {\n    return "some text"\n}\n',
        "return",
        "class A {‸\n}\n",
        "func f() {\n    ‸\n}\n",
        "let x = g(1)",
        "let = ) x",
    ),
    "scala": Sample(
        "b.scala",
        "scala",
        '// a comment\nobject A {\n  def f(x: Int): String = g(x, "some text")\n}\n',
        "g(x",
        "class A {‸\n}\n",
        "object A {\n  ‸\n}\n",
        "val x = g(1)",
        "val = ) x",
    ),
    "toml": Sample(
        "Cargo.lock",
        "toml",
        '# a comment\n[a]\nb = "some text"\nc = true\n',
        "true",
        "",
        "[a]\n‸\n",
        "b = 1",
        "b = = 1",
    ),
    "yaml": Sample(
        "b.yml",
        "yaml",
        '# a comment\na:\n  - "some text"\n  - true\n',
        "true",
        "a:‸\n",
        "a:\n  ‸\n",
        "b: [1, 2]",
        "b: [1, }",
    ),
}

every_sample = pytest.mark.parametrize(("language_id", "sample"), SAMPLES.items(), ids=SAMPLES)


def test_every_bundled_language_has_a_sample(bundled):
    folders = {path.name for path in grammars_folder().iterdir() if path.is_dir()}
    assert {language.id for language in bundled.all()} == set(SAMPLES) == folders


def test_no_bundled_language_has_a_problem(bundled):
    for sample in SAMPLES.values():
        assert bundled.for_editor_id(sample.editor_id) is not None
    assert bundled.problems == ()


def test_no_two_bundled_languages_claim_the_same_name(bundled):
    claims = [
        claim
        for language in bundled.all()
        for claim in (*language.editor_ids, *language.extensions, *language.file_names)
    ]
    assert sorted(claims) == sorted(set(claims))


@every_sample
def test_a_language_is_found_by_editor_id_and_path(bundled, language_id, sample):
    assert bundled.for_editor_id(sample.editor_id).id == language_id
    assert bundled.for_path(sample.path).id == language_id


@every_sample
def test_a_valid_program_has_no_faults(language, language_id, sample):
    assert language(language_id).parse(sample.program).fault_spans() == ()


@every_sample
def test_the_places_of_a_program(language, language_id, sample):
    parsed = language(language_id).parse(sample.program)

    def place_in(words: str) -> Place:
        return parsed.place_at(sample.program.index(words) + 2)

    assert place_in("a comment") is Place.COMMENT
    assert place_in("some text") is Place.STRING
    assert place_in(sample.code) is Place.CODE


@every_sample
def test_the_block_opening_of_a_program(language, split, language_id, sample):
    source = sample.opening or "‸" + sample.program
    before, after = split(source)
    parsed = language(language_id).parse(before + after)
    assert parsed.is_at_block_opening(len(before)) is bool(sample.opening)
    assert not parsed.is_at_block_opening(0)


@every_sample
def test_a_good_suggestion_is_sound_and_a_bad_one_is_not(language, split, language_id, sample):
    before, after = split(sample.cursor)
    chosen = language(language_id)
    assert sound_length(chosen, before, sample.good, after, []) == len(sample.good)
    assert sound_length(chosen, before, sample.bad, after, []) == 0


@every_sample
def test_every_prefix_of_a_program_can_be_asked_about(language, language_id, sample):
    chosen = language(language_id)
    for length in range(len(sample.program) + 1):
        parsed = chosen.parse(sample.program[:length])
        assert parsed.place_at(length) in Place
        parsed.is_at_block_opening(length)
        assert all(0 <= span.start <= span.end <= length for span in parsed.fault_spans())
