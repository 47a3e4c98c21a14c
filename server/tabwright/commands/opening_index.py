"""The index of a workspace for commands that ask it once: opened, brought up to date, closed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import click

from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.facts import FileFacts
from tabwright.workspace_index.git_history import ChangedTogether, read_history
from tabwright.workspace_index.ignoring import rules_of
from tabwright.workspace_index.index import WorkspaceIndex
from tabwright.workspace_index.resolving import Resolver, is_configuration
from tabwright.workspace_index.walking import walk


@contextmanager
def up_to_date_index(
    folder: Path, languages: LanguageRegistry, *, shows_progress: bool = True
) -> Iterator[WorkspaceIndex]:
    """Open the index of a folder and read what has changed, with progress on stderr."""
    knowledge = _Knowledge(folder, languages)
    index = WorkspaceIndex.open(
        folder,
        languages,
        resolve=knowledge.resolve,
        changed_together_with=knowledge.changed_together_with,
    )
    try:
        with _progress(is_shown=shows_progress) as on_progress:
            index.update(on_progress)
        for problem in index.problems:
            click.echo(problem, err=True)
        yield index
    finally:
        index.close()


class _Knowledge:
    """What is known of a folder besides the facts of its files, found when first asked for."""

    def __init__(self, folder: Path, languages: LanguageRegistry) -> None:
        self._folder = folder
        self._languages = {each.id: each for each in languages.all()}
        self._registry = languages

    def resolve(self, path: str, facts: FileFacts) -> Sequence[str]:
        """Return the files that a file imports."""
        language = self._languages.get(facts.language)
        family = language.imports if language is not None else ""
        return self._resolver.resolve(path, family, facts.imports)

    def changed_together_with(self, path: str) -> Sequence[tuple[str, float]]:
        """Return files that change in the same commits."""
        return self._history.with_(path)

    @cached_property
    def _history(self) -> ChangedTogether:
        return read_history(self._folder)

    @cached_property
    def _resolver(self) -> Resolver:
        rules = rules_of(self._folder, (), reads_ignore_files=True)
        files = [found.path for found in walk(rules, self._may_matter)]
        return Resolver(files, self._read)

    def _may_matter(self, name: str) -> bool:
        return is_configuration(name) or self._registry.id_for_path(name) is not None

    def _read(self, path: str) -> str | None:
        try:
            return (self._folder / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None


@contextmanager
def _progress(*, is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    if not is_shown or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - drawing, only in a terminal
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading the workspace", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
