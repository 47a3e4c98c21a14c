"""Which licence each file of a Debian package has, from its `debian/copyright`.

The format is https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/: of the stanzas
whose `Files` match a path the last one counts; `*` and `?` match slashes, too.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

from tabwright.specialization.licences import is_permissive, normalised_licence


@dataclass(frozen=True)
class DebianCopyright:
    """The stanzas of one file, in its order."""

    stanzas: tuple[tuple[tuple[str, ...], str], ...]
    """Patterns with the licence of what they match, as an SPDX expression where that is known."""

    @property
    def expression(self) -> str:
        """The licence of what no special stanza is about; empty when the file says nothing."""
        general = [licence for patterns, licence in self.stanzas if "*" in patterns]
        if general:
            return general[0]
        own = [
            licence
            for patterns, licence in self.stanzas
            if not all(pattern.startswith("debian/") for pattern in patterns)
        ]
        return own[0] if len(set(own)) == 1 else ""

    def licence_of(self, path: str) -> str:
        """Return the licence of a file by its path below the package's root, or an empty text."""
        found = ""
        for patterns, licence in self.stanzas:
            if any(_matches(path, pattern) for pattern in patterns):
                found = licence
        return found

    def is_permissive(self, path: str) -> bool:
        """Say whether a file is under a permissive licence."""
        return is_permissive(self.licence_of(path))


def read_copyright(text: str) -> DebianCopyright:
    """Read a copyright file; one in no machine-readable format has no stanzas."""
    stanzas = []
    for stanza in text.replace("\r\n", "\n").split("\n\n"):
        fields = _fields(stanza)
        if "files" in fields and "license" in fields:
            first_line = fields["license"].split("\n", 1)[0]
            stanzas.append((tuple(fields["files"].split()), _expression(first_line)))
    return DebianCopyright(tuple(stanzas))


def _expression(said: str) -> str:
    said = said.replace(", and", " and").replace(", or", " or")
    said = re.sub(r"~[\w.+-]+", "", said)  # `BSD-3-clause~Google` has another copyright holder
    return normalised_licence(said)


def _matches(path: str, pattern: str) -> bool:
    # `[` has no meaning there, and has one in fnmatch.
    return fnmatch.fnmatchcase(path, pattern.removeprefix("./").replace("[", "[[]"))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.split("\n"):
        if line.startswith("#"):
            continue
        if line[:1] in {" ", "\t"} and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
