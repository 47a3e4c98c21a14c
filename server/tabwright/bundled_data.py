"""Where the data folders `models/` and `grammars/` are.

An installed wheel carries them inside the package; a checkout (also an editable installation)
has them at its root, two folders up.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def models_folder() -> Path:
    """Return the folder with one TOML manifest per bundled model."""
    return _data_folder("models")


def grammars_folder() -> Path:
    """Return the folder with one folder per bundled language."""
    return _data_folder("grammars")


def _data_folder(name: str) -> Path:
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent.parent / name
