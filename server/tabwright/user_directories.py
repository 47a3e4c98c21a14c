"""Where a user's own files live, by the platform's conventions.

`TABWRIGHT_DATA_DIR` and `TABWRIGHT_CONFIG_DIR` override the two places, and `TABWRIGHT_INDEX_DIR`
that of what is known about workspaces, for tests and for people who keep large files on another
disk.
"""

import os
from pathlib import Path

import platformdirs


def data_directory() -> Path:
    """Return the folder for weights and measurements; it may not exist yet."""
    return _directory(
        "TABWRIGHT_DATA_DIR", platformdirs.user_data_dir("tabwright", appauthor=False)
    )


def config_directory() -> Path:
    """Return the folder for a user's own manifests and grammars; it may not exist yet."""
    return _directory(
        "TABWRIGHT_CONFIG_DIR", platformdirs.user_config_dir("tabwright", appauthor=False)
    )


def weights_directory() -> Path:
    """Return the folder that holds one folder of weight files per model."""
    return data_directory() / "weights"


def index_directory() -> Path:
    """Return the folder that holds what is known about each workspace; it may not exist yet."""
    return _directory("TABWRIGHT_INDEX_DIR", str(data_directory() / "workspaces"))


def specialised_models_directory() -> Path:
    """Return the folder for models that were made here by `tabwright specialize`."""
    return data_directory() / "specialised"


def specialising_directory() -> Path:
    """Return the folder for what a specialisation needs while it is made: texts, checkpoints."""
    return data_directory() / "specialising"


def user_models_directory() -> Path:
    """Return the folder for a user's own model manifests and GGUF files."""
    return config_directory() / "models"


def user_grammars_directory() -> Path:
    """Return the folder for a user's own language folders."""
    return config_directory() / "grammars"


def _directory(variable: str, default: str) -> Path:
    chosen = os.environ.get(variable)
    return Path(chosen).expanduser() if chosen else Path(default)
