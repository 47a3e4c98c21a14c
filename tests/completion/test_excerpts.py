"""Which lines of a workspace are shown at a cursor, and how seldom they change."""

from __future__ import annotations

import dataclasses
import random

import pytest

from completion.fake_workspace import FakeWorkspace
from completion.scripted import LANGUAGES, MARK, manifest, snapshot_at_mark
from tabwright.completion.excerpt_key import ExcerptKey, border_of, excerpt_key
from tabwright.completion.excerpt_layout import Excerpt, excerpt_segments
from tabwright.completion.excerpt_question import RecentPlace
from tabwright.completion.excerpt_sources import ALL_SOURCES
from tabwright.completion.excerpts import (
    Choice,
    LeftOutBecause,
    ReasonAgainst,
    choose_excerpts,
    reason_against,
)
from tabwright.completion.prompt import Room, build_prompt, room_for
from tabwright.model.messages import Segment
from tabwright.syntax.languages import Language
from tabwright.workspace_index.extracting import facts_of
from tabwright.workspace_index.facts import Definition, FileFacts

MODELS = '''\
class Record:
    """Kept in a table."""

    def save(self, connection):
        connection.write(self)

    def _secret(self):
        return 1


class User(Record):
    name = ""

    def greet(self, loudly=False):
        return self.name.upper() if loudly else self.name


def unrelated_helper(value):
    return value
'''
SHOP = """\
from models import User


def welcome(user: User, doors):
    ‸
"""


def python() -> Language:
    language = LANGUAGES.for_editor_id("python")
    assert language is not None
    return language


def key_at(
    source: str, workspace: FakeWorkspace, *, tokens: int = 1024, path: str = "shop.py"
) -> ExcerptKey:
    snapshot, cursor = snapshot_at_mark(source, path=path)
    room = room_for(
        snapshot,
        python(),
        manifest(),
        context_tokens=tokens,
        can_fill_in_the_middle=False,
    )
    return excerpt_key(snapshot, cursor, python(), workspace, room)


def choice_at(
    source: str,
    others: dict[str, str],
    *,
    tokens: int = 1024,
    path: str = "shop.py",
    sources: frozenset[str] = ALL_SOURCES,
    recent: tuple[RecentPlace, ...] = (),
    together: dict[str, list[tuple[str, float]]] | None = None,
) -> Choice:
    texts = {**others, path: source.replace(MARK, "pass")}
    workspace = FakeWorkspace(texts, together=together)
    key = key_at(source, workspace, tokens=tokens, path=path)
    return choose_excerpts(key, python(), workspace, sources=sources, recent=recent, explains=True)


def shown(choice: Choice) -> str:
    return "".join(f"# {each.path}\n{each.text}" for each in choice.excerpts)


def test_a_class_in_the_signature_around_the_cursor_is_shown_with_its_members() -> None:
    choice = choice_at(SHOP, {"models.py": MODELS})
    assert "class User(Record):\n" in shown(choice)
    assert "    def greet(self, loudly=False): ...\n" in shown(choice)
    assert "return self.name" not in shown(choice)
    part = next(each for each in choice.excerpts[0].parts if "greet" in each.title)
    assert (part.source, part.because_of) == ("members", "User")


def test_a_base_class_of_the_class_around_the_cursor_shows_its_members() -> None:
    source = "from models import Record\n\n\nclass Bill(Record):\n    def pay(self):\n        ‸\n"
    text = shown(choice_at(source, {"models.py": MODELS}, sources=frozenset({"members"})))
    assert text == (
        "# models.py\nclass Record:\n    def save(self, connection): ...\n"
        "    def _secret(self): ...\n"
    )


