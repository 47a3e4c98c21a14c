"""Which files of installed packages define what is imported."""

from pathlib import Path

import pytest

from tabwright.workspace_index.dependencies import dependency_files
from tabwright.workspace_index.facts import Import

SITE = ".venv/lib/python3.11/site-packages"
CACHE = "cache"
BARE: dict[str, str] = {}


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def found(
    folder: Path, family, module: str, *names: str, path: str = "src/main", environment=BARE
) -> list[str]:
    imports = [Import(module, names, names)]
    files = dependency_files(folder, family, imports, path, environment)
    return [file.relative_to(folder).as_posix() for file in files]


@pytest.fixture
def site(tmp_path):
    """Return a function that finds an import's files in a virtual environment with some files."""

    def ask(files: dict[str, str], module: str, *names: str) -> list[str]:
        write(tmp_path, {f"{SITE}/{path}": text for path, text in files.items()})
        write(tmp_path, {".venv/pyvenv.cfg": "home = /nowhere/bin\nversion = 3.11.4\n"})
        return [path.removeprefix(SITE + "/") for path in found(tmp_path, "python", module, *names)]

    return ask


def test_a_module_or_package_of_python_is_found(site):
    files = {"one.py": "x = 1", "two/__init__.py": "", "two/part.py": "def f(): ..."}
    assert site(files, "one") == ["one.py"]
    assert site(files, "one", "x") == ["one.py"]
    assert site(files, "two") == ["two/__init__.py"]
    assert site(files, "two.part", "f") == ["two/part.py"]
    assert site(files, "two", "part") == ["two/part.py"]
    assert site(files, "two", "missing") == []
    assert site(files, "three") == []


def test_a_name_is_followed_to_the_file_that_defines_it(site):
    files = {
        "pkg/__init__.py": (
            "from ._api import (  # what people use\n    get,\n    post as send,  # (renamed)\n)\n"
            "from pkg._client import Client\nfrom .everything import *\n"
            "try:\n    from ._fast import quick\n"
            "except ImportError:\n    from ._slow import quick\n"
        ),
        "pkg/_api.py": "def get(): ...\ndef post(): ...\n",
        "pkg/_client.py": "from .deeper.more import Client\n",
        "pkg/deeper/more.py": "class Client:\n    def get(self): ...\n",
        "pkg/everything.py": "LIMIT: int = 3\n",
        "pkg/_slow.py": "def quick(): ...\n",
    }
    assert site(files, "pkg", "get") == ["pkg/_api.py"]
    assert site(files, "pkg", "send") == ["pkg/_api.py"]
    assert site(files, "pkg", "Client", "get", "LIMIT") == [
        "pkg/deeper/more.py",
        "pkg/_api.py",
        "pkg/everything.py",
    ]
    assert site(files, "pkg", "quick") == ["pkg/_slow.py"]


def test_a_method_is_no_definition_of_a_name(site):
    files = {
        "pkg/__init__.py": "from .a import *\nfrom .b import *\n",
        "pkg/a.py": "class A:\n    def get(self): ...\n    def put(\n        self, x): ...\n",
        "pkg/b.py": "if True:\n    def get(url): ...\ndef put(): ...\n",
    }
    assert site(files, "pkg", "get") == ["pkg/b.py"]
    assert site(files, "pkg", "put") == ["pkg/b.py"]


def test_stubs_come_before_sources(site):
    files = {
        "a/__init__.py": "def f(): ...",
        "a/__init__.pyi": "def f() -> int: ...",
        "b/__init__.py": "from .c import g",
        "b/c.py": "def g(): ...",
        "b-stubs/__init__.pyi": "from .c import g as g",
        "b-stubs/c.pyi": "def g() -> int: ...",
        "d.py": "x = 1",
        "d.pyi": "x: int",
    }
    assert site(files, "a", "f") == ["a/__init__.pyi"]
    assert site(files, "b", "g") == ["b-stubs/c.pyi"]
    assert site(files, "d", "x") == ["d.pyi"]


@pytest.mark.parametrize(
    "module", ["", ".", "..a", ".a", "a..b", "/etc/passwd", "a/b", "a.b\0", "a." * 3000, "é.😀"]
)
def test_what_is_no_absolute_module_names_nothing(site, module):
    assert site({"a/b.py": ""}, module, "x") == []


def test_circles_of_imports_end(site):
    files = {"a/__init__.py": "from .b import *\nfrom .b import x", "a/b.py": "from . import *"}
    assert site(files, "a", "x") == []


def test_files_too_large_or_binary_or_without_end_are_left_out(site, tmp_path):
    files = {"big.py": "x = 1\n" + "#" * 500_000, "nul.py": "x = 1\0", "fine.py": "x = 1"}
    assert site(files, "big", "x") == site(files, "nul", "x") == []
    (tmp_path / SITE / "fine.py").unlink()
    (tmp_path / SITE / "fine.py").symlink_to("/dev/zero")
    assert site({}, "fine", "x") == []


