import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwright.workspace_index import line_memory
from tabwright.workspace_index.line_memory import LineMemory

OTHER = (
    "def load(path):\n    with open(path, encoding='utf-8') as file:\n        return file.read()\n"
)


def proposed(files, source, path="src/now.py", **limits):
    """Return what is proposed at the `|` in a document."""
    memory = LineMemory()
    for other, text in files.items():
        memory.learn(other, text)
    return texts(memory, source, path, **limits)


def texts(memory, source, path="src/now.py", **limits):
    offset = source.index("|")
    text = source.replace("|", "", 1)
    return [each.text for each in memory.proposals(path, text, offset, **limits)]


def test_a_line_goes_on_as_another_file_has_it():
    assert proposed({"src/other.py": OTHER}, "def save(path):\n    with open(|\n")[0] == (
        "path, encoding='utf-8') as file:"
    )


def test_a_line_goes_on_as_the_document_has_it_after_the_cursor():
    source = "first = connect(|\n\nsecond = connect(host, port)\n"

    assert proposed({}, source)[0] == "host, port)"


def test_the_cursors_own_line_behind_the_cursor_is_not_proposed():
    source = "one = first(|unlike_anything, else_here)\ntwo = 2\n"

    assert not any("unlike" in text for text in proposed({}, source))


def test_the_stored_state_of_the_document_is_left_aside():
    memory = LineMemory()
    memory.learn("src/now.py", "value = compute(old, words)\n")

    assert texts(memory, "value = compute(|\n") == []
    assert texts(memory, "value = compute(|\n", path="src/else.py") == ["old, words)"]


@pytest.mark.parametrize("is_settled", [False, True])
def test_a_file_learned_again_is_known_by_its_new_text_only(is_settled):
    memory = LineMemory()
    memory.learn("a.py", "result = compute(old, words)\n")
    if is_settled:
        memory.settle()

    memory.learn("a.py", "result = compute(new, words)\n")

    assert texts(memory, "result = compute(|\n") == ["new, words)"]


@pytest.mark.parametrize("is_settled", [False, True])
def test_a_forgotten_file_is_not_known(is_settled):
    memory = LineMemory()
    memory.learn("a.py", OTHER)
    if is_settled:
        memory.settle()

    memory.forget("a.py")
    memory.forget("never_known.py")

    assert texts(memory, "with open(|\n") == []
    assert memory.characters == 0
    assert not memory.knows("encoding")


def test_within_a_word_the_rest_of_the_word_is_proposed():
    assert proposed({"a.py": OTHER}, "def save(path):\n    with op|\n")[0] == (
        "en(path, encoding='utf-8') as file:"
    )


def test_behind_a_whole_word_what_follows_it_is_proposed():
    assert proposed({"a.py": OTHER}, "def save(path):\n    with open|\n")[0] == (
        "(path, encoding='utf-8') as file:"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("value = compute|\n", " + 1"),
        ("value = compute |\n", "+ 1"),
        ("value = compute \t|\n", "+ 1"),
        ("value =|\n", " compute + 1"),
        ("value = |\n", "compute + 1"),
    ],
)
def test_blanks_before_the_cursor_are_not_proposed_again(source, text):
    assert proposed({"a.py": "value = compute + 1\n"}, source)[0] == text


def test_carriage_returns_are_not_proposed():
    memory = LineMemory()
    memory.learn("a.py", OTHER.replace("\n", "\r\n"))

    found = texts(memory, "def save(path):\r\n    with open(|\r\n")

    assert found[0] == "path, encoding='utf-8') as file:"


def test_tabs_and_spaces_are_the_same_indentation():
    found = proposed(
        {"a.py": "if ready:\n\tstart(engine)\n"}, "if ready:\n    |\nother = 1\n", path="b.py"
    )

    assert found[0] == "start(engine)"


def test_emoji_and_other_scripts_come_out_whole():
    assert proposed({"a.py": "größe = zeige('😀🎉', 名前)\n"}, "größe = zeige('|\n")[0] == (
        "😀🎉', 名前)"
    )


