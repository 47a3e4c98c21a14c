"""Modules and stubs in the workspace's virtual or conda environment, and its standard library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabwright.workspace_index.dependencies.reading import (
    MOST_STEPS,
    Search,
    children,
    first_file,
    folders_around,
    is_file,
    is_folder,
    text_of,
)
from tabwright.workspace_index.facts import Import

_USUAL_NAMES = (".venv", "venv", "env", ".env", ".pixi/envs/default")
_VARIABLES = ("VIRTUAL_ENV", "CONDA_PREFIX")

_FROM_IMPORT = re.compile(
    r"^[ \t]*from[ \t]+(?P<dots>\.*)(?P<module>[\w.]*)[ \t]+import[ \t]*(?P<open>\(?)",
    re.MULTILINE,
)
_LONGEST_LIST = 50_000
_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"(\*|\w+)(?:\s+as\s+(\w+))?")


@dataclass(frozen=True)
class _Module:
    """A file with what it is called, for its relative imports."""

    file: Path
    package: tuple[str, ...]


def find_in_python_packages(
    search: Search, folder: Path, path: str, imported: Import, environment: Mapping[str, str]
) -> None:
    """Add the files that define what an absolute import takes from a package."""
    written = imported.module.strip()
    parts = tuple(written.split("."))
    if not all(part.isidentifier() for part in parts):
        return  # relative imports stay in the workspace
    roots = list(_roots(folder, path, environment))
    names = tuple(name for name in imported.names if name.isidentifier())
    _add(search, roots, parts, names, 0)


def _add(
    search: Search, roots: Sequence[Path], parts: tuple[str, ...], names: Sequence[str], step: int
) -> None:
    module = _module(roots, parts)
    if module is None:
        return
    if not names:
        if search.text_of(module.file) is not None:
            search.add(module.file)
        return
    for name in names:
        _add_name(search, roots, module, name, step)


def _add_name(search: Search, roots: Sequence[Path], module: _Module, name: str, step: int) -> bool:
    """Add the file that defines a name which a module has; say whether there is one."""
    if search.is_full or not search.is_new(module.file, name):
        return False
    text = search.text_of(module.file)
    if text is None:
        return False
    if _defines(text, name):
        search.add(module.file)
        return True
    if step < MOST_STEPS:
        for target, name_there in _sources(text, module.package, name):
            if name_there is None:
                _add(search, roots, target, (), step)
                return True
            source = _module(roots, target)
            if source is not None and _add_name(search, roots, source, name_there, step + 1):
                return True
    submodule = _module(roots, (*module.package, name)) if _is_package(module.file) else None
    if submodule is not None and search.text_of(submodule.file) is not None:
        search.add(submodule.file)
        return True
    return False


def _sources(
    text: str, package: tuple[str, ...], name: str
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Go through the modules that a name may come from, with its name there; first those that
    say so, then those everything is taken from."""
    everything: list[tuple[str, ...]] = []
    for match in _FROM_IMPORT.finditer(text):
        level = len(match["dots"])
        base = package[: len(package) - level + 1] if level else ()
        target = (*base, *(part for part in match["module"].split(".") if part))
        if not target or level > len(package) + 1:
            continue
        end = text.find(")" if match["open"] else "\n", match.end(), match.end() + _LONGEST_LIST)
        names = text[match.end() : end if end >= 0 else match.end() + _LONGEST_LIST]
        for taken in _NAME.finditer(_COMMENT.sub("", names)):
            if taken[1] == "*":
                everything.append(target)
            elif (taken[2] or taken[1]) == name:
                yield target, taken[1]
    for target in everything:
        yield target, name


def _defines(text: str, name: str) -> bool:
    """Whether a name is defined at the top, or below an `if` or `try` there; methods are not."""
    name = re.escape(name)
    pattern = (
        rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{name}\b(?![ \t]*\([ \t\n]*(?:self|cls)\b)"
        rf"|^[ \t]*class[ \t]+{name}\b"
        rf"|^{name}[ \t]*(?::[^\n=]+)?(?:=|$)"
        rf"|^type[ \t]+{name}\b"
    )
    return re.search(pattern, text, re.MULTILINE) is not None


def _is_package(file: Path) -> bool:
    return file.stem == "__init__"


def _module(roots: Sequence[Path], parts: tuple[str, ...]) -> _Module | None:
    """Return the stub of a module, else its source."""
    if not parts:
        return None
    for root in roots:
        for top in (f"{parts[0]}-stubs", parts[0]):
            if not (is_folder(root / top) or len(parts) == 1):
                continue
            base = root.joinpath(top, *parts[1:])
            file = first_file(
                base.parent / base.name / name if is_inside else base.parent / (base.name + name)
                for is_inside, name in (
                    (True, "__init__.pyi"),
                    (False, ".pyi"),
                    (True, "__init__.py"),
                    (False, ".py"),
                )
            )
            if file is not None:
                return _Module(file, parts if _is_package(file) else parts[:-1])
    return None


def _roots(folder: Path, path: str, environment: Mapping[str, str]) -> Iterator[Path]:
    """Go through the folders whose modules can be imported, installed packages first."""
    prefixes = list(dict.fromkeys(_environments(folder, path, environment)))
    for prefix in prefixes:
        yield from _site_packages(prefix)
    for prefix in prefixes:
        library = _standard_library(prefix)
        if library is not None:
            yield library
            return


def _environments(folder: Path, path: str, environment: Mapping[str, str]) -> Iterator[Path]:
    for around in folders_around(folder, path):
        usual = [around / name for name in _USUAL_NAMES]
        yield from (place for place in usual if _is_environment(place))
    yield from (child for child in children(folder, 200) if is_file(child / "pyvenv.cfg"))
    for variable in _VARIABLES:
        if environment.get(variable):
            yield Path(environment[variable])


def _is_environment(place: Path) -> bool:
    return is_file(place / "pyvenv.cfg") or is_folder(place / "conda-meta")


def _site_packages(prefix: Path) -> list[Path]:
    versions = [child for child in children(prefix / "lib") if child.name.startswith("python3")]
    versions.sort(key=lambda child: [int(digits) for digits in re.findall(r"\d+", child.name)])
    places = [
        *(version / "site-packages" for version in versions[::-1]),
        prefix / "Lib/site-packages",
    ]
    return [place for place in places if is_folder(place)]


def _standard_library(prefix: Path) -> Path | None:
    """Return the library beside the interpreter that an environment was made from."""
    lines = (text_of(prefix / "pyvenv.cfg") or "").splitlines()
    pairs = (line.partition("=") for line in lines)
    settings = {key.strip(): value.strip() for key, _, value in pairs}
    bases = [Path(settings["home"]).parent] if settings.get("home") else []
    version = ".".join((settings.get("version") or settings.get("version_info", "")).split(".")[:2])
    for base in (*bases, prefix):
        names = [f"python{version}"] if version else []
        names += [place.parent.name for place in _site_packages(prefix)]
        for library in (*(base / "lib" / name for name in names), base / "Lib"):
            if is_file(library / "os.py"):
                return library
    return None
