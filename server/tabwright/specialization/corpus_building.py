"""From a corpus's manifest to `train.jsonl`, `held_out.jsonl` and `report.json`.

The same manifest, evaluation files and version of this program give the same bytes anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

from tabwright.errors import CorpusError
from tabwright.specialization import evaluation_overlap, near_duplicates
from tabwright.specialization.archive_reading import Member
from tabwright.specialization.corpus_filters import Filter, filter_by_content, filter_by_path
from tabwright.specialization.corpus_manifest import Corpus, CorpusPackage
from tabwright.specialization.evaluation_overlap import EvaluationTexts
from tabwright.specialization.licences import is_permissive, normalised_licence
from tabwright.specialization.near_duplicates import NearDuplicates
from tabwright.specialization.package_archives import FetchedPackage, fetch_package
from tabwright.specialization.package_contents import PackageContents, read_contents
from tabwright.workspace_index.secrets import mask_secrets

TRAIN = "train.jsonl"
HELD_OUT = "held_out.jsonl"
REPORT = "report.json"
_BUILDING = ".building-"

OnPackage: TypeAlias = Callable[[str, int, int], None]
"""Called with what is done now in plain words, the packages done, and the packages in all."""

_CPP = re.compile(
    r"^\s*(?:class \w|namespace\b|template\s*<|public:|private:)|\w::\w", re.MULTILINE
)


@dataclass
class PackageReport:
    """What became of one package."""

    package: CorpusPackage
    archive: FetchedPackage
    files: int = 0
    size: int = 0
    left_out: str = ""
    """Why nothing of it was taken, in words; empty otherwise."""


@dataclass
class CorpusReport:
    """What became of a corpus."""

    packages: list[PackageReport] = field(default_factory=list)
    filtered: Counter[Filter] = field(default_factory=Counter)
    filtered_bytes: Counter[Filter] = field(default_factory=Counter)
    masked_files: int = 0
    """Files in which something that may be a secret was masked."""

    def count(self, held_out: bool) -> tuple[int, int, int]:
        """Return packages, files and bytes of text in one of the two parts."""
        part = [one for one in self.packages if one.package.held_out == held_out and one.files]
        return len(part), sum(one.files for one in part), sum(one.size for one in part)


def build_corpus(
    corpus: Corpus,
    into: Path,
    archives: Path,
    language_of: Callable[[str], str | None],
    evaluation: EvaluationTexts | None,
    on_package: OnPackage,
) -> CorpusReport:
    """Fetch, filter and split the packages, and replace the three files in `into`.

    Archives are kept in `archives`, so a build that was cut off goes on where it stopped.
    `language_of` names the language of a path. Whatever fails, the files of an earlier build stay.

    Raises:
        CorpusError: a package is not pinned, cannot be had, or is not what the manifest says; or
            the disk is full.
    """
    for package in corpus.packages:
        if not package.sha256 or not package.version:
            raise CorpusError(
                f"{package.title} is not pinned: run `tabwright corpus pin` on the manifest first."
            )
    fetched = {}
    for done, package in enumerate(corpus.packages):
        on_package(f"fetching {package.title}", done, len(corpus.packages))
        fetched[package] = fetch_package(package, corpus.source_of(package), archives)
    with _disk_errors_explained(into):
        into.mkdir(parents=True, exist_ok=True)
        for leftover in into.glob(f"{_BUILDING}*"):  # of a process that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_BUILDING, dir=into) as temporary:
            builder = _Builder(corpus, language_of, evaluation)
            builder.write(Path(temporary), fetched, on_package)
            # The report goes first and comes last: with it, the other two belong together.
            (into / REPORT).unlink(missing_ok=True)
            for name in (TRAIN, HELD_OUT, REPORT):
                (Path(temporary) / name).replace(into / name)
    return builder.report


class _Builder:
    def __init__(
        self,
        corpus: Corpus,
        language_of: Callable[[str], str | None],
        evaluation: EvaluationTexts | None,
    ) -> None:
        self.report = CorpusReport()
        self._corpus = corpus
        self._language_of = language_of
        self._evaluation = evaluation
        self._duplicates = NearDuplicates()

    def write(
        self,
        folder: Path,
        fetched: dict[CorpusPackage, FetchedPackage],
        on_package: OnPackage,
    ) -> None:
        # Held-out packages first: what is like them is then missing from the training part.
        packages = sorted(self._corpus.packages, key=lambda package: not package.held_out)
        with (folder / TRAIN).open("wb") as train, (folder / HELD_OUT).open("wb") as held_out:
            for done, package in enumerate(packages):
                on_package(f"reading {package.title}", done, len(packages))
                part = held_out if package.held_out else train
                self.report.packages.append(self._add(package, fetched[package], part))
        on_package("done", len(packages), len(packages))
        description = _described(self.report, self._corpus, self._evaluation, folder)
        (folder / REPORT).write_text(f"{json.dumps(description, indent=1)}\n", "utf-8")

    def _add(
        self, package: CorpusPackage, archive: FetchedPackage, part: IO[bytes]
    ) -> PackageReport:
        report = PackageReport(package, archive)
        contents = read_contents(archive, self._corpus.source_of(package), self._is_source)
        report.left_out = licence_problem(package, contents)
        if report.left_out:
            for member in contents.files:
                self._count(Filter.LICENCE, member.size)
            return report
        for path, text in self._drawn(package, contents):
            line = {
                "language": self._language(path, text),
                "package": package.name,
                "version": package.version,
                "licence": _licence_of(path, package, contents),
                "path": path,
                "text": text,
            }
            part.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            report.files += 1
            report.size += len(text.encode())
        return report

    def _is_source(self, path: str) -> bool:
        return self._language_of(path) in self._corpus.languages

    def _language(self, path: str, text: str) -> str:
        language = self._language_of(path) or ""
        if path.endswith(".h") and "cpp" in self._corpus.languages and _CPP.search(text):
            return "cpp"
        return language

    def _drawn(self, package: CorpusPackage, contents: PackageContents) -> list[tuple[str, str]]:
        """Return paths and texts up to the limit, drawn by a hash of the path, in order of path.

        What is drawn after the limit is reached is not looked at, which spares most of the work.
        """
        left = self._corpus.package_megabytes * 1e6
        drawn = []
        for member in sorted(contents.files, key=lambda member: self._lot(package, member.path)):
            found = self._text_of(member, package, contents, left)
            if isinstance(found, Filter):
                self._count(found, member.size)
            else:
                left -= len(found.encode())
                drawn.append((member.path, found))
        return sorted(drawn)

    def _text_of(
        self, member: Member, package: CorpusPackage, contents: PackageContents, left: float
    ) -> Filter | str:
        reason = filter_by_path(member.path, package)
        if reason is not None:
            return reason
        if contents.copyright is not None and not contents.copyright.is_permissive(member.path):
            return Filter.LICENCE
        if member.content is not None and member.size > left:
            return Filter.PACKAGE_LIMIT
        found = filter_by_content(member)
        if isinstance(found, Filter):
            return found
        text = mask_secrets(found)
        reason = self._filter_by_others(text)
        if reason is None:
            self.report.masked_files += text != found
        return reason or text

    def _filter_by_others(self, text: str) -> Filter | None:
        if self._evaluation is not None and self._evaluation.overlaps(text):
            return Filter.EVALUATION
        if self._duplicates.is_duplicate(text):
            return Filter.DUPLICATE
        return None if self._duplicates.add_unless_near(text) else Filter.NEAR_DUPLICATE

    def _lot(self, package: CorpusPackage, path: str) -> bytes:
        return hashlib.sha256(f"{self._corpus.seed}\0{package.name}\0{path}".encode()).digest()

    def _count(self, reason: Filter, size: int) -> None:
        self.report.filtered[reason] += 1
        self.report.filtered_bytes[reason] += size


def licence_problem(package: CorpusPackage, contents: PackageContents) -> str:
    """Say what is wrong with a package's licence; empty when nothing is."""
    wanted = normalised_licence(package.licence)
    if not is_permissive(wanted):
        return f"its licence {package.licence or 'is unknown and'!s} is not a permissive one"
    if contents.licence != wanted:
        return f"the archive says {contents.licence or 'nothing'!s} about its licence, not {wanted}"
    return ""


