"""What an accepted suggestion opened and left open, so that the next one may close it.

Whoever accepts `foo(bar(` in `print(|)` gets `print(foo(bar(|)`. The one bracket after the cursor
could be that of any of the three, and the filter for doubled closers would keep the next suggestion
from writing `x))`. What was accepted says that two are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.syntax.languages import Language
from tabwright.syntax.typed_closers import PLAIN_SCANNER

_LONGEST_TYPED = 4000


def openers_left(text: str, language: Language | None = None) -> str:
    """Return the closers that a text owes, innermost first: `})` for `f(() => {`.

    Brackets and quotes; words that end blocks are no matter of the filter.
    """
    scanner = PLAIN_SCANNER if language is None else language.scanner
    scan = scanner.scan(text, 0, len(text))
    return "".join(
        each.closer for each in reversed(scan.open) if each.kind in ("bracket", "string")
    )


@dataclass(frozen=True)
class OpenersLeft:
    """The last accepted suggestion, and where it is: what it left open may be closed from there on.

    The session keeps one, replaces it at every acceptance, and asks it at every request.
    """

    uri: str
    offset: int
    """Where the accepted text ends in the document."""
    accepted: str
    """As it was inserted, with the document's line ends."""

    def owed_at(self, uri: str, text: str, offset: int, language: Language | None = None) -> str:
        """Return the closers still owed at a cursor, innermost first; empty in any other place.

        What is typed after the accepted text may close some of it. When it opens something itself,
        nothing is said any more: the editor has closed that.
        """
        is_here = uri == self.uri and self.offset <= offset <= self.offset + _LONGEST_TYPED
        if not (is_here and self.accepted and text.endswith(self.accepted, 0, self.offset)):
            return ""
        so_far = self.accepted + text[self.offset : offset]
        scanner = PLAIN_SCANNER if language is None else language.scanner
        if any(
            each.start >= len(self.accepted) and each.kind != "line_comment"
            for each in scanner.scan(so_far, 0, len(so_far)).open
        ):
            return ""
        return openers_left(so_far, language)
