"""How far are the memory's proposals to be trusted beside the model?

    python tests/benchmarks/fit_guesses.py [--items 10]

Takes lines out of packages that no result is reported on, and asks at several places in each: what
does the memory of the rest of the package propose, and what does the model think, token by token,
of what really stood there and of what was proposed? Then finds the figures under which both
together find the truth most probable: `TRUST` in `completion/guessing.py`, `AGREEMENT` and
`LEAST_AGREEMENT` in `model/mixture.py`.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import click
from calibrate import PACKAGES
from known_text import along
from options import (
    context_tokens_option,
    items_option,
    model_option,
    output_option,
    packages_option,
    seed_option,
)
from reporting import WIDTH, installed_model, machine, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typing_items import Item, choose_items, copy_without_answers
from workspace_reading import remembered

from tabwright.commands.building import build_languages
from tabwright.completion.guessing import LEAST_WEIGHT, TRUST, name_shares, weight_of
from tabwright.completion.prompt import build_prompt
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.llama import LlamaModel, ModelOptions, NativeLog
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Guess
from tabwright.model.mixture import (
    AGREEMENT,
    LEAST_AGREEMENT,
    MOST_TOGETHER,
    Candidate,
    Mixture,
)
from tabwright.session.known_workspace import is_known_name
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.line_memory import LineMemory

_WORD_BEFORE = re.compile(r"[^\W\d]\w*\Z")
_PLACES = (0, 1, 2, 4, 8)
"""Characters of the line that are typed; its middle is asked about too."""
_IMPOSSIBLE = -30.0

Seen: TypeAlias = tuple[bool, float] | None
"""Of a guess that is still in: whether its next token is the true one, and how probable the model
finds it (natural logarithm)."""


@dataclass(frozen=True)
class Case:
    """One place: what was proposed, and what the model thinks along the truth."""

    language: str
    typed: str
    probabilities: tuple[float, ...]
    """Of the proposed lines, as the memory has it."""
    names: tuple[float, ...]
    """The shares of the names that the word at the cursor may become."""
    is_name: bool
    """Whether that word is a name already."""
    steps: tuple[tuple[float, tuple[Seen, ...]], ...]
    """For each true token its log-probability by the model, and the guesses: lines, then names."""


@dataclass(frozen=True)
class Figures:
    """What is fitted."""

    line_scale: float = 1.0
    line_shift: float = 0.0
    agreement: float = 0.0
    least_agreement: float = -8.0
    name: float = 0.1
    longer_name: float = 0.1


_ALONE = Figures(line_shift=-99.0, name=0.0, longer_name=0.0)
_STEPS = (0.2, 0.5, 0.2, 1.0, 0.1, 0.05)
_LARGEST_STEPS = 12
_LEAST = (0.0, -9.0, 0.0, -12.0, 0.0, 0.0)
_MOST = (2.0, 9.0, 1.5, 0.0, 2.0, 2.0)


@click.command(context_settings={"max_content_width": 100})
@items_option(10, "Pieces of code in each language.")
@seed_option(17, "the lines")
@context_tokens_option(768, "How long the prompts are.")
@model_option()
@packages_option()
@output_option(__file__)
def main(
    items: int, seed: int, context_tokens: int, model: str, folder: Path, output: Path
) -> None:
    """Fit how the memory and the model are mixed, by the likelihood of held-out code."""
    manifest, weights = installed_model(model)
    chosen = choose_items(items, seed, folder, (), PACKAGES)
    options = ModelOptions(str(weights), "", context_tokens + 256, 2, 2, 0)
    loaded = LlamaModel(options, NativeLog(), lambda _fraction: None)
    cases: list[Case] = []
    with tempfile.TemporaryDirectory(prefix="tabwright-fitting-") as base:
        moved = copy_without_answers(chosen, Path(base))
        memories: dict[Path, LineMemory] = {}
        languages = build_languages()
        for number, item in enumerate(moved):
            root = item.file.root
            if root not in memories:
                memories[root] = remembered(root, languages)
            cases += _cases(item, memories[root], loaded, manifest, languages, context_tokens)
            say(f"{number + 1} of {len(moved)}: {item.language}, {item.file.name}")
    loaded.close()
    say("fitting")
    # Independent experts, as Bayes has them, and those whose votes depend on the model.
    independent = fitted(cases, Figures(), (0, 1, 4, 5))
    best = fitted(cases, in_use(), range(6))
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "seed": seed,
        "independent": asdict(independent),
        "figures": asdict(best),
        "held_out_languages": held_out(cases, best),
        "cases": [asdict(case) for case in cases],
    }
    _print(report, cases, independent, best)
    write_results(report, output)


def in_use() -> Figures:
    """Return the figures that the server has."""
    return Figures(
        TRUST.line_scale,
        TRUST.line_shift,
        AGREEMENT,
        LEAST_AGREEMENT,
        TRUST.name,
        TRUST.longer_name,
    )


def _cases(
    item: Item,
    memory: LineMemory,
    model: LlamaModel,
    manifest: Manifest,
    languages: LanguageRegistry,
    context_tokens: int,
) -> Iterator[Case]:
    line = item.lines[0]
    path = item.file.path.relative_to(item.file.root).as_posix()
    middle = (line.end - line.start) // 2
    for typed in dict.fromkeys((*_PLACES, middle)):
        start = line.start + typed
        if start >= line.end:
            continue
        before, rest = item.before + item.removed[:start], item.removed[start : line.end]
        text = before + item.after
        proposals = memory.proposals(path, text, len(before))
        begun = _WORD_BEFORE.search(before)
        prefix = begun.group() if begun else ""
        known = memory.names(prefix, path, text, len(before)) if prefix else ()
        names = name_shares(known, prefix)
        guesses = [Guess(each.text, 0.5) for each in proposals]
        guesses += [Guess(name, 0.5, is_line=False) for name, _ in names]
        snapshot = DocumentSnapshot(item.file.path.as_uri(), item.editor_id, 1, text, path)
        prompt = build_prompt(
            snapshot,
            Cursor(len(before)),
            languages.for_editor_id(item.editor_id),
            manifest,
            context_tokens=context_tokens,
            can_fill_in_the_middle=False,
        )
        tokens = model.prompt_tokens(prompt.segments, add_bos=prompt.add_bos)
        yield Case(
            language=item.language,
            typed=f"after {typed}" if typed in _PLACES else "middle",
            probabilities=tuple(each.probability for each in proposals),
            names=tuple(share for _, share in names),
            is_name=bool(names) and is_known_name(memory, prefix, text),
            steps=tuple(_along(model, tokens, rest + "\n", guesses)),
        )


def _along(
    model: LlamaModel, prompt: list[int], text: str, guesses: Sequence[Guess]
) -> Iterator[tuple[float, tuple[Seen, ...]]]:
    """Walk along a text after a prompt, healed as the server heals it."""
    single: list[Mixture] | None = None
    for step in along(model, prompt, text):
        token = step.token
        if single is None:
            end = step.must_begin
            single = [Mixture([each], end, model.tokenize, model.token_bytes) for each in guesses]
        following = [each.next_tokens[0] if each else None for each in single]
        besides = [token, *(each for each in following if each is not None)]
        known = dict(model.likeliest(step.logits, 1, step.must_begin, besides))
        if token not in known:
            return  # it is cut into tokens in another way here; what is known must do
        yield (
            known[token],
            tuple(
                None if each is None else (each == token, known.get(each, _IMPOSSIBLE))
                for each in following
            ),
        )
        for guess in single:
            if guess:
                guess.note(Candidate(token, 0.0, _IMPOSSIBLE))


def loss(cases: Sequence[Case], figures: Figures) -> float:
    """Return the mean negative log-probability of the truth, as `Mixture` computes it."""
    return -sum(_log_likelihood(case, figures) for case in cases) / len(cases)


def _log_likelihood(case: Case, figures: Figures) -> float:
    names = figures.longer_name if case.is_name else figures.name
    weights = [
        weight_of(each, figures.line_scale, figures.line_shift) for each in case.probabilities
    ]
    weights += [names * share for share in case.names]
    weights = [each if each >= LEAST_WEIGHT else 0.0 for each in weights]
    together = sum(weights)
    scale = MOST_TOGETHER / together if together > MOST_TOGETHER else 1.0
    weights = [each * scale for each in weights]
    own = 1.0 - sum(weights)
    total = 0.0
    for log_probability, guesses in case.steps:
        votes = [
            0.0
            if seen is None
            else weight * math.exp(figures.agreement * max(seen[1], figures.least_agreement))
            for weight, seen in zip(weights, guesses, strict=True)
        ]
        right = [
            vote if seen is not None and seen[0] else 0.0
            for vote, seen in zip(votes, guesses, strict=True)
        ]
        mine = own * math.exp(log_probability)
        total += math.log(max((mine + sum(right)) / (own + sum(votes)), 1e-12))
        left = mine + sum(right)
        weights = [each / left for each in right] if left > 0 else [0.0] * len(right)
        own = mine / left if left > 0 else 1.0
    return total


def fitted(cases: Sequence[Case], start: Figures, free: Sequence[int]) -> Figures:
    """Find the figures under which the truth is most probable, by steps that grow smaller."""
    values, steps = list(asdict(start).values()), list(_STEPS)
    best = loss(cases, start)
    for _ in range(_LARGEST_STEPS):
        has_improved = False
        for index in free:
            for sign in (1, -1):
                tried = list(values)
                tried[index] = round(tried[index] + sign * steps[index], 4)
                if not _LEAST[index] <= tried[index] <= _MOST[index]:
                    continue
                now = loss(cases, Figures(*tried))
                if now < best - 1e-4:
                    best, values, has_improved = now, tried, True
        if not has_improved:
            steps = [step / 2 for step in steps]
    return Figures(*values)


def held_out(cases: Sequence[Case], start: Figures) -> dict[str, float]:
    """Return the loss of each language under figures fitted on all the others."""
    languages = dict.fromkeys(case.language for case in cases)
    return {
        language: loss(
            [case for case in cases if case.language == language],
            fitted([case for case in cases if case.language != language], start, range(6)),
        )
        for language in languages
    }


def _print(
    report: Mapping[str, Any], cases: Sequence[Case], independent: Figures, best: Figures
) -> None:
    console = Console(width=WIDTH)
    table = Table(title="Nats per line's rest", box=SIMPLE_HEAD, title_justify="left")
    for title in ("", "places", "model", "independent", "in use", "fitted", "held out"):
        table.add_column(title, justify="right" if title else "left")
    groups = {"all": list(cases)}
    for case in cases:
        groups.setdefault(case.language, []).append(case)
        groups.setdefault(case.typed, []).append(case)
    for name, group in groups.items():
        figures = (_ALONE, independent, in_use(), best)
        losses = [f"{loss(group, each):.2f}" for each in figures]
        apart = report["held_out_languages"].get(name)
        table.add_row(name, str(len(group)), *losses, f"{apart:.2f}" if apart else "")
    console.print(table)
    console.print("held out: under figures fitted on the other languages.")
    console.print(f"fitted: {best}")


if __name__ == "__main__":
    main()
