"""OSC: commands in, reports out, on one UDP port and in one thread of its own.

What may be said is in agent/control/spec.py; nothing else is understood. A packet can neither stop the server nor take
more than a share of the machine: addresses are compared, not matched as patterns, timetags are kept by our own clock,
and of a flood the rest is left to the network to lose.
"""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from agent.control.bus import Bus
from agent.control.command import ALIASES, CONTROLS, REPORTS, ROOT, Command, CommandError, parse_command, printable
from agent.interfaces.osc import outgoing
from agent.interfaces.osc.codec import Message, PacketError, decode
from agent.settings.config import FIELDS, Config, ConfigError

HORIZON = 10.0  # s: a timetag further ahead is refused
PENDING = 256  # messages that may wait for their time
SUBSCRIBERS = 16
RATE = 2000  # messages a second that are read; the rest is lost, or a flood would take the mind its time
BURST = 0.1  # s of that rate that may come at once
LONG = 64  # bytes: a packet counts at least once for each, or long ones without a single message would be free
ANSWERS = 10  # refusals a second that are told
TICK = 0.005  # s: reports wait no longer
HOME = frozenset({"127.0.0.1", "::1"})

Peer = tuple[str, int]  # address, port


class OscServer:
    """Listens on [osc] port and sends every report of `bus` to the subscribers.

    command: called with each `Command` from the server's thread; may raise CommandError, which is told to the sender.
    `counts` says how many messages were obeyed, refused, foreign and so on.
    """

    def __init__(self, command: Callable[[Command], None], bus: Bus, config: Config):
        about = config.osc
        self._command, self._bus, self._about = command, bus, about
        self.port = about.port
        self.rate = RATE
        self.counts: Counter[str] = Counter()
        self.subscribers: dict[Peer, tuple[str, ...]] = {_peer(one): () for one in about.subscribers}
        self._allowed = [ipaddress.ip_network(one) for one in about.allow]
        self._state = _state(config)
        self._last: dict[tuple[str, Any], tuple[Any, ...]] = {}  # what a patch that comes late is told
        self._waiting: list[tuple[float, int, str, list[Any], Peer]] = []  # heap by time
        self._order = itertools.count()
        self._since, self._read, self._told = 0.0, 0.0, 0.0
        self._silent = 0  # refusals that were not told
        self._leaving = threading.Event()

    def start(self) -> None:
        """Open the port and begin; ConfigError if it cannot be had."""
        about = self._about
        address = ipaddress.ip_address(about.host)
        if not address.is_loopback and not about.allow:
            raise ConfigError(
                f"osc.host = '{about.host}' while osc.allow is empty: name the machines to obey, like ['192.168.1.7']"
            )
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((about.host, about.port))
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"osc.port = {about.port} on {about.host} cannot be had ({(error.strerror or '').lower()}): "
                "another program listens there; choose another port, or 0 for none"
            ) from None
        self.port = self._socket.getsockname()[1]
        self._tap = self._bus.tap()
        self._thread = threading.Thread(target=self._run, name="antiphon-osc", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what is left to be told and close the port."""
        self._leaving.set()
        self._thread.join(2)
        self._bus.leave(self._tap)
        self._socket.close()

    def _run(self) -> None:
        while not self._leaving.is_set():
            self._guarded(self._tick)
        self._guarded(self._tell)

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        """Whatever goes wrong in a message, the next one is read."""
        try:
            work(*args)
        except Exception as error:
            self.counts["failed"] += 1
            if self.counts["failed"] == 1:
                self._bus.publish("error", f"osc: a message was lost ({type(error).__name__}: {printable(str(error))})")

    def _tick(self) -> None:
        self._tell()
        while self._waiting and self._waiting[0][0] <= time.time():
            _, _, address, values, sender = heapq.heappop(self._waiting)
            self._guarded(self._obey, address, values, sender)
        wait = min(TICK, max(self._waiting[0][0] - time.time(), 0.0)) if self._waiting else TICK
        now = time.monotonic()
        self._since, self._read = now, max(0.0, self._read - (now - self._since) * self.rate)
        if self._read >= self.rate * BURST:  # what is not taken from the socket, the system drops: it costs us nothing
            self._leaving.wait(wait)
            return
        self._socket.settimeout(max(wait, 1e-4))
        try:
            packet, address = self._socket.recvfrom(65536)
        except TimeoutError:
            return
        except OSError:  # a network that is going down or coming up
            self._leaving.wait(TICK)
            return
        self.receive(packet, (address[0], address[1]))

    # --- in

    def receive(self, packet: bytes, sender: Peer) -> None:
        """One packet: carry out, keep for later or refuse each of its messages."""
        if not self._is_allowed(sender[0]):
            self._read += 1
            self.counts["foreign"] += 1
            return
        weight = 1 + len(packet) // LONG
        try:
            messages = decode(packet)
        except PacketError as error:
            self._read += weight
            self.counts["malformed"] += 1
            self._refuse(sender, f"this packet is not understood ({error}): send OSC 1.0")
            return
        self._read += max(weight, len(messages))
        for message in messages:
            self._guarded(self._sort, message, sender)

    def _sort(self, message: Message, sender: Peer) -> None:
        """Now, later or not at all."""
        when, address, values = message
        ahead = when - time.time() if when else 0.0
        if when is None or ahead <= 0:
            self._obey(address, values, sender)
        elif ahead > HORIZON:
            self._refuse(
                sender, f"{printable(address)}: its time is {ahead:.3g} s ahead, expected {HORIZON:.0f} s at most"
            )
        elif len(self._waiting) >= PENDING:
            self._refuse(sender, f"{printable(address)}: {PENDING} messages wait already, send it later")
        else:
            self.counts["scheduled"] += 1
            heapq.heappush(self._waiting, (when, next(self._order), address, values, sender))

    def _obey(self, address: str, values: list[Any], sender: Peer) -> None:
        name = address.removeprefix(ROOT)
        if name in REPORTS and name not in CONTROLS:  # our own words coming back: an answer would go round for ever
            self.counts["echoes"] += 1
            return
        try:
            if name == address:
                raise CommandError(f"there is nothing at '{printable(address)}': addresses begin with {ROOT}")
            if name not in CONTROLS and name not in ALIASES and not self._may_tell():  # a near miss takes time to find
                raise CommandError("")
            if _is_button(name, values):
                if not values[0]:
                    return
                values = []
            command = parse_command(name, values, f"osc {sender[0]}:{sender[1]}")
            if CONTROLS[command.name].osc:
                self._reply(command, sender)
            else:
                self._command(command)
            self.counts["obeyed"] += 1
        except CommandError as error:
            self._refuse(sender, str(error))

    def _reply(self, command: Command, sender: Peer) -> None:
        """A matter between this server and the sender."""
        if command.name == "ping":
            self._send(sender, "pong", command.args)
        elif command.name == "state":
            self._catch_up(sender)
        elif command.name == "unsubscribe":
            self.subscribers.pop((sender[0], command.args[0]), None)
        else:
            port, *prefixes = command.args
            if (sender[0], port) not in self.subscribers and len(self.subscribers) >= SUBSCRIBERS:
                raise CommandError(f"subscribe: {SUBSCRIBERS} are told already, unsubscribe one of them first")
            peer, wanted = (sender[0], port), tuple(one.removeprefix(ROOT) for one in prefixes)
            if self.subscribers.get(peer) != wanted:  # many cannot hear on the port they ask `state` from
                self._catch_up(peer, wanted)
            self.subscribers[peer] = wanted

    def _catch_up(self, peer: Peer, prefixes: tuple[str, ...] = ()) -> None:
        """How things stand, of the reports that begin so."""
        changed = [("changed", (name, *value)) for name, value in self._state.items()]
        for name, values in [*changed, *((about, values) for (about, _), values in self._last.items())]:
            if name.startswith(prefixes or ""):
                self._send(peer, name, values)

    def _is_allowed(self, host: str) -> bool:
        if host in HOME:
            return True
        if not self._allowed:
            return False
        address = ipaddress.ip_address(host.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return str(address) in HOME or any(address in one for one in self._allowed)

    def _may_tell(self) -> bool:
        return time.monotonic() >= self._told - 1

    def _refuse(self, sender: Peer, sentence: str) -> None:
        """Count it, and tell the sender and all who look, but not more often than can be read."""
        self.counts["refused"] += 1
        if not sentence or not self._may_tell():
            self._silent += 1
            return
        self._told = max(self._told, time.monotonic()) + 1 / ANSWERS
        more, self._silent = (f" ({self._silent} more were refused)" if self._silent else ""), 0
        if sender not in self.subscribers:
            self._send(sender, "error", (sentence + more,))
        self._bus.publish("error", f"osc {sender[0]}:{sender[1]}: {sentence}{more}")

    # --- out

    def _tell(self) -> None:
        """Every report since the last time, to those who want it."""
        for name, values in self._tap.drain():
            self._guarded(self._tell_one, name, values)

    def _tell_one(self, name: str, values: tuple[Any, ...]) -> None:
        if name == "changed" and values:
            self._state[str(values[0])] = values[1:]
        elif name == "memory":
            self._last[name, values[0]] = values
        elif name in ("status", "latency", "device"):
            self._last[name, None] = values
        packet = None
        for peer, prefixes in tuple(self.subscribers.items()):
            if name.startswith(prefixes) if prefixes else not REPORTS[name].asked:
                packet = packet or outgoing.packet(name, values)
                self._post(peer, packet)

    def _send(self, peer: Peer, name: str, values: tuple[Any, ...]) -> None:
        self._post(peer, outgoing.packet(name, values))

    def _post(self, peer: Peer, packet: bytes) -> None:
        try:
            self._socket.sendto(packet, peer)
            self.counts["sent"] += 1
        except OSError:  # nobody there, no way there: their loss
            self.counts["unsent"] += 1


def _is_button(name: str, values: list[Any]) -> bool:
    """A tablet's button sends 1 when pressed and 0 when released, also to what takes no value."""
    return name in CONTROLS and not CONTROLS[name].args and len(values) == 1 and isinstance(values[0], (int, float))


def _peer(text: str) -> Peer:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _state(config: Config) -> dict[str, tuple[Any, ...]]:
    """Name to value of every setting that may change, and of every toggle, as they are when a piece begins."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, about in FIELDS.items():
        if about.live:
            section, key = name.split(".")
            value = getattr(getattr(config, section), key)
            found[key] = value if isinstance(value, tuple) else (value,)
    return found | {one.name: (0,) for one in CONTROLS.values() if one.toggle}