def test_what_most_places_have_comes_first():
    files = {f"{number}.py": "send(message, now)\n" for number in range(5)}

    found = proposed({**files, "z.py": "send(message, later)\n"}, "send(message, |\n")

    assert found == ["now)", "later)"]


def test_the_longer_context_counts_more_than_many_short_ones():
    files = {f"{number}.py": "log(level, now)\n" for number in range(5)}
    files["z.py"] = "if failed:\n    report(error, 1)\n    log(level, later)\n"

    found = proposed(files, "if failed:\n    report(error, 1)\n    log(level, |\n")

    assert found[0] == "later)"


def test_of_equals_the_nearer_file_comes_first():
    files = {
        "src/deep/down/here.py": "send(message, near)\n",
        "lib/deep/down/far.py": "send(message, far)\n",
    }

    found = proposed(files, "send(message, |\n", path="src/deep/down/now.py")

    assert found == ["near)", "far)"]


def test_the_names_of_the_line_before_are_exchanged():
    source = "self.width = width\nself.depth = depth\nself.height = |\n"

    assert proposed({}, source)[0] == "height"


def test_parts_of_names_are_exchanged_in_their_case():
    source = "def get_width(self):\n    return WIDTH[self.width]\n\ndef get_height(self):\n    |\n"

    assert "return HEIGHT[self.height]" in proposed({}, source)


def test_evidence_and_probability_are_within_their_ranges():
    memory = LineMemory()
    memory.learn("a.py", OTHER)

    for each in memory.proposals("b.py", "def load(", 9):
        assert each.text and "\n" not in each.text
        assert 0 < each.probability < 1
        if each.evidence.found:
            assert 0 < each.evidence.found.share <= 1
            assert each.evidence.found.depth == each.evidence.matched_tokens >= 1


def test_no_more_than_the_limit_is_proposed():
    files = {f"{number}.py": f"send(message, word{number})\n" for number in range(9)}

    assert len(proposed(files, "send(message, |\n", limit=3)) == 3


SMALL_FILES = st.lists(
    st.lists(
        st.sampled_from(["a", "b", "c", "(", ")", "=", "\n", "\n    "]), min_size=4, max_size=30
    ).map(" ".join),
    min_size=2,
    max_size=6,
)


@settings(deadline=None)
@given(SMALL_FILES, st.randoms(use_true_random=False))
def test_the_order_of_learning_does_not_matter(contents, shuffle):
    files = [(f"{number % 2}/{number}.py", text) for number, text in enumerate(contents)]
    in_order, out_of_order = LineMemory(), LineMemory()
    for path, text in files:
        in_order.learn(path, text)
    shuffle.shuffle(files)
    for number, (path, text) in enumerate(files):
        out_of_order.learn(path, "something else\n")
        out_of_order.learn(path, text)
        if number == len(files) // 2:
            out_of_order.settle()
    document = contents[0]

    for offset in range(0, len(document), 5):
        one = in_order.proposals("now.py", document, offset)
        other = out_of_order.proposals("now.py", document, offset)
        assert one == other


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(0, 60), st.text(max_size=60))
def test_any_text_is_taken(document, offset, learned):
    memory = LineMemory()
    memory.learn("a", learned)

    for each in memory.proposals("b", document, min(offset, len(document))):
        assert each.text.strip()
        assert "\n" not in each.text


def test_what_is_asked_does_not_depend_on_what_was_asked_before():
    memory, fresh = LineMemory(), LineMemory()
    memory.learn("a.py", OTHER)
    fresh.learn("a.py", OTHER)
    for source in ("def |\n", "def f(\n    x|,\n):\n    pass\n", "", "\n\n|x\n"):
        if "|" in source:
            texts(memory, source)

    source = "def save(path):\n    with open(|\n    pass\n"
    offset, text = source.index("|"), source.replace("|", "")

    assert memory.proposals("src/now.py", text, offset) == fresh.proposals(
        "src/now.py", text, offset
    )


