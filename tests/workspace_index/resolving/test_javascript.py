"""Specifiers of JavaScript and TypeScript."""

import json

import pytest

from tabwright.workspace_index.facts import Import
from workspace_index.resolving.resolving import resolved, resolver_of, workspace


def names(files, path, specifier):
    return resolved(files, path, "javascript", specifier)


@pytest.mark.parametrize(
    ("specifier", "file"),
    [
        ("./util", "src/util.ts"),
        ("./util.js", "src/util.ts"),
        ("./view", "src/view.tsx"),
        ("./view.jsx", "src/view.tsx"),
        ("./esm.mjs", "src/esm.mts"),
        ("./old.js", "src/old.js"),
        ("./parts", "src/parts/index.ts"),
        ("./parts/", "src/parts/index.ts"),
        ("./parts/index.js", "src/parts/index.ts"),
        (".", "src/index.ts"),
        ("../config.json", "config.json"),
        ("./icon.svg?raw", "src/icon.svg"),
        ("./a.b", "src/a.b.ts"),
        ("./native", "src/native.ios.tsx"),
        ("../../outside", None),
        ("util", None),
        ("fs", None),
        ("", None),
        ("./missing", None),
    ],
)
def test_a_relative_specifier_may_lack_its_ending_or_have_that_of_what_is_built(specifier, file):
    files = workspace(
        "src/util.ts",
        "src/view.tsx",
        "src/esm.mts",
        "src/old.js",
        "src/parts/index.ts",
        "src/index.ts",
        "config.json",
        "src/icon.svg",
        "src/a.b.ts",
        "src/native.ios.tsx",
    )
    assert names(files, "src/main.ts", specifier) == ([file] if file else [])


def test_typescript_prefers_the_source_and_javascript_the_very_file():
    files = workspace("a.ts", "a.js")
    assert names(files, "main.ts", "./a.js") == ["a.ts"]
    assert names(files, "main.js", "./a.js") == ["a.js"]


def test_paths_of_the_nearest_configuration_are_followed():
    files = workspace("app/src/models/user.ts", "app/src/lib/index.ts", "app/gen/x.ts") | {
        "app/tsconfig.json": """{
            // comments, "quotes" in them and commas too many are usual here
            "compilerOptions": { /* // */
                "baseUrl": ".",
                "paths": {"@/*": ["src/*", "gen/*"], "lib": ["src/lib"], "@/x": ["gen/x"],},
            },
        }""",
        "tsconfig.json": "{}",
    }
    here = "app/src/pages/home.tsx"
    assert names(files, here, "@/models/user") == ["app/src/models/user.ts"]
    assert names(files, here, "lib") == ["app/src/lib/index.ts"]
    assert names(files, here, "@/x") == ["app/gen/x.ts"]
    assert names(files, here, "src/models/user") == ["app/src/models/user.ts"]
    assert names(files, here, "@/missing") == []


def test_a_configuration_inherits_paths_relative_to_where_they_are_written():
    files = workspace("libs/core/src/index.ts", "apps/web/src/main.ts") | {
        "tsconfig.base.json": '{"compilerOptions": {"paths": {"@acme/*": ["./libs/*/src"]}}}',
        "apps/web/tsconfig.json": '{"extends": ["../../tsconfig.base"]}',
    }
    assert names(files, "apps/web/src/main.ts", "@acme/core") == ["libs/core/src/index.ts"]


def test_a_configuration_of_references_only_has_their_paths():
    files = workspace("src/a.ts") | {
        "tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}]}',
        "tsconfig.app.json": '{"compilerOptions": {"paths": {"#a": ["./src/a.ts"]}}}',
    }
    assert names(files, "src/main.ts", "#a") == ["src/a.ts"]


