"""From an import as written to the files of the workspace that it names, family by family."""

from tabwright.workspace_index.resolving.resolver import Resolver, is_configuration

__all__ = ["Resolver", "is_configuration"]
