"""Imports of languages that are compiled, or named by path."""

import pytest

from workspace_index.resolving.resolving import resolved, workspace

GO = workspace(
    "cmd/tool/main.go",
    "internal/store/store.go",
    "internal/store/open.go",
    "internal/store/store_test.go",
    "internal/store/README.md",
    "plugins/x/x.go",
    "plugins/x/api/v1/api.go",
    "forked/lib/lib.go",
    "root.go",
) | {
    "go.mod": (
        "module example.com/acme/tool // the tool\n\ngo 1.22\n"
        "replace (\n\tgithub.com/other/lib v1.2.3 => ./forked/lib\n\ta.b/c => d.e/f v1.0.0\n)\n"
    ),
    "plugins/x/go.mod": 'module "example.com/acme/tool/plugins/x"\n',
    "forked/lib/go.mod": "module github.com/other/lib\n",
}


@pytest.mark.parametrize(
    ("module", "files"),
    [
        (
            "example.com/acme/tool/internal/store",
            ["internal/store/open.go", "internal/store/store.go"],
        ),
        ("example.com/acme/tool", ["root.go"]),
        ("example.com/acme/tool/plugins/x", ["plugins/x/x.go"]),
        ("example.com/acme/tool/plugins/x/api/v1", ["plugins/x/api/v1/api.go"]),
        ("github.com/other/lib", ["forked/lib/lib.go"]),
        ("../../internal/store", ["internal/store/open.go", "internal/store/store.go"]),
        ("example.com/acme/toolbox", []),
        ("encoding/json", []),
        ("a.b/c", []),
        ("store", []),
    ],
)
def test_a_package_of_go_is_a_folder_below_its_module(module, files):
    assert resolved(GO, "cmd/tool/main.go", "go", module) == files


def test_a_package_of_go_is_found_without_a_module():
    files = workspace("store/s.go", "src/example.com/a/b/c/c.go")
    assert resolved(files, "main.go", "go", "example.com/owner/name/store") == ["store/s.go"]
    assert resolved(files, "main.go", "go", "example.com/a/b/c") == ["src/example.com/a/b/c/c.go"]


def test_a_package_of_go_with_very_many_files_is_cut():
    files = workspace(*(f"p/{number:03}.go" for number in range(300))) | {"go.mod": "module m"}
    assert len(resolved(files, "main.go", "go", "m/p")) == 30


RUST = workspace(
    "app/src/main.rs",
    "app/src/config.rs",
    "app/src/net/mod.rs",
    "app/src/net/http.rs",
    "app/src/net/http/headers.rs",
    "app/src/store.rs",
    "app/src/store/disk.rs",
    "app/tests/all.rs",
    "app/tests/common/mod.rs",
    "core-lib/src/lib.rs",
    "core-lib/src/types.rs",
    "odd/source/start.rs",
    "odd/source/part.rs",
) | {
    "Cargo.toml": '[workspace]\nmembers = ["app", "core-lib"]',
    "app/Cargo.toml": '[package]\nname = "app"',
    "core-lib/Cargo.toml": '[package]\nname = "core-lib"',
    "odd/Cargo.toml": '[package]\nname = "odd"\n[lib]\nname = "strange"\npath = "source/start.rs"',
    "broken/Cargo.toml": "[package",
}


