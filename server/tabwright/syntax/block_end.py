"""Where the block that a suggestion writes ends: the syntax tree is asked with the text in it.

Indentation is only a guess at it: a preprocessor line, a label or the text of a string may stand
further left than the block that it is in, and a block may be written in one line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabwright.document import line_start
from tabwright.syntax.parsed_text import Place
from tabwright.syntax.rough_scanner import closing_text
from tabwright.syntax.syntax_tree import SyntaxTree, begins_with_named_node
from tabwright.syntax.typed_closers import undoubled_length

if TYPE_CHECKING:
    from tabwright.syntax.languages import Language

_MORE_CLOSERS = re.compile(r"[)\]};,]*")
_TAB_WIDTH = 4


def block_end(language: Language, before: str, text: str, after: str) -> int | None:
    """Return the length of `text` at which the block around its beginning ends.

    That is the innermost body that the cursor stands in or right behind the opener of; its closer
    belongs to it unless the text after the cursor has it already. Where the cursor's line has code
    and `text` itself opens a body, it is the statement that the line began.

    The whole length when all of the text belongs to the block. None when the tree does not say:
    outside of code, or where the text is broken between the cursor and the end.
    """
    content = len(text) - len(text.lstrip())
    if content == len(text):
        return None
    if language.parse(before + after).place_at(len(before)) is not Place.CODE:
        return None
    program = language.program_at(before, after)
    tree, cursor = program.with_inserted(text + _ending(language, text)), program.offset
    line_before = program.text[program.line_start : cursor]
    line = cursor - len(line_before.lstrip())
    end = _end_in_tree(language, tree, cursor + content, line, cursor) - cursor
    if end >= len(text.rstrip()):
        end = len(text)
    elif any(span.start < cursor + end and span.end > cursor for span in tree.faults):
        return None
    elif language.block_style == "indentation":
        end = _with_comments_below(language, before, text, end)
    else:
        closers = _MORE_CLOSERS.match(text, end)
        end = closers.end() if closers is not None else end
    return min(end, undoubled_length(language.scanner, before, text[:end], after))


def _end_in_tree(language: Language, tree: SyntaxTree, offset: int, line: int, cursor: int) -> int:
    """Return where the body around the character at `offset` ends, or the end of the text.

    `offset` is where a suggestion made at `cursor` begins, and `line` where the code of the
    cursor's line does. Where the suggestion opens a body itself, and there is code before it in
    its line, the end is that of the statement which the line began.
    """
    blocks, end = language.grammar.blocks, len(tree.text)
    body = tree.innermost_body(blocks, offset, opened_before=cursor)
    if body is not None:
        start, end = tree.range_of(body)
        # A body without marks of its own starts with its first statement.
        if start > line or (start == line and not begins_with_named_node(body)):
            return end
    if line < cursor:
        statement = tree.statement_with_body(blocks, line, cursor, offset)
        if statement is not None:
            return tree.range_of(statement)[1]
    return end


def _ending(language: Language, text: str) -> str:
    """Return what finishes a text that breaks off, so that the tree around it stays whole."""
    scan = language.scanner.scan(text, 0, len(text))
    code = text[: scan.code_end]
    is_header = bool(language.empty_block) and code.endswith(language.line_block_openers)
    body = language.empty_block if is_header and scan.code_end == len(text) else ""
    return body + closing_text(scan.open)


def _with_comments_below(language: Language, before: str, text: str, end: int) -> int:
    """Return the end of a block with the comment lines below it that are indented as it is.

    Parsers of indented languages leave comments at the end of a block out of it.
    """
    block = _width(_last_line(before + text[:end]))
    position = end
    while True:
        start = text.find("\n", position) + 1
        if not start:
            return end
        stop = text.find("\n", start)
        line = text[start : len(text) if stop < 0 else stop]
        stripped = line.strip()
        is_comment = bool(language.line_comment) and stripped.startswith(language.line_comment)
        if stripped and not (is_comment and _width(line) >= block):
            return end
        position = start + len(line)
        if stripped:
            end = position


def _last_line(text: str) -> str:
    return text[line_start(text, len(text)) :]


def _width(line: str) -> int:
    line = line.expandtabs(_TAB_WIDTH)
    return len(line) - len(line.lstrip(" "))
