"""The card of a model that was made here: what it was made from, how, and how it was judged."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from tabwright.model.manifest import Manifest
from tabwright.specialization.judging import Judgement, Score
from tabwright.specialization.sources import SourceFile, Sources, counted, lines_of
from tabwright.specialization.spots import Spot
from tabwright.specialization.training_messages import Trained

_MEASURES = {
    "exact_match": "Exact answers, %",
    "edit_similarity": "Likeness, %",
    "likelihood": "Likelihood of a character, %",
}
_KINDS = {"line_end": "ends of lines", "mid_line": "inside lines"}


def model_card(
    manifest: Manifest,
    sources: Sources,
    judgement: Judgement,
    trained: Trained,
    what: str,
    command: str,
) -> str:
    """Return the card as Markdown. It names counts, and neither files nor what is in them."""
    made = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    languages = ", ".join(name for name, _ in sources.languages)
    return "\n".join(
        (
            f"# {manifest.id}",
            "",
            f"Made for {what} on {made} from `{manifest.base}`, by",
            "",
            f"    {command}",
            "",
            "It repeats code that it has learned from: share it only where you would share that"
            " code. The licence of the weights is that of the model it was made from"
            f" ({manifest.licence.name}).",
            "",
            "## Learned from",
            "",
            f"- {_described(sources.train)} ({languages}); never seen: "
            f"{_described(sources.held_out)}",
            f"- SHA-256 of all that text: `{sources.digest}`",
            *(f"- {line}" for line in _training_lines(trained)),
            "",
            "## Judged",
            "",
            f"At {len(judgement.spots)} places in code it has not learned from, against the model"
            " it was made from. Exact: what stood there to the end of the line or bracket, white"
            " space at its end apart. Intervals: 95 %, paired bootstrap.",
            "",
            *judgement_lines(judgement),
            "",
        )
    )


def judgement_rows(judgement: Judgement) -> list[tuple[str, int, float, float, float, float]]:
    """Return a row for all places and each kind and language of them: its name, their number, and
    in per cent the exact answers before and after, and the likeness before and after.
    """
    groups: dict[str, list[int]] = {"all": list(range(len(judgement.spots)))}
    for index, spot in enumerate(judgement.spots):
        for name in _groups_of(spot):
            groups.setdefault(name, []).append(index)
    by_language = [name for name in groups if name not in ("all", *_KINDS.values())]
    if len(by_language) == 1:
        del groups[by_language[0]]
    return [
        (
            name,
            len(members),
            _exact(judgement.base, members),
            _exact(judgement.candidate, members),
            _similarity(judgement.base, members),
            _similarity(judgement.candidate, members),
        )
        for name, members in groups.items()
    ]


def judgement_lines(judgement: Judgement) -> Sequence[str]:
    """Return the comparison as lines of a Markdown table, and of its intervals."""
    rows = [
        f"| {name} | {count} | {old:.1f} % | {new:.1f} % | {likeness:.1f} | {new_likeness:.1f} |"
        for name, count, old, new, likeness, new_likeness in judgement_rows(judgement)
    ]
    return (
        "| | places | exact before | exact now | likeness before | likeness now |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        *interval_lines(judgement),
    )


def interval_lines(judgement: Judgement) -> Sequence[str]:
    """Return a sentence for each measure's difference."""
    return [
        f"{_MEASURES[name]}: {_mean(theirs):.1f} -> {_mean(ours):.1f}, {interval.mean * 100:+.1f}"
        f" (95 % interval {interval.low * 100:+.1f} to {interval.high * 100:+.1f})."
        for name, interval, ours, theirs in judgement.measures
        if len(ours)
    ]


def _mean(values: Sequence[float]) -> float:
    return 100 * sum(values) / len(values)


def _groups_of(spot: Spot) -> tuple[str, str]:
    return _KINDS[spot.kind], spot.file.language


def _exact(scores: Sequence[Score], members: Sequence[int]) -> float:
    return 100 * sum(scores[index].exact for index in members) / len(members)


def _similarity(scores: Sequence[Score], members: Sequence[int]) -> float:
    return 100 * sum(scores[index].similarity for index in members) / len(members)


def _described(files: Sequence[SourceFile]) -> str:
    return f"{counted(files)} with {lines_of(files):,} lines"


def _training_lines(trained: Trained) -> list[str]:
    kept = f", {100 * trained.share:.0f} % of the change kept" if trained.share < 1 else ""
    return [
        f"{trained.steps:,} steps in {trained.seconds / 60:.1f} minutes, {trained.tokens:,} tokens,"
        f" {trained.learned_tokens:,} of them to be predicted{kept}",
        f"Loss on what it never saw: {trained.held_out_loss_before:.3f} before,"
        f" {trained.held_out_loss:.3f} after, in nats per token",
        f"Trained on {trained.device} in {trained.precision}, PyTorch {trained.torch_version}",
    ]
