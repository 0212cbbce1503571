"""The stage page: static files and a WebSocket on one port, for a browser on the stage.

    page -> agent   ["temperature", 1.2]                      one control of the table and its arguments
    agent -> page   [["heard", 12, 7, -20.5, 1763.2], ...]    reports since the last message, 25 times a second

Besides the reports of the table a page gets `about` (what is loaded) and `snapshot` (all settings, once a second), so
that it shows the present state after it connects late, misses a report or sleeps.

Other web pages must not control the agent. Hence: loopback unless configured otherwise, the requested Host must be ours
(against DNS rebinding), and the Origin must be the page that we served.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.control.bus import Tap
from agent.control.command import CommandError, parse_command
from agent.engine.engine import Engine
from agent.interfaces.monitor import Monitor
from agent.interfaces.web.messages import Waveform, as_json, loaded, parse_message, preset_names, table, waveform
from agent.settings.config import ConfigError

FOLDER = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html"),
    "/index.html": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/desk.js": ("desk.js", "text/javascript"),
    "/draw.js": ("draw.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws:; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
SEND_INTERVAL_S = 0.04  # time between two messages to the pages
SNAPSHOT_INTERVAL_S = 1.0
MAX_MESSAGE_BYTES = 4096  # longest message of a page
MAX_UNSENT_BYTES = 256 * 1024  # what may wait for a slow page before it is dropped
MAX_PAGES = 16
MAX_WAVEFORM_POINTS = 4000
MAX_CACHED_WAVEFORMS = 64
CLOSE_TIMEOUT_S = 3.0

logger = logging.getLogger("antiphon.web")


class PageServer:
    """Serves the stage page for an engine; `start` returns when it can be reached.

    port: 0 takes any free one. host: another address than loopback serves other machines too, but only those in
    `allow`, addresses or networks.
    """

    def __init__(
        self, engine: Engine, monitor: Monitor, *, port: int = 0, host: str = "127.0.0.1", allow: Iterable[str] = ()
    ):
        self.engine, self.bus, self.monitor = engine, engine.bus, monitor
        self.host, self.port = host, port
        self._allowed = [ip_network(one) for one in allow]
        self._files = {path: (FOLDER / name).read_bytes() for path, (name, _) in FILES.items()}
        self._table = as_json(table()).encode()
        self._pages: set[Any] = set()  # open WebSocket connections
        self._described: dict[str, Any] = {}  # last `about` sent to the pages
        self._presets = preset_names(engine)
        self._waveforms: dict[tuple[int, int, int], bytes] = {}  # by memory, points and its length
        self._ready, self._failed = threading.Event(), ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="antiphon-page", daemon=True)

    @property
    def address(self) -> str:
        """The URL of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def start(self) -> PageServer:
        """Open the port and serve in a thread; ConfigError if the port cannot be had."""
        self._thread.start()
        self._ready.wait()
        if self._failed:
            raise ConfigError(self._failed)
        return self

    def close(self) -> None:
        """Close all pages and free the port."""
        if self._loop and self._over:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._over.set)
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    # --- the server's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._failed = self._failure(error)
            if self._ready.is_set():  # it was served until now, so `start` does not wait for this
                self.bus.publish("error", self._failed)
        finally:
            self._ready.set()

    def _failure(self, error: Exception) -> str:
        """The sentence for an error; our own faults leave their traceback in the log."""
        if isinstance(error, OSError) and not self._ready.is_set():
            reason = (error.strerror or str(error)).lower()
            return f"the page cannot use port {self.port} of {self.host} ({reason}): give another with --page"
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "websockets":
            return "the page needs the package websockets: pip install websockets"
        logger.exception("the page cannot be served")
        return f"the page cannot be served ({error}): play on without it, or restart"

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        tap = self.bus.tap()
        library = logging.getLogger("antiphon.web.connections")  # messages of strangers are not reported live
        library.addHandler(logging.NullHandler())
        library.propagate = False
        options: dict[str, Any] = {
            "max_size": MAX_MESSAGE_BYTES,
            "max_queue": 16,
            "compression": None,
            "server_header": None,
        }
        try:
            async with serve(
                self._serve_page, self.host, self.port, process_request=self._respond, ping_interval=5, ping_timeout=10,
                close_timeout=1, open_timeout=5, logger=library, **options,
            ) as server:  # fmt: skip
                self.port = server.sockets[0].getsockname()[1]
                self._ready.set()
                await self._send_reports(tap, self._over)
        finally:
            self.bus.leave(tap)

    async def _send_reports(self, tap: Tap, over: asyncio.Event) -> None:
        """Send the reports of the bus to all pages until it is over, and a snapshot once a second."""
        snapshot_due = 0.0
        while not over.is_set():
            reports: list[list[Any]] = [[name, *values] for name, values in tap.drain()]
            saved = {str(report[2]) for report in reports if report[:2] == ["changed", "preset/save"]}
            self._presets = [*self._presets, *sorted(saved - set(self._presets))]
            if (now := time.monotonic()) >= snapshot_due:
                snapshot_due = now + SNAPSHOT_INTERVAL_S
                reports += self._state()
            if reports and self._pages:
                self._send(as_json(reports))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(over.wait(), SEND_INTERVAL_S)

    def _send(self, text: str) -> None:
        """To every page; one that has not read what came before is dropped, and will connect again."""
        from websockets.asyncio.server import broadcast

        for page in list(self._pages):
            if page.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
                page.transport.abort()
                self._pages.discard(page)
        broadcast(self._pages, text)

    def _state(self) -> list[list[Any]]:
        """A snapshot, and before it what is loaded if that has changed."""
        reports: list[list[Any]] = [["snapshot", self.monitor.latest]]
        described = self._describe()
        if described != self._described:
            self._described = described
            reports.insert(0, ["about", described])
        return reports

    def _describe(self) -> dict[str, Any]:
        return {**loaded(self.engine), "presets": self._presets}

    async def _serve_page(self, page: Any) -> None:
        """One page, until it goes."""
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            await page.send(as_json([["about", self._describe()], ["snapshot", self.monitor.latest]]))
            self._pages.add(page)
            async for message in page:
                if refusal := self._handle(message):
                    await page.send(as_json([["error", refusal]]))
        self._pages.discard(page)

    def _handle(self, message: str | bytes) -> str:
        """Carry out a message of a page; returns the reason why not, "" if all is well."""
        try:
            name, args = parse_message(message)
            self.engine.command(parse_command(name, args, "page"))
        except CommandError as error:
            return str(error)
        except Exception as error:  # our own fault in one command must not close the page
            logger.exception("a command of the page failed: %r", message[:200])
            return f"a command failed ({type(error).__name__}: {error}): try again"
        return ""

    # --- files

    async def _respond(self, connection: Any, request: Any) -> Any:
        """Answer a plain request; None lets the WebSocket begin."""
        guest = connection.remote_address[0]
        if not self._is_allowed(guest):
            sentence = f"This page is not for {guest}: add '{guest}' to allow in [page] of agent.toml.\n"
            return _response(HTTPStatus.FORBIDDEN, sentence.encode())
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if not self._is_our_host(host):
            return _response(HTTPStatus.FORBIDDEN, b"This is not the name of this machine.\n")
        if origin is not None and origin != f"http://{host}":
            return _response(HTTPStatus.FORBIDDEN, b"Only our own page may play with us.\n")
        path = urlsplit(request.path).path
        if path == "/ws":
            full = len(self._pages) >= MAX_PAGES
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, b"Too many pages.\n") if full else None
        if path in FILES:
            return _response(HTTPStatus.OK, self._files[path], FILES[path][1])
        if path == "/table.json":
            return _response(HTTPStatus.OK, self._table, "application/json")
        if path.startswith("/waveform/"):
            return await self._waveform(path)
        return _response(HTTPStatus.NOT_FOUND, b"There is nothing here.\n")

    def _is_allowed(self, guest: str) -> bool:
        """May this address see the page? This machine always, others if they are named."""
        address = ip_address(guest.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or any(address in network for network in self._allowed)

    def _is_our_host(self, host: str) -> bool:
        """Is this Host header one of our addresses? Any name but localhost may have been made to point here."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self.port:
            return False
        if name in ("localhost", self.host.lower()):
            return True
        try:
            asked = ip_address(name)
        except ValueError:
            return False
        return asked.is_loopback or not _loopback(self.host)

    async def _waveform(self, path: str) -> Any:
        """/waveform/MEMORY/POINTS -> peaks of a memory, as the engine has them."""
        numbers = re.fullmatch(r"/waveform/([0-9]{1,9})/([0-9]{1,9})", path)
        memory, points = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
        memories = self.engine.session.repertoire
        if memory >= len(memories) or not 1 <= points <= MAX_WAVEFORM_POINTS:
            return _response(HTTPStatus.NOT_FOUND, b"There is no such waveform.\n")
        key = (memory, points, len(memories[memory]))
        if key not in self._waveforms:
            found: Waveform = await asyncio.to_thread(waveform, self.engine, memory, points)
            if len(self._waveforms) >= MAX_CACHED_WAVEFORMS:
                self._waveforms = {}
            self._waveforms = {old: body for old, body in self._waveforms.items() if old[:2] != key[:2]}
            self._waveforms[key] = as_json(found).encode()
        return _response(HTTPStatus.OK, self._waveforms[key], "application/json")


def _loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _response(status: HTTPStatus, body: bytes, kind: str = "text/plain") -> Any:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    headers = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body)), "Connection": "close"}
    return Response(int(status), status.phrase, Headers([*headers.items(), *HEADERS.items()]), body)
