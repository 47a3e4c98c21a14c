"""What does knowing the workspace add, and which part of it?

    python tests/benchmarks/workspace_gain.py [--items 12] [--ways with,without] [--pause 0]

Takes lines out of six real repositories in six languages, from the disk too, and types them again,
in one session with the workspace and once more without it.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
from options import (
    items_option,
    languages_option,
    model_option,
    names_in,
    output_option,
    packages_option,
    seed_option,
)
from packages import Package
from reporting import (
    WIDTH,
    installed_model,
    machine,
    percentile,
    say,
    write_results,
)
from retyping import Shown, retype, settled_session
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typing_items import Item, choose_items, copy_without_answers, count_keys

from tabwright.model.client import GenerationEvent, GenerationRequest, ModelProcess
from tabwright.model.messages import Guess
from tabwright.session.session import Session

PACKAGES = (
    Package("werkzeug", "3.1.3", "wheel", (".py",), "BSD-3-Clause"),
    Package("mocha", "11.7.1", "npm", (".js",), "MIT"),
    Package("rxjs", "7.8.2", "npm", (".ts",), "Apache-2.0"),
    Package("psutil", "6.1.1", "sdist", (".c", ".h"), "BSD-3-Clause"),
    Package("tokenizers", "0.13.3", "sdist", (".rs",), "Apache-2.0"),
    Package("react-native-svg", "15.11.2", "npm", (".java",), "MIT"),
)
"""None of them was used to fit or to calibrate anything."""

_SOURCES = (
    "definitions",
    "members",
    "imported",
    "dependencies",
    "importers",
    "similar",
    "recent",
    "together",
)
WAYS: Mapping[str, Mapping[str, Any]] = {
    "with": {},
    "without": {"useWorkspace": False, "indexWorkspace": False},
    "document": {"indexWorkspace": False},  # the memory of the document itself alone
    "both": {"excerpts": "always"},
    "excerpts": {"excerpts": "always", "memory": False},
    **{
        f"no-{source}": {
            "excerpts": "always",
            "memory": False,
            "excerptSources": [each for each in _SOURCES if each != source],
        }
        for source in _SOURCES
    },
}
_MUCH = 0.1
"""Of an item's characters."""
_PLANTED = "tabwright_planted_marker"
_IGNORED_FOLDER = "planted_by_the_benchmark"
_SECRET = "ghp_" + "kQ7vWz3RfX9mLpT2bYc8" + "Jd5Hn0Gs6AeUi4Vo"
_WORD = re.compile(r"[A-Za-z_]\w{3,}")


@dataclass
class Typed:
    """One item, typed again in one way."""

    way: str
    language: str
    name: str
    characters: int = 0
    accepted: int = 0
    requests: int = 0
    shown: int = 0
    wrong: int = 0
    exact_at_start: bool = False
    exact_after_three: bool = False
    names: int = 0
    """Characters of names that other files of the workspace define and this one does not."""
    names_accepted: int = 0
    seconds: list[float] = field(default_factory=list)
    """Per request."""

    @property
    def completed(self) -> float:
        """The share of the characters that were accepted."""
        return self.accepted / self.characters


@dataclass
class Watched:
    """Every prompt and every guess that went to the model."""

    prompts: int = 0
    leaks: list[str] = field(default_factory=list)

    def look_at(self, request: GenerationRequest) -> None:
        """Look for what must never be there."""
        self.prompts += 1
        texts = [segment.text for segment in request.segments]
        self.look_for(texts)

    def look_for(self, texts: Iterable[str]) -> None:
        """Look for what must never be there."""
        for text in texts:
            for forbidden in (_PLANTED, _SECRET, _IGNORED_FOLDER):
                if forbidden in text:
                    self.leaks.append(f"{forbidden} in {text[:60]!r}")


