"""Shared by all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabwright.model.catalogue import catalogue_folders, read_catalogue
from tabwright.model.weights import installed_weights


@pytest.fixture(autouse=True, scope="session")
def own_index_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests let the server know about workspaces is not kept among the user's own."""
    directory = tmp_path_factory.mktemp("index")
    os.environ["TABWRIGHT_INDEX_DIR"] = str(directory)
    yield
    del os.environ["TABWRIGHT_INDEX_DIR"]


@pytest.fixture
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data and configuration directories of the test's own."""
    monkeypatch.delenv("TABWRIGHT_INDEX_DIR")
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TABWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture(scope="session")
def default_weights() -> Path:
    """The default model's weights on this machine; the test is skipped without them."""
    weights = installed_weights(read_catalogue(catalogue_folders()).default)
    if weights is None:
        pytest.skip("the default weights are not installed: run `tabwright models pull`")
    return weights