def test_at_most_eight_files_are_named(site):
    files = {f"p/m{number}.py": "x = 1" for number in range(20)} | {"p/__init__.py": ""}
    assert len(site(files, "p", *(f"m{number}" for number in range(20)))) == 8


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        ({"venv/pyvenv.cfg": "", "venv/lib/python3.12/site-packages/a.py": "x = 1"}, {}),
        ({"my-own/pyvenv.cfg": "", "my-own/Lib/site-packages/a.py": "x = 1"}, {}),
        ({"env/conda-meta/x": "", "env/lib/python3.9/site-packages/a.py": "x = 1"}, {}),
        ({"else/lib/python3.9/site-packages/a.py": "x = 1"}, {"VIRTUAL_ENV": "else"}),
        ({"else/lib/python3.9/site-packages/a.py": "x = 1"}, {"CONDA_PREFIX": "else"}),
        ({"sub/.venv/pyvenv.cfg": "", "sub/.venv/lib/python3.9/site-packages/a.py": "x = 1"}, {}),
    ],
)
def test_environments_are_found_by_name_marker_or_variable(tmp_path, files, environment):
    write(tmp_path, files)
    environment = {name: str(tmp_path / place) for name, place in environment.items()}
    place = next(path for path in files if path.endswith("a.py"))
    asked = found(tmp_path, "python", "a", path="sub/x.py", environment=environment)
    assert asked == [place]


def test_a_folder_called_venv_that_is_none_is_not_searched(tmp_path):
    write(tmp_path, {"venv/lib/python3.12/site-packages/a.py": "x = 1"})
    assert found(tmp_path, "python", "a") == []


def test_the_newest_python_of_an_environment_comes_first(tmp_path):
    packages = {f".venv/lib/python3.{minor}/site-packages/a.py": "" for minor in (9, 11, 10)}
    write(tmp_path, {".venv/pyvenv.cfg": ""} | packages)
    assert found(tmp_path, "python", "a") == [".venv/lib/python3.11/site-packages/a.py"]


def test_the_standard_library_is_beside_the_interpreter_of_the_environment(tmp_path):
    write(
        tmp_path,
        {
            ".venv/pyvenv.cfg": f"home = {tmp_path}/python/bin\nversion = 3.11.4",
            "python/lib/python3.11/os.py": "",
            "python/lib/python3.11/queue.py": "class Queue: ...",
        },
    )
    assert found(tmp_path, "python", "queue", "Queue") == ["python/lib/python3.11/queue.py"]


NODE = {
    "node_modules/typed/package.json": '{"types": "./lib/main.d.ts", "main": "lib/main.js"}',
    "node_modules/typed/lib/main.d.ts": (
        'export * from "./a";\nimport { B } from "./b.js";\nexport { B };\n'
        "export declare function own(): void;\nexport { default as C } from './c';\n"
        'export type { Far } from "far";\n'
    ),
    "node_modules/typed/lib/a.d.ts": "export interface A { x: number }\n",
    "node_modules/typed/lib/b.d.ts": "declare class B {}\nexport { B };\n",
    "node_modules/typed/lib/c.d.ts": "declare class C {}\nexport default C;\n",
    "node_modules/far/index.d.ts": "export type Far = string;\n",
    "node_modules/@scope/new/package.json": (
        '{"exports": {".": {"import": {"types": "./x.d.mts"}}, "./sub": "./sub.js"}}'
    ),
    "node_modules/@scope/new/x.d.mts": "export const x: 1;\n",
    "node_modules/@scope/new/sub.d.ts": "export const s: 1;\n",
    "node_modules/plain/package.json": '{"main": "index.js"}',
    "node_modules/plain/index.js": "exports.p = 1;\n",
    "node_modules/@types/plain/index.d.ts": "export function p(): void;\n",
    "node_modules/untyped/package.json": '{"main": "./main"}',
    "node_modules/untyped/main.js": "exports.u = 1;\n",
    "node_modules/@types/node/fs.d.ts": 'declare module "fs" {\n  function readFile(): void;\n}\n',
    "node_modules/@types/scope__old/index.d.ts": "export const o: 1;\n",
    "web/node_modules/plain/index.d.ts": "export const nearer: 1;\n",
    "node_modules/broken/package.json": "{",
    "node_modules/broken/index.d.ts": "export const b: 1;\n",
}


