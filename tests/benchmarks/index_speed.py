"""How long does the first index of a workspace take, and what does it cost to keep?

Generates trees of real files (ten pinned packages in six languages, and the packages installed
beside this Python with --installed), each copy a little different. Indexes them beside `ctags -R`
in the same run, as the server does for a model that sees no excerpts (such as the default one) and
for one that does, which full-text search is for; adds that to the first one; starts a second time,
saves files and waits until the index shows it, and asks. Each index is made by a fresh process,
whose memory is that of a server which does nothing else.

    python tests/benchmarks/index_speed.py
    python tests/benchmarks/index_speed.py --files 1000 --files 10000 --files 100000
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import platformdirs
import psutil
from options import output_option
from packages import PACKAGES, default_folder, fetch, source_files
from reporting import (
    WIDTH,
    machine,
    median,
    say,
    spread_in_ms,
    warning_of_other_work,
    write_results,
)

from tabwright.bundled_data import grammars_folder
from tabwright.session.file_watcher import WorkspaceWatcher
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.index import WorkspaceIndex
from tabwright.workspace_index.keeping_up import is_telling

SAVES = 20
QUESTIONS = 200
NAMES_IN_QUESTION = 12
WORDS_IN_QUESTION = 20
_LARGEST_SOURCE = 60_000
_VISIBLE_SECONDS = 10.0


# ---- the tree ----


def sources(*, installed: bool) -> list[tuple[str, str]]:
    """Return names and texts of real files, one package after the other taking turns."""
    by_package = []
    for package in PACKAGES:
        files = source_files(package, fetch(package, default_folder()))
        by_package.append([(f"{package.name}/{file.name}", file.text) for file in files])
    if installed:
        by_package.append(list(_installed_sources()))
    turns: list[tuple[float, str, str]] = []
    for files in by_package:
        for number, (name, text) in enumerate(files):
            turns.append(((number + 0.5) / len(files), name, text))
    return [(name, text) for _, name, text in sorted(turns)]


def _installed_sources() -> Iterator[tuple[str, str]]:
    top = Path(sysconfig.get_paths()["purelib"])
    for path in sorted(top.rglob("*.py")):
        if path.is_file() and 200 < path.stat().st_size < _LARGEST_SOURCE:
            text = path.read_bytes().decode("utf-8", "replace")
            yield f"installed/{path.relative_to(top).as_posix()}", text


def generate(folder: Path, count: int, files: list[tuple[str, str]]) -> int:
    """Write `count` files, each unlike all others; return their size in bytes."""
    size = 0
    for number in range(count):
        name, text = files[number % len(files)]
        mark = "#" if name.endswith(".py") else "//"
        content = f"{mark} copy {number}\n{text}\n{mark} end of copy {number}\n".encode()
        path = folder / f"part{number // len(files):03}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        size += len(content)
    return size


# ---- ctags ----


def find_ctags() -> tuple[Path | None, str]:
    """Return Universal Ctags, or why there is none."""
    found = shutil.which("ctags") or shutil.which("universal-ctags")
    candidates = [Path(found)] if found else []
    kept = Path(platformdirs.user_cache_dir("tabwright")) / "universal-ctags"
    candidates.append(kept / "usr" / "bin" / "ctags-universal")
    for path in candidates:
        if path.exists() and "Universal Ctags" in _said_by(path):
            return path, ""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return None, "Universal Ctags is not installed, and there is no apt-get to fetch it with"
    kept.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["apt-get", "download", "universal-ctags"], cwd=kept, check=True, capture_output=True
        )
        for archive in kept.glob("*.deb"):
            subprocess.run(["dpkg", "-x", archive, kept], check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"Universal Ctags cannot be fetched: {error}"
    path = candidates[-1]
    if "Universal Ctags" not in _said_by(path):
        return None, "Universal Ctags was fetched but does not run"
    return path, ""


def _said_by(path: Path) -> str:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return answer.stdout


def run_ctags(ctags: Path, folder: Path, output: Path) -> dict[str, float]:
    """Return the seconds that `ctags -R` takes, on the clock and of processor time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(
        [ctags, "-R", "--links=no", "-f", output, folder], check=True, stderr=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - started
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu}


# ---- in the process of its own ----


def _opened(
    folder: Path, directory: Path, workers: int, *, full_text: bool = False
) -> WorkspaceIndex:
    languages = LanguageRegistry([grammars_folder()])
    return WorkspaceIndex.open(
        folder, languages, workers=workers, directory=directory, full_text=full_text
    )


