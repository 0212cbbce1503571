"""The stage page: static files and a WebSocket on one port, for a browser on the stage.

    page -> agent   ["temperature", 1.2]                      one control of the table and its arguments
    agent -> page   [["heard", 12, 7, -20.5, 1763.2], ...]    reports since the last message, 25 times a second

Besides the reports of the table a page is told `about` (what is loaded) and `snapshot` (all settings, once a second):
it may come late, miss something or go to sleep, and still show what is.

A web page from elsewhere must not play with us. Hence: loopback unless told otherwise, the Host that was asked for must
be ours (or a foreign name could be made to point here), and the Origin must be the page that we served.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.control import command
from agent.control.bus import Bus
from agent.interfaces.monitor import Monitor
from agent.interfaces.web.messages import about, as_json, presets, table, waveform, words
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
EVERY = 0.04  # s between two messages to the pages
MESSAGE = 4096  # bytes a page may say at once
BEHIND = 256 * 1024  # bytes that may wait for a slow page before it is dropped
PAGES = 16  # at a time
POINTS = 4000  # of a waveform, at most


class PageServer:
    """Serves the stage page for an engine; `start` returns when it can be reached, ConfigError if the port cannot.

    port 0 takes any free one. host: another address than loopback serves other machines too, but only those in `allow`.
    """

    def __init__(
        self, engine: Any, bus: Bus, monitor: Monitor, *, port: int = 0, host: str = "127.0.0.1",
        allow: Iterable[str] = (),
    ):  # fmt: skip
        self.engine, self.bus, self.monitor = engine, bus, monitor
        self.host, self.port = host, port
        self._allowed = [ip_network(one) for one in allow]
        self._files = {path: (FOLDER / name).read_bytes() for path, (name, _) in FILES.items()}
        self._table = as_json(table()).encode()
        self._pages: set = set()
        self._about: dict[str, Any] = {}
        self._presets = presets(engine)
        self._waves: dict[tuple, bytes] = {}
        self._ready, self._failed = threading.Event(), ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="antiphon-page", daemon=True)

    @property
    def address(self) -> str:
        """Where to look: a URL."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}/"

    def start(self) -> PageServer:
        """Open the port and serve in a thread."""
        self._thread.start()
        self._ready.wait()
        if self._failed:
            raise ConfigError(self._failed)
        return self

    def close(self) -> None:
        """Say goodbye to all pages and free the port."""
        if self._loop and self._over:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._over.set)
        if self._thread.ident is not None:
            self._thread.join(timeout=3)

    # --- the server's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            self._failed = f"the page cannot use port {self.port} of {self.host} ({why}): give another with --page"
        except ImportError as error:
            self._failed = f"the page needs the package {error.name}: pip install 'antiphon[live]'"
        except Exception as error:
            self._failed = f"the page cannot be served ({error}): play on without it, or restart"
            self.bus.publish("error", self._failed)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        tap = self.bus.tap()
        quiet = logging.getLogger("antiphon.page")  # a stranger's garbage is no news on a stage
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        options: dict[str, Any] = {
            "max_size": MESSAGE,
            "max_queue": 16,
            "compression": None,
            "server_header": None,
        }
        try:
            async with serve(
                self._page, self.host, self.port, process_request=self._request, ping_interval=5, ping_timeout=10,
                close_timeout=1, open_timeout=5, logger=quiet, **options,
            ) as server:  # fmt: skip
                self.port = server.sockets[0].getsockname()[1]
                self._ready.set()
                await self._tell(tap)
        finally:
            self.bus.leave(tap)

    async def _tell(self, tap: Any) -> None:
        """Pass on what the bus says until all is over."""
        assert self._over is not None
        count = 0
        while not self._over.is_set():
            reports = [[name, *values] for name, values in tap.drain()]
            kept = {str(one[2]) for one in reports if one[:2] == ["changed", "preset/save"]}
            self._presets = [*self._presets, *sorted(kept - set(self._presets))]
            if count % round(1 / EVERY) == 0:
                reports += self._state()
            if reports and self._pages:
                self._send(as_json(reports))
            count += 1
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._over.wait(), EVERY)

    def _send(self, text: str) -> None:
        """To every page; one that has not read what came before is dropped, and will connect again."""
        from websockets.asyncio.server import broadcast

        for page in list(self._pages):
            if page.transport.get_write_buffer_size() > BEHIND:
                page.transport.abort()
                self._pages.discard(page)
        broadcast(self._pages, text)

    def _state(self) -> list[list]:
        """Where things stand, and what is loaded if that has changed."""
        said: list[list] = [["snapshot", self.monitor.latest]]
        now = self._loaded()
        if now != self._about:
            self._about = now
            said.insert(0, ["about", now])
        return said

    def _loaded(self) -> dict[str, Any]:
        return about(self.engine) | {"presets": self._presets}

    async def _page(self, page: Any) -> None:
        """One page, until it goes."""
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            await page.send(as_json([["about", self._loaded()], ["snapshot", self.monitor.latest]]))
            self._pages.add(page)
            async for message in page:
                if refusal := self._obey(message):
                    await page.send(as_json([["error", refusal]]))
        self._pages.discard(page)

    def _obey(self, message: str | bytes) -> str:
        """A message of a page -> a command to the engine; returns why not, "" if all is well."""
        try:
            name, args = words(message)
            self.engine.command(command.parse_command(name, args, "page"))
        except ValueError as error:  # CommandError is one
            return str(error)
        return ""

    # --- files

    async def _request(self, connection: Any, request: Any) -> Any:
        """Answer a plain request; None lets the WebSocket begin."""
        guest = connection.remote_address[0]
        if not self._welcome(guest):
            told = f"This page is not for {guest}: add '{guest}' to allow in [page] of agent.toml.\n"
            return _response(HTTPStatus.FORBIDDEN, told.encode())
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if not self._ours(host):
            return _response(HTTPStatus.FORBIDDEN, b"This is not the name of this machine.\n")
        if origin is not None and origin != f"http://{host}":
            return _response(HTTPStatus.FORBIDDEN, b"Only our own page may play with us.\n")
        path = urlsplit(request.path).path
        if path == "/ws":
            full = len(self._pages) >= PAGES
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, b"Too many pages.\n") if full else None
        if path in FILES:
            return _response(HTTPStatus.OK, self._files[path], FILES[path][1])
        if path == "/table.json":
            return _response(HTTPStatus.OK, self._table, "application/json")
        if path.startswith("/waveform/"):
            return await self._waveform(path)
        return _response(HTTPStatus.NOT_FOUND, b"There is nothing here.\n")

    def _welcome(self, guest: str) -> bool:
        """May this address see the page? This machine always, others if they are named."""
        address = ip_address(guest.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or any(address in network for network in self._allowed)

    def _ours(self, host: str) -> bool:
        """Is this Host header one of our addresses? Names other than localhost can be made to point anywhere."""
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
        try:
            number, points = (int(word) for word in path.split("/")[2:])
            size = about(self.engine)["memories"][number]["segments"]
            if number < 0 or not 1 <= points <= POINTS:
                raise ValueError(path)
        except (ValueError, IndexError):
            return _response(HTTPStatus.NOT_FOUND, b"There is no such waveform.\n")
        key = (number, points, size)
        if key not in self._waves:
            wave = await asyncio.to_thread(waveform, self.engine, number, points)
            self._waves = {k: v for k, v in self._waves.items() if k[:2] != key[:2]} if len(self._waves) < 64 else {}
            self._waves[key] = as_json(wave).encode()
        return _response(HTTPStatus.OK, self._waves[key], "application/json")


def _loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _response(status: HTTPStatus, body: bytes, kind: str = "text/plain") -> Any:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    about = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body)), "Connection": "close"}
    return Response(int(status), status.phrase, Headers([*about.items(), *HEADERS.items()]), body)