@pytest.mark.parametrize(
    ("path", "module", "names", "files"),
    [
        ("app/src/net/http.rs", "crate::config", ["Config"], ["app/src/config.rs"]),
        ("app/src/net/http.rs", "crate", ["config", "run"],
         ["app/src/config.rs", "app/src/main.rs"]),
        ("app/src/net/http.rs", "crate::store", ["disk", "Store"],
         ["app/src/store/disk.rs", "app/src/store.rs"]),
        ("app/src/net/http.rs", "crate::store::disk::Disk", [], ["app/src/store/disk.rs"]),
        ("app/src/net/http.rs", "crate::store", ["self", "*"], ["app/src/store.rs"]),
        ("app/src/net/http.rs", "super", ["connect"], ["app/src/net/mod.rs"]),
        ("app/src/net/http.rs", "super::super::config", ["Config"], ["app/src/config.rs"]),
        ("app/src/net/mod.rs", "super::config", ["Config"], ["app/src/config.rs"]),
        ("app/src/net/http.rs", "self::headers", ["Header"], ["app/src/net/http/headers.rs"]),
        ("app/src/net/mod.rs", "self", ["http"], ["app/src/net/http.rs"]),
        ("app/src/net/http.rs", "headers", [], ["app/src/net/http/headers.rs"]),
        ("app/src/main.rs", "mod net;", [], ["app/src/net/mod.rs"]),
        ("app/src/main.rs", "store", ["Store"], ["app/src/store.rs"]),
        ("app/src/store/disk.rs", "super", ["Store"], ["app/src/store.rs"]),
        ("app/tests/all.rs", "common", [], ["app/tests/common/mod.rs"]),
        ("app/tests/all.rs", "crate::common", ["f"], ["app/tests/common/mod.rs"]),
        ("app/src/main.rs", "core_lib::types", ["T"], ["core-lib/src/types.rs"]),
        ("app/src/main.rs", "core_lib", ["T"], ["core-lib/src/lib.rs"]),
        ("app/src/main.rs", "strange::part", ["T"], ["odd/source/part.rs"]),
        ("app/src/main.rs", "", ["core_lib::T", "std"], ["core-lib/src/lib.rs"]),
        ("app/src/main.rs", "std::io", ["Read"], []),
        ("app/src/main.rs", "super::super::super", ["x"], []),
        ("app/src/main.rs", "self", ["Thing"], []),
    ],
)  # fmt: skip
def test_a_module_of_rust_is_found_along_its_path(path, module, names, files):
    assert resolved(RUST, path, "rust", module, *names) == files


JVM = workspace(
    "core/src/main/java/org/acme/Store.java",
    "core/src/main/java/org/acme/util/Strings.java",
    "core/src/main/java/org/acme/util/Lists.java",
    "core/src/test/java/org/acme/util/StringsTest.java",
    "app/src/main/kotlin/org/acme/ui/Extensions.kt",
    "app/src/main/scala/org/acme/sc/Reader.scala",
    "other/src/org/acme/Store.java",
)


@pytest.mark.parametrize(
    ("module", "names", "files"),
    [
        ("org.acme.util", ["Strings"], ["core/src/main/java/org/acme/util/Strings.java"]),
        ("org.acme.util.Strings", [], ["core/src/main/java/org/acme/util/Strings.java"]),
        ("org.acme.util.Strings", ["join"], ["core/src/main/java/org/acme/util/Strings.java"]),
        ("org.acme.util.Strings", ["*"], ["core/src/main/java/org/acme/util/Strings.java"]),
        (
            "org.acme.util",
            ["*"],
            [
                "core/src/main/java/org/acme/util/Lists.java",
                "core/src/main/java/org/acme/util/Strings.java",
            ],
        ),
        ("org.acme", ["Store"], ["core/src/main/java/org/acme/Store.java"]),
        ("org.acme.ui", ["shorten"], ["app/src/main/kotlin/org/acme/ui/Extensions.kt"]),
        ("org.acme.sc._", [], ["app/src/main/scala/org/acme/sc/Reader.scala"]),
        ("java.util", ["List"], []),
        ("Store", [], []),
    ],
)
def test_a_class_of_the_jvm_is_a_file_below_the_nearest_root(module, names, files):
    assert resolved(JVM, "core/src/main/java/org/acme/Main.java", "jvm", module, *names) == files


C = workspace(
    "src/main.c",
    "src/util.h",
    "include/acme/util.h",
    "include/acme/string.h",
    "other/include/acme/util.h",
    "deps/x/unique.h",
)