def _licence_of(path: str, package: CorpusPackage, contents: PackageContents) -> str:
    return contents.copyright.licence_of(path) if contents.copyright else package.licence


def _described(
    report: CorpusReport, corpus: Corpus, evaluation: EvaluationTexts | None, folder: Path
) -> dict[str, object]:
    parts = {}
    for name, held_out in ((TRAIN, False), (HELD_OUT, True)):
        packages, files, size = report.count(held_out)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        parts[name] = {"packages": packages, "files": files, "bytes": size, "sha256": digest}
    return {
        "corpus": corpus.id,
        "seed": corpus.seed,
        "parts": parts,
        "near_duplicates": {
            "shingle_words": near_duplicates.SHINGLE_WORDS,
            "permutations": near_duplicates.PERMUTATIONS,
            "permutation_seed": near_duplicates.PERMUTATION_SEED,
            "resemblance": near_duplicates.THRESHOLD,
        },
        "evaluation": {
            "texts": len(evaluation) if evaluation is not None else 0,
            "share_held": evaluation_overlap.LARGEST_SHARE,
        },
        "left_out": {
            one.value: {"files": report.filtered[one], "bytes": report.filtered_bytes[one]}
            for one in Filter
        },
        "files_with_masked_secrets": report.masked_files,
        "packages": [_described_package(one) for one in report.packages],
    }


def _described_package(report: PackageReport) -> dict[str, object]:
    package = report.package
    described: dict[str, object] = {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "sha256": report.archive.sha256,
        "archive_bytes": report.archive.size,
        "held_out": package.held_out,
        "files": report.files,
        "bytes": report.size,
    }
    if report.left_out:
        described["left_out"] = report.left_out
    return described


@contextlib.contextmanager
def _disk_errors_explained(into: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise CorpusError(
                f"The disk is full: {into} could not take the corpus; what an earlier build left"
                " there is unchanged."
            ) from error
        raise CorpusError(f"{into} cannot be written: {error.strerror or error}.") from error
