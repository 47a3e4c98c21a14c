"""The pygls server, with what it does by itself and should not taken out."""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol

import tabwright

logger = logging.getLogger(__name__)


class _Protocol(LanguageServerProtocol):
    """Leaves text synchronisation to our handlers.

    pygls keeps documents of its own, with lines split at characters that are no line ends for the
    protocol. A name that is not callable is not registered as a built-in feature, so the handlers
    of `lsp.handlers` are the only ones.
    """

    lsp_text_document__did_open = None  # type: ignore[assignment]  # see the class docstring
    lsp_text_document__did_change = None  # type: ignore[assignment]
    lsp_text_document__did_close = None  # type: ignore[assignment]
    lsp_notebook_document__did_open = None  # type: ignore[assignment]
    lsp_notebook_document__did_change = None  # type: ignore[assignment]
    lsp_notebook_document__did_close = None  # type: ignore[assignment]


class TabwrightServer(LanguageServer):
    """A language server that logs its errors and never pops them up."""

    def __init__(self) -> None:
        super().__init__(
            "tabwright",
            tabwright.__version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")],
                save=False,
            ),
            protocol_cls=_Protocol,
        )

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log the kind of error; pygls's own would show a message box.

        The error's text is left out, because it may quote the document.
        """
        logger.error("A message could not be handled: %s (%s).", type(error).__name__, source)

    @property
    def position_encoding(self) -> types.PositionEncodingKind | str:
        """The negotiated encoding of positions."""
        return self.server_capabilities.position_encoding or types.PositionEncodingKind.Utf16