@click.command(context_settings={"max_content_width": 100})
@items_option(12, "Pieces of code in each language.")
@seed_option(23, "the lines")
@languages_option()
@click.option(
    "--ways",
    default="with,without",
    show_default=True,
    metavar="NAME,...",
    help="Which ways to compare, see below.",
)
@click.option(
    "--pause",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Ask so many milliseconds after each key, as editors do; in VS Code it is 50.",
)
@model_option()
@packages_option()
@output_option(__file__)
def main(
    items: int,
    seed: int,
    languages: str,
    ways: str,
    pause: int,
    model: str,
    folder: Path,
    output: Path,
) -> None:
    """Type lines of real repositories again, with what is known of the workspace and without.

    \b
    completed   characters accepted of all that were taken out; a suggestion of two keys or more
                is accepted if it is right to its end
    exact       lines whose suggestion at their start (after three characters) is the whole rest
    names       the same as completed, of the characters of names that other files of the
                workspace define and the file itself does not mention before
    wrong       of the suggestions shown
    worse       items of which less was completed than without
    p50, p95    from the question to the answer, ms; but for the first question of each piece, for
                which the document has been opened that moment

    \b
    The ways:
    with        the default settings
    without     nothing but the document
    document    the memory of the document itself alone
    both        the memory, and excerpts whatever the model's manifest says
    excerpts    these alone
    no-SOURCE   these without one source (definitions, members, imported, ...)

    Each repository gets a file that git ignores and a token in a source file: whether either is
    ever in a prompt or a guess is said at the end.
    """
    manifest, weights = installed_model(model)
    wanted = names_in(languages)
    chosen = choose_items(items, seed, folder, wanted, PACKAGES)
    names = [name.strip() for name in ways.split(",")]
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        raise click.ClickException(f"There is no way {unknown[0]}; there are {', '.join(WAYS)}.")
    watched = Watched()
    typed = asyncio.run(_run(chosen, manifest.id, names, watched, pause / 1000))
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "seed": seed,
        "pause_ms": pause,
        "packages": [package.title for package in PACKAGES],
        "summary": _summaries(typed, names),
        "prompts": watched.prompts,
        "leaks": watched.leaks,
        "items": [_as_row(each) for each in typed],
    }
    _print(report, names)
    write_results(report, output)


async def _run(
    chosen: Mapping[str, Sequence[Item]],
    model: str,
    ways: Sequence[str],
    watched: Watched,
    pause_seconds: float,
) -> list[Typed]:
    typed: list[Typed] = []
    _watch(watched)
    with tempfile.TemporaryDirectory(prefix="tabwright-gain-") as base:
        items = copy_without_answers(chosen, Path(base) / "repositories")
        roots = list(dict.fromkeys(item.file.root for item in items))
        for root in roots:
            _plant(root)
        sessions = {way: await settled_session(model, WAYS[way], roots) for way in ways}
        try:
            for number, item in enumerate(items):
                turn = number % len(ways)
                for way in [*ways[turn:], *ways[:turn]]:
                    typed.append(await _type(item, way, sessions[way], sessions, pause_seconds))
                say(f"{number + 1} of {len(items)}: {item.language}, {item.file.name}")
        finally:
            for session in sessions.values():
                await session.stop()
    return typed


def _plant(root: Path) -> None:
    """Put things into a repository that must never be seen."""
    folder = root / _IGNORED_FOLDER
    folder.mkdir()
    (root / ".gitignore").write_text(f"{_IGNORED_FOLDER}/\n")
    for name in ("planted.py", "planted.js", "planted.ts", "planted.c", "planted.rs", "P.java"):
        (folder / name).write_text(f"{_PLANTED} = {_PLANTED}({_PLANTED})\n" * 30)
    (root / ".env").write_text(f"{_PLANTED}={_SECRET}\n" * 30)
    (root / "planted_settings.py").write_text(f'token = "{_SECRET}"\nself.token = "{_SECRET}"\n')


