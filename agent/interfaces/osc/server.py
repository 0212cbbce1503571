"""OSC: commands in, reports out, on one UDP port and in one thread of its own.

agent/control/table.py lists every address that is understood. A packet becomes a `Command` for `Engine.command`, which
waits in `agent.engine.command_queue` until `agent.performance.controls` applies it. No packet can stop the server or
take more than a share of the machine: addresses are compared and not matched as patterns, and packets beyond the rate
limit stay in the socket, where the system drops them. A time tag is converted to the monotonic clock when its bundle
arrives, so that a later step of the wall clock (NTP, a user who sets it) neither delays nor hastens what waits. A
command counts from when it is due: `Engine.command` gives a beat the sample that the input has reached then.
"""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import logging
import math
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

TIME_TAG_HORIZON_S = 10.0  # a time tag further ahead is refused
MAX_SCHEDULED = 256  # messages that may wait for their time
MAX_SUBSCRIBERS = 16
RATE_LIMIT_PER_S = 2000  # messages read; without a limit a flood would take the decision loop its time
RATE_BURST_S = 0.1  # seconds of that rate that may come at once
BYTES_PER_MESSAGE = 64  # a packet counts once for each, or long ones without a single message would be free
MAX_REFUSALS_PER_S = 10  # refusals that are answered; the others are counted
POLL_INTERVAL_S = 0.005  # reports wait no longer
CLOCK_TOLERANCE_S = 0.001  # drift between wall and monotonic clock that is not yet a step
STOP_TIMEOUT_S = 2.0
LOOPBACK = frozenset({"127.0.0.1", "::1"})

logger = logging.getLogger("antiphon.osc")

Peer = tuple[str, int]  # address, port


