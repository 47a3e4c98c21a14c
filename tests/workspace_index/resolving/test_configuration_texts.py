"""Configuration files as people and machines leave them."""

import pytest

from tabwright.workspace_index.resolving.configuration_texts import json_table, toml_table
from workspace_index.resolving.resolving import resolved, workspace


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\ufeff{\n// x\n"a": [1, 2,], /* "b": 2 */\n}', {"a": [1, 2]}),
        ('{"url": "http://x/*y*/", "t": ",}", // "\n}', {"url": "http://x/*y*/", "t": ",}"}),
        ('{"quote": "\\"//", /**/ "b": 1,}', {"quote": '"//', "b": 1}),
        ("[1]", {}),
        ('{"a": ', {}),
        ("", {}),
        (None, {}),
        ("{" * 100_000, {}),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, {}),
        (" " * 2_000_000 + "{}", {}),
    ],
)
def test_json_with_comments_is_read_and_anything_else_is_empty(text, table):
    assert json_table(text) == table


def test_toml_is_read_and_anything_else_is_empty():
    assert toml_table('[package]\nname = "a"') == {"package": {"name": "a"}}
    for text in (None, "[", "a = ", "a = " + "[" * 50_000, "\0"):
        assert toml_table(text) == {}


ENDLESS = ["/*", '\\"', '"', '"\\', "//", ",", ", ", "/* */", "\n", "a => ", "module\n", "\t("]


@pytest.mark.parametrize("piece", ENDLESS, ids=repr)
def test_a_long_broken_text_is_looked_through_once(piece):
    """Were it quadratic, this would run for hours, and into the time limit of all tests."""
    text = piece * (900_000 // len(piece))
    json_table(text)
    files = workspace("a.go", "a.ts") | {"go.mod": text, "package.json": text}
    assert resolved(files, "b.go", "go", "example.com/a") == []
    assert resolved(files, "b.ts", "javascript", "example") == []
