"""What does the pipeline make of the model where a piece of a tested program is missing?

    python tests/benchmarks/infilling.py [--items 20] [--only python] [--data ../shared/eval]

Asks the default model for pieces taken out of programs of seven languages, with the whole pipeline
and bare, and runs the programs with what was suggested.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from infilling_asking import BARE, BY_HAND, CONTESTANTS, TYPING, Answer, ask_everyone
from infilling_items import FILE_NAMES, Item, choose, read_items
from infilling_measures import Judged, judge, summary
from infilling_programs import ProgramRunner
from options import data_option, items_option, model_option, output_option, seed_option, show_option
from reporting import WIDTH, installed_model, machine, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tabwright.commands.building import build_languages

_LINES_SHOWN = 6
_SAY_EVERY = 100
_MOST_NAMED = 5


@click.command(context_settings={"max_content_width": 100})
@items_option(20, "How many of each set, language and kind; 0 for all.", least=0)
@seed_option(7, "the items")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only this set, language or kind, as `rust` or `single_mid`; may be given twice.",
)
@model_option()
@show_option("failures in their places")
@data_option()
@output_option(__file__)
def main(
    items: int, seed: int, only: tuple[str, ...], model: str, show: int, data: Path, output: Path
) -> None:
    """Measure exact match and pass rate of the whole pipeline and of the bare model.

    The sets are JSON lines of programs with a piece taken out, and of their tests. A document is
    opened without the piece, and a suggestion asked for in its place. Where whole lines were taken
    out, an empty line is left to write on. Pieces of one line are asked for with the setting
    `lines` at `single`, longer ones at `multi`, spans taken out at random at `auto`.

    \b
    bare       the same weights continue the last 2,000 characters before the cursor, greedily,
               for as many lines as were taken out; nothing is cut, and the prompt's end is healed
               as the model process does for everyone
    by hand    the whole pipeline, asked as by hand, with no time limit
    typing     the same, asked as typing asks: silent where a person would be disturbed

    \b
    exact      the suggestion is the piece taken out, white space at its end apart
    pass       the program's tests pass with the suggestion; nothing suggested is no pass. Items
               whose tests cannot tell are left out
    sim.       1 - edit distance; 0 where nothing is suggested
    shown      items for which typing gets a suggestion

    \b
    strict     the document has no more faults with the suggestion than without it: ERROR and
               MISSING nodes, and those of a language's `faults.scm`
    closed     the same, or it does once `missing_closers` has closed what the suggestion opens
    sound      the same, or it does once the suggestion has an empty body or a statement's end (and
               a name before it, where typing got the beginning of a line),
               as in line_end_positions.py

    Programs run one at a time in children with a folder of their own, limits of time and memory,
    and no network where `unshare` may take it away. A language whose compiler or interpreter is
    not on the PATH is measured by exact match only.
    """
    if not any(data.glob("*.jsonl")):
        print(f"skipped: there are no sets in {data}; name their folder with --data.")
        return
    manifest, weights = installed_model(model)
    try:
        chosen = choose(read_items(data), items, seed, only)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from error
    report: dict[str, Any] = {"machine": machine(), "model": manifest.id, "weights": weights.name}
    say(f"{len(chosen)} items")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tabwright-infilling-") as folder:
        answers = ask_everyone(chosen, manifest, weights, Path(folder) / "workspaces")
        asked = time.monotonic()
        runner = ProgramRunner(Path(folder))
        judged = judge_all(chosen, answers, runner)
    languages = dict.fromkeys(item.language for item in chosen)
    report |= {
        "seed": seed,
        "items_of_a_group": items,
        "only": only,
        "seconds": {
            "asking": round(asked - started, 1),
            "judging": round(time.monotonic() - asked, 1),
        },
        "programs_run": runner.program_count,
        "programs_have_no_network": runner.has_no_network,
        "exact_match_only": {name: why for name in languages if (why := runner.missing(name))},
        "summary": summaries(judged),
        "answers": [answer_report(each) for each in judged],
    }
    print_report(report)
    for each in telling_failures(judged, show):
        print_answer(each)
    write_results(report, output)


def judge_all(
    items: Sequence[Item], answers: Mapping[str, Mapping[str, Answer]], runner: ProgramRunner
) -> list[Judged]:
    """Judge every answer, item by item."""
    registry = build_languages()
    judged = []
    for number, item in enumerate(items, start=1):
        language = registry.for_path(FILE_NAMES[item.language])
        assert language is not None, "every language of the sets is bundled"
        for contestant in CONTESTANTS:
            answer = answers[contestant][item.id]
            judged.append(judge(item, contestant, answer, language, runner))
        if number % _SAY_EVERY == 0:
            say(f"judged: {number} of {len(items)}, {runner.program_count} programs run")
    return judged


# -- reporting --


def summaries(judged: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Return the figures by group and, in each, by contestant.

    The groups are those of one set, language and kind, `all` of a language, `all` of a set, and
    `all`; their names have these parts.
    """
    members: dict[str, list[Judged]] = {}
    for each in judged:
        members.setdefault(" ".join(each.item.group), []).append(each)
        members.setdefault(f"{each.item.set} {each.item.language} all", []).append(each)
        members.setdefault(f"{each.item.set} all", []).append(each)
        members.setdefault("all", []).append(each)
    return {
        name: {
            contestant: summary([each for each in group if each.contestant == contestant])
            for contestant in CONTESTANTS
        }
        for name, group in members.items()
    }


