"""What does completion give to someone who types at human speed, and what does it cost?

    python tests/benchmarks/typing_replay.py [--items 5] [--only tabwright]

Types pieces of real files again, key by key, in the real server over stdio and, in turn, in two
peers on the same weights: llama-server asked as llama.vim asks it, and a naive tool.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import psutil
from llama_server_peer import PACKAGE, VERSION, built_server, running_llama_server
from lsp_client import ServerEnded
from options import (
    items_option,
    languages_option,
    model_option,
    names_in,
    output_option,
    packages_option,
    seed_option,
)
from packages import PACKAGES
from reporting import WIDTH, installed_model, machine, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typing_editor import LOOK_SECONDS, Ask, Contestant, Typed, cpu_seconds, type_item
from typing_items import Item, choose_items, copy_without_answers
from typing_llama_vim import LlamaVim
from typing_measures import summary
from typing_naive import Naive
from typing_tabwright import running_tabwright

CONTESTANTS = ("tabwright", "llama-vim", "naive")
_SETTLING_SECONDS = 0.5
_START_SECONDS = 10
_NOISE = 0.05
_SHORT_SPIN = {"GOMP_SPINCOUNT": "1000"}
"""What Tabwright sets for its model process. Without it, any other work on the machine slows
llama-server down a hundredfold, and the comparison would only tell of that."""


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    contestants: tuple[str, ...]
    speed: float
    threads: int
    model: str
    weights: Path
    llama_server: Path | None
    peer_environment: Mapping[str, str]


@click.command(context_settings={"max_content_width": 100})
@items_option(5, "Pieces of code in each language; every fifth is a block.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.1, max=50),
    help="How many times as fast as a person to type.",
)
@languages_option()
@seed_option(11, "the pieces and key times")
@click.option(
    "--only",
    "contestants",
    type=click.Choice(CONTESTANTS),
    multiple=True,
    help="Only this tool; may be given twice.",
)
@click.option(
    "--threads",
    default=0,
    metavar="N",
    type=click.IntRange(min=0),
    help="Threads for every tool; the cores if unset.",
)
@click.option(
    "--peer-spin",
    type=click.Choice(("short", "default")),
    default="short",
    show_default=True,
    help="How the peers' threads wait: as Tabwright's do, or as llama-server's do unless told.",
)
@model_option()
@click.option(
    "--llama-server",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, resolve_path=True),
    help="A llama-server of your own; a pinned release is built once if unset.",
)
@packages_option()
@output_option(__file__)
def main(
    items: int,
    speed: float,
    languages: str,
    seed: int,
    contestants: tuple[str, ...],
    threads: int,
    peer_spin: str,
    model: str,
    llama_server: Path | None,
    folder: Path,
    output: Path,
) -> None:
    """Measure completion while someone types, beside two peers on the same weights.

    Takes lines and blocks out of files of pinned packages, also out of the copy on the disk, and
    types them again: 120 to 200 ms a key, with bursts and pauses, the same for every tool. Each
    key sends a change and a request. A suggestion that comes before the next key is shown; if it
    is right, that is a prefix of what remains and two keys long or more, the next key is Tab.
    Enter brings the indentation along and counts as one character. The tools take turns item by
    item.

    \b
    tabwright  `tabwright serve` over stdio, default settings; a superseded request is cancelled
    llama.vim  llama-server asked as that plugin does: 256 lines, its time limits, cache, retries
               and second request; /infill where the model has fill-in-the-middle, else
               /completion with the prefix alone. Its first line alone can be accepted too
               (S-Tab), and a suggestion is wrong only if that is wrong as well
    naive      the last 2,000 characters, greedy to the newline, a request for each key

    \b
    completed code     characters accepted, of all that were taken out
    ... word by word   the same if the right leading words of each suggestion were accepted
    exact at start     lines whose first suggestion, right after Enter, is the whole line
    exact after 3      the same after three characters, or the line was completed before
    similarity         1 - edit distance, of the first suggestion in a line and the line's rest
    shown, wrong       of the keys; of the suggestions shown
    answered           an answer for that key came, an empty one included; answers that came
                       after the next key count for llama.vim, which does not cancel
    half of all keys   the same over all keys, unanswered, late and cancelled as slower than any:
                       the fairest of the times
    ghost text         from the key to a suggestion on the screen before the next key
    tokens             read by the model, not reused; per key where the tool tells it, and all
                       work over all keys
    CPU                server and model processes, background work included
    """
    manifest, weights = installed_model(model)
    wanted = names_in(languages)
    chosen = choose_items(items, seed, folder, wanted)
    if not chosen:
        raise click.ClickException(f"None of the packages has code in {languages}.")
    names = tuple(name for name in CONTESTANTS if not contestants or name in contestants)
    needs_llama_server = any(name != "tabwright" for name in names)
    plan = Plan(
        contestants=names,
        speed=speed,
        threads=threads or psutil.cpu_count(logical=False) or 1,
        model=manifest.id,
        weights=weights,
        llama_server=(llama_server or built_server(folder)) if needs_llama_server else None,
        peer_environment=_SHORT_SPIN if peer_spin == "short" else {},
    )
    say(f"at most {_expected_minutes(chosen, plan):.0f} minutes: {_described(chosen, plan)}")
    report: dict[str, Any] = {"machine": machine(), "model": manifest.id, "weights": weights.name}
    try:
        typed, others = asyncio.run(_run(chosen, plan))
    except ServerEnded as error:
        raise click.ClickException(
            f"{error} Start `tabwright serve` by hand to see why."
        ) from error
    report |= {
        "threads": plan.threads,
        "peer_spin": peer_spin,
        "cpu_share_of_other_programs": others,
        "speed": speed,
        "seed": seed,
        "llama_server": "own" if llama_server else f"{PACKAGE} {VERSION}",
        "packages": [asdict(package) for package in PACKAGES],
        "summary": summaries(typed),
        "items": [_item_report(each) for each in typed],
    }
    print_report(report)
    write_results(report, output)


def _expected_minutes(chosen: Mapping[str, Sequence[Item]], plan: Plan) -> float:
    items = [item for group in chosen.values() for item in group]
    typing = sum(item.seconds + 1.5 * LOOK_SECONDS for item in items) / plan.speed
    each = typing + _SETTLING_SECONDS * len(items)
    return (each * len(plan.contestants) + _START_SECONDS) / 60


def _described(chosen: Mapping[str, Sequence[Item]], plan: Plan) -> str:
    groups = ", ".join(f"{len(group)} {name}" for name, group in chosen.items())
    return f"{groups}; {', '.join(plan.contestants)}; {plan.threads} threads"


async def _run(chosen: Mapping[str, Sequence[Item]], plan: Plan) -> tuple[list[Typed], float]:
    """Let the tools take turns at every item; return also how busy other programs were."""
    task = asyncio.current_task()
    assert task is not None, "this is a coroutine"
    # Being ended takes the servers along, as being interrupted does.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    typed = []
    with tempfile.TemporaryDirectory(prefix="tabwright-typing-") as folder:
        items = copy_without_answers(chosen, Path(folder))
        async with running_contestants(plan, items) as contestants:
            before, own = _busy_and_idle(), _own_seconds(contestants)
            for number, item in enumerate(items):
                turn = number % len(contestants)
                for contestant in contestants[turn:] + contestants[:turn]:
                    typed.append(await type_item(item, contestant, plan.speed))
                say(f"{number + 1} of {len(items)}: {item.language}, {item.file.name}")
            after, own = _busy_and_idle(), _own_seconds(contestants) - own
    busy, idle = (now - then for now, then in zip(after, before, strict=True))
    return typed, round(max(0.0, busy - own) / (busy + idle), 3)


def _busy_and_idle() -> tuple[float, float]:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - guest - idle, idle


def _own_seconds(contestants: Sequence[Contestant]) -> float:
    used = [cpu_seconds(contestant) for contestant in contestants]
    own = psutil.Process().cpu_times()
    return sum(used) + own.user + own.system


@contextlib.asynccontextmanager
async def running_contestants(plan: Plan, items: Sequence[Item]) -> AsyncIterator[list[Contestant]]:
    """Start everything, each tool with processes of its own."""
    folders = list(dict.fromkeys(item.file.root for item in items))
    async with contextlib.AsyncExitStack() as stack:
        contestants: list[Contestant] = []
        for name in plan.contestants:
            if name == "tabwright":
                settings = {"threads": plan.threads, "model": plan.model}
                contestants.append(
                    await stack.enter_async_context(running_tabwright(folders, settings))
                )
                continue
            assert plan.llama_server is not None, "it was built for the peers"
            server = await stack.enter_async_context(
                running_llama_server(
                    plan.llama_server, plan.weights, plan.threads, plan.peer_environment
                )
            )
            contestants.append(LlamaVim(server) if name == "llama-vim" else Naive(server))
        yield contestants


# -- reporting --


def summaries(typed: Sequence[Typed]) -> dict[str, dict[str, Any]]:
    """Return the figures by language, and by tool in each; `all` for all languages."""
    languages = list(dict.fromkeys(each.item.language for each in typed))
    names = sorted({each.contestant for each in typed}, key=_order)
    return {
        language: {
            name: summary(
                [
                    each
                    for each in typed
                    if each.contestant == name and language in (each.item.language, "all")
                ]
            )
            for name in names
        }
        for language in [*languages, "all"]
    }


def _order(name: str) -> int:
    return CONTESTANTS.index(name.replace(".", "-"))


def _item_report(typed: Typed) -> dict[str, Any]:
    item = typed.item
    return {
        "contestant": typed.contestant,
        "language": item.language,
        "package": item.file.package.title,
        "file": item.file.name,
        "line": item.before.count("\n") + 2,
        "removed": item.removed,
        "cpu_seconds": round(typed.cpu_seconds, 3),
        "prefilled_tokens": typed.prefilled_tokens,
        "summary": summary([typed]),
        "keys": [_key_report(ask, typed.asks[0].at) for ask in typed.asks],
    }


def _key_report(ask: Ask, start: float) -> dict[str, Any]:
    return {
        "at_ms": round((ask.at - start) * 1000),
        "offset": ask.offset,
        "accepted": ask.inserted if ask.was_accepted else "",
        "answered_ms": _milliseconds(ask.answered_after),
        "late": ask.was_late,
        "cancelled": ask.cancelled,
        "shown": ask.shown,
        "prefilled_tokens": ask.prefilled_tokens,
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def print_report(report: Mapping[str, Any]) -> None:
    """Print the figures over all languages, then the main ones of each."""
    width = min(WIDTH, Console().width) if sys.stdout.isatty() else WIDTH
    console = Console(width=width)
    groups = report["summary"]
    names = list(groups["all"])
    table = Table(title=f"Typing with {report['weights']}, {report['threads']} threads")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for title, cells in _rows([groups["all"][name] for name in names]):
        table.add_row(title, *cells)
    console.print(table)
    by_language = Table(title="By language", box=SIMPLE_HEAD, pad_edge=False)
    for title in ("", "", "code", "start", "3rd", "simil.", "shown", "wrong", "p50", "p95"):
        by_language.add_column(title, justify="right" if title else "left", no_wrap=True)
    for language, group in groups.items():
        if language == "all":
            continue
        for name in names:
            by_language.add_row(language if name == names[0] else "", name, *_short(group[name]))
    console.print(by_language)
    console.print(
        "In %, but p50 and p95, from key to answer, in ms. 3rd: exact after 3 characters."
    )
    others = report["cpu_share_of_other_programs"]
    if others > _NOISE:
        console.print(f"NOT A QUIET MACHINE: other programs used {others:.0%} of it meanwhile.")


def _rows(groups: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    shares = (
        ("completed code", "completed"),
        ("... word by word", "completed_by_words"),
        ("exact line at its start", "exact_at_start"),
        ("exact line after 3 characters", "exact_after_three"),
        ("similarity of the first suggestion", "edit_similarity"),
        ("suggestions shown, of keys", "shown"),
        ("wrong, of those shown", "shown_wrong"),
        ("... from the first word on", "shown_wrong_from_the_first_word"),
        ("keys answered", "answered"),
        ("... within 100 ms", "answered_within_100_ms"),
        ("... within 200 ms", "answered_within_200_ms"),
        ("... within 400 ms", "answered_within_400_ms"),
    )
    rows = [("keys", [str(group["keys"]) for group in groups])]
    rows += [(title, [f"{group[key]:.1%}" for group in groups]) for title, key in shares]
    rows += [
        (
            f"key to {what}, p50 / p95 ms",
            [_pair(group[key]) for group in groups],
        )
        for what, key in (("answer", "key_to_answer_ms"), ("ghost text", "key_to_ghost_text_ms"))
    ]
    halves = [group["half_of_keys_answered_within_ms"] for group in groups]
    rows.append(("half of all keys answered within ms", [_known(each, "never") for each in halves]))
    tokens = [group["tokens_prefilled_per_key"] for group in groups]
    rows += [
        ("requests cancelled", [str(group["cancelled"]) for group in groups]),
        ("keys whose tokens are known", [str(each["known"]) for each in tokens]),
        ("... tokens read, median", [f"{each['median_of_known']:.0f}" for each in tokens]),
        ("... tokens read, mean", [f"{each['mean_of_known']:.1f}" for each in tokens]),
        ("tokens read per key, all work, mean", [_known(each["mean_of_all"]) for each in tokens]),
        ("CPU-seconds per key", [f"{group['cpu_seconds_per_key']:.3f}" for group in groups]),
    ]
    return rows


def _known(value: float | None, otherwise: str = "unknown") -> str:
    return otherwise if value is None else f"{value:.1f}"


def _pair(times: Mapping[str, float]) -> str:
    return f"{times['p50']:.0f} / {times['p95']:.0f}" if times["n"] else "-"


def _short(group: Mapping[str, Any]) -> list[str]:
    keys = ("completed", "exact_at_start", "exact_after_three", "edit_similarity")
    shares = [f"{group[key] * 100:.0f}" for key in (*keys, "shown", "shown_wrong")]
    times = group["key_to_answer_ms"]
    return [*shares, *(f"{times[key]:.0f}" if times["n"] else "-" for key in ("p50", "p95"))]


if __name__ == "__main__":
    main()
