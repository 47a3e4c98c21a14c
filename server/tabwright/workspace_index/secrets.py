"""Passwords, keys and tokens in a text, replaced so that nothing else moves.

Where in doubt a literal is masked: a masked test fixture costs nothing, a leaked key much. The
thresholds of Shannon entropy are those of others, in bits a character: 4.5 for base64 and 3.0 for
hexadecimal (Yelp's detect-secrets, `plugins/high_entropy_strings.py`), 3.5 for the value of a name
such as `api_key`, which must hold a digit (gitleaks, rule `generic-api-key`). Both tools look at
lines for a person to judge; what is looked at besides, so that names, paths and digests stay, was
measured here: see `_is_random`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

FILLER = "*"
BASE64_BITS = 4.5
HEXADECIMAL_BITS = 3.0
NAMED_BITS = 3.5

_Span: TypeAlias = tuple[int, int]

_KNOWN_RUN = re.compile(
    "|".join(
        (
            r"\bA(?:KIA|SIA)[A-Z0-9]{16}\b",  # Amazon
            r"\bgh[pousr]_[A-Za-z0-9]{30,}",  # GitHub
            r"\bgithub_pat_\w{22,}",
            r"\bglpat-[\w-]{20,}",  # GitLab
            r"\bxox[abeoprs]-[\w-]{10,}",  # Slack
            r"\bxapp-[\w-]{10,}",
            r"\bAIza[\w-]{35}",  # Google
            r"\b[sr]k_(?:live|test)_\w{10,}",  # Stripe
            r"\bwhsec_[\w+/=]{16,}",
            r"\bsk-[\w-]{20,}",  # OpenAI, Anthropic
            r"\bnpm_[A-Za-z0-9]{36}\b",
            r"\bpypi-[\w-]{50,}",
            r"\bhf_[A-Za-z0-9]{30,}",  # Hugging Face
            r"\bdop_v1_[a-f0-9]{32,}",  # DigitalOcean
            r"\bshpat_[a-fA-F0-9]{32}",  # Shopify
        )
    )
)
"""Formats that are found in a run of letters and digits, see `_RUN`."""
_KNOWN: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (sign, re.compile(pattern))
    for sign, pattern in (
        ("eyJ", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),  # JSON web tokens
        ("hooks.slack", r"(?<=hooks\.slack\.com/)(?:services|workflows)/[\w/]{20,}"),
        ("ya29.", r"\bya29\.[\w-]{20,}"),  # Google
        ("SG.", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),  # SendGrid
        ("AccountKey=", r"(?<=AccountKey=)[\w+/=]{20,}"),  # Azure
        ("Bearer ", r"(?<=Bearer )(?=[\w.~+/-]*\d)[\w.~+/-]{16,}=*"),
        ("Basic ", r"(?<=Basic )(?=[\w+/]*\d)[A-Za-z0-9+/]{12,}=*"),
    )
)
"""The others, with a piece of text that they all have."""
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?P<body>.{0,20000}?)(?:-----END|(?=\n[ \t]*\n[^A-Za-z0-9+/=\"'\\ \t-])|\Z)",
    re.DOTALL,
)
_USER_AND_PASSWORD = re.compile(r"""://[^\s:/@"'`<>\\]{0,80}:(?P<value>[^\s/@"'`<>\\]{3,200})@""")

