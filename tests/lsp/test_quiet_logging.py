"""Nothing of the user's text in the log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tabwright.lsp.quiet_logging import configure_logging


@pytest.fixture(autouse=True)
def restored_logging() -> object:
    root, pygls = logging.getLogger(), logging.getLogger("pygls")
    before = (root.handlers[:], root.level, pygls.level)
    yield None
    root.handlers[:], root.level, pygls.level = before[0], before[1], before[2]


def test_what_pygls_quotes_of_messages_is_taken_out(tmp_path: Path) -> None:
    file = tmp_path / "log"
    configure_logging("info", str(file))
    logger = logging.getLogger("pygls.protocol")
    logger.error("Failed to handle %r: %s", "textDocument/didChange", "my source")
    quoted = " ".join(["my", "source"])  # the traceback may quote this file
    try:
        int(quoted)
    except ValueError:
        logger.exception("Failed to handle %s", quoted)
    text = file.read_text()
    assert quoted not in text
    assert "Failed to handle" in text
    assert "ValueError" in text


def test_our_own_records_keep_their_arguments(tmp_path: Path) -> None:
    file = tmp_path / "log"
    configure_logging("info", str(file))
    logging.getLogger("tabwright.session").warning("The model %s is missing.", "a-model")
    assert "The model a-model is missing." in file.read_text()


def test_pygls_says_nothing_below_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "log"
    configure_logging("info", str(file))
    logging.getLogger("pygls.protocol").info("Sending data: my source")
    assert file.read_text() == ""


def test_children_that_end_after_the_server_are_not_complained_about(tmp_path: Path) -> None:
    file = tmp_path / "log"
    configure_logging("info", str(file))
    asyncio_says = logging.getLogger("asyncio")
    asyncio_says.warning("Loop %r that handles pid %r is closed", object(), 12)
    assert file.read_text() == ""
    asyncio_says.warning("Executing took %.3f seconds", 2.0)
    assert "Executing took 2.000" in file.read_text()
