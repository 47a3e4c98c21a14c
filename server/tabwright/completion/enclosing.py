"""The headers of the definitions around a cursor, told from indentation alone.

Code at the cursor is half written, and a parser that mends it may lose the function it is in with
one key and find it again with the next. The indentation of the lines above does not waver. What is
found may be a line of a docstring once in a while; only names are taken from it, so that nothing
comes of it but a question for a name that nobody has defined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabwright.document import Cursor, DocumentSnapshot, line_start
from tabwright.syntax.languages import Language

_CHARACTERS_ABOVE = 30_000
_LINES_PER_HEADER = 15
_LONGEST_HEADER = 1_000
"""How many characters of a header are looked at: the patterns take the square of that."""
_CLOSERS = (")", "]", "}", "end")
_CONTROL = re.compile(
    r"\W*(if|elif|else|elsif|for|foreach|while|until|unless|loop|do|try|except|catch|finally|ensure"
    r"|rescue|with|switch|case|when|match|default|select|begin|then|using|lock|return|yield|go|defer"
    r"|synchronized|guard|repeat|unsafe|checked|unchecked|fixed|throw|raise|await|new)\b"
)
"""First words of lines that open a block which defines nothing, in any language."""
_DEFINING = re.compile(
    r"^\W*(?:[\w@()]+\s+)*?(?:class|struct|interface|trait|enum|impl|def|fn|func|fun|function|module"
    r"|namespace|object|protocol|extension|record|union|type|mod)\b"
)
_BOUND_FUNCTION = re.compile(r"^\W*(?:export\s+)?(?:const|let|var|static)\b.*=>\s*\{?$")
_METHOD = re.compile(r"^[^=.]*?~?[\w$]+\s*\([^{]*\)[^=;]*\{?$")


def enclosing_headers(
    snapshot: DocumentSnapshot, cursor: Cursor, language: Language
) -> tuple[str, ...]:
    """Return the headers of the definitions around a cursor, innermost first, as written.

    The cursor's own line is not looked at, so that they do not change while one types on it.
    """
    start = line_start(snapshot.text, cursor.offset)
    lines = _last_lines(snapshot.text, start)
    bound = _indentation_at(snapshot.text, start, cursor.offset, lines, language)
    headers: list[str] = []
    index = len(lines)
    while index > 0 and bound > 0:
        index -= 1
        line = lines[index]
        if not line.strip() or _indentation(line) >= bound:
            continue
        bound = _indentation(line)
        first = _first_line_of_header(lines, index)
        header = _header(lines, first, index)
        if header is not None and _is_definition(header):
            headers.append(header)
        index = first
    return tuple(headers)


def _last_lines(text: str, end: int) -> list[str]:
    """Return the lines before one; of a very long text, those that a function may be long."""
    return re.split(r"\r\n|\n|\r", text[max(0, end - _CHARACTERS_ABOVE) : end])[:-1]


def _indentation_at(
    text: str, start: int, offset: int, lines: Sequence[str], language: Language
) -> int:
    """Return how far the line of the cursor is indented, or would be.

    A blank line is taken to belong where the line above it does, or one deeper below an opener:
    people leave lines between statements without indentation.
    """
    line = re.split(r"[\r\n]", text[start : offset + 200], maxsplit=1)[0]
    if line.strip():
        return _indentation(line)
    above = next((each for each in reversed(lines) if each.strip()), "")
    opens = above.rstrip().endswith(language.line_block_openers or ("{", ":"))
    return max(_indentation(line), _indentation(above) + opens)


def _first_line_of_header(lines: Sequence[str], last: int) -> int:
    """Return where the header starts that ends in a line: above a closing bracket or lone brace."""
    bound = _indentation(lines[last])
    stripped = lines[last].strip()
    if not (stripped.startswith(")") or stripped.startswith("]") or stripped == "{"):
        return last
    for index in range(last - 1, max(-1, last - _LINES_PER_HEADER), -1):
        line = lines[index]
        if line.strip() and _indentation(line) <= bound and line.strip()[0] not in ")]":
            return index
    return last


def _header(lines: Sequence[str], first: int, last: int) -> str | None:
    """Return the lines of a header, until its brackets are closed, without common indentation.

    None where they are not closed yet: then the cursor is in the header and not in its body.
    """
    indentation = len(lines[first]) - len(lines[first].lstrip())
    taken: list[str] = []
    depth = 0
    for index in range(first, min(len(lines), first + _LINES_PER_HEADER)):
        line = lines[index]
        taken.append(line[indentation:] if not line[:indentation].strip() else line.lstrip())
        depth += line.count("(") + line.count("[") - line.count(")") - line.count("]")
        if depth <= 0 and index >= last:
            return "\n".join(taken).rstrip()[:_LONGEST_HEADER]
    return None


def _is_definition(header: str) -> bool:
    if _CONTROL.match(header) or header.lstrip().startswith(_CLOSERS):
        return False
    line = " ".join(header.split())
    return any(form.search(line) for form in (_DEFINING, _BOUND_FUNCTION, _METHOD))


def _indentation(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())
