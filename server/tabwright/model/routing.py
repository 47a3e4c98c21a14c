"""Which model answers at a place, among those that are known, and why not the others.

Of the models with weights of their own, one that is meant for what is written there goes before a
general one; then one that can fill in the middle; then the larger, as long as it takes at most half
of the machine's memory and is not too slow here. Someone who has fetched a larger model wants it
used.

A model that was made from another one (`base`) takes that one's place, the most specific one first:
for a product before for a use case before for a language. Not because it says so, but because it
has beaten it on held-out code (`evidence`): the lower end of the interval of the difference is
above zero. Against a stranger that was chosen before its base it needs evidence of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from tabwright.model.manifest import GENERAL, Evidence, Manifest, UseCase
from tabwright.model.measurements import Measurement

_SHARE_OF_MEMORY = 0.5
_SHARE_OF_GPU_MEMORY = 0.9
_LINE_TOKENS = 10
_NEW_TOKENS = 64
_LONGEST_SECONDS = 2.0
"""A model that takes longer to read a few new tokens and write a line is too slow to be of use:
that is the default of the setting `timeLimitSeconds`."""


@dataclass(frozen=True)
class Route:
    """The place for which a model is wanted."""

    language: str
    """The editor's language id of the code at the cursor."""
    use_cases: frozenset[UseCase] = frozenset()
    """What is written there, see `use_cases`."""
    workspace: str = ""
    """The absolute path of the workspace folder, or empty."""
    modules: frozenset[str] = frozenset()
    """What the document imports, as it is written there."""


@dataclass(frozen=True)
class Machine:
    """What a model may take here, and how fast models are known to be."""

    memory_mb: int
    gpu_memory_mb: int = 0
    """Of the largest GPU that this build of llama.cpp can use; 0 where there is none."""
    speeds: Mapping[str, Measurement] = field(default_factory=dict)
    """Tokens per second by model id, of those that were measured."""


@dataclass(frozen=True)
class Judged:
    """What became of one model."""

    manifest: Manifest
    reason: str
    """Without the model's name and without a full stop: `for Python`, `not installed`."""


@dataclass(frozen=True)
class Routed:
    """The model that answers, and what became of the others."""

    chosen: Judged | None
    others: tuple[Judged, ...]
    """Every other model for the language, in order of id."""


def route(
    manifests: Sequence[Manifest],
    where: Route,
    machine: Machine,
    problem_with: Callable[[Manifest], str],
) -> Routed:
    """Choose the model for a place.

    `problem_with` says in a sentence why a model cannot be used at all, nothing where it can.
    """
    known = {manifest.id: manifest for manifest in manifests}
    out: dict[str, str] = {}
    usable: list[Manifest] = []
    for manifest in manifests:
        if not _knows_language(manifest, where.language):
            continue
        refusal = _unfit(manifest, where) or problem_with(manifest)
        if refusal:
            out[manifest.id] = refusal.rstrip(".")
        else:
            usable.append(manifest)
    chosen, beaten = _champion(usable, known, where, machine)
    reasons = {**out, **beaten}
    others = tuple(Judged(each, reasons[each.id]) for each in manifests if each.id in reasons)
    if chosen is None:
        return Routed(None, others)
    return Routed(Judged(chosen, why(chosen, where)), others)


def why(manifest: Manifest, where: Route) -> str:
    """Return in a few words what makes a model the one for a place."""
    purposes = [*_purposes(manifest, where)]
    if where.language in manifest.languages:
        purposes.append(f"for {where.language}")
    reason = " ".join(purposes) or "general"
    proof = next(_wins(manifest, manifest.base, where.language), None) if manifest.base else None
    if proof is None:
        return reason
    return f"{reason}; {proof_in_words(proof)}"


def proof_in_words(proof: Evidence) -> str:
    """Return a comparison in a few words."""
    return (
        f"{proof.measure.replace('_', ' ')} {proof.ours:.3g} against {proof.theirs:.3g}"
        f" of {proof.against} on {proof.items:,} held-out items"
    )


