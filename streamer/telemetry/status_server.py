"""Run a small HTTP server beside the worker: ``/metrics``, ``/targets``, ``/healthz``, ``/readyz``.

It uses its own threads, so that a worker whose event loop hangs still answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from schemas.errors import UserError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Check = Callable[[], str | None]
"""Returns None if all is well, otherwise the fault in a few words."""

_JSON: Final = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))


class StatusServer:
    """Serves metrics and two checks until `stop`.

    Parameters
    ----------
    metrics
        WSGI application behind ``/metrics``.
    healthy
        Check behind ``/healthz``: whether the process makes progress; otherwise it should be restarted.
    ready
        Check behind ``/readyz``: whether its lanes are owned and restored.
    """

    def __init__(self, metrics: WSGIApplication, healthy: Check, ready: Check) -> None:
        self._metrics = metrics
        self._checks = {"/healthz": healthy, "/readyz": ready}
        self._targets: Callable[[], Sequence[str]] = list
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> int:
        """Listen and return the port, which is a free one if ``port`` is 0. Raises UserError if that fails."""
        try:
            server = _server_class(host)((host, port), _Handler)
        except OSError as error:
            raise UserError(
                f"cannot serve metrics on {host}:{port}: {error.strerror or error}",
                "set STREAMER_METRICS_PORT (STREAMER_OWNER_METRICS_PORT for the model owner) to another port, or "
                "to 0 for any free port",
            ) from error
        server.set_app(self._answer)
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="status-server", daemon=True)
        self._thread.start()
        return int(server.server_address[1])

    def discover(self, targets: Callable[[], Sequence[str]]) -> None:
        """Serve these ``host:port`` at ``/targets``, in the format of Prometheus' HTTP service discovery."""
        self._targets = targets

    def stop(self) -> None:
        """Stop listening; idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [*_TEXT, ("Allow", "GET")])
            return [b"use GET\n"]
        if path == "/targets":
            start_response("200 OK", [*_JSON])
            return [json.dumps([{"targets": list(self._targets())}]).encode()]
        check = self._checks.get(path)
        if check is None:
            start_response("404 Not Found", [*_TEXT])
            return [b"here are /metrics, /targets, /healthz and /readyz\n"]
        try:
            wrong = check()
        except Exception as error:
            # A check that raises is a failed check, not an internal server error.
            wrong = f"the check failed: {type(error).__name__}"
        start_response("200 OK" if wrong is None else "503 Service Unavailable", [*_TEXT])
        return [f"{wrong or 'ok'}\n".encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # The library's version looks up the host's name, which takes seconds if DNS does not answer.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


def _server_class(host: str) -> type[_Server]:
    if ":" not in host:
        return _Server
    import socket

    return type("_Server6", (_Server,), {"address_family": socket.AF_INET6})


class _Handler(WSGIRequestHandler):
    # A client that sends nothing must not hold a thread forever.
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        """Do nothing, because scrapes are not logged."""
