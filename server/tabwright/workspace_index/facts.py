"""What is known about one file: values that the index stores and everything above it reads."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

DefinitionKind: TypeAlias = Literal[
    "class",  # class, struct, interface, trait, enum, union, protocol
    "function",
    "method",
    "constant",  # and variables at the top of a file
    "field",
    "type",  # aliases
    "module",  # namespaces, packages, modules inside a file
    "macro",
]


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """Something a file gives a name to that can be used elsewhere, or in the file's other code."""

    name: str
    kind: DefinitionKind
    parent: str
    """The names around it joined by dots (`Outer.Inner`), empty at the top of a file."""
    start: int
    """Where its first line begins, decorators and attributes included, in string offsets."""
    end: int
    """After its last character, body included."""
    signature: str
    """Its header as written, without body, docstring and common indentation; for a class its
    head line, for a field or a constant its whole declaration, long values cut short by `...`."""
    doc: str
    """The first sentence of its docstring or of the comment right above it, else empty."""


class Import(msgspec.Struct, frozen=True, array_like=True):
    """One imported module as written."""

    module: str
    """`os.path`, `..models`, `./util.js`, `crate::a::b`, `"psutil.h"` with its marks, ..."""
    names: tuple[str, ...]
    """What is taken from it, by the names they have there; `*` for everything, empty where the
    module itself is what is imported."""
    aliases: tuple[str, ...]
    """What these names (or the module) are called in this file, in the same order."""


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a file cut on syntax borders, for full-text search."""

    start: int
    end: int


class FileFacts(msgspec.Struct, frozen=True, array_like=True):
    """Everything the index keeps of one file, apart from its text."""

    language: str
    """The id of a folder in `grammars/`."""
    definitions: tuple[Definition, ...]
    """In order of their places in the file."""
    imports: tuple[Import, ...]
    references: tuple[tuple[str, int], ...]
    """Names that are used, with how often; sorted by name."""
    chunks: tuple[Chunk, ...]
    """In order, without overlap; together they cover all code. None where full-text search was not
    wanted."""
