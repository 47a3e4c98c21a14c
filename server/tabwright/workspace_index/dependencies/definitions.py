"""The public definitions of a dependency's file: what completing code against it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tabwright.workspace_index.dependencies.reading import text_of
from tabwright.workspace_index.facts import Definition, FileFacts
from tabwright.workspace_index.view import FoundDefinition

_MOST_DEFINITIONS = 200
_MARKS = ("/site-packages/", "/node_modules/", "/pkg/mod/", "/vendor/")


def dependency_definitions(
    path: Path, names: Sequence[str], facts_of: Callable[[str, str], FileFacts | None]
) -> tuple[FoundDefinition, ...]:
    """Return the definitions in a file that have one of some names, and the public members of
    those that are classes; without names, everything public at its top. At most 200, in order of
    their places.

    `facts_of` is given the file's text and its extension (`.py`).
    """
    text = text_of(path)
    facts = facts_of(text, path.suffix) if text is not None else None
    if facts is None:
        return ()
    is_public = _is_public_in_go if facts.language == "go" else _is_public
    modules = {_full_name(each) for each in facts.definitions if each.kind == "module"}
    at_top = [each for each in facts.definitions if not each.parent or each.parent in modules]
    found = [each for each in at_top if (each.name in names if names else is_public(each.name))]
    if names:
        classes = {_full_name(each) for each in found}
        members = [each for each in facts.definitions if each.parent in classes]
        found += [each for each in members if is_public(each.name) and each not in found]
    shown = path_in_package(path)
    in_order = sorted(found, key=lambda definition: definition.start)
    return tuple(
        FoundDefinition(shown, definition, is_dependency=True)
        for definition in in_order[:_MOST_DEFINITIONS]
    )


def path_in_package(path: Path) -> str:
    """Return a path as people name it: from the package on, with forward slashes."""
    whole = path.as_posix()
    for mark in _MARKS:
        before, found, after = whole.rpartition(mark)
        if found and before:
            return after
    return "/".join(path.parts[-2:])


def _full_name(definition: Definition) -> str:
    return f"{definition.parent}.{definition.name}" if definition.parent else definition.name


def _is_public(name: str) -> bool:
    return name == "__init__" or not name.startswith(("_", "#"))


def _is_public_in_go(name: str) -> bool:
    return name[:1].isupper()