def first_index(folder: Path, directory: Path, workers: int) -> dict[str, Any]:
    """Index a tree for the first time, for models that see no excerpts."""
    return _made(folder, directory, workers, full_text=False)


def full_text(folder: Path, directory: Path, workers: int) -> dict[str, Any]:
    """Index a tree for models that see excerpts, or add to its index what these need."""
    return _made(folder, directory, workers, full_text=True)


def _made(folder: Path, directory: Path, workers: int, *, full_text: bool) -> dict[str, Any]:
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    index = _opened(folder, directory, workers, full_text=full_text)
    updated = index.update()
    seconds = time.perf_counter() - started
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    state = index.state()
    index.close()
    return {
        "seconds": seconds,
        "parsed": updated.parsed,
        "own_cpu_seconds": own.ru_utime + own.ru_stime,
        "worker_cpu_seconds": children.ru_utime + children.ru_stime,
        "indexed": state.files,
        "has_full_text": state.has_full_text,
        "index_mb": state.database_bytes / 1e6,
        "rss_mb_before": before / 1e6,
        "peak_rss_mb": own.ru_maxrss / 1e3,
        "worker_peak_rss_mb": children.ru_maxrss / 1e3,
        "problems": list(state.problems),
    }


def parsing_alone(folder: Path, _directory: Path, _workers: int) -> dict[str, Any]:
    """Read and parse every file with tree-sitter, and nothing else: less no index can cost."""
    languages = LanguageRegistry([grammars_folder()])
    started = time.process_time()
    for path in sorted(folder.rglob("*")):
        language = languages.for_path(path.name) if path.is_file() else None
        if language is not None:
            language.grammar.parse(path.read_bytes())
    return {"cpu_seconds": time.process_time() - started}


def second_start(folder: Path, directory: Path, workers: int) -> dict[str, Any]:
    """Open an index that is there, bring it up to date, ask it, and save files."""
    started = time.perf_counter()
    index = _opened(folder, directory, workers)
    opened = time.perf_counter() - started
    updated = index.update()
    seconds = time.perf_counter() - started
    result: dict[str, Any] = {"seconds": seconds, "open_seconds": opened, "read": updated.read}
    result["rss_mb"] = psutil.Process().memory_info().rss / 1e6
    result["questions"] = _ask(index)
    result["visible"] = asyncio.run(_save(index, folder))
    result["rss_mb_after"] = psutil.Process().memory_info().rss / 1e6
    index.close()
    return result


def _ask(index: WorkspaceIndex) -> dict[str, Any]:
    """Time the questions that come before a completion, about names of real files."""
    choice = random.Random(4)
    paths = index.paths()
    times: dict[str, list[float]] = {"definitions_of": [], "search": [], "text_of": []}
    times |= {"members_of": [], "knows_name": [], "facts_of": []}

    def timed(name: str, question: Callable[[], object]) -> None:
        started = time.perf_counter()
        question()
        times[name].append(time.perf_counter() - started)

    for _ in range(QUESTIONS):
        path = choice.choice(paths)
        timed("facts_of", lambda: index.facts_of(path))  # noqa: B023 - called at once
        facts = index.facts_of(path)
        names = [name for name, _ in facts.references] if facts else []
        chosen = choice.sample(names, min(NAMES_IN_QUESTION, len(names)))
        words = choice.sample(names, min(WORDS_IN_QUESTION, len(names)))
        classes = [each.name for each in facts.definitions if each.kind == "class"] if facts else []
        timed("definitions_of", lambda: index.definitions_of(chosen, 3))  # noqa: B023
        timed("search", lambda: index.search(words, 10))  # noqa: B023
        timed("knows_name", lambda: [index.knows_name(each) for each in chosen])  # noqa: B023
        timed("text_of", lambda: index.text_of(path))  # noqa: B023
        if classes:
            timed("members_of", lambda: index.members_of(classes[0], path))  # noqa: B023
    return {name: spread_in_ms(seconds) for name, seconds in times.items()}


