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
from packages import default_folder
from reporting import say

from tabwright.workspace_index.weighing import FEATURES, features

_MISSING_SHARE = 0.5
"""Of the places where the lines that follow are taken out too: a person may still have to write
them, and what follows then is something else."""
_JUDGED = 24
_RIDGE = 1.0
_ROUNDS = 30


@click.command(context_settings={"max_content_width": 100})
@click.option("--spots", "count", default=1500, show_default=True, help="In each package.")
@click.option("--seed", default=11, show_default=True, help="Chooses the places.")
@click.option("--plain", is_flag=True, help="Print only how well the weights fit.")
@click.option(
    "--packages",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=default_folder(),
    help="Where fetched packages are kept; the user's cache if unset.",
)
def main(count: int, seed: int, plain: bool, folder: Path) -> None:
    """Fit the weights by which proposals are judged."""
    inputs, outcomes, spot_numbers = [], [], []
    spot_count = 0
    for package in PACKAGES:
        place = workspace(package, folder)
        memory = learned(place.files)
        say(f"{package.title}: {len(place.files)} files")
        for spot in spots(place, count, seed, missing_share=_MISSING_SHARE):
            spot_count += 1
            for proposal in memory.proposals(spot.path, spot.text, spot.offset, _JUDGED):
                spot_numbers.append(spot_count)
                inputs.append(features(proposal.evidence))
                outcomes.append(proposal.text == spot.rest)
    matrix, right = np.array(inputs), np.array(outcomes, np.float64)
    weights = fit(matrix, right)
    sureness = 1 / (1 + np.exp(-matrix @ weights))
    loss = -np.mean(right * np.log(sureness) + (1 - right) * np.log(1 - sureness))
    print(f"{len(right):,} proposals, {right.mean():.1%} right, loss {loss:.4f}")
    order = np.lexsort((-sureness, spot_numbers))
    numbers, firsts = np.unique(np.array(spot_numbers)[order], return_index=True)
    first = right[order][firsts].sum() / spot_count
    ranks = np.arange(len(order)) - np.repeat(firsts, np.diff([*firsts, len(order)]))
    of_8 = right[order][ranks < 8].sum() / spot_count
    print(f"{spot_count:,} places, first right {first:.2%}, of 8 {of_8:.2%}, any {right.sum() / spot_count:.2%}")
    if not plain:
        for name, weight in zip(FEATURES, weights, strict=True):
            print(f"    {weight:.3f},  # {name}")


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
