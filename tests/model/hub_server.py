"""A model hub on localhost that misbehaves as told: a real HTTP server, no mocked client."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def gguf_bytes(tensor_bytes: int) -> bytes:
    """Return a whole GGUF file with one I8 tensor of so many bytes."""
    name = b"weight"
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
    key = b"general.name"
    header += struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, 4) + b"test"
    header += struct.pack("<Q", len(name)) + name + struct.pack("<IQIQ", 1, tensor_bytes, 24, 0)
    padding = b"\0" * (-len(header) % 32)
    return header + padding + bytes(index * 7 % 251 for index in range(tensor_bytes))


@dataclass
class ScriptedHub:
    """What the hub holds and how it behaves; change it at any time."""

    files: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"first"'
    listed_sha256: str | None = None
    """Another hash than the true one."""
    listed_size: int | None = None
    statuses: list[int] = field(default_factory=list)
    """Answered first, one per request."""
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which each next file answer loses its connection."""
    knows_ranges: bool = True
    redirect_to: str = ""
    """Where file requests are sent instead."""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    address: str = ""

    def listing(self) -> bytes:
        siblings = [
            {
                "rfilename": name,
                "size": len(data) if self.listed_size is None else self.listed_size,
                "lfs": {"sha256": self.listed_sha256 or hashlib.sha256(data).hexdigest()},
            }
            for name, data in self.files.items()
        ]
        return json.dumps({"sha": COMMIT, "siblings": siblings}).encode()

    def file_requests(self) -> list[dict[str, str]]:
        return [headers for path, headers in self.requests if "/resolve/" in path]


@contextmanager
def running(hub: ScriptedHub) -> Iterator[ScriptedHub]:
    server = _QuietServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""


def _handler(hub: ScriptedHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            hub.requests.append((self.path, headers))
            if hub.statuses:
                self._answer(hub.statuses.pop(0), b"no")
            elif self.path.startswith("/api/models/"):
                self._answer(200, hub.listing())
            elif hub.redirect_to:
                self.send_response(302)
                self.send_header("Location", hub.redirect_to + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer_with_file(headers)

        def _answer_with_file(self, headers: dict[str, str]) -> None:
            data = hub.files.get(self.path.split("/", 5)[-1])
            if data is None:
                self._answer(404, b"no such file")
                return
            asked = re.match(r"bytes=(\d+)-", headers.get("range", ""))
            unchanged = headers.get("if-range", hub.etag) == hub.etag
            start = int(asked[1]) if asked and hub.knows_ranges and unchanged else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("ETag", hub.etag)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if hub.cut_after:
                self.wfile.write(data[start : start + hub.cut_after.pop(0)])
                self.wfile.flush()
                self.close_connection = True
            else:
                self.wfile.write(data[start:])

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
