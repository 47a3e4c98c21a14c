"""Imports of JavaScript and TypeScript: relative, mapped by configuration, or a package of the
same workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving.configuration_texts import json_table, text_or_empty
from tabwright.workspace_index.resolving.node_package import exported_files, mapped_files
from tabwright.workspace_index.resolving.typescript_paths import mapping_for
from tabwright.workspace_index.resolving.workspace import Workspace
from tabwright.workspace_index.resolving.workspace_files import (
    WorkspaceFiles,
    folder_of,
    folders_up,
    joined,
    normalised,
)

_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")
_ENDINGS = (
    *(".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs"),
    *(".d.mts", ".d.cts", ".vue", ".svelte", ".astro", ".json"),
)
_SOURCES_OF = {
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx", ".d.ts"),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
_PLATFORMS = ("", ".native", ".ios", ".android", ".web")
_BUILT = re.compile(r"^(?:\./)?(?:dist|build|lib|out|es|esm|cjs|types|umd)/(?:(?:esm|cjs|es)/)?")
_BUILT_ENDING = re.compile(r"(?:\.d)?\.[cm]?[jt]sx?$")
_MOST_PACKAGES = 5_000


def javascript_files(workspace: Workspace, path: str, imported: Import) -> Iterator[str]:
    """Go through the one file that a specifier names, if it is in the workspace."""
    specifier = imported.module.strip("\"'`").partition("?")[0]
    if specifier:
        file = _resolved(workspace, path, specifier)
        if file is not None:
            yield file


def _resolved(workspace: Workspace, path: str, specifier: str) -> str | None:
    files = workspace.files
    prefers_types = path.endswith(_TYPESCRIPT)
    if specifier in (".", "..") or specifier.startswith(("./", "../")):
        return _module_at(workspace, normalised(folder_of(path), specifier), prefers_types)
    if specifier.startswith("/"):
        return _module_at(workspace, normalised("", specifier), prefers_types)
    if specifier.startswith("#"):
        file = _subpath_import(workspace, path, specifier)
        if file is not None:
            return file
    mapping = mapping_for(workspace, path, lambda name: _package_folders(workspace, name))
    for where in mapping.candidates(specifier):
        file = _module_at(workspace, where, prefers_types)
        if file is not None:
            return file
    file = _package_file(workspace, specifier, prefers_types)
    if file is not None or not specifier.startswith(("@/", "~/")):
        return file
    # What bundlers' templates call the sources, where no tsconfig.json says it too.
    rest = specifier[2:]
    around = list(folders_up(folder_of(path)))
    places = [joined(folder, joined(source, rest)) for folder in around for source in ("src", "")]
    found = (_module_at(workspace, place, prefers_types) for place in places if place not in files)
    return next((file for file in found if file is not None), None)


def _module_at(workspace: Workspace, where: str | None, prefers_types: bool) -> str | None:
    """Return the file that a path means which may lack its ending, or be a folder."""
    if where is None:
        return None
    file = _file_at(workspace.files, where, prefers_types)
    if file is not None:
        return file
    manifest_path = joined(where, "package.json")
    if manifest_path in workspace.files:
        manifest = _manifest(workspace, manifest_path)
        return _entry(workspace, where, manifest, "", prefers_types)
    return _file_at(workspace.files, joined(where, "index"), prefers_types)


def _file_at(files: WorkspaceFiles, where: str, prefers_types: bool) -> str | None:
    stem, dot, ending = where.rpartition(".")
    sources = [stem + source for source in _SOURCES_OF.get(dot + ending, ())]
    exact = [*sources, where] if prefers_types else [where, *sources]
    for candidate in exact:
        if candidate in files:
            return candidate
    for platform in _PLATFORMS:
        for added in _ENDINGS:
            candidate = where + platform + added
            if candidate in files:
                return candidate
    return None


def _manifest(workspace: Workspace, path: str) -> Mapping[str, object]:
    return workspace.derived(("manifest", path), lambda: json_table(workspace.text_of(path)))


def _subpath_import(workspace: Workspace, path: str, specifier: str) -> str | None:
    """Follow the `imports` of the nearest `package.json`."""
    for folder in folders_up(folder_of(path)):
        manifest_path = joined(folder, "package.json")
        if manifest_path in workspace.files:
            imports = _manifest(workspace, manifest_path).get("imports")
            targets = mapped_files(imports, specifier)
            return _first_target(workspace, folder, targets, path.endswith(_TYPESCRIPT))
    return None


def _packages(workspace: Workspace) -> Mapping[str, str]:
    """Return the folders of the workspace's packages by name."""

    def work_out() -> dict[str, str]:
        found: dict[str, str] = {}
        paths = [
            path for path in workspace.files.named("package.json") if "node_modules/" not in path
        ]
        for path in sorted(paths, key=lambda path: (path.count("/"), path))[:_MOST_PACKAGES]:
            name = text_or_empty(_manifest(workspace, path).get("name"))
            if name:
                found.setdefault(name, folder_of(path))
        return found

    return workspace.derived("packages of Node", work_out)


def _split(specifier: str) -> tuple[str, str]:
    """Return a package's name and the path below it."""
    parts = specifier.split("/")
    length = 2 if specifier.startswith("@") else 1
    return "/".join(parts[:length]), "/".join(parts[length:])


def _package_folders(workspace: Workspace, specifier: str) -> Sequence[str]:
    """Return the path that a specifier means below a package's folder, exports or not."""
    name, rest = _split(specifier)
    folder = _packages(workspace).get(name)
    return () if folder is None else (joined(folder, rest),)


def _package_file(workspace: Workspace, specifier: str, prefers_types: bool) -> str | None:
    name, rest = _split(specifier)
    folder = _packages(workspace).get(name)
    if folder is None:
        return None
    manifest = _manifest(workspace, joined(folder, "package.json"))
    return _entry(workspace, folder, manifest, rest, prefers_types)


def _entry(
    workspace: Workspace,
    folder: str,
    manifest: Mapping[str, object],
    rest: str,
    prefers_types: bool,
) -> str | None:
    """Return the file that a package's name with `rest` behind it means; where that is built,
    and so not in the workspace, the source it is likely built from."""
    targets = exported_files(manifest, rest)
    file = _first_target(workspace, folder, targets, prefers_types)
    if file is not None:
        return file
    guesses = [joined(source, rest or "index") for source in ("src", "", "lib", "source")]
    for guess in guesses:
        where = normalised(folder, guess)
        file = where and _file_at(workspace.files, where, prefers_types)
        if file:
            return file
        if rest and where and (file := _file_at(workspace.files, where + "/index", prefers_types)):
            return file
    return None


def _first_target(
    workspace: Workspace, folder: str, targets: Sequence[str], prefers_types: bool
) -> str | None:
    for target in targets:
        where = normalised(folder, target)
        file = _file_at(workspace.files, where, prefers_types) if where else None
        if file is None and where:
            file = _file_at(workspace.files, where + "/index", prefers_types)
        if file is not None:
            return file
    for target in targets:
        source = _BUILT_ENDING.sub("", _BUILT.sub("src/", target))
        where = normalised(folder, source)
        file = _file_at(workspace.files, where, prefers_types) if where else None
        if file is not None:
            return file
    return None
