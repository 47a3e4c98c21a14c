"""`tabwright corpus ...`: build what specialised models are trained on, and see what it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tabwright.bundled_data import grammars_folder, models_folder
from tabwright.errors import CorpusError
from tabwright.specialization.corpus_exclusions import check_exclusions
from tabwright.specialization.corpus_manifest import Corpus, read_corpus, read_exclusions
from tabwright.syntax.languages import LanguageRegistry

# What fetches and what draws is imported where it is used: `tabwright serve` shares this command
# line and must start fast.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from rich.console import Console

    from tabwright.specialization.corpus_building import CorpusReport, OnPackage

_FILE = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@click.group("corpus")
def corpus_group() -> None:
    """Build corpora of source code to train and judge specialised models with.

    FILE is a manifest such as models/corpora/python.toml, or just `python` for a bundled one.
    """


@corpus_group.command()
@_FILE
@click.option(
    "--into",
    "into",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where train.jsonl, held_out.jsonl and report.json are written.",
)
@click.option(
    "--evaluation",
    "evaluation",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Files that models are judged with; what holds half of one is left out.",
)
def build(file: Path, into: Path, evaluation: Path | None) -> None:
    """Fetch a corpus's packages, filter their sources and split them by package.

    The packages come through your own pip, npm and apt-get, as they are configured, and are kept
    in your cache (TABWRIGHT_ARCHIVES_DIR names another folder). Nothing of them is run. A build
    that was cut off goes on where it stopped; one that fails leaves an earlier one as it was.
    """
    from tabwright.specialization.corpus_building import build_corpus
    from tabwright.specialization.evaluation_overlap import EvaluationTexts
    from tabwright.specialization.package_archives import archives_folder

    corpus = _checked_corpus(file)
    texts = EvaluationTexts(evaluation) if evaluation is not None else None
    with _progress() as on_package:
        report = build_corpus(
            corpus, into, archives_folder(), _languages().id_for_path, texts, on_package
        )
    _print_report(corpus, report)


@corpus_group.command()
@_FILE
def pin(file: Path) -> None:
    """Fill in the versions, licences, sizes and SHA-256 that a manifest lacks.

    Packages without a version get the newest one. One whose own metadata names no permissive
    licence is reported and left as it is.
    """
    from tabwright.specialization.corpus_pinning import pin_corpus
    from tabwright.specialization.package_archives import archives_folder

    _checked_corpus(file)
    with _progress() as on_package:
        problems = pin_corpus(_path_of(file), archives_folder(), on_package)
    if problems:
        raise CorpusError("\n".join(["Some packages are not pinned.", *problems]))


@corpus_group.command()
@_FILE
def show(file: Path) -> None:
    """Show a corpus's packages with their versions, licences and sizes."""
    from rich.table import Table

    corpus = _checked_corpus(file)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("package", no_wrap=True)
    table.add_column("version", no_wrap=True)
    table.add_column("licence", no_wrap=True)
    table.add_column("kB", justify="right", no_wrap=True)
    table.add_column("from", no_wrap=True)
    table.add_column("part", no_wrap=True)
    for package in corpus.packages:
        table.add_row(
            package.name,
            package.version or "not pinned",
            package.licence,
            f"{package.size / 1e3:,.0f}" if package.size else "",
            corpus.source_of(package),
            "held out" if package.held_out else "train",
        )
    _console(to_stderr=False).print(table)
    held_out = sum(package.held_out for package in corpus.packages)
    click.echo(
        f"{corpus.name}: {len(corpus.packages)} packages, {held_out} of them held out,"
        f" {sum(package.size for package in corpus.packages) / 1e6:,.1f} MB to download."
    )


def _languages() -> LanguageRegistry:
    """Return the bundled languages: a user's own must not change what is built."""
    return LanguageRegistry([grammars_folder()])


def _path_of(file: Path) -> Path:
    if file.suffix != ".toml" and not file.exists():
        return models_folder() / "corpora" / f"{file}.toml"
    return file


def _checked_corpus(file: Path) -> Corpus:
    corpus = read_corpus(_path_of(file))
    check_exclusions(corpus, read_exclusions(models_folder() / "corpora" / "excluded.toml"))
    known = {language.id for language in _languages().all()}
    unknown = [language for language in corpus.languages if language not in known]
    if unknown:
        raise CorpusError(f"{_path_of(file)} wants the language {unknown[0]!r}, which is unknown.")
    return corpus


def _print_report(corpus: Corpus, report: CorpusReport) -> None:
    for held_out in (False, True):
        packages, files, size = report.count(held_out)
        part = "held out" if held_out else "to train on"
        click.echo(
            f"{corpus.name}, {part}: {packages} packages, {files:,} files, {size / 1e6:,.1f} MB"
        )
    for reason, count in report.filtered.most_common():
        size = report.filtered_bytes[reason]
        click.echo(f"  left out, {reason.value}: {count:,} files, {size / 1e6:,.1f} MB")
    for one in report.packages:
        if one.left_out:
            click.echo(f"Left out: {one.package.title}, because {one.left_out}.", err=True)


@contextmanager
def _progress() -> Iterator[OnPackage]:
    """Show progress on stderr: a bar in a terminal, one plain line per package elsewhere."""
    console = _console(to_stderr=True)
    if not console.is_terminal:
        yield _plain_progress
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def on_package(what: str, done: int, total: int) -> None:
            bar.update(task, description=what.capitalize(), completed=done, total=total)

        yield on_package


def _plain_progress(what: str, done: int, total: int) -> None:
    click.echo(f"{what} ({done} of {total})", err=True)


def _console(*, to_stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    # In a pipe rich would fold the table at 80 columns or at COLUMNS; a reader wants whole lines.
    return Console(file=stream, width=None if stream.isatty() else 120, highlight=False)
