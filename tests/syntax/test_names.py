"""The undefined-name check: source with a suggestion between two marks, and what it flags."""

import pytest

from tabwright.errors import LanguageFileError
from tabwright.syntax.languages import LanguageRegistry
from tabwright.syntax.names import unknown_name

MODULE = 'import { known } from "x";\n'

UNKNOWN = {
    "a name that is nowhere": ("python", "x = 1\n‸print(lost)‸\n", "lost"),
    "a name that begins before the cursor": ("python", "x = lo‸st + 1‸\n", "st + 1"),
    "a name that ends after the cursor": ("python", "x = ‸1 + lo‸st\n", "lo"),
    "the last word of an open call": ("python", "x = len(‸lost‸)\n", "lost"),
    "the first of several": ("python", "‸print(lost, gone)‸\n", "lost, gone"),
    "a name used twice by the suggestion": ("python", "‸print(lost, lost)‸\n", "lost, lost"),
    "a name in a formatted string": ("python", "‸print(f'a {lost}')‸\n", "lost}"),
    "a name that is an attribute elsewhere": (
        "python",
        "class A:\n    def f(self):\n        self.size = 1\n        ‸return size‸\n",
        "size",
    ),
    "a name that is only a keyword argument": (
        "python",
        "f = len\nf(size=1)\n‸f(size)‸\n",
        "size)",
    ),
    "a name in a comment and a string": ("python", "# lost\nx = 'lost'\n‸x + lost‸\n", "lost"),
    "a local of another function": (
        "python",
        "def f():\n    size = 1\n    return size\n\ndef g():\n    ‸return size‸\n",
        "size",
    ),
    "a method called without self": (
        "python",
        "class A:\n    def f(self): ...\n    def g(self):\n        ‸return f()‸\n",
        "f()",
    ),
    "a local of another function, and a fault far away": (
        "python",
        "def f():\n    size = 1\n    return size\n\ndef g():\n    ‸return size‸\n\nx = = 1\n",
        "size",
    ),
    "a name below a broken line": ("python", "x = foo(\n\n\ndef f():\n    ‸print(lost)‸\n", "lost"),
    "emoji before it": ("python", "x = '😀é'\r\n‸x + '😀' + lost‸\r\n", "lost"),
    "javascript": ("javascript", MODULE + "‸known(lost);‸\n", "lost"),
    "javascript: a component": ("javascript", MODULE + "f = () => ‸<Lost a={known} />‸;\n", "Lost"),
    "javascript: a shorthand key": ("javascript", MODULE + "f = ‸{ lost, known }‸;\n", "lost,"),
    "javascript: a local of another function": (
        "javascript",
        MODULE + "function f(size) { return size; }\nfunction g() { ‸return size;‸ }\n",
        "size",
    ),
    "javascript: an element of a spread": ("javascript", MODULE + "f = ‸[...lost]‸;\n", "lost"),
    "typescript: a type": ("typescript", MODULE + "let x: ‸Lost<string>‸;\n", "Lost"),
    "typescript: a type parameter of another function": (
        "typescript",
        MODULE + "function f<K>(x: K) {}\nfunction g(‸x: K‸) {}\n",
        "K",
    ),
    "tsx: a component": ("tsx", MODULE + "const f = () => ‸<div><Lost /></div>‸;\n", "Lost"),
    "rust: a type": ("rust", "fn f(x: ‸HashMap<u8, u8>‸) {}\n", "HashMap"),
    "rust: a local of another function": (
        "rust",
        "fn f() { let size = 1; }\nfn g() -> u8 { ‸f(size)‸ }\n",
        "size",
    ),
    "go: a local of another function": (
        "go",
        "package a\n\nfunc f(size int) {}\n\nfunc g() {\n\t‸f(size)‸\n}\n",
        "size",
    ),
    "java: a local of another method": (
        "java",
        "class A {\n  void f(int size) {}\n  void g() { ‸f(size);‸ }\n}\n",
        "size",
    ),
    "c: a local of another function": (
        "c",
        "void f(int size) {}\nvoid g(void) { ‸f(size);‸ }\n",
        "size",
    ),
    "cpp: a local of another function": (
        "cpp",
        "void f(int &size) {}\nvoid g() { ‸f(size);‸ }\n",
        "size",
    ),
}

