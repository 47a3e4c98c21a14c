"""Running the programs of the infilling benchmark, each in a child that can do little harm.

A program gets a folder of its own, little time and memory, and no network where `unshare` may take
it away; when it ends, so does everything it has started. It can still read what its user can.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SENTINEL = "the program has come to its end"
"""Printed last: a `return` or an exit before the tests must not count as passing them."""

_LAUNCHER = """
import contextlib, os, resource, sys
cpu, memory, files, kind, *command = sys.argv[1:]
for name, value in (
    ("RLIMIT_CPU", cpu), (kind, memory), ("RLIMIT_FSIZE", files), ("RLIMIT_CORE", "0")
):
    with contextlib.suppress(AttributeError, OSError, ValueError):
        resource.setrlimit(getattr(resource, name), (int(value), int(value)))
os.execvp(command[0], command)
"""
"""A program of its own, because what runs between fork and exec must not be Python."""

_MEMORY = 2_000_000_000
_NO_NETWORK = (
    ("unshare", "--net", "--pid", "--fork", "--kill-child"),
    ("unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"),
    ("unshare", "--net"),
    ("unshare", "--map-root-user", "--net"),
)
_STRIPPING = ("--experimental-strip-types", "--no-warnings")
_TRANSPILER = """
const [typescript, from, to] = process.argv.slice(2);
const ts = require(typescript), fs = require("fs");
const result = ts.transpileModule(fs.readFileSync(from, "utf8"), {
  reportDiagnostics: true,
  compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2020 },
});
if (result.diagnostics.length) process.exit(1);
fs.writeFileSync(to, result.outputText);
"""
_TESTIFY = """package assert

import ("bytes"; "reflect"; "testing")

type Assertions struct{ t *testing.T }

func New(t *testing.T) *Assertions { return &Assertions{t} }

func (a *Assertions) Equal(expected, actual interface{}, _ ...interface{}) bool {
\ta.t.Helper()
\tone, areBytes := expected.([]byte)
\tother, areBoth := actual.([]byte)
\tequal := reflect.DeepEqual(expected, actual)
\tif areBytes && areBoth { equal = bytes.Equal(one, other) }
\tif !equal { a.t.Errorf("expected %v, got %v", expected, actual) }
\treturn equal
}
"""
"""All that the tests use of github.com/stretchr/testify, so that nothing need be fetched."""


@dataclass(frozen=True)
class Step:
    """A command run in the program's folder, and its limits."""

    command: tuple[str, ...]
    cpu_seconds: int = 5
    wall_seconds: float = 20.0
    largest_file: int = 2_000_000
    """In bytes; what it prints goes to a file too."""
    reserves_memory: bool = False
    """Whether it reserves far more address space than it uses, as V8, Java and Go do."""


@dataclass(frozen=True)
class Recipe:
    """How the programs of a language are run: every step must end with status 0."""

    file_name: str
    steps: tuple[Step, ...]
    ending: str = ""
    """Appended to the program."""
    required_output: str = ""
    forbidden_output: str = ""
    other_files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


# -- one recipe for each language, or why there is none --


def recipe_for(language: str, work: Path) -> Recipe | str:
    """Return how to run a language's programs here, or a sentence saying what is missing.

    `work` is a folder for what is kept between programs.
    """
    return _RECIPES[language](work)


def _python(_work: Path) -> Recipe:
    return Recipe(
        file_name="main.py",
        steps=(Step((sys.executable, "-I", "main.py")),),
        ending=f'\nprint("{_SENTINEL}")\n',
        required_output=_SENTINEL,
    )


def _javascript(_work: Path) -> Recipe | str:
    node = shutil.which("node")
    if node is None:
        return "there is no node"
    return Recipe(
        file_name="main.js",
        steps=(_node(node, "main.js"),),
        ending=f'\nconsole.log("{_SENTINEL}");\n',
        required_output=_SENTINEL,
        forbidden_output="Assertion failed",  # `console.assert` only prints
    )


def _typescript(_work: Path) -> Recipe | str:
    node, tsc = shutil.which("node"), shutil.which("tsc")
    if node is None:
        return "there is no node"
    ending = f'\nconsole.log("{_SENTINEL}");\n'
    if tsc is not None:
        library = Path(tsc).resolve().parents[1] / "lib" / "typescript.js"
        if library.is_file():
            transpile = _node(node, "transpile.js", str(library), "main.ts", "main.js")
            return Recipe(
                file_name="main.ts",
                steps=(transpile, _node(node, "main.js")),
                ending=ending,
                required_output=_SENTINEL,
                other_files={"transpile.js": _TRANSPILER},
            )
    if _works((node, *_STRIPPING, "--eval", "0")):
        return Recipe(
            file_name="main.mts",
            steps=(_node(node, *_STRIPPING, "main.mts"),),
            ending=ending,
            required_output=_SENTINEL,
        )
    return "there is no tsc, and this node cannot strip types"


def _node(node: str, *arguments: str) -> Step:
    command = (node, "--max-old-space-size=512", *arguments)
    return Step(command, cpu_seconds=10, reserves_memory=True)


def _cpp(_work: Path) -> Recipe | str:
    compiler = shutil.which("g++")
    if compiler is None:
        return "there is no g++"
    return Recipe(
        file_name="main.cpp",
        steps=(
            _compiling(compiler, "-std=c++17", "-w", "main.cpp", "-o", "main"),
            Step(("./main",)),
        ),
    )


