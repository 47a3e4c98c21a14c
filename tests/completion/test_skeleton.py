"""What is left of a file when only its signatures are shown."""

from __future__ import annotations

import pytest

from completion.scripted import LANGUAGES
from tabwright.completion.skeleton import Piece, skeleton
from tabwright.workspace_index.extracting import facts_of

SKELETONS = {
    "python": (
        "@register\nclass A(B):\n    x: int = 1\n\n    async def f(self, a) -> int:\n"
        '        """Doc."""\n        return 1\n\n\ndef g():\n    pass\n',
        "@register\nclass A(B):\n    x: int = 1\n    async def f(self, a) -> int: ...\n"
        "def g(): ...\n",
    ),
    "typescript": (
        "export interface P { go(a: number): void }\n"
        "export class A extends B {\n  async f(a: string): Promise<void> { await g(); }\n}\n"
        "export const h = (a: number) => { return a };\n",
        "export interface P {\n    go(a: number): void\n}\n"
        "export class A extends B {\n    async f(a: string): Promise<void> { ... }\n}\n"
        "export const h = (a: number) => { ... }\n",
    ),
    "go": (
        "package m\n\ntype I interface { Do(a int) error }\n\n"
        "func (s *S) Do(a int) error {\n\treturn nil\n}\n",
        "type I interface {\n    Do(a int) error\n}\nfunc (s *S) Do(a int) error { ... }\n",
    ),
    "rust": (
        "pub struct S { pub a: u8 }\nimpl S {\n  pub fn new(a: u8) -> Self { S { a } }\n}\n",
        "pub struct S {\n    pub a: u8\n    pub fn new(a: u8) -> Self { ... }\n}\n",
    ),
    "java": (
        "public class A extends B {\n  public String f(int a) throws E { return null; }\n"
        "  interface In { void g(); }\n}\n",
        "public class A extends B {\n    public String f(int a) throws E { ... }\n"
        "    interface In {\n        void g();\n    }\n}\n",
    ),
    "c": (
        "static int foo(S *s)\n{\n  return 1;\n}\nint bar(void);\n",
        "static int foo(S *s) { ... }\nint bar(void);\n",
    ),
}


@pytest.mark.parametrize("language_id", sorted(SKELETONS))
def test_bodies_are_elided_in_the_languages_own_style(language_id: str) -> None:
    language = LANGUAGES.for_editor_id(language_id)
    assert language is not None
    source, expected = SKELETONS[language_id]
    definitions = facts_of(source, language).definitions
    pieces = [Piece(each.start, each.end, each) for each in definitions if each.kind != "module"]
    assert skeleton(pieces, language) == expected
    assert skeleton(pieces[::-1], language) == expected, "whatever order they were found in"
