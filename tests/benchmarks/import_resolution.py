"""How many of a workspace's own imports are found, by language.

    python tests/benchmarks/import_resolution.py FOLDER... [--unresolved 5]

Each folder counts as one workspace. An import counts as its own if it can mean nothing else: a
relative one, one of the package, crate or module that the file is in, an include in quotation
marks. What is generated when the code is built, or compiled, cannot be found and counts as missed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.language_file import ImportFamily
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.extracting import facts_of
from tabwright.workspace_index.facts import Import
from tabwright.workspace_index.resolving import Resolver

LANGUAGES = LanguageRegistry([grammars_folder()])
LEFT_OUT = frozenset({".git", "__pycache__", "node_modules", ".venv", "venv"})
LARGEST = 500_000
MODULE_OF_GO = re.compile(r'^module\s+"?([^\s"]+)', re.MULTILINE)


def paths_below(folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for name in sorted(names):
            yield Path(where, name).relative_to(folder).as_posix()


def read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
    except OSError:
        return None


def packages_of_jvm(paths: list[str]) -> set[str]:
    """Every end of a path of a folder with sources, as a package may be called."""
    folders = {path.rpartition("/")[0] for path in paths if path.endswith((".java", ".kt"))}
    parts = [folder.split("/") for folder in folders]
    return {".".join(each[start:]) for each in parts for start in range(len(each))}


def is_own(
    family: ImportFamily, module: str, path: str, go_modules: list[str], jvm_packages: set[str]
) -> bool:
    folders = path.split("/")[:-1]
    if family == "python":
        return module.startswith(".") or module.partition(".")[0] in folders
    if family == "go":
        return any(module == own or module.startswith(own + "/") for own in go_modules)
    if family == "rust":
        return module.partition("::")[0] in ("crate", "self", "super") and "::" in module
    if family == "jvm":
        return "." in module and module in jvm_packages
    if family == "c":
        return module.startswith('"')
    return module.startswith((".", "#"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--unresolved", type=int, default=0, help="show so many, by language")
    arguments = parser.parse_args()
    own: Counter[str] = Counter()
    found: Counter[str] = Counter()
    missed: dict[str, list[str]] = defaultdict(list)
    seconds = 0.0
    count = 0
    for folder in arguments.folders:
        paths = list(paths_below(folder))
        resolver = Resolver(paths, lambda path, folder=folder: read(folder / path))
        texts = (read(folder / path) or "" for path in paths if path.split("/")[-1] == "go.mod")
        jvm_packages = packages_of_jvm(paths)
        go_modules = [name for text in texts for name in MODULE_OF_GO.findall(text)]
        for path in paths:
            language = LANGUAGES.for_path(path)
            text = read(folder / path) if language is not None and language.imports else None
            if language is None or text is None or len(text) > LARGEST:
                continue
            for each in facts_of(text, language).imports:
                imported = Import(each.module, each.names, each.aliases)
                start = time.process_time()
                files = resolver.resolve(path, language.imports, [imported])
                seconds += time.process_time() - start
                count += 1
                if is_own(language.imports, each.module, path, go_modules, jvm_packages):
                    own[language.id] += 1
                    found[language.id] += bool(files)
                    if not files:
                        missed[language.id].append(f"{folder.name}/{path}: {each.module}")
    for language_id in sorted(own):
        share = found[language_id] / own[language_id]
        print(f"{language_id:12} {found[language_id]:6} of {own[language_id]:6}  {share:6.1%}")
        examples = missed[language_id]
        shown = min(arguments.unresolved, len(examples))
        for example in random.Random(0).sample(examples, shown):
            print(f"    {example}")
    each_microseconds = seconds / max(count, 1) * 1e6
    print(f"{each_microseconds:.1f} microseconds of processor time an import, {count} imports")


if __name__ == "__main__":
    main()
