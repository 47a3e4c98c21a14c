"""A workspace in memory: Python files, with what their `ast` says of them."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping, Sequence

from tabwright.workspace_index.facts import Chunk, Definition, FileFacts, Import
from tabwright.workspace_index.view import MOST_IMPORTERS, FoundChunk, FoundDefinition

_WORD = re.compile(r"[^\W\d]\w*")


class FakeWorkspace:
    """Implements `WorkspaceView` on texts by path; other languages' facts may be given."""

    def __init__(
        self,
        texts: Mapping[str, str],
        *,
        facts: Mapping[str, FileFacts] | None = None,
        together: Mapping[str, Sequence[tuple[str, float]]] | None = None,
    ) -> None:
        self.texts = dict(texts)
        self.given = dict(facts or {})
        self.together = dict(together or {})
        self.asked: list[str] = []

    def facts_of(self, path: str) -> FileFacts | None:
        if path in self.given:
            return self.given[path]
        return python_facts(self.texts[path]) if path in self.texts else None

    def definitions_of(self, names: Sequence[str], limit: int) -> Sequence[FoundDefinition]:
        self.asked.append("definitions_of")
        found: list[FoundDefinition] = []
        for name in names:
            mine = [each for each in self._all() if each.definition.name == name]
            found += mine[:limit]
        return found

    def members_of(self, class_name: str, path: str | None = None) -> Sequence[FoundDefinition]:
        return [
            each
            for each in self._all()
            if each.definition.parent.rpartition(".")[2] == class_name and path in (None, each.path)
        ]

    def imported_by(self, path: str) -> Sequence[str]:
        facts = self.facts_of(path)
        modules = [each.module for each in facts.imports] if facts else []
        paths = [f"{module.lstrip('.').replace('.', '/')}.py" for module in modules]
        return [each for each in paths if each in self.texts]

    def definitions_in(self, path: str) -> Sequence[Definition]:
        facts = self.facts_of(path)
        return facts.definitions if facts is not None else ()

    def importers_of(
        self, path: str, using: Sequence[str] = (), limit: int = MOST_IMPORTERS
    ) -> Sequence[str]:
        found = [each for each in sorted(self.texts) if path in self.imported_by(each)]
        return [each for each in found if not using or self._uses(each, using)][:limit]

    def _uses(self, path: str, names: Sequence[str]) -> bool:
        facts = self.facts_of(path)
        return facts is not None and any(name in names for name, _ in facts.references)

    def search(self, words: Sequence[str], limit: int) -> Sequence[FoundChunk]:
        self.asked.append("search")
        found = []
        for path, text in sorted(self.texts.items()):
            facts = self.facts_of(path)
            for chunk in facts.chunks if facts else ():
                score = len(set(words) & set(_WORD.findall(text[chunk.start : chunk.end])))
                if score:
                    found.append(FoundChunk(path, chunk.start, chunk.end, float(score)))
        return sorted(found, key=lambda each: -each.score)[:limit]

    def changed_together_with(self, path: str) -> Sequence[tuple[str, float]]:
        return self.together.get(path, ())

    def text_of(self, path: str) -> str | None:
        return self.texts.get(path)

    def knows_name(self, name: str) -> bool:
        return any(each.definition.name == name for each in self._all())

    def _all(self) -> list[FoundDefinition]:
        found = []
        for path in sorted({*self.texts, *self.given}):
            facts = self.facts_of(path)
            found += [FoundDefinition(path, each) for each in (facts.definitions if facts else ())]
        return found


@functools.cache
def python_facts(text: str) -> FileFacts:
    """Return what Python's own parser says of a text; nothing where it is broken."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return FileFacts("python", (), (), (), ())
    lines = text.splitlines(keepends=True)
    starts = [sum(len(line) for line in lines[:number]) for number in range(len(lines) + 1)]
    definitions: list[Definition] = []
    _collect(tree, "", text, starts, definitions)
    words = _WORD.findall(text)
    chunks = [
        Chunk(starts[node.lineno - 1], starts[(node.end_lineno or node.lineno) - 1 + 1])
        for node in tree.body
    ]
    references = tuple((name, words.count(name)) for name in sorted(set(words)))
    return FileFacts("python", tuple(definitions), _imports(tree), references, tuple(chunks))


def _imports(tree: ast.Module) -> tuple[Import, ...]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = tuple(each.name for each in node.names)
            found.append(
                Import(module, names, tuple(each.asname or each.name for each in node.names))
            )
        elif isinstance(node, ast.Import):
            found += [Import(each.name, (), (each.asname or each.name,)) for each in node.names]
    return tuple(found)


def _collect(
    node: ast.AST, parent: str, text: str, starts: Sequence[int], found: list[Definition]
) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            start = starts[child.lineno - 1] + child.col_offset
            end = starts[(child.end_lineno or 1) - 1] + (child.end_col_offset or 0)
            body = starts[child.body[0].lineno - 1] + child.body[0].col_offset
            is_class = isinstance(child, ast.ClassDef)
            kind = "class" if is_class else "method" if parent else "function"
            signature = text[start:body].rstrip().removesuffix(":")
            found.append(Definition(child.name, kind, parent, start, end, signature, ""))
            if is_class:
                _collect(child, f"{parent}.{child.name}".lstrip("."), text, starts, found)
        elif isinstance(child, ast.Assign) and isinstance(child.targets[0], ast.Name):
            start = starts[child.lineno - 1] + child.col_offset
            end = starts[(child.end_lineno or 1) - 1] + (child.end_col_offset or 0)
            kind = "field" if parent else "constant"
            name = child.targets[0].id
            found.append(Definition(name, kind, parent, start, end, text[start:end], ""))