@pytest.mark.parametrize("source", sorted(ALL_SOURCES - {"dependencies"}))
def test_each_source_can_be_asked_alone(source: str) -> None:
    document = (
        "from models import User\n\n\n"
        + "".join(
            f"def step_{number}(): return {number} + len('{'x' * 40}')\n" for number in range(60)
        )
        + "\n\ndef welcome(user: User, doors):\n    for door in doors:\n        ‸\n"
    )
    others = {
        "models.py": MODELS,
        "main.py": "from shop import welcome\n\nwelcome(current_user(), [1, 2])\n",
        "similar.py": "def enter(welcome, doors, user):\n    open_all(doors)\n    return user\n",
        "edited.py": "def lately():\n    something_else = 1\n    return something_else\n",
        "beside.py": "def changes_with_it(a, b):\n    return a\n",
    }
    choice = choice_at(
        document,
        others,
        sources=frozenset({source}),
        recent=(RecentPlace("edited.py", 5, "edited"),),
        together={"shop.py": [("beside.py", 0.9)]},
    )
    assert choice.excerpts
    assert {part.source for each in choice.excerpts for part in each.parts} == {source}


def test_explaining_changes_nothing_but_the_explanation() -> None:
    more = "".join(f"def helper_{number}(value): return value\n" for number in range(20))
    texts = {"models.py": MODELS + more, "shop.py": SHOP.replace(MARK, "pass")}
    workspace = FakeWorkspace(texts)
    key = key_at(SHOP, workspace, tokens=256)
    plain = choose_excerpts(key, python(), workspace)
    explained = choose_excerpts(key, python(), workspace, explains=True)
    assert explained.left_out
    assert dataclasses.replace(explained, left_out=()) == plain


def test_a_source_that_is_switched_off_is_not_asked() -> None:
    workspace = FakeWorkspace({"models.py": MODELS, "shop.py": SHOP.replace(MARK, "pass")})
    key = key_at(SHOP, workspace)
    choose_excerpts(key, python(), workspace, sources=frozenset({"imported"}))
    assert "search" not in workspace.asked


@pytest.mark.parametrize("keeps_up", [False, True], ids=["saved", "at every key"])
def test_typing_two_hundred_characters_within_a_function_changes_no_excerpt(
    keeps_up: bool,
) -> None:
    typed = "\n    ".join(
        ["total = 0", "for door in doors:", "    if door.is_open(user):", "        total += 1"]
        + [f"log_{number} = Record(total, [{number}])" for number in range(5)]
    )[:200]
    assert len(typed) == 200
    before, _, after = SHOP.partition(MARK)
    filler = "".join(f"VALUE_{number} = User({number})\n" for number in range(80))
    before = before.replace("\n\n\ndef", f"\n{filler}\n\ndef")
    workspace = FakeWorkspace({"models.py": MODELS, "shop.py": before + "pass" + after})
    room = room_of(before)
    assert len(before) > room.step
    before = "\n" * (-len(before) % room.step + 1) + before  # right behind a border
    offset = len(before)
    assert border_of(offset, room) == border_of(offset + 200, room), "no border within: else moot"
    first = choose_excerpts(key_at(before + MARK + after, workspace), python(), workspace)
    assert first.excerpts
    for count in range(1, len(typed) + 1):
        now = before + typed[:count] + MARK + after
        if keeps_up:
            workspace.given["shop.py"] = facts_of(now.replace(MARK, ""), python())
        key = key_at(now, workspace)
        assert choose_excerpts(key, python(), workspace) == first, typed[:count]


def room_of(before: str) -> Room:
    snapshot, _ = snapshot_at_mark(before + MARK, path="shop.py")
    return room_for(
        snapshot, python(), manifest(), context_tokens=1024, can_fill_in_the_middle=False
    )


def test_while_a_function_grows_its_prompt_begins_anew_at_borders_only() -> None:
    names = ["User", "Record", "greet", "save", "unrelated_helper"]
    chosen = random.Random(4)
    body = "".join(
        f"    value_{number} = {chosen.choice(names)}(user, {number})\n" for number in range(60)
    )
    before, _, after = SHOP.partition(f"    {MARK}")
    workspace = FakeWorkspace({"models.py": MODELS, "shop.py": before + "    pass" + after})
    room = room_of(before)
    previous, restarts, borders = "", 0, set()
    for count in range(0, len(body), 7):
        source = before + body[:count] + MARK + after
        snapshot, cursor = snapshot_at_mark(source, path="shop.py")
        choice = choose_excerpts(key_at(source, workspace), python(), workspace)
        prompt = build_prompt(
            snapshot,
            cursor,
            python(),
            manifest(),
            context_tokens=1024,
            can_fill_in_the_middle=False,
            excerpts=choice.excerpts,
        )
        text = "".join(segment.text for segment in prompt.segments)
        restarts += not text.startswith(previous)
        previous = text
        borders.add(border_of(cursor.offset, room)[1])
    assert len(borders) > 2, "long enough to say something"
    assert restarts <= len(borders) - 1


