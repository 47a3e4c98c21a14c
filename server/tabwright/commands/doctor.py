"""`tabwright doctor`: look at everything a suggestion needs, and say what to do about the rest."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from tabwright.errors import LanguageFileError, TabwrightError, WeightsDamaged, WeightsMissing
from tabwright.user_directories import (
    config_directory,
    data_directory,
    user_grammars_directory,
    user_models_directory,
)

# What is looked at is imported by the check that looks at it: a package that is missing is then
# one line of the report, and the other lines are there too.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from tabwright.model.catalogue import Catalogue
    from tabwright.model.messages import Description

State: TypeAlias = Literal["ok", "warning", "problem"]

_LEAST_FREE_MB = 500
"""The default weights, their faster copy and some room."""
_OLDEST_NEOVIM = (0, 10)
_REINSTALL = "pip install --force-reinstall --no-cache-dir llama-cpp-python"
_STATE_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}

_EDITORS = (
    ("nvim", "Neovim"),
    ("code", "Visual Studio Code"),
    ("codium", "VSCodium"),
    ("code-server", "code-server"),
    ("emacs", "Emacs"),
    ("hx", "Helix"),
    ("idea", "IntelliJ IDEA"),
    ("pycharm", "PyCharm"),
    ("webstorm", "WebStorm"),
    ("goland", "GoLand"),
    ("clion", "CLion"),
    ("rustrover", "RustRover"),
    ("phpstorm", "PhpStorm"),
    ("rubymine", "RubyMine"),
    ("rider", "Rider"),
)

_SETTINGS_IN_FORCE = ("TABWRIGHT_DATA_DIR", "TABWRIGHT_CONFIG_DIR")


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    state: State
    """`problem` is only what prevents suggestions; whatever makes them worse is a `warning`."""
    sentence: str
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Check this installation, and say what to do where something is wrong.

    The exit status is 1 when something prevents suggestions. No network connection is opened.
    """
    findings = examine()
    is_sound = all(finding.state != "problem" for finding in findings)
    if as_json:
        report = {"ok": is_sound, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(report, indent=2))
    else:
        _print_report(findings)
    if not is_sound:
        sys.exit(1)


def examine() -> list[Finding]:
    """Return what every check found, in the order in which one would look for a cause."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("Python", _python),
        ("Command", _command),
        ("llama.cpp", _model_process),
        ("Machine", _machine),
        ("Models", _models),
        ("Routing", _routing),
        ("Languages", _languages),
        ("Folders", _folders),
        ("Editors", _editors),
        ("Environment", _environment),
    )
    return [finding for subject, check in checks for finding in _guarded(subject, check)]


def _guarded(subject: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Run a check; what breaks it would break the server too, so it is a finding like others."""
    findings: list[Finding] = []
    try:
        for finding in check():
            findings.append(finding)
    except TabwrightError as error:
        findings.append(Finding(subject, "problem", str(error)))
    except ImportError as error:
        sentence = f"A package that Tabwright needs cannot be imported: {error}."
        advice = f"{sys.executable} -m pip install --force-reinstall tabwright"
        findings.append(Finding(subject, "problem", sentence, advice))
    except Exception as error:
        sentence = f"This could not be looked at ({type(error).__name__}: {error})."
        findings.append(Finding(subject, "problem", sentence, "Please report this."))
    return findings


# ---- what runs ----


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("Python", "ok", f"{version} ({sys.executable})")


def _command() -> Iterator[Finding]:
    """Editors start the server by name, so the name must lead to this installation."""
    found = shutil.which("tabwright")
    beside = Path(sys.executable).with_name("tabwright")
    if found is not None:
        yield Finding("Command", "ok", found)
        return
    here = str(beside) if beside.exists() else f"{sys.executable} -m tabwright"
    yield Finding(
        "Command",
        "warning",
        "Editors cannot find `tabwright`, because its folder is not on PATH.",
        f"Add the folder to PATH, or tell the editor to start: {here} serve",
    )


