"""The rounds with real editors count what pytest says."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.rounds import SCENARIOS, run_round

PASSES = "def test_one(): pass\n"
FAILS = "def test_two(): assert False\n"
SKIPS = "import pytest\n\ndef test_three(): pytest.skip('no editor here')\n"


@pytest.mark.parametrize(
    ("source", "counts", "is_passed"),
    [
        (PASSES, (1, 0, 0), True),
        (PASSES + SKIPS, (2, 0, 1), False),
        (PASSES + FAILS + SKIPS, (3, 1, 1), False),
        ("", (0, 1, 0), False),
    ],
)
def test_a_round_has_passed_only_where_every_test_has(
    source: str, counts: tuple[int, int, int], is_passed: bool, tmp_path: Path
) -> None:
    file = tmp_path / "test_something.py"
    file.write_text(source)
    found = run_round([file])
    assert (found.tests, found.failed, found.skipped) == counts
    assert found.is_passed is is_passed
    assert found.seconds > 0


def test_every_file_of_the_scenarios_is_there() -> None:
    here = Path(__file__).parent
    assert all((here / name).exists() for names in SCENARIOS.values() for name in names)