def test_the_same_question_gets_the_same_excerpts_whatever_was_asked_between() -> None:
    texts = {"models.py": MODELS, "shop.py": SHOP.replace(MARK, "pass")}
    first = choice_at(SHOP, texts)
    choice_at(MODELS.replace("return value", f"return {MARK}value"), texts, path="models.py")
    assert choice_at(SHOP, texts) == first


def test_excerpts_are_in_order_of_path_and_place() -> None:
    others = {
        "zoo.py": "def late(a):\n    return a\n\n\ndef later(a, b):\n    return b\n",
        "ark.py": "def early(a):\n    return a\n",
    }
    imports = "from zoo import later, late\nfrom ark import early\n"
    source = f"{imports}\n\ndef f(x=late, y=later, z=early):\n    ‸\n"
    choice = choice_at(source, others)
    assert shown(choice) == (
        "# ark.py\ndef early(a): ...\n# zoo.py\ndef late(a): ...\ndef later(a, b): ...\n"
    )


def test_another_excerpt_leaves_the_others_as_they_were() -> None:
    others = {
        f"part_{letter}.py": f"def make_{letter}(size):\n    return size\n" for letter in "abc"
    }
    imports = "".join(f"from part_{letter} import make_{letter}\n" for letter in "abc")
    few = choice_at(f"{imports}\n\ndef f(x=make_a, y=make_b):\n    ‸\n", others)
    more = choice_at(f"{imports}\n\ndef f(x=make_a, y=make_b, z=make_c):\n    ‸\n", others)
    assert [each.text for each in more.excerpts[: len(few.excerpts)]] == [
        each.text for each in few.excerpts
    ]


def test_the_excerpts_keep_within_their_room() -> None:
    long = "".join(
        f"def function_{number}(first, second=None, *, third=0):\n    return first\n\n\n"
        for number in range(300)
    )
    source = "from long import *\n\n\ndef f(a=function_1):\n    ‸\n"
    for tokens in (256, 512, 1024):
        choice = choice_at(source, {"long.py": long}, tokens=tokens)
        snapshot, _ = snapshot_at_mark(source, path="shop.py")
        room = room_for(
            snapshot, python(), manifest(), context_tokens=tokens, can_fill_in_the_middle=False
        )
        segments = excerpt_segments(choice.excerpts, python(), manifest())
        assert 0 < sum(len(each.text) for each in segments) <= room.excerpts
        assert choice.tokens <= choice.room_tokens


def test_two_of_the_same_are_shown_once() -> None:
    copy = "def parse(line, separator, limit):\n    return line\n"
    others = {"one.py": copy, "two.py": copy}
    source = "from one import parse\nfrom two import parse\n\n\ndef f(x=parse):\n    ‸\n"
    choice = choice_at(source, others)
    assert [each.path for each in choice.excerpts] == ["one.py"]
    reasons = {each.part.path: each.reason for each in choice.left_out}
    assert reasons["two.py"] is LeftOutBecause.DUPLICATE


def test_what_the_code_at_the_cursor_says_already_is_left_out() -> None:
    lines = [
        "    for item in order.items:",
        "        price = item.price * item.count",
        "        total = total + price",
        "    receipt = Receipt(order, total)",
    ]
    body = "\n".join(lines)
    padding = "".join(f"    note_{number} = order\n" for number in range(60))
    source = f"import paper\n\n\ndef bill(order, total):\n{body}\n{padding}    ‸\n"
    copy = f"def invoice(order, total):\n{body.replace('Receipt', 'Paper')}\n    return receipt\n"
    choice = choice_at(
        source,
        {"paper.py": copy},
        sources=frozenset({"recent"}),
        recent=(RecentPlace("paper.py", 10, "edited"),),
    )
    assert choice.excerpts == ()
    assert [each.reason for each in choice.left_out] == [LeftOutBecause.ECHO]


