"""Rows of token trees for the network, each step's drawn from the seed and the step's number alone.

So a resumed run sees exactly what an uninterrupted one would have seen.
"""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabwright.bundled_data import grammars_folder
from tabwright.completion.budget import CONTEXT_STEPS
from tabwright.model.manifest import Manifest
from tabwright.specialization.examples import (
    Example,
    Hole,
    Source,
    Window,
    draw_hole,
    examples_at_hole,
    examples_with_excerpts,
    is_one_text,
)
from tabwright.specialization.package_excerpts import PackageExcerpts
from tabwright.specialization.packing import TokenForest, TokenSequence, tree_of
from tabwright.specialization.vocabulary import Vocabulary
from tabwright.syntax.languages import Language, LanguageRegistry

_LARGEST_SHARE = 40_000
"""Characters for which a file counts at most: a longer one is not drawn more often."""
_SMALLEST_REST = 96
"""A row with less room left is full."""
_ATTEMPTS = 12
_END_WEIGHT_FIRST = 4.0
_END_WEIGHT = 1.5
_END_OF_LINE_WEIGHT = 0.5
_STEPS_TO_END_WEIGHT = 150
"""There is one end to many a token, and a base model knows none: it is learned first, and weighs
less when it is known, since what weighs too much is said too early."""
_EXCERPT_SHARE = 0.6
"""Of the examples with room for them, so many see excerpts: the model must do without as well."""
_SMALLEST_CONTEXT = 256
_CONTEXT_SHARE = 0.75
"""Of the room in a row, the largest budget of a whole prompt: the rest is for the middle."""


@dataclass(frozen=True)
class RowShape:
    """How long rows are, how many make a batch, and what of a file they show."""

    length: int
    rows: int
    shortest: Window
    longest: Window
    has_room_for_excerpts: bool = False


SHORT = RowShape(384, 6, Window(100, 0), Window(600, 260))
LONG = RowShape(1024, 2, Window(1000, 0), Window(2300, 700), has_room_for_excerpts=True)
LONG_EVERY = 6
"""One step in so many has long rows: prompts of the length that the server sends."""


@dataclass(frozen=True)
class Batch:
    """Arrays as `Network.loss` takes them; predictions are flat over all rows."""

    tokens: npt.NDArray[np.int64]
    depths: npt.NDArray[np.int64]
    sees: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    read: int
    """Tokens that are no padding."""
    learned: int
    """Predictions of middles and ends."""


@dataclass(frozen=True)
class PromptLearning:
    """How much is learned from what is only shown."""

    share: float = 0.35
    """Of the prompts, so many have their own tokens predicted too: a language is learned from all
    of its text, but the output layer is a fifth of the work."""
    weight: float = 0.3
    """Of such a prediction; one of a middle has 1."""
    line_ends: bool = True
    """Whether line ends are predicted too. Where prefix and middle are one text, each of them says
    that behind a line comes the next one, and so unteaches that an answer ends there."""


SOME_OF_PROMPTS = PromptLearning()
"""For a language, of which there is more text than a training can read."""
WHOLE_PROMPTS = PromptLearning(share=1.0, weight=0.5, line_ends=False)
"""For a code base, which is small and read several times."""


