"""From an import as written to the files of the workspace that it names, family by family."""

from tabwright.workspace_index.resolving.resolver import (
    NAMING_FILES,
    Resolver,
    is_configuration,
)

__all__ = ["NAMING_FILES", "Resolver", "is_configuration"]