_STEMS = ("passw", "passphrase", "pwd", "secret", "token", "api", "credential", "auth", "key")
_NAMED_VALUE = re.compile(
    # the rest of a name that a stem was found in, or its quoted key, and a type if there is one
    r"""(?P<name>passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[_-]?key|apikey"""
    r"""|credentials?|auth[_-]?(?:key|token)|(?:access|private|secret|signing|encryption)[_-]?key"""
    r"""|key)"""
    r"""(?:[_-]?[A-Za-z0-9]+){0,3}["'`]?\]?[ \t]{0,20}"""
    r"""(?::[ \t]{0,3}[A-Za-z][\w.\[\]<>| ]{0,30})?"""
    r"""(?P<mark>=>|:=|==|!=|=|:|,|\()[ \t]{0,20}"""
    r"""(?:[rbuf@$]{0,2}(?P<quote>["'`])(?P<quoted>[^"'`\n\\]{6,400})(?P=quote)"""
    r"""|(?P<bare>[A-Za-z0-9+/=_~.!@#%^&*-]{6,200})(?=[\s,;]|\Z))""",
    re.IGNORECASE,
)
_ASSIGNS = frozenset({"=", ":"})
_PASSWORD_NAMES = ("passw", "passphrase", "pwd")
_PLACEHOLDER = re.compile(
    r"""[*.xX?_-]+|.*(?:\$\{|\{\{|\{\w*\}|<\w[\w -]*>|%\(\w+\)).*|%[sdrv]|\$\w+"""
    r"""|(?:your|my|some|the|example|sample|dummy|change|enter|insert|none|null|true|false"""
    r"""|undefined|string|required|optional|invalid|placeholder|redacted)[A-Za-z_ .-]*"""
    r"""|[A-Za-z_ .-]*(?:passw|pwd|secret|token|key|credential|auth)[A-Za-z_ .-]*""",
    re.IGNORECASE | re.DOTALL,
)
"""What stands where the secret comes from elsewhere, or is only named."""
_KEY_VALUE = re.compile(r"[A-Za-z0-9+/=_~.-]{10,200}")
_WORDS = re.compile(r"[A-Za-z_.-]+|[0-9.,:_-]+")
_RUN = re.compile(r"\b[A-Za-z0-9+/=_-]{20,}")
_RUN_CHARACTERS = bytes(
    ord("x") if re.match(r"[A-Za-z0-9+/=_-]", chr(byte)) else ord(" ") for byte in range(256)
)
_SHORTEST_RUN = b"x" * 20
_DIGIT = re.compile(r"[0-9]")
_HEXADECIMAL = re.compile(r"(?:0x)?[0-9a-f]+|(?:0x)?[0-9A-F]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGEST = re.compile(
    r"sha|md5|hash|digest|checksum|crc|integrity|commit|\brev|revision|etag|fingerprint|blake|uuid"
    r"|guid|\bid\b|merkle|hex|curve|prime|0x|blob|tree|\bref\b",
    re.IGNORECASE,
)
_CLASS_CHANGE = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_SEPARATORS = re.compile(r"[/_=+.-]+")
_QUOTES = ("'", '"', "`")
_SHORTEST_WITHOUT_QUOTES = 32
_LONGEST_LOOKED_AT = 200
_SHORTEST_HEXADECIMAL = 32


def mask_secrets(text: str) -> str:
    """Return the text with what may be a secret replaced by as many `*`; line ends stay."""
    spans = sorted(
        {
            *_known_formats(text),
            *_private_keys(text),
            *_passwords_in_addresses(text),
            *_named_values(text),
            *_secret_runs(text),
        }
    )
    if not spans:
        return text
    parts, done = [], 0
    for start, end in spans:
        first = max(start, done)
        if first >= end:
            continue
        parts.append(text[done:first])
        parts.append(_filled(text[first:end]))
        done = end
    return "".join((*parts, text[done:]))


def _filled(secret: str) -> str:
    if "\n" not in secret and "\r" not in secret:
        return FILLER * len(secret)
    return re.sub(r"[^\r\n]", FILLER, secret)


def _known_formats(text: str) -> Iterator[_Span]:
    for sign, pattern in _KNOWN:
        if sign in text:
            for found in pattern.finditer(text):
                yield found.span()


def _private_keys(text: str) -> Iterator[_Span]:
    if "PRIVATE KEY" in text:
        for found in _PRIVATE_KEY.finditer(text):
            yield found.span("body")


def _passwords_in_addresses(text: str) -> Iterator[_Span]:
    for found in _USER_AND_PASSWORD.finditer(text):
        if not _is_placeholder(found["value"]):
            yield found.span("value")


def _named_values(text: str) -> Iterator[_Span]:
    """Yield the values of names such as `password` or `api_key`."""
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(each if len(each.lower()) != 1 else each.lower() for each in text)
    for stem in _STEMS:
        start = lowered.find(stem)
        while start >= 0:
            found = _NAMED_VALUE.match(text, start)
            if found is not None and _is_secret_value(found):
                yield found.span("quoted" if found["quoted"] is not None else "bare")
            start = lowered.find(stem, start + len(stem))


def _is_secret_value(found: re.Match[str]) -> bool:
    value = found["quoted"] if found["quoted"] is not None else found["bare"]
    if _is_placeholder(value):
        return False
    if found["name"].lower().startswith(_PASSWORD_NAMES):
        return _is_password(value, found["mark"], is_quoted=found["quoted"] is not None)
    if found["quoted"] is None and (found["mark"] not in _ASSIGNS or len(value) < 16):
        return False
    if _KEY_VALUE.fullmatch(value) is None or _DIGIT.search(value) is None:
        return False
    if _WORDS.fullmatch(value) or _pieces_are_short(value):
        return False
    if found["name"].lower() == "key" and not _is_random(value, NAMED_BITS):
        return False  # the key of a table may be anything
    is_hexadecimal = _HEXADECIMAL.fullmatch(value) is not None
    return _bits(value) >= (HEXADECIMAL_BITS if is_hexadecimal else NAMED_BITS)