def test_the_definition_of_a_function_is_no_echo_of_its_call() -> None:
    helper = "def price_of(item, tax, country):\n    return item\n"
    calls = "".join(f"    value_{n} = price_of(item, tax, country)\n" for n in range(50))
    source = f"from helper import price_of\n\n\ndef f(item, tax, country):\n{calls}    ‸\n"
    assert "def price_of(item, tax, country): ..." in shown(
        choice_at(source, {"helper.py": helper})
    )


def test_nothing_of_the_document_that_is_in_the_window_is_shown_twice() -> None:
    filler = "".join(f"FAR_{number} = {number}\n" for number in range(400))
    source = (
        f"def far_above(a, b):\n    return a\n\n\n{filler}\n\n"
        "def near(c):\n    return c\n\n\ndef f(d):\n    ‸\n"
    )
    text = shown(choice_at(source, {}))
    assert "def far_above(a, b): ..." in text
    assert "near" not in text
    assert "def f(d)" not in text


def test_methods_of_the_class_around_the_cursor_that_are_out_of_sight_come_inside_it() -> None:
    filler = "".join(f"        step_{number} = self.cost\n" for number in range(150))
    source = (
        "class Machine:\n    def start(self, key):\n        return key\n\n"
        f"    def run(self):\n{filler}        ‸\n"
    )
    text = shown(choice_at(source, {}, path="machine.py"))
    assert text == "# machine.py\nclass Machine:\n    def start(self, key): ...\n"


def test_a_name_that_the_document_defines_itself_is_not_looked_for_elsewhere() -> None:
    others = {"other.py": "def shared(x, y, z):\n    return x\n"}
    source = "def shared(a):\n    return a\n\n\ndef f(b=shared):\n    ‸\n"
    assert "x, y, z" not in shown(choice_at(source, others))


def test_files_of_other_languages_count_only_where_they_are_imported() -> None:
    workspace = FakeWorkspace(
        {"shop.py": "def f(a=render):\n    pass\n"},
        facts={"render.js": javascript_facts("render")},
    )
    key = key_at("def f(a=render):\n    ‸\n", workspace)
    assert (
        choose_excerpts(key, python(), workspace).reason_against is ReasonAgainst.NOTHING_RESOLVES
    )


def javascript_facts(name: str) -> FileFacts:
    definition = Definition(name, "function", "", 0, 30, f"function {name}(a)", "")
    return FileFacts("javascript", (definition,), (), (), ())


def test_an_importer_shows_how_the_function_at_the_cursor_is_used() -> None:
    others = {"main.py": "from shop import welcome\n\nif True:\n    welcome(who(), doors=[1])\n"}
    choice = choice_at(
        "def welcome(user, doors):\n    ‸\n", others, sources=frozenset({"importers"})
    )
    assert shown(choice) == "# main.py\nwelcome(who(), doors=[1])\n"
    assert choice.excerpts[0].parts[0].source == "importers"


@pytest.mark.parametrize(
    ("source", "path", "tokens", "reason"),
    [
        ("x = 1\n‸", "", 1024, ReasonAgainst.NO_PATH),
        (SHOP, "shop.py", 128, ReasonAgainst.SMALL_BUDGET),
        ("import json\n\n\ndef f(a):\n    ‸\n", "shop.py", 1024, ReasonAgainst.NOTHING_RESOLVES),
        (SHOP, "shop.py", 1024, None),
        ("def f(user: User):\n    ‸\n", "shop.py", 1024, None),
    ],
)
def test_excerpts_are_looked_for_where_the_code_can_use_something_out_of_sight(
    source: str, path: str, tokens: int, reason: ReasonAgainst | None
) -> None:
    workspace = FakeWorkspace({"models.py": MODELS, "shop.py": source.replace(MARK, "pass")})
    key = key_at(source, workspace, tokens=tokens, path=path)
    assert reason_against(key, python(), workspace) is reason
    assert choose_excerpts(key, python(), workspace).reason_against is reason


