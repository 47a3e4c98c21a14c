"""How far are the memory's proposals to be trusted beside the model?

    python tests/benchmarks/fit_guesses.py [--items 20]

Takes lines out of packages that no result is reported on, and asks at several places in each: what
does the memory of the rest of the package propose, how probable does the model find what really
stood there? Then finds the scale on which both together find it most probable (`guessing.py`).
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from calibrate import PACKAGES
from packages import default_folder
from reporting import WIDTH, installed_model, machine, results_file, say, write_results
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typing_items import Item, choose_items, copy_without_answers
from workspace_reading import remembered

from tabwright.commands.building import build_languages
from tabwright.completion.guessing import (
    LEAST_PROBABILITY,
    Trust,
    name_shares,
    on_the_models_scale,
)
from tabwright.completion.prompt import build_prompt
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.llama import LlamaModel, ModelOptions, NativeLog
from tabwright.model.manifest import Manifest
from tabwright.model.mixture import MOST_TOGETHER
from tabwright.session.known_workspace import is_known_name
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.line_memory import LineMemory
from tabwright.workspace_index.proposing import Proposal

_TRIED: Mapping[str, Sequence[float]] = {
    "line_scale": [round(0.4 + 0.1 * step, 1) for step in range(17)],
    "line_shift": [round(-2 + 0.25 * step, 2) for step in range(17)],
    "name": [round(0.025 * step, 3) for step in range(21)],
    "longer_name": [round(0.025 * step, 3) for step in range(21)],
}
_ROUNDS = 3
_WORD_BEFORE = re.compile(r"[^\W\d]\w*\Z")
_PLACES = (0, 1, 3, 8)
"""Characters of the line that are typed, and a place in its middle."""


@dataclass(frozen=True)
class Case:
    """One place: what was proposed, and how probable the truth is by the model alone."""

    language: str
    typed: int
    probabilities: tuple[float, ...]
    """Of the proposals, as the memory has it."""
    right: int
    """Which of them is what really follows; -1 for none."""
    log_probability: float
    """By the model alone, of the line's rest and its end."""
    names: tuple[tuple[float, float], ...]
    """Of the names that the word at the cursor really becomes: their share, and how probable the
    model finds what follows (natural logarithm)."""
    is_name: bool
    """Whether the word at the cursor is a name already."""
    wrong_names: tuple[float, ...]
    """The shares of those that it does not become."""


