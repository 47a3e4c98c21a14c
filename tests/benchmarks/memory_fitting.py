"""How much does each piece of evidence say about a proposal of the workspace's memory?

    python tests/benchmarks/memory_fitting.py [--spots 1500]

Fits the logistic regression of `workspace_index/weighing.py` on the packages of calibrate.py, which
no result is reported on, and prints the weights to be put there.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from calibrate import PACKAGES
from memory_items import learned, spots, workspace
from numpy.typing import NDArray
from options import packages_option, seed_option
from reporting import say

from tabwright.workspace_index.weighing import (
    ADAPTED_FEATURES,
    FOUND_FEATURES,
    Evidence,
    adapted_features,
    found_features,
)

_MISSING_SHARE = 0.5
"""Of the places where the lines that follow are taken out too: a person may still have to write
them, and what follows then is something else."""
_JUDGED = 60
_RIDGE = 1.0
_ROUNDS = 30


@click.command(context_settings={"max_content_width": 100})
@click.option("--spots", "count", default=1500, show_default=True, help="In each package.")
@seed_option(11, "the places")
@click.option("--plain", is_flag=True, help="Print only how well the weights fit.")
@packages_option()
def main(count: int, seed: int, plain: bool, folder: Path) -> None:
    """Fit the weights by which proposals are judged."""
    judged: list[tuple[int, bool, Evidence]] = []
    spot_count = 0
    for package in PACKAGES:
        place = workspace(package, folder)
        memory = learned(place.files)
        say(f"{package.title}: {len(place.files)} files")
        for spot in spots(place, count, seed, missing_share=_MISSING_SHARE):
            spot_count += 1
            judged += [
                (spot_count, proposal.text == spot.rest, proposal.evidence)
                for proposal in memory.proposals(spot.path, spot.text, spot.offset, _JUDGED)
            ]
    found = np.array([each.found is not None for _, _, each in judged])
    right = np.array([is_right for _, is_right, _ in judged], np.float64)
    sureness = np.zeros(len(judged))
    for title, names, which, matrix in (
        (
            "FOUND_WEIGHTS",
            FOUND_FEATURES,
            found,
            [found_features(e, e.found) for _, _, e in judged if e.found],
        ),
        (
            "ADAPTED_WEIGHTS",
            ADAPTED_FEATURES,
            ~found,
            [adapted_features(e, e.adapted) for _, _, e in judged if not e.found and e.adapted],
        ),
    ):
        inputs, outcomes = np.array(matrix), right[which]
        weights = fit(inputs, outcomes)
        sureness[which] = sure = 1 / (1 + np.exp(-inputs @ weights))
        loss = -np.mean(outcomes * np.log(sure) + (1 - outcomes) * np.log(1 - sure))
        print(f"{title}: {len(inputs):,} proposals, {outcomes.mean():.1%} right, loss {loss:.4f}")
        if not plain:
            for name, weight in zip(names, weights, strict=True):
                print(f"    {weight:.3f},  # {name}")
    order = np.lexsort((-sureness, [number for number, _, _ in judged]))
    numbers = np.array([number for number, _, _ in judged])[order]
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    ranks = np.arange(len(order)) - np.repeat(firsts, np.diff([*firsts, len(order)]))
    shares = [right[order][ranks < most].sum() / spot_count for most in (1, 8, len(order))]
    print(
        f"{spot_count:,} places: the first proposal is right at {shares[0]:.2%}, one of 8 at "
        f"{shares[1]:.2%}, any at {shares[2]:.2%}"
    )


def fit(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of a logistic regression, by Newton's method with a small ridge."""
    weights = np.zeros(matrix.shape[1])
    ridge = _RIDGE * np.eye(matrix.shape[1])
    for _ in range(_ROUNDS):
        sureness = 1 / (1 + np.exp(-np.clip(matrix @ weights, -30, 30)))
        slope = matrix.T @ (right - sureness) - ridge @ weights
        curve = (matrix * (sureness * (1 - sureness))[:, None]).T @ matrix + ridge
        weights += np.linalg.solve(curve, slope)
    return weights


if __name__ == "__main__":
    main()
