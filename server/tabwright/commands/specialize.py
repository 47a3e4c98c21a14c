"""`tabwright specialize`: make a small model for a workspace, or for a language."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tabwright.errors import CommandError, TabwrightError, TrainingInterrupted

# What reads (tree-sitter), draws (rich) and asks (the model client) is imported where it is used:
# `tabwright serve` shares this command line and must start fast.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from tabwright.commands.specialize_output import Output
    from tabwright.model.manifest import Manifest
    from tabwright.specialization.specializing import Plan
    from tabwright.specialization.workspace_sources import WorkspaceText
    from tabwright.syntax.languages import LanguageRegistry

_MINUTES = 20.0
_SEED = 7
_NOT_BETTER = 3
_INTERRUPTED = 130
_SHARE_OF_A_LANGUAGE = 0.1
"""A language that is less of a workspace's code is not served by its model."""


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Make a model for the code in this folder; it answers in this folder only.",
)
@click.option(
    "--language",
    default="",
    metavar="ID",
    help="Make a model for a language, by its id in editors, as `python`; with --workspace, learn"
    " from that language alone.",
)
@click.option(
    "--corpus",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="What to learn a language from: a folder made by `tabwright corpus build`.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.1, max=100_000),
    default=_MINUTES,
    show_default=True,
    help="How long to train; judging comes on top.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=0),
    default=0,
    help="Train so many steps instead: on a processor that gives the same model each time.",
)
@click.option(
    "--base",
    "base_id",
    default="",
    metavar="MODEL",
    help="The id of the model to start from; by default the one that answers for the language now.",
)
@click.option("--seed", default=_SEED, show_default=True, help="Same seed, same model on a CPU.")
@click.option(
    "--memory-mb",
    type=click.IntRange(min=200),
    help="The most that training may take; by default 80 % of what is free.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what fits, as in .gitignore; as the setting `exclude`. May be repeated.",
)
@click.option("--fresh", is_flag=True, help="Begin anew, whatever was interrupted before.")
@click.option("--remove", "is_removal", is_flag=True, help="Take the model back.")
@click.option("--dry-run", is_flag=True, help="Only say what would be learned from.")
@click.option("--json", "as_json", is_flag=True, help="Say everything as lines of JSON.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def specialize(
    workspace: Path | None,
    language: str,
    corpus: Path | None,
    minutes: float,
    steps: int,
    base_id: str,
    seed: int,
    memory_mb: int | None,
    exclude: tuple[str, ...],
    fresh: bool,
    is_removal: bool,
    dry_run: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Make a model that knows a workspace, or a language, better than the one in use.

    It learns from the code in the folder for the minutes given, on this machine's processor or its
    GPU. Files that git ignores, secrets, generated and vendored code never enter it; neither they
    nor anything else leave this machine. A tenth of the code is kept aside, and the new model is
    installed only if it completes that better than the one it was made from, by a paired
    bootstrap; otherwise nothing changes. Editors that are open take it at once.

    Ctrl-C keeps what was learned so far; the same command goes on from there.

    \b
    Exit status: 0 installed, removed or only shown; 3 it was not better and nothing has changed;
    130 stopped by Ctrl-C; 1 anything else, in one sentence on stderr.
    """
    from tabwright.commands.specialize_output import json_output, terminal_output
    from tabwright.specialization.training_client import require_trainer

    # An editor ends its commands by SIGTERM; that too is to keep what was learned.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    output = json_output() if as_json else terminal_output()
    try:
        if is_removal:
            _remove(output, workspace, language)
            return
        made = _what(workspace, language, corpus, exclude)
        if not dry_run:
            require_trainer()
        plan, found = _plan(made, base_id, minutes, seed, memory_mb)
        plan = replace(plan, steps=steps, is_fresh=fresh)
        output.show_plan(plan, found.left_out)
        if dry_run:
            return
        if not yes and not as_json and sys.stdin.isatty():
            click.confirm("Begin?", default=True, abort=True)
        is_installed = _run(output, plan, made.languages)
    except (TrainingInterrupted, KeyboardInterrupt) as stop:
        output.show_interrupted(str(stop) or "Stopped; nothing was installed or changed.")
        sys.exit(_INTERRUPTED)
    except TabwrightError as error:
        if not as_json:
            raise
        output.show_failure(str(error))
        sys.exit(1)
    if not is_installed:
        sys.exit(_NOT_BETTER)


@dataclass(frozen=True)
class _Made:
    """What a model is made for, and the text for it."""

    found: WorkspaceText
    languages: LanguageRegistry
    folder: Path | None
    language: str
    """The editor language id that was asked for, or empty."""
    exclude: tuple[str, ...] = ()
    corpus: Path | None = None

    @property
    def model_id(self) -> str:
        """The id of the model."""
        from tabwright.specialization.installing import language_model_id, workspace_model_id

        if self.folder is not None:
            return workspace_model_id(self.folder)
        return language_model_id(self.language)


def _what(
    workspace: Path | None, language: str, corpus: Path | None, exclude: tuple[str, ...]
) -> _Made:
    from tabwright.commands.building import build_languages
    from tabwright.specialization.sources import read_corpus
    from tabwright.specialization.workspace_sources import WorkspaceText, read_workspace

    languages = build_languages()
    language = _first_name(language, languages)
    if workspace is not None:
        if corpus is not None:
            raise CommandError("Give either --workspace or --corpus, not both.")
        return _Made(
            read_workspace(workspace, languages, exclude), languages, workspace, language, exclude
        )
    if not language:
        raise CommandError("Give --workspace DIR, for example `--workspace .`, or --language ID.")
    if corpus is None:
        raise CommandError(
            "Give --corpus FOLDER with what to learn the language from; `tabwright corpus build`"
            " makes one."
        )
    found = WorkspaceText(read_corpus(corpus, language), {})
    return _Made(found, languages, None, language, exclude, corpus)


def _first_name(language: str, languages: LanguageRegistry) -> str:
    """Return the first of the ids that editors have for a language, nothing for none."""
    known = languages.for_editor_id(language)
    if language and known is None:
        raise CommandError(
            f"There is no language {language!r}: give its id in editors, as `python`."
        )
    return known.editor_ids[0] if known is not None else ""


def _plan(
    made: _Made, base_id: str, minutes: float, seed: int, memory_mb: int | None
) -> tuple[Plan, WorkspaceText]:
    """Return what is to be made, and the text that it is made from."""
    from tabwright.specialization.installing import candidate_manifest
    from tabwright.specialization.specializing import Plan, default_memory_mb
    from tabwright.specialization.workspace_sources import in_languages

    models = _Models(made.model_id)
    main_language = made.language or made.found.sources.languages[0][0]
    base = models.by_id(base_id) if base_id else models.for_language(main_language)
    served = _served(made, base, main_language, models)
    found, what, name = made.found, made.language, f"made here for {made.language}"
    products: tuple[str, ...] = ()
    if made.folder is not None:
        found = in_languages(found, made.folder, served)
        # An editor may name a folder by a link to it.
        places = (str(made.folder.resolve()), str(made.folder.absolute()))
        products = tuple(dict.fromkeys(places))
        what, name = "the code of one workspace", f"made for {made.folder.resolve().name}"
    candidate = candidate_manifest(
        base,
        made.model_id,
        f"{base.name}, {name}",
        languages=_editor_ids(served, made.languages),
        products=products,
    )
    plan = Plan(
        base=base,
        candidate=candidate,
        sources=found.sources,
        what=what,
        command=_command(made, base.id, minutes, seed),
        minutes=minutes,
        seed=seed,
        memory_mb=memory_mb or default_memory_mb(),
    )
    return plan, found


class _Models:
    """The models to start from: never one for a product or a use case, nor the one to be made."""

    def __init__(self, model_id: str) -> None:
        from tabwright.commands.building import build_session

        self._host = build_session().models  # it starts nothing until it is asked for suggestions
        self._model_id = model_id

    def by_id(self, model_id: str) -> Manifest:
        """Return the model that the user has named."""
        if model_id == self._model_id:
            raise CommandError(f"{model_id} cannot be made from itself: choose another --base.")
        return self._host.catalogue.get(model_id)

    def for_language(self, language: str) -> Manifest:
        """Return the model to start from for a language: the one that answers for it in any
        workspace or, where that cannot fill in the middle, one made from it that has learnt to.
        """
        from tabwright.model.routing import Route, route
        from tabwright.model.weights import problem_with

        manifests = [each for each in self._host.catalogue.manifests if each.id != self._model_id]
        found = route(manifests, Route(language), self._host.machine(), problem_with)
        if found.chosen is None:
            raise CommandError(
                f"No model for {language} is installed to start from; `tabwright models pull`"
                " fetches the default one."
            )
        chosen = found.chosen.manifest
        taught = [
            each
            for each in manifests
            if each.base == chosen.id
            and language in each.languages
            and each.fill_in_the_middle is not None
            and not (each.products or each.use_cases or problem_with(each))
        ]
        return taught[0] if taught and chosen.fill_in_the_middle is None else chosen


def _served(made: _Made, base: Manifest, main_language: str, models: _Models) -> tuple[str, ...]:
    """Return the languages that the model is for, by their first ids in editors.

    Besides the main one these are the languages that are much of the code and that the same model
    is the start for: another language's specialist is not to be replaced by what was made from this
    one.
    """
    if made.language:
        return (made.language,)
    counts = made.found.sources.languages
    total = sum(characters for _, characters in counts)
    much = [name for name, characters in counts if characters >= _SHARE_OF_A_LANGUAGE * total]
    return tuple(
        name for name in much if name == main_language or models.for_language(name).id == base.id
    )


def _editor_ids(served: Iterable[str], languages: LanguageRegistry) -> tuple[str, ...]:
    """Return all ids that editors have for some languages."""
    ids: dict[str, None] = {}
    for name in served:
        language = languages.for_editor_id(name)
        ids.update(dict.fromkeys(language.editor_ids if language is not None else (name,)))
    return tuple(ids)


def _command(made: _Made, base_id: str, minutes: float, seed: int) -> str:
    """Return the command that repeats this, for the model's card and its evidence."""
    words = ["tabwright", "specialize"]
    if made.folder is not None:
        words += ["--workspace", str(made.folder.resolve())]
    if made.language:
        words += ["--language", made.language]
    if made.corpus is not None:
        words += ["--corpus", str(made.corpus.resolve())]
    for pattern in made.exclude:
        words += ["--exclude", pattern]
    words += ["--base", base_id, "--minutes", f"{minutes:g}", "--seed", str(seed)]
    return shlex.join(words)


def _run(output: Output, plan: Plan, languages: LanguageRegistry) -> bool:
    """Make the model, show what comes of it, and say whether it was installed."""
    from tabwright.specialization.specializing import specialize as make

    with output.progress() as on_event:
        finished = make(plan, languages, on_event)
    output.show_finished(plan, finished)
    return finished.installed is not None


def _remove(output: Output, workspace: Path | None, language: str) -> None:
    from tabwright.commands.building import build_languages
    from tabwright.specialization.installing import (
        language_model_id,
        remove,
        workspace_model_id,
    )
    from tabwright.specialization.run_folder import discard_run

    if workspace is None and not language:
        raise CommandError("Give the --workspace DIR or the --language ID whose model is to go.")
    # A folder that is gone has left its model behind.
    model_id = (
        workspace_model_id(workspace)
        if workspace
        else language_model_id(_first_name(language, build_languages()))
    )
    had_run = discard_run(model_id)
    output.show_removed(model_id, was_installed=remove(model_id), had_run=had_run)
