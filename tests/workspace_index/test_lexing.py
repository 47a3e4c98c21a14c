import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.workspace_index.lexing import (
    DEEPER,
    LINE_ENDS,
    LONGEST_REST,
    PATTERN,
    SAME,
    SHALLOWER,
    TOO_LONG,
    UNKNOWN,
    TokensOfEditedText,
    Vocabulary,
    tokens_of,
)

TEXTS = [
    "",
    "\n",
    "def f(x):\r\n\treturn x  # 😀\r\n",
    "a\n\n\n    b\n",
    "  leading and trailing  ",
    "naïve = 名前\n",
    "\x0c\u2028\x00 \n",
    "x" * 1_000_000,
    " " * 1_000_000,
]


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_put_together_are_the_text(text):
    vocabulary = Vocabulary()

    tokens = tokens_of(text, vocabulary)

    assert vocabulary.text_of(tokens.surfaces) == text


@given(st.text(st.sampled_from("ab1_ .(\t\r\n😀é\u2028\x0c")))
def test_every_character_is_in_a_token(text):
    assert "".join(PATTERN.findall(text)) == text


def test_newlines_are_compared_by_what_the_indentation_does():
    vocabulary = Vocabulary()

    cores = vocabulary.cores_of(
        vocabulary.numbers_of(PATTERN.findall("a\n    b\n\n    c\n\td\ne\n"))
    )

    newlines = [core for core in cores.tolist() if core in (SAME, DEEPER, SHALLOWER)]
    assert newlines == [DEEPER, SAME, SAME, SHALLOWER, SAME]


def test_equal_rests_of_lines_have_equal_checksums_in_any_file_and_vocabulary():
    one, other = Vocabulary(), Vocabulary()
    first = tokens_of("x = foo(a, b)\n", one)
    second = tokens_of("# something before\nlonger_name = foo(a, b)\n", other)

    rest_of_first = first.rests[[one.words[core] == "foo" for core in first.cores]]
    rest_of_second = second.rests[[other.words[core] == "foo" for core in second.cores]]

    assert rest_of_first.tolist() == rest_of_second.tolist()
    assert len(set(first.rests[1:].tolist())) == len(first) - 1


def test_the_end_of_a_line_and_too_much_of_a_line_are_told():
    vocabulary = Vocabulary()
    tokens = tokens_of("a " * (LONGEST_REST + 1) + "\n", vocabulary)

    assert tokens.rests[-1] == LINE_ENDS
    assert tokens.rests[1] == TOO_LONG
    assert tokens.rests[2] != TOO_LONG
    assert tokens.lengths[2] == LONGEST_REST


def test_looking_up_learns_nothing():
    vocabulary = Vocabulary()
    tokens_of("known\n", vocabulary)

    cores, words = vocabulary.lookup("known unknown")

    assert words == ["known", "unknown"]
    assert cores == [vocabulary.core("known"), UNKNOWN]


PIECES = st.lists(
    st.sampled_from(["a", "bc", " ", "  ", "\n", "\r\n", "\t", "(", ")", "=", "é", "😀", "x1"])
).map("".join)


@given(st.lists(PIECES, min_size=1, max_size=5))
def test_an_edited_text_has_the_tokens_of_a_text_read_anew(states):
    vocabulary = Vocabulary()
    edited = TokensOfEditedText(vocabulary)

    for text in states:
        edited.update(text)
        anew = vocabulary.numbers_of(PATTERN.findall(text))
        assert edited.surfaces.tolist() == anew.tolist()


@given(PIECES, PIECES, PIECES, PIECES)
def test_an_edit_in_the_middle_gives_the_tokens_of_a_text_read_anew(before, old, new, after):
    vocabulary = Vocabulary()
    edited = TokensOfEditedText(vocabulary)
    edited.update(before + old + after)

    edited.update(before + new + after)

    anew = vocabulary.numbers_of(PATTERN.findall(before + new + after))
    assert np.array_equal(edited.surfaces, anew)