class Batches:
    """Draws batches from sources; same seed and step, same batch."""

    def __init__(
        self,
        sources: Sequence[Source],
        manifest: Manifest,
        vocabulary: Vocabulary,
        *,
        seed: int,
        ends_with: str = "",
        knows_ends: bool = False,
        prompts: PromptLearning = SOME_OF_PROMPTS,
        excerpts: PackageExcerpts | None = None,
    ) -> None:
        """Draw from sources.

        Args:
            sources: at least one.
            manifest: of the model to be; its layout is that of the prompts.
            vocabulary: of the base model.
            seed: of all draws.
            ends_with: the control token that ends a middle; empty for the end-of-sequence token.
            knows_ends: whether the training goes on from an adapter that was taught to end.
            prompts: what is learned from prompts; batches to judge by ask for middles alone.
            excerpts: with them most examples in long rows see other files of their package.
        """
        self._sources = sources
        self._prompts = prompts
        self._excerpts = excerpts
        self._manifest = manifest
        self._vocabulary = vocabulary
        self._seed = seed
        self._end = vocabulary.control(ends_with) if ends_with else vocabulary.end
        self._first_end_weight = _END_WEIGHT if knows_ends else _END_WEIGHT_FIRST
        shares = [min(len(source.text), _LARGEST_SHARE) for source in sources]
        self._borders = list(itertools.accumulate(shares))
        self._languages = LanguageRegistry([grammars_folder()])
        form = manifest.fill_in_the_middle
        self._is_one_text = is_one_text(manifest)
        before_text = "" if form is None else form.middle if self._is_one_text else form.prefix
        self._before_text = vocabulary.control(before_text) if before_text else -1

    def at_step(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0."""
        shape = LONG if step % LONG_EVERY == LONG_EVERY - 1 else SHORT
        left = max(0.0, 1 - step / _STEPS_TO_END_WEIGHT)
        end_weight = _END_WEIGHT + (self._first_end_weight - _END_WEIGHT) * left
        rng = random.Random(f"{self._seed}:{step}")
        return self._batch(shape, rng, end_weight=end_weight, prompts=True)

    def fixed(self, count: int, shape: RowShape = SHORT) -> list[Batch]:
        """Return batches to judge by: middles and ends only."""
        return [
            self._batch(
                shape, random.Random(f"judge:{self._seed}:{index}"), end_weight=1.0, prompts=False
            )
            for index in range(count)
        ]

    def _batch(
        self, shape: RowShape, rng: random.Random, *, end_weight: float, prompts: bool
    ) -> Batch:
        forests = [
            self._row(shape, rng, end_weight=end_weight, prompts=prompts) for _ in range(shape.rows)
        ]
        tokens = np.zeros((shape.rows, shape.length), dtype=np.int64)
        depths = np.zeros_like(tokens)
        sees = np.zeros((shape.rows, shape.length, shape.length), dtype=np.bool_)
        predictions: list[tuple[int, int, float]] = []
        for index, forest in enumerate(forests):
            tokens[index, : len(forest)] = forest.tokens
            depths[index, : len(forest)] = forest.depths
            sees[index] = forest.ancestors(shape.length)
            shift = index * shape.length
            predictions += [
                (shift + node, token, weight) for (node, token), weight in forest.targets.items()
            ]
        rows, targets, weights = zip(*predictions, strict=True) if predictions else ((), (), ())
        return Batch(
            tokens=tokens,
            depths=depths,
            sees=sees,
            rows=np.array(rows, dtype=np.int64),
            targets=np.array(targets, dtype=np.int64),
            weights=np.array(weights, dtype=np.float32),
            read=sum(len(forest) for forest in forests),
            learned=len(predictions) - sum(len(forest.of_prompts) for forest in forests),
        )

    def _row(
        self, shape: RowShape, rng: random.Random, *, end_weight: float, prompts: bool
    ) -> TokenForest:
        row = TokenForest()
        for _ in range(_ATTEMPTS):
            room = shape.length - len(row)
            if room < _SMALLEST_REST:
                break
            tree = self._tree(shape, rng, room, end_weight=end_weight, prompts=prompts)
            if tree is not None and len(tree) <= room:
                row.join(tree)
        return row

    def _tree(
        self, shape: RowShape, rng: random.Random, room: int, *, end_weight: float, prompts: bool
    ) -> TokenForest | None:
        drawn = rng.randrange(self._borders[-1])
        source = self._sources[bisect.bisect_right(self._borders, drawn)]
        language = self._languages.for_editor_id(source.language)
        hole = draw_hole(source, language, rng)
        if hole is None:
            return None
        examples = self._examples_with_excerpts(
            source, hole, shape, language, rng, room
        ) or self._examples(source, hole, shape, language, rng, room)
        sequences = [self._sequence(example, end_weight) for example in examples]
        weight = self._prompts.weight if prompts and rng.random() < self._prompts.share else 0.0
        first, *others = (self._start_of_prefix(sequence) for sequence in sequences)
        if any(start != first for start in others):
            weight = 0.0  # behind excerpts of other lengths they begin at other depths
        return tree_of(
            sequences, prompt_from=first, prompt_weight=weight, is_learned=self._is_learned
        )

    def _examples(
        self,
        source: Source,
        hole: Hole,
        shape: RowShape,
        language: Language | None,
        rng: random.Random,
        room: int,
    ) -> list[Example]:
        fitting = room * 2  # characters that surely leave room for the middles
        window = Window(
            min(fitting, rng.randint(shape.shortest.before, shape.longest.before)),
            min(fitting // 4, rng.randint(shape.shortest.after, shape.longest.after)),
        )
        return examples_at_hole(
            source, hole, window, self._manifest, language, rng, cursors=_cursors(hole, rng)
        )

    def _examples_with_excerpts(
        self,
        source: Source,
        hole: Hole,
        shape: RowShape,
        language: Language | None,
        rng: random.Random,
        room: int,
    ) -> list[Example]:
        """Return examples that see excerpts, or none where these see none."""
        largest = room * _CONTEXT_SHARE
        if (
            self._excerpts is None
            or language is None
            or not shape.has_room_for_excerpts
            or largest < _SMALLEST_CONTEXT
            or rng.random() >= _EXCERPT_SHARE
        ):
            return []
        saved = source.text[: hole.start] + source.text[hole.end :]
        find = self._excerpts.finder(source, language, saved)
        if find is None:
            return []
        budgets = [step for step in CONTEXT_STEPS if _SMALLEST_CONTEXT <= step <= largest]
        return examples_with_excerpts(
            source,
            hole,
            rng.choice(budgets),
            find,
            self._manifest,
            language,
            rng,
            cursors=_cursors(hole, rng),
        )

    def _sequence(self, example: Example, end_weight: float) -> TokenSequence:
        """Return an example in tokens.

        Of many lines that are being written, each ends with the end token, and the next begins as
        if the editor asked again behind a new line: so the server asks.
        """
        *head, last = example.segments
        prompt = self._vocabulary.tokens(head, add_bos=self._manifest.add_bos)
        if self._is_one_text and not last.is_control:
            # As one text is cut into tokens: a word that the cursor is in is written whole, which
            # is what the server's healing asks for.
            answer = self._vocabulary.text(last.text + example.middle)
            alone = self._vocabulary.text(last.text)
            pairs = zip(alone, answer, strict=False)
            common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
            prompt, answer = [*prompt, *answer[:common]], answer[common:]
        else:
            prompt += self._vocabulary.tokens([last])
            answer = self._vocabulary.text(example.middle)
        instead = {
            place: (self._end, _END_OF_LINE_WEIGHT)
            for place, token in enumerate(answer)
            if place and example.kind == "typing" and self._vocabulary.begins_with_line_end(token)
        }
        if not example.is_whole:
            return TokenSequence(prompt, answer, instead=instead)
        return TokenSequence(prompt, [*answer, self._end], end_weight, instead)

    def _is_learned(self, token: int) -> bool:
        return self._prompts.line_ends or not self._vocabulary.begins_with_line_end(token)

    def _start_of_prefix(self, sequence: TokenSequence) -> int:
        """Return the depth behind the text's token: what goes before it begins nowhere."""
        text = self._before_text
        places = [place for place, token in enumerate(sequence.prompt) if token == text]
        return places[0] + 2 if places else 1


def _cursors(hole: Hole, rng: random.Random) -> int:
    """Draw at how many places of a hole there are to be examples."""
    return rng.randint(4, 10) if hole.kind == "typing" else rng.randint(2, 4)
