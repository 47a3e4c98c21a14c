"""What is around a cursor, told from indentation."""

from __future__ import annotations

import pytest

from completion.scripted import LANGUAGES, snapshot_at_mark
from tabwright.completion.enclosing import enclosing_headers


def check_headers(source: str, expected: list[str], language_id: str = "python") -> None:
    snapshot, cursor = snapshot_at_mark(source, language_id)
    language = LANGUAGES.for_editor_id(language_id)
    assert language is not None
    assert list(enclosing_headers(snapshot, cursor, language)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("‸", []),
        ("x = 1\n‸", []),
        ("class A(B):\n    def f(self, c: C):\n        ‸", ["def f(self, c: C):", "class A(B):"]),
        ("def f(a):\n    if a:\n        for b in a:\n            ‸", ["def f(a):"]),
        ("def f(\n    a: A,\n    b: B,\n) -> C:\n    ‸", ["def f(\n    a: A,\n    b: B,\n) -> C:"]),
        ("def f(a: A,\n      b: B):\n    ‸", ["def f(a: A,\n      b: B):"]),
        ("def f(a):\n    x = 1\n\n‸", ["def f(a):"]),
        ("def f(a):\n    x = 1\n\nx‸", []),
        ("def f(a):\n‸", ["def f(a):"]),
        ("def f(a):\r\n\treturn ‸", ["def f(a):"]),
        ("def f(a):\n    x = g(\n        ‸", ["def f(a):"]),
        ("def f(a, ‸", []),
        ("class A:\n    def f(\n        self,\n        ‸", ["class A:"]),
    ],
)  # fmt: skip
def test_the_headers_around_a_cursor_in_python(source: str, expected: list[str]) -> None:
    check_headers(source, expected)


CLASS, IMPL, RUBY = ["class A {"], ["impl T for S {"], ["class A < B"]


@pytest.mark.parametrize(
    ("language_id", "source", "expected"),
    [
        ("go", "func (s *S) Do(a int) {\n\tif a > 1 {\n\t\t‸", ["func (s *S) Do(a int) {"]),
        ("c", "static int\nfoo(S *s)\n{\n    ‸", ["foo(S *s)\n{"]),
        ("java", "class A {\n  int f(B b) {\n    try {\n      ‸", ["int f(B b) {", "class A {"]),
        ("rust", "impl T for S {\n    fn f(&self) {\n        ‸", ["fn f(&self) {", *IMPL]),
        ("javascript", "const f = (a) => {\n  ‸", ["const f = (a) => {"]),
        ("javascript", "class A {\n f(b) {\n  if (b) {\n  } else {\n   ‸", ["f(b) {", *CLASS]),
        ("ruby", "class A < B\n  def f(c)\n    c.each do |x|\n      ‸", ["def f(c)", *RUBY]),
    ],
)  # fmt: skip
def test_the_headers_around_a_cursor(language_id: str, source: str, expected: list[str]) -> None:
    check_headers(source, expected, language_id)


def test_typing_on_a_line_does_not_change_what_is_around_it() -> None:
    for typed in ("", "x", "x = foo(", "x = '", "x = {[(", "if y:", "class Z:"):
        check_headers(f"def f(a):\n    {typed}‸\n    return 1\n", ["def f(a):"])
