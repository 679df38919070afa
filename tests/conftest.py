"""Fixtures shared by all tests: the real recordings where they are, and a local file server that can misbehave."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import matplotlib
import pytest

from neuroguide._core.catalog import CatalogEntry, CatalogFile
from neuroguide._core.transfer import Patience

matplotlib.use("Agg")


@pytest.fixture(scope="session")
def neuroguide_home() -> Path:
    """The download cache that holds the real recordings; skips, with the reason, where there is none."""
    value = os.environ.get("NEUROGUIDE_HOME")
    if not value or not (Path(value) / "kriegeskorte2008").is_dir():
        pytest.skip("the catalogued recordings are not here: run `neuroguide fetch --all` and set NEUROGUIDE_HOME")
    return Path(value)


@dataclass
class FileServer:
    """A local file server: what it holds, how it misbehaves, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    status: list[int] = field(default_factory=list)  # answered first, one request each
    cut: list[int] = field(default_factory=list)  # bytes after which the connection is closed, one request each
    stall_before_answer: bool = False
    stall_after: int | None = None
    announce: bool = True
    wrong_range: bool = False
    redirect_to: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def entry(self, **contents: bytes) -> CatalogEntry:
        """A catalogue entry named ``things`` of these files (``__`` stands for a folder), which the server then has."""
        files = []
        for key, content in contents.items():
            path = key.replace("__", "/") + ".bin"
            self.files[f"/{path}"] = content
            files.append(CatalogFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content)))
        return CatalogEntry(
            name="things",
            title="Things",
            kind="images",
            base_url=self.url,
            files=tuple(files),
            licence="none",
            citation="none",
            supports="tests",
        )


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            server.asked.append((self.path, self.headers.get("Range")))
            if server.stall_before_answer:
                server.release.wait(10)
                return
            if server.status:
                self.send_error(server.status.pop(0))
                return
            if server.redirect_to:
                self.send_response(302)
                self.send_header("Location", server.redirect_to)
                self.end_headers()
                return
            content = server.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = 0
            wanted = self.headers.get("Range")
            if wanted and server.ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                first = start + (1 if server.wrong_range else 0)
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            if server.ranges:
                self.send_header("Accept-Ranges", "bytes")
            if server.announce:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            body = content[start:]
            if server.stall_after is not None:
                self.wfile.write(body[: server.stall_after])
                self.wfile.flush()
                server.release.wait(10)
                return
            # a client that has seen enough closes the connection: no fault of the server
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body[: server.cut.pop(0)] if server.cut else body)

    return Handler


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    state = FileServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    server.block_on_close = False
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    state.release.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty download cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NEUROGUIDE_HOME", str(folder))
    return folder


@pytest.fixture
def hasty() -> Patience:
    """Short time limits and a single attempt."""
    return Patience(connect=2.0, read=0.3, attempts=1, pause=0.01)
