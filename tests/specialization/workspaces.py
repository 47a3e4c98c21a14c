"""Workspaces on disk that are large enough to specialise for."""

from __future__ import annotations

from pathlib import Path

WORDS = ("amount", "border", "colour", "degree", "energy", "factor", "gender", "height")


def a_module(number: int, functions: int = 12) -> str:
    """Return a module that has no four lines in common with those of other numbers."""
    parts = [f'"""Module {number}."""', "", f"LIMIT_{number} = {number * 37}"]
    for index in range(functions):
        word = WORDS[(number + index) % len(WORDS)]
        parts += [
            "",
            "",
            f"def {word}_{number}_{index}(values: list[int], step: int) -> int:",
            f"    total_{number} = LIMIT_{number} + {index}",
            f"    for {word} in values[step:]:",
            f"        total_{number} += {word} * {number * 10 + index}",
            f"    return total_{number} - step",
        ]
    return "\n".join(parts) + "\n"


def write_workspace(folder: Path, files: int = 40) -> Path:
    """Write that many modules into a folder and return it."""
    for number in range(files):
        path = folder / f"part_{number % 4}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(a_module(number), encoding="utf-8")
    return folder
