"""What is taken from a dependency's file."""

from pathlib import Path

import pytest

from tabwright.workspace_index.dependencies import dependency_definitions
from tabwright.workspace_index.dependencies.definitions import path_in_package
from tabwright.workspace_index.facts import Definition, FileFacts


def define(name: str, kind="function", parent: str = "", start: int = 0) -> Definition:
    return Definition(name, kind, parent, start, start + 1, name, "")


CLIENT = (
    define("_helper", start=1),
    define("Client", "class", start=2),
    define("__init__", "method", "Client", 3),
    define("get", "method", "Client", 4),
    define("_send", "method", "Client", 5),
    define("__eq__", "method", "Client", 6),
    define("Inner", "class", "Client", 7),
    define("deep", "method", "Client.Inner", 8),
    define("get", start=9),
    define("Other", "class", start=10),
    define("get", "method", "Other", 11),
)


def taken(tmp_path: Path, language: str, definitions, *names: str) -> list[tuple[str, str]]:
    path = tmp_path / "site-packages" / "pkg" / "client.py"
    path.parent.mkdir(parents=True)
    path.write_text("text")

    def facts_of(text: str, extension: str) -> FileFacts:
        assert (text, extension) == ("text", ".py")
        return FileFacts(language, definitions, (), (), ())

    found = dependency_definitions(path, names, facts_of)
    assert all(each.is_dependency and each.path == "pkg/client.py" for each in found)
    return [(each.definition.parent, each.definition.name) for each in found]


def test_a_class_comes_with_its_public_members(tmp_path):
    assert taken(tmp_path, "python", CLIENT, "Client") == [
        ("", "Client"),
        ("Client", "__init__"),
        ("Client", "get"),
        ("Client", "Inner"),
    ]


def test_a_name_is_that_at_the_top(tmp_path):
    assert taken(tmp_path, "python", CLIENT, "get", "missing") == [("", "get")]


def test_without_names_everything_public_at_the_top_is_taken(tmp_path):
    assert taken(tmp_path, "python", CLIENT) == [("", "Client"), ("", "get"), ("", "Other")]


def test_what_is_in_a_declared_namespace_counts_as_at_the_top(tmp_path):
    react = (
        define("React", "module", start=1),
        define("useState", parent="React", start=2),
        define("Component", "class", "React", 3),
        define("render", "method", "React.Component", 4),
    )
    assert taken(tmp_path, "typescript", react, "useState", "Component") == [
        ("React", "useState"),
        ("React", "Component"),
        ("React.Component", "render"),
    ]


def test_what_is_public_in_go_begins_with_a_capital(tmp_path):
    server = (
        define("Server", "class", start=1),
        define("Run", "method", "Server", 2),
        define("close", "method", "Server", 3),
        define("helper", start=4),
    )
    assert taken(tmp_path, "go", server, "Server") == [("", "Server"), ("Server", "Run")]


def test_a_file_that_cannot_be_read_has_none(tmp_path):
    def never(text: str, extension: str) -> FileFacts:
        raise AssertionError(text)

    (tmp_path / "big.py").write_text("#" * 500_001)
    for name in ("missing.py", "big.py", ""):
        assert dependency_definitions(tmp_path / name, (), never) == ()


def test_a_file_without_facts_has_none(tmp_path):
    (tmp_path / "a.xyz").write_text("x")
    assert dependency_definitions(tmp_path / "a.xyz", (), lambda text, extension: None) == ()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/w/.venv/lib/python3.11/site-packages/httpx/_api.py", "httpx/_api.py"),
        ("/w/node_modules/a/node_modules/@types/b/index.d.ts", "@types/b/index.d.ts"),
        ("/home/x/go/pkg/mod/github.com/!a/b@v1.0.0/b.go", "github.com/!a/b@v1.0.0/b.go"),
        ("/w/vendor/github.com/a/b/b.go", "github.com/a/b/b.go"),
        ("/usr/lib/python3.11/queue.py", "python3.11/queue.py"),
    ],
)
def test_paths_begin_with_the_package(path, shown):
    assert path_in_package(Path(path)) == shown
