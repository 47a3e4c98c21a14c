"""Which Neovims the tests run in, and what is to draw the ghost text there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from end_to_end import debian_editors
from end_to_end.fetching import NotHere


@dataclass(frozen=True)
class Neovim:
    """A Neovim that can be started, and the plugin's option `ghost_text` in it."""

    program: str
    environment: Mapping[str, str] = field(default_factory=dict)
    ghost_text: str = "auto"


def installed_neovim() -> Neovim:
    """Return the Neovim beside this interpreter, as the extra `test` installs it, or on PATH.

    Raises:
        NotHere: there is none.
    """
    beside = Path(sys.executable).with_name("nvim")
    program = str(beside) if beside.exists() else shutil.which("nvim")
    if program is None:
        raise NotHere("Neovim is not installed")
    return Neovim(program)


def newer_neovim(ghost_text: str = "auto") -> Neovim:
    """Return Neovim 0.12, which has inline completion built in.

    Raises:
        NotHere: it cannot be had on this machine.
    """
    program, environment = debian_editors.neovim()
    return Neovim(str(program), environment, ghost_text)


def oldest_neovim() -> Neovim:
    """Return Neovim 0.10, the oldest that the plugin is for.

    Raises:
        NotHere: it cannot be had on this machine.
    """
    program, environment = debian_editors.neovim(debian_editors.OLDER_SUITE)
    return Neovim(str(program), environment)


NEOVIMS: Mapping[str, Callable[[], Neovim]] = {
    "installed": installed_neovim,
    "0.10": oldest_neovim,
    "0.12": newer_neovim,
    "0.12-own": lambda: newer_neovim("own"),
}
"""The first is 0.11.4, if it came with the extra `test`: it has nothing built in."""

# Fetching takes minutes on a slow line, the first time.
_OLDEST, _NEWER, _NEWER_OWN = (
    pytest.param(name, marks=pytest.mark.timeout(600)) for name in ("0.10", "0.12", "0.12-own")
)

# For tests of what is drawn. All others run in the installed one alone, to save time.
on_both = pytest.mark.parametrize("neovim", ["installed", _NEWER], indirect=True)
on_all = pytest.mark.parametrize(
    "neovim", ["installed", _OLDEST, _NEWER, _NEWER_OWN], indirect=True
)
on_newer = pytest.mark.parametrize("neovim", [_NEWER], indirect=True)
on_newer_own = pytest.mark.parametrize("neovim", [_NEWER_OWN], indirect=True)
