"""Positions in every encoding, edits, settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from tabwright.document import Cursor, DocumentSnapshot
from tabwright.lsp import from_lsp, to_lsp
from tabwright.session.documents import OpenDocument

ENCODINGS = list(types.PositionEncodingKind)
UTF_16 = types.PositionEncodingKind.Utf16


@given(st.text(), st.sampled_from(ENCODINGS))
def test_every_offset_survives_the_way_to_the_client_and_back(
    line: str, encoding: types.PositionEncodingKind
) -> None:
    line = from_lsp.clean(line)
    for offset in range(len(line) + 1):
        units = to_lsp.units_in(line[:offset], encoding)
        assert from_lsp.column_to_offset(line, units, encoding) == offset


@pytest.mark.parametrize(
    ("encoding", "units"), [("utf-8", 4 + 2 + 1), ("utf-16", 2 + 1 + 1), ("utf-32", 3)]
)
def test_astral_characters_count_as_the_encoding_counts(encoding: str, units: int) -> None:
    assert from_lsp.column_to_offset("🦜éx|", units, encoding) == 3


def test_a_column_inside_a_character_stops_before_it() -> None:
    assert from_lsp.column_to_offset("🦜x", 1, UTF_16) == 0
    assert from_lsp.column_to_offset("🦜x", 2, "utf-8") == 0


def test_a_column_beyond_the_line_stops_at_its_end() -> None:
    document = OpenDocument("u", "python", 1, "ab🦜\r\ncd", None)
    far = types.Position(0, 99)
    assert from_lsp.position_to_offset(document, far, UTF_16) == 3
    assert from_lsp.position_to_offset(document, types.Position(9, 9), UTF_16) == 7


def test_lone_surrogates_are_replaced_one_for_one() -> None:
    assert from_lsp.clean("a\ud83db") == "a?b"


def test_edits_apply_in_order_each_in_what_the_one_before_left() -> None:
    document = OpenDocument("u", "python", 1, "ab\r\ncd", None)

    def edit(line: int, start: int, end: int, text: str) -> types.TextDocumentContentChangePartial:
        where = types.Range(types.Position(line, start), types.Position(line, end))
        return types.TextDocumentContentChangePartial(where, text)

    changes = [edit(0, 2, 2, "🦜"), edit(0, 4, 4, "x\ny"), edit(2, 0, 1, "")]
    from_lsp.apply_changes(document, 2, changes, UTF_16)
    assert document.text == "ab🦜x\ny\r\nd"
    assert document.version == 2
    whole = types.TextDocumentContentChangeWholeDocument("new")
    from_lsp.apply_changes(document, 3, [whole], UTF_16)
    assert document.text == "new"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"tabwright": {"enabled": False}}, {"enabled": False}),
        ({"enabled": False}, {"enabled": False}),
        ({"tabwright.enabled": False}, {"enabled": False}),
        (None, {}),
        ([], {}),
        ({"tabwright": None}, {}),
    ],
)
def test_settings_are_found_however_a_client_wraps_them(
    sent: object, read: dict[str, object]
) -> None:
    assert from_lsp.settings_section(sent) == read


def test_a_selected_item_takes_the_place_of_the_word_it_completes() -> None:
    snapshot = DocumentSnapshot("u", "python", 1, "os.pa\n")
    changed, cursor = from_lsp.with_selected_item(snapshot, Cursor(5), 2, "path")
    assert changed.text == "os.path\n"
    assert cursor == Cursor(7)


def test_only_file_uris_are_paths() -> None:
    assert str(from_lsp.path_of("file:///tmp/a%20b.py")) == "/tmp/a b.py"
    assert from_lsp.path_of("untitled:Untitled-1") is None