class OscServer:
    """Listens on [osc] port and sends every report of `bus` to the subscribers.

    command: called with each `Command` from the server's thread; a CommandError is answered to the sender. wall_clock:
    s since 1970, the clock that time tags are compared with. `counts`: messages accepted ("obeyed"), refused,
    scheduled, foreign (not allowed), malformed, echoes (our own reports coming back), failed (by a fault of ours), and
    packets sent and unsent.
    """

    def __init__(
        self,
        command: Callable[[Command], None],
        bus: Bus,
        config: Config,
        *,
        wall_clock: Callable[[], float] = time.time,
    ):
        self._command, self._bus, self._config, self._wall_clock = command, bus, config.osc, wall_clock
        self.port = config.osc.port
        self.rate: float = RATE_LIMIT_PER_S
        self.counts: Counter[str] = Counter()
        self.subscribers: dict[Peer, tuple[str, ...]] = {_peer(one): () for one in config.osc.subscribers}
        self._allowed = [ipaddress.ip_network(one) for one in config.osc.allow]
        self._values = _initial_values(config)  # newest value of every setting and toggle
        self._latest: dict[tuple[str, Any], tuple[Any, ...]] = {}  # newest reports, for a peer that comes late
        self._scheduled: list[tuple[float, int, str, list[Any], Peer]] = []  # heap; first the due time, monotonic s
        self._wall_offset = -math.inf  # s from the wall clock to the monotonic one
        self._sequence = itertools.count()  # keeps the order of messages that are due at the same time
        self._load, self._load_at = 0.0, 0.0  # messages counted against the rate, and when that was, monotonic s
        self._refused_until = 0.0  # monotonic s up to which the refusals answered so far fill their rate
        self._unanswered = 0  # refusals since the last one that was answered
        self._leaving = threading.Event()

    def start(self) -> None:
        """Open the port and begin; ConfigError if it cannot be had."""
        config = self._config
        address = ipaddress.ip_address(config.host)
        if not address.is_loopback and not config.allow:
            raise ConfigError(
                f"osc.host = '{config.host}' while osc.allow is empty: name the machines to obey, like ['192.168.1.7']"
            )
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((config.host, config.port))
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"osc.port = {config.port} on {config.host} cannot be had ({(error.strerror or '').lower()}): "
                "another program listens there; choose another port, or 0 for none"
            ) from None
        self.port = self._socket.getsockname()[1]
        self._tap = self._bus.tap()
        self._thread = threading.Thread(target=self._run, name="antiphon-osc", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send the reports that are left and close the port."""
        self._leaving.set()
        self._thread.join(STOP_TIMEOUT_S)
        self._bus.leave(self._tap)
        self._socket.close()

    def _run(self) -> None:
        while not self._leaving.is_set():
            self._guarded(self._poll)
        self._guarded(self._send_reports)

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        """A fault of ours in one message must not stop the next: it is logged, and the first one is reported."""
        try:
            work(*args)
        except Exception as error:
            self.counts["failed"] += 1
            first = self.counts["failed"] == 1
            logger.log(logging.ERROR if first else logging.DEBUG, "a message was lost: %r", args, exc_info=True)
            if first:
                self._bus.publish("error", f"osc: a message was lost ({type(error).__name__}: {printable(str(error))})")

    def _poll(self) -> None:
        """Send reports, carry out what is due, then wait for at most one packet."""
        self._send_reports()
        while self._scheduled and self._scheduled[0][0] <= time.monotonic():
            _, _, address, values, sender = heapq.heappop(self._scheduled)
            self._guarded(self._handle, address, values, sender)
        now = time.monotonic()
        until_due = self._scheduled[0][0] - now if self._scheduled else POLL_INTERVAL_S
        wait = min(POLL_INTERVAL_S, max(until_due, 0.0))
        self._load, self._load_at = max(0.0, self._load - (now - self._load_at) * self.rate), now
        if self._load >= self.rate * RATE_BURST_S:  # what we leave in the socket, the system drops at no cost to us
            self._leaving.wait(wait)
            return
        self._socket.settimeout(max(wait, 1e-4))
        try:
            packet, address = self._socket.recvfrom(65536)
        except TimeoutError:
            return
        except OSError:  # a network that is going down or coming up
            self._leaving.wait(POLL_INTERVAL_S)
            return
        self.receive(packet, (address[0], address[1]))

    # --- in

    def receive(self, packet: bytes, sender: Peer) -> None:
        """One packet: carry out, schedule or refuse each of its messages."""
        if not self._is_allowed(sender[0]):
            self._load += 1
            self.counts["foreign"] += 1
            return
        weight = 1 + len(packet) // BYTES_PER_MESSAGE
        try:
            messages = decode(packet)
        except PacketError as error:
            self._load += weight
            self.counts["malformed"] += 1
            self._refuse(sender, f"this packet is not understood ({error}): send OSC 1.0")
            return
        self._load += max(weight, len(messages))
        for message in messages:
            self._guarded(self._dispatch, message, sender)

    def _dispatch(self, message: Message, sender: Peer) -> None:
        """Carry out a message now, schedule it by its time tag, or refuse it."""
        time_tag, address, values = message
        due = -math.inf if time_tag is None else self._monotonic(time_tag)
        ahead = due - time.monotonic()
        if ahead <= 0:
            self._handle(address, values, sender)
        elif ahead > TIME_TAG_HORIZON_S:
            self._refuse(
                sender,
                f"{printable(address)}: its time is {ahead:.3g} s ahead, expected {TIME_TAG_HORIZON_S:.0f} s at most",
            )
        elif len(self._scheduled) >= MAX_SCHEDULED:
            self._refuse(sender, f"{printable(address)}: {MAX_SCHEDULED} messages wait already, send it later")
        else:
            self.counts["scheduled"] += 1
            heapq.heappush(self._scheduled, (due, next(self._sequence), address, values, sender))

    def _monotonic(self, wall_time: float) -> float:
        """The monotonic time (s) of a wall time, as the wall clock stands now.

        The offset between both is kept until the wall clock steps, so that equal time tags stay equal, and in order.
        """
        before, wall, after = time.monotonic(), self._wall_clock(), time.monotonic()
        if not before - CLOCK_TOLERANCE_S <= wall + self._wall_offset <= after + CLOCK_TOLERANCE_S:
            self._wall_offset = before - wall
        return wall_time + self._wall_offset

    def _handle(self, address: str, values: list[Any], sender: Peer) -> None:
        """Carry out one message, or refuse it."""
        name = address.removeprefix(ROOT)
        if name in REPORTS and name not in CONTROLS:  # a report of ours coming back: an answer would circle for ever
            self.counts["echoes"] += 1
            return
        try:
            if name == address:
                raise CommandError(f"there is nothing at '{printable(address)}': addresses begin with {ROOT}")
            if name not in CONTROLS and name not in ALIASES and not self._may_answer_refusal():
                raise CommandError("")  # finding the near miss takes time that a flood must not have
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
        """Carry out a control between this server and the sender alone."""
        if command.name == "ping":
            self._send(sender, "pong", command.args)
        elif command.name == "state":
            self._send_state(sender)
        elif command.name == "unsubscribe":
            self.subscribers.pop((sender[0], command.args[0]), None)
        else:
            port, *prefixes = command.args
            if (sender[0], port) not in self.subscribers and len(self.subscribers) >= MAX_SUBSCRIBERS:
                raise CommandError(f"subscribe: {MAX_SUBSCRIBERS} are told already, unsubscribe one of them first")
            peer, wanted = (sender[0], port), tuple(prefix.removeprefix(ROOT) for prefix in prefixes)
            if self.subscribers.get(peer) != wanted:  # many peers cannot receive on the port they send `state` from
                self._send_state(peer, wanted)
            self.subscribers[peer] = wanted

    def _send_state(self, peer: Peer, prefixes: tuple[str, ...] = ()) -> None:
        """The newest value of everything, in the reports whose names begin with one of `prefixes`.

        Without a prefix it is all reports but those that only who names them is told.
        """
        changed = [("changed", (name, *value)) for name, value in self._values.items()]
        for name, values in [*changed, *((report, values) for (report, _), values in self._latest.items())]:
            if name.startswith(prefixes) if prefixes else not REPORTS[name].asked:
                self._send(peer, name, values)

    def _is_allowed(self, host: str) -> bool:
        if host in LOOPBACK:
            return True
        if not self._allowed:
            return False
        address = ipaddress.ip_address(host.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return str(address) in LOOPBACK or any(address in network for network in self._allowed)

    def _may_answer_refusal(self) -> bool:
        return time.monotonic() >= self._refused_until - 1

    def _refuse(self, sender: Peer, sentence: str) -> None:
        """Count a refusal, and report it to the sender and the bus, at a limited rate."""
        self.counts["refused"] += 1
        if not sentence or not self._may_answer_refusal():
            self._unanswered += 1
            return
        self._refused_until = max(self._refused_until, time.monotonic()) + 1 / MAX_REFUSALS_PER_S
        more = f" ({self._unanswered} more were refused)" if self._unanswered else ""
        self._unanswered = 0
        if sender not in self.subscribers:
            self._send(sender, "error", (sentence + more,))
        self._bus.publish("error", f"osc {sender[0]}:{sender[1]}: {sentence}{more}")

    # --- out

    def _send_reports(self) -> None:
        """Every report since the last time, to the subscribers that want it."""
        for name, values in self._tap.drain():
            self._guarded(self._send_report, name, values)

    def _send_report(self, name: str, values: tuple[Any, ...]) -> None:
        if name == "changed" and values:
            self._values[str(values[0])] = values[1:]
        elif name == "memory":
            self._latest[name, values[0]] = values
        elif name == "section":
            self._latest[name, values[:2]] = values
        elif name in ("status", "latency", "device"):
            self._latest[name, None] = values
        packet = None
        for peer, prefixes in tuple(self.subscribers.items()):
            if name.startswith(prefixes) if prefixes else not REPORTS[name].asked:
                packet = packet or outgoing.packet(name, values)
                self._send_packet(peer, packet)

    def _send(self, peer: Peer, name: str, values: tuple[Any, ...]) -> None:
        self._send_packet(peer, outgoing.packet(name, values))

    def _send_packet(self, peer: Peer, packet: bytes) -> None:
        try:
            self._socket.sendto(packet, peer)
            self.counts["sent"] += 1
        except OSError:  # no receiver or no route: the sender of UDP cannot mend that
            self.counts["unsent"] += 1


def _is_button(name: str, values: list[Any]) -> bool:
    """A tablet's button sends 1 when pressed and 0 when released, also to a control without values."""
    return name in CONTROLS and not CONTROLS[name].args and len(values) == 1 and isinstance(values[0], (int, float))


def _peer(text: str) -> Peer:
    """ "127.0.0.1:9001" -> ("127.0.0.1", 9001)."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def _initial_values(config: Config) -> dict[str, tuple[Any, ...]]:
    """{name: values} of every live setting and toggle at the beginning of a performance."""
    values: dict[str, tuple[Any, ...]] = {}
    for name, field in FIELDS.items():
        if field.live:
            section, key = name.split(".")
            value = getattr(getattr(config, section), key)
            values[key] = value if isinstance(value, tuple) else (value,)
    return values | {control.name: (0,) for control in CONTROLS.values() if control.toggle}
