"""Which files of a package are worth learning from: what people wrote, as text, and not tables."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

from tabwright.specialization.archive_reading import Member
from tabwright.specialization.corpus_manifest import CorpusPackage
from tabwright.specialization.licences import names_copyleft
from tabwright.workspace_index.recognising import (
    ALWAYS_LEFT_OUT,
    LeftOut,
    left_out_by_content,
    left_out_by_path,
)

_VENDORED = frozenset(
    {"_vendor", "_vendored", "vendored_libs", "extern", "_external", "external", "externals",
     "deps", "_deps", "contrib_libs", "jniLibs", "Godeps"}
)  # fmt: skip
"""Besides those of the index: how packages name what they took over from others."""
_TEST_DATA = frozenset(
    {"testdata", "test_data", "test-data", "test_files", "testfiles", "fixtures", "__fixtures__",
     "fixture", "snapshots", "__snapshots__", "golden", "goldens", "test262", "testcases",
     "corpus", "cases", "baselines", "locale", "locales", "i18n", "lang", "translations",
     "unicode_data", "benchdata"}
)  # fmt: skip
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts", ".pyi", ".js.flow")
_COMPILED = re.compile(
    r"""Object\.defineProperty\(exports, ['"]__esModule['"]|__esModule = true"""
    r"""|^//# sourceMappingURL="""
    r"""|^var __(?:awaiter|extends|assign|importDefault|createBinding|defProp|spreadArray|rest)\b"""
    r"""|_interopRequire(?:Default|Wildcard)|\b__webpack_require__\b|_createClass\(|_classCallCheck\("""
    r"""|\b__toESM\(|\b_asyncToGenerator\(|^/\*! For license information|regeneratorRuntime"""
    r"""|@babel/runtime/helpers""",
    re.MULTILINE,
)
"""What compilers and bundlers of JavaScript leave in what they write."""
_FEWEST_LINES = 8
_LONG_LINE = 160
_LARGEST_SHARE_OF_LONG_LINES = 0.1
_LONGEST_LINE = 1_000
_LARGEST_SHARE_OF_DIGITS = 0.15
_SMALLEST_SHARE_OF_LETTERS = 0.4
_LARGEST_SHARE_OF_OTHER_SCRIPTS = 0.2
_HEAD_CHARACTERS = 4_000
_STRING_OR_NUMBER = re.compile(r""""[^"]*"|'[^']*'|\b\d[\w.]*""")
_PUNCTUATION = frozenset(" \t[](){},:;+-.")
_LARGEST_SHARE_OF_LITERAL_LINES = 0.5


class Filter(enum.Enum):
    """Why a file is not in the corpus."""

    NOT_CHOSEN = "not chosen in the manifest"
    LICENCE = "licence"
    VENDORED = "vendored"
    GENERATED = "generated"
    COMPILED = "compiled"
    MINIFIED = "minified"
    HUGE = "huge"
    BINARY = "binary"
    NOT_UTF8 = "not UTF-8"
    TEST_DATA = "test data or translations"
    DECLARATIONS = "declarations without code"
    TINY = "fewer than eight lines"
    LONG_LINES = "too many long lines"
    DIGITS = "too many digits"
    TABLE = "a table of literals"
    LITTLE_CODE = "too few letters, or much text in other scripts"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    EVALUATION = "overlaps evaluation files"
    PACKAGE_LIMIT = "over the package's limit"


_BY_INDEX = {
    LeftOut.HUGE: Filter.HUGE,
    LeftOut.BINARY: Filter.BINARY,
    LeftOut.MINIFIED: Filter.MINIFIED,
    LeftOut.GENERATED: Filter.GENERATED,
    LeftOut.VENDORED: Filter.VENDORED,
}


def filter_by_path(path: str, package: CorpusPackage) -> Filter | None:
    """Say why a file is left out by its path below the package's root."""
    only, without = package.only, package.without
    if (only and not _is_below(path, only)) or _is_below(path, without):
        return Filter.NOT_CHOSEN
    # A package may be called like something that is left out elsewhere, as virtualenv is.
    folders = set(path.split("/")[:-1]) - {package.name}
    if folders & ALWAYS_LEFT_OUT or folders & _VENDORED:
        return Filter.VENDORED
    if {folder.lower() for folder in folders} & _TEST_DATA:
        return Filter.TEST_DATA
    if path.endswith(_DECLARATIONS):
        return Filter.DECLARATIONS
    return None


def filter_by_content(member: Member) -> Filter | str:
    """Return a file's text with LF line ends, or say why it is left out."""
    content = member.content
    if content is None:
        return Filter.HUGE
    name = member.path.rpartition("/")[2]
    left_out = left_out_by_path(name, member.size, defines_names=True) or left_out_by_content(
        content
    )
    if left_out is not None:
        return _BY_INDEX[left_out]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Filter.NOT_UTF8
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _filter_by_text(text) or text


def _filter_by_text(text: str) -> Filter | None:
    head = text[:_HEAD_CHARACTERS]
    if names_copyleft(head):
        return Filter.LICENCE
    if _COMPILED.search(text) is not None:
        return Filter.COMPILED
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < _FEWEST_LINES:
        return Filter.TINY
    long_lines = sum(len(line) > _LONG_LINE for line in lines)
    if long_lines > _LARGEST_SHARE_OF_LONG_LINES * len(lines) or (
        max(map(len, lines)) > _LONGEST_LINE
    ):
        return Filter.LONG_LINES
    visible = sum(map(len, text.split()))
    if sum(map(str.isdigit, text)) > _LARGEST_SHARE_OF_DIGITS * visible:
        return Filter.DIGITS
    if sum(map(str.isalpha, text)) < _SMALLEST_SHARE_OF_LETTERS * visible or (
        sum(character > "\u024f" for character in text) > _LARGEST_SHARE_OF_OTHER_SCRIPTS * visible
    ):
        return Filter.LITTLE_CODE
    if sum(map(_is_literals, lines)) > _LARGEST_SHARE_OF_LITERAL_LINES * len(lines):
        return Filter.TABLE
    return None


def _is_literals(line: str) -> bool:
    """Say whether a line holds strings and numbers, and between them only punctuation."""
    rest, literals = _STRING_OR_NUMBER.subn("", line)
    return literals > 0 and _PUNCTUATION.issuperset(rest)


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in folders)