def _model_process() -> Iterator[Finding]:
    description = _describe()
    if isinstance(description, Finding):
        yield description
        return
    features = _cpu_features(description.system_info)
    yield Finding(
        "llama.cpp",
        "ok",
        f"llama-cpp-python {description.llama_cpp_python} starts; it computes with"
        f" {', '.join(features) or 'no special processor features'}.",
    )
    if "AVX2" not in features and "avx2" in _processor_flags():
        yield Finding(
            "llama.cpp",
            "warning",
            "This processor has AVX2, but the installed build does not use it and is slow.",
            f"{sys.executable} -m {_REINSTALL} --no-binary llama-cpp-python",
        )
    yield _gpu(description)


def _describe() -> Description | Finding:
    """Start the model process as the server does, and ask it what it can do."""
    from tabwright.errors import ModelError
    from tabwright.model.client import ModelProcess

    async def ask() -> Description:
        process = ModelProcess()
        try:
            return await process.describe()
        finally:
            await process.stop()

    log = logging.getLogger("tabwright")
    quiet = logging.NullHandler()  # without any handler Python prints warnings to stderr
    log.addHandler(quiet)
    try:
        return asyncio.run(ask())
    except ModelError as error:
        sentence = str(error).replace("; run `tabwright doctor` to see why", "")
        return Finding("llama.cpp", "problem", sentence, _advice_for_process())
    finally:
        log.removeHandler(quiet)


def _advice_for_process() -> str:
    if chosen := os.environ.get("LLAMA_CPP_LIB_PATH"):
        return f"LLAMA_CPP_LIB_PATH names {chosen}; unset it, or correct it."
    try:
        importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return f"{sys.executable} -m pip install llama-cpp-python"
    return f"{sys.executable} -m {_REINSTALL}"


def _cpu_features(system_info: str) -> list[str]:
    """Return the names that llama.cpp lists as `NAME = 1`."""
    return re.findall(r"(\w+) = 1\b", system_info)


