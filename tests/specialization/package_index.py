"""A Python package index on localhost, small wheels for it, and other archives made by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def wheel_bytes(name: str, files: Mapping[str, str | bytes], licence: str = "MIT") -> bytes:
    """Return a pure wheel of version 1.0, whose METADATA names the licence."""
    about = f"{name}-1.0.dist-info"
    everything = {
        **files,
        f"{about}/METADATA": (
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        ),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in everything.items():
            member = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            member.external_attr = 0o100644 << 16
            wheel.writestr(member, content)
    return made.getvalue()


def tar_bytes(members: list[tuple[tarfile.TarInfo, bytes]], compression: str = "gz") -> bytes:
    """Return a tar of members, which may be links and devices."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    pressed = {"gz": lambda data: gzip.compress(data, mtime=0), "xz": lzma.compress}
    return pressed[compression](made.getvalue())


def files_tar(files: Mapping[str, str], compression: str = "gz") -> bytes:
    """Return a tar of ordinary files."""
    members = [(tarfile.TarInfo(path), text.encode()) for path, text in files.items()]
    return tar_bytes(members, compression)


def deb_bytes(files: Mapping[str, str]) -> bytes:
    """Return a Debian package that holds some files, see deb(5)."""
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": files_tar({"./control": "Package: x\n"}, "xz"),
        "data.tar.xz": files_tar({f"./{path}": text for path, text in files.items()}, "xz"),
    }
    made = b"!<arch>\n"
    for name, content in parts.items():
        made += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        made += content + b"\n" * (len(content) % 2)
    return made


@dataclass
class ScriptedIndex:
    """What the index holds; change it at any time."""

    wheels: dict[str, bytes] = field(default_factory=dict)
    """By the package's name."""
    cut_after: dict[str, int] = field(default_factory=dict)
    """Bytes after which the wheel of a package loses its connection."""
    downloads: list[str] = field(default_factory=list)
    """The packages whose wheels were asked for, in order."""
    address: str = ""

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.wheels[name]).hexdigest()


@contextmanager
def serve(index: ScriptedIndex) -> Iterator[ScriptedIndex]:
    """Serve the index by PyPI's simple interface (PEP 503) until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.strip("/").split("/")
            name = parts[1] if len(parts) > 1 else ""
            if name not in index.wheels:
                self.send_error(404)
            elif parts[0] == "simple":
                link = f"/files/{name}/{name}-1.0-py3-none-any.whl"
                self._answer(f'<a href="{link}">{link}</a>'.encode(), "text/html")
            else:
                index.downloads.append(name)
                self._answer(index.wheels[name], "application/zip", index.cut_after.get(name))

        def _answer(self, content: bytes, kind: str, cut_after: int | None = None) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:cut_after])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    index.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
