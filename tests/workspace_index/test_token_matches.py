from hypothesis import given
from hypothesis import strategies as st

from tabwright.workspace_index.lexing import PATTERN, Vocabulary, tokens_of
from tabwright.workspace_index.token_matches import SortedTokens, agreeing_after, scan

WORDS = st.lists(st.sampled_from(["a", "b", "c", "(", "\n"]), max_size=40).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=4), WORDS)
def test_sorted_files_have_the_places_that_looking_at_every_token_finds(texts, before):
    vocabulary = Vocabulary()
    files = [(str(number), tokens_of(text, vocabulary)) for number, text in enumerate(texts)]
    in_order = SortedTokens(files)
    context = vocabulary.lookup(before)[0][::-1][:20]

    found, expected = in_order.find(context), scan(in_order.tokens.cores, context)

    assert sorted(zip(found.places.tolist(), found.depths.tolist(), strict=True)) == sorted(
        zip(expected.places.tolist(), expected.depths.tolist(), strict=True)
    )


def test_the_tokens_that_agree_are_counted():
    vocabulary = Vocabulary()
    text = "a b c d\nx b c d\nc d"
    in_order = SortedTokens([("file", tokens_of(text, vocabulary))])
    context = vocabulary.lookup("x b c")[0][::-1]

    found = in_order.find(context)

    counts = {
        text_before(vocabulary, in_order, place): depth
        for place, depth in zip(found.places.tolist(), found.depths.tolist(), strict=True)
    }
    assert counts == {"a b c": 2, "a b c d\nx b c": 3, "a b c d\nx b c d\nc": 1}


def text_before(vocabulary, in_order, place):
    return vocabulary.text_of(in_order.tokens.surfaces[:place])


def test_a_context_that_is_nowhere_has_no_places():
    vocabulary = Vocabulary()
    in_order = SortedTokens([("file", tokens_of("a b c", vocabulary))])

    assert not len(in_order.find(vocabulary.lookup("z")[0]))
    assert not len(in_order.find([]))


def test_each_file_has_its_tokens_back():
    vocabulary = Vocabulary()
    texts = ["a b\n", "", "c"]
    in_order = SortedTokens([(text, tokens_of(text, vocabulary)) for text in texts])

    again = [vocabulary.text_of(in_order.file_tokens(n).surfaces) for n in range(len(texts))]

    assert again == texts


def test_what_follows_is_compared_up_to_the_end_of_the_text():
    vocabulary = Vocabulary()
    tokens = tokens_of("a b c a b", vocabulary)
    following = vocabulary.lookup("b c")[0]
    after_a = [n + 1 for n, core in enumerate(tokens.cores) if vocabulary.words[core] == "a"]

    counts = agreeing_after(tokens.cores, scan(tokens.cores, [tokens.cores[1]]).places, following)

    assert len(PATTERN.findall("a b c a b")) == 5
    assert len(after_a) == 2
    assert counts.tolist() == [2, 1]