KNOWN = {
    "an empty suggestion": ("python", "x = lost‸‸\n"),
    "a suggestion that is only blank": ("python", "x = lost‸ \n‸\n"),
    "builtins and keywords": ("python", "‸print(None if True else super())‸\n"),
    "an import": ("python", "import os.path\nfrom a import b as c\n‸os.path.join(c)‸\n"),
    "an import being written": ("python", "‸from lost.gone import away as off‸\n"),
    "the rest of an import": ("python", "from lo‸st import gone‸\n"),
    "a definition further down": ("python", "def f():\n    ‸return g()‸\n\ndef g(): ...\n"),
    "a definition in the suggestion": ("python", "‸found = 1\nprint(found)‸\n"),
    "a name used elsewhere": ("python", "print(found)\n‸x = found‸\n"),
    "assignment targets": ("python", "‸a = b, (c, *d) = e: int = 1‸\n"),
    "a lone name, which may become a target": ("python", "‸found‸\n"),
    "attributes and keyword arguments": ("python", "x = 1\n‸x.lost.gone(away=x)‸\n"),
    "parameters": ("python", "‸def f(a, b: int, *c, d=1, **e): return a, b, c, d, e‸\n"),
    "a lambda": ("python", "f = ‸lambda a, b=1: a + b‸\n"),
    "a comprehension": ("python", "x = ‸[a for a, b in {} if a]‸\n"),
    "with, except and for": (
        "python",
        "‸with open('a') as a:\n    for b, (c, d) in a: print(b, c, d)‸\n",
    ),
    "a pattern": ("python", "‸match 1:\n    case [a, *b] as c: print(a, b, c)‸\n"),
    "a walrus": ("python", "‸if (a := 1): print(a)‸\n"),
    "a global of another function": (
        "python",
        "def f():\n    global size\n    size = 1\n\ndef g():\n    ‸return size‸\n",
    ),
    "a name of the class in its body": ("python", "class A:\n    a = 1\n    ‸b = a + 1‸\n"),
    "a name of the class in a parameter": (
        "python",
        "class A:\n    a = 1\n    ‸def f(x=a): ...‸\n",
    ),
    "a local of the function around": (
        "python",
        "def f():\n    size = 1\n    def g():\n        ‸return size‸\n",
    ),
    "inside a comment": ("python", "# words ‸and more of them‸\n"),
    "inside a string": ("python", "x = 'words ‸and more of them‸'\n"),
    "inside a string without its end": ("python", "x = 'words ‸and more of them‸\n"),
    "a star import": ("python", "from a import *\n‸print(lost)‸\n"),
    "names made by magic": ("python", "globals()['lost'] = 1\n‸print(lost)‸\n"),
    "a local elsewhere, and a fault around": (
        "python",
        "def f():\n    size = 1\n\ndef g():\n    x = (\n    ‸return size‸\n",
    ),
    "a header without its end": ("python", "def f(a, ‸b, c‸\n    return 1\n"),
    "a keyword argument without its value": ("python", "f = len\nf(a,\n  ‸size=‸\n)\n"),
    "a definition below a stray bracket": ("python", "x = 1\n)\n‸def found(a):‸\n    ...\n"),
    "javascript: a file that is no module": ("javascript", "var a = 1;\n‸lost(a);‸\n"),
    "javascript: globals of a comment": (
        "javascript",
        MODULE + "/* global lost */\n‸known(lost)‸\n",
    ),
    "javascript: eval": ("javascript", MODULE + "eval('var lost');\n‸known(lost);‸\n"),
    "javascript: with": ("javascript", MODULE + "with (known) { ‸f(lost);‸ }\n"),
    "javascript: destructuring": (
        "javascript",
        MODULE + "‸const { a, b: [c], d = 1, ...e } = known; f = [a, c, d, e];‸\n",
    ),
    "javascript: keys, labels and members": (
        "javascript",
        MODULE + "‸a: for (;;) { known({ b: 1, c() {} }).d?.e; break a; }‸\n",
    ),
    "javascript: an intrinsic tag": ("javascript", MODULE + "f = ‸<a b='c' d-e></a>‸;\n"),
    "javascript: parameters of an arrow function": (
        "javascript",
        MODULE + "known(‸(a, b) => a + b‸);\n",
    ),
    "javascript: parameters before the arrow": ("javascript", MODULE + "known((‸a, b‸))\n"),
    "javascript: a key before its colon": ("javascript", MODULE + "f = { ‸a: 1, b‸ };\n"),
    "javascript: what browsers and Node.js have": (
        "javascript",
        MODULE + "‸window.setTimeout(process.exit, undefined);‸\n",
    ),
    "typescript: type parameters": (
        "typescript",
        MODULE + "‸function f<T>(x: T): T { return x; }‸\n",
    ),
    "typescript: types of the language": (
        "typescript",
        MODULE + "‸let x: Record<string, HTMLElement>;‸\n",
    ),
    "typescript: mapped and inferred types": (
        "typescript",
        MODULE + "‸type A<T> = { [K in keyof T]: T[K] extends (infer U)[] ? U : K };‸\n",
    ),
    "typescript: inside a namespace": ("typescript", MODULE + "namespace A { ‸known(lost);‸ }\n"),
    "typescript: members of an enumeration": ("typescript", MODULE + "‸enum A { B = 1, C = B }‸\n"),
    "rust: a glob import": ("rust", "use a::*;\nfn f() { ‸g(lost)‸ }\n"),
    "rust: patterns and macros": (
        "rust",
        'fn f(x: Option<u8>) { ‸if let Some(a) = x { println!("{}", lost); f(Some(a)) }‸ }\n',
    ),
    "rust: a crate": ("rust", "fn f() { ‸serde::de::from(1);‸ }\n"),
    "go: a name of the package": ("go", "package a\n\nfunc f() {\n\t‸g(lost, fmt.Sprint())‸\n}\n"),
    "go: a package that is a local elsewhere": (
        "go",
        'package a\n\nimport "net/url"\n\nfunc f(url int) {}\n\nfunc g() {\n\t‸url.Parse()‸\n}\n',
    ),
    "java: an inherited field": ("java", "class A extends B {\n  void g() { ‸f(size);‸ }\n}\n"),
    "java: a field that is a parameter elsewhere": (
        "java",
        "class A {\n  void f(int size) { this.size = size; }\n  void g() { ‸f(size);‸ }\n}\n",
    ),
    "c: a name of a header": ("c", "void g(void) { ‸f(size);‸ }\n"),
    "cpp: a member that is a parameter elsewhere": (
        "cpp",
        "A::A(int size) : size(size) {}\nvoid A::g() { ‸f(size);‸ }\n",
    ),
    "a language without scopes": ("lua", "‸print(lost)‸\n"),
}


