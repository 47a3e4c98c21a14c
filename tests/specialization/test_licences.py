"""What packages say about their licence, and which ones a corpus takes."""

from __future__ import annotations

import pytest

from tabwright.specialization.debian_copyright import read_copyright
from tabwright.specialization.licences import is_permissive, names_copyleft, normalised_licence


@pytest.mark.parametrize(
    ("said", "expression"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("The MIT License (MIT)", "MIT"),
        ("Expat", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache-2.0 or MIT", "Apache-2.0 OR MIT"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("(MIT OR CC0-1.0)", "(MIT OR CC0-1.0)"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("BSD", "BSD-3-Clause"),
        ("House rules", "House rules"),
        ("", ""),
    ],
)
def test_what_metadata_says_becomes_an_spdx_expression(said: str, expression: str) -> None:
    assert normalised_licence(said) == expression


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0", True),
        ("GPL-3.0 OR MIT", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR GPL-3.0) AND ISC", True),
        ("(MIT AND GPL-3.0) OR LGPL-2.1", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("MPL-2.0", False),
        ("AGPL-3.0-only", False),
        ("", False),
        ("UNLICENSED", False),
        ("MIT AND", False),
        ("(", False),
        ("MIT MIT", False),
        ("MIT)", False),
    ],
)
def test_only_permissive_terms_are_taken(expression: str, permissive: bool) -> None:
    assert is_permissive(expression) == permissive


@pytest.mark.parametrize(
    ("head", "copyleft"),
    [
        ("# GNU Lesser General Public License as published", True),
        ("// SPDX-License-Identifier: GPL-2.0-only", True),
        ("/* This Source Code Form is subject to the terms of the Mozilla Public License */", True),
        ("# Licensed under the MIT license.", False),
        ("SIMPLY, GPLAYER = 1", False),
    ],
)
def test_a_file_says_when_it_is_under_other_terms(head: str, copyleft: bool) -> None:
    assert names_copyleft(head) == copyleft


COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 Somebody
License: Expat

Files: src/gpl/* tools/[a].c
 docs/*.c
Copyright: 2020 Else
License: GPL-3+

Files: src/gpl/free.c
Copyright: 2020 Else
License: BSD-3-clause~Else
 Redistribution and use ...

License: Expat
 Permission is hereby granted ...
"""


def test_a_debian_package_has_a_licence_per_file_of_which_the_last_counts() -> None:
    found = read_copyright(COPYRIGHT)
    assert found.expression == "MIT"
    licences = {
        path: found.licence_of(path)
        for path in (
            "main.c", "src/gpl/a/b.c", "src/gpl/free.c", "docs/x/y.c", "tools/[a].c", "tools/a.c",
        )
    }  # fmt: skip
    assert licences == {
        "main.c": "MIT",
        "src/gpl/a/b.c": "GPL-3+",
        "src/gpl/free.c": "BSD-3-Clause",
        "docs/x/y.c": "GPL-3+",
        "tools/[a].c": "GPL-3+",
        "tools/a.c": "MIT",
    }


@pytest.mark.parametrize(
    "text", ["", "This package is free.\n", "Files: *\n\nLicense: MIT\n", ":\n"]
)
def test_a_debian_copyright_in_no_known_format_allows_nothing(text: str) -> None:
    found = read_copyright(text)
    assert found.expression == ""
    assert not found.is_permissive("main.c")
