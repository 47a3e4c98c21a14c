"""What decides about the model at a place."""

from __future__ import annotations

import dataclasses

import pytest

from completion.scripted import request_at_mark
from model.models import a_manifest
from tabwright.session.places import AskedAbout, asked_about, route_of

ALL = AskedAbout(comments=True, modules=True)


@pytest.mark.parametrize(
    ("source", "is_comment"),
    [
        ("# why ‸", True),
        ('def f():\n    """What ‸"""\n', True),
        ('def f():\n    """What ‸', True),
        ('x = """a ‸"""\n', False),
        ('print("a ‸")\n', False),
        ("x = ‸1\n", False),
    ],
)
def test_comments_and_docstrings_are_told_apart_from_code(source: str, *, is_comment: bool) -> None:
    route = route_of(request_at_mark(source), "/work", ALL)
    assert ("comments" in route.use_cases) is is_comment
    assert route.language == "python"
    assert route.workspace == "/work"


def test_imports_are_those_of_the_document_wherever_the_cursor_is() -> None:
    source = "import os\nfrom attrs.validators import instance_of\n\nx = 1\n‸"
    request = request_at_mark(source)
    assert route_of(request, "", ALL).modules == {"os", "attrs.validators"}
    text = request.snapshot.text
    more = dataclasses.replace(request.snapshot, text=text + "import re\n")
    longer = dataclasses.replace(request, snapshot=more)
    assert route_of(longer, "", ALL).modules == {"os", "attrs.validators", "re"}


def test_what_no_model_makes_a_difference_by_is_not_found_out() -> None:
    request = request_at_mark("import os\n# why ‸")
    route = route_of(request, "", AskedAbout())
    assert route.modules == frozenset()
    assert route.use_cases == frozenset()


def test_what_models_make_a_difference_by() -> None:
    assert asked_about((a_manifest("a"),)) == AskedAbout()
    assert asked_about((a_manifest("a", products=("/work",)),)) == AskedAbout()
    assert asked_about((a_manifest("a", products=("attrs",)),)) == AskedAbout(modules=True)
    assert asked_about((a_manifest("a", use_cases=("tests", "comments")),)) == AskedAbout(
        comments=True
    )
