"""`tabwright corpus`: what a user reads, and what is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specialization.package_index import ScriptedIndex, serve, wheel_bytes
from tabwright.commands.corpus import corpus_group
from tabwright.errors import CorpusError
from tabwright.specialization.corpus_manifest import read_corpus

HEAD = """\
# Ours.
id = "ours"
name = "Ours"
languages = ["python"]
source = "wheel"
seed = 1
package_megabytes = 1.0
"""
UNPINNED = (
    HEAD
    + """packages = [
  # the one that judges
  { name = "judge", held_out = true },
  { name = "alpha" }, # with a remark
  { name = "restricted" },
]
"""
)
CODE = "".join(f"def call_{name}(value):\n    return value.{name}\n" for name in "abcdefgh")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedIndex]:
    with serve(ScriptedIndex()) as served:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        for name in ("FIND_LINKS", "EXTRA_INDEX_URL", "CONSTRAINT"):
            monkeypatch.delenv(f"PIP_{name}", raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.address}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        monkeypatch.setenv("TABWRIGHT_ARCHIVES_DIR", str(tmp_path / "archives"))
        served.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": CODE})
        served.wheels["judge"] = wheel_bytes("judge", {"judge/b.py": CODE.replace("call", "ask")})
        served.wheels["restricted"] = wheel_bytes("restricted", {"x.py": CODE}, "GPL-3.0-only")
        yield served


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "ours.toml"
    path.write_text(UNPINNED, "utf-8")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(corpus_group, [str(each) for each in arguments])


def test_pinning_fills_in_what_is_missing_and_leaves_the_rest(
    index: ScriptedIndex, manifest: Path
) -> None:
    result = run("pin", manifest)
    assert isinstance(result.exception, CorpusError)
    assert str(result.exception).split("\n") == [
        "Some packages are not pinned.",
        "restricted 1.0 says about its licence: GPL-3.0-only.",
    ]
    text = manifest.read_text("utf-8")
    assert text.startswith(HEAD)
    assert "# the one that judges" in text
    assert '  { name = "restricted" },\n' in text
    by_name = {package.name: package for package in read_corpus(manifest).packages}
    alpha = by_name["alpha"]
    assert (alpha.version, alpha.licence, alpha.sha256, alpha.size) == (
        "1.0",
        "MIT",
        index.sha256("alpha"),
        len(index.wheels["alpha"]),
    )
    assert by_name["judge"].held_out


def test_what_was_pinned_is_not_fetched_again(index: ScriptedIndex, manifest: Path) -> None:
    run("pin", manifest)
    manifest.write_text(manifest.read_text("utf-8").replace('  { name = "restricted" },\n', ""))
    index.downloads.clear()
    before = manifest.read_text("utf-8")
    result = run("pin", manifest)
    assert result.exit_code == 0, result.output
    assert manifest.read_text("utf-8") == before
    assert index.downloads == []


def test_packages_on_one_line_cannot_be_pinned(index: ScriptedIndex, manifest: Path) -> None:
    manifest.write_text(HEAD + 'packages = [{ name = "alpha" }]\n', "utf-8")
    result = run("pin", manifest)
    assert "does not have alpha on a line of its own" in str(result.exception)
    assert index.downloads == []


def test_show_names_versions_licences_sizes_and_parts(index: ScriptedIndex, manifest: Path) -> None:
    run("pin", manifest)
    rows = [line.split() for line in run("show", manifest).output.splitlines()]
    assert ["judge", "1.0", "MIT", "1", "wheel", "held", "out"] in rows
    assert ["restricted", "not", "pinned", "wheel", "train"] in rows
    assert "Ours: 3 packages, 1 of them held out" in run("show", manifest).output


def test_a_bundled_corpus_is_named_by_its_id() -> None:
    result = run("show", "python")
    assert result.exit_code == 0
    assert "held out" in result.output
    missing = run("show", "cobol")
    assert isinstance(missing.exception, CorpusError)
    assert "cobol.toml cannot be read" in str(missing.exception)


def test_building_says_what_came_of_it(index: ScriptedIndex, manifest: Path) -> None:
    pytest.importorskip("datasketch")
    run("pin", manifest)
    manifest.write_text(manifest.read_text("utf-8").replace('  { name = "restricted" },\n', ""))
    index.downloads.clear()
    result = run("build", manifest, "--into", manifest.parent / "out")
    assert result.exit_code == 0, result.output
    assert index.downloads == []  # what pinning fetched is kept
    assert "Ours, to train on: 1 packages, 1 files, 0.0 MB" in result.output
    assert "Ours, held out: 1 packages, 1 files, 0.0 MB" in result.output
    assert sorted(path.name for path in (manifest.parent / "out").iterdir()) == [
        "held_out.jsonl",
        "report.json",
        "train.jsonl",
    ]


def test_an_excluded_package_is_refused_before_anything_is_fetched(
    index: ScriptedIndex, manifest: Path
) -> None:
    manifest.write_text(UNPINNED.replace('"alpha"', '"requests"'), "utf-8")
    for command in (("pin", manifest), ("show", manifest), ("build", manifest, "--into", "out")):
        result = run(*command)
        assert "requests must not be in a corpus" in str(result.exception)
    assert index.downloads == []


def test_a_language_that_nobody_knows_is_refused(manifest: Path) -> None:
    manifest.write_text(UNPINNED.replace('["python"]', '["pyhton"]'), "utf-8")
    assert "wants the language 'pyhton', which is unknown" in str(run("show", manifest).exception)