def _is_password(value: str, mark: str, *, is_quoted: bool) -> bool:
    """Say whether what stands beside a name such as `password` is one."""
    if " " in value or "\t" in value or mark in {",", "("}:
        return False  # a sentence, or what is asked for: `ask("password", "string")`
    if _WORDS.fullmatch(value):
        return is_quoted and len(value) >= 8
    # Of a value without quotes, `user.password_1` and `passwords[0]` are code.
    return is_quoted or (mark in _ASSIGNS and _DIGIT.search(value) is not None and "." not in value)


def _is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.fullmatch(value) is not None


def _secret_runs(text: str) -> Iterator[_Span]:
    """Yield runs of letters and digits in a known format, and long ones that look random: all
    literals, and longer words without quotes.
    """
    for found in _runs(text):
        run = found.group()
        if _DIGIT.search(run) is None:
            continue
        start, end = found.span()
        known = _KNOWN_RUN.search(run)
        if known is not None:
            yield start + known.start(), start + known.end()
        while (
            start > 0 and text[start - 1] in "+/=-"
        ):  # a run is found from its first letter or digit on
            start -= 1
        quotes = text[start - 1 : start], text[end : end + 1]
        is_literal = all(quote in _QUOTES for quote in quotes)
        if _HEXADECIMAL.fullmatch(run) is not None:
            if is_literal and _is_hexadecimal_secret(text, start, end):
                yield start, end
        elif (
            (is_literal or len(run) >= _SHORTEST_WITHOUT_QUOTES)
            and _UUID.fullmatch(run) is None
            and _is_random(run, BASE64_BITS)
        ):
            yield start, end


def _runs(text: str) -> Iterator[re.Match[str]]:
    """Yield what `_RUN` finds, which is only tried where there are characters enough: rarely."""
    marked = text.encode("latin-1", "replace").translate(_RUN_CHARACTERS)  # a byte a character
    start = marked.find(_SHORTEST_RUN)
    while start >= 0:
        end = marked.find(b" ", start)
        end = len(marked) if end < 0 else end
        yield from _RUN.finditer(text, start, end)
        start = marked.find(_SHORTEST_RUN, end)


def _is_hexadecimal_secret(text: str, start: int, end: int) -> bool:
    """Say whether a hexadecimal literal may be a key: a line that names a digest says it is not."""
    if (
        end - start < _SHORTEST_HEXADECIMAL
        or text[start:end].isdigit()
        or _bits(text[start:end]) <= HEXADECIMAL_BITS
    ):
        return False
    line_start = text.rfind("\n", max(0, start - _LONGEST_LOOKED_AT), start) + 1
    line_start = max(line_start, start - _LONGEST_LOOKED_AT)
    return _DIGEST.search(text, line_start, start) is None


def _is_random(run: str, bits: float) -> bool:
    """Say whether a run of letters and digits is no name, path or word.

    Random base64 changes between small letters, capitals and digits at six of ten characters,
    random base36 at four; names at three or fewer, most of them at their words' starts. Names and
    paths are cut into short pieces by `_`, `-` and `/`, random base64 every 21 characters.
    """
    run = run[:_LONGEST_LOOKED_AT].rstrip("=")
    if len(run) < 2 or _pieces_are_short(run):
        return False
    digits = sum(map(str.isdigit, run))
    changes = len(_CLASS_CHANGE.findall(run)) / (len(run) - 1)
    has_both_cases = run.lower() != run and run.upper() != run
    if has_both_cases:
        return digits >= 2 and changes >= 0.4 and _bits(run) >= min(bits, _most_bits(len(run)))
    return 0.12 <= digits / len(run) <= 0.6 and changes >= 0.28 and _bits(run) >= 3.7


def _most_bits(length: int) -> float:
    """What can be asked of a short run: twenty different characters have 4.3 bits each."""
    return math.log2(length) - 0.35


def _pieces_are_short(run: str) -> bool:
    pieces = [piece for piece in _SEPARATORS.split(run) if piece]
    return len(run) < 10 * len(pieces)


def _bits(run: str) -> float:
    """Return the Shannon entropy of a string, in bits a character."""
    run = run[:_LONGEST_LOOKED_AT]
    counts = Counter(run).values()
    return math.log2(len(run)) - sum(count * math.log2(count) for count in counts) / len(run)
