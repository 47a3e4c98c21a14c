"""Where the block that a suggestion writes ends: the mark `¦` in it, or its end."""

import pytest

from tabwright.syntax.block_end import block_end

# name: (language, source with the cursor, suggestion with `¦` where its block ends)
ENDS = {
    "with the suite of a function": (
        "python",
        "def f():‸\n\nx = 1\n",
        "\n    a = 1\n    return a¦\n\ndef g():\n    pass",
    ),
    "with the suite although the next line is indented": (
        "python",
        "if x:\n    if y:‸\n",
        "\n        a()¦\n    b()\n",
    ),
    "with the suite of one line": ("python", "if x: ‸\n", "return 1¦\ny = 2"),
    "after a string that is not indented": (
        "python",
        "def f():‸\n",
        '\n    x = """\none\n  two"""\n    return x¦\n\nf()',
    ),
    "with the comment that is indented like it": (
        "python",
        "def f():‸\n",
        "\n    a()\n    # That is all.¦\n\n# Elsewhere.\ng()",
    ),
    "before the else of its header": ("python", "if x:‸\n", "\n    a()¦\nelse:\n    b()\n"),
    "with the statement whose body the suggestion opens": (
        "python",
        "class A:\n    def f(‸\n\n    def h(self):\n        pass\n",
        "self):\n        return 1¦\n\n    def g(self):\n        pass\n",
    ),
    "before a brace that is typed already": (
        "javascript",
        "function f() {\n  ‸\n}\n",
        "a();¦\n}\n\nfunction g() {\n  b();",
    ),
    "before a brace that is typed right of the cursor": (
        "javascript",
        "f(() => {‸});\n",
        "\n  a();¦\n});\n\nf(() => {\n",
    ),
    "after a brace that is not typed yet": (
        "javascript",
        "class A {\n  f() {‸\n}\n",
        "\n    a();\n  }¦\n\n  g() {\n    b();\n  }",
    ),
    "after a brace and what else closes with it": (
        "javascript",
        "f(() => {‸\n",
        "\n  a();\n});¦\n\ng();\n",
    ),
    "although nothing is indented": (
        "javascript",
        "function f() {\n‸\n}\n",
        "a();\nif (b) {\nc();\n}¦\n}\nd();",
    ),
    "after a brace in a pattern": (
        "javascript",
        "function f() {\n  ‸\n",
        "a(/}/);\n}¦\n\nfunction g() {\n  b();\n}",
    ),
    "after all branches of a statement": (
        "javascript",
        "function f() {\n  if (x‸\n}\n",
        ") {\n    a();\n  } else {\n    b();\n  }¦\n  c();\n  d();\n",
    ),
    "with a call whose argument it opens": (
        "javascript",
        "app.get('/', ‸\n",
        "(req, res) => {\n  res.send('a');\n});¦\n\napp.listen(1);\n",
    ),
    "past a preprocessor line and a label": (
        "c",
        "int f(int x) {\n    ‸\n}\n",
        "if (x)\n        goto out;\n#ifdef A\n    a();\n#endif\nout:\n    return x;¦\n}\nint g() {",
    ),
    "past the cases of a switch": (
        "go",
        "package a\n\nfunc f(x int) {\n\tswitch x {‸\n}\n",
        "\n\tcase 1:\n\t\ta()\n\tdefault:\n\t\tb()\n\t}¦\n\tc()\n",
    ),
    "with one statement of several": (
        "go",
        "package a\n\nfunc f(x int) {\n\tif x ‸\n}\n",
        "> 0 {\n\t\ta()\n\t}¦\n\tb()\n",
    ),
    "before the word that is typed already": (
        "ruby",
        "def f\n  ‸\nend\n",
        "if a\n    b\n  end\n  c¦\nend\n\ndef g\n",
    ),
    "after the word that is not typed yet": (
        "lua",
        "local function f(x)\n  if x then‸\nend\n",
        "\n    a()\n  end¦\n  b()\n",
    ),
    "with its program in a shell": ("bash", "if x; then\n  ‸\n", "a\nfi¦\nb\n"),
    "not before the suggestion does": ("javascript", "f(() => {‸});\n", "\n  a();\n  b();¦"),
    "not where the code below goes on": (
        "python",
        "def f():\n    ‸\n    return a\n",
        "a = 1\n    b = 2¦",
    ),
    "nowhere at the top level": ("python", "x = 1\n‸\n", "y = 2\n\nz = 3¦"),
    "with text of more than one byte": ("python", "# 😀é\nif x:‸\n", "\n    '😀'¦\ny\n"),
}

UNKNOWN = {
    "nothing is suggested": ("python", "def f():‸\n", "\n  "),
    "the cursor is in a string": ("python", "x = 'a‸'\n", "b"),
    "the suggestion is broken before the end": (
        "javascript",
        "function f() {‸\n",
        "\n  a(;\n}\n\nfunction g() {\n  b();\n}\n",
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_block_ends(language, split, name):
    language_id, source, marked = ENDS[name]
    before, after = split(source)
    text = marked.replace("¦", "")
    end = block_end(language(language_id), before, text, after)
    assert end is not None
    assert text[:end].rstrip() + "¦" == marked.partition("¦")[0].rstrip() + "¦"


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_tree_does_not_say(language, split, name):
    language_id, source, text = UNKNOWN[name]
    before, after = split(source)
    assert block_end(language(language_id), before, text, after) is None


@pytest.mark.parametrize(
    "before",
    ["x = 1\n" * 170_000 + "def f():", "x = [" + "1, " * 330_000 + "\n", "\ud800\r\n\t", ""],
)
def test_any_text_can_be_asked_about(language, before):
    end = block_end(language("python"), before, "\n    a()\nb()", "\n" + before)
    assert end is None or 0 < end <= 12
