"""What holds for the imports of every language."""

import random
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.language_file import ImportFamily
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving import Resolver, is_configuration

FAMILIES = [family for family in get_args(ImportFamily) if family]
PATHS = ["a.py", "b/__init__.py", "b/c.py", "b/d/e.py", "x/b/c.py", "src/b.ts", "go.mod", "d/e.go"]


def nothing(path: str) -> None:
    return None


def test_files_come_in_order_of_imports_each_once_and_never_the_file_itself():
    resolver = Resolver(PATHS, nothing)
    imports = [Import(module, (), ()) for module in ("b.d.e", "b.c", "a", "b.d.e", "b")]
    assert resolver.resolve("a.py", "python", imports) == ("b/d/e.py", "b/c.py", "b/__init__.py")


def test_a_language_without_rules_names_nothing():
    assert Resolver(PATHS, nothing).resolve("a.py", "", [Import("b", (), ())]) == ()


def test_every_bundled_language_with_imports_says_by_whose_rules():
    with_imports = {
        language.id
        for language in LanguageRegistry([grammars_folder()]).all()
        if (language.folder / "imports.scm").exists()
    }
    with_rules = {
        language.id for language in LanguageRegistry([grammars_folder()]).all() if language.imports
    }
    assert with_imports <= with_rules


def test_files_that_come_and_go_make_no_other_difference_than_files_that_were_always_there():
    chance = random.Random(7)
    resolver, present = Resolver((), nothing), set()
    imports = [Import(module, ("c", "e"), ("c", "e")) for module in ("a", "b", "b.d", "x.b")]
    for _ in range(300):
        path = chance.choice(PATHS)
        if path in present:
            present.discard(path)
            resolver.update(removed=[path])
        else:
            present.add(path)
            resolver.update(added=[path, path])
        afresh = Resolver(sorted(present), nothing)
        for here in ("b/z.py", "z.py"):
            expected = afresh.resolve(here, "python", imports)
            assert resolver.resolve(here, "python", imports) == expected
    resolver.update(removed=["never.py"])


def test_the_order_in_which_files_are_given_does_not_matter():
    chance = random.Random(3)
    imports = [Import("b.c", (), ()), Import("b", ("d",), ("d",)), Import("e", (), ())]
    answers = set()
    for _ in range(20):
        shuffled = chance.sample(PATHS, len(PATHS))
        answers.add(Resolver(shuffled, nothing).resolve("d/z.py", "python", imports))
    assert len(answers) == 1


def test_configuration_files_are_known():
    for path in ("go.mod", "a/package.json", "tsconfig.base.json", "a/jsconfig.json", "Cargo.toml"):
        assert is_configuration(path)
    for path in ("a.json", "package-lock.json", "go.mod/a.go", "Cargo.toml.bak"):
        assert not is_configuration(path)


pieces = st.lists(
    st.sampled_from(
        ["a", "b", "..", ".", "/", "::", "\\", "*", "@", "#", '"', "<", ">", "crate", "super",
         "self", "{", "e", "😀", " ", "\0", "$", "~/", "node:", ".js", "mod "]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(
    st.sampled_from(FAMILIES),
    pieces,
    st.lists(pieces, max_size=3),
    st.sampled_from(["", "a", "a/b.rs", "b/d/e.py", "src/lib.rs"]),
    st.lists(pieces, max_size=5),
    st.sampled_from(["", "{}", "{", "module a",
                     '{"exports": {"*": "*"}, "imports": {"#*": ["*"]}, "name": "a"}',
                     '[package]\nname = "a"\nlib = 3']),
)  # fmt: skip
def test_whatever_is_written_only_files_of_the_workspace_are_named(
    family, module, names, path, others, configuration
):
    files = [*PATHS, *others, "package.json", "b/Cargo.toml", "tsconfig.json", "composer.json"]
    resolver = Resolver(files, lambda path: configuration)
    found = resolver.resolve(path, family, [Import(module, tuple(names), tuple(names))])
    assert set(found) <= set(files)
    assert len(set(found)) == len(found)
