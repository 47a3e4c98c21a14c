"""Whether a body that is taken out of a file and written back perfectly comes out as it was.

    python tests/benchmarks/block_ends.py FILE_OR_FOLDER...

No model is asked. Up to twelve lines from the body's beginning on, what follows it included, stand
for what a model writes; right is what stops exactly where the body did. With braces, once where the
editor has typed the closing one (`typed`), and once where it has not (`owed`). Files of JSON lines
hold programs as `language`, `prefix`, `middle` and `suffix`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import tree_sitter

from tabwright.bundled_data import grammars_folder
from tabwright.completion.shape import Shape, decide_shape
from tabwright.completion.stopping import whole_length
from tabwright.completion.trimming import trim
from tabwright.document import Cursor, DocumentSnapshot
from tabwright.settings import CompletionSettings
from tabwright.syntax.languages import Language, LanguageRegistry

LANGUAGES = LanguageRegistry([grammars_folder()])
LINES = 12
BODIES_PER_FILE = 10
CLOSERS_OF_STATEMENT = re.compile(r"[)\]};,]*")


def programs(paths: list[Path]) -> Iterator[tuple[Language, str]]:
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        for file in [path] if path.is_file() else inside:
            if file.suffix == ".jsonl":
                for line in file.read_text(encoding="utf-8").splitlines():
                    item = json.loads(line)
                    language = LANGUAGES.for_editor_id(item["language"])
                    if language is not None:
                        yield language, item["prefix"] + item["middle"] + item["suffix"]
            elif (language := LANGUAGES.for_path(file.name)) is not None:
                yield language, file.read_text(encoding="utf-8", errors="replace")


def tasks(language: Language, source: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield a name, the text before, the body and the text after, in random order."""
    tree = language.grammar.parse(source.encode())
    if not source.isascii() or tree.root_node.has_error:
        return
    found = tree_sitter.QueryCursor(language.grammar.blocks).captures(tree.root_node)
    bodies = [
        body
        for body in found.get("body", [])
        if 0 < body.end_point[0] - body.start_point[0] < LINES
    ]
    random.Random(1).shuffle(bodies)
    for body in bodies[:BODIES_PER_FILE]:
        start, end = body.start_byte, body.end_byte
        if language.block_style == "indentation":
            before = source[:start].rstrip()
            if before.endswith(language.line_block_openers):
                yield "suite", before, source[len(before) : end], source[end:]
        elif source[start] == "{" and source[end - 1] == "}" and source[start + 1] == "\n":
            before, rest = source[: start + 1], source[end:]
            inner_end = len(source[: end - 1].rstrip())
            yield "typed", before, source[start + 1 : inner_end], source[inner_end:]
            more = CLOSERS_OF_STATEMENT.match(rest)
            closed = end + (more.end() if more else 0)
            if source[closed : closed + 1] in ("", "\n"):
                yield "owed", before, source[start + 1 : closed], source[closed:]


def comes_out(language: Language, before: str, body: str, after: str, follows: str) -> bool:
    shape = decide_shape(
        DocumentSnapshot("file:///a", language.editor_ids[0], 1, before + after),
        Cursor(len(before)),
        language,
        CompletionSettings(),
        is_automatic=True,
    )
    if not isinstance(shape, Shape):
        return False
    written = "\n".join((body + follows).split("\n")[: LINES + 2]) + "\n"
    text = written[: whole_length(written, shape, LINES, language)]
    shown = trim(text, range(0, len(text), 4), shape, before, after, language).text
    return words_in_place(shown) == words_in_place(body)


def words_in_place(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for language, source in dict.fromkeys(programs(parser.parse_args().paths)):
        for name, before, body, after in tasks(language, source):
            key = f"{language.id} {name}"
            asked[key] += 1
            follows = source[len(before) + len(body) :]
            right[key] += comes_out(language, before, body, after, follows)
    for key in sorted(asked):
        print(f"{key:20} {asked[key]:6} bodies  {right[key] / asked[key]:6.1%} exactly")
    print(
        f"{'all':20} {asked.total():6} bodies  {right.total() / max(1, asked.total()):6.1%} exactly"
    )


if __name__ == "__main__":
    main()
