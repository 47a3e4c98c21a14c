"""The real model process without weights: how it starts, what it refuses and how it ends."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from tabwright.errors import ModelLoadFailed, ModelNotLoaded
from tabwright.model.client import GenerationRequest, ModelProcess, ProcessPolicy
from tabwright.model.messages import (
    PROTOCOL_VERSION,
    Cancel,
    Description,
    LoadModel,
    Segment,
    Welcome,
    decode_from_process,
    encode,
    frame_length,
)
from tabwright.model.safe_python import python_module_command

LONG = 30.0

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def process() -> AsyncIterator[ModelProcess]:
    process = ModelProcess()
    yield process
    await process.stop()
    assert psutil.Process().children() == []


@pytest.fixture
def bare_process() -> Iterator[subprocess.Popen[bytes]]:
    """The process after its welcome, without a client."""
    with subprocess.Popen(
        python_module_command("tabwright.model.process"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        header = process.stdout.read(4)
        welcome = decode_from_process(process.stdout.read(frame_length(header)))
        assert welcome == Welcome(PROTOCOL_VERSION, process.pid)
        yield process
        process.kill()


def a_model(weights: Path | str) -> LoadModel:
    return LoadModel(0, "weights", str(weights), "", 512, 1, 1, 0, (), 0.0)


async def test_it_describes_its_build(process: ModelProcess) -> None:
    description = await process.describe()
    assert isinstance(description, Description)
    assert description.llama_cpp_python.split(".")[0].isdigit()
    assert description.system_info


async def test_generating_without_a_model_says_so(process: ModelProcess) -> None:
    request = GenerationRequest("a.py", (Segment("x"),), max_tokens=1)
    with pytest.raises(ModelNotLoaded, match="weights is not loaded"):
        await anext(process.generate("weights", request))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a model\n" * 1000,
        b"GGUF",
        b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60),
        b"GGUF" + struct.pack("<IQQ", 99, 1, 1) + bytes(1000),
    ],
    ids=["empty", "text", "only the magic", "absurd counts", "unknown version"],
)
async def test_a_file_that_is_no_model_is_one_sentence_and_the_process_lives(
    process: ModelProcess, tmp_path: Path, content: bytes
) -> None:
    weights = tmp_path / "naïve 🦜.gguf"
    weights.write_bytes(content)
    with pytest.raises(ModelLoadFailed) as refusal:
        await process.load(a_model(weights))
    assert str(refusal.value).startswith("llama.cpp cannot load the weights of naïve 🦜.gguf: ")
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)
    process_id = process.process_id
    await process.describe()
    assert process.process_id == process_id


async def test_a_folder_or_nothing_at_the_path_is_refused_as_well(
    process: ModelProcess, tmp_path: Path
) -> None:
    for path in (tmp_path, tmp_path / "nothing.gguf", "half \ud83d a pair.gguf"):
        with pytest.raises(ModelLoadFailed):
            await process.load(a_model(path))


async def test_files_in_the_working_folder_are_not_imported(
    process: ModelProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("json", "msgspec", "numpy", "llama_cpp", "tabwright", "runpy"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('the wrong file')")
    monkeypatch.chdir(tmp_path)
    await process.describe()


async def test_what_libraries_print_does_not_reach_the_stream_of_messages() -> None:
    noisy = """if True:
        import os, sys, threading
        from tabwright.model import process

        def make_noise():
            while True:
                print("printed", flush=True)
                os.write(1, b"written to stdout")
                threading.Event().wait(0.001)

        class NoisyConnection(process.Connection):
            def __init__(self, incoming, outgoing):
                super().__init__(incoming, outgoing)
                threading.Thread(target=make_noise, daemon=True).start()

        process.Connection = NoisyConnection
        process.main()
    """
    client = ModelProcess(ProcessPolicy(command=(sys.executable, "-c", noisy)))
    try:
        process_ids = set()
        for _ in range(50):
            await client.describe()
            process_ids.add(client.process_id)
        assert len(process_ids) == 1
    finally:
        await client.stop()


def test_it_ends_when_its_input_closes(bare_process: subprocess.Popen[bytes]) -> None:
    assert bare_process.stdin is not None
    bare_process.stdin.close()
    assert bare_process.wait(LONG) == 0


@pytest.mark.parametrize(
    "garbage", [b"\xff\xff\xff\xff", b"\0\0\0\3abc"], ids=["length", "message"]
)
def test_it_ends_when_its_input_makes_no_sense(
    bare_process: subprocess.Popen[bytes], garbage: bytes
) -> None:
    assert bare_process.stdin is not None and bare_process.stderr is not None
    bare_process.stdin.write(garbage)
    bare_process.stdin.flush()
    assert bare_process.wait(LONG) == 0
    assert b"unreadable message" in bare_process.stderr.read()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal for one process")
def test_an_interrupt_meant_for_the_client_does_not_end_it(
    bare_process: subprocess.Popen[bytes],
) -> None:
    assert bare_process.stdin is not None and bare_process.stdout is not None
    bare_process.send_signal(signal.SIGINT)
    bare_process.stdin.write(encode(Cancel(1)) + encode(a_model("/nowhere.gguf")))
    bare_process.stdin.flush()
    assert len(bare_process.stdout.read(4)) == 4  # it still answers
