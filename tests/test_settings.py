"""Settings as editors send them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwright.settings import CompletionSettings, Settings, camel_case, read_settings


def test_nothing_means_the_defaults() -> None:
    for nothing in (None, {}):
        assert read_settings(nothing).settings == Settings()
        assert read_settings(nothing).problems == ()


def test_camel_and_snake_case_are_the_same_setting() -> None:
    for name in ("debounceSeconds", "debounce_seconds"):
        assert read_settings({name: 0.5}).settings.debounce_seconds == 0.5


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"debounceSeconds": "fast"}, "debounceSeconds"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"trigger": "sometimes"}, "trigger"),
        ({"maxLines": 0}, "maxLines"),
        ({"contextTokens": 10**9}, "contextTokens"),
        ({"gpuLayers": "many"}, "gpuLayers"),
        ({"exclude": "*.py"}, "exclude"),
        ({"languages": ["python"]}, "languages"),
        ({"languages": {"python": True}}, "languages.python"),
        ({"languages": {"python": {"lines": 3}}}, "languages.python.lines"),
        ({"languages": {"python": {"threads": 3}}}, "languages.python.threads"),
        ({"enbled": True}, "enbled"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence_and_its_default_used(
    values: dict[str, object], named: str
) -> None:
    result = read_settings(values)
    (problem,) = result.problems
    assert f"tabwright.{named}" in problem
    assert problem.count(". ") == 0
    assert result.settings == Settings(languages=result.settings.languages)


def test_a_wrong_setting_costs_no_other() -> None:
    result = read_settings({"enabled": "yes", "maxLines": 3, "languages": {"go": {"maxLines": 4}}})
    assert result.settings.max_lines == 3
    assert result.settings.for_language("go").max_lines == 4


def test_settings_that_are_no_object_are_refused_as_a_whole() -> None:
    result = read_settings(["enabled"])
    assert result.settings == Settings()
    assert len(result.problems) == 1


def test_a_language_overrides_what_holds_for_all() -> None:
    settings = read_settings(
        {"maxLines": 5, "model": "a", "languages": {"go": {"enabled": False, "model": "b"}}}
    ).settings
    assert settings.for_language("python") == CompletionSettings(max_lines=5, model="a")
    assert settings.for_language("go") == CompletionSettings(max_lines=5, model="b", enabled=False)


def test_a_workspace_overrides_what_holds_for_its_languages_elsewhere() -> None:
    settings = read_settings(
        {
            "model": "a",
            "languages": {"go": {"model": "b", "maxLines": 3}},
            "workspaces": {
                "/work/shop": {"model": "c", "languages": {"go": {"model": "d"}}},
                "~/lab/*": {"enabled": False},
                "site": {"lines": "single"},
            },
        }
    ).settings
    assert settings.for_place("python", "/work/shop").model == "c"
    assert settings.for_place("go", "/work/shop") == CompletionSettings(model="d", max_lines=3)
    assert settings.for_place("go", "/work/shop2").model == "b"
    assert settings.for_place("go", "").model == "b"
    home = Path("~/lab/x").expanduser()
    assert not settings.for_place("python", str(home)).enabled
    assert settings.for_place("python", "/any/site").lines == "single"
    assert len(settings.everywhere()) > 4


@pytest.mark.parametrize(
    ("there", "named"),
    [
        (3, "workspaces./w"),
        ({"maxLines": 0}, "workspaces./w.maxLines"),
        ({"threads": 2}, "workspaces./w.threads"),
        ({"languages": {"go": {"maxLines": 0}}}, "workspaces./w.languages.go.maxLines"),
        ({"languages": 3}, "workspaces./w.languages"),
    ],
)
def test_a_wrong_setting_of_a_workspace_is_named(there: object, named: str) -> None:
    result = read_settings({"maxLines": 7, "workspaces": {"/w": there}})
    (problem,) = result.problems
    assert f"tabwright.{named}" in problem
    assert result.settings.for_place("go", "/w").max_lines == 7


def test_code_in_another_text_has_the_settings_of_its_own_language() -> None:
    settings = read_settings({"languages": {"css": {"enabled": False}}}).settings
    assert settings.for_place("python", "", around="markdown").trigger == "automatic"
    assert not settings.for_place("css", "", around="html").enabled
    quiet = read_settings(
        {"languages": {"html": {"enabled": False}, "markdown": {"trigger": "manual"}}}
    ).settings
    assert not quiet.for_place("javascript", "", around="html").enabled
    assert quiet.for_place("python", "", around="markdown").trigger == "manual"


def test_prose_is_completed_by_hand_only_until_the_user_says_otherwise() -> None:
    assert Settings().for_language("markdown").trigger == "manual"
    chosen = read_settings({"languages": {"markdown": {"trigger": "automatic"}}}).settings
    assert chosen.for_language("markdown").trigger == "automatic"


def test_an_unset_value_of_an_editor_is_the_default() -> None:
    assert read_settings({"maxLines": None}).settings == Settings()


def test_names_go_to_the_editor_in_camel_case() -> None:
    assert camel_case("in_comments_and_strings") == "inCommentsAndStrings"