@pytest.mark.parametrize(
    "text",
    [
        '{"extends": "./tsconfig.json"}',
        '{"extends": "./b.json"}',
        "{",
        "[" * 100_000,
        '{"compilerOptions": {"paths": {"@/*": 3, "@/x": [null, {}]}, "baseUrl": []}}',
        '{"compilerOptions": 7, "extends": [[1]], "references": [4, {"path": 5}]}',
        '{"references": [{"path": "../../.."}, {}]}',
        "null",
        "\ud800",
    ],
)
def test_a_broken_configuration_is_as_good_as_none(text):
    files = workspace("src/a.ts") | {
        "tsconfig.json": text,
        "b.json": '{"extends": "./tsconfig.json"}',
        "package.json": text,
    }
    assert names(files, "src/main.ts", "./a") == ["src/a.ts"]
    assert names(files, "src/main.ts", "elsewhere") == []
    assert names(files, "src/main.ts", "@/a") == ["src/a.ts"]  # the usual meaning


MANIFEST = {
    "name": "@acme/ui",
    "main": "./dist/index.js",
    "exports": {
        ".": {"import": {"types": "./dist/index.d.ts", "default": "./dist/index.mjs"}},
        "./button": "./src/button.tsx",
        "./icons/*": {"default": ["./src/icons/*.ts"]},
        "./secret/*": None,
    },
    "imports": {"#inner/*": "./src/inner/*.js", "#one": {"node": "./src/one.ts"}},
}
MONOREPO = workspace(
    "packages/ui/src/index.ts",
    "packages/ui/src/button.tsx",
    "packages/ui/src/icons/plus.ts",
    "packages/ui/src/inner/deep.ts",
    "packages/ui/src/one.ts",
    "packages/plain/src/index.js",
    "packages/plain/extra/index.js",
) | {
    "package.json": '{"name": "root", "workspaces": ["packages/*"]}',
    "packages/ui/package.json": json.dumps(MANIFEST),
    "packages/plain/package.json": '{"name": "plain", "main": "lib/index.js"}',
}


@pytest.mark.parametrize(
    ("specifier", "file"),
    [
        ("@acme/ui", "packages/ui/src/index.ts"),
        ("@acme/ui/button", "packages/ui/src/button.tsx"),
        ("@acme/ui/icons/plus", "packages/ui/src/icons/plus.ts"),
        ("plain", "packages/plain/src/index.js"),
        ("plain/extra", "packages/plain/extra/index.js"),
        ("@acme/other", None),
    ],
)
def test_packages_of_the_workspace_are_found_by_name_and_exports(specifier, file):
    here = "apps/web/src/main.ts"
    assert names(MONOREPO, here, specifier) == ([file] if file else [])


def test_a_package_names_its_own_parts_with_a_hash():
    here = "packages/ui/src/icons/plus.ts"
    assert names(MONOREPO, here, "#inner/deep") == ["packages/ui/src/inner/deep.ts"]
    assert names(MONOREPO, here, "#one") == ["packages/ui/src/one.ts"]
    assert names(MONOREPO, here, "#two") == []


def test_a_configuration_may_extend_a_package_of_the_workspace():
    files = workspace("tools/config/src/x.ts") | {
        "tools/config/package.json": '{"name": "@acme/config"}',
        "tools/config/base.json": '{"compilerOptions": {"paths": {"x": ["./src/x"]}}}',
        "tsconfig.json": '{"extends": "@acme/config/base"}',
    }
    assert names(files, "main.ts", "x") == ["tools/config/src/x.ts"]


def test_a_folder_with_a_package_is_entered_as_it_says():
    files = workspace("vendor/a/code/start.js") | {
        "vendor/a/package.json": '{"main": "code/start"}'
    }
    assert names(files, "main.js", "./vendor/a") == ["vendor/a/code/start.js"]


def test_a_changed_configuration_counts_from_then_on():
    files = workspace("src/a.ts", "src/b.ts") | {"tsconfig.json": "{}"}
    resolver = resolver_of(files)
    imports = (Import("x", (), ()),)
    assert resolver.resolve("main.ts", "javascript", imports) == ()
    for target in ("a", "b"):
        files["tsconfig.json"] = json.dumps(
            {"compilerOptions": {"paths": {"x": [f"./src/{target}.ts"]}}}
        )
        resolver.update(changed=["tsconfig.json"])
        assert resolver.resolve("main.ts", "javascript", imports) == (f"src/{target}.ts",)
    resolver.update(removed=["tsconfig.json"])
    assert resolver.resolve("main.ts", "javascript", imports) == ()
