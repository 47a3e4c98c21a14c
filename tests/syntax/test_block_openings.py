"""Where a new, still empty block is about to be written."""

import pytest

OPENINGS = [
    ("python", "def f():‸\n"),
    ("python", "def f():  ‸\n"),
    ("python", "def f():‸"),
    ("python", "def f():\n    ‸"),
    ("python", "def f():\n    ‸\n"),
    ("python", "def f():\r\n    ‸\r\n"),
    ("python", "def f():\n\t‸\n"),
    ("python", "def f():\n    # First.\n    # Then.\n    ‸\n"),
    ("python", "if x:  # why\n    ‸\n"),
    ("python", "if x:\n    ‸\ny = 1\n"),
    ("python", "class A:\n    def f(self):\n        ‸\n\n    def g(self):\n        pass\n"),
    ("python", "def f(x,\n      y):‸\n"),
    ("python", "for x in [\n    1,\n]:‸\n"),
    ("python", "x = foo(\nif y:‸\n"),
    ("javascript", "if (x) {‸"),
    ("javascript", "if (x) {‸}"),
    ("javascript", "if (x) { ‸ }"),
    ("javascript", "if (x) {\n  ‸\n}\n"),
    ("javascript", "if (x) {\n  ‸\n"),
    ("javascript", "if (x) {\n  // Why.\n  ‸\n}\n"),
    ("javascript", "function f() {‸\n  x;\n}\n"),
    ("javascript", "class A {\n  ‸\n}\n"),
    ("javascript", "f(() => {‸});\n"),
    ("ruby", "def f‸\n"),
    ("ruby", "def f\n  ‸\nend\n"),
    ("ruby", "x.each do |y|‸\nend\n"),
    ("ruby", "if x\n  y\nelse‸\nend\n"),
    ("ruby", "x = if y‸\n"),
    ("lua", "local f = function(a)‸\nend\n"),
    ("lua", "if x then\n  ‸\nend\n"),
    ("bash", "if x; then‸\nfi\n"),
    ("bash", "while x; do\n  ‸\ndone\n"),
    ("bash", "f() {‸\n}\n"),
    ("kotlin", "x.map { y ->‸\n}\n"),
    ("yaml", "a:‸\n"),
]

NO_OPENINGS = [
    ("python", "‸"),
    ("python", "\n\n‸"),
    ("python", "x = 1‸\n"),
    ("python", "def f():\n    x = 1\n    ‸\n"),
    ("python", "def f():\n    ‸\n    return 1\n"),
    ("python", "if x:‸ pass\n"),
    ("python", "# if x:‸\n"),
    ("python", 'x = "if x:‸"\n'),
    ("python", 'x = {\n    "a":‸\n}\n'),
    ("python", 'x = {\n    "a":‸\n'),
    ("python", "x = a[1:‸\n"),
    ("python", "x = lambda y:‸\n"),
    ("python", "def f(\n    x:‸\n"),
    ("javascript", "if (x) ‸{}\n"),
    ("javascript", "if (x) {}‸\n"),
    ("javascript", "if (x) {}\n‸\n"),
    ("javascript", "if (x) {\n  ‸\n  y();\n}\n"),
    ("javascript", "if (x) {\n  y();\n  ‸\n}\n"),
    ("javascript", "if (x) { y();‸ }\n"),
    ("javascript", "f('{‸')\n"),
    ("javascript", "if (x) {\n  // Why.‸\n}\n"),
    ("javascript", "f(‸)\n"),
    ("ruby", "return x if y‸\n"),
    ("ruby", "def f; end‸\n"),
    ("ruby", "def f\n  x\n  ‸\nend\n"),
    ("lua", "if x then return end‸\n"),
    ("bash", "echo if‸\n"),
    ("json", '{"a": ‸1}'),
]


def check_block_opening(parse, split, language_id, source, expected):
    before, after = split(source)
    parsed = parse(language_id).parse(before + after)
    assert parsed.is_at_block_opening(len(before)) is expected


@pytest.mark.parametrize(("language_id", "source"), OPENINGS)
def test_a_block_opens_here(language, split, language_id, source):
    check_block_opening(language, split, language_id, source, True)


@pytest.mark.parametrize(("language_id", "source"), NO_OPENINGS)
def test_no_block_opens_here(language, split, language_id, source):
    check_block_opening(language, split, language_id, source, False)
