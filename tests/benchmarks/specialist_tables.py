"""The specialists' benchmark as tables of at most 80 columns, and what was to be reached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infilling_asking import BY_HAND, TYPING
from reporting import WIDTH
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from specialist_figures import ALL, SINGLE

TIMES_AS_EXACT = 3.0
"""Of single lines, the least that a specialist is to come to beside the base."""
STOPS = 0.9

Report = Mapping[str, Any]


def print_report(report: Report) -> None:
    """Print all tables and verdicts."""
    console = Console(width=WIDTH)
    console.print(_models_table(report))
    console.print(_alone_table(report))
    if len(report["models"]) > 1:
        console.print(
            _against_table(report["alone_against_base"], "exact", "Exact, alone, beside the base")
        )
    if any(set(each) - set(report["alone"][name]) for name, each in _matrix(report)):
        console.print(_matrix_table(report))
    if "pipeline" in report:
        console.print(_pipeline_table(report))
        against = report["pipeline_against_base"]
        if against:
            title = "Exact, in the pipeline by hand, beside the base"
            console.print(_against_table(against, "exact", title))
            title = "Pass rate, in the pipeline by hand, beside the base"
            if any(each["passes"] for each in against.values()):
                console.print(_against_table(against, "passes", title))
    for sentence in report["left_out"]:
        console.print(f"Left out: {sentence}.")
    for sentence in verdicts(report):
        console.print(sentence, highlight=False, soft_wrap=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _models_table(report: Report) -> Table:
    table = _table("Models", "", "kind", "made from", "adapter MB", "ms", "MB")
    for model in report["models"]:
        cost = model["cost"]
        table.add_row(
            model["id"][:34],
            model["role"],
            model["weights"][-20:],
            f"{model['adapter_mb']:.1f}" if model["adapter"] else "-",
            f"{cost['median_milliseconds']:.0f}" if cost else "-",
            f"{cost['resident_mb']:.0f}" if cost else "-",
        )
    return table


def _alone_table(report: Report) -> Table:
    titles = ("n", "exact", "cut", "single", "sim.", "stops", "ppl", "b/c")
    table = _table("Alone, %", "", *titles)
    groups = report["alone"]
    base = report["models"][0]["id"]
    for language in [*_languages(groups[base]), ALL]:
        asked = [each["id"] for each in report["models"] if language in groups[each["id"]]]
        table.add_section()
        for name in asked if language != ALL else [base]:
            figures = groups[name][language]
            single = groups[name].get(SINGLE if language == ALL else f"{language} {SINGLE}")
            table.add_row(
                f"{language} {name}"[:34],
                str(figures["items"]),
                _percent(figures["exact"]),
                _percent(figures["exact_when_cut"]),
                _percent(single["exact"]) if single else "-",
                _percent(figures["similarity"]),
                _percent(figures["stopped"]),
                _number(figures["perplexity"]),
                _number(figures["bits_per_character"]),
            )
    return table


def _against_table(against: Report, measure: str, title: str) -> Table:
    table = _table(f"{title}, %", "", "n", "base", "ours", "times", "diff.", "95 %", "")
    for name, measures in against.items():
        table.add_section()
        table.add_row(name, style="bold")
        for group, row in _telling(measures[measure]).items():
            table.add_row(
                f" {group}"[:30],
                str(row["items"]),
                _percent(row["theirs"]),
                _percent(row["ours"]),
                _number(row["ratio"]),
                f"{100 * row['difference']:+.1f}",
                f"{100 * row['low']:+.1f} {100 * row['high']:+.1f}",
                row["verdict"],
            )
    return table


def _telling(groups: Report) -> Report:
    """Return the groups to show: of a model for one language, those over all are the same."""
    languages = list(_languages(groups))
    if len(languages) != 1:
        return groups
    return {name: row for name, row in groups.items() if name.split(" ")[0] == languages[0]}


def _matrix(report: Report) -> Iterator[tuple[str, Report]]:
    yield from report["matrix"].items()


def _matrix_table(report: Report) -> Table:
    languages = list(dict.fromkeys(name for _, each in _matrix(report) for name in each))
    table = _table(
        "Matrix: exact when cut, alone, %",
        "",
        *languages,
    )
    for name, figures in _matrix(report):
        table.add_row(
            name[:28],
            *(
                _percent(figures[each]["exact_when_cut"]) if each in figures else "-"
                for each in languages
            ),
        )
    return table


def _pipeline_table(report: Report) -> Table:
    titles = ("n", "hand\nexact", "\npass", "\nsim.", "typing\nexact", "\npass", "\nshown")
    table = _table("In the whole pipeline, %", "", *titles, "\ncompl.")
    groups = report["pipeline"]
    base = report["models"][0]["id"]
    for language in [*_languages(groups[base]), ALL]:
        table.add_section()
        asked = [each["id"] for each in report["models"] if language in groups[each["id"]]]
        for name in asked if language != ALL else [base]:
            figures = groups[name][language]
            completed = report.get("completed", {}).get(name, {}).get(language)
            table.add_row(
                f"{language} {name}"[:34],
                str(figures[BY_HAND]["items"]),
                *_pipeline_cells(figures[BY_HAND], "similarity"),
                *_pipeline_cells(figures[TYPING], "shown"),
                _percent(completed["ours"]) if completed else "-",
            )
    return table


def _pipeline_cells(figures: Report, last: str) -> Sequence[str]:
    passes = _percent(figures["passes"]) if figures["tested"] else "-"
    return (_percent(figures["exact"]), passes, _percent(figures[last]))


def verdicts(report: Report) -> list[str]:
    """Return a sentence for each model and target: reached, or missed by how much."""
    found = []
    for name, measures in report["alone_against_base"].items():
        languages = [each for each in measures["exact"] if each.endswith(f" {SINGLE}")]
        for group in languages:
            row = measures["exact"][group]
            ratio = row["ratio"]
            is_reached = row["ours"] > 0 if ratio is None else ratio >= TIMES_AS_EXACT
            times = "from nothing" if ratio is None else f"{ratio:.1f} times"
            found.append(
                f"{name}, {group}, alone: exact at least {TIMES_AS_EXACT:g} times the base's:"
                f" {_reached(is_reached)}, {times}."
            )
        stopped = report["alone"][name][ALL]["stopped"]
        found.append(
            f"{name}: ends {STOPS:.0%} by itself: {_reached(stopped >= STOPS)}, {stopped:.1%}."
        )
        found.append(_worse(name, "alone", measures["exact"]))
    for name in report["alone_against_base"]:
        for group, row in report.get("completed", {}).get(name, {}).items():
            found.append(
                f"{name}, {group}: completes {row['ours']:.1%} of what is typed, the base"
                f" {row['theirs']:.1%}: {row['difference']:+.1%} ({row['low']:+.1%} to"
                f" {row['high']:+.1%}; {row['verdict']})."
            )
    for name, measures in report.get("pipeline_against_base", {}).items():
        for group, row in measures["exact"].items():
            if group.endswith(f" {SINGLE}"):
                times = "from nothing" if row["ratio"] is None else f"{row['ratio']:.1f} times"
                found.append(f"{name}, {group}, in the pipeline: exact {times} the base's.")
        found.append(_worse(name, "in the pipeline", measures["exact"]))
        row = measures["passes"].get(ALL)
        if row:
            found.append(
                f"{name}: pass rate up: {_reached(row['difference'] > 0)},"
                f" {row['theirs']:.1%} to {row['ours']:.1%} ({row['verdict']})."
            )
    return found


def _worse(name: str, where: str, groups: Report) -> str:
    worse = [group for group, row in groups.items() if row["verdict"] == "worse"]
    few = sum(row["verdict"] == "few" for row in groups.values())
    reached = "cannot be told" if few and not worse else _reached(not worse)
    rest = f", {', '.join(worse)}" if worse else ""
    rest += f"; {few} of {len(groups)} groups have too few items" if few else ""
    return f"{name}: no kind of item worse, {where}: {reached}{rest}."


def evidence_tables(report: Report) -> str:
    """Return what the manifests of the models say of the comparison, in TOML.

    It is the exact match of the pipeline where that was asked, else of the models alone, and the
    share of code completed while typing. All languages of a model together stand for those that
    nobody asked about, such as TSX. Too few items are no evidence.
    """
    base = report["models"][0]["id"]
    exact = report.get("pipeline_against_base") or report["alone_against_base"]
    blocks = []
    for name in exact:
        measures = {"exact_match": exact[name]["exact"]}
        if name in report.get("completed", {}):
            measures["completed_code"] = report["completed"][name]
        for measure, groups in measures.items():
            languages = list(_languages(groups))
            together = {"*": ALL} if len(languages) > 1 and ALL in groups else {}
            for language, group in {**together, **{each: each for each in languages}}.items():
                if groups[group]["verdict"] != "few":
                    values = {
                        "language": language,
                        "against": base,
                        "measure": measure,
                        **{k: groups[group][k] for k in ("ours", "theirs", "low", "high", "items")},
                        "command": _command(report, name),
                    }
                    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
                    blocks.append("\n".join([f"# {name}", "[[evidence]]", *lines]))
    return "\n\n".join(blocks)


def _command(report: Report, name: str) -> str:
    options = [f"--only {only}" for only in report["only"]]
    if "pipeline" not in report:
        options.append("--no-pipeline")
    elif "typed" in report:
        options.append(f"--typed {report['typed']}")
    options.append(f"--models {name} --items {report['items_of_a_group']} --seed {report['seed']}")
    return f"python tests/benchmarks/specialists.py {' '.join(options)}"


def _reached(is_reached: bool) -> str:
    return "reached" if is_reached else "missed"


def _languages(groups: Report) -> dict[str, None]:
    """Return the names of the languages among groups; a kind has an underscore, a pair a space."""
    return dict.fromkeys(
        name for name in groups if " " not in name and "_" not in name and name != ALL
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
