"""The one place where a session is put together from its parts."""

from __future__ import annotations

from collections.abc import Callable

from tabwright.bundled_data import grammars_folder
from tabwright.model.catalogue import Catalogue, catalogue_folders, read_catalogue
from tabwright.session.model_host import LoadEvent
from tabwright.session.session import Session
from tabwright.session.status import Status
from tabwright.session.workspace import WorkspaceEvent
from tabwright.syntax.languages import LanguageRegistry
from tabwright.user_directories import user_grammars_directory


def build_languages() -> LanguageRegistry:
    """Return the bundled languages and the user's own."""
    return LanguageRegistry([grammars_folder(), user_grammars_directory()])


def build_catalogue() -> Catalogue:
    """Return the bundled models and the user's own."""
    return read_catalogue(catalogue_folders())


def build_session(
    on_status: Callable[[Status], None] = lambda _status: None,
    on_load: Callable[[LoadEvent], None] = lambda _event: None,
    on_workspace: Callable[[WorkspaceEvent], None] = lambda _event: None,
) -> Session:
    """Return a session on this machine's languages and models."""
    return Session(build_languages(), build_catalogue, on_status, on_load, on_workspace)