def _processor_flags() -> frozenset[str]:
    """Return what Linux says of the processor; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return frozenset(flags[1].split()) if flags else frozenset()


def _gpu(description: Description) -> Finding:
    if description.gpu_offload:
        devices = ", ".join(description.devices) or "no device is seen"
        return Finding("GPU", "ok", f"This build can use a GPU; devices: {devices}.")
    present = _gpu_present()
    if present is None:
        return Finding("GPU", "ok", "None was found; models run on the processor.")
    maker, option = present
    return Finding(
        "GPU",
        "warning",
        f"There seems to be a GPU ({maker}), but this build of llama.cpp cannot use it;"
        " models run on the processor.",
        f'CMAKE_ARGS="{option}" {sys.executable} -m {_REINSTALL}',
    )


def _gpu_present() -> tuple[str, str] | None:
    """Return the maker of a GPU and the build option for it, judged without running anything."""
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        return "NVIDIA", "-DGGML_CUDA=on"
    if shutil.which("rocminfo") or Path("/dev/kfd").exists():
        return "AMD", "-DGGML_HIP=on"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple", "-DGGML_METAL=on"
    return None


# ---- the machine ----


def _machine() -> Iterator[Finding]:
    import psutil

    physical = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    yield Finding("Processor", "ok", f"{physical} cores, {allowed} usable by this process.")
    memory = psutil.virtual_memory()
    total, available = memory.total // 1_000_000, memory.available // 1_000_000
    needed = _default_memory_mb()
    sentence = f"{total:,} MB, {available:,} MB of them available."
    if available < needed:
        sentence += f" The default model needs about {needed} MB."
        yield Finding("Memory", "warning", sentence, "Close something large.")
    else:
        yield Finding("Memory", "ok", sentence)


def _default_memory_mb() -> int:
    try:
        return _catalogue().default.memory_mb
    except TabwrightError:
        return 0  # the check of the models says what is wrong with them


# ---- models and languages ----


def _catalogue() -> Catalogue:
    from tabwright.commands.building import build_catalogue

    return build_catalogue()


def _models() -> Iterator[Finding]:
    from tabwright.model.gguf_file import check_gguf
    from tabwright.model.manifest import LocalSource
    from tabwright.model.weights import adapter_problem, installed_weights, require_weights

    catalogue = _catalogue()
    default = catalogue.default.id
    own = str(user_models_directory())
    usable: list[str] = []
    for manifest in catalogue.manifests:
        if installed_weights(manifest) is None and manifest.folder != own:
            continue
        is_own_file = isinstance(manifest.weights.source, LocalSource)
        try:
            check_gguf(require_weights(manifest))
        except WeightsMissing as error:
            yield Finding("Models", "warning", str(error))
        except (WeightsDamaged, OSError) as error:
            sentence = f"The weights of {manifest.id} cannot be used: {str(error).rstrip('.')}."
            fetch = f"tabwright models pull {manifest.id}"
            advice = "Put a sound GGUF file there." if is_own_file else fetch
            yield Finding("Models", "warning", sentence, advice)
        else:
            problem = adapter_problem(manifest)
            if problem:
                yield Finding("Models", "warning", problem, "Until then the next model answers.")
            else:
                usable.append(manifest.id)
    if not usable:
        sentence = "No usable model is installed, so nothing can be suggested."
        yield Finding("Models", "problem", sentence, "tabwright models pull")
    elif default in usable:
        others = ", ".join(one for one in usable if one != default) or "none"
        yield Finding(
            "Models",
            "ok",
            f"The default model {default} is installed, with the right size and a sound header"
            f" (`tabwright models verify` reads every byte); others: {others}.",
        )
    else:
        sentence = f"Installed: {', '.join(usable)}. The default model {default} is not."
        yield Finding("Models", "ok", sentence)
    for problem in catalogue.problems:
        yield Finding("Models", "warning", problem, "Correct the manifest; it is left out.")
    mine = [manifest.id for manifest in catalogue.manifests if manifest.folder == own]
    if mine:
        yield Finding("Models", "ok", f"Your own manifests: {', '.join(mine)} ({own}).")


def _routing() -> Iterator[Finding]:
    """Say which model answers for which language."""
    from tabwright.commands.building import build_languages
    from tabwright.commands.models_recommend import machine_here
    from tabwright.model.routing import Route, route
    from tabwright.model.weights import problem_with

    catalogue = _catalogue()
    machine = machine_here(catalogue)
    languages: dict[str, list[str]] = {}
    for language in build_languages().all():
        where = Route(language.editor_ids[0])
        chosen = route(catalogue.manifests, where, machine, problem_with).chosen
        if chosen is not None:
            languages.setdefault(chosen.manifest.display_name, []).append(where.language)
    if not languages:
        return  # the check of the models says so
    general = max(languages, key=lambda name: len(languages[name]))
    parts = [
        f"{name} for {', '.join(meant)}" for name, meant in languages.items() if name != general
    ]
    others = "all other languages" if parts else "all languages"
    sentence = "; ".join([*parts, f"{general} for {others}"])
    yield Finding("Routing", "ok", f"{sentence} (`tabwright models recommend` says why).")


def _languages() -> Iterator[Finding]:
    from tabwright.commands.building import build_languages

    registry = build_languages()
    found = registry.all()
    problems = list(registry.problems)
    loaded = 0
    for language in found:
        try:
            _ = language.grammar
            loaded += 1
        except LanguageFileError as error:
            problems.append(str(error))
    own = user_grammars_directory()
    mine = [language.id for language in found if language.folder.parent == own]
    sentence = f"{loaded} of {loaded + len(problems)} grammars load."
    if mine:
        sentence += f" Your own: {', '.join(mine)} ({own})."
    yield Finding("Languages", "ok" if loaded else "warning", sentence)
    for problem in problems:
        advice = "Without it, suggestions in that language are not checked against its syntax."
        yield Finding("Languages", "warning", problem, advice)


# ---- folders ----


def _folders() -> Iterator[Finding]:
    yield _folder("Data", data_directory(), "TABWRIGHT_DATA_DIR", _LEAST_FREE_MB)
    yield _folder("Configuration", config_directory(), "TABWRIGHT_CONFIG_DIR", 0)


def _folder(subject: str, folder: Path, variable: str, least_free_mb: int) -> Finding:
    """Look at a folder that need not exist yet: then its nearest parent decides."""
    elsewhere = f"Correct its permissions, or set {variable} to another folder."
    existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if existing is None or not existing.is_dir():
        return Finding(subject, "warning", f"{existing or folder} is no folder.", elsewhere)
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(subject, "warning", f"{existing} cannot be written.", elsewhere)
    free = shutil.disk_usage(existing).free // 1_000_000
    note = "" if existing == folder else " (made when needed)"
    sentence = f"{folder}{note}, {free:,} MB free."
    if free < least_free_mb:
        advice = f"Free some space, or set {variable} to a folder on another disk."
        return Finding(subject, "warning", sentence, advice)
    return Finding(subject, "ok", sentence)


# ---- editors ----


def _editors() -> Iterator[Finding]:
    found = [name for command, name in _EDITORS if command != "nvim" and shutil.which(command)]
    neovim = shutil.which("nvim")
    if neovim is not None:
        version = _neovim_version(neovim)
        found.insert(0, f"Neovim {version}".rstrip())
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if numbers and numbers < _OLDEST_NEOVIM:
            sentence = f"Neovim {version} is too old for the plugin."
            yield Finding("Editors", "warning", sentence, "Install Neovim 0.10 or later.")
    if found:
        yield Finding("Editors", "ok", f"On PATH: {', '.join(found)}.")
    else:
        yield Finding("Editors", "ok", "None that is known by name was found on PATH.")


def _neovim_version(path: str) -> str:
    """Return `0.11.4`, or nothing when the editor does not say."""
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"NVIM v(\d+(?:\.\d+)*)", answer.stdout)
    return match[1] if match else ""


def _environment() -> Iterator[Finding]:
    given = _given(os.environ)
    for name, value in given.items():
        if name.startswith("TABWRIGHT_") and name not in _SETTINGS_IN_FORCE:
            sentence = f"{name} is set, but there is no such setting."
            advice = f"Known are {' and '.join(_SETTINGS_IN_FORCE)}."
            yield Finding("Environment", "warning", sentence, advice)
        else:
            yield Finding("Environment", "ok", f"{name}={value}")
    if not given:
        yield Finding("Environment", "ok", "No TABWRIGHT_... variable is set.")


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith("TABWRIGHT_") or name == "LLAMA_CPP_LIB_PATH"
    }


# ---- the report ----


def _print_report(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Plain ASCII, and text that is not markup: names of folders may hold anything.
    stream = sys.stdout
    console = Console(file=stream, width=None if stream.isatty() else 80, highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        state = Text(finding.state, _STATE_STYLES[finding.state])
        table.add_row(state, Text(finding.subject), Text(finding.sentence))
        if finding.advice:
            table.add_row("", "", Text(f"To do: {finding.advice}", "bold"))
    console.print(table)
    console.print(Text(f"\n{_conclusion(findings)}"))


def _conclusion(findings: list[Finding]) -> str:
    problems = sum(finding.state == "problem" for finding in findings)
    warnings = sum(finding.state == "warning" for finding in findings)
    if problems:
        return f"Suggestions cannot work yet: {problems} problem{'s' * (problems > 1)} above."
    if warnings:
        return f"Suggestions can work; {warnings} warning{'s' * (warnings > 1)} above."
    return "Everything is in order."
