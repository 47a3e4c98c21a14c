"""Which licences let anybody train on a package, and what a package says its licence is."""

from __future__ import annotations

import re

PERMISSIVE = frozenset(
    {
        "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause",
        "BSD-4-Clause", "BSL-1.0", "BlueOak-1.0.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0",
        "NCSA", "PSF-2.0", "Python-2.0", "PostgreSQL", "Unlicense", "Zlib", "curl", "libpng-2.0",
        "public-domain", "WTFPL", "X11",
    }
)  # fmt: skip
"""SPDX identifiers, and `public-domain`, which has none."""

_NAMES = {
    "apache": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0",
    "apache-2": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache license version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0", "apache software license 2.0": "Apache-2.0",
    "apache-2.0 license": "Apache-2.0", "apache license": "Apache-2.0", "asl 2.0": "Apache-2.0",
    "apache license 2": "Apache-2.0", "the apache license 2.0": "Apache-2.0",
    "apache2": "Apache-2.0", "apache2.0": "Apache-2.0", "apache v2": "Apache-2.0",
    "apachev2": "Apache-2.0", "apache-2.0-with-llvm-exception": "Apache-2.0 WITH LLVM-exception",
    "bsd": "BSD-3-Clause", "bsd license": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause", "new bsd": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause", "bsd-3-clause license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause", "modified bsd license": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause", "the bsd 3-clause license": "BSD-3-Clause",
    "bsd 3 clause": "BSD-3-Clause", "bsd-3clause": "BSD-3-Clause", "bsd3": "BSD-3-Clause",
    "bsd-2": "BSD-2-Clause", "bsd 2-clause": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause",
    "bsd-2-clause license": "BSD-2-Clause", "bsd 2-clause license": "BSD-2-Clause",
    "2-clause bsd": "BSD-2-Clause", "bsd-2-clause-freebsd": "BSD-2-Clause",
    "bsd-2-clause-netbsd": "BSD-2-Clause", "bsd-4": "BSD-4-Clause",
    # holders that Debian's copyright files name with the licence
    "bsd-c3": "BSD-3-Clause",
    "bsd-3-google": "BSD-3-Clause",
    "bsd-3-clause-google": "BSD-3-Clause",
    "bsd-3-clause-hsqldb": "BSD-3-Clause",
    "bsd-3-nlnetlabs": "BSD-3-Clause",
    "expat-nginx": "MIT",
    "boost-1": "BSL-1.0",
    "libpng": "libpng-2.0",
    "expat": "MIT", "mit license": "MIT", "the mit license": "MIT", "mit/x11": "MIT",
    "the mit license (mit)": "MIT", "mit licence": "MIT", "mit-license": "MIT",
    "mit license (mit)": "MIT", "mit/expat": "MIT", "mit-style": "MIT",
    "isc license": "ISC", "isc license (iscl)": "ISC", "the unlicense": "Unlicense",
    "the unlicense (unlicense)": "Unlicense", "python software foundation license": "PSF-2.0",
    "psf": "PSF-2.0", "psf license": "PSF-2.0", "psfl": "PSF-2.0",
    "public domain": "public-domain", "zlib/libpng": "Zlib", "zlib license": "Zlib",
    "boost": "BSL-1.0", "boost-1.0": "BSL-1.0", "bsl": "BSL-1.0", "cc0": "CC0-1.0",
    "university of illinois/ncsa open source license": "NCSA",
    "historical permission notice and disclaimer (hpnd)": "HPND",
}  # fmt: skip
"""What package metadata calls them, in lower case. `BSD` alone is taken for three clauses."""
_BY_LOWER_CASE = {name.lower(): name for name in PERMISSIVE}
_COPYLEFT = re.compile(
    r"GNU (?:Lesser |Library |Affero )?General Public Licen[sc]e|Mozilla Public Licen[sc]e"
    r"|\b[AL]?GPL(?:v|-|\b)|\bMPL[- ]?[12]|\bEPL[- ]?[12]|Eclipse Public Licen[sc]e"
    r"|Creative Commons Attribution-(?:Share|Non)|\bCDDL\b"
    r"|SPDX-License-Identifier: *(?:[AL]?GPL|[EM]PL)",
)


def normalised_licence(said: str) -> str:
    """Return what metadata says as an SPDX expression where it is known, else as it is.

    >>> normalised_licence("The MIT License (MIT)")
    'MIT'
    >>> normalised_licence("mit or apache-2.0")
    'MIT OR Apache-2.0'
    """
    said = " ".join(said.replace('"', "").split())
    whole = _known(said)
    if whole is not None:
        return whole
    said = said.replace("/", " OR ") if re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+", said) else said
    parts = re.split(r"(\(|\)|\s+(?:AND|OR|and|or|And|Or)\s+)", said)
    made = [
        part.strip().upper()
        if part.strip().upper() in {"AND", "OR"}
        else _known(part) or part.strip()
        for part in parts
        if part.strip()
    ]
    return " ".join(made).replace("( ", "(").replace(" )", ")")


def is_permissive(expression: str) -> bool:
    """Say whether an SPDX expression lets anybody use the code under permissive terms alone.

    Of alternatives (`OR`) one suffices; of what is joined with `AND` all must be permissive.
    """
    tokens = [
        token for token in re.split(r"(\(|\)|\s+AND\s+|\s+OR\s+)", expression) if token.strip()
    ]
    try:
        value, rest = _any_of([token.strip() for token in tokens])
    except IndexError:
        return False
    return value and not rest


def names_copyleft(text: str) -> bool:
    """Say whether the head of a file names a licence that asks something of derived works."""
    return _COPYLEFT.search(text) is not None


def _known(said: str) -> str | None:
    lowered = said.strip().lower().rstrip(".")
    return _BY_LOWER_CASE.get(lowered) or _NAMES.get(lowered)


def _any_of(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _all_of(tokens)
    while rest and rest[0] == "OR":
        other, rest = _all_of(rest[1:])
        value = value or other
    return value, rest


def _all_of(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _one(tokens)
    while rest and rest[0] == "AND":
        other, rest = _one(rest[1:])
        value = value and other
    return value, rest


def _one(tokens: list[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        value, rest = _any_of(tokens[1:])
        return value, rest[1:]
    return tokens[0] in PERMISSIVE, tokens[1:]
