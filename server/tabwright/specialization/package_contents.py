"""The source files of a fetched package, by path, and the licence it says it has."""

from __future__ import annotations

import email.parser
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tabwright.specialization.archive_reading import Member, read_members
from tabwright.specialization.corpus_manifest import PackageSource
from tabwright.specialization.debian_copyright import DebianCopyright, read_copyright
from tabwright.specialization.licences import normalised_licence
from tabwright.specialization.package_archives import FetchedPackage

_WHEEL_METADATA = re.compile(r"^[^/]+\.dist-info/METADATA$")
_NPM_METADATA = re.compile(r"^[^/]+/package\.json$")
_DEB_COPYRIGHT = re.compile(r"^usr/share/doc/[^/]+/copyright$")
_SOURCE_COPYRIGHT = re.compile(r"^(?:[^/]+/)?debian/copyright$")
_CRATE = re.compile(r"^usr/share/cargo/registry/[^/]+/")
_CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True)
class PackageContents:
    """What a package holds of some languages."""

    version: str
    """As the archive says; empty for Debian's, whose archive is asked for by version."""
    licence: str
    """What the archive's own metadata says, as an SPDX expression where that is known."""
    files: tuple[Member, ...]
    """In order of path; paths start at the package's own root."""
    copyright: DebianCopyright | None = None
    """For Debian's packages: which file has which licence."""


def read_contents(
    fetched: FetchedPackage, source: PackageSource, is_source: Callable[[str], bool]
) -> PackageContents:
    """Read the files of a package whose path `is_source` accepts.

    Raises:
        CorpusError: an archive is damaged or unpacks to more than packages hold.
    """
    metadata = {
        "wheel": _WHEEL_METADATA,
        "npm": _NPM_METADATA,
        "deb": _DEB_COPYRIGHT,
        "debian-source": _SOURCE_COPYRIGHT,
    }[source]
    about: list[Member] = []
    files: list[Member] = []
    for archive in fetched.files:
        if archive.name.endswith((".dsc", ".diff.gz")):
            continue
        is_debian_part = source == "debian-source" and ".debian.tar" in archive.name
        for member in read_members(
            archive, lambda path: metadata.match(path) is not None or is_source(path)
        ):
            if metadata.match(member.path) is not None:
                about.append(member)
            elif not is_debian_part:
                files.append(member)
    text = (about[0].content or b"").decode("utf-8", "replace") if about else ""
    if source == "wheel":
        version, licence = _from_wheel(text)
        return PackageContents(version, licence, _sorted(files, ""))
    if source == "npm":
        version, licence = _from_npm(text)
        return PackageContents(version, licence, _sorted(files, _first_folder(files)))
    found = read_copyright(text)
    root = _deb_root(files) if source == "deb" else _first_folder(files)
    return PackageContents("", found.expression, _sorted(files, root), found)


def _from_wheel(text: str) -> tuple[str, str]:
    headers = email.parser.HeaderParser().parsestr(text)
    version = str(headers.get("Version", ""))
    said = str(headers.get("License-Expression", ""))
    if not said:
        said = str(headers.get("License", ""))
        classifiers = [
            str(each).removeprefix(_CLASSIFIER)
            for each in headers.get_all("Classifier", [])
            if str(each).startswith(_CLASSIFIER)
        ]
        # Some put the whole text of the licence there.
        if classifiers and (not said or len(said) > 60 or said.upper() in {"UNKNOWN", "LICENSE"}):
            said = " AND ".join(classifiers)
        said = said.split("\n", 1)[0]
    return version, normalised_licence(said)


def _from_npm(text: str) -> tuple[str, str]:
    try:
        content = json.loads(text)
    except ValueError:
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    said = content.get("license") or content.get("licenses") or ""
    alternatives = said if isinstance(said, list) else [said]
    names = [
        str(each.get("type", "")) if isinstance(each, dict) else str(each) for each in alternatives
    ]
    return str(content.get("version", "")), normalised_licence(" OR ".join(names))


def _deb_root(files: list[Member]) -> str:
    """Return a crate's folder, or what the import path of a Go module comes to."""
    crate = _CRATE.match(files[0].path) if files else None
    return crate.group() if crate else _common_folder(files)


def _common_folder(files: Iterable[Member]) -> str:
    """Return the longest folder that all paths lie below, with its slash."""
    shared: list[str] | None = None
    for file in files:
        parts = file.path.split("/")[:-1]
        if shared is None:
            shared = parts
            continue
        length = 0
        while length < min(len(shared), len(parts)) and shared[length] == parts[length]:
            length += 1
        shared = shared[:length]
    return "".join(f"{part}/" for part in shared or [])


def _first_folder(files: Iterable[Member]) -> str:
    """Return the one folder around everything in an archive of sources, with its slash."""
    roots = {file.path.partition("/")[0] for file in files if "/" in file.path}
    flat = any("/" not in file.path for file in files)
    return f"{roots.pop()}/" if len(roots) == 1 and not flat else ""


def _sorted(files: list[Member], root: str) -> tuple[Member, ...]:
    stripped = [Member(file.path[len(root) :], file.size, file.content) for file in files]
    return tuple(sorted(stripped, key=lambda file: file.path))
