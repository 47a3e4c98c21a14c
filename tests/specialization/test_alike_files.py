"""Which texts are taken for alike."""

from __future__ import annotations

import random

from specialization.workspaces import a_module
from tabwright.specialization.alike_files import groups_of_alike

LICENCE = "".join(
    f"# line {number} of a licence that every file begins with\n" for number in range(20)
)


def test_texts_of_their_own_are_groups_of_their_own() -> None:
    assert groups_of_alike([a_module(number) for number in range(20)]) == list(range(20))


def test_a_copy_with_some_lines_changed_is_alike() -> None:
    lines = a_module(1, 40).split("\n")
    for place in random.Random(1).sample(range(len(lines)), len(lines) // 20):
        lines[place] = f"changed = {place}"
    assert groups_of_alike([a_module(2), a_module(1, 40), "\n".join(lines)]) == [0, 1, 1]


def test_other_white_space_is_alike() -> None:
    wide = a_module(1).replace("    ", "\t").replace("\n", "\r\n\r\n")
    assert groups_of_alike([a_module(1), wide]) == [0, 0]


def test_a_part_of_a_file_is_alike() -> None:
    assert groups_of_alike([a_module(1, 40), a_module(1, 15)]) == [0, 0]


def test_files_alike_by_way_of_a_third_are_one_group() -> None:
    first, second = a_module(1, 20), a_module(2, 20)
    assert groups_of_alike([first, second, first + second]) == [0, 0, 0]


def test_a_common_licence_makes_none_alike() -> None:
    texts = [LICENCE + a_module(number, 6) for number in range(80)]
    assert groups_of_alike(texts) == list(range(80))


def test_short_and_empty_texts_are_alike_only_when_equal() -> None:
    assert groups_of_alike(["", "a = 1", "a  =  1\n", "b = 1", ""]) == [0, 1, 1, 3, 0]
