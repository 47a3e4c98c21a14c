"""What `tabwright doctor` says of sound and unsound installations."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from model.hub_server import gguf_bytes
from tabwright.commands import doctor as doctor_module
from tabwright.commands.doctor import doctor
from tabwright.model.messages import Description

DESCRIPTION = Description(
    request_id=1,
    llama_cpp_python="9.9.9",
    system_info="CPU : SSE3 = 1 | AVX2 = 1 | FMA = 0 | OPENMP = 1 |",
    gpu_offload=False,
    devices=("A processor",),
)

OWN_MANIFEST = """
id = "mine"
name = "My own model"
family = "mine"
parameters_millions = 100
languages = ["*"]
context_tokens = 2048
memory_mb = 1
[licence]
name = "MIT"
commercial_use = "allowed"
[weights]
quantisation = "Q8_0"
size_mb = 1
[weights.source]
kind = "file"
path = "mine.gguf"
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without models, editors and GPU, on which llama.cpp starts."""
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TABWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("LLAMA_CPP_LIB_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(doctor_module, "_gpu_present", lambda: None)
    monkeypatch.setattr(doctor_module, "_describe", lambda: DESCRIPTION)
    (tmp_path / "bin").mkdir()
    put_program(tmp_path, "tabwright")
    return tmp_path


def put_program(machine: Path, name: str, output: str = "") -> None:
    program = machine / "bin" / name
    program.write_text(f"#!/bin/sh\necho '{output}'\n")
    program.chmod(0o755)


def put_own_model(machine: Path, weights: bytes | None) -> None:
    """Write a manifest of the user's own, for a GGUF file beside it."""
    folder = machine / "config" / "models"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(OWN_MANIFEST)
    if weights is not None:
        (folder / "mine.gguf").write_bytes(weights)


def check_report() -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(doctor, ["--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.output)


def findings(report: dict[str, Any], subject: str, state: str) -> list[str]:
    return [
        f"{finding['sentence']} {finding['advice']}".strip()
        for finding in report["findings"]
        if finding["subject"] == subject and finding["state"] == state
    ]


def test_without_any_model_suggestions_are_impossible() -> None:
    status, report = check_report()
    assert (status, report["ok"]) == (1, False)
    (sentence,) = findings(report, "Models", "problem")
    assert "tabwright models pull" in sentence


def test_a_model_of_ones_own_is_enough(machine: Path) -> None:
    put_own_model(machine, gguf_bytes(10))
    status, report = check_report()
    assert (status, report["ok"]) == (0, True)
    installed, mine = findings(report, "Models", "ok")
    assert "Installed: mine" in installed
    assert "manifests: mine" in mine


def test_weights_that_are_no_gguf_file_are_not_enough(machine: Path) -> None:
    put_own_model(machine, b"<html>not found</html>")
    status, report = check_report()
    assert status == 1
    assert "mine cannot be used" in findings(report, "Models", "warning")[0]


def test_a_manifest_without_its_file_is_named(machine: Path) -> None:
    put_own_model(machine, None)
    _, report = check_report()
    assert "mine.gguf" in findings(report, "Models", "warning")[0]


def test_a_broken_manifest_and_a_broken_grammar_are_named(machine: Path) -> None:
    for name in ("models", "grammars/odd"):
        (machine / "config" / name).mkdir(parents=True)
    (machine / "config/models/broken.toml").write_text("id = ")
    (machine / "config/grammars/odd/language.toml").write_text("id = ")
    _, report = check_report()
    assert "broken.toml" in findings(report, "Models", "warning")[0]
    assert "odd" in findings(report, "Languages", "warning")[0]
    (loaded,) = findings(report, "Languages", "ok")
    assert loaded.startswith("22 of 23 ")


def test_a_model_process_that_cannot_start_is_a_sentence(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(machine / "data"))
    monkeypatch.setenv("TABWRIGHT_CONFIG_DIR", str(machine / "config"))
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(machine / "nowhere"))
    status, report = check_report()
    assert status == 1
    (sentence,) = findings(report, "llama.cpp", "problem")
    assert "LLAMA_CPP_LIB_PATH" in sentence
    assert "Traceback" not in sentence
    assert "tabwright doctor" not in sentence


def test_an_interpreter_without_llama_cpp_is_told_what_to_install(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(machine / "data"))
    monkeypatch.delenv("LLAMA_CPP_LIB_PATH", raising=False)
    script = "import sys; sys.exit('ModuleNotFoundError: No module named llama_cpp')"
    monkeypatch.setattr(
        "tabwright.model.client.python_module_command",
        lambda _module: [sys.executable, "-c", script],
    )
    _, report = check_report()
    (sentence,) = findings(report, "llama.cpp", "problem")
    assert "No module named llama_cpp" in sentence
    assert "pip install" in sentence


def test_an_unused_gpu_gets_the_command_that_makes_it_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor_module, "_gpu_present", lambda: ("NVIDIA", "-DGGML_CUDA=on"))
    _, report = check_report()
    (sentence,) = findings(report, "GPU", "warning")
    assert 'CMAKE_ARGS="-DGGML_CUDA=on"' in sentence
    assert "--force-reinstall" in sentence


def test_only_features_that_are_used_are_listed() -> None:
    _, report = check_report()
    (sentence,) = findings(report, "llama.cpp", "ok")
    assert sentence.endswith("SSE3, AVX2, OPENMP.")


def test_editors_are_found_by_name_and_an_old_neovim_is_told(machine: Path) -> None:
    put_program(machine, "nvim", "NVIM v0.9.5")
    put_program(machine, "hx")
    _, report = check_report()
    assert findings(report, "Editors", "ok") == ["On PATH: Neovim 0.9.5, Helix."]
    assert "0.10" in findings(report, "Editors", "warning")[0]


def test_a_command_that_is_not_on_the_path_is_told(machine: Path) -> None:
    (machine / "bin/tabwright").unlink()
    _, report = check_report()
    (sentence,) = findings(report, "Command", "warning")
    assert "serve" in sentence


def test_unknown_variables_are_told_and_known_ones_shown(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABWRIGHT_DATADIR", "typo")
    _, report = check_report()
    assert "TABWRIGHT_DATADIR" in findings(report, "Environment", "warning")[0]
    assert f"TABWRIGHT_DATA_DIR={machine / 'data'}" in findings(report, "Environment", "ok")


def test_a_data_folder_that_is_a_file_is_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "file").write_text("")
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(machine / "file"))
    _, report = check_report()
    assert "is no folder" in findings(report, "Data", "warning")[0]


def test_a_missing_package_is_a_line_and_the_others_are_there_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    status, report = check_report()
    assert status == 1
    (sentence,) = findings(report, "Machine", "problem")
    assert "psutil" in sentence
    assert findings(report, "Python", "ok")
    assert findings(report, "Environment", "ok")


def test_a_pipe_gets_lines_of_80_columns_without_colours(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABWRIGHT_DATA_DIR", str(machine / "[red]odd[/nothing]"))
    result = CliRunner().invoke(doctor, [], catch_exceptions=False)
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert max(len(line) for line in result.output.splitlines()) <= 80
    assert "[red]" in result.output
    assert "1 problem above" in result.output