WORDS = ["width", "height", "wide", "unlike", "x1", "self", ".", "=", "(", ")", ",", "\n    "]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(WORDS), min_size=12, max_size=60),
    st.lists(st.sampled_from([*WORDS, "un", "wi", "h"]), min_size=1, max_size=6),
    st.data(),
)
def test_keys_typed_in_a_line_are_answered_as_if_they_were_asked_about_alone(learned, typed, data):
    memory = LineMemory()
    memory.learn("a.py", " ".join(learned))
    memory.learn("b.py", "".join(learned[::-1]))
    before, after = " ".join(learned[: len(learned) // 2]) + "\n    ", "\nself.width = width\n"
    line = ""
    for piece in typed:
        at = data.draw(st.integers(0, len(line)))  # words in the line change as well
        for length in range(1, len(piece) + 1):
            now = line[:at] + piece[:length] + line[at:]
            text, offset = before + now + after, len(before) + len(now)
            fresh = LineMemory()
            fresh.learn("a.py", " ".join(learned))
            fresh.learn("b.py", "".join(learned[::-1]))
            assert memory.proposals("c.py", text, offset) == fresh.proposals("c.py", text, offset)
            assert memory.names("c.py", text, offset) == fresh.names("c.py", text, offset)
        line = now


def test_a_new_name_changed_within_the_line_is_the_one_that_counts():
    memory = LineMemory()
    document = "one = 1\ncopy(alpha, beta, alpha)\nother(2)\ncopy({}, be|\n"
    assert "ta, q1)" in texts(memory, document.format("q1"))
    assert "ta, q2)" in texts(memory, document.format("q2"))


def test_a_file_learned_while_a_word_is_typed_counts_at_the_next_key():
    memory = LineMemory()
    memory.learn("a.py", "self.width = compute(one)\n")
    source = "self.wi|\n"
    assert texts(memory, source) == ["dth = compute(one)"]
    memory.learn("b.py", "self.wide = compute(two)\n")
    assert sorted(texts(memory, source)) == ["de = compute(two)", "dth = compute(one)"]


def test_more_code_than_there_is_room_for_is_not_learned():
    memory = LineMemory(most_characters=100)

    assert memory.learn("a.py", "x" * 60)
    assert not memory.learn("b.py", "y" * 60)
    assert memory.learn("c.py", "z" * 40)
    assert memory.learn("a.py", "x" * 50)
    assert memory.characters == 90
    assert not memory.knows("y" * 60)


def test_a_file_that_became_too_large_is_forgotten():
    memory = LineMemory()
    memory.learn("a.py", "value = compute(old, words)\n")

    assert not memory.learn("a.py", "x" * (line_memory.LARGEST_FILE_CHARACTERS + 1))
    assert texts(memory, "value = compute(|\n") == []


def test_sorting_by_itself_changes_no_answer(monkeypatch):
    files = {
        f"{number}.py": f"{OTHER}word{number} = load(number{number})\n" for number in range(20)
    }
    source = "def save(path):\n    with open(path, |\n"
    loose = proposed(files, source)
    monkeypatch.setattr(line_memory, "_FEWEST_SORTED", 50)

    assert proposed(files, source) == loose


def test_asking_while_learning_is_safe():
    memory = LineMemory()
    failures = []

    def learn():
        try:
            for number in range(200):
                memory.learn(f"{number % 20}.py", OTHER + f"word{number} = {number}\n")
                if number % 50 == 0:
                    memory.settle()
        except Exception as error:  # whatever it is, the test must see it
            failures.append(error)

    thread = threading.Thread(target=learn)
    thread.start()
    while thread.is_alive():
        texts(memory, "def save(path):\n    with open(|\n")
    thread.join()

    assert failures == []
    assert texts(memory, "def save(path):\n    with open(|\n")[0].startswith("path, enc")


def test_a_name_is_known_as_long_as_a_file_has_it():
    memory = LineMemory()
    memory.learn("a.py", "shared = 1\n")
    memory.learn("b.py", "shared = 2\n")

    memory.forget("a.py")
    assert memory.knows("shared")
    assert not memory.knows("Shared")
    memory.learn("b.py", "other = 2\n")

    assert not memory.knows("shared")
    assert memory.names("now.py", "sha", 3) == ()
