"""String offsets and byte offsets, there and back."""

from hypothesis import given
from hypothesis import strategies as st

from tabwright.syntax.text_bytes import LONGEST_MARKS_RUN, TextBytes

# Long enough pieces to cross the marks that the conversion keeps.
any_text = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=()), max_size=20),
        st.sampled_from(["a" * 1023, "😀" * 1024, "é" * 700, "\r\n" * 300, "\0", "\ud800"]),
    ),
    max_size=6,
).map("".join)


@given(any_text, st.data())
def test_an_offset_survives_the_way_to_bytes_and_back(text, data):
    offset = data.draw(st.integers(0, len(text)))
    converted = TextBytes(text)
    byte = converted.to_byte(offset)
    assert byte == len(text[:offset].encode("utf-8", errors="replace"))
    assert converted.to_offset(byte) == offset


@given(any_text, st.data())
def test_many_offsets_at_once_are_those_asked_one_by_one(text, data):
    converted = TextBytes(text)
    offsets = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    places = [converted.to_byte(offset) for offset in offsets]
    assert converted.to_offsets(places) == dict(zip(places, offsets, strict=True))


@given(any_text)
def test_the_bytes_are_utf_8_without_nul(text):
    source = TextBytes(text).source
    assert b"\0" not in source
    assert len(source.decode("utf-8")) == len(text)


def test_a_byte_inside_a_character_gives_its_start():
    assert TextBytes("a😀b").to_offset(3) == 1


def test_offsets_outside_the_text_are_moved_into_it():
    converted = TextBytes("a😀")
    assert (converted.to_byte(-1), converted.to_byte(99)) == (0, 5)
    assert (converted.to_offset(-1), converted.to_offset(99)) == (0, 2)


@given(st.integers(0, 1200), st.integers(LONGEST_MARKS_RUN, LONGEST_MARKS_RUN + 600))
def test_a_run_of_marks_that_nobody_writes_is_not_parsed(place, length):
    text = "a" * place + "[" * length + "b = (1)"
    assert TextBytes(text).source == b"a" * place + b" " * length + b"b = (1)"


def test_a_ruler_stays_as_it_is():
    text = "#" * 200 + "\n" + "=-" * 100
    assert TextBytes(text * 10).source == (text * 10).encode()