@pytest.mark.parametrize(
    ("specifier", "names", "files"),
    [
        ("typed", ["A"], ["typed/lib/a.d.ts"]),
        ("typed", ["B", "own"], ["typed/lib/b.d.ts", "typed/lib/main.d.ts"]),
        ("typed", ["C"], ["typed/lib/c.d.ts"]),
        ("typed", ["Far"], ["far/index.d.ts"]),
        ("typed", ["default"], ["typed/lib/main.d.ts"]),
        ("typed", [], ["typed/lib/main.d.ts"]),
        ("typed/lib/a", ["A"], ["typed/lib/a.d.ts"]),
        ("@scope/new", ["x"], ["@scope/new/x.d.mts"]),
        ("@scope/new/sub", ["s"], ["@scope/new/sub.d.ts"]),
        ("@scope/old", ["o"], ["@types/scope__old/index.d.ts"]),
        ("plain", ["p"], ["@types/plain/index.d.ts"]),
        ("untyped", ["u"], ["untyped/main.js"]),
        ("fs", ["readFile"], ["@types/node/fs.d.ts"]),
        ("node:fs", [], ["@types/node/fs.d.ts"]),
        ("broken", ["b"], ["broken/index.d.ts"]),
        ("missing", ["m"], []),
        ("./typed", ["A"], []),
        ("/etc/passwd", [], []),
        ("typed/../../secret", [], []),
        ("", [], []),
        ("@scope", [], []),
    ],
)
def test_typings_are_found_as_typescript_does(tmp_path, specifier, names, files):
    write(tmp_path, NODE)
    expected = [f"node_modules/{file}" for file in files]
    assert found(tmp_path, "javascript", specifier, *names, path="src/a.ts") == expected


def test_the_packages_nearest_to_the_file_come_first(tmp_path):
    write(tmp_path, NODE)
    assert found(tmp_path, "javascript", "plain", "nearer", path="web/src/a.ts") == [
        "web/node_modules/plain/index.d.ts"
    ]


GO = {
    "go.mod": (
        "module example.com/own\n\ngo 1.22\n\nrequire github.com/Acme/web v1.2.3 // indirect\n"
        "require (\n\tgithub.com/Acme/web/v2 v2.0.0-RC1\n\tgopkg.in/y.v3 v3.0.1\n)\n"
        "replace gopkg.in/y.v3 => ./local/y\n"
    ),
    f"{CACHE}/github.com/!acme/web@v1.2.3/web.go": "package web\n\nfunc New() *Server\n",
    f"{CACHE}/github.com/!acme/web@v1.2.3/server.go": (
        "package web\n\ntype Server struct{}\n\nfunc (s *Server) Run() {}\n"
    ),
    f"{CACHE}/github.com/!acme/web@v1.2.3/web_test.go": "package web\n\nfunc New() {}\n",
    f"{CACHE}/github.com/!acme/web@v1.2.3/mw/mw.go": "package mw\n\nconst (\n\tMax = 1\n)\n",
    f"{CACHE}/github.com/!acme/web/v2@v2.0.0-!r!c1/web.go": "package web\n",
    "local/y/y.go": "package y\n",
    "vendor/github.com/vendored/v/v.go": "package v\n",
    "root/src/net/http/http.go": "package http\n\nfunc Get() {}\n",
    "path/src/github.com/old/o/o.go": "package o\n",
}


@pytest.mark.parametrize(
    ("module", "names", "files"),
    [
        ("github.com/Acme/web", ["New"], [f"{CACHE}/github.com/!acme/web@v1.2.3/web.go"]),
        ("github.com/Acme/web", ["Server"], [f"{CACHE}/github.com/!acme/web@v1.2.3/server.go"]),
        (
            "github.com/Acme/web",
            [],
            [
                f"{CACHE}/github.com/!acme/web@v1.2.3/web.go",
                f"{CACHE}/github.com/!acme/web@v1.2.3/server.go",
            ],
        ),
        ("github.com/Acme/web/mw", ["Max"], [f"{CACHE}/github.com/!acme/web@v1.2.3/mw/mw.go"]),
        ("github.com/Acme/web/v2", [], [f"{CACHE}/github.com/!acme/web/v2@v2.0.0-!r!c1/web.go"]),
        ("gopkg.in/y.v3", [], ["local/y/y.go"]),
        ("github.com/vendored/v", [], ["vendor/github.com/vendored/v/v.go"]),
        ("github.com/old/o", [], ["path/src/github.com/old/o/o.go"]),
        ("net/http", ["Get"], ["root/src/net/http/http.go"]),
        ("github.com/not/there", [], []),
        ("", [], []),
        ("../x", [], []),
    ],
)
def test_packages_of_go_are_found_in_vendor_cache_and_roots(tmp_path, module, names, files):
    write(tmp_path, GO)
    environment = {
        "GOMODCACHE": str(tmp_path / CACHE),
        "GOPATH": str(tmp_path / "path"),
        "GOROOT": str(tmp_path / "root"),
    }
    assert found(tmp_path, "go", module, *names, environment=environment) == files


def test_a_language_without_packages_names_nothing(tmp_path):
    assert found(tmp_path, "c", "<stdio.h>") == []
    assert found(tmp_path / "missing", "python", "a") == []
