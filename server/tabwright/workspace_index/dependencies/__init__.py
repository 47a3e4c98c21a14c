"""What installed packages define, where their sources or typings are at hand. Nothing is run."""

from tabwright.workspace_index.dependencies.definitions import dependency_definitions
from tabwright.workspace_index.dependencies.finding import dependency_files

__all__ = ["dependency_definitions", "dependency_files"]
