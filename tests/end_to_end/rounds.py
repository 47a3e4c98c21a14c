"""Do all scenarios pass in VS Code and Neovim, several times in a row, and how long do they take?

    python tests/end_to_end/rounds.py [--rounds 3] [--editor vscode] [--editor neovim]

Runs the tests with real editors as a person would, one editor after the other, and prints the time
of each round. A test that is skipped has not passed: the status is 0 only where every test of every
round has. The output of pytest comes when something went wrong.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import click

_HERE = Path(__file__).parent
SCENARIOS: Mapping[str, tuple[str, ...]] = {
    "vscode": ("test_vscode.py", "test_vscode_scripted.py"),
    "neovim": (
        "test_neovim.py",
        "test_neovim_projects.py",
        "test_neovim_commands.py",
        "test_neovim_builtin.py",
        "test_neovim_recording.py",
    ),
}


@dataclass(frozen=True)
class Round:
    """What came of the scenarios of one editor, once."""

    tests: int
    failed: int
    skipped: int
    seconds: float
    slowest: str
    """The test that took longest, with its seconds."""
    output: str

    @property
    def is_passed(self) -> bool:
        """Whether there were tests, and each of them has passed."""
        return self.tests > 0 and self.failed == self.skipped == 0


def run_round(files: Sequence[Path]) -> Round:
    """Run the tests in some files in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *map(str, files)]
        started = time.monotonic()
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        seconds = time.monotonic() - started
        # pytest has written it just now.
        suite = ElementTree.parse(report).getroot().find("testsuite") if report.exists() else None
    if suite is None:
        return Round(0, 0, 0, seconds, "", done.stdout)
    cases = {float(case.get("time", 0)): case.get("name", "") for case in suite.iter("testcase")}
    longest = max(cases, default=0.0)
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return Round(
        tests=int(suite.get("tests", 0)),
        failed=failed + (done.returncode != 0 and not failed),
        skipped=int(suite.get("skipped", 0)),
        seconds=seconds,
        slowest=f"{cases[longest]} ({longest:.1f} s)" if cases else "",
        output=done.stdout,
    )


@click.command(help=__doc__)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--editor",
    "editors",
    type=click.Choice(list(SCENARIOS)),
    multiple=True,
    default=list(SCENARIOS),
    show_default=True,
    help="Only this one; may be given several times.",
)
def main(rounds: int, editors: tuple[str, ...]) -> None:
    """Run the rounds; see the module."""
    bad = 0
    for number in range(1, rounds + 1):
        for editor in editors:
            found = run_round([_HERE / name for name in SCENARIOS[editor]])
            passed = found.tests - found.failed - found.skipped
            click.echo(
                f"round {number}, {editor}: {passed} of {found.tests} passed, "
                f"{found.failed} failed, {found.skipped} skipped, in {found.seconds:.1f} s; "
                f"slowest {found.slowest}"
            )
            if not found.is_passed:
                bad += 1
                click.echo(found.output, err=True)
    click.echo(f"{rounds} rounds, {bad} with something that did not pass")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
