"""From the captures of `imports.scm` to imports: which modules, which names, called what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tabwright.syntax.outline import Span
from tabwright.workspace_index.facts import Import

_SEPARATOR = re.compile(r"[.:\\/]*")
_SEPARATORS = re.compile(r"[.:\\/]+")
_LAST_PART = re.compile(r"(.*[^.:\\/])[.:\\/]+([^.:\\/]+)", re.DOTALL)
_LONGEST_MODULE = 300


@dataclass
class _Statement:
    """An import, or a group of them in another one, while its parts are read."""

    end: int
    around: _Statement | None
    module: str = ""
    separator: str = ""
    """What stands between this module and those of the imports inside."""
    module_alias: str = ""
    path: str = ""
    """A module whose last part is the name, if no names follow."""
    path_start: int = -1
    names: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)

    @property
    def is_bare(self) -> bool:
        """Whether it names nothing but a module."""
        return not self.names and not self.module_alias

    def imports(self) -> Iterator[Import]:
        """Yield one import for the names, and one for the module itself where it is one."""
        module = self._whole_module()
        names, aliases = self.names, self.aliases
        if "self" in names and module:  # Rust: `use a::{self, b}`
            at = names.index("self")
            alias = aliases[at] if aliases[at] != "self" else _SEPARATORS.split(module)[-1]
            yield Import(module, (), (alias,))
            names, aliases = names[:at] + names[at + 1 :], aliases[:at] + aliases[at + 1 :]
            if not names:
                return
        if not module:
            for name, alias in zip(names, aliases, strict=True):
                yield Import(name, (), (alias,) if alias != name else ())
            return
        if names:
            yield Import(module, tuple(names), tuple(aliases))
        if self.module_alias or not names:
            yield Import(module, (), (self.module_alias,) if self.module_alias else ())

    def settle(self) -> None:
        """Take a path apart, now that it is known whether names follow it."""
        if not self.path or self.module:
            return
        self.module = self.path
        apart = None if self.names else _LAST_PART.match(self.path)
        if apart is not None:
            self.module, name = apart.groups()
            self.names.append(name)
            self.aliases.append(self.module_alias or name)
            self.module_alias = ""

    def _whole_module(self) -> str:
        parts = [self.module]
        around = self.around
        while around is not None:
            if around.module:
                parts.append(around.module + (around.separator if parts[-1] else ""))
            around = around.around
        return "".join(reversed(parts))


def imports_in(text: str, spans: Sequence[Span]) -> list[Import]:
    """Return the imports of a text, in order, from the spans of an outline.

    An unnamed module has no aliases, because how a language calls it then depends on the module.
    """
    statements = _statements(text, spans)
    around_others = {id(each.around) for each in statements if each.around is not None}
    for statement in statements:
        around = statement.around
        if around is None or around.module or not statement.is_bare:
            continue
        if id(statement) not in around_others:
            # `const a = require("b")`: the name stands around the module.
            around.module, statement.module = statement.module, ""
    return [
        found
        for statement in statements
        if not (statement.is_bare and (id(statement) in around_others or not statement.module))
        for found in statement.imports()
    ]


def _statements(text: str, spans: Sequence[Span]) -> list[_Statement]:
    statements: list[_Statement] = []
    open_now: list[_Statement] = []
    seen: tuple[int, int] | None = None
    for start, end, what in spans:
        while open_now and open_now[-1].end <= start:
            open_now.pop()
        if what == "import":
            if (start, end) != seen:
                seen = (start, end)
                open_now.append(_Statement(end, open_now[-1] if open_now else None))
                statements.append(open_now[-1])
        elif open_now and end - start <= _LONGEST_MODULE:
            _add(open_now[-1], text, start, end, what)
    for statement in statements:
        statement.settle()
    return statements


def _add(statement: _Statement, text: str, start: int, end: int, what: str) -> None:
    word = text[start:end]
    if what == "import.module":
        statement.module = word
        separator = _SEPARATOR.match(text, end)
        statement.separator = separator.group() if separator else ""
    elif what == "import.path":
        if statement.path_start < 0:
            statement.path_start = start
        statement.path = text[statement.path_start : end]
    elif what in {"import.name", "import.everything"}:
        name = "*" if what == "import.everything" else word
        statement.names.append(name)
        statement.aliases.append(name)
    elif what == "import.default":
        statement.names.append("default")
        statement.aliases.append(word)
    elif what == "import.namespace" or not statement.names:
        statement.module_alias = word
    else:
        statement.aliases[-1] = word
