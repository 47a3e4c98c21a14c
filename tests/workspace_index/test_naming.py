"""Which names the memory expects next."""

from __future__ import annotations

import numpy as np
import pytest

from tabwright.workspace_index.line_memory import LineMemory
from tabwright.workspace_index.naming import FEATURES, shares_of

SHOP = """\
def total(basket):
    return basket.price * basket.count


def label(basket):
    return basket.price_tag
"""


def learned(*files: str) -> LineMemory:
    memory = LineMemory()
    for number, text in enumerate(files):
        memory.learn(f"file{number}.py", text)
    memory.settle()
    return memory


def names(memory: LineMemory, text: str) -> list[str]:
    """Ask at the bar in a text."""
    offset = text.index("|")
    found = memory.names("now.py", text.replace("|", ""), offset)
    shares = [each.share for each in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1 + 1e-9
    return [each.text for each in found]


def test_what_follows_elsewhere_behind_the_same_words_comes_first() -> None:
    memory = learned(SHOP, "cargo = 1\n" * 9)
    assert names(memory, "print(basket.c|\n")[0] == "ount"
    assert names(memory, "now = 1\nc|\n")[0] == "argo"


def test_names_come_before_anything_of_them_is_typed() -> None:
    memory = learned(SHOP)
    assert names(memory, "sum(basket.|\n")[0] == "price"
    assert "total" not in names(memory, "sum(basket.|\n")


@pytest.mark.parametrize(
    ("text", "first"), [("a =|\n", " basket"), ("a = |\n", "basket"), ("a = b|\n", "asket")]
)
def test_a_blank_that_is_missing_comes_with_the_name(text: str, first: str) -> None:
    assert names(learned("one = basket\ntwo = basket\nthree = basket\n"), text)[0] == first


def test_names_near_the_cursor_come_before_those_of_the_workspace() -> None:
    memory = learned("compute_all = compute_one\n", "compute_one()\n")
    far = "x = 1\n" * 200
    text = f"compute_here = 1\n\nprint(com|\n{far}compute_there = 2\n"
    found = names(memory, text)
    assert found[:2] == ["pute_here", "pute_there"]
    assert set(found[2:]) == {"pute_one", "pute_all"}


def test_a_word_that_is_whole_is_not_its_own_rest() -> None:
    assert names(learned(SHOP), "basket|\n") == []


@pytest.mark.parametrize("text", ["12|", "a = 12|\n", "é|", "unheard_of|"])
def test_where_nothing_fits_there_is_nothing(text: str) -> None:
    assert names(learned(SHOP), text) == []


def test_an_empty_document_begins_as_others_do() -> None:
    assert names(learned(SHOP, "import shop\n", "import shops\n"), "|")[0] == "import"


def test_a_changed_file_counts_as_it_is_now() -> None:
    memory = learned("print(first_name)\n")
    assert names(memory, "print(|\n") == ["first_name"]
    memory.learn("file0.py", "print(second_name)\n")
    assert names(memory, "print(|\n") == ["second_name"]
    memory.forget("file0.py")
    assert names(memory, "print(|\n") == []


def test_names_of_many_places_are_found_behind_a_common_sign() -> None:
    often = "".join(f"a{number}.rare{number}(x)\n" for number in range(5_000))
    memory = learned(often, "zoo.animals\n" * 40)
    assert names(memory, "unheard_of.anim|\n") == ["als"]


@pytest.mark.parametrize("is_begun", [True, False])
def test_shares_are_of_one(is_begun: bool) -> None:
    features = np.arange(3 * len(FEATURES), dtype=np.float64).reshape(3, -1)
    assert shares_of(features, is_begun=is_begun).sum() == pytest.approx(1)