def is_too_slow(speed: Measurement) -> bool:
    """Whether a line takes too long at these speeds to be of use while typing."""
    seconds = _NEW_TOKENS / max(speed.read, 1e-6) + _LINE_TOKENS / max(speed.write, 1e-6)
    return seconds > _LONGEST_SECONDS


def fits(manifest: Manifest, machine: Machine) -> bool:
    """Whether a model leaves enough of the machine's memory, or of its GPU's, to others."""
    return (
        manifest.memory_mb <= machine.memory_mb * _SHARE_OF_MEMORY
        or manifest.memory_mb <= machine.gpu_memory_mb * _SHARE_OF_GPU_MEMORY
    )


# ---- what a model is for ----


def _knows_language(manifest: Manifest, language: str) -> bool:
    return language in manifest.languages or GENERAL in manifest.languages


def _unfit(manifest: Manifest, where: Route) -> str:
    """Return why a model is not meant for a place in its language, or has not proved to be."""
    if manifest.products and not _is_for_product(manifest, where):
        return f"only for {', '.join(manifest.products)}"
    if manifest.use_cases and not where.use_cases & set(manifest.use_cases):
        return f"only for {', '.join(manifest.use_cases)}"
    if not manifest.base or next(_wins(manifest, manifest.base, where.language), None):
        return ""
    if any(_concerns(each, manifest.base, where.language) for each in manifest.evidence):
        return f"did not beat {manifest.base} on held-out code"
    return f"not compared with {manifest.base} on held-out code in {where.language}"


def _purposes(manifest: Manifest, where: Route) -> Iterator[str]:
    if manifest.products and _is_for_product(manifest, where):
        is_workspace = any(is_path(each) for each in manifest.products)
        yield "for this workspace" if is_workspace else "for packages imported here"
    for use_case in manifest.use_cases:
        if use_case in where.use_cases:
            yield f"for {use_case}"


def _is_for_product(manifest: Manifest, where: Route) -> bool:
    return any(
        _is_inside(where.workspace, product)
        if is_path(product)
        else any(_is_module_of(module, product) for module in where.modules)
        for product in manifest.products
    )


def is_path(product: str) -> bool:
    """Whether a product is a workspace, by its path, and no package."""
    return PurePath(product).is_absolute()


def _is_inside(workspace: str, folder: str) -> bool:
    return bool(workspace) and PurePath(workspace).is_relative_to(PurePath(folder))


def _is_module_of(module: str, package: str) -> bool:
    """Whether `package.part`, `package/part` or `package::part` is meant, or all of it."""
    if not module.startswith(package):
        return False
    return re.match(r"\Z|[./:\\]", module[len(package) :]) is not None


def _specificity(manifest: Manifest, language: str) -> tuple[bool, bool, bool]:
    return bool(manifest.products), bool(manifest.use_cases), language in manifest.languages


# ---- what has been proved ----


def _concerns(evidence: Evidence, against: str, language: str) -> bool:
    return evidence.against == against and evidence.language in (language, GENERAL)


def _wins(manifest: Manifest, against: str, language: str) -> Iterator[Evidence]:
    """Yield what proves that a model beats another in a language; nothing if it also lost."""
    compared = [each for each in manifest.evidence if _concerns(each, against, language)]
    exact = [each for each in compared if each.language == language]
    compared = exact or compared  # a language's own figures go before those of all together
    if not any(each.high < 0 for each in compared):
        yield from (each for each in compared if each.low > 0)


def _has_lost(manifest: Manifest, against: Manifest, language: str) -> bool:
    """Whether a model was compared with another and did not beat it, by the word of either."""
    compared = any(_concerns(each, against.id, language) for each in manifest.evidence)
    beats = next(_wins(manifest, against.id, language), None) is not None
    is_beaten = next(_wins(against, manifest.id, language), None) is not None
    return (compared and not beats) or is_beaten


# ---- the choice ----


