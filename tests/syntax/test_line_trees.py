"""Trees that are made from one another give the answers that a fresh start gives."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwright.bundled_data import grammars_folder
from tabwright.syntax.block_end import block_end
from tabwright.syntax.closing import missing_closers
from tabwright.syntax.languages import Language, LanguageRegistry
from tabwright.syntax.line_trees import ITEMS_AFTER_CHARACTERS, ITEMS_BEFORE_CHARACTERS
from tabwright.syntax.names import unknown_name
from tabwright.syntax.newest import Newest
from tabwright.syntax.soundness import sound_length
from tabwright.syntax.syntax_tree import SyntaxTree
from tabwright.syntax.typed_closers import undoubled_length

PROGRAMS = {
    "python": 'class A:\n    """Say 😀."""\n\n    def f(self, x):\n        return [g(x)]\n\n\n',
    "javascript": "function f(x) {\n  const a = { b: [`c ${x}`] };\n  return g(a, /d/);\n}\n\n",
    "rust": "fn f<'a>(x: &'a str) -> String {\n    let y = g(x, \"some\");\n    y\n}\n\n",
    "ruby": 'def f(x)\n  if x\n    puts "a #{x}"\n  end\nend\n\n',
    "bash": 'f() {\n  if [ -n "$x" ]; then\n    echo "$x"\n  fi\n}\n\n',
    "lua": 'local function f(x)\n  if x then\n    return g("b")\n  end\nend\n\n',
    "html": '<div class="a">\n  <p>b</p>\n</div>\n\n',
    "php": "<?php\nfunction f($x) {\n  return g($x, 'b');\n}\n\n",
    "c": '#ifndef A\n#define A\nint f(int x)\n{\n    return g(x, "b");\n}\n#endif\n',
}
PIECES = [" ", "x", "if", "end", "(", ")", "[", "]", "{", "}", '"', "'", "`", "#", "/*", "*/", ":"]
PIECES += [";", "\n", "\r\n", "    ", "f(a, [b", "</p>", "<b>", "=", "😀", "\0", "\ud800", "then"]

some_text = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
languages = st.sampled_from(sorted(PROGRAMS))


def fresh_language(language_id: str) -> Language:
    registry = LanguageRegistry([grammars_folder()])
    return {each.id: each for each in registry.all()}[language_id]


def answers(language: Language, before: str, suggestion: str, after: str) -> tuple[object, ...]:
    parsed = language.parse(before + after)
    return (
        parsed.place_at(len(before)),
        parsed.open_since(len(before)),
        parsed.is_at_block_opening(len(before)),
        sound_length(language, before, suggestion, after, list(range(0, len(suggestion), 3))),
        missing_closers(language, before, suggestion, after),
        block_end(language, before, suggestion, after),
        undoubled_length(language.scanner, before, suggestion, after),
        unknown_name(language, before, suggestion, after),
    )


@settings(max_examples=60, deadline=None)
@given(languages, st.lists(st.tuples(st.integers(0, 10_000), some_text, some_text), max_size=5))
def test_an_answer_does_not_depend_on_what_was_asked_before(language_id, steps):
    program = PROGRAMS[language_id] * 60
    used = fresh_language(language_id)
    for place, typed, suggestion in steps:
        offset = place % len(program)
        before, after = program[:offset] + typed, program[offset:]
        first = answers(used, before, suggestion, after)
        assert first == answers(fresh_language(language_id), before, suggestion, after)
        assert first == answers(used, before, suggestion, after)


@settings(max_examples=150, deadline=None)
@given(languages, st.integers(0, 10_000), st.lists(some_text, min_size=1, max_size=3))
def test_all_faults_of_a_tree_made_from_another_are_found(language_id, place, texts):
    grammar = fresh_language(language_id).grammar
    tree = SyntaxTree(PROGRAMS[language_id] * 5, grammar)
    for text in texts:
        offset = place % len(tree.text)
        tree = tree.with_replaced(offset, min(offset + len(text) // 2, len(tree.text)), text)
        found = tree.faults
        tree.__dict__.pop("faults")
        tree.__dict__.pop("_captured_faults")
        tree._origin = None  # look through all of it
        assert found == tree.faults


@pytest.mark.parametrize("language_id", sorted(PROGRAMS))
def test_a_sound_program_has_the_same_tree_typed_or_opened(language_id):
    grammar = fresh_language(language_id).grammar
    program = PROGRAMS[language_id] * (1 if language_id == "php" else 4)
    whole = SyntaxTree(program, grammar)
    start = 0
    for line in program.splitlines(keepends=True):
        without = SyntaxTree(program[:start] + program[start + len(line) :], grammar)
        typed = without.with_replaced(start, start, line)
        assert typed.text == program
        assert str(typed._tree.root_node) == str(whole._tree.root_node)
        start += len(line)


def test_typing_on_a_line_parses_the_program_once(monkeypatch):
    parsed_texts = []
    original = SyntaxTree.__init__

    def counted(self, text, grammar):
        parsed_texts.append(text)
        original(self, text, grammar)

    monkeypatch.setattr(SyntaxTree, "__init__", counted)
    python = fresh_language("python")
    above, below = PROGRAMS["python"] * 300, "\n" + PROGRAMS["python"] * 300
    line = "value = compute(above, below)"
    for length in range(len(line) + 1):
        answers(python, above + line[:length], line[length:], below)
    whole = [text for text in parsed_texts if text == above + below]
    parts = [text for text in parsed_texts if len(text) > len(line) and text != above + below]
    assert len(whole) == 1
    assert len(parts) == 1  # the definitions around the line
    assert len(parts[0]) < len(whole[0]) / 3


def test_the_definitions_around_a_line_are_whole(language):
    program = PROGRAMS["python"] * 300
    offset = program.index("return", len(program) // 2)
    part = language("python").program_at(program[:offset], program[offset:])
    assert program.startswith(part.text, part.start)
    assert part.text.startswith("class A:")
    assert part.text.endswith("\n\n")
    assert part.start <= offset - ITEMS_BEFORE_CHARACTERS
    assert part.start + len(part.text) >= offset + ITEMS_AFTER_CHARACTERS
    assert part.text[part.offset :].startswith("return")
    assert part.tree.text == part.text


@pytest.mark.parametrize(
    ("language_id", "program"),
    [
        ("php", "<?php\n" + "function f($x) {\n  return 1;\n}\n" * 400),
        ("c", "#ifndef A\n" + "int f(void)\n{\n    return 1;\n}\n" * 400 + "#endif\n"),
        ("java", "class A {\n" + "  int f() {\n    return 1;\n  }\n" * 400 + "}\n"),
        ("cpp", "namespace a {\n" + "int f()\n{\n    return 1;\n}\n" * 400 + "}\n"),
    ],
)
def test_what_cannot_stand_by_itself_is_not_taken_apart(language, language_id, program):
    offset = program.index("return", len(program) // 2)
    part = language(language_id).program_at(program[:offset], program[offset:])
    assert part.start == 0
    assert part.tree.faults == ()


def test_several_threads_may_ask_at_a_time():
    python = fresh_language("python")
    choice = random.Random(1)
    program = PROGRAMS["python"] * 30
    offsets = [choice.randrange(len(program)) for _ in range(40)]
    questions = [(program[:offset], "f(a, [b", program[offset:]) for offset in offsets]
    alone = [answers(fresh_language("python"), *question) for question in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda question: answers(python, *question), questions)) == alone


def test_what_is_kept_is_bounded():
    newest = Newest(3)
    for number in range(10):
        assert newest.get(number, lambda value=number: [value]) == [number]
    kept = newest.get(9, lambda: ["made again"])
    assert kept == [9]
    assert newest.get(0, lambda: ["made again"]) == ["made again"]


@pytest.mark.parametrize("language_id", ["javascript", "python", "rust", "java", "c"])
@pytest.mark.parametrize("piece", ["[", "{", "(", "[\n", "[ ", "/*"])
def test_many_open_brackets_take_little_time(language_id, piece):
    # Six seconds and more were the rule; the limit is loose, for slow and busy machines.
    before = piece * (50_000 // len(piece))
    started = time.thread_time()
    answers(fresh_language(language_id), before, "f(a", "\n" + before)
    assert time.thread_time() - started < 4
