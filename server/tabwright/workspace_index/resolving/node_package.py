"""Which of its files a package of Node's means, by its `package.json`. Nothing is read here.

After https://nodejs.org/api/packages.html and the `types` of TypeScript's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tabwright.workspace_index.resolving.configuration_texts import table, text_or_empty

_CONDITIONS = ("types", "typings", "source", "import", "module", "default", "node", "require")
"""Best first: declarations and sources tell more than what is built from them."""
_ENTRY_FIELDS = ("types", "typings", "source", "module", "main")
_DEEPEST = 8


def exported_files(manifest: Mapping[str, object], subpath: str) -> list[str]:
    """Return what `name` (`subpath` empty) or `name/subpath` may mean, best first, as written
    without a leading `./`; no file need be there."""
    found: list[str] = []
    exports = manifest.get("exports")
    if exports is not None:
        found += mapped_files(exports, f"./{subpath}" if subpath else ".")
    if not subpath:
        found += [text_or_empty(manifest.get(field)) for field in _ENTRY_FIELDS]
    return list(dict.fromkeys(file.removeprefix("./") for file in found if file))


def mapped_files(mapping: object, key: str) -> list[str]:
    """Return the targets of a key in a package's `exports` or `imports`, best first."""
    subpaths = table(mapping)
    if not any(name.startswith((".", "#")) for name in subpaths):
        return list(_targets(mapping, "", 0)) if key == "." else []
    if key in subpaths:
        return list(_targets(subpaths[key], "", 0))
    patterns = sorted((name for name in subpaths if "*" in name or name.endswith("/")), key=_reach)
    for pattern in patterns:
        before, _, after = pattern.partition("*")
        long_enough = len(key) >= len(before) + len(after)
        if long_enough and key.startswith(before) and key.endswith(after):
            star = key[len(before) : len(key) - len(after)]
            return list(_targets(subpaths[pattern], star, 0))
    return []


def _reach(pattern: str) -> tuple[int, str]:
    return -len(pattern.partition("*")[0]), pattern


def _targets(target: object, star: str, depth: int) -> Iterator[str]:
    if isinstance(target, str):
        yield target + star if target.endswith("/") else target.replace("*", star)
    elif depth < _DEEPEST and isinstance(target, list):
        for choice in target:
            yield from _targets(choice, star, depth + 1)
    elif depth < _DEEPEST and isinstance(target, dict):
        known = [name for name in _CONDITIONS if name in target]
        for name in (*known, *(other for other in target if other not in _CONDITIONS)):
            yield from _targets(target[name], star, depth + 1)
