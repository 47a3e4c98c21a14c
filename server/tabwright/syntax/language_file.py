"""One `grammars/<id>/language.toml` as a frozen value. The schema is in `grammars/README.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from tabwright.errors import LanguageFileError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "language.toml"

_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
_WithABracket = Annotated[str, msgspec.Meta(pattern=r"^$|^[^()\[\]{}]*[(\[{][^()\[\]{}]*$")]
_Extension = Annotated[str, msgspec.Meta(pattern=r"^\.[^/\\]+$")]

ImportFamily: TypeAlias = Literal[
    "",  # imports name no files
    "python",
    "javascript",
    "go",
    "rust",
    "jvm",
    "c",
    "csharp",
    "ruby",
    "php",
    "lua",
    "swift",
    "path",
]
"""By whose rules an import names files; `workspace_index/resolving/` has a module for each."""


class GrammarSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the parser comes from."""

    module: _NonEmpty
    """An importable Python module, for example `tree_sitter_typescript`."""
    function: str = "language"
    """The function of that module which returns the parser, for example `language_tsx`."""


class BlockComment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comment with a closing mark."""

    open: _NonEmpty
    close: _NonEmpty


class StringForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to write a string or character literal, as far as a rough scan needs it."""

    open: _NonEmpty
    close: _NonEmpty
    escape: str = "\\"
    """The character that takes the meaning from the next one, or empty."""
    multiline: bool = False
    """False when a line end ends the literal even without its closing mark."""
    interpolation: _WithABracket = ""
    """What starts code inside the literal: has one opening bracket, for example `${` or `{$`."""


class BlockKeyword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A word that opens a block and the word that closes it."""

    open: _NonEmpty
    close: _NonEmpty
    at_line_start: bool = False
    """True when the word opens a block only as the first word of a line, or after one of
    `= ( ; | & {`: Ruby's `x if y` opens none.
    """


class LanguageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about one language that is not a query."""

    schema: Literal[1]
    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9_-]*$")]
    """Equal to the folder's name."""
    name: _NonEmpty
    editor_ids: tuple[_NonEmpty, ...]
    """Language ids that editors send for it."""
    grammar: GrammarSource
    block_style: Literal["braces", "indentation", "keywords"]
    extensions: tuple[_Extension, ...] = ()
    file_names: tuple[_NonEmpty, ...] = ()
    line_comment: str = ""
    """What starts a comment that ends with the line, or empty when there is none."""
    other_line_comments: tuple[_NonEmpty, ...] = ()
    block_comments: tuple[BlockComment, ...] = ()
    strings: tuple[StringForm, ...] = ()
    line_block_openers: tuple[_NonEmpty, ...] = ()
    """What a line ends with when the next line belongs to a new block."""
    block_keywords: tuple[BlockKeyword, ...] = ()
    empty_block: str = ""
    """What makes a header without a body complete, for example ` pass`; tried, never shown."""
    statement_end: str = ""
    """What makes a statement complete, for example `;`; tried, never shown."""
    imports: ImportFamily = ""
    """By whose rules its imports name files, empty when they name none."""


def read_language_file(folder: Path) -> LanguageFile:
    """Read `language.toml` in `folder`.

    Raises:
        LanguageFileError: the file is missing, is no TOML, or does not fit the schema.
    """
    path = folder / FILE_NAME
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        language_file = msgspec.convert(values, LanguageFile)
    except OSError as error:
        raise LanguageFileError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LanguageFileError(f"{path} is not valid TOML: {error}.") from error
    except msgspec.ValidationError as error:
        raise LanguageFileError(f"{path} does not fit the schema: {error}.") from error
    if language_file.id != folder.name:
        raise LanguageFileError(
            f"{path} says id = {language_file.id!r}, but its folder is called {folder.name!r}."
        )
    return language_file
