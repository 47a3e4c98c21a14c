"""Packages of Go in `vendor/`, the module cache, and the standard library.

After https://go.dev/ref/mod#module-cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tabwright.workspace_index.dependencies.reading import (
    MOST_FILES,
    Search,
    children,
    folders_around,
    is_file,
    is_folder,
    text_of,
)
from tabwright.workspace_index.facts import Import

_REQUIRE = re.compile(
    r"^[ \t]*(?:require[ \t]+)?([^\s/]+\.[^\s/]+(?:/\S+)?)[ \t]+(v\S+)", re.MULTILINE
)
_REPLACE = re.compile(
    r"^[ \t]*(?:replace[ \t]+)?(\S+)(?:[ \t]+v\S+)?[ \t]+=>[ \t]+(\S+)(?:[ \t]+(v\S+))?",
    re.MULTILINE,
)
_USUAL_PLACES = ("/usr/local/go", "/usr/lib/go", "/opt/homebrew/opt/go/libexec")


def find_in_go_modules(
    search: Search, folder: Path, path: str, imported: Import, environment: Mapping[str, str]
) -> None:
    """Add the files of a package that define some names; without names its first files."""
    written = imported.module.strip('"`')
    parts = written.split("/")
    if not all(parts) or {".", ".."} & set(parts):
        return
    names = [name for name in imported.names if name != "*"]
    for package in _package_folders(folder, path, written, environment):
        files = _sources(package, re.sub(r"/v\d+$", "", written).rpartition("/")[2])
        if files:
            _add(search, files, names)
            return


def _add(search: Search, files: list[Path], names: list[str]) -> None:
    if not names:
        for file in files[:MOST_FILES]:
            if search.text_of(file) is not None:
                search.add(file)
        return
    either = "|".join(map(re.escape, names))
    declared = re.compile(
        rf"^(?:func\s+(?:\(\s*(?:\w+\s+)?\*?(?:{either})\b|(?:{either})\b)"
        rf"|(?:type|var|const)\s+(?:{either})\b|\t(?:{either})\b)",
        re.MULTILINE,
    )
    for file in files:
        text = search.text_of(file)
        if text is not None and declared.search(text):
            search.add(file)


def _sources(package: Path, name: str) -> list[Path]:
    """Return the sources of a package without tests, the file of its own name first."""
    files = [file for file in children(package) if file.suffix == ".go"]
    files = [file for file in files if not file.name.endswith("_test.go")]
    return sorted(files, key=lambda file: (file.stem != name, file.stem == "doc", file))


def _package_folders(
    folder: Path, path: str, written: str, environment: Mapping[str, str]
) -> Iterator[Path]:
    around = folders_around(folder, path)
    yield from (place / "vendor" / written for place in around if is_folder(place / "vendor"))
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or "/nowhere")
    gopaths = [Path(entry) for entry in (environment.get("GOPATH") or "").split(":") if entry]
    gopaths = gopaths or [home / "go"]
    if "." not in written.partition("/")[0]:
        roots = [Path(environment["GOROOT"])] if environment.get("GOROOT") else []
        yield from (root / "src" / written for root in (*roots, *map(Path, _USUAL_PLACES)))
        return
    cache = Path(environment.get("GOMODCACHE") or gopaths[0] / "pkg" / "mod")
    declaration = next((place for place in around if is_file(place / "go.mod")), None)
    if declaration is not None:
        required = _required(text_of(declaration / "go.mod") or "")
        for module in sorted(required, key=lambda module: (-len(module), module)):
            if written == module or written.startswith(module + "/"):
                target, version = required[module]
                rest = written[len(module) + 1 :]
                if version:
                    yield cache / f"{_escaped(target)}@{_escaped(version)}" / rest
                else:
                    yield declaration / target / rest
    yield from (gopath / "src" / written for gopath in gopaths)


def _required(go_mod: str) -> dict[str, tuple[str, str]]:
    """Return where modules come from: a module and its version, or a folder and no version."""
    required = {match[1]: (match[1], match[2]) for match in _REQUIRE.finditer(go_mod)}
    for match in _REPLACE.finditer(go_mod):
        required[match[1]] = (match[2], match[3] or "")
    return required


def _escaped(path: str) -> str:
    """Return how the cache writes upper-case letters."""
    return re.sub(r"[A-Z]", lambda match: "!" + match[0].lower(), path)
