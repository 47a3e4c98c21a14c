"""What is masked, what is left alone, and that nothing moves."""

import base64
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.workspace_index import secrets as module
from tabwright.workspace_index.secrets import mask_secrets

_RANDOM = random.Random(11)


def _made(alphabet: str, length: int) -> str:
    return "".join(_RANDOM.choice(alphabet) for _ in range(length))


_ALNUM = string.ascii_letters + string.digits
_KEY_BLOCK = "\n".join(_made(_ALNUM + "+/", 64) for _ in range(4))

# Made from pieces, so that this file itself holds nothing in a known format.
SECRETS = {
    "aws access key": ('key_id = "{}"', "AKIA" + _made(string.ascii_uppercase, 15) + "7"),
    "aws secret key": ('aws_secret_access_key = "{}"', "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzKEYLEY"),
    "github token": ("curl -H 'Authorization: token {}'", "ghp_" + _made(_ALNUM, 35) + "1"),
    "github fine-grained token": ("x = '{}'", "github_" + "pat_" + _made(_ALNUM, 60) + "1"),
    "gitlab token": ("# {}", "glpat-" + _made(_ALNUM, 19) + "1"),
    "slack token": ('client("{}")', "xoxb-" + "123456789012-123456789012-" + _made(_ALNUM, 24)),
    "stripe key": ('stripe.api = "{}"', "sk_" + "live_" + _made(_ALNUM, 23) + "1"),
    "google key": ("https://maps/api?k={}", "AIza" + _made(_ALNUM, 34) + "1"),
    "openai key": ('f("{}")', "sk-" + "proj-" + _made(_ALNUM, 39) + "1"),
    "web token": (
        'jwt = "{}"',
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + _made(_ALNUM, 43),
    ),
    "bearer": ('headers = {{"Authorization": "Bearer {}"}}', _made(string.hexdigits, 30) + "1f"),
    "basic": ('"Basic {}"', base64.b64encode(b"admin:hunter2-is-it").decode()),
    "password": ('password = "{}"', "hunter2!"),
    "password of words": ("PASSWORD = '{}'", "correcthorsebattery"),
    "password in json": ('  "db_password": "{}",', "tr0ub4dor&3"),
    "password with a type": ('password: str = "{}"', "tr0ub4dor&3"),
    "password named in it": ('password = "{}"', "SuperSecret123!"),
    "password in a shell": ("export DB_PASSWORD={}\n", "tr0ub4dor3"),
    "password in yaml": ("  password: {}\n", "s3cr3t-Value9"),
    "php array": ("'password' => '{}',", "Zx9!kk20"),
    "address": ("postgresql://admin:{}@db.example.com/shop", "s3cr3tpw"),
    "api key": ("const API_KEY = '{}';", "f3b1c2d4e5a697887766554433221100"),
    "client secret": ('discord_client_secret = "{}"', "8dyfuiRyq3vVc3RRr7edRk4fK1JItpZ9"),
    "key without quotes": ("API_TOKEN={}\n", "8dyfuiRyq3vVc3RRr7edRk4fK1JItpZ9"),
    "base64 literal": ("blob('{}')", base64.b64encode(_RANDOM.randbytes(32)).decode()),
    "hexadecimal literal": ('sign("{}")', _RANDOM.randbytes(32).hex()),
    "lower-case literal": ("f(`{}`)", "k3j5h2l9x8c7v6b5n4m3q2w1e9r8t7y6"),
    "word in a comment": ("// use {} here", _made(_ALNUM + "+/", 60) + "aB12"),
}