def test_files_that_vanish_cost_their_excerpts_only() -> None:
    texts = {"models.py": MODELS, "shop.py": SHOP.replace(MARK, "pass")}
    workspace = FakeWorkspace(texts, together={"shop.py": [("gone.py", 1.0)]})
    key = key_at(SHOP, workspace)
    recent = (RecentPlace("gone.py", 99_999, "viewed"), RecentPlace("models.py", 99_999, "edited"))
    choice = choose_excerpts(key, python(), workspace, recent=recent)
    assert [each.path for each in choice.excerpts] == ["models.py"]


@pytest.mark.parametrize(
    "source", ["‸", "\n‸", "(" * 5_000 + "‸", "x" * 1_000_000 + "‸", "\r\n‸🦜"]
)
def test_odd_documents_get_an_answer(source: str) -> None:
    workspace = FakeWorkspace({"models.py": MODELS, "shop.py": source.replace(MARK, "")})
    key = key_at(source, workspace)
    assert choose_excerpts(key, python(), workspace).excerpts == ()


EXCERPTS = (Excerpt("a.py", "def f(): ...\n"), Excerpt("b/c.py", "X = 1\n"))


def test_without_a_native_format_paths_are_comments_in_the_documents_language() -> None:
    segments = excerpt_segments(EXCERPTS, python(), manifest("smollm2-135m"))
    assert "".join(each.text for each in segments) == (
        "# a.py\ndef f(): ...\n\n# b/c.py\nX = 1\n\n"
    )
    go = LANGUAGES.for_editor_id("go")
    assert excerpt_segments(EXCERPTS[:1], go, manifest("smollm2-135m"))[0].text.startswith(
        "// a.py"
    )


def test_with_a_native_format_each_file_follows_its_separator() -> None:
    assert excerpt_segments(EXCERPTS[:1], python(), manifest("qwen2.5-coder-0.5b")) == (
        Segment("<|file_sep|>", is_control=True),
        Segment("a.py\ndef f(): ...\n"),
    )


@pytest.mark.parametrize(
    "model_id", ["smollm2-135m", "qwen2.5-coder-0.5b", "mellum-4b-base", "starcoder2-3b"]
)
def test_excerpts_come_before_the_code_and_never_between_middle_token_and_cursor(
    model_id: str,
) -> None:
    snapshot, cursor = snapshot_at_mark("w = 1\nx = ‸\ny = 2\n", path="a/b.py")
    prompt = build_prompt(
        snapshot,
        cursor,
        python(),
        manifest(model_id),
        context_tokens=512,
        can_fill_in_the_middle=True,
        excerpts=EXCERPTS,
    )
    text = "".join(each.text for each in prompt.segments)
    bare = build_prompt(
        snapshot,
        cursor,
        python(),
        manifest(model_id),
        context_tokens=512,
        can_fill_in_the_middle=True,
    )
    assert text.endswith("".join(each.text for each in bare.segments))
    assert "def f(): ...\n" in text.removesuffix("".join(each.text for each in bare.segments))


@pytest.mark.parametrize("size", [1, 500, 2_000, 5_000])
def test_the_window_keeps_most_of_the_budget_beside_any_excerpts(size: int) -> None:
    lines = "".join(f"value_{number} = {number}\n" for number in range(2_000))
    snapshot, cursor = snapshot_at_mark(lines + MARK, path="a.py")
    excerpts = tuple(Excerpt(f"m{n}.py", "x = 1\n" * (size // 12)) for n in range(2))
    budget = 3 * 1024
    prompt = build_prompt(
        snapshot,
        cursor,
        python(),
        manifest(),
        context_tokens=1024,
        can_fill_in_the_middle=False,
        excerpts=excerpts,
    )
    (segment,) = prompt.segments
    assert len(segment.text) <= budget
    # Of a window of 60 %, a step of a third may have been left behind.
    assert segment.text.count("value_") * 16 >= budget * 0.6 * 2 / 3 - 200
