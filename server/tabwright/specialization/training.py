"""Trains a LoRA adapter on fill-in-the-middle examples; runs in the process of its own.

AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) on the additions alone; the learning rate is
warmed up and then lowered in a line. On a CPU the same options give the same adapter, bit by bit,
as long as `steps` is given and the threads are as many.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch

from tabwright.bundled_data import grammars_folder
from tabwright.errors import SpecializationError
from tabwright.specialization.adapter_file import read_adapter, write_adapter
from tabwright.specialization.batches import SOME_OF_PROMPTS, WHOLE_PROMPTS, Batch, Batches
from tabwright.specialization.examples import Source
from tabwright.specialization.network import Network
from tabwright.specialization.package_excerpts import PackageExcerpts
from tabwright.specialization.training_messages import Progress, Trained, Training
from tabwright.specialization.vocabulary import Vocabulary
from tabwright.syntax.languages import LanguageRegistry

_SCALE = 2.0
"""alpha / rank."""
_WARM_UP_SHARE = 0.05
_LEAST_RATE_SHARE = 0.05
_CLIP = 1.0
_TIMED_STEPS = 12
"""Two rounds of short and long rows; the first round compiles and is not counted."""
_HELD_OUT_BATCHES = 4
_SECONDS_BETWEEN_CHECKPOINTS = 60.0
_JUDGEMENTS = 8
"""How often in a run the held-out loss is measured."""
_SHARES = (1.0, 0.75, 0.5)
"""How far from where it started to where it came the result of a code base may lie."""
_SHARE_BATCHES = 8
"""Of held-out text, to choose among these by."""


@dataclass
class _State:
    step: int = 0
    seconds: float = 0.0
    read: int = 0
    learned: int = 0
    steps: int = 0
    loss_before: float = float("nan")


class Stopped(SpecializationError):
    """The run was to stop, and its checkpoint is kept."""


def train(
    training: Training,
    report: Callable[[Progress], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Run a training to its end and write the adapter.

    Raises:
        Stopped: `should_stop` said so; the same call goes on from there.
        SpecializationError: the weights, the corpus or the adapter to go on from are of no use.
        OSError: the disk is full.
        MemoryError, RuntimeError: PyTorch has run out of memory.
    """
    run = _Run(training, report, should_stop)
    try:
        return run.to_end()
    finally:
        run.close()