def _watch(watched: Watched) -> None:
    """Look at everything that goes to the model process."""
    generate = ModelProcess.generate

    async def looked_at(
        process: ModelProcess, model_key: str, request: GenerationRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        watched.look_at(request)
        guess = request.guesses_behind
        if guess is not None:

            def looked_at_guesses(written: str) -> tuple[Guess, ...]:
                guesses = guess(written)
                watched.look_for(each.text for each in guesses)
                return guesses

            request = replace(request, guesses_behind=looked_at_guesses)
        async for event in generate(process, model_key, request):
            yield event

    ModelProcess.generate = looked_at  # type: ignore[method-assign]  # to see the prompts


async def _type(
    item: Item, way: str, session: Session, sessions: Mapping[str, Session], pause_seconds: float
) -> Typed:
    """Type an item key by key, accepting what is right."""
    result = Typed(way, item.language, item.file.name, characters=count_keys(item.removed))
    cross = _names_from_elsewhere(item, sessions)
    accepted = await retype(session, item, lambda shown: _judge(result, shown, item), pause_seconds)
    result.names = len(cross)
    for taken in accepted:
        result.accepted += count_keys(taken.text)
        result.names_accepted += sum(
            taken.offset <= each < taken.offset + len(taken.text) for each in cross
        )
    return result


def _judge(result: Typed, answer: Shown, item: Item) -> None:
    shown, offset = answer.text, answer.offset
    result.seconds.append(answer.seconds)
    line = item.lines[0]
    rest = item.removed[offset : line.end]
    is_exact = bool(shown) and shown.partition("\n")[0].rstrip() == rest.rstrip()
    result.exact_at_start |= is_exact and offset == line.start
    # A line that was completed before its third character is exact after three as well.
    result.exact_after_three |= is_exact and offset <= line.start + 3
    result.requests += 1
    result.shown += bool(shown)
    result.wrong += bool(shown) and not item.removed[offset:].startswith(shown)


def _names_from_elsewhere(item: Item, sessions: Mapping[str, Session]) -> list[int]:
    """Return where in the removed text the names stand that only other files define."""
    workspace = next(
        (
            known
            for session in sessions.values()
            if (known := session.workspaces.of(item.file.path)) is not None
        ),
        None,
    )
    if workspace is None:
        return []
    own = set(_WORD.findall(item.before)) | set(_WORD.findall(item.after))
    places: list[int] = []
    for match in _WORD.finditer(item.removed):
        name = match.group()
        if name not in own and workspace.index.definitions_of([name], 1):
            places += range(match.start(), match.end())
    return places


# -- reporting --


def _summaries(typed: Sequence[Typed], ways: Sequence[str]) -> dict[str, dict[str, Any]]:
    languages = list(dict.fromkeys(each.language for each in typed))
    without = {
        (each.language, each.name): each.completed for each in typed if each.way == "without"
    }
    return {
        language: {
            way: _summary(
                [e for e in typed if e.way == way and language in (e.language, "all")], without
            )
            for way in ways
        }
        for language in [*languages, "all"]
    }


def _summary(typed: Sequence[Typed], without: Mapping[tuple[str, str], float]) -> dict[str, float]:
    seconds = [each for item in typed for each in item.seconds[1:]]
    compared = [
        (item.completed, without[item.language, item.name])
        for item in typed
        if (item.language, item.name) in without
    ]
    return {
        "items": len(typed),
        "completed": _share(sum(e.accepted for e in typed), sum(e.characters for e in typed)),
        "exact_at_start": _share(sum(each.exact_at_start for each in typed), len(typed)),
        "exact_after_three": _share(sum(each.exact_after_three for each in typed), len(typed)),
        "names": _share(sum(e.names_accepted for e in typed), sum(e.names for e in typed)),
        "name_characters": sum(each.names for each in typed),
        "shown": _share(sum(e.shown for e in typed), sum(e.requests for e in typed)),
        "wrong": _share(sum(each.wrong for each in typed), sum(each.shown for each in typed)),
        "worse": _share(sum(now < then for now, then in compared), len(compared)),
        "much_worse": _share(sum(now < then - _MUCH for now, then in compared), len(compared)),
        "better": _share(sum(now > then for now, then in compared), len(compared)),
        "p50_ms": round(1000 * percentile(seconds, 0.5), 1) if seconds else 0.0,
        "p95_ms": round(1000 * percentile(seconds, 0.95), 1) if seconds else 0.0,
    }


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def _as_row(typed: Typed) -> dict[str, Any]:
    row = dict(typed.__dict__)
    row["seconds"] = [round(each, 4) for each in typed.seconds]
    return row


def _print(report: Mapping[str, Any], ways: Sequence[str]) -> None:
    console = Console(width=WIDTH)
    table = Table(
        title=f"Typing with {report['weights']}",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 0, 0, 1),
        show_edge=False,
    )
    columns = ("completed", "exact_at_start", "exact_after_three", "names", "shown", "wrong")
    titles = ("compl.", "start", "3rd", "names", "shown", "wrong", "worse", "p50", "p95")
    for title in ("", "", *titles):
        # Where there is no room, names wrap: no figure is cut.
        table.add_column(
            title, justify="right" if title else "left", no_wrap=bool(title), overflow="fold"
        )
    for language, group in report["summary"].items():
        if language == "all":
            table.add_section()
        for way in ways:
            row = group[way]
            shares = [f"{100 * row[key]:.1f}" for key in (*columns, "worse")]
            times = [f"{row[key]:.0f}" for key in ("p50_ms", "p95_ms")]
            name = f"{language} {row['items']}" if way == ways[0] else ""
            table.add_row(name, way, *shares, *times)
    console.print(table)
    both = report["summary"]["all"]
    if "with" in both and "without" in both:
        for key in ("completed", "exact_at_start", "exact_after_three", "names"):
            before, now = both["without"][key], both["with"][key]
            ratio = f"{now / before:.2f} times" if before else "from nothing"
            console.print(f"{key.replace('_', ' ')}: {before:.1%} to {now:.1%}, {ratio}")
        before, now = both["without"]["p50_ms"], both["with"]["p50_ms"]
        console.print(
            f"p50: {before:.1f} to {now:.1f} ms, {now / before:.2f} times"
            f" ({report['pause_ms']} ms after each key)"
        )
        console.print(
            f"of {both['with']['items']} items {both['with']['better']:.1%} better,"
            f" {both['with']['worse']:.1%} worse, {both['with']['much_worse']:.1%} by more than a"
            " tenth of their characters"
        )
    leaks = report["leaks"]
    console.print(
        f"{report['prompts']} prompts and guesses were looked at; {len(leaks)} held what git"
        " ignores or a planted secret."
    )
    for leak in leaks[:5]:
        console.print(leak)


if __name__ == "__main__":
    main()
