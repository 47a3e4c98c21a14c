"""Code of one language inside a text of another: scripts in HTML, fences in Markdown, cell magics.

Found by marks alone and not by a tree, because the text around the cursor is usually broken, and a
script that is being written has no end tag yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

LONGEST_TEXT = 1_000_000
"""Characters; in a longer text nothing is looked for."""

_TAG_LANGUAGES = {"script": "javascript", "style": "css"}
_MARK = re.compile(r"<!--|<(script|style)\b", re.IGNORECASE)
_END_OF_TAG = re.compile(r"""[>"']""")
_ATTRIBUTE = re.compile(r"""\b(type|lang)\s*=\s*["']?([^\s"'>]+)""", re.IGNORECASE)
_DATA_TYPE = re.compile(r"(?:application/(?:.*\+)?json|importmap|speculationrules)\Z")
_SCRIPT_TYPE = re.compile(r"(?:module|babel|(?:text|application)/(?:x-)?(?:java|ecma)script)\Z")

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*\{?\.?([\w+#-]*)[^\n]*$", re.MULTILINE)

_MAGIC = re.compile(r"\s*%%(\w+)[ \t]*([^\n]*)\n?")
_LINE_MAGIC = re.compile(r"^[ \t]*(?:(!)|%(sql|sh|bash|system|sx)[ \t])([^\n]*)", re.MULTILINE)
_CELL_LANGUAGES = {
    "sh": "shellscript",
    "bash": "shellscript",
    "system": "shellscript",
    "sx": "shellscript",
    "sql": "sql",
    "html": "html",
    "svg": "html",
    "js": "javascript",
    "javascript": "javascript",
    "ruby": "ruby",
    "perl": "perl",
    "R": "r",
    "latex": "latex",
    "markdown": "markdown",
}

_ALIASES = {
    "py": "python",
    "py3": "python",
    "python3": "python",
    "js": "javascript",
    "mjs": "javascript",
    "jsx": "javascriptreact",
    "ts": "typescript",
    "tsx": "typescriptreact",
    "sh": "shellscript",
    "bash": "shellscript",
    "zsh": "shellscript",
    "shell": "shellscript",
    "c++": "cpp",
    "cs": "csharp",
    "c#": "csharp",
    "rs": "rust",
    "rb": "ruby",
    "golang": "go",
    "kt": "kotlin",
    "yml": "yaml",
    "htm": "html",
}
"""Names that people use, to the editor's language ids."""


@dataclass(frozen=True)
class EmbeddedCode:
    """A part of a text, half-open, and the editor's language id of the code in it."""

    start: int
    end: int
    language: str


@lru_cache(maxsize=8)
def embedded_in(text: str, language: str, *, is_cell: bool = False) -> tuple[EmbeddedCode, ...]:
    """Return the code of other languages in a text, in order; `is_cell` is one of a notebook."""
    finder = _cell_magics if is_cell and language == "python" else _FINDERS.get(language)
    if finder is None or len(text) > LONGEST_TEXT:
        return ()
    return tuple(finder(text))


def embedded_at(codes: tuple[EmbeddedCode, ...], offset: int) -> EmbeddedCode | None:
    """Return the one that a cursor stands in, its borders included."""
    return next((each for each in codes if each.start <= offset <= each.end), None)


def _in_markup(text: str) -> Iterator[EmbeddedCode]:
    place = 0
    while (mark := _MARK.search(text, place)) is not None:
        if mark[1] is None:
            place = text.find("-->", mark.end())
            if place < 0:
                return
            continue
        name = mark[1].lower()
        start = _end_of_tag(text, mark.end())
        if start is None:
            return
        closing = re.compile(rf"</{name}\b", re.IGNORECASE).search(text, start)
        place = end = closing.start() if closing is not None else len(text)
        attributes = text[mark.end() : start - 1]
        language = _language_of_tag(name, attributes)
        if language:
            yield EmbeddedCode(start, end, language)


def _end_of_tag(text: str, offset: int) -> int | None:
    """Return where a tag ends that starts before; a `>` in quotes ends none."""
    while (found := _END_OF_TAG.search(text, offset)) is not None:
        if found[0] == ">":
            return found.end()
        offset = text.find(found[0], found.end()) + 1
        if offset == 0:
            return None
    return None


def _language_of_tag(name: str, attributes: str) -> str:
    """Return the language of a tag's content, nothing where it is none that is known."""
    given: dict[str, str] = {
        key.lower(): value.lower() for key, value in _ATTRIBUTE.findall(attributes)
    }
    if "lang" in given:
        return _ALIASES.get(given["lang"], given["lang"])
    kind = given.get("type", "")
    if not kind or _SCRIPT_TYPE.match(kind) or kind == "text/css":
        return _TAG_LANGUAGES[name]
    if _DATA_TYPE.match(kind):
        return "json"
    return "typescript" if kind in ("text/typescript", "ts") else ""


def _in_fences(text: str) -> Iterator[EmbeddedCode]:
    place = 0
    while (opening := _FENCE.search(text, place)) is not None:
        start, mark = opening.end() + 1, opening[1]
        if start > len(text):
            return
        closing = re.compile(rf"^ {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*$", re.MULTILINE)
        found = closing.search(text, start)
        end = found.start() - 1 if found is not None else len(text)  # before its line end
        name = opening[2].lower()
        if name and start <= end:
            yield EmbeddedCode(start, end, _ALIASES.get(name, name))
        if found is None:
            return
        place = found.end()


def is_foreign_cell(text: str) -> bool:
    """Whether a notebook's cell is all in another language than it says (`%%bash`)."""
    return _magic_language(_MAGIC.match(text)) != ""


def _magic_language(magic: re.Match[str] | None) -> str:
    if magic is None:
        return ""
    words: list[str] = magic[2].split()
    name = words[0] if magic[1] == "script" and words else str(magic[1])
    return _CELL_LANGUAGES.get(name.rpartition("/")[2], "")


def _cell_magics(text: str) -> Iterator[EmbeddedCode]:
    magic = _MAGIC.match(text)
    language = _magic_language(magic)
    if magic is not None and language:
        if magic[0].endswith("\n"):
            yield EmbeddedCode(magic.end(), len(text), language)
        return
    for line in _LINE_MAGIC.finditer(text):
        language = "shellscript" if line[1] else _CELL_LANGUAGES[line[2]]
        yield EmbeddedCode(line.start(3), line.end(3), language)


_FINDERS: dict[str, Callable[[str], Iterator[EmbeddedCode]]] = {
    **dict.fromkeys(("html", "htm", "xhtml", "vue", "svelte", "astro"), _in_markup),
    **dict.fromkeys(("markdown", "quarto", "rmd"), _in_fences),
}