def split_at_marks(source):
    before, text, after = source.split("‸")
    return before, text, after


@pytest.mark.parametrize(("language_id", "source", "found"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_name_that_nothing_defines_is_found(language, language_id, source, found):
    before, text, after = split_at_marks(source)
    offset = unknown_name(language(language_id), before, text, after)
    assert offset is not None
    assert text[offset:].startswith(found)


@pytest.mark.parametrize(("language_id", "source"), KNOWN.values(), ids=KNOWN)
def test_a_name_that_may_be_known_is_not_found(language, language_id, source):
    assert unknown_name(language(language_id), *split_at_marks(source)) is None


TYPED = {
    "python": "import os\n\nclass A(dict):\n    def f(self, a, *b, c=os.sep):\n"
    "        with open(a) as d:\n            return [e.f(c) for e in d if not {a: b}[e]]\n",
    "javascript": 'const a = require("a");\n\nclass B extends a.C {\n  d({ e, f: [g] }, ...h) {\n'
    "    for (const i of h) a.j(() => `${i}`, async (k) => ({ e, l: g + k }));\n  }\n}\n",
    "typescript": 'import type { A } from "a";\n\nexport abstract class B<C> implements A {\n'
    "  private d?: Map<string, C>;\n  e<F extends C>(g: F[], h = 1): g is F[] {\n"
    "    return g.map((i) => i as unknown as A).length > h;\n  }\n}\n",
    "tsx": 'import * as a from "a";\n\nexport const B = ({ c, d = 1 }: a.P) => {\n'
    "  const [e, f] = a.g(d);\n  return (\n    <a.H i={e} {...c} onJ={(k) => f(k)}>\n"
    "      {e && <p>{d}</p>}\n    </a.H>\n  );\n};\n",
    "rust": "use a::{b, C, F, G};\n\nimpl<'d, E: C> F for G<'d, E> {\n"
    "    fn h(&mut self, i: &E) -> Option<u8> {\n"
    "        match b(i) { Ok((j, _)) if j > 1 => Some(j), _ => None }\n    }\n}\n",
}


@pytest.mark.parametrize("language_id", TYPED)
def test_no_part_of_sound_code_is_flagged_as_it_is_typed(language, language_id):
    """The rest of the line at each place, with the lines below there or still to be written."""
    source = TYPED[language_id]
    flagged = []
    for cursor in range(len(source)):
        end = source.find("\n", cursor)
        for after in (source[end:], "\n"):
            text = source[cursor:end]
            offset = unknown_name(language(language_id), source[:cursor], text, after)
            if offset is not None:
                flagged.append(f"{source[:cursor]}‸{text[:offset]}‸{text[offset:]}‸")
    assert flagged == []


def test_a_name_outside_the_window_that_is_parsed_is_known(language):
    filler = "# a line that fills the file\n" * 10_000
    python = language("python")
    assert unknown_name(python, f"found = 1\n{filler}", "print(found)", "\n") is None
    assert unknown_name(python, filler, "print(found)", f"\n{filler}found = 1\n") is None
    assert unknown_name(python, filler, "print(found)", f"\n{filler}") == len("print(")


def test_a_name_that_occurs_very_often_is_known(language):
    """Not looking at each place keeps the answer fast; a few such locals would be told."""
    source = "def f():\n    size = 1\n    return size\n"
    python, suggestion = language("python"), "def g():\n    return size"
    assert unknown_name(python, source * 5_000, suggestion, "\n") is None
    assert unknown_name(python, source * 5, suggestion, "\n") == suggestion.index("size")


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("scopes.scm", "(identifier) @lost", "captures @lost"),
        ("scopes.scm", "(lost) @reference", "is not a query for this parser"),
        ("scopes.scm", "; inherits: lost\n", "cannot be read"),
        ("builtins.txt", "# inherits: lost\n", "cannot be read"),
    ],
)
def test_a_broken_file_of_names_is_one_sentence(tmp_path, bundled, file, text, sentence):
    original = bundled.for_editor_id("python").folder
    folder = tmp_path / "python"
    folder.mkdir()
    for path in original.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / file).write_text(text)
    (broken,) = LanguageRegistry([tmp_path]).all()
    with pytest.raises(LanguageFileError, match=sentence):
        _ = broken.grammar


def test_names_are_inherited_from_another_language(language):
    javascript, tsx = language("javascript").grammar, language("tsx").grammar
    assert javascript.builtins is not None
    assert tsx.builtins is not None
    assert "window" in javascript.builtins < tsx.builtins
    assert "HTMLElementTagNameMap" in tsx.builtins
