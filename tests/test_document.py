"""Words are found where a regular expression finds them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tabwright.document import places_of_word

PIECES = ["ab", "a", "b", "_", "1", "é", " ", ".", "\n", "😀", "ab ab", "-"]
WORDS = st.lists(st.sampled_from(["ab", "a", "b", "_", "1", "é"]), min_size=1, max_size=3)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30)


@given(TEXTS.map("".join), WORDS.map("".join))
def test_a_word_is_found_wherever_it_stands_by_itself(text: str, word: str) -> None:
    found = [match.start() for match in re.finditer(rf"\b{word}\b", text)]
    assert list(places_of_word(text, word)) == found