def _champion(
    usable: Sequence[Manifest], known: Mapping[str, Manifest], where: Route, machine: Machine
) -> tuple[Manifest | None, dict[str, str]]:
    """Return the model to ask, and why it is not one of the others."""
    language = where.language
    originals = [each for each in usable if not each.base]
    originals.sort(key=lambda each: _rank(each, language, machine), reverse=True)
    champion = originals[0] if originals else None
    beaten: dict[str, str] = {}
    if champion is not None:
        for loser in originals[1:]:
            beaten[loser.id] = _why_after(loser, champion, language, machine)
    made = [each for each in usable if each.base]
    made.sort(key=lambda each: (_specificity(each, language), _gain(each, language), each.id))
    for challenger in made:
        if champion is None:
            champion = challenger
            continue
        obstacle = _obstacle(challenger, champion, known, language, machine)
        if obstacle:
            beaten[challenger.id] = obstacle
        else:
            beaten[champion.id] = f"{challenger.id} is {_advantage(challenger, champion, where)}"
            champion = challenger
    return champion, beaten


def _obstacle(
    challenger: Manifest,
    champion: Manifest,
    known: Mapping[str, Manifest],
    language: str,
    machine: Machine,
) -> str:
    """Return what keeps a model from taking the champion's place; nothing if it takes it."""
    misfit = _misfit(challenger, machine)
    if misfit and not _misfit(champion, machine):
        return misfit
    if next(_wins(challenger, champion.id, language), None) is not None:
        return ""
    if _root(challenger, known).id != _root(champion, known).id:
        return f"has not been shown to beat {champion.id}"
    if champion.id in _ancestors(challenger, known):
        return ""  # it has beaten its base, which has beaten its own, and so on
    return f"has not beaten {champion.id}" if _has_lost(challenger, champion, language) else ""


def _advantage(challenger: Manifest, champion: Manifest, where: Route) -> str:
    proof = next(_wins(challenger, champion.id, where.language), None)
    if proof is not None:
        return f"better: {proof_in_words(proof)}"
    return f"more specific ({why(challenger, where).partition(';')[0]})"


def _ancestors(manifest: Manifest, known: Mapping[str, Manifest]) -> list[str]:
    found: list[str] = []
    while manifest.base and manifest.base not in found:
        found.append(manifest.base)
        if manifest.base not in known:
            break
        manifest = known[manifest.base]
    return found


def _root(manifest: Manifest, known: Mapping[str, Manifest]) -> Manifest:
    """Return the model with weights of its own that another one was made from, step by step."""
    for ancestor in reversed(_ancestors(manifest, known)):
        if ancestor in known:
            return known[ancestor]
    return manifest


def _gain(manifest: Manifest, language: str) -> float:
    return max(
        (each.ours - each.theirs for each in _wins(manifest, manifest.base, language)), default=0.0
    )


def _rank(
    manifest: Manifest, language: str, machine: Machine
) -> tuple[bool, bool, tuple[bool, bool, bool], bool, int, str]:
    good = not _misfit(manifest, machine)
    return (
        good,
        fits(manifest, machine),
        _specificity(manifest, language),
        manifest.fill_in_the_middle is not None,
        manifest.parameters_millions if good else -manifest.parameters_millions,
        manifest.id,
    )


def _misfit(manifest: Manifest, machine: Machine) -> str:
    """Return why a model is more than this machine can bear; nothing if it is not."""
    if not fits(manifest, machine):
        return (
            f"takes {manifest.memory_mb:,} MB, more than half of this machine's"
            f" {machine.memory_mb:,} MB"
        )
    speed = machine.speeds.get(manifest.id)
    if speed is not None and is_too_slow(speed):
        return f"too slow here: it writes {speed.write:.0f} tokens per second"
    return ""


def _why_after(loser: Manifest, winner: Manifest, language: str, machine: Machine) -> str:
    """Return the first of the things that `_rank` compares in which two models differ."""
    misfit = _misfit(loser, machine)
    if misfit and (not _misfit(winner, machine) or fits(winner, machine) != fits(loser, machine)):
        return misfit
    if _specificity(loser, language) != _specificity(winner, language):
        return f"{winner.id} is made for this" if language in winner.languages else "less specific"
    if (loser.fill_in_the_middle is None) != (winner.fill_in_the_middle is None):
        return f"does not see what follows the cursor, as {winner.id} does"
    if misfit:
        return f"{winner.id} takes less"
    return f"{winner.id} is larger"
