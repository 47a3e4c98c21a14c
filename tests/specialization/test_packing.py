import numpy as np

from tabwright.specialization.packing import TokenForest, TokenSequence, tree_of


def path_to(forest: TokenForest, index: int) -> list[int]:
    tokens: list[int] = []
    while index >= 0:
        tokens.insert(0, forest.tokens[index])
        index = forest.parents[index]
    return tokens


def test_each_token_of_a_common_beginning_is_held_once():
    tree = tree_of([TokenSequence([1, 2, 3, 9], [4, 5]), TokenSequence([1, 2, 3, 4, 9], [5])])
    assert len(tree) == len([1, 2, 3, 9, 4]) + len([4, 9])


def test_every_answer_is_predicted_behind_its_own_prompt():
    sequences = [
        TokenSequence([1, 2, 9], [3, 4, 0]),
        TokenSequence([1, 2, 3, 9], [4, 0]),
        TokenSequence([7, 9], [8]),
    ]
    tree = tree_of(sequences)
    wanted = {
        ((*each.prompt, *each.answer[:place]), token)
        for each in sequences
        for place, token in enumerate(each.answer)
    }
    found = {(tuple(path_to(tree, node)), token) for node, token in tree.targets}
    assert found == wanted


def test_a_token_sees_what_goes_before_it_in_its_own_sequence_and_nothing_else():
    tree = tree_of([TokenSequence([1, 2, 9], [3, 4]), TokenSequence([1, 2, 5, 9], [6, 4])])
    sees = tree.ancestors(len(tree) + 2)
    for index in range(len(tree)):
        seen = [tree.tokens[each] for each in np.flatnonzero(sees[index])]
        assert seen == path_to(tree, index)
        assert tree.depths[index] == len(seen) - 1


def test_padding_sees_itself_so_that_no_softmax_is_empty():
    sees = tree_of([TokenSequence([1], [2])]).ancestors(3)
    assert sees[1:].sum(axis=1).tolist() == [1, 1]


def test_joined_trees_do_not_see_each_other():
    first = tree_of([TokenSequence([1, 2], [3, 4])])
    size = len(first)
    first.join(tree_of([TokenSequence([1, 2], [3, 4])]))
    sees = first.ancestors(len(first))
    assert not sees[size:, :size].any()
    assert first.depths[size] == 0
    assert {node for node, _ in first.targets} == {1, 2, size + 1, size + 2}


def test_prompts_are_predicted_from_a_depth_on_with_their_weight_but_for_the_control_token():
    tree = tree_of([TokenSequence([1, 2, 3, 9], [4])], prompt_from=2, prompt_weight=0.5)
    assert tree.targets == {(1, 3): 0.5, (3, 4): 1.0}
    assert tree.of_prompts == {(1, 3)}


def test_of_a_prompt_only_what_is_to_be_learned_is_predicted():
    tree = tree_of(
        [TokenSequence([1, 2, 3, 9], [3])],
        prompt_from=1,
        prompt_weight=0.5,
        is_learned=lambda token: token != 3,
    )
    assert tree.targets == {(0, 2): 0.5, (3, 3): 1.0}


def test_what_is_an_answer_somewhere_counts_as_one():
    sequences = [TokenSequence([1, 9], [2, 0]), TokenSequence([1, 2, 9], [0])]
    tree = tree_of(sequences, prompt_from=1, prompt_weight=0.5)
    assert {weight for (_, token), weight in tree.targets.items() if token == 0} == {1.0}
    assert not {target for target in tree.of_prompts if tree.targets[target] != 0.5}


def test_the_last_prediction_has_a_weight_of_its_own_and_some_are_of_another_token():
    tree = tree_of([TokenSequence([9], [1, 2, 3, 0], 2.5, {1: (0, 0.5)})])
    assert tree.tokens == [9, 1, 2, 3]
    assert tree.targets == {(0, 1): 1.0, (1, 0): 0.5, (2, 3): 1.0, (3, 0): 2.5}
