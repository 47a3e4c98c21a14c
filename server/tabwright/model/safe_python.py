"""How to start a Python module in a child process without running the user's own files.

Plain `python -m name` puts the working folder first on the import path, so a `json.py` lying in
the user's project would be executed. `-P` prevents that since Python 3.11; before, the same is
said in code.
"""

import importlib.util
import shutil
import sys

_RUN_MODULE = (
    "import sys; sys.path[:] = [place for place in sys.path if place];"
    " module = sys.argv.pop(1);"
    " from runpy import run_module; run_module(module, run_name='__main__', alter_sys=True)"
)


def python_module_command(module: str) -> list[str]:
    """Return the start of a command line that runs a module with this interpreter."""
    if sys.version_info >= (3, 11):
        return [sys.executable, "-P", "-m", module]
    return [sys.executable, "-c", _RUN_MODULE, module]


def pip_command() -> list[str] | None:
    """Return the start of a command line that runs the user's own pip, or None without one."""
    if importlib.util.find_spec("pip") is not None:
        return python_module_command("pip")
    # An environment made by uv has no pip of its own; any other pip downloads the same wheel.
    for name in ("pip3", "pip"):
        if (program := shutil.which(name)) is not None:
            return [program]
    return None