async def _save(index: WorkspaceIndex, folder: Path) -> dict[str, float]:
    """Save files and wait until the index knows them, with a watcher as in the server."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Future[object]] = set()

    def on_change(paths: frozenset[str]) -> None:
        task = loop.run_in_executor(None, index.note_changes, paths)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    watcher = WorkspaceWatcher(folder, on_change, is_telling=is_telling)
    watcher.start()
    chosen = random.Random(5).sample(index.paths(), SAVES + 1)
    await _until_visible(index, folder / chosen[0], "watched_now", again=True)
    times = []
    for number, path in enumerate(chosen[1:]):
        started = time.perf_counter()
        await _until_visible(index, folder / path, f"saved_name_{number}")
        times.append(time.perf_counter() - started)
    watcher.stop()
    await asyncio.gather(*tasks)
    return spread_in_ms(times)


async def _until_visible(
    index: WorkspaceIndex, path: Path, name: str, *, again: bool = False
) -> None:
    """Save a file with a new name in it; with `again`, until the system has begun to watch."""
    text = path.read_text(encoding="utf-8", errors="replace")  # noqa: ASYNC240 - nothing else waits
    is_python = path.suffix == ".py"
    use = f"def {name}(): pass" if is_python else f"int {name}({name} x) {{}}"
    deadline = time.monotonic() + _VISIBLE_SECONDS * (10 if again else 1)
    tries = 0
    while not index.knows_name(name):
        if time.monotonic() > deadline:
            say(f"{path} was saved and is not visible")
            return
        if again or not tries:
            tries += 1
            path.write_text(f"{text}\n{use}\n{'#' if is_python else '//'} {tries}\n")  # noqa: ASYNC240
        await asyncio.sleep(0.5 if again else 0.002)


# ---- the run ----


def measure(
    count: int, files: list[tuple[str, str]], ctags: Path | None, workers: int, work: Path
) -> dict[str, Any]:
    """Measure one size."""
    folder, directory = work / f"tree{count}", work / f"index{count}"
    say(f"writing {count:,} files")
    size = generate(folder, count, files)
    report: dict[str, Any] = {"files": count, "mb": size / 1e6}
    ctags_runs = []
    if ctags is not None:
        say("ctags -R")
        run_ctags(ctags, folder, work / "tags")  # the disk is read into memory here
        ctags_runs.append(run_ctags(ctags, folder, work / "tags"))
    say("first index")
    report["first"] = _in_process("first_index", folder, directory, workers)
    say("first index with full-text search")
    complete = work / f"complete{count}"
    report["complete"] = _in_process("full_text", folder, complete, workers)
    shutil.rmtree(complete)
    if ctags is not None:
        ctags_runs.append(run_ctags(ctags, folder, work / "tags"))
        report["ctags_seconds"] = median([each["seconds"] for each in ctags_runs])
        report["ctags_cpu_seconds"] = median([each["cpu_seconds"] for each in ctags_runs])
        for part in (report["first"], report["complete"]):
            part["times_ctags"] = part["seconds"] / report["ctags_seconds"]
            cpu = part["own_cpu_seconds"] + part["worker_cpu_seconds"]
            part["cpu_times_ctags"] = cpu / report["ctags_cpu_seconds"]
    say("full-text search, added")
    report["added"] = _in_process("full_text", folder, directory, workers)
    say("parsing alone")
    report["parsing"] = _in_process("parsing_alone", folder, directory, workers)
    say("second start")
    report["second"] = _in_process("second_start", folder, directory, workers)
    shutil.rmtree(folder)
    shutil.rmtree(directory)
    return report


def _in_process(step: str, folder: Path, directory: Path, workers: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--step", step, "--workers", str(workers)]
    answer = subprocess.run(
        [*command, "--folder", folder, "--directory", directory], check=True, stdout=subprocess.PIPE
    )
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


def print_report(report: dict[str, Any]) -> None:
    """Print the tables."""
    sizes = report["sizes"]
    print("Indexing real code".center(WIDTH))
    print(f"{report['workers']} worker processes; {report['code']}")
    if report["ctags_missing"]:
        print(f"without ctags: {report['ctags_missing']}")
    rows: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("MB of source", lambda each: f"{each['mb']:.1f}"),
        ("first index, s", lambda each: f"{each['first']['seconds']:.2f}"),
        ("  files per second", lambda each: f"{each['files'] / each['first']['seconds']:,.0f}"),
        ("  MB per second", lambda each: f"{each['mb'] / each['first']['seconds']:.1f}"),
        ("  processor time, s: server", lambda each: f"{each['first']['own_cpu_seconds']:.1f}"),
        ("  processor time, s: workers", lambda each: f"{each['first']['worker_cpu_seconds']:.1f}"),
        ("  of parsing alone, s", lambda each: f"{each['parsing']['cpu_seconds']:.1f}"),
        ("ctags -R, s", lambda each: f"{each.get('ctags_seconds', 0):.2f}"),
        ("  processor time, s", lambda each: f"{each.get('ctags_cpu_seconds', 0):.2f}"),
        ("times ctags, by the clock", lambda each: _times(each["first"], "times_ctags")),
        ("times ctags, processor time", lambda each: _times(each["first"], "cpu_times_ctags")),
        ("with full-text search at once, s", lambda each: f"{each['complete']['seconds']:.2f}"),
        ("  times ctags, by the clock", lambda each: _times(each["complete"], "times_ctags")),
        (
            "  times ctags, processor time",
            lambda each: _times(each["complete"], "cpu_times_ctags"),
        ),
        ("full-text search, added later, s", lambda each: f"{each['added']['seconds']:.2f}"),
        ("second start, s", lambda each: f"{each['second']['seconds']:.2f}"),
        ("  files read", lambda each: f"{each['second']['read']}"),
        ("save to visible, ms: p50", lambda each: f"{each['second']['visible']['p50']:.0f}"),
        ("  p95", lambda each: f"{each['second']['visible']['p95']:.0f}"),
        (
            "server's memory, MB: peak of first index",
            lambda each: _mb(each["first"], "peak_rss_mb"),
        ),
        ("  with full-text search", lambda each: _mb(each["complete"], "peak_rss_mb")),
        ("  after the second start", lambda each: _mb(each["second"], "rss_mb")),
        ("  after questions and saves", lambda each: _mb(each["second"], "rss_mb_after")),
        ("a worker's memory, MB: peak", lambda each: _mb(each["first"], "worker_peak_rss_mb")),
        ("index on disk, MB", lambda each: _mb(each["first"], "index_mb")),
        ("  with full-text search", lambda each: _mb(each["complete"], "index_mb")),
    ]
    for name in sizes[0]["second"]["questions"]:
        for spread in ("p50", "p95"):
            rows.append(
                (
                    f"{name}, ms: {spread}",
                    lambda each, name=name, spread=spread: (  # type: ignore[misc]
                        f"{each['second']['questions'][name][spread]:.1f}"
                    ),
                )
            )
    print("files".ljust(44) + "".join(f"{each['files']:>12,}" for each in sizes))
    for title, value in rows:
        print(title.ljust(44) + "".join(f"{value(each):>12}" for each in sizes))
    print(report["warning"])


def _mb(part: dict[str, Any], name: str) -> str:
    return f"{part[name]:.0f}"


def _times(part: dict[str, Any], name: str) -> str:
    return f"{part.get(name, 0):.2f}"


@click.command(help=__doc__)
@click.option("--files", "counts", type=int, multiple=True, default=(1_000, 10_000))
@click.option("--workers", type=int, default=2, show_default=True)
@click.option("--installed", is_flag=True, help="Copy files of the installed packages too.")
@output_option(__file__)
@click.option("--work", type=click.Path(path_type=Path), help="Where trees are written.")
@click.option("--step", hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
@click.option("--directory", type=click.Path(path_type=Path), hidden=True)
def main(
    counts: tuple[int, ...],
    workers: int,
    installed: bool,
    output: Path,
    work: Path | None,
    step: str | None,
    folder: Path | None,
    directory: Path | None,
) -> None:
    """Measure all sizes, or take one step in a process of its own."""
    if step is not None:
        assert folder is not None
        assert directory is not None
        steps = {
            "first_index": first_index,
            "full_text": full_text,
            "parsing_alone": parsing_alone,
            "second_start": second_start,
        }
        print(json.dumps(steps[step](folder, directory, workers)))
        return
    files = sources(installed=installed)
    ctags, why_not = find_ctags()
    before = machine()
    report: dict[str, Any] = {
        "machine": before,
        "warning": warning_of_other_work(before),
        "workers": workers,
        "code": ", ".join(package.title for package in PACKAGES)
        + (", installed packages" if installed else ""),
        "ctags": str(ctags),
        "ctags_missing": why_not,
        "sizes": [],
    }
    with tempfile.TemporaryDirectory(prefix="tabwright-index-", dir=work) as place:
        for count in counts:
            report["sizes"].append(measure(count, files, ctags, workers, Path(place)))
    print_report(report)
    write_results(report, output)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
