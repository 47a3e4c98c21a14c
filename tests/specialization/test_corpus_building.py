"""From a manifest to a corpus, with the user's own pip and an index on localhost."""

from __future__ import annotations

import errno
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from specialization.package_index import ScriptedIndex, deb_bytes, files_tar, serve, wheel_bytes
from tabwright.bundled_data import grammars_folder
from tabwright.errors import CorpusError
from tabwright.specialization import corpus_building, package_archives
from tabwright.specialization.corpus_building import CorpusReport, build_corpus
from tabwright.specialization.corpus_filters import Filter
from tabwright.specialization.corpus_manifest import Corpus, CorpusPackage, PackageSource
from tabwright.specialization.evaluation_overlap import EvaluationTexts
from tabwright.syntax.languages import LanguageRegistry

pytest.importorskip("datasketch")

OUTPUTS = ("train.jsonl", "held_out.jsonl", "report.json")


def code(seed: int, lines: int = 30) -> str:
    """Return a program unlike that of any other seed."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopq", k=6)) for _ in range(lines)]
    return "".join(f"def {word}({word[::-1]}):\n    return {word[1:]}\n" for word in words)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedIndex]:
    with serve(ScriptedIndex()) as served:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        for name in ("FIND_LINKS", "EXTRA_INDEX_URL", "CONSTRAINT", "REQUIRE_HASHES"):
            monkeypatch.delenv(f"PIP_{name}", raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.address}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        yield served


def corpus_of(index: ScriptedIndex, *held_out: str, megabytes: float = 1.0) -> Corpus:
    """Return a corpus of everything the index holds."""
    packages = tuple(
        CorpusPackage(name, "1.0", "MIT", index.sha256(name), len(data), held_out=name in held_out)
        for name, data in index.wheels.items()
    )
    return Corpus("x", "X", ("python",), "wheel", 1, megabytes, packages)


def build(
    corpus: Corpus, folder: Path, evaluation: EvaluationTexts | None = None, into: str = "out"
) -> CorpusReport:
    return build_corpus(
        corpus,
        folder / into,
        folder / "archives",
        LanguageRegistry([grammars_folder()]).id_for_path,
        evaluation,
        lambda what, done, total: None,
    )


def lines(folder: Path, name: str, into: str = "out") -> list[dict[str, str]]:
    text = (folder / into / name).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def paths(folder: Path, name: str) -> list[str]:
    return [line["path"] for line in lines(folder, name)]


def contents(folder: Path, into: str = "out") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / into).iterdir()}


def test_each_line_says_where_its_text_is_from(index: ScriptedIndex, tmp_path: Path) -> None:
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(1), "alpha/readme.md": "x"})
    index.wheels["beta"] = wheel_bytes("beta", {"beta/b.py": code(2).replace("\n", "\r\n")})
    build(corpus_of(index, "beta"), tmp_path)
    about = {"language": "python", "version": "1.0", "licence": "MIT"}
    assert lines(tmp_path, "train.jsonl") == [
        {**about, "package": "alpha", "path": "alpha/a.py", "text": code(1)}
    ]
    assert lines(tmp_path, "held_out.jsonl") == [
        {**about, "package": "beta", "path": "beta/b.py", "text": code(2)}
    ]


def test_the_report_counts_every_file_once(index: ScriptedIndex, tmp_path: Path) -> None:
    index.wheels["alpha"] = wheel_bytes(
        "alpha",
        {
            "alpha/_vendor/six.py": code(1),
            "alpha/a.py": code(2),
            "alpha/d.py": "x = 1\n",
            "alpha/e.py": b"# \xff\n" + code(3).encode(),
            "alpha/f.pyi": code(4),
        },
    )
    index.wheels["beta"] = wheel_bytes(
        "beta",
        {
            "beta/b.py": code(2).replace("    ", "\t"),
            "beta/c.py": code(2) + "\nlast = 1\n",
        },
    )
    report = build(corpus_of(index), tmp_path)
    assert paths(tmp_path, "train.jsonl") == ["alpha/a.py"]
    assert report.filtered == {
        Filter.VENDORED: 1,
        Filter.DUPLICATE: 1,
        Filter.NEAR_DUPLICATE: 1,
        Filter.TINY: 1,
        Filter.NOT_UTF8: 1,
        Filter.DECLARATIONS: 1,
    }
    written = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert written["left_out"]["near-duplicate"]["files"] == 1
    assert written["left_out"]["minified"] == {"files": 0, "bytes": 0}
    assert written["packages"][0]["sha256"] == index.sha256("alpha")
    assert written["parts"]["train.jsonl"]["files"] == 1


def test_what_is_held_out_has_no_near_duplicate_to_train_on(
    index: ScriptedIndex, tmp_path: Path
) -> None:
    index.wheels["first"] = wheel_bytes("first", {"first/a.py": code(1), "first/b.py": code(2)})
    index.wheels["judge"] = wheel_bytes("judge", {"judge/a.py": code(1) + "\nlast = 1\n"})
    build(corpus_of(index, "judge"), tmp_path)
    assert paths(tmp_path, "train.jsonl") == ["first/b.py"]
    assert paths(tmp_path, "held_out.jsonl") == ["judge/a.py"]


def test_what_holds_an_evaluation_task_is_left_out(index: ScriptedIndex, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "one.jsonl").write_text(json.dumps({"prompt": code(7)}), "utf-8")
    index.wheels["alpha"] = wheel_bytes(
        "alpha", {"alpha/a.py": code(1) + code(7) + code(2), "alpha/b.py": code(3)}
    )
    report = build(corpus_of(index), tmp_path, EvaluationTexts(tasks))
    assert paths(tmp_path, "train.jsonl") == ["alpha/b.py"]
    assert report.filtered[Filter.EVALUATION] == 1


def test_secrets_are_masked(index: ScriptedIndex, tmp_path: Path) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": f"{code(1)}KEY = '{secret}'\n"})
    report = build(corpus_of(index), tmp_path)
    assert report.masked_files == 1
    assert secret not in (tmp_path / "out" / "train.jsonl").read_text("utf-8")
    assert lines(tmp_path, "train.jsonl")[0]["text"].endswith(f"KEY = '{'*' * 20}'\n")


def test_of_a_large_package_the_same_part_is_drawn_every_time(
    index: ScriptedIndex, tmp_path: Path
) -> None:
    files = {f"large/file_{number:02}.py": code(number) for number in range(40)}
    index.wheels["large"] = wheel_bytes("large", files)
    limit = sum(map(len, files.values())) / 4 / 1e6
    report = build(corpus_of(index, megabytes=limit), tmp_path)
    drawn = paths(tmp_path, "train.jsonl")
    assert drawn == sorted(drawn)
    assert 8 <= len(drawn) <= 11
    assert drawn != sorted(files)[: len(drawn)]
    assert report.filtered[Filter.PACKAGE_LIMIT] == 40 - len(drawn)
    assert report.packages[0].size <= limit * 1e6


def test_the_same_input_gives_the_same_bytes(index: ScriptedIndex, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        seed = len(name) * 100 + ord(name[1])
        files = {f"{name}/{number}.py": code(seed + number) for number in range(5)}
        index.wheels[name] = wheel_bytes(name, files)
    corpus = corpus_of(index, "two", megabytes=0.006)
    build(corpus, tmp_path)
    build(corpus, tmp_path, into="again")
    assert contents(tmp_path) == contents(tmp_path, "again")
    assert sorted(contents(tmp_path)) == sorted(OUTPUTS)


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "Apache-2.0", "LicenseRef-House"])
def test_a_package_whose_archive_names_another_licence_is_left_out(
    index: ScriptedIndex, tmp_path: Path, licence: str
) -> None:
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(1)}, licence)
    report = build(corpus_of(index), tmp_path)
    assert paths(tmp_path, "train.jsonl") == []
    assert report.packages[0].left_out == f"the archive says {licence} about its licence, not MIT"
    assert report.filtered == {Filter.LICENCE: 1}


def check_earlier_output_stays(corpus: Corpus, folder: Path, said: str) -> None:
    (folder / "out").mkdir()
    for name in OUTPUTS:
        (folder / "out" / name).write_text(f"earlier {name}", "utf-8")
    before = contents(folder)
    with pytest.raises(CorpusError, match=said) as caught:
        build(corpus, folder)
    assert "\n" not in str(caught.value)
    assert contents(folder) == before


def test_another_hash_is_refused_and_not_kept(index: ScriptedIndex, tmp_path: Path) -> None:
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(1)})
    corpus = corpus_of(index)
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(2)})
    check_earlier_output_stays(corpus, tmp_path, "alpha 1.0 came with another SHA-256")
    assert not list((tmp_path / "archives").rglob("*.whl"))


def test_a_package_that_is_not_there_is_one_sentence(index: ScriptedIndex, tmp_path: Path) -> None:
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(1)})
    corpus = corpus_of(index)
    del index.wheels["alpha"]
    check_earlier_output_stays(corpus, tmp_path, "pip could not download alpha 1.0: .*alpha==1.0")


def test_a_package_without_a_hash_is_not_fetched(index: ScriptedIndex, tmp_path: Path) -> None:
    corpus = Corpus("x", "X", ("python",), "wheel", 1, 1.0, (CorpusPackage("alpha", "1.0"),))
    check_earlier_output_stays(corpus, tmp_path, "alpha 1.0 is not pinned: .*tabwright corpus pin")
    assert index.downloads == []


def test_a_full_disk_is_one_sentence(
    index: ScriptedIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(1)})

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(corpus_building, "_described", fail)
    check_earlier_output_stays(corpus_of(index), tmp_path, "The disk is full: .*unchanged")
    monkeypatch.setattr(package_archives, "_described", fail)
    with pytest.raises(CorpusError, match=r"The disk is full: .*TABWRIGHT_ARCHIVES_DIR"):
        build(corpus_of(index), tmp_path)


def test_a_folder_that_is_a_file_is_one_sentence(index: ScriptedIndex, tmp_path: Path) -> None:
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(1)})
    (tmp_path / "out").write_text("a file", "utf-8")
    with pytest.raises(CorpusError, match="cannot be written"):
        build(corpus_of(index), tmp_path)


def test_a_build_that_was_cut_off_goes_on_with_the_next_package(
    index: ScriptedIndex, tmp_path: Path
) -> None:
    for number, name in enumerate(("one", "two", "three")):
        index.wheels[name] = wheel_bytes(name, {f"{name}/a.py": code(number)})
    index.cut_after["two"] = 100
    with pytest.raises(CorpusError, match=r"two 1\.0"):
        build(corpus_of(index), tmp_path)
    (tmp_path / "out" / ".building-left").mkdir(parents=True)  # as a killed process leaves it
    index.cut_after.clear()
    index.downloads.clear()
    build(corpus_of(index), tmp_path)
    assert index.downloads == ["two", "three"]
    assert sorted(contents(tmp_path)) == sorted(OUTPUTS)
    index.downloads.clear()
    build(corpus_of(index), tmp_path)
    assert index.downloads == []


def test_an_archive_that_changed_in_the_cache_is_fetched_again(
    index: ScriptedIndex, tmp_path: Path
) -> None:
    index.wheels["alpha"] = wheel_bytes("alpha", {"alpha/a.py": code(1)})
    build(corpus_of(index), tmp_path)
    [kept] = (tmp_path / "archives").rglob("*.whl")
    kept.write_bytes(b"damaged")
    build(corpus_of(index), tmp_path)
    assert index.downloads == ["alpha", "alpha"]
    assert paths(tmp_path, "train.jsonl") == ["alpha/a.py"]


COPYRIGHT = (
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
    "Files: *\nLicense: Expat\n\nFiles: gpl/*\nLicense: GPL-2+\n\nFiles: debian/*\nLicense: GPL-3\n"
)


def place(folder: Path, source: PackageSource, files: dict[str, bytes]) -> Corpus:
    """Put archives where fetched ones are kept, and return a corpus of that one package."""
    kept = folder / "archives" / source / "pack-1-1"
    kept.mkdir(parents=True)
    for name, content in files.items():
        (kept / name).write_bytes(content)
    first = min(files, key=lambda name: (not name.endswith(".dsc"), name))
    sha256 = package_archives._sha256(kept / first)
    package = CorpusPackage("pack", "1-1", "MIT", sha256, 1)
    return Corpus("x", "X", ("c", "cpp", "go"), source, 1, 1.0, (package,))


def c_code(seed: int) -> str:
    return code(seed).replace("def ", "int ").replace("):", ") {").replace("\n    ", "; //\n  ")


def test_of_a_debian_source_package_each_file_has_its_own_licence(tmp_path: Path) -> None:
    orig = {
        "pack-1/a.c": c_code(1),
        "pack-1/gpl/b.c": c_code(2),
        "pack-1/deep/a.h": "namespace pack {\n" + c_code(3),
        "pack-1/c.h": c_code(4),
    }
    debian = {"debian/copyright": COPYRIGHT, "debian/tests/d.c": c_code(5)}
    orig_tar, debian_tar = files_tar(orig, "xz"), files_tar(debian, "xz")
    sums = "".join(
        f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n"
        for name, data in (
            ("pack_1.orig.tar.xz", orig_tar),
            ("pack_1-1.debian.tar.xz", debian_tar),
        )
    )
    dsc = f"Source: pack\nVersion: 1-1\nChecksums-Sha256:\n{sums}Files:\n x\n".encode()
    files = {"pack_1-1.dsc": dsc, "pack_1.orig.tar.xz": orig_tar}
    corpus = place(tmp_path, "debian-source", {**files, "pack_1-1.debian.tar.xz": debian_tar})
    report = build(corpus, tmp_path)
    found = {line["path"]: line["language"] for line in lines(tmp_path, "train.jsonl")}
    assert found == {"a.c": "c", "c.h": "c", "deep/a.h": "cpp"}
    assert report.filtered == {Filter.LICENCE: 1}


def test_a_source_tar_that_changed_in_the_cache_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = files_tar({"pack-1/a.c": c_code(1)})
    dsc = f"Checksums-Sha256:\n {'0' * 64} {len(tar)} pack_1.tar.gz\n".encode()
    corpus = place(tmp_path, "debian-source", {"pack_1.dsc": dsc, "pack_1.tar.gz": tar})
    monkeypatch.setenv("PATH", str(tmp_path))  # nothing is fetched here
    with pytest.raises(CorpusError, match="apt-get is needed to fetch Debian packages"):
        build(corpus, tmp_path)


def test_the_paths_of_a_go_package_start_at_its_module(tmp_path: Path) -> None:
    root = "usr/share/gocode/src/example.org/pack"
    deb = deb_bytes(
        {
            f"{root}/a.go": c_code(1),
            f"{root}/inner/b.go": c_code(2),
            "usr/share/doc/golang-pack-dev/copyright": COPYRIGHT,
        }
    )
    build(place(tmp_path, "deb", {"pack_1-1_all.deb": deb}), tmp_path)
    assert paths(tmp_path, "train.jsonl") == ["a.go", "inner/b.go"]