def read_sources(path: Path) -> list[Source]:
    """Read JSON lines with `language`, `path`, `text` and perhaps `package`.

    Raises:
        SpecializationError: the file is missing, empty or something else.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        found = [
            Source(row["language"], row["path"], row["text"], row.get("package", ""))
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpecializationError(f"{path} cannot be read as a corpus: {error}.") from error
    if not found:
        raise SpecializationError(f"{path} holds nothing to learn from.")
    return found


class _Run:
    def __init__(
        self,
        training: Training,
        report: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._training = training
        self._report = report
        self._should_stop = should_stop
        report(Progress("loading"))
        if training.threads:
            torch.set_num_threads(training.threads)
        torch.manual_seed(training.seed)
        self._device = _device(training.device)
        self._dtype = _precision(self._device)
        weights = Path(training.weights_path)
        vocabulary = Vocabulary(weights)
        manifest, ends = training.manifest, training.ends_with
        sources = read_sources(Path(training.corpus_path))
        self._excerpts = _excerpts_of(sources, training)
        self._batches = Batches(
            sources,
            manifest,
            vocabulary,
            seed=training.seed,
            ends_with=ends,
            knows_ends=bool(training.adapter_path),
            prompts=WHOLE_PROMPTS if training.learns_prompts else SOME_OF_PROMPTS,
            excerpts=self._excerpts,
        )
        judged = read_sources(Path(training.held_out_path))
        self._held_out = Batches(judged, manifest, vocabulary, seed=0, ends_with=ends).fixed(
            _HELD_OUT_BATCHES
        )
        self._network = Network(
            weights,
            rank=training.rank,
            scale=_SCALE,
            device=self._device,
            dtype=self._dtype,
            seed=training.seed,
            is_compiled=_can_compile(),
        )
        if training.adapter_path:
            self._take_over(Path(training.adapter_path))
        self._start = [each.detach().clone() for each in self._network.parameters()]
        self._to_choose_by: list[Batch] = []
        if training.learns_prompts:
            chosen = Batches(judged, manifest, vocabulary, seed=1, ends_with=ends)
            self._to_choose_by = chosen.fixed(_SHARE_BATCHES)
        self._optimizer = torch.optim.AdamW(
            list(self._network.parameters()), lr=0.0, betas=(0.9, 0.95), weight_decay=0.0
        )
        self._state = _State(steps=training.steps)

    def close(self) -> None:
        """Delete what is of use while it runs alone."""
        if self._excerpts is not None:
            self._excerpts.close()

    def to_end(self) -> Trained:
        resumed = self._resume()
        if not resumed:
            self._state.loss_before = self._judge(self._held_out)
            if not self._state.steps:
                self._state.steps = self._steps_that_fit()
        self._say("training", held_out=None if resumed else self._state.loss_before)
        self._train()
        share = self._go_back() if self._to_choose_by else 1.0
        self._say("writing")
        after = self._judge(self._held_out)
        self._write()
        if self._training.checkpoint_path:
            Path(self._training.checkpoint_path).unlink(missing_ok=True)
        state = self._state
        return Trained(
            steps=state.steps,
            seconds=state.seconds,
            tokens=state.read,
            learned_tokens=state.learned,
            held_out_loss_before=state.loss_before,
            held_out_loss=after,
            device=self._device.type,
            precision=str(self._dtype).removeprefix("torch."),
            torch_version=str(torch.__version__),
            share=share,
        )

    def _train(self) -> None:
        state = self._state
        saved = time.monotonic()
        between = max(1, state.steps // _JUDGEMENTS)
        losses: list[float] = []
        while state.step < state.steps:
            if self._should_stop():
                self._save()
                raise Stopped(f"Stopped at step {state.step} of {state.steps}.")
            started = time.monotonic()
            batch = self._batches.at_step(state.step)
            losses.append(self._step(batch, self._rate()))
            state.step += 1
            state.read += batch.read
            state.learned += batch.learned
            state.seconds += time.monotonic() - started
            judged = self._judge(self._held_out) if state.step % between == 0 else None
            mean = sum(losses[-between:]) / len(losses[-between:])
            self._say("training", loss=mean, held_out=judged)
            if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                self._save()
                saved = time.monotonic()

    def _step(self, batch: Batch, rate: float) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self._network.parameters()), _CLIP)
        self._optimizer.step()
        return float(loss.detach())

    def _loss(self, batch: Batch) -> torch.Tensor:
        def tensor(values: object) -> torch.Tensor:
            return torch.as_tensor(values).to(self._device)

        return self._network.loss(
            tensor(batch.tokens),
            tensor(batch.depths),
            tensor(batch.sees),
            tensor(batch.rows),
            tensor(batch.targets),
            tensor(batch.weights),
        )

    def _judge(self, batches: Sequence[Batch]) -> float:
        """Return the mean cost of held-out middles, in nats per token."""
        with torch.no_grad():
            losses = [float(self._loss(batch)) for batch in batches if len(batch.rows)]
        return sum(losses) / len(losses) if losses else float("nan")

    def _go_back(self) -> float:
        """Go back as far towards the start as held-out text is likeliest, and return the share of
        the way that is kept.

        What is read several times is learned by heart in the end, and what was known before is
        lost for it; in between lie models that have both (Wortsman et al. 2022, "Robust fine-tuning
        of zero-shot models", arXiv 2109.01903).
        """
        end = [each.detach().clone() for each in self._network.parameters()]

        def go_to(share: float) -> None:
            places = zip(self._network.parameters(), self._start, end, strict=True)
            for parameter, first, last in places:
                parameter.data.copy_(last if share == 1.0 else torch.lerp(first, last, share))

        losses = {}
        for share in _SHARES:
            if self._should_stop():
                go_to(1.0)
                self._save()
                raise Stopped("Stopped after the last step.")
            self._say("choosing")
            go_to(share)
            losses[share] = self._judge(self._to_choose_by)
        best = min(losses, key=lambda share: losses[share])
        go_to(best)
        return best

    def _rate(self) -> float:
        done = self._state.step / max(1, self._state.steps)
        if done < _WARM_UP_SHARE:
            share = (done + 1 / self._state.steps) / _WARM_UP_SHARE
        else:
            share = (1 - done) / (1 - _WARM_UP_SHARE)
        return self._training.learning_rate * min(1.0, max(share, _LEAST_RATE_SHARE))

    def _steps_that_fit(self) -> int:
        """Time some steps, whose effect is not kept, and return how many the minutes allow."""
        seconds = 0.0
        for step in range(_TIMED_STEPS):
            if self._should_stop():
                raise Stopped("Stopped before the first step.")
            self._say("timing")
            started = time.monotonic() - self._laying_out
            self._step(self._batches.at_step(step), 0.0)
            if step >= _TIMED_STEPS // 2:
                seconds += time.monotonic() - self._laying_out - started
        self._optimizer.state.clear()
        each = seconds / (_TIMED_STEPS - _TIMED_STEPS // 2)
        return max(1, int(self._training.minutes * 60 / each))

    @property
    def _laying_out(self) -> float:
        """How many seconds went into indexing packages, which is done once for each."""
        return self._excerpts.seconds_laying_out if self._excerpts is not None else 0.0

    def _take_over(self, path: Path) -> None:
        known = read_adapter(path)
        if set(known) != set(self._network.additions):
            raise SpecializationError(f"{path} is no adapter of these weights.")
        for name, (first, second) in known.items():
            mine = self._network.additions[name]
            if first.shape != tuple(mine[0].shape) or second.shape != tuple(mine[1].shape):
                raise SpecializationError(
                    f"{path} is of rank {first.shape[0]}, not {self._training.rank}."
                )
            for parameter, values in zip(mine, (first, second), strict=True):
                parameter.data.copy_(torch.from_numpy(values.copy()))

    def _write(self) -> None:
        path = Path(self._training.output_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_adapter(
            path,
            {
                name: (first.detach().cpu().numpy(), second.detach().cpu().numpy())
                for name, (first, second) in self._network.additions.items()
            },
            architecture=self._network.dimensions.architecture,
            alpha=_SCALE * self._training.rank,
            name=path.stem,
        )

    def _save(self) -> None:
        """Keep the run; where the disk is full it goes on without."""
        if not self._training.checkpoint_path:
            return
        path = Path(self._training.checkpoint_path)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        kept = {
            "options": _what_counts(self._training),
            "state": vars(self._state),
            "additions": {
                name: [part.detach().cpu() for part in pair]
                for name, pair in self._network.additions.items()
            },
            "optimizer": self._optimizer.state_dict(),
        }
        with contextlib.suppress(OSError, RuntimeError):
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(kept, unfinished)
            unfinished.replace(path)
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)

    def _resume(self) -> bool:
        """Go on from the checkpoint where there is a whole one of the very same run."""
        path = Path(self._training.checkpoint_path)
        if not self._training.checkpoint_path or not path.is_file():
            return False
        try:
            kept = torch.load(path, map_location=self._device, weights_only=True)
            if kept["options"] != _what_counts(self._training):
                return False
            state = _State(**kept["state"])
            for name, pair in kept["additions"].items():
                for parameter, values in zip(self._network.additions[name], pair, strict=True):
                    parameter.data.copy_(values)
            self._optimizer.load_state_dict(kept["optimizer"])
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError):
            return False
        self._state = state
        return True

    def _say(self, phase: str, *, loss: float | None = None, held_out: float | None = None) -> None:
        state = self._state
        left = 0.0
        if state.step:
            left = state.seconds / state.step * (state.steps - state.step)
        elif phase == "training":
            left = self._training.minutes * 60
        self._report(
            Progress(
                phase=phase,  # type: ignore[arg-type] # one of its literals
                step=state.step,
                steps=state.steps,
                seconds=state.seconds,
                seconds_left=left,
                tokens=state.read,
                loss=loss,
                held_out_loss=held_out,
            )
        )


def _what_counts(training: Training) -> str:
    """Return what a checkpoint must agree with: everything that decides about the result."""
    names = ("output_path", "checkpoint_path", "excerpts_folder", "threads", "minutes")
    known = msgspec.to_builtins(training)
    counting = {key: known[key] for key in sorted(known) if key not in names}
    if training.excerpts_folder:
        counting["excerpts"] = True
    return json.dumps(counting)


def _excerpts_of(sources: Sequence[Source], training: Training) -> PackageExcerpts | None:
    if not training.excerpts_folder:
        return None
    languages = LanguageRegistry([grammars_folder()])
    return PackageExcerpts(sources, Path(training.excerpts_folder), languages)


def _device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SpecializationError("PyTorch finds no CUDA device here; train with the CPU.")
    is_cuda = wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if is_cuda else "cpu")


def _precision(device: torch.device) -> torch.dtype:
    """Half precision where the machine multiplies it fast, which a CPU does with AMX alone."""
    if device.type == "cuda":
        return torch.bfloat16
    try:
        has_amx = bool(torch.cpu._is_amx_tile_supported())
    except AttributeError:
        has_amx = False
    return torch.bfloat16 if has_amx else torch.float32


def _can_compile() -> bool:
    """Whether there is a C++ compiler for PyTorch's; without one it is slower, and as good."""
    return any(shutil.which(name) for name in ("g++", "clang++", "c++"))
