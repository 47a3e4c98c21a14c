"""A workspace in memory, asked what an import names."""

from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving import Resolver

Files = dict[str, str]


def workspace(*paths: str) -> Files:
    return dict.fromkeys(paths, "")


def resolver_of(files: Files) -> Resolver:
    return Resolver(files.keys(), files.get)


def resolved(files: Files, path: str, family, module: str, *names: str) -> list[str]:
    """Return what one import in a file names; the file itself need not be in the workspace."""
    imported = Import(module, names, names)
    return list(resolver_of(files).resolve(path, family, (imported,)))