@pytest.mark.parametrize("what", sorted(SECRETS))
def test_a_secret_is_masked_and_nothing_else_moves(what: str) -> None:
    around, secret = SECRETS[what]
    before, after = (part.format() for part in around.split("{}"))
    text = f"x = 1\n{before}{secret}{after}\nemoji = '😀'\n"
    masked = mask_secrets(text)
    assert len(masked) == len(text)
    assert secret not in masked
    for start in range(len(secret) - 7):  # no large part of it is left either
        assert secret[start : start + 8] not in masked
    assert masked.startswith("x = 1\n")
    assert masked.endswith(f"{after}\nemoji = '😀'\n")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_private_key_is_masked_line_by_line(line_end: str) -> None:
    kind = "RSA PRIVATE " + "KEY"
    text = f"a\n-----BEGIN {kind}-----\n{_KEY_BLOCK}\n-----END {kind}-----\nb\n"
    text = text.replace("\n", line_end)
    masked = mask_secrets(text)
    assert [len(line) for line in masked.split(line_end)] == [
        len(line) for line in text.split(line_end)
    ]
    assert not any(line in masked for line in _KEY_BLOCK.split("\n"))
    assert masked.startswith(f"a{line_end}-----BEGIN")
    assert masked.endswith(f"b{line_end}")


def test_a_private_key_that_is_cut_off_is_masked() -> None:
    kind = "PRIVATE " + "KEY"
    masked = mask_secrets(f'k = """-----BEGIN {kind}-----\n{_KEY_BLOCK}')
    assert not any(line in masked for line in _KEY_BLOCK.split("\n"))


HARMLESS = {
    "digest": 'assert sha256(data).hexdigest() == "'
    + "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    + '"',
    "commit": 'rev = "14df8a024956ea289bd55b9c2226a1d5b8a473ee"',
    "uuid": 'ID = "014df517-39d1-4453-b7b3-9930c563627c"',
    "uuid in a call": "f('014df517-39d1-4453-b7b3-9930c563627c')",
    "long name": "def test_utf8_to_utf16_conversion_keeps_2_surrogates_and_4_marks(): pass",
    "long camel name": "class AbstractSingletonProxyFactoryBean2Utf8Converter3Test: pass",
    "name in a string": 'getattr(x, "convertUtf8ToUtf16WithByteOrderMark2")',
    "address": 'url = "https://example.com/docs/v2/api-reference/oauth2/token-endpoint_1"',
    "token address": 'token_url = "https://oauth2.example.com/v1/token"',
    "path": 'open("/usr/lib/python3.11/site-packages/pip/_vendor/urllib3/util/ssl_2.py")',
    "placeholder": 'password = "${DB_PASSWORD}"',
    "asked for": 'password = input("Enter your password")',
    "label": 'password_label = "Your password"',
    "words": 'password: "password", secret: "your-secret-here", token: "comma"',
    "from elsewhere": "password = config.password; token = tokens[index]; api_key = get_key(1)",
    "environment": 'api_key = os.environ["MY_SERVICE_API_KEY_2"]',
    "token of a parser": "if token == 'identifier2' and kind != \"string_literal_3\":",
    "alphabet": 'A = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"',
    "digits": 'text = "12345678901234567890123456789012"',
    "rule": "# ==================================================================== 1",
    "sentence": 'secret = "the quick brown fox 1 jumps"',
    "git address": "git clone ssh://git@example.com:22/a/b.git && http://localhost:8080/a@b",
}


@pytest.mark.parametrize("what", sorted(HARMLESS))
def test_what_is_no_secret_is_left_alone(what: str) -> None:
    assert mask_secrets(HARMLESS[what]) == HARMLESS[what]


def test_the_code_of_this_project_is_left_alone() -> None:
    from pathlib import Path

    import tabwright

    for path in Path(tabwright.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert mask_secrets(text) == text, path


@pytest.mark.parametrize(
    "text",
    ["", "\0\ud800", "İ" * 100 + ' password = "hunter2!"', "password=" * 20_000, "a1B" * 100_000],
    ids=["empty", "surrogate", "longer in lower case", "names alone", "one word"],
)
def test_odd_texts_keep_their_length(text: str) -> None:
    assert len(mask_secrets(text)) == len(text)


def test_masking_again_changes_nothing() -> None:
    for around, secret in SECRETS.values():
        masked = mask_secrets(around.replace("{}", secret))
        assert mask_secrets(masked) == masked


@given(st.text(alphabet='aaaaaaaaaZ09+/=-_ é\nß😀"x', max_size=400))
def test_runs_are_found_where_a_plain_search_finds_them(text: str) -> None:
    plain = [found.span() for found in module._RUN.finditer(text)]
    assert [found.span() for found in module._runs(text)] == plain
