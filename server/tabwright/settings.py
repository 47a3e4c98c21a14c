"""Every setting, with its meaning, default and bounds; and how JSON from an editor becomes them.

Editors send camel case (`debounceSeconds`); snake case is taken too. A wrong value never stops the
server: it is named in a sentence, and the default is used.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import os
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated, Any, Literal

import msgspec

PROSE_LANGUAGES = frozenset(
    {"plaintext", "text", "markdown", "gitcommit", "git-commit", "scminput", "log", "help", "org"}
)
"""Editor language ids in which small code models only get in the way: by hand only, by default."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Tokens = Annotated[int, msgspec.Meta(ge=64, le=32768)]


@dataclass(frozen=True)
class CompletionSettings:
    """What may differ per language."""

    enabled: bool = True
    """Suggest at all."""

    trigger: Literal["automatic", "manual"] = "automatic"
    """`automatic` suggests while one types; `manual` only when asked by hand."""

    lines: Literal["auto", "single", "multi"] = "auto"
    """`single` never goes past the line; `multi` always may; `auto` writes several lines only
    after something that opens a block, in an empty body, or when asked by hand."""

    model: str = "auto"
    """A model's id (see `tabwright models list`), or `auto` for the best one installed."""

    debounce_seconds: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.0
    """How long to wait for the next key before starting work. Not used when asked by hand."""

    eagerness: Literal["auto", "high", "low"] = "auto"
    """`low` waits at least 0.15 s for the next key and does no work ahead; `auto` is low while
    the machine runs on battery, else high."""

    wait_seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 0.25
    """How long you will wait for a suggestion while typing: what the model reads and writes is
    measured out to it, at its speed on this machine."""

    wait_by_hand_seconds: Annotated[float, msgspec.Meta(gt=0, le=600)] = 1.0
    """The same for suggestions asked for by hand, which may be longer."""

    max_lines: Annotated[int, msgspec.Meta(ge=1, le=200)] = 12
    """The longest suggestion, in lines."""

    context_tokens: Literal["auto"] | Tokens = "auto"
    """How much code before and after the cursor the model reads, in tokens; `auto` follows from
    its speed here. More is cleverer, and slower at the first request in a file."""

    use_workspace: bool = True
    """Use what is known of the workspace's other code."""

    memory: bool = True
    """Let suggestions follow what the workspace's code, and the document itself, does at like
    places."""

    excerpts: Literal["auto", "always", "never"] = "auto"
    """Show the model definitions and code from elsewhere in the workspace; `auto` does so for
    models that are better for it."""

    excerpt_sources: tuple[
        Literal[
            "definitions",
            "members",
            "imported",
            "dependencies",
            "importers",
            "similar",
            "recent",
            "together",
        ],
        ...,
    ] = (
        "definitions",
        "members",
        "imported",
        "dependencies",
        "importers",
        "similar",
        "recent",
        "together",
    )
    """Where these come from: definitions of names near the cursor, members of classes, files that
    are imported, installed packages, files that import this one, similar code, recently edited
    places, files that change in the same commits."""

    in_comments_and_strings: bool = False
    """Suggest inside comments and strings without being asked."""

    time_limit_seconds: Seconds = 2.0
    """Stop an automatic suggestion after this long and show what is there; three times as long
    when asked by hand. 0 for no limit."""


@dataclass(frozen=True)
class Settings(CompletionSettings):
    """All settings; those of `CompletionSettings` are the defaults for every language."""

    languages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings per editor language id, for example `{"markdown": {"enabled": false}}`."""

    workspaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings per workspace folder, which go before all others there: by its absolute path, by a
    pattern such as `~/work/*`, or by its name; for example `{"~/work/shop": {"model": "shop"}}`.
    With a `languages` of its own for one language there."""

    exclude: tuple[str, ...] = ()
    """Paths in which nothing is suggested and which never enter a prompt, as gitignore patterns.
    Files that hold secrets (`.env`, keys, credentials) are always excluded."""

    in_ignored_files: bool = False
    """Suggest in files that git ignores, and learn from them."""

    index_workspace: bool = True
    """Read the workspace's files in the background, so that suggestions know them. What is read
    stays in this machine's data folder; see `tabwright index`."""

    watch: Literal["auto", "polling"] = "auto"
    """How changes on disk are noticed: `auto` by events of the system, `polling` by looking every
    few seconds, for network drives that give no events."""

    completion_list: Literal["auto", "always", "never"] = "auto"
    """Offer suggestions in the ordinary completion list too; `auto` does so for editors that do
    not declare inline completion."""

    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    """CPU threads for reading prompts; 0 chooses from the machine's cores."""

    gpu_layers: Literal["auto"] | Annotated[int, msgspec.Meta(ge=-1)] = "auto"
    """Model layers on the GPU: `auto` puts all there if this build and machine can, 0 none, -1
    all."""

    model_memory_mb: Literal["auto"] | Annotated[int, msgspec.Meta(ge=1)] = "auto"
    """How much memory all loaded models may take together, in units of 10^6 bytes; `auto` is a
    quarter of the machine's. Beyond it, those go that were not used for longest."""

    idle_unload_seconds: Annotated[float, msgspec.Meta(ge=0)] = 900.0
    """Free the model's memory after this long without a request; 0 keeps it. The next request
    loads it again."""

    hang_seconds: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0
    """End and restart a model process that is silent for this long during a request."""

    def for_language(self, language: str) -> CompletionSettings:
        """Return the settings that hold for an editor language id, outside all workspaces."""
        return self.for_place(language, "")

    def for_place(
        self, language: str, workspace: str, around: str | None = None
    ) -> CompletionSettings:
        """Return the settings for a language in a workspace folder, given by its absolute path.

        `around` is the language of the document that code in another language stands in: it is not
        suggested in where that language is switched off, and by hand only where somebody says so
        of that language.
        """
        names = [each.name for each in dataclasses.fields(CompletionSettings)]
        values = {name: getattr(self, name) for name in names}
        if language in PROSE_LANGUAGES:
            values["trigger"] = "manual"
        layers = self._layers(language, workspace)
        for layer in layers:
            values.update({name: layer[name] for name in names if name in layer})
        for layer in self._layers(around, workspace) if around else ():
            if layer.get("enabled") is False:
                values["enabled"] = False
            if layer.get("trigger") == "manual":
                values["trigger"] = "manual"
        return CompletionSettings(**values)

    def everywhere(self) -> list[CompletionSettings]:
        """Return every set of settings that may hold somewhere."""
        found: list[CompletionSettings] = [self, *map(self.for_language, self.languages)]
        for layer in self.workspaces.values():
            only_here = dataclasses.replace(self, workspaces={_ANYWHERE: layer})
            languages = {*self.languages, *layer.get("languages", {}), ""}
            found += [only_here.for_place(each, "/") for each in sorted(languages)]
        return found

    def _layers(self, language: str, workspace: str) -> list[Mapping[str, Any]]:
        """Return what overrides the settings for all, the last first in rank."""
        layers = [self.languages.get(language, {})]
        for pattern, layer in self.workspaces.items():
            if workspace and _is_meant(pattern, workspace):
                layers += [layer, layer.get("languages", {}).get(language, {})]
        return layers


