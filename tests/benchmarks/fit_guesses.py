"""How far are the memory's proposals to be trusted beside the model?

    python tests/benchmarks/fit_guesses.py [--items 22]

Takes lines out of packages that no result is reported on, and asks at every key of each: what does
the memory of the rest of the package propose, and what does the model think, token by token, of
what really stood there and of what was proposed? Then finds the figures under which both together
find the truth most probable: `TRUST` in `completion/guessing.py`, the agreements in
`model/mixture.py`. A token counts as far as what stands before it was likely: what comes after a
surprise is never shown, because one is asked again by then.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import click
import numpy as np
from calibrate import PACKAGES
from known_text import along
from numpy.typing import NDArray
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
from tabwright.completion.guessing import LONGEST_TYPED, TRUST, log_odds, name_odds
from tabwright.completion.prompt import build_prompt
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.model.llama import LlamaModel, ModelOptions, NativeLog
from tabwright.model.manifest import Manifest
from tabwright.model.messages import Guess
from tabwright.model.mixture import (
    LEAST_AGREEMENT,
    LEAST_FACTOR,
    LINE_AGREEMENT,
    MOST_WEIGHT,
    NAME_AGREEMENT,
    SELF_RELIANCE,
    Candidate,
    Mixture,
)
from tabwright.model.next_token import NextToken, goes_on_with_word
from tabwright.session.known_workspace import is_known_name
from tabwright.syntax.languages import LanguageRegistry
from tabwright.workspace_index.line_memory import LineMemory

_WORD_BEFORE = re.compile(r"[^\W\d]\w*\Z")
_IMPOSSIBLE = -30.0
_LONGEST = 24
"""Tokens of a line that count."""
_SURPRISE = 0.5
"""The power of the probability of what stands before a token in how much the token counts."""
_LEAST_COUNTED = 0.05
_RIDGE = 1e-3

Floats: TypeAlias = NDArray[np.float64]


class Seen(NamedTuple):
    """What a guess that is still in expects."""

    is_right: bool
    """Whether the true token is what it expects, or one of those."""
    log_probability: float
    """How probable the model finds all that it expects, natural logarithm."""
    goes_on: bool
    """Whether that goes on with the word before it."""
    is_written: bool = False
    """Whether its word is written, so that it only expects that the word ends."""


@dataclass(frozen=True)
class Case:
    """One place: what was proposed, and what the model thinks along the truth."""

    language: str
    where: str
    typed: int
    """How much of a word stands at the cursor."""
    probabilities: tuple[float, ...]
    """Of the proposed lines, as the memory has it."""
    names: tuple[float, ...]
    """The shares of the names that may come next."""
    is_name: bool
    """Whether that word is a name already."""
    steps: tuple[tuple[float, tuple[Seen | None, ...]], ...]
    """For each true token its log-probability by the model, and the guesses: lines, then names."""


@dataclass(frozen=True)
class Figures:
    """What is fitted: see `Trust`, and the agreements."""

    line_scale: float = 1.0
    line_shift: float = 0.0
    name_scale: float = 1.0
    name_shift: float = -1.0
    name_unbegun: float = 0.0
    name_typed: float = 0.0
    known: float = 0.0
    known_typed: float = 0.0
    line_agreement: float = 0.0
    name_agreement: float = 0.0
    self_reliance: float = 0.0
    least_agreement: float = -8.0


_ALONE = Figures(line_shift=-99.0, name_shift=-99.0)
_AGREEMENTS = (8, 9, 10, 11)
_STEPS = (0.1, 0.5, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.1, 0.1, 0.1, 0.5)
_LARGEST_STEPS = 14
_LEAST = (0.0, -9.0, 0.0, -9.0, -4.0, -4.0, -4.0, -4.0, 0.0, 0.0, 0.0, -12.0)
_MOST = (2.0, 9.0, 2.0, 9.0, 4.0, 4.0, 4.0, 4.0, 1.5, 1.5, 1.0, 0.0)


@click.command(context_settings={"max_content_width": 100})
@items_option(22, "Pieces of code in each language.")
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
    say(f"fitting on {len(cases):,} places")
    data = Data(cases)
    counted = data.counted(in_use())
    # Independent experts, as Bayes has them, and those whose votes depend on the model.
    free = [each for each in range(len(_STEPS)) if each not in _AGREEMENTS]
    independent = fitted(data, counted, Figures(), free)
    best = fitted(data, counted, in_use(), range(len(_STEPS)))
    report: dict[str, Any] = {
        "machine": machine(),
        "model": manifest.id,
        "weights": weights.name,
        "seed": seed,
        "independent": asdict(independent),
        "figures": asdict(best),
        "held_out_languages": held_out(cases, best),
        "places": len(cases),
    }
    _print(report, cases, data, independent, best)
    write_results(report, output)


def in_use() -> Figures:
    """Return the figures that the server has."""
    return Figures(
        **asdict(TRUST),
        line_agreement=LINE_AGREEMENT,
        name_agreement=NAME_AGREEMENT,
        self_reliance=SELF_RELIANCE,
        least_agreement=LEAST_AGREEMENT,
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
    for start in range(line.start, line.end):
        before, rest = item.before + item.removed[:start], item.removed[start : line.end]
        text = before + item.after
        proposals = memory.proposals(path, text, len(before))
        begun = _WORD_BEFORE.search(before)
        prefix = begun.group() if begun else ""
        names = memory.names(path, text, len(before))
        guesses = [Guess(each.text, 0.5) for each in proposals]
        guesses += [Guess(each.text, 0.5, is_line=False) for each in names]
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
            where=_where(start - line.start, prefix),
            typed=len(prefix),
            probabilities=tuple(each.probability for each in proposals),
            names=tuple(each.share for each in names),
            is_name=bool(prefix and names) and is_known_name(memory, prefix, text),
            steps=tuple(_along(model, tokens, rest + "\n", guesses)),
        )


def _where(typed_of_line: int, prefix: str) -> str:
    if not typed_of_line:
        return "line's beginning"
    if not prefix:
        return "between words"
    return "three of a word typed" if len(prefix) >= 3 else "a word begun"


def _along(
    model: LlamaModel, prompt: list[int], text: str, guesses: Sequence[Guess]
) -> Iterator[tuple[float, tuple[Seen | None, ...]]]:
    """Walk along a text after a prompt, healed as the server heals it."""
    single: list[Mixture] | None = None
    for step in along(model, prompt, text):
        token = step.token
        if single is None:
            end = step.must_begin
            single = [Mixture([each], end, model.tokenize, model.token_bytes) for each in guesses]
        view = model.next_token(step.logits, step.must_begin)
        truth = view.log_probability(token)
        if truth is None:
            return  # it is cut into tokens in another way here; what is known must do
        seen = tuple(seen_by(each, view, token, model.token_bytes) for each in single)
        yield truth, seen


def seen_by(
    guess: Mixture, view: NextToken, token: int, token_bytes: Callable[[int], bytes]
) -> Seen | None:
    """Return what a mixture of a single guess expects, None where it is out; and go on behind the
    true token."""
    found = None
    if guess.word_end:
        group = view.word_end(b"")
        found = Seen(
            not goes_on_with_word(token_bytes(token)),
            max(group.log_probability, _IMPOSSIBLE),
            goes_on=False,
            is_written=True,
        )
    elif guess:
        (expected,) = guess.expected(view)
        found = Seen(
            expected.has(token, token_bytes(token)),
            max(expected.log_probability, _IMPOSSIBLE),
            goes_on=expected.token >= 0 and goes_on_with_word(token_bytes(expected.token)),
        )
    guess.mixed(view)
    guess.note(Candidate(token, 0.0, _IMPOSSIBLE))
    return found


class Data:
    """Places as arrays: places x tokens x guesses, lines before names."""

    def __init__(self, cases: Sequence[Case]) -> None:
        count = len(cases)
        most = max(len(each.probabilities) + len(each.names) for each in cases)
        longest = min(_LONGEST, max(len(each.steps) for each in cases))
        self.is_line = np.zeros((count, most), np.bool_)
        self.is_guess = np.zeros((count, most), np.bool_)
        self.evidence = np.zeros((count, most))
        """The log-odds of lines and names."""
        self.typed = np.zeros((count, 1))
        self.is_unbegun = np.zeros((count, 1))
        self.is_name = np.zeros((count, 1))
        self.truth = np.zeros((count, longest))
        self.is_token = np.zeros((count, longest), np.bool_)
        self.seen = np.full((count, longest, most), _IMPOSSIBLE)
        self.is_in = np.zeros((count, longest, most), np.bool_)
        self.is_right = np.zeros((count, longest, most), np.bool_)
        self.goes_on = np.zeros((count, longest, most), np.bool_)
        self.is_written = np.zeros((count, longest, most), np.bool_)
        for row, case in enumerate(cases):
            lines, names = len(case.probabilities), len(case.names)
            self.is_line[row, :lines] = True
            self.is_guess[row, : lines + names] = True
            self.evidence[row, : lines + names] = [
                *map(log_odds, case.probabilities),
                *map(name_odds, case.names),
            ]
            self.typed[row] = min(case.typed, LONGEST_TYPED) / LONGEST_TYPED
            self.is_unbegun[row] = not case.typed
            self.is_name[row] = case.is_name
            for column, (truth, guesses) in enumerate(case.steps[:longest]):
                self.truth[row, column] = truth
                self.is_token[row, column] = True
                for number, seen in enumerate(guesses):
                    if seen is not None:
                        place = row, column, number
                        self.is_in[place] = not seen.is_written
                        self.is_written[place] = seen.is_written
                        self.is_right[place] = seen.is_right
                        self.goes_on[place] = seen.goes_on
                        self.seen[place] = max(seen.log_probability, _IMPOSSIBLE)

    def log_likelihoods(self, figures: Figures) -> Floats:
        """Return the log-probability of each true token, as `Mixture` computes it."""
        lines = figures.line_scale * self.evidence + figures.line_shift
        names = (
            figures.name_scale * self.evidence
            + figures.name_shift
            + figures.name_typed * self.typed
            + figures.name_unbegun * self.is_unbegun
            + (figures.known + figures.known_typed * self.typed) * self.is_name
        )
        logarithms = np.minimum(np.where(self.is_line, lines, names), np.log(MOST_WEIGHT))
        weights = np.where(self.is_guess, np.exp(logarithms), 0.0)
        agreements = np.where(self.is_line, figures.line_agreement, figures.name_agreement)
        agreements = np.maximum(0.0, agreements - figures.self_reliance * logarithms)
        own = np.ones(len(weights))
        found = np.zeros_like(self.truth)
        for column in range(self.truth.shape[1]):
            going_on, ending = self._change(column, weights, own)
            change = np.where(self.goes_on[:, column], going_on[:, None], ending[:, None])
            expected = self.seen[:, column] + change
            votes = weights * np.exp(agreements * np.maximum(expected, figures.least_agreement))
            votes = np.where(self.is_in[:, column], votes, 0.0)
            ends = (self.is_written[:, column] & self.is_right[:, column]).any(axis=1)
            truth = self.truth[:, column] + np.where(ends, ending, going_on)
            # A vote for several tokens is shared out as the model would.
            part = np.exp(np.minimum(truth[:, None] - expected, 0.0))
            right = np.where(self.is_right[:, column], votes * part, 0.0)
            mine = own * np.exp(truth)
            left = mine + right.sum(axis=1)
            found[:, column] = np.log(np.maximum(left / (own + votes.sum(axis=1)), 1e-12))
            left = np.maximum(left, 1e-300)
            weights, own = right / left[:, None], mine / left
        return np.where(self.is_token, found, 0.0)

    def _change(self, column: int, weights: Floats, own: Floats) -> tuple[Floats, Floats]:
        """Return how much likelier the model finds a token that goes on with the word, and one that
        does not, because a guessed word is written: natural logarithms."""
        is_written = self.is_written[:, column]
        sure = np.where(is_written, weights, 0.0).sum(axis=1)
        sureness = sure / np.maximum(sure + own, 1e-300)
        end = np.where(is_written, self.seen[:, column], -np.inf).max(axis=1)
        likelier = np.where(is_written.any(axis=1), np.exp(-np.maximum(end, _IMPOSSIBLE)), 1.0)
        going_on = np.log(np.maximum(1 - sureness, LEAST_FACTOR))
        ending = np.log(np.maximum(1 - sureness + sureness * likelier, LEAST_FACTOR))
        return going_on, ending

    def counted(self, figures: Figures) -> Floats:
        """Return how much each token counts: as far as what stands before it is likely."""
        likelihoods = self.log_likelihoods(figures)
        before = np.cumsum(likelihoods, axis=1) - likelihoods
        counted: Floats = np.maximum(np.exp(_SURPRISE * before), _LEAST_COUNTED)
        return counted


def fitted(data: Data, counted: Floats, start: Figures, free: Sequence[int]) -> Figures:
    """Find the figures under which the truth is most probable, by steps that grow smaller."""

    def loss(values: Sequence[float]) -> float:
        likelihoods = data.log_likelihoods(Figures(*values)) * counted
        return float(-likelihoods.sum(axis=1).mean()) + _RIDGE * sum(each**2 for each in values)

    return Figures(*_descended(loss, list(asdict(start).values()), free))


def _descended(
    loss: Callable[[Sequence[float]], float], values: list[float], free: Sequence[int]
) -> list[float]:
    best, steps = loss(values), list(_STEPS)
    for _ in range(_LARGEST_STEPS):
        has_improved = False
        for index in free:
            for sign in (1, -1):
                tried = list(values)
                tried[index] = round(tried[index] + sign * steps[index], 4)
                if not _LEAST[index] <= tried[index] <= _MOST[index]:
                    continue
                now = loss(tried)
                if now < best - 1e-5:
                    best, values, has_improved = now, tried, True
                    break
        if not has_improved:
            steps = [step / 2 for step in steps]
    return values


def held_out(cases: Sequence[Case], start: Figures) -> dict[str, float]:
    """Return the nats of each language under figures fitted on all the others."""
    found = {}
    for language in dict.fromkeys(case.language for case in cases):
        others = Data([case for case in cases if case.language != language])
        counted = others.counted(in_use())
        figures = fitted(others, counted, start, range(len(_STEPS)))
        found[language] = nats(Data([e for e in cases if e.language == language]), figures)
    return found


def nats(data: Data, figures: Figures) -> float:
    """Return the mean negative log-probability of a line's rest."""
    return float(-data.log_likelihoods(figures).sum(axis=1).mean())


def _print(
    report: Mapping[str, Any],
    cases: Sequence[Case],
    data: Data,
    independent: Figures,
    best: Figures,
) -> None:
    console = Console(width=WIDTH)
    table = Table(title="Nats per line's rest", box=SIMPLE_HEAD, title_justify="left")
    for title in ("", "places", "model", "independent", "in use", "fitted", "held out"):
        table.add_column(title, justify="right" if title else "left")
    columns = [
        -data.log_likelihoods(figures).sum(axis=1)
        for figures in (_ALONE, independent, in_use(), best)
    ]
    groups = {"all": list(range(len(cases)))}
    for number, case in enumerate(cases):
        groups.setdefault(case.language, []).append(number)
        groups.setdefault(case.where, []).append(number)
    for name, numbers in groups.items():
        losses = [f"{column[numbers].mean():.2f}" for column in columns]
        apart = report["held_out_languages"].get(name)
        table.add_row(name, str(len(numbers)), *losses, f"{apart:.2f}" if apart else "")
    console.print(table)
    console.print("held out: under figures fitted on the other languages.")
    console.print(f"fitted: {best}")


if __name__ == "__main__":
    main()
