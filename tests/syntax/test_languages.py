"""Which languages there are, and what happens to a folder that cannot be used."""

import shutil
import subprocess
import sys

import pytest

from tabwright.bundled_data import grammars_folder
from tabwright.errors import LanguageFileError
from tabwright.syntax.language_file import read_language_file
from tabwright.syntax.languages import LanguageRegistry
from tabwright.syntax.parsed_text import Place

STARLARK = """
schema = 1
id = "starlark"
name = "Starlark"
editor_ids = ["starlark", "bazel"]
extensions = [".bzl", ".star.py"]
file_names = ["BUILD.bazel"]
block_style = "indentation"
line_comment = "#"
line_block_openers = [":"]
empty_block = " pass"

[grammar]
module = "tree_sitter_python"
"""
NO_BRACKET = 'strings = [{ open = "`", close = "`", interpolation = "$" }]'


@pytest.fixture
def user_folder(tmp_path):
    """A user's grammars folder with one more language in it, built on an installed parser."""
    folder = tmp_path / "grammars"
    write_language(folder, "starlark", STARLARK)
    return folder


def write_language(folder, name, language_toml, places="(comment) @comment (string) @string"):
    path = folder / name
    path.mkdir(parents=True)
    (path / "language.toml").write_text(language_toml, encoding="utf-8")
    (path / "places.scm").write_text(places, encoding="utf-8")
    (path / "blocks.scm").write_text("(block) @body", encoding="utf-8")
    return path


def test_a_folder_of_ones_own_adds_a_language(user_folder):
    registry = LanguageRegistry([grammars_folder(), user_folder])
    language = registry.for_editor_id("bazel")
    assert language is not None
    assert language.name == "Starlark"
    assert language.parse("x = 'a'").place_at(6) is Place.STRING
    assert registry.for_path("a/BUILD.bazel") is language
    assert registry.for_editor_id("python").id == "python"
    assert registry.problems == ()


def test_the_longest_extension_wins(user_folder):
    registry = LanguageRegistry([grammars_folder(), user_folder])
    assert registry.for_path("a.star.py").id == "starlark"
    assert registry.for_path("a.py").id == "python"


def test_a_folder_of_ones_own_replaces_a_bundled_language(tmp_path):
    own = STARLARK.replace('"starlark"', '"python"').replace("Starlark", "My Python")
    write_language(tmp_path, "python", own)
    registry = LanguageRegistry([grammars_folder(), tmp_path])
    assert registry.for_editor_id("python").name == "My Python"
    assert [each.name for each in registry.all() if each.id == "python"] == ["My Python"]


@pytest.mark.parametrize(
    ("path", "language_id"),
    [
        ("src/main.rs", "rust"),
        ("C:\\work\\Main.JAVA", "java"),
        ("Gemfile", "ruby"),
        (".bashrc", "bash"),
        ("a/b.tar.gz", None),
        (".py", None),
        ("README", None),
        ("", None),
    ],
)
def test_the_language_of_a_path(bundled, path, language_id):
    found = bundled.for_path(path)
    assert (found.id if found else None) == language_id


def test_an_unknown_editor_id_has_no_language(bundled):
    assert bundled.for_editor_id("klingon") is None


def test_a_missing_folder_is_no_problem(tmp_path):
    registry = LanguageRegistry([tmp_path / "nothing"])
    assert registry.all() == ()
    assert registry.problems == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("schema = 1", "schema = 2"), "does not fit the schema"),
        (("schema = 1", "schema ="), "is not valid TOML"),
        (('name = "Starlark"', "nmae = 1"), "does not fit the schema"),
        (('line_block_openers = [":"]', NO_BRACKET), "$.strings[0].interpolation"),
        (('id = "starlark"', 'id = "skylark"'), "its folder is called 'starlark'"),
        (('"indentation"', '"dents"'), "$.block_style"),
        (('".bzl"', '"bzl"'), "$.extensions"),
        (("tree_sitter_python", "tree_sitter_klingon"), "'tree_sitter_klingon' is not installed"),
        (("tree_sitter_python", "no.such.module"), "'no.such.module' is not installed"),
    ],
)
def test_a_broken_language_file_is_one_sentence(tmp_path, change, sentence):
    write_language(tmp_path, "starlark", STARLARK.replace(*change))
    registry = LanguageRegistry([grammars_folder(), tmp_path])
    (problem,) = registry.problems
    assert sentence in problem
    assert "\n" not in problem.strip()
    assert registry.for_editor_id("starlark") is None
    assert registry.for_editor_id("python") is not None


@pytest.mark.parametrize(
    ("language_toml", "places", "sentence"),
    [
        (STARLARK, "(no_such_node) @comment", "is not a query for this parser"),
        (STARLARK, "(comment) @remark", "captures @remark"),
        (STARLARK + 'function = "no_such"', "(comment) @comment", "has no function 'no_such'"),
        (STARLARK.replace("tree_sitter_python", "platform") + 'function = "system"',
         "(comment) @comment", "gives no usable parser"),
    ],
)  # fmt: skip
def test_a_parser_that_cannot_be_used_is_one_sentence_at_first_use(
    tmp_path, language_toml, places, sentence
):
    write_language(tmp_path, "starlark", language_toml, places)
    registry = LanguageRegistry([tmp_path])
    assert registry.problems == ()
    assert registry.for_editor_id("starlark") is None
    (problem,) = registry.problems
    assert sentence in problem
    assert registry.for_editor_id("starlark") is None
    assert len(registry.problems) == 1


def test_the_bundled_language_stays_when_its_replacement_cannot_be_used(tmp_path):
    write_language(
        tmp_path, "python", STARLARK.replace('"starlark"', '"python"'), "(nothing) @code"
    )
    registry = LanguageRegistry([grammars_folder(), tmp_path])
    assert registry.for_editor_id("python").name == "Python"
    assert len(registry.problems) == 1


def test_a_missing_query_is_one_sentence(user_folder):
    (user_folder / "starlark" / "blocks.scm").unlink()
    registry = LanguageRegistry([user_folder])
    assert registry.for_path("a.bzl") is None
    assert "blocks.scm cannot be read" in registry.problems[0]


def test_other_files_beside_the_language_folders_are_left_alone(user_folder):
    (user_folder / "notes.txt").write_text("mine", encoding="utf-8")
    (user_folder / "empty").mkdir()
    registry = LanguageRegistry([user_folder])
    assert [each.id for each in registry.all()] == ["starlark"]
    assert registry.problems == ()


def test_a_language_file_that_is_not_utf_8_is_one_sentence(user_folder):
    (user_folder / "starlark" / "language.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(LanguageFileError, match="not valid TOML"):
        read_language_file(user_folder / "starlark")


def test_a_copied_bundled_folder_is_a_language_of_its_own(tmp_path):
    shutil.copytree(grammars_folder() / "go", tmp_path / "go")
    registry = LanguageRegistry([tmp_path])
    assert registry.for_path("a.go").parse("package a\n").fault_count() == 0


def test_no_parser_is_imported_before_its_language_is_used():
    program = (
        "import sys\n"
        "from tabwright.bundled_data import grammars_folder\n"
        "from tabwright.syntax.languages import LanguageRegistry\n"
        "registry = LanguageRegistry([grammars_folder()])\n"
        "loaded = lambda: sorted(name for name in sys.modules if name.startswith('tree_sitter_'))\n"
        "assert registry.all() and loaded() == [], loaded()\n"
        "registry.for_path('a.go').parse('package a').fault_count()\n"
        "packages = {name.partition('.')[0] for name in loaded()}\n"
        "assert packages == {'tree_sitter_go'}, packages\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