@pytest.mark.parametrize(
    ("include", "file"),
    [
        ('"util.h"', "src/util.h"),
        ('"../include/acme/util.h"', "include/acme/util.h"),
        ('"acme/util.h"', "include/acme/util.h"),
        ("<acme/util.h>", "include/acme/util.h"),
        ("<util.h>", "src/util.h"),
        ("<string.h>", None),
        ('"string.h"', "include/acme/string.h"),
        ('"build/generated/unique.h"', "deps/x/unique.h"),
        ("<build/unique.h>", None),
        ("<vector>", None),
        ('""', None),
    ],
)
def test_an_include_is_beside_the_file_or_ends_a_path(include, file):
    assert resolved(C, "src/main.c", "c", include) == ([file] if file else [])


def test_a_namespace_of_c_sharp_is_a_folder():
    files = workspace("src/Acme.Shop/Orders/Order.cs", "src/Acme/Tools/T.cs", "src/Acme/Tools/x.md")
    assert resolved(files, "a.cs", "csharp", "Acme.Shop.Orders") == [
        "src/Acme.Shop/Orders/Order.cs"
    ]
    assert resolved(files, "a.cs", "csharp", "Acme.Tools") == ["src/Acme/Tools/T.cs"]
    assert resolved(files, "a.cs", "csharp", "System.Text") == []


def test_ruby_looks_beside_the_file_and_below_lib():
    files = workspace("lib/acme/store.rb", "lib/acme/util.rb", "spec/helper.rb", "x/y/json.rb")
    here = "lib/acme/store.rb"
    assert resolved(files, here, "ruby", "util") == ["lib/acme/util.rb"]
    assert resolved(files, here, "ruby", "./util.rb") == ["lib/acme/util.rb"]
    assert resolved(files, here, "ruby", "../../spec/helper") == ["spec/helper.rb"]
    assert resolved(files, "bin/run", "ruby", "acme/util") == ["lib/acme/util.rb"]
    assert resolved(files, here, "ruby", "json") == []


def test_php_follows_the_prefixes_of_composer():
    files = workspace("app/Models/User.php", "lib/Old/Thing.php", "app/helpers.php") | {
        "composer.json": """{"autoload": {
            "psr-4": {"App\\\\": "app/", "App\\\\Old\\\\": ["missing", "lib/Old"]}, "psr-0": []}}"""
    }
    here = "app/Http/Controller.php"
    assert resolved(files, here, "php", "App\\Models\\User") == ["app/Models/User.php"]
    assert resolved(files, here, "php", "\\App\\Models", "User", "Gone") == ["app/Models/User.php"]
    assert resolved(files, here, "php", "App\\Old\\Thing") == ["lib/Old/Thing.php"]
    assert resolved(files, here, "php", "function App\\Models\\User\\make") == []
    assert resolved(files, here, "php", "../helpers.php") == ["app/helpers.php"]


def test_php_guesses_by_folders_without_composer():
    files = workspace("src/Shop/Cart.php", "lib/Shop/Item.php", "src/Shop/Item.php")
    assert resolved(files, "a.php", "php", "Acme\\Shop\\Cart") == ["src/Shop/Cart.php"]
    assert resolved(files, "a.php", "php", "Acme\\Shop\\Item") == []
    assert resolved(files, "a.php", "php", "Cart") == []


def test_lua_and_paths():
    files = workspace("lua/acme/init.lua", "lua/acme/util.lua", "css/base.css", "css/a/b.css")
    assert resolved(files, "plugin/x.lua", "lua", "acme.util") == ["lua/acme/util.lua"]
    assert resolved(files, "plugin/x.lua", "lua", "acme") == ["lua/acme/init.lua"]
    assert resolved(files, "css/a/c.css", "path", "../base.css") == ["css/base.css"]
    assert resolved(files, "css/a/c.css", "path", "css/a/b.css") == ["css/a/b.css"]
    assert resolved(files, "css/a/c.css", "path", "https://example.com/css/base.css") == []