_ANYWHERE = "*"


def _is_meant(pattern: str, workspace: str) -> bool:
    """Whether a workspace is that of a path, a pattern or a name, in a setting."""
    folder = PurePath(workspace)
    if "/" not in pattern and "\\" not in pattern:
        return fnmatch.fnmatchcase(folder.name, pattern)
    wanted = os.path.expanduser(pattern)  # noqa: PTH111 - a pattern need not be a path
    return fnmatch.fnmatchcase(folder.as_posix(), wanted.replace("\\", "/").rstrip("/"))


@dataclass(frozen=True)
class SettingsResult:
    """Usable settings and one sentence about each value that could not be used."""

    settings: Settings
    problems: tuple[str, ...]


def read_settings(values: object) -> SettingsResult:
    """Make settings from JSON values, using the default for whatever is wrong."""
    if values is None:
        return SettingsResult(Settings(), ())
    if not isinstance(values, Mapping):
        problem = f"Settings must be an object, not {_kind(values)}; the defaults are used."
        return SettingsResult(Settings(), (problem,))
    fields, problems = _checked(values, Settings, "")
    languages, more = _by_name(fields.pop("languages", None), "languages.", CompletionSettings)
    workspaces, others = _by_name(fields.pop("workspaces", None), "workspaces.", _OfWorkspace)
    for workspace, values_there in workspaces.items():
        given = values_there.pop("languages", None)
        if given is not None:
            where = f"workspaces.{workspace}.languages."
            values_there["languages"], wrong = _by_name(given, where, CompletionSettings)
            others += wrong
    settings = Settings(**fields, languages=languages, workspaces=workspaces)
    return SettingsResult(settings, (*problems, *more, *others))


@dataclass(frozen=True)
class _OfWorkspace(CompletionSettings):
    """What may differ per workspace folder."""

    languages: Mapping[str, Any] = field(default_factory=dict)


def _by_name(
    given: Mapping[str, Any] | None, where: str, form: type[CompletionSettings]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Read settings that hold for what is named before them."""
    good: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for name, overrides in (given or {}).items():
        if not isinstance(overrides, Mapping):
            problems.append(_problem(f"{where}{name}", "expected an object"))
            continue
        good[name], more = _checked(overrides, form, f"{where}{name}.")
        problems += more
    return good, problems


def _checked(
    values: Mapping[Any, Any], form: type[CompletionSettings], where: str
) -> tuple[dict[str, Any], list[str]]:
    types = typing.get_type_hints(form, include_extras=True)
    known = {each.name for each in dataclasses.fields(form)}
    good: dict[str, Any] = {}
    problems: list[str] = []
    for given, value in values.items():
        name = _snake_case(str(given))
        if name not in known:
            problems.append(f"There is no setting tabwright.{where}{given}.")
            continue
        if value is None:
            continue  # an editor's way to say "not set"
        is_map = name in ("languages", "workspaces")
        wanted = Mapping[str, Any] if is_map else types[name]
        try:
            good[name] = msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            problems.append(_problem(f"{where}{given}", str(error)))
    return good, problems


def _problem(name: str, why: str) -> str:
    reason = why[:1].lower() + why[1:].rstrip(".")
    return f"Setting tabwright.{name}: {reason}; its default is used."


def _kind(value: object) -> str:
    return {list: "a list", str: "a string", bool: "a truth value"}.get(type(value), "a number")


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def camel_case(name: str) -> str:
    """Return a field's name as editors write it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