@click.command(context_settings={"max_content_width": 100})
@click.option("--items", default=20, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=7, show_default=True, help="Chooses the lines.")
@click.option("--context-tokens", default=768, show_default=True)
@click.option("--model", default="", help="The id of an installed model; the default if unset.")
@click.option(
    "--packages",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_folder(),
    help="Where fetched packages are kept; the user's cache if unset.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=results_file(__file__),
    help="Where to write the JSON; tests/benchmarks/results if unset.",
)
def main(
    items: int, seed: int, context_tokens: int, model: str, folder: Path, output: Path
) -> None:
    """Fit the scale and the shift of the memory's log-odds, by the likelihood of held-out code."""
    manifest, weights = installed_model(model)
    chosen = choose_items(items, seed, folder, (), PACKAGES)
    threads = 2
    options = ModelOptions(str(weights), "", context_tokens + 256, threads, threads, 0)
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
    trust = fitted(cases)
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "seed": seed,
        "trust": asdict(trust),
        "loss": {
            "model alone": _model_loss(cases),
            **{kinds: _mean_loss(cases, trust, kinds) for kinds in ("l", "ln")},
        },
        "cases": [asdict(case) for case in cases],
    }
    _print(report, cases, trust)
    write_results(report, output)


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
    for typed in dict.fromkeys((*_PLACES, (line.end - line.start) // 2)):
        start = line.start + typed
        if start >= line.end:
            continue
        before, rest = item.before + item.removed[:start], item.removed[start : line.end]
        text = before + item.after
        proposals = memory.proposals(path, text, len(before))
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
        written = _log_probabilities(model, tokens, rest + "\n")
        word = _WORD_BEFORE.search(before)
        prefix = word.group() if word else ""
        known = memory.names(prefix, path, text, len(before)) if len(prefix) >= 1 else ()
        names, wrong_names = _judged(name_shares(known, prefix), rest, written)
        yield Case(
            language=item.language,
            typed=typed,
            probabilities=tuple(each.probability for each in proposals),
            right=_right(proposals, rest),
            log_probability=sum(each for _, each in written),
            names=names,
            is_name=bool(known) and is_known_name(memory, prefix, text),
            wrong_names=wrong_names,
        )


def _judged(
    names: Sequence[tuple[str, float]], rest: str, written: Sequence[tuple[int, float]]
) -> tuple[tuple[tuple[float, float], ...], tuple[float, ...]]:
    """Split names into right ones, with what the model gives the rest, and wrong ones."""
    right, wrong = [], []
    for text, share in names:
        ends_word = not re.match(r"\w", rest[len(text) :])
        if rest.startswith(text) and ends_word:
            after = sum(each for end, each in written if end > len(text))
            right.append((share, after))
        else:
            wrong.append(share)
    return tuple(right), tuple(wrong)


def _right(proposals: Sequence[Proposal], rest: str) -> int:
    texts = [each.text.rstrip() for each in proposals]
    return texts.index(rest.rstrip()) if rest.rstrip() in texts else -1


def _log_probabilities(model: LlamaModel, prompt: list[int], text: str) -> list[tuple[int, float]]:
    """Return the log-probability of each token of a text after a prompt, healed as the server
    heals it, with where in the text it ends."""
    tokens, end = model.split_for_healing(prompt)
    sequence = model.sequence_for("document")
    for _ in model.read_prompt(sequence, tokens):
        pass
    found: list[tuple[int, float]] = []
    length, place = len(tokens), -len(end)
    wanted = model.tokenize(end.decode("utf-8", "replace") + text)
    for index, token in enumerate(wanted):
        scored = dict(model.likeliest(sequence.heads[length], 1, end, (token,)))
        if token not in scored:
            break  # it is cut into tokens in another way here; what is known must do
        data = model.token_bytes(token)
        place += len(data)
        found.append((place, scored[token]))
        end = end[len(data) :]
        model.advance(sequence, length, token, wanted[index + 1 : index + 8])
        length += 1
    return found


def _mean_loss(cases: Sequence[Case], trust: Trust, kinds: str = "ln") -> float:
    """Return the mean negative log-probability of the truth, by memory and model together."""
    total = 0.0
    for case in cases:
        total -= math.log(max(_likelihood(case, trust, kinds), 1e-30))
    return total / len(cases)


def _likelihood(case: Case, trust: Trust, kinds: str) -> float:
    lines: list[float] = []
    names: list[float] = []
    wrong = 0.0
    if "l" in kinds:
        found = (
            on_the_models_scale(each, trust.line_scale, trust.line_shift)
            for each in case.probabilities
        )
        lines = [each if each >= LEAST_PROBABILITY else 0.0 for each in found]
    if "n" in kinds:
        weight = trust.longer_name if case.is_name else trust.name
        names = [weight * share for share, _ in case.names]
        wrong = weight * sum(case.wrong_names)
    together = sum(lines) + sum(names) + wrong
    bound = MOST_TOGETHER / together if together > MOST_TOGETHER else 1.0
    likelihood = (1 - bound * together) * math.exp(case.log_probability)
    if lines and case.right >= 0:
        likelihood += bound * lines[case.right]
    for weight, (_, after) in zip(names, case.names, strict=False):
        likelihood += bound * weight * math.exp(after)
    return likelihood


def fitted(cases: Sequence[Case]) -> Trust:
    """Find the trust under which the truth is most probable, one figure after the other."""
    trust = Trust(1.0, 0.0, 0.1, 0.1)
    for _ in range(_ROUNDS):
        for name, values in _TRIED.items():
            tried = (replace(trust, **{name: value}) for value in values)
            trust = min(tried, key=lambda each: _mean_loss(cases, each))
    return trust


def _model_loss(cases: Sequence[Case]) -> float:
    return -float(np.mean([max(case.log_probability, math.log(1e-30)) for case in cases]))


def _print(report: Mapping[str, Any], cases: Sequence[Case], trust: Trust) -> None:
    console = Console(width=WIDTH)
    table = Table(title="Nats per line's rest", box=SIMPLE_HEAD, title_justify="left")
    titles = ("places", "model", "lines", "+ names", "best", "any")
    for title in ("", *titles):
        table.add_column(title, justify="right" if title else "left")
    groups = {"all": list(cases)}
    for case in cases:
        groups.setdefault(case.language, []).append(case)
        groups.setdefault(f"after {case.typed}" if case.typed in _PLACES else "middle", []).append(
            case
        )
    for name, group in groups.items():
        losses = [_mean_loss(group, trust, kinds) for kinds in ("l", "ln")]
        best = sum(case.right == 0 for case in group) / len(group)
        some = sum(case.right >= 0 for case in group) / len(group)
        figures = [f"{each:.2f}" for each in (_model_loss(group), *losses)]
        table.add_row(name, str(len(group)), *figures, f"{best:.1%}", f"{some:.1%}")
    console.print(table)
    console.print("best, any: the memory's best proposal, any of them, is the whole rest.")
    console.print(f"TRUST = {trust}")


if __name__ == "__main__":
    main()
