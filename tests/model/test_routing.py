"""Which model answers where, by the manifests alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from model.models import a_manifest, evidence
from tabwright.model.manifest import Manifest
from tabwright.model.measurements import Measurement
from tabwright.model.routing import Machine, Route, Routed, route

MACHINE = Machine(memory_mb=16_000)
PYTHON = Route("python", workspace="/work/shop")

GENERAL = a_manifest("general")
SPECIALIST = a_manifest("py", "python", base="general", evidence=(evidence("general"),))


def routed(
    *manifests: Manifest,
    where: Route = PYTHON,
    machine: Machine = MACHINE,
    problems: Mapping[str, str] = {},
) -> Routed:
    return route(manifests, where, machine, lambda each: problems.get(each.id, ""))


def chosen(
    *manifests: Manifest,
    where: Route = PYTHON,
    machine: Machine = MACHINE,
    problems: Mapping[str, str] = {},
) -> str:
    found = routed(*manifests, where=where, machine=machine, problems=problems).chosen
    return found.manifest.id if found is not None else ""


def reasons(found: Routed) -> dict[str, str]:
    return {each.manifest.id: each.reason for each in found.others}


# ---- models with weights of their own ----


def test_without_a_model_for_the_language_there_is_none() -> None:
    assert chosen() == ""
    assert chosen(a_manifest("go-only", "go")) == ""


def test_a_model_for_the_language_goes_before_a_larger_general_one() -> None:
    large = a_manifest("large", parameters_millions=7000)
    assert chosen(large, a_manifest("small", "python", parameters_millions=100)) == "small"


def test_filling_in_the_middle_goes_before_size_and_size_before_the_rest() -> None:
    blind = a_manifest("blind", parameters_millions=900, fill_in_the_middle=None)
    assert chosen(blind, GENERAL) == "general"
    assert chosen(a_manifest("large", parameters_millions=900), GENERAL) == "large"


def test_a_model_that_takes_half_of_the_memory_is_not_chosen_while_another_fits() -> None:
    huge = a_manifest("huge", "python", parameters_millions=9000, memory_mb=9000)
    assert chosen(huge, GENERAL) == "general"
    assert "9,000 MB" in reasons(routed(huge, GENERAL))["huge"]
    assert chosen(huge) == "huge"


def test_a_model_may_take_the_memory_of_a_gpu_instead() -> None:
    huge = a_manifest("huge", "python", memory_mb=9000)
    machine = Machine(memory_mb=16_000, gpu_memory_mb=12_000)
    assert chosen(huge, GENERAL, machine=machine) == "huge"


def test_a_model_that_was_measured_to_be_too_slow_is_not_chosen_while_another_is_quick() -> None:
    large = a_manifest("large", parameters_millions=7000)
    slow = Machine(16_000, speeds={"large": Measurement(read=30, write=2)})
    assert chosen(large, GENERAL, machine=slow) == "general"
    assert "2 tokens per second" in reasons(routed(large, GENERAL, machine=slow))["large"]
    assert chosen(large, machine=slow) == "large"
    quick = Machine(16_000, speeds={"large": Measurement(read=400, write=40)})
    assert chosen(large, GENERAL, machine=quick) == "large"


# ---- models that were made from others ----


def test_a_specialist_takes_the_place_of_its_base_in_its_language_alone() -> None:
    assert chosen(GENERAL, SPECIALIST) == "py"
    assert chosen(SPECIALIST, GENERAL) == "py"
    assert chosen(GENERAL, SPECIALIST, where=Route("go")) == "general"


def test_its_reason_holds_the_proof() -> None:
    found = routed(GENERAL, SPECIALIST)
    assert found.chosen is not None
    assert found.chosen.reason == (
        "for python; exact match 0.3 against 0.1 of general on 400 held-out items"
    )
    assert reasons(found) == {"general": "py is better: " + found.chosen.reason.split("; ")[1]}


@pytest.mark.parametrize(
    "proof",
    [
        (),
        (evidence("general", low=-0.01),),
        (evidence("general", low=0.0),),
        (evidence("stranger"),),
        (evidence("general", language="go"),),
        (evidence("general"), evidence("general", low=-0.3, high=-0.1)),
        (evidence("general", language="*"), evidence("general", low=-0.1)),
    ],
    ids=["none", "loses", "draws", "stranger", "language", "mixed", "not-in-python"],
)
def test_without_proof_a_specialist_is_not_taken(proof: tuple[object, ...]) -> None:
    unproved = a_manifest("py", "python", "go", base="general", evidence=proof)
    assert chosen(GENERAL, unproved) == "general"
    assert chosen(unproved) == ""
    assert "general" in reasons(routed(GENERAL, unproved))["py"]


def test_proof_for_all_languages_holds_where_there_is_none_for_one() -> None:
    many = a_manifest("many", base="general", evidence=(evidence("general", language="*"),))
    assert chosen(GENERAL, many, where=Route("go")) == "many"


def test_a_stranger_keeps_its_place_until_it_is_beaten_too() -> None:
    stranger = a_manifest("stranger", parameters_millions=7000)
    assert chosen(GENERAL, SPECIALIST, stranger) == "stranger"
    assert "not been shown" in reasons(routed(GENERAL, SPECIALIST, stranger))["py"]
    proved = a_manifest(
        "py", "python", base="general", evidence=(evidence("general"), evidence("stranger"))
    )
    assert chosen(GENERAL, proved, stranger) == "py"


@pytest.mark.parametrize(
    "problem", ["The adapter of py is not at weights/py.gguf.", "It cannot be loaded."]
)
def test_where_a_specialist_cannot_be_used_its_base_answers(problem: str) -> None:
    found = routed(GENERAL, SPECIALIST, problems={"py": problem})
    assert found.chosen is not None
    assert found.chosen.manifest is GENERAL
    assert reasons(found) == {"py": problem.rstrip(".")}


def test_a_specialist_that_is_too_slow_or_too_large_leaves_its_base_in_place() -> None:
    slow = Machine(16_000, speeds={"py": Measurement(read=30, write=2)})
    assert chosen(GENERAL, SPECIALIST, machine=slow) == "general"
    large = a_manifest("py", "python", base="general", evidence=SPECIALIST.evidence, memory_mb=9000)
    assert chosen(GENERAL, large) == "general"


def test_it_answers_where_its_base_is_no_longer_here() -> None:
    assert chosen(GENERAL, SPECIALIST, problems={"general": "not here"}) == "py"


# ---- use cases and products ----

TESTS = a_manifest(
    "py-tests", "python", base="general", use_cases=("tests",), evidence=(evidence("general"),)
)
OF_SHOP = a_manifest(
    "shop", "python", base="py", products=("/work/shop",), evidence=(evidence("py"),)
)
IN_TESTS = Route("python", frozenset({"tests"}), "/work/shop")


def test_a_use_case_goes_before_a_language_and_a_product_before_both() -> None:
    assert chosen(GENERAL, SPECIALIST, TESTS) == "py"
    assert chosen(GENERAL, SPECIALIST, TESTS, where=IN_TESTS) == "py-tests"
    assert chosen(OF_SHOP, GENERAL, SPECIALIST, TESTS, where=IN_TESTS) == "shop"
    assert chosen(OF_SHOP, GENERAL, SPECIALIST, where=Route("python")) == "py"
    assert chosen(OF_SHOP, GENERAL, SPECIALIST, where=Route("go", workspace="/work/shop")) == (
        "general"
    )


@pytest.mark.parametrize(
    ("workspace", "is_meant"),
    [("/work/shop", True), ("/work/shop/api", True), ("/work/shopping", False), ("", False)],
)
def test_a_product_is_a_workspace_or_a_folder_inside(workspace: str, *, is_meant: bool) -> None:
    where = Route("python", workspace=workspace)
    assert (chosen(GENERAL, SPECIALIST, OF_SHOP, where=where) == "shop") is is_meant


@pytest.mark.parametrize(
    ("module", "is_meant"),
    [
        ("attrs", True),
        ("attrs.validators", True),
        ("attrs/x", True),
        ("attrs::x", True),
        ("attrsplus", False),
        ("my.attrs", False),
    ],
)
def test_a_product_is_a_package_that_is_imported(module: str, *, is_meant: bool) -> None:
    of_attrs = a_manifest(
        "attrs", "python", base="general", products=("attrs",), evidence=(evidence("general"),)
    )
    where = Route("python", modules=frozenset({"os", module}))
    assert (chosen(GENERAL, of_attrs, where=where) == "attrs") is is_meant


def test_the_more_specific_one_is_not_taken_where_it_was_compared_and_did_not_win() -> None:
    compared = a_manifest(
        "py-tests",
        "python",
        base="general",
        use_cases=("tests",),
        evidence=(evidence("general"), evidence("py", low=-0.1)),
    )
    assert chosen(GENERAL, SPECIALIST, compared, where=IN_TESTS) == "py"
    assert reasons(routed(GENERAL, SPECIALIST, compared, where=IN_TESTS))["py-tests"] == (
        "has not beaten py"
    )


def test_of_two_for_the_same_language_the_one_that_beat_the_other_is_taken() -> None:
    newer = a_manifest(
        "a-newer", "python", base="general", evidence=(evidence("general"), evidence("py"))
    )
    assert chosen(GENERAL, SPECIALIST, newer) == "a-newer"
    assert chosen(GENERAL, newer, SPECIALIST) == "a-newer"


def test_every_model_for_the_language_gets_one_reason() -> None:
    found = routed(GENERAL, SPECIALIST, TESTS, OF_SHOP, a_manifest("go-only", "go"))
    assert found.chosen is not None
    assert {found.chosen.manifest.id, *reasons(found)} == {"general", "py", "py-tests", "shop"}
    assert len(found.others) == 3
    assert all(each.reason for each in found.others)
