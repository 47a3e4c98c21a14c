"""One `models/corpora/*.toml` as a frozen value. Its fields are documented in the README there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec

from tabwright.errors import CorpusError

_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
_Name = Annotated[
    str, msgspec.Meta(pattern=r"^(@[a-z0-9][a-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._+-]*$")
]
_Version = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9.:~+_-]*)?$")]
_File = TypeVar("_File")
_OptionalSha256 = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]

PackageSource: TypeAlias = Literal["wheel", "npm", "deb", "debian-source"]
"""A pure wheel of the user's Python index, a package of the user's npm registry, a binary or a
source package of the user's Debian mirror."""


class CorpusPackage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One release of one package."""

    name: _Name
    version: _Version = ""
    """Empty until `tabwright corpus pin` has filled it in, as are the next three."""
    licence: str = ""
    """An SPDX expression, equal to what the archive itself says."""
    sha256: _OptionalSha256 = ""
    """Of the archive; of the `.dsc` for a Debian source package, which holds those of the rest."""
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Bytes that are downloaded."""
    source: PackageSource | None = None
    """Where it comes from, when not from where the corpus's other packages do."""
    held_out: bool = False
    """True when nothing of it is trained on: it is what the result is judged with."""
    only: tuple[_NonEmpty, ...] = ()
    """When given, only files below one of these folders of the package are taken."""
    without: tuple[_NonEmpty, ...] = ()
    """Files below these folders are not taken."""

    @property
    def title(self) -> str:
        """The name with the version, for people."""
        return f"{self.name} {self.version}".rstrip()


class Corpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a specialist is trained on and judged with."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]*$")]
    """Equal to the file's name without `.toml`."""
    name: _NonEmpty
    languages: Annotated[tuple[_NonEmpty, ...], msgspec.Meta(min_length=1)]
    """Names of folders in `grammars/`: which files of a package are taken."""
    source: PackageSource
    """Where the packages come from."""
    seed: int
    """Decides which files are taken of a package that has more than `package_megabytes`."""
    package_megabytes: Annotated[float, msgspec.Meta(gt=0)]
    """So much text (10^6 bytes) is taken of a package, lest a large one be most of the corpus."""
    packages: Annotated[tuple[CorpusPackage, ...], msgspec.Meta(min_length=1)]

    def source_of(self, package: CorpusPackage) -> PackageSource:
        """Return where a package comes from."""
        return package.source or self.source


class ExcludedPackages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Packages that never enter a corpus, for one reason."""

    reason: _NonEmpty
    names: Annotated[tuple[_NonEmpty, ...], msgspec.Meta(min_length=1)]
    """In lower case with `-` for `_` and `.`; `*` and `?` as in file names. They count for every
    source."""


class _ExclusionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    excluded: tuple[ExcludedPackages, ...]


def read_corpus(path: Path) -> Corpus:
    """Read and check a corpus's manifest.

    Raises:
        CorpusError: it cannot be read, is malformed, or contradicts itself.
    """
    corpus = _decoded(path, Corpus)
    if corpus.id != path.stem:
        raise CorpusError(f"{path} calls itself {corpus.id!r}; its file name says {path.stem!r}.")
    seen: set[tuple[str, str]] = set()
    for package in corpus.packages:
        key = (corpus.source_of(package), package.name.lower())
        if key in seen:
            raise CorpusError(f"{path} names {package.name} twice.")
        seen.add(key)
    return corpus


def read_exclusions(path: Path) -> tuple[ExcludedPackages, ...]:
    """Read the list of packages that never enter a corpus.

    Raises:
        CorpusError: it cannot be read or is malformed.
    """
    return _decoded(path, _ExclusionFile).excluded


def _decoded(path: Path, wanted: type[_File]) -> _File:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=wanted)
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} is no proper corpus file: {error}.") from error
