"""What does a model gain by being made for a language, and where does it lose?

    python tests/benchmarks/specialists.py [--items 10] [--models ID,...] [--matrix]

Asks the bare base model and everything made from it for pieces taken out of tested programs and of
packages that none was trained on: each model alone with the server's prompt, and in the whole
pipeline. `workspace_adapters.py` does the same for models made for one code base.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from held_out_items import PACKAGES, held_out_items
from infilling_asking import BY_HAND, TYPING, ask_pipeline
from infilling_items import Item, choose, read_items
from infilling_measures import Judged, judge, summary
from infilling_programs import ProgramRunner
from options import (
    context_tokens_option,
    data_option,
    items_option,
    output_option,
    packages_option,
    seed_option,
)
from raw_model import RawAnswer, RawModel, Served, serving_cost
from reporting import machine, say, write_results
from specialist_figures import compared, grouped, raw_figures, rows
from specialist_models import base_of, models_asked, role, speaks
from specialist_tables import evidence_tables, print_report
from specialist_typing import completed_report

from tabwright.commands.building import build_languages
from tabwright.errors import TabwrightError
from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.llama import NativeLog
from tabwright.syntax.languages import LanguageRegistry

_TIMED = 8
_SAY_EVERY = 25


@click.command(context_settings={"max_content_width": 100})
@click.option("--models", default="", metavar="ID,...", help="Every installed adapter if unset.")
@items_option(10, "How many of each set, language and kind.")
@seed_option(31, "the items")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only this set, language or kind, as `packages` or `rust`; may be given twice.",
)
@click.option("--matrix", is_flag=True, help="Ask each model about every language, alone.")
@click.option("--no-pipeline", is_flag=True, help="Only ask each model alone.")
@click.option(
    "--typed",
    default=4,
    show_default=True,
    type=click.IntRange(min=0),
    help="Pieces of each language typed key by key, for the ratio of completed code.",
)
@click.option(
    "--evidence", is_flag=True, help="Also print the tables `[[evidence]]` for the manifests."
)
@context_tokens_option(512, "Of the models alone.")
@data_option()
@packages_option()
@output_option(__file__, "--json")
def main(
    models: str,
    items: int,
    seed: int,
    only: tuple[str, ...],
    matrix: bool,
    no_pipeline: bool,
    typed: int,
    evidence: bool,
    context_tokens: int,
    data: Path,
    folder: Path,
    output: Path,
) -> None:
    """Measure the base model and what was made from it on the same items.

    \b
    Alone, greedily, with neither confidence threshold nor cuts, up to 96 tokens for a line:
    exact   the answer is what was taken out. An adapter is judged by all it writes until it ends
            by itself; the base, which sees only the text before the cursor and cannot know where
            to end, by its answer to the end of the lines taken out, without what stands after the
            cursor anyway
    cut     the same, and everybody's answer ends with the lines taken out
    sim.    edit similarity of what `exact` judges
    stops   answers that the model ends by itself
    ppl     perplexity of what was taken out, per token
    b/c     bits per character of it
    ms, MB  median time of an answer with the prompt read anew; resident memory of the process

    \b
    In the whole pipeline, asked by hand and as typing asks:
    pass    the program's tests pass with the suggestion
    compl.  characters accepted of all that are typed, key by key

    Differences come with the 95 % interval of a paired bootstrap; `better` and `worse` are those
    that do not include 0.
    """
    registry = build_languages()
    chosen = choose_everything(data, folder, only, items, seed, registry)
    try:
        catalogue = read_catalogue(catalogue_folders())
        ids = [each.strip() for each in models.split(",") if each.strip()]
        asked, left_out = models_asked(catalogue, ids)
        base_of(catalogue)
    except TabwrightError as error:
        raise click.ClickException(str(error)) from error
    for sentence in left_out:
        say(f"skipped: {sentence}")
    say(f"{len(chosen)} items, {len(asked)} models")
    report: dict[str, Any] = {
        "machine": machine(),
        "seed": seed,
        "only": list(only),
        "typed": typed,
        "items_of_a_group": items,
        "context_tokens": context_tokens,
        "packages": {name: [each.title for each in group] for name, group in PACKAGES.items()},
        "left_out": left_out,
    }
    started = time.monotonic()
    alone = list(ask_alone(asked, chosen, registry, context_tokens, everywhere=matrix))
    report |= raw_report(asked, alone, seed)
    report["models"] = [
        model_report(model, asked[0], _meant_for(model, chosen), registry, context_tokens)
        for model in asked
    ]
    if not no_pipeline:
        judged = ask_pipelines(asked, chosen, registry)
        report |= pipeline_report(asked, judged, seed)
        if typed:
            report["completed"] = completed_report(asked, chosen, typed, seed, folder, registry)
    report["seconds"] = round(time.monotonic() - started)
    print_report(report)
    if evidence:
        print(evidence_tables(report))
    write_results(report, output)


def choose_everything(
    data: Path,
    folder: Path,
    only: Sequence[str],
    count: int,
    seed: int,
    registry: LanguageRegistry,
) -> list[Item]:
    """Return the items of the sets of programs and of the held-out packages.

    Raises:
        click.BadParameter: a word of `only` names nothing.
    """
    programs = read_items(data) if data.is_dir() else []
    if not programs:
        say(f"skipped: there are no sets of programs in {data}; name their folder with --data.")
    languages = [name for name in PACKAGES if name in only] or list(PACKAGES)
    sets = {item.set for item in programs}
    taken = held_out_items(
        [] if set(only) & sets and "packages" not in only else languages,
        count,
        seed,
        folder,
        registry,
    )
    try:
        return choose([*programs, *taken], count, seed, only)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from error


def _meant_for(model: Served, items: Sequence[Item]) -> list[Item]:
    return [item for item in items if speaks(model, item.language)]


# -- alone --


def ask_alone(
    models: Sequence[Served],
    items: Sequence[Item],
    registry: LanguageRegistry,
    context_tokens: int,
    *,
    everywhere: bool,
) -> Iterator[list[RawAnswer]]:
    """Yield the answers of each model, to items of its own languages or to all."""
    log = NativeLog()
    for model in models:
        meant = list(items) if everywhere else _meant_for(model, items)
        answers = []
        loaded = RawModel(model, registry, context_tokens, log)
        try:
            for number, item in enumerate(meant, start=1):
                answers.append(loaded.ask(item))
                if number % _SAY_EVERY == 0:
                    say(f"{model.manifest.id} alone: {number} of {len(meant)}")
        finally:
            loaded.close()
        yield answers


def raw_report(
    models: Sequence[Served], alone: Sequence[Sequence[RawAnswer]], seed: int
) -> dict[str, Any]:
    """Return the figures of the models alone, and how they compare with the first."""
    own = [
        [answer for answer in answers if speaks(model, answer.item.language)]
        for model, answers in zip(models, alone, strict=True)
    ]
    ids = [model.manifest.id for model in models]
    against: dict[str, Any] = {}
    for name, answers in list(zip(ids, own, strict=True))[1:]:
        against[name] = {
            "exact": rows(compared(answers, own[0], lambda each: float(each.exact), seed)),
            "exact_when_cut": rows(
                compared(answers, own[0], lambda each: float(each.exact_when_cut), seed)
            ),
            "similarity": rows(compared(answers, own[0], lambda each: each.similarity, seed)),
        }
    return {
        "alone": {
            name: {group: raw_figures(each) for group, each in grouped(answers).items()}
            for name, answers in zip(ids, own, strict=True)
        },
        "alone_against_base": against,
        "matrix": {
            name: {
                language: raw_figures([each for each in answers if each.item.language == language])
                for language in dict.fromkeys(each.item.language for each in answers)
            }
            for name, answers in zip(ids, alone, strict=True)
        },
        "answers_alone": [
            {
                "model": name,
                "id": each.item.id,
                "language": each.item.language,
                "kind": each.item.kind,
                "middle": each.item.middle,
                "text": each.text,
                "exact": each.exact,
                "exact_when_cut": each.exact_when_cut,
                "similarity": round(each.similarity, 4),
                "stopped": each.stopped,
                "known": asdict(each.known) if each.known else None,
            }
            for name, answers in zip(ids, alone, strict=True)
            for each in answers
        ],
    }


def model_report(
    model: Served,
    base: Served,
    items: Sequence[Item],
    registry: LanguageRegistry,
    context_tokens: int,
) -> dict[str, Any]:
    """Return what a model is, and what it costs in a process of its own."""
    timed = items[:: max(1, len(items) // _TIMED)][:_TIMED]
    say(f"{model.manifest.id}: its cost")
    cost = serving_cost(model, timed, registry, context_tokens) if timed else None
    return {
        "id": model.manifest.id,
        "role": role(model, base),
        "languages": list(model.manifest.languages),
        "weights": model.weights.name,
        "adapter": model.adapter.name if model.adapter else "",
        "adapter_mb": round(model.adapter.stat().st_size / 1e6, 1) if model.adapter else 0.0,
        "cost": asdict(cost) if cost else None,
    }


# -- in the pipeline --


def ask_pipelines(
    models: Sequence[Served], items: Sequence[Item], registry: LanguageRegistry
) -> dict[str, list[Judged]]:
    """Return the judged answers of each model in the whole pipeline, by hand and while typing."""
    judged: dict[str, list[Judged]] = {}
    with tempfile.TemporaryDirectory(prefix="tabwright-specialists-") as base:
        runner = ProgramRunner(Path(base))
        for number, model in enumerate(models):
            meant = sorted(_meant_for(model, items), key=lambda item: item.lines)
            say(f"{model.manifest.id} in the pipeline: {len(meant)} items")
            workspaces = Path(base) / f"workspaces-{number}"
            answers = asyncio.run(ask_pipeline(meant, model.manifest.id, workspaces))
            judged[model.manifest.id] = []
            for item in meant:
                language = registry.for_path(item.file_path)
                assert language is not None, "every language asked about is bundled"
                for contestant in (BY_HAND, TYPING):
                    answer = answers[contestant][item.id]
                    judged[model.manifest.id].append(
                        judge(item, contestant, answer, language, runner)
                    )
    return judged


def pipeline_report(
    models: Sequence[Served], judged: Mapping[str, Sequence[Judged]], seed: int
) -> dict[str, Any]:
    """Return the figures of the models in the pipeline, and how they compare with the first."""
    by_hand = {
        name: [each for each in answers if each.contestant == BY_HAND]
        for name, answers in judged.items()
    }
    base = by_hand[models[0].manifest.id]
    return {
        "pipeline": {
            name: {
                group: {
                    contestant: summary([each for each in members if each.contestant == contestant])
                    for contestant in (BY_HAND, TYPING)
                }
                for group, members in grouped(answers).items()
            }
            for name, answers in judged.items()
        },
        "pipeline_against_base": {
            name: {
                "exact": rows(compared(answers, base, lambda each: float(each.exact), seed)),
                "passes": rows(compared(answers, base, _passes, seed)),
            }
            for name, answers in list(by_hand.items())[1:]
        },
        "answers_in_pipeline": [
            {
                "model": name,
                "id": each.item.id,
                "language": each.item.language,
                "kind": each.item.kind,
                "contestant": each.contestant,
                "text": each.answer.text,
                "reason": each.answer.reason,
                "exact": each.exact,
                "similarity": each.similarity,
                "passes": each.passes,
            }
            for name, answers in judged.items()
            for each in answers
        ],
    }


def _passes(answer: Judged) -> float | None:
    return None if answer.passes is None else float(answer.passes)


if __name__ == "__main__":
    main()
