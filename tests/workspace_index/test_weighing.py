"""Proposals are weighed by as many numbers as there are weights."""

from __future__ import annotations

from tabwright.workspace_index.line_memory import LineMemory
from tabwright.workspace_index.weighing import (
    ADAPTED_FEATURES,
    ADAPTED_WEIGHTS,
    FOUND_FEATURES,
    FOUND_WEIGHTS,
    adapted_features,
    found_features,
)


def test_every_feature_has_a_weight() -> None:
    memory = LineMemory()
    memory.learn("a.py", "self.width = width\n")
    text = "self.width = width\nself.depth = depth\nself.height = \n"
    proposals = memory.proposals("b.py", text, len(text) - 1)
    found = [each.evidence for each in proposals if each.evidence.found]
    adapted = [each.evidence for each in proposals if each.evidence.adapted]
    assert found
    assert adapted
    for each in found:
        assert each.found is not None
        assert len(found_features(each, each.found)) == len(FOUND_WEIGHTS) == len(FOUND_FEATURES)
    for each in adapted:
        assert each.adapted is not None
        count = len(adapted_features(each, each.adapted))
        assert count == len(ADAPTED_WEIGHTS) == len(ADAPTED_FEATURES)
