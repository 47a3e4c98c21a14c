"""Typings of packages in `node_modules`: their own, those of `@types`, else their JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tabwright.workspace_index.dependencies.reading import (
    MOST_STEPS,
    Search,
    first_file,
    folders_around,
    is_folder,
    text_of,
)
from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.configuration_texts import json_table
from tabwright.workspace_index.resolving.node_package import exported_files, split_specifier

_TYPED = (".d.ts", ".d.mts", ".d.cts", ".ts", ".tsx", ".mts", ".cts")
_TYPES_OF = {
    ".js": (".d.ts", ".ts", ".tsx"),
    ".mjs": (".d.mts", ".d.ts", ".mts"),
    ".cjs": (".d.cts", ".d.ts", ".cts"),
    ".jsx": (".d.ts", ".tsx"),
}
_PROGRAMS = (".js", ".mjs", ".cjs")

_FROM = re.compile(
    r"\b(?P<word>export|import)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?"
    r"(?:\{(?P<names>[^{}]{0,50000})\}|(?P<star>\*))\s*from\s*['\"](?P<module>[^'\"\n]+)['\"]"
)
_NAME = re.compile(r"(?:type\s+)?([\w$]+)(?:\s+as\s+([\w$]+))?")
_KEYWORDS = (
    r"class|function\*?|const|let|var|interface|type|enum|namespace|module|declare|export|abstract"
)


def find_in_node_modules(
    search: Search, folder: Path, path: str, imported: Import, environment: Mapping[str, str]
) -> None:
    """Add the files that define what is imported from a package."""
    specifier = imported.module.strip("\"'`").removeprefix("node:")
    if not specifier or specifier.startswith((".", "/", "#")):
        return
    around = folders_around(folder, path)
    file = _package_file([*around, *folder.parents], specifier)
    if file is None:
        return
    names = [name for name in imported.names if name not in ("*", "default")]
    is_whole = len(names) < len(imported.names) or not names
    found = [name for name in names if _add_name(search, file, name, 0)]
    if (is_whole or not found) and search.text_of(file) is not None:
        search.add(file)


def _add_name(search: Search, file: Path, name: str, step: int) -> bool:
    """Add the file that declares a name which a file exports; say whether there is one."""
    if search.is_full or not search.is_new(file, name):
        return False
    text = search.text_of(file)
    if text is None:
        return False
    if re.search(rf"\b(?:{_KEYWORDS})\s+{re.escape(name)}\b", text):
        search.add(file)
        return True
    if step >= MOST_STEPS:
        return False
    for module, name_there in _sources(text, name):
        if module.startswith("."):
            source = _typed_file(file.parent / module)
        else:
            source = _package_file(file.parents, module)
        if source is not None and _add_name(search, source, name_there, step + 1):
            return True
    return False


def _sources(text: str, name: str) -> Iterator[tuple[str, str]]:
    """Go through the modules that a name may come from, with its name there."""
    everything: list[str] = []
    for match in _FROM.finditer(text):
        if match["star"]:
            if match["word"] == "export":
                everything.append(match["module"])
            continue
        for taken in _NAME.finditer(match["names"]):
            if (taken[2] or taken[1]) == name:
                yield match["module"], name if taken[1] == "default" else taken[1]
    for module in everything:
        yield module, name


def _package_file(folders: Sequence[Path], specifier: str) -> Path | None:
    """Return the file that a specifier means in the nearest `node_modules` that has typings of
    it, else its program."""
    name, rest = split_specifier(specifier)
    if specifier.startswith("/") or ".." in specifier.split("/"):
        return None
    typings = "@types/" + name.removeprefix("@").replace("/", "__")
    program: Path | None = None
    for folder in folders:
        modules = folder / "node_modules"
        if folder.name == "node_modules" or not is_folder(modules):
            continue
        for package in (modules / name, modules / typings):
            file = _entry(package, rest)
            if file is not None and file.name.endswith(_TYPED):
                return file
            program = program or file
        built_in = first_file([modules / "@types" / "node" / f"{specifier}.d.ts"])
        if built_in is not None and program is None:
            return built_in
    return program


def _entry(package: Path, rest: str) -> Path | None:
    if not is_folder(package):
        return None
    targets = [
        package / target
        for target in (*exported_files(json_table(text_of(package / "package.json")), rest), rest)
        if target and ".." not in target.split("/")
    ]
    targets = targets or [package / "index"]
    for target in (*targets, package / (rest or "index")):
        file = _typed_file(target)
        if file is not None:
            return file
    programs = [target for target in targets if not target.name.endswith(".min.js")]
    return first_file(
        place
        for target in programs
        for place in (target, target.with_name(target.name + ".js"), target / "index.js")
        if place.suffix in _PROGRAMS
    )


def _typed_file(where: Path) -> Path | None:
    """Return the declarations or the TypeScript that a path means, which may lack its ending."""
    name = where.name
    candidates = [where] if name.endswith(_TYPED) else []
    candidates += [
        where.with_name(name.removesuffix(where.suffix) + ending)
        for ending in _TYPES_OF.get(where.suffix, ())
    ]
    if name not in ("", ".", ".."):
        candidates += [where.with_name(name + ending) for ending in _TYPED]
    candidates += [where / f"index{ending}" for ending in _TYPED]
    return first_file(candidates)