def answer_report(each: Judged) -> dict[str, Any]:
    """Return all about one answer, with the lines around it."""
    item = each.item
    return {
        "id": item.id,
        "set": item.set,
        "language": item.language,
        "kind": item.kind,
        "contestant": each.contestant,
        **asdict(each.answer),
        "middle": item.middle,
        "exact": each.exact,
        "first_line_exact": each.first_line_exact,
        "similarity": each.similarity,
        "passes": each.passes,
        "strict": each.strict,
        "closed": each.closed,
        "sound": each.sound,
        "before": "\n".join(item.before.split("\n")[-_LINES_SHOWN:]),
        "after": "\n".join(item.after.split("\n")[:_LINES_SHOWN]),
    }


def telling_failures(judged: Sequence[Judged], count: int) -> Sequence[Judged]:
    """Return some answers by hand that neither are exact nor pass, from all groups."""
    failed = [
        each for each in judged if each.contestant == BY_HAND and not each.exact and not each.passes
    ]
    return failed[:: max(1, len(failed) // count)][:count] if count else []


def print_report(report: Mapping[str, Any]) -> None:
    """Print the figures of every group, and how many suggestions add a fault."""
    console = Console(width=min(WIDTH, Console().width))
    console.print(_groups_table(report))
    console.print("In %. hand, typing: the whole pipeline, asked in these two ways. -: not run.")
    for language, why in report["exact_match_only"].items():
        console.print(f"{language}: exact match only, {why}.")
    if not report["programs_have_no_network"]:
        console.print("Programs could reach the network: `unshare --net` is not allowed here.")
    console.print(_faults_table(report["summary"]["all"]))
    print_verdict(console, report)
    for contestant in (BY_HAND, TYPING):
        reasons = report["summary"]["all"][contestant]["reasons"]
        named = ", ".join(f"{reason} {count}" for reason, count in reasons.items()) or "none"
        console.print(f"Empty answers, {contestant}: {named}.")
    seconds = report["seconds"]
    console.print(
        f"{seconds['asking']:.0f} s asking, {seconds['judging']:.0f} s judging;"
        f" {report['programs_run']} programs run."
    )


def _groups_table(report: Mapping[str, Any]) -> Table:
    table = Table(
        title=f"Infilling with {report['weights']}",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
        show_edge=False,
    )
    titles = ("", "n", "bare\nexact", "\npass", "\nsim.", "hand\nexact", "\npass", "\nsim.")
    for title in (*titles, "typing\nexact", "\npass", "\nshown"):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    groups = report["summary"]
    sets = [name.removesuffix(" all") for name in groups if name.count(" ") == 1]
    for name in sets:
        inside = [each for each in groups if each.startswith(f"{name} ")]
        languages = [each for each in inside if each.endswith(" all") and each.count(" ") == 2]
        table.add_row(name, *_cells(groups[f"{name} all"]), style="bold")
        for total in languages:
            language = total.split(" ")[1]
            if len(languages) > 1:
                table.add_row(f"{language}", *_cells(groups[total]))
            for each in inside:
                if each.startswith(f"{name} {language} ") and each != total:
                    table.add_row(f" {_label(each, languages)}", *_cells(groups[each]))
        table.add_section()
    table.add_row("all", *_cells(groups["all"]), style="bold")
    return table


def _label(group: str, languages: Sequence[str]) -> str:
    _, language, kind = group.split(" ")
    return kind if len(languages) > 1 else f"{language} {kind}"


def _cells(group: Mapping[str, Mapping[str, Any]]) -> list[str]:
    cells = [str(group[BARE]["items"])]
    for contestant in CONTESTANTS:
        figures = group[contestant]
        last = "shown" if contestant == TYPING else "similarity"
        cells += [
            f"{figures['exact'] * 100:.0f}",
            f"{figures['passes'] * 100:.0f}" if figures["tested"] else "-",
            f"{figures[last] * 100:.0f}",
        ]
    return cells


def _faults_table(group: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="Suggestions that add a syntax error", box=SIMPLE_HEAD, pad_edge=False)
    for title in ("", "shown", "not strict", "nor closed", "nor sound"):
        table.add_column(title, justify="right" if title else "left")
    for contestant in CONTESTANTS:
        figures = group[contestant]
        table.add_row(
            contestant,
            str(round(figures["shown"] * figures["items"])),
            str(figures["adds_fault"]),
            str(figures["adds_fault_when_closed"]),
            str(figures["adds_fault_when_sound"]),
        )
    return table


def print_verdict(console: Console, report: Mapping[str, Any]) -> None:
    """Print whether no suggestion of the pipeline adds a fault, and name some that do."""
    adding = [
        each for each in report["answers"] if each["contestant"] != BARE and each["sound"] is False
    ]
    named = list(dict.fromkeys(each["id"] for each in adding))
    verdict = "reached" if not adding else f"missed by {len(adding)}"
    console.print(f"Target: no suggestion of the pipeline is unsound: {verdict}.")
    if named:
        console.print(f"Unsound: {', '.join(named[:_MOST_NAMED])}.")


def print_answer(each: Judged) -> None:
    """Print a suggestion in its place, marked, and the piece that was taken out."""
    verdict = each.answer.reason or ("sound" if each.sound else "NOT SOUND")
    before = "\n".join(each.item.before.split("\n")[-_LINES_SHOWN:])
    after = "\n".join(each.item.after.split("\n")[:_LINES_SHOWN])
    print(f"\n==== {each.item.id} ({verdict})")
    print(f"{before}⟦{each.answer.text}⟧{after}\n---- was:\n{each.item.middle}")


if __name__ == "__main__":
    main()
