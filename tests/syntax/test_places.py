"""What the cursor stands in: code, a comment or a string."""

import pytest

from tabwright.syntax.parsed_text import Place

CODE, COMMENT, STRING = Place.CODE, Place.COMMENT, Place.STRING

CASES = [
    # Borders of strings and comments.
    ("python", 'x = ‸"abc"', CODE),
    ("python", 'x = "‸abc"', STRING),
    ("python", 'x = "abc‸"', STRING),
    ("python", 'x = "abc"‸', CODE),
    ("python", "x = 1 ‸# a", CODE),
    ("python", "x = 1 #‸ a", COMMENT),
    ("python", "x = 1 # a‸", COMMENT),
    ("python", "x = 1 # a‸\ny", COMMENT),
    ("python", "x = 1 # a\n‸y", CODE),
    ("python", "x = 1 # a‸\r\ny", COMMENT),
    ("python", "x = 1 # a\r\n‸y", CODE),
    ("javascript", "‸/* a */", CODE),
    ("javascript", "/* a‸ */", COMMENT),
    ("javascript", "/* a *‸/", COMMENT),
    ("javascript", "/* a */‸", CODE),
    ("lua", "--[[ a ]]‸", CODE),
    ("rust", "/// a‸\nfn f() {}", COMMENT),
    ("rust", "/// a\n‸fn f() {}", CODE),
    # Code inside strings.
    ("python", 'x = f"a {b‸} c"', CODE),
    ("python", 'x = f"a {b}‸ c"', STRING),
    ("python", 'x = f"a {b} c‸"', STRING),
    ("python", "x = f\"a {g('‸')} c\"", STRING),
    ("javascript", "x = `a ${b‸} c`", CODE),
    ("javascript", "x = `a ${b} c‸`", STRING),
    ("typescript", "x = `a ${b ? `c‸` : d}`", STRING),
    ("typescript", "x = `a ${b ? `c` : d‸}`", CODE),
    ("csharp", 'class A { string x = $"a {b‸} c"; }', CODE),
    ("csharp", 'class A { string x = $"a {b} c‸"; }', STRING),
    ("ruby", 'x = "a #{b‸} c"', CODE),
    ("ruby", 'x = "a #{b} c‸"', STRING),
    ("php", '<?php $x = "a {$b‸} c";', CODE),
    ("php", '<?php $x = "a {$b} c‸";', STRING),
    ("bash", 'x="a $(b ‸c) d"', CODE),
    ("bash", 'x="a $(b c) d‸"', STRING),
    ("kotlin", 'val x = "a ${b‸} c"', CODE),
    ("kotlin", 'val x = "a ${b} c‸"', STRING),
    ("swift", 'let x = "a \\(b‸) c"', CODE),
    ("swift", 'let x = "a \\(b) c‸"', STRING),
    ("scala", 'val x = s"a ${b‸} c"', CODE),
    ("scala", 'val x = s"a ${b} c‸"', STRING),
    # Other kinds of strings.
    ("python", 'def f():\n    """Do ‸it."""\n', STRING),
    ("python", "x = '''a\n‸b'''", STRING),
    ("python", "x = rb'a‸'", STRING),
    ("go", "package a\nvar x = `a\n‸b`", STRING),
    ("go", "package a\nvar x = 'a‸'", STRING),
    ("rust", "fn f() { let x = 'a‸'; }", STRING),
    ("rust", 'fn f() { let x = r#"a‸"#; }', STRING),
    ("rust", "fn f<'a>(x: &'a‸ str) {}", CODE),
    ("csharp", 'class A { string x = @"a\n‸b"; }', STRING),
    ("cpp", 'auto x = R"(a\n‸b)";', STRING),
    ("c", "#include <std‸io.h>\n", STRING),
    ("ruby", "x = <<~A\n  foo‸\nA\n", STRING),
    ("ruby", "=begin\na‸\n=end\n", COMMENT),
    ("php", "<?php $x = <<<A\nfoo‸\nA;\n", STRING),
    ("php", "<?php # a‸", COMMENT),
    ("bash", "cat <<A\nfoo‸\nA\n", STRING),
    ("bash", "echo $#‸", CODE),
    ("lua", "x = [[a\n‸b]]", STRING),
    ("javascript", "x = /a‸b/", STRING),
    ("tsx", 'const x = <a b="c‸"/>;', STRING),
    # Strings and comments without an end.
    ("python", 'x = "abc‸', STRING),
    ("python", 'x = "abc‸\ny = "d"\n', STRING),
    ("python", 'x = "abc\n‸y = 1\n', CODE),
    ("python", "print('it‸)\n", STRING),
    ("python", 'x = f"a {b} c‸', STRING),
    ("python", 'x = f"a {b‸', CODE),
    ("python", 'def f():\n    """Do\n  more‸\n\nx = 1\n', STRING),
    ("javascript", 'f("abc‸\n', STRING),
    ("javascript", "x = `a\n c‸", STRING),
    ("javascript", "/* a‸", COMMENT),
    ("javascript", "/* a\n b‸", COMMENT),
    ("javascript", "f(‸", CODE),
    ("rust", "fn f<'a>(x: &'a str) { x.y(‸ }", CODE),
    ("rust", 'fn f() { let x = "abc‸', STRING),
    ("go", 'package a\nvar x = "abc‸\n', STRING),
    ("ruby", "x = 'a‸", STRING),
    ("bash", "echo 'a‸", STRING),
    ("kotlin", 'val x = "a‸', STRING),
    ("lua", 'x = "a‸', STRING),
    # Characters of more than one byte, and none at all.
    ("python", "x = '😀‸'", STRING),
    ("python", "x = '😀'‸", CODE),
    ("python", "é = '\U0001f469\u200d\U0001f4bb' # ü‸", COMMENT),
    ("python", "x = '\ud800‸'", STRING),
    ("python", "x = '\ud800'‸", CODE),
    ("python", "x = '\0‸'", STRING),
    ("python", "\0\nx = 'a‸'", STRING),
    ("python", "\tx = '\t‸'", STRING),
    ("python", "‸", CODE),
]


@pytest.mark.parametrize(("language_id", "source", "place"), CASES)
def test_the_place_of_the_cursor(language, split, language_id, source, place):
    before, after = split(source)
    assert language(language_id).parse(before + after).place_at(len(before)) is place


def test_a_place_deep_in_a_very_long_text_is_found_in_a_window(language):
    definition = 'def function():\n    """Say 😀."""\n    return "text"\n\n'
    text = definition * 20_000
    parsed = language("python").parse(text)
    inside = text.index("text", len(text) // 2) + 2
    assert parsed.place_at(inside) is STRING
    assert parsed.place_at(inside - 8) is CODE


def test_a_single_line_of_a_megabyte_can_be_asked_about(language):
    text = 'f("a");' * 150_000
    parsed = language("javascript").parse(text)
    assert parsed.place_at(len(text) // 2 // 7 * 7) is CODE
    assert parsed.place_at(len(text)) is CODE
    assert parsed.place_at(4) is STRING