def _rust(_work: Path) -> Recipe | str:
    compiler = shutil.which("rustc")
    if compiler is None:
        return "there is no rustc"
    # rustup's own rustc looks for toolchains in the home folder, which programs do not get.
    found = subprocess.run(
        [compiler, "--print", "sysroot"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        return "rustc does not start"
    own = Path(found.stdout.strip()) / "bin" / "rustc"
    options = ("--test", "--edition=2021", "--cap-lints=allow", "main.rs", "-o", "main")
    return Recipe(
        file_name="main.rs",
        steps=(_compiling(str(own) if own.exists() else compiler, *options), Step(("./main",))),
    )


def _java(_work: Path) -> Recipe | str:
    compiler, java = shutil.which("javac"), shutil.which("java")
    if compiler is None or java is None:
        return "there is no javac" if compiler is None else "there is no java"
    small = ("-Xmx512m", "-Xss64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    return Recipe(
        file_name="Main.java",
        steps=(
            _compiling(compiler, *(f"-J{option}" for option in small), "-nowarn", "Main.java"),
            Step((java, *small, "-cp", ".", "Main"), cpu_seconds=10, reserves_memory=True),
        ),
    )


def _go(work: Path) -> Recipe | str:
    go = shutil.which("go")
    if go is None:
        return "there is no go"
    module = "github.com/stretchr/testify"
    return Recipe(
        file_name="main_test.go",
        steps=(
            _compiling(go, "test", "-c", "-vet=off", "-o", "main"),
            Step(("./main",), reserves_memory=True),
        ),
        other_files={
            "go.mod": f"module infilling\n\ngo 1.18\n\nrequire {module} v1.0.0\n\n"
            f"replace {module} => ./testify\n",
            "testify/go.mod": f"module {module}\n\ngo 1.18\n",
            "testify/assert/assert.go": _TESTIFY,
        },
        environment={
            "GOCACHE": str(work / "go-cache"),
            "GOFLAGS": "-mod=mod",
            "GOPROXY": "off",
            "GOTELEMETRY": "off",
            "GOTOOLCHAIN": "local",
        },
    )


def _compiling(*command: str) -> Step:
    return Step(
        command,
        cpu_seconds=120,
        wall_seconds=240,
        largest_file=256_000_000,
        reserves_memory=True,
    )


_RECIPES: Mapping[str, Callable[[Path], Recipe | str]] = {
    "python": _python,
    "javascript": _javascript,
    "typescript": _typescript,
    "cpp": _cpp,
    "rust": _rust,
    "java": _java,
    "go": _go,
}


# -- running --


class ProgramRunner:
    """Runs programs one at a time, each only once."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._isolation = next((each for each in _NO_NETWORK if _works((*each, "true"))), ())
        self._recipes: dict[str, Recipe | str] = {}
        self._verdicts: dict[str, bool] = {}

    @property
    def has_no_network(self) -> bool:
        """Whether programs are kept from the network."""
        return bool(self._isolation)

    @property
    def program_count(self) -> int:
        """How many programs were run."""
        return len(self._verdicts)

    def missing(self, language: str) -> str:
        """Return why a language's programs cannot be run here, or an empty string."""
        recipe = self._recipe(language)
        return recipe if isinstance(recipe, str) else ""

    def passes(self, language: str, program: str) -> bool | None:
        """Whether a program's own tests pass; None where it cannot be run here."""
        recipe = self._recipe(language)
        if isinstance(recipe, str):
            return None
        key = hashlib.sha256(f"{language}\0{program}".encode("utf-8", "replace")).hexdigest()
        if key not in self._verdicts:
            self._verdicts[key] = run_program(recipe, program, self._isolation)
        return self._verdicts[key]

    def _recipe(self, language: str) -> Recipe | str:
        if language not in self._recipes:
            self._recipes[language] = recipe_for(language, self._work)
        return self._recipes[language]


def run_program(recipe: Recipe, program: str, isolation: tuple[str, ...] = ()) -> bool:
    """Run a program in a folder of its own, and return whether its tests pass."""
    with tempfile.TemporaryDirectory(
        prefix="tabwright-program-", ignore_cleanup_errors=True
    ) as temporary:
        folder, output = Path(temporary) / "program", Path(temporary) / "output"
        home = Path(temporary) / "home"
        home.mkdir()
        files = {**recipe.other_files, recipe.file_name: program + recipe.ending}
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            **recipe.environment,
        }
        for step in recipe.steps:
            if not _run_step(step, folder, output, environment, isolation):
                return False
        said = output.read_text(encoding="utf-8", errors="replace")
    has_required = recipe.required_output in said
    return has_required and (not recipe.forbidden_output or recipe.forbidden_output not in said)


def _run_step(
    step: Step,
    folder: Path,
    output: Path,
    environment: Mapping[str, str],
    isolation: tuple[str, ...],
) -> bool:
    """Run a step with its limits, and end whatever is left of it."""
    memory = "RLIMIT_DATA" if step.reserves_memory else "RLIMIT_AS"
    limits = (str(step.cpu_seconds), str(_MEMORY), str(step.largest_file), memory)
    command = [*isolation, sys.executable, "-I", "-c", _LAUNCHER, *limits, *step.command]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            return process.wait(step.wall_seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _works(command: tuple[str, ...]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        finished = subprocess.run(command, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return finished.returncode == 0
