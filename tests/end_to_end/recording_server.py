"""Stands between an editor and the server, and writes down what they say.

The editor starts this in the place of `tabwright`. Each message becomes one line of JSON in a file
of its own process, in the folder that `TABWRIGHT_RECORDINGS` names:
`{"at": seconds, "from": "editor" | "server", "message": {...}}`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any


def relay(source: IO[bytes], target: IO[bytes], speaker: str, record: IO[str]) -> None:
    """Pass messages on one by one, each at once, and write them down afterwards."""
    while (message := _read(source)) is not None:
        head, body = message
        at = time.time()
        try:
            target.write(head + body)
            target.flush()
        except (BrokenPipeError, ValueError):
            return
        line = json.dumps({"at": at, "from": speaker, "message": json.loads(body)})
        record.write(line + "\n")
        record.flush()


def _read(source: IO[bytes]) -> tuple[bytes, bytes] | None:
    head, length = b"", 0
    while (line := source.readline()) not in (b"", b"\r\n"):
        head += line
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not line or not length:
        return None
    body = source.read(length)
    return (head + line, body) if len(body) == length else None


def main(program: Sequence[str] = ("-m", "tabwright")) -> int:
    """Run the server with this program's arguments until one of the two ends."""
    folder = Path(os.environ.pop("TABWRIGHT_RECORDINGS"))
    command = [sys.executable, *program, *sys.argv[1:]]
    if sys.argv[1:2] != ["serve"]:
        return subprocess.call(command)
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    incoming: Any = server.stdin
    outgoing: Any = server.stdout
    with (folder / f"{os.getpid()}.jsonl").open("w", encoding="utf-8") as record:

        def listen() -> None:
            relay(sys.stdin.buffer, incoming, "editor", record)
            incoming.close()

        threading.Thread(target=listen, daemon=True).start()
        relay(outgoing, sys.stdout.buffer, "server", record)
        return server.wait()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status & 0xFF)  # the other direction may still wait for its next message
