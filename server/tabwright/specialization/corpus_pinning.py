"""Filling in what a manifest does not say about its packages yet, from the packages themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import msgspec

from tabwright.errors import CorpusError
from tabwright.specialization.corpus_building import OnPackage
from tabwright.specialization.corpus_manifest import CorpusPackage, PackageSource, read_corpus
from tabwright.specialization.licences import is_permissive
from tabwright.specialization.package_archives import (
    FetchedPackage,
    fetch_package,
    keep_under_version,
)
from tabwright.specialization.package_contents import read_contents

_PACKAGE_LINE = re.compile(r"^\s*(\{.*\}),?\s*(#.*)?$")
_DSC_VERSION = re.compile(r"^Version: *(\S+)", re.MULTILINE)


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    package: CorpusPackage


def pin_corpus(path: Path, archives: Path, on_package: OnPackage) -> list[str]:
    """Fetch each package that lacks a version, a licence, a hash or a size, and write them down.

    Every package stands on a line of its own, as an inline table. Lines are written one after
    another, so that pinning that was cut off goes on where it stopped.

    Returns:
        One sentence for each package that cannot be in a corpus: it cannot be had, or what it
        says about its licence is not permissive. Its line stays as it was.

    Raises:
        CorpusError: the manifest cannot be read or written, or is malformed.
    """
    corpus = read_corpus(path)
    lines = path.read_text("utf-8").split("\n")
    problems = []
    for done, package in enumerate(corpus.packages):
        on_package(f"pinning {package.title}", done, len(corpus.packages))
        if package.version and package.licence and package.sha256 and package.size:
            continue
        at = _line_of(lines, package, path)
        try:
            pinned = _pinned(package, corpus.source_of(package), archives)
        except CorpusError as error:
            problems.append(str(error))
            continue
        if not is_permissive(pinned.licence):
            said = pinned.licence or "nothing that is understood"
            problems.append(f"{pinned.title} says about its licence: {said}.")
            continue
        lines[at] = f"  {as_inline_table(pinned)},"
        try:
            path.write_text("\n".join(lines), "utf-8")
        except OSError as error:
            raise CorpusError(f"{path} cannot be written: {error.strerror or error}.") from error
    on_package("done", len(corpus.packages), len(corpus.packages))
    return problems


def as_inline_table(package: CorpusPackage) -> str:
    """Return a package as it stands in a manifest."""
    fields = msgspec.to_builtins(package)
    return "{ " + ", ".join(f"{name} = {_as_toml(value)}" for name, value in fields.items()) + " }"


def _as_toml(value: object) -> str:
    # Strings without control characters, numbers, booleans and lists are written as in JSON.
    return json.dumps(value, ensure_ascii=False)


def _line_of(lines: list[str], package: CorpusPackage, path: Path) -> int:
    for at, line in enumerate(lines):
        found = _PACKAGE_LINE.match(line)
        if found is None:
            continue
        try:
            stands_there = msgspec.toml.decode(f"package = {found[1]}", type=_Line).package
        except msgspec.DecodeError:
            continue
        if stands_there == package:
            return at
    raise CorpusError(f"{path} does not have {package.name} on a line of its own.")


def _pinned(package: CorpusPackage, source: PackageSource, archives: Path) -> CorpusPackage:
    fetched = fetch_package(package, source, archives)
    contents = read_contents(fetched, source, _nothing)
    pinned = msgspec.structs.replace(
        package,
        version=package.version or contents.version or _debian_version(fetched),
        licence=package.licence or contents.licence,
        sha256=fetched.sha256,
        size=fetched.size,
    )
    keep_under_version(fetched, pinned, source, archives)
    return pinned


def _debian_version(fetched: FetchedPackage) -> str:
    first = fetched.files[0]
    if first.name.endswith(".dsc"):
        found = _DSC_VERSION.search(first.read_text("utf-8", "replace"))
        return found[1] if found else ""
    parts = first.name.split("_")
    return unquote(parts[1]) if len(parts) == 3 else ""


def _nothing(path: str) -> bool:
    del path
    return False
