"""Does a model made for a code base know how that code base goes on?

    python tests/benchmarks/workspace_adapters.py [PACKAGE...] [--minutes 20] [--items 240]

Trains on one released version of real packages, with the command that users have, and asks for
pieces of the lines that a later version added: the model made for the package, and the one for its
language that it was made from.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from held_out_items import is_asked_about
from options import context_tokens_option, items_option, output_option, packages_option, seed_option
from packages import Package, SourceFile, fetch, source_files
from raw_model import RawAnswer, RawModel, Served
from reporting import WIDTH, machine, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from specialist_figures import compare_pairs, raw_figures
from specialist_models import base_of, served, speaks
from version_changes import Added, Release, added_items
from workspace_training import Made, Options, specialise
from workspace_typing import added_pieces, completed_keys

from tabwright.commands.building import build_languages
from tabwright.errors import TabwrightError
from tabwright.model.catalogue import Catalogue, catalogue_folders, read_catalogue
from tabwright.model.llama import NativeLog
from tabwright.syntax.languages import LanguageRegistry

_NEEDED = 0.75
"""The share of the packages that are to gain."""
_FEWEST_ITEMS = 60
_SAY_EVERY = 50


def _release(name: str, old: str, new: str, extension: str, language: str, licence: str) -> Release:
    source = "wheel" if language == "python" else "npm"
    packages = (
        Package(name, version, source, (extension,), licence)  # type: ignore[arg-type]
        for version in (old, new)
    )
    return Release(*packages, language)


RELEASES = (
    _release("nox", "2024.4.15", "2025.5.1", ".py", "python", "Apache-2.0"),
    _release("commitizen", "4.8.3", "4.13.10", ".py", "python", "MIT"),
    _release("pip-tools", "7.4.1", "7.5.3", ".py", "python", "BSD-3-Clause"),
    _release("griffe", "1.0.0", "1.7.0", ".py", "python", "ISC"),
    _release("sharp", "0.33.5", "0.34.5", ".js", "javascript", "Apache-2.0"),
    _release("@tanstack/query-core", "5.40.0", "5.90.5", ".ts", "typescript", "MIT"),
)
"""Packages that are in no training corpus (`test_specialists.py` looks)."""


@click.command(context_settings={"max_content_width": 100})
@click.argument("packages", nargs=-1, metavar="[PACKAGE]...")
@click.option("--minutes", default=20.0, show_default=True, help="Of training for each package.")
@items_option(240, "Pieces of added lines of each package.")
@seed_option(31, "the items; of the training")
@click.option(
    "--base",
    default="",
    metavar="ID",
    help="The model to start from; one of the language if unset.",
)
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="PACKAGE=FILE.gguf",
    help="Ask an adapter that is at hand instead of training one; may be repeated.",
)
@click.option(
    "--typed",
    default=0,
    show_default=True,
    metavar="N",
    help="Also type up to N added pieces of each package key by key, in the whole server.",
)
@context_tokens_option(512, "Of the models alone.")
@packages_option()
@output_option(__file__, "--json")
def main(
    packages: tuple[str, ...],
    minutes: float,
    seed: int,
    items: int,
    base: str,
    adapters: tuple[str, ...],
    typed: int,
    context_tokens: int,
    folder: Path,
    output: Path,
) -> None:
    """Measure what training on a package's older version gains on lines of a newer one.

    A line counts as added if the old file of the same name has not got it, and if it was not moved
    there together with its neighbours. Half of the pieces begin at a word of the line, half within
    one; all go to the line's end. Both models are asked alone, as in specialists.py.

    \b
    exact    the answer's first line is the rest of the line; a server shows no more of it
    new      the same, of the lines that are nowhere in the old version
    own end  the whole answer, to the model's own end, is the rest of the line
    sim.     edit similarity of the whole answer
    b/c      bits per character of what really stood there
    typed    share of the keys of an added piece that the whole server completes

    Nothing of it touches what is installed: the command works in a data folder of its own.
    """
    wanted = [each for each in RELEASES if not packages or each.name in packages]
    if unknown := set(packages) - {each.name for each in RELEASES}:
        known = ", ".join(each.name for each in RELEASES)
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: there are {known}")
    at_hand = read_adapters(adapters, {each.name for each in RELEASES})
    registry = build_languages()
    log = NativeLog()
    results: list[dict[str, Any]] = []
    report: dict[str, Any] = {
        "machine": machine(),
        "seed": seed,
        "minutes": minutes,
        "context_tokens": context_tokens,
        "results": results,
    }
    options = Options(minutes, items, seed, base, context_tokens, typed)
    for release in wanted:
        adapter = at_hand.get(release.name)
        try:
            result = measure(release, adapter, options, folder, registry, log)
        except (TabwrightError, click.ClickException) as error:
            message = error.message if isinstance(error, click.ClickException) else str(error)
            result = {"package": release.name, "note": message, "exact_when_cut": None}
        results.append(result)
        print_result(Console(width=WIDTH), result)
        write_results(report, output)  # a run takes hours, and may be cut off
    print_report(report)


def read_adapters(given: Sequence[str], names: set[str]) -> dict[str, Path]:
    """Return the adapters at hand by package.

    Raises:
        click.BadParameter: one is not `PACKAGE=FILE`, or there is no such package or file.
    """
    found = {}
    for each in given:
        name, sign, path = each.partition("=")
        if not sign or name not in names:
            raise click.BadParameter(f"{each}: write PACKAGE=FILE.gguf, one of {sorted(names)}")
        if not Path(path).is_file():
            raise click.BadParameter(f"{path} is not there")
        found[name] = Path(path)
    return found


def measure(
    release: Release,
    adapter: Path | None,
    options: Options,
    folder: Path,
    registry: LanguageRegistry,
    log: NativeLog,
) -> dict[str, Any]:
    """Train on the old version unless there is an adapter, and ask about the new one.

    Raises:
        TabwrightError: there is no model to start from.
        click.ClickException: the package cannot be fetched, or has too few added lines.
    """
    old, new = (
        _files(package, folder, release.language, registry)
        for package in (release.old, release.new)
    )
    added = added_items(old, new, release.language, options.items, options.seed, registry)
    if len(added) < min(_FEWEST_ITEMS, options.items):
        raise click.ClickException(f"only {len(added)} added lines to ask about")
    catalogue = read_catalogue(catalogue_folders())
    specialist = specialist_for(catalogue, release.language, options.base)
    say(f"{release.name}: {len(added)} items, from {specialist.manifest.id}")
    with tempfile.TemporaryDirectory(prefix="tabwright-through-time-") as place:
        if adapter is not None:
            made = Made(_with_adapter(specialist, adapter), f"{adapter.name}, at hand")
        else:
            workspace = Path(place) / "workspace" / release.name.rpartition("/")[2]
            shutil.copytree(fetch(release.old, folder), workspace)
            made = specialise(workspace, specialist, options, Path(place), catalogue)
        result: dict[str, Any] = {
            "package": release.name,
            "old": release.old.version,
            "new": release.new.version,
            "language": release.language,
            "base": specialist.manifest.id,
            "items": len(added),
            "note": made.note,
            "seconds": round(made.seconds, 1),
            "exact_when_cut": None,
        }
        if made.model is None:
            return result
        theirs = _ask(specialist, added, registry, options.context_tokens, log)
        ours = _ask(made.model, added, registry, options.context_tokens, log)
        result |= compare(added, ours, theirs, options.seed)
        if options.typed:
            pieces = added_pieces(release, old, new, options.typed, options.seed, folder, registry)
            result["typed"] = completed_keys(
                pieces, specialist, made.model, options.seed, Path(place) / "typing"
            )
    return result


def _files(
    package: Package, folder: Path, language: str, registry: LanguageRegistry
) -> list[SourceFile]:
    files = source_files(package, fetch(package, folder))
    return [file for file in files if is_asked_about(file, language, registry)]


def specialist_for(catalogue: Catalogue, language: str, model_id: str = "") -> Served:
    """Return the model to start from: this one, else an adapter for the language, else the base.

    Raises:
        ManifestError: there is no such model, or its files are not all here.
    """
    if model_id:
        found = served(catalogue, catalogue.get(model_id))
    else:
        models = [
            model
            for manifest in catalogue.manifests
            if manifest.adapter
            and not getattr(manifest, "products", ())
            and (model := served(catalogue, manifest)) is not None
            and speaks(model, language)
        ]
        models.sort(key=lambda model: (len(model.manifest.languages), model.manifest.id))
        found = models[0] if models else served(catalogue, base_of(catalogue))
    if found is None:
        raise click.ClickException("the model to start from is not on this machine")
    return found


def _with_adapter(specialist: Served, adapter: Path) -> Served:
    manifest = msgspec.structs.replace(specialist.manifest, id=f"{specialist.manifest.id}+own")
    return Served(manifest, specialist.weights, adapter)


# -- asking --


def _ask(
    model: Served,
    added: Sequence[Added],
    registry: LanguageRegistry,
    context_tokens: int,
    log: NativeLog,
) -> list[RawAnswer]:
    loaded = RawModel(model, registry, context_tokens, log)
    answers = []
    try:
        for number, each in enumerate(added, start=1):
            answers.append(loaded.ask(each.item))
            if number % _SAY_EVERY == 0:
                say(f"{model.manifest.id}: {number} of {len(added)}")
    finally:
        loaded.close()
    return answers


def compare(
    added: Sequence[Added], ours: Sequence[RawAnswer], theirs: Sequence[RawAnswer], seed: int
) -> dict[str, Any]:
    """Return how the two models compare on all added lines, and on those quite new."""
    together = list(zip(ours, theirs, strict=True))
    new = [pair for pair, each in zip(together, added, strict=True) if not each.is_known_line]

    def row(pairs: Sequence[tuple[RawAnswer, RawAnswer]], name: str) -> dict[str, Any]:
        values = [(float(getattr(one, name)), float(getattr(two, name))) for one, two in pairs]
        return compare_pairs(values, seed).as_row() if values else {}

    return {
        "exact": row(together, "exact"),
        "exact_when_cut": row(together, "exact_when_cut"),
        "exact_of_new_lines_when_cut": row(new, "exact_when_cut"),
        "similarity": row(together, "similarity"),
        "ours": raw_figures(ours),
        "theirs": raw_figures(theirs),
        "answers": [
            {
                "id": each.item.id,
                "middle": each.item.middle,
                "is_known_line": each.is_known_line,
                "ours": one.text,
                "theirs": two.text,
                "exact": one.exact,
                "their_exact": two.exact,
                "exact_when_cut": one.exact_when_cut,
                "their_exact_when_cut": two.exact_when_cut,
            }
            for each, (one, two) in zip(added, together, strict=True)
        ],
    }


# -- reporting --


def print_result(console: Console, result: Mapping[str, Any]) -> None:
    """Print a package as soon as it is known."""
    exact = result["exact_when_cut"]
    figures = f"{exact['theirs']:.1%} to {exact['ours']:.1%}, {exact['verdict']}" if exact else ""
    console.print(f"{result['package']}: {figures or result['note']}", highlight=False)


def print_report(report: Mapping[str, Any]) -> None:
    """Print the table, where training did not help, and whether enough packages gained."""
    console = Console(width=WIDTH)
    results = report["results"]
    asked = [result for result in results if result["exact_when_cut"]]
    table = Table(
        title="Pieces of lines that the next version added, language model to workspace model;"
        f" {_items_of(asked)} of each",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for number, title in enumerate(("", "exact %", "95 %", "new %", "own end", "sim.", "b/c")):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for result in asked:
        exact = result["exact_when_cut"]
        table.add_row(
            result["package"].rpartition("/")[2],
            _change(exact),
            f"{100 * exact['low']:+.1f} {100 * exact['high']:+.1f}",
            _change(result["exact_of_new_lines_when_cut"]),
            _change(result["exact"]),
            _change(result["similarity"]),
            f"{result['theirs']['bits_per_character']:.2f}"
            f" {result['ours']['bits_per_character']:.2f}",
        )
    console.print(table)
    for result in results:
        if not result["exact_when_cut"]:
            console.print(f"{result['package']}: {result['note']}.", highlight=False)
        elif result["exact_when_cut"]["verdict"] != "better":
            console.print(f"{result['package']}: training did not help for sure.", highlight=False)
    if len(asked) > 1:
        _print_pooled(console, asked, report["seed"])
    _print_typed(console, asked, report["seed"])
    for name, what in (("exact_when_cut", "first lines"), ("exact", "whole answers")):
        gained = sum(each[name]["verdict"] == "better" for each in asked)
        verdict = "reached" if gained >= _NEEDED * len(results) else "missed"
        console.print(
            f"Target, 3 of 4 surely more exact by {what}: {verdict}, {gained} of {len(results)}.",
            highlight=False,
        )


def _print_pooled(console: Console, asked: Sequence[Mapping[str, Any]], seed: int) -> None:
    """Say what all packages together show: of a few hundred places, one tells only large gains."""
    answers = [each for result in asked for each in result["answers"]]
    for name, what in (("exact_when_cut", "first lines"), ("exact", "whole answers")):
        pairs = [(float(each[name]), float(each[f"their_{name}"])) for each in answers]
        row = compare_pairs(pairs, seed).as_row()
        console.print(
            f"All {len(answers)} places, {what}: {100 * row['theirs']:.1f} to"
            f" {100 * row['ours']:.1f} % exact ({100 * row['low']:+.1f} to"
            f" {100 * row['high']:+.1f}).",
            highlight=False,
        )


def _print_typed(console: Console, asked: Sequence[Mapping[str, Any]], seed: int) -> None:
    """Say how many keys of added pieces are completed, for each package and for all."""
    typed = {result["package"]: result["typed"] for result in asked if "typed" in result}
    rows = dict(typed)
    if len(typed) > 1:
        pairs = [pair for row in typed.values() for pair in row["pairs"]]
        rows["all"] = compare_pairs(pairs, seed).as_row()
    for name, row in rows.items():
        console.print(
            f"{name}: of {row['items']} added pieces typed key by key,"
            f" {100 * row['theirs']:.1f} to {100 * row['ours']:.1f} % completed"
            f" ({100 * row['low']:+.1f} to {100 * row['high']:+.1f}).",
            highlight=False,
        )


def _items_of(asked: Sequence[Mapping[str, Any]]) -> str:
    counts = sorted({result["exact_when_cut"]["items"] for result in asked})
    return " to ".join(str(count) for count in dict.fromkeys((*counts[:1], *counts[-1:])))


def _change(row: Mapping[str, Any]) -> str:
    return f"{100 * row['theirs']:.1f} {100 * row['ours']:.1f}" if row else "-"


if __name__ == "__main__":
    main()
