"""OSC over a real socket: every control and every report of the tables, and everything that is not OSC."""

import json
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

from agent.control.bus import Bus
from agent.control.command import ALIASES, CONTROLS, REPORTS, ROOT, CommandError
from agent.interfaces.osc import outgoing, reference, server
from agent.interfaces.osc.codec import PacketError, decode, encode
from agent.settings.config import Config, ConfigError, change

NTP = 2_208_988_800
PAGE = Path(__file__).parents[4] / "agent" / "OSC.md"


def text(words):
    raw = words if isinstance(words, bytes) else words.encode()
    return raw + b"\0" * (4 - len(raw) % 4)


def integer(value):
    return struct.pack(">i", value)


def message(address, types="", *body):
    return text(ROOT + address) + text("," + types) + b"".join(body)


def bundle(*elements, when=b"\0" * 7 + b"\1"):
    return b"#bundle\0" + when + b"".join(integer(len(one)) + one for one in elements)


def timetag(ahead, clock=time.time):
    unix = clock() + ahead + NTP
    return struct.pack(">II", int(unix), int(unix % 1 * 2**32))


class Peer:
    """A program on stage that speaks OSC; what it receives is read by python-osc."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port, self.to = self.socket.getsockname()[1], port

    def send(self, *packets):
        for packet in packets:
            self.socket.sendto(packet, ("127.0.0.1", self.to))

    def say(self, name, *values):
        self.send(build_msg(ROOT + name, list(values)).dgram)

    def hear(self, seconds=3.0, raw=False):
        """The next message as (name, values), or None."""
        self.socket.settimeout(seconds)
        try:
            packet = self.socket.recv(65536)
        except TimeoutError:
            return None
        if raw:
            return packet
        got = OscMessage(packet)
        assert got.address.startswith(ROOT)
        return got.address.removeprefix(ROOT), list(got.params)

    def ping(self, seconds=5.0):
        """Does the server still answer? Other messages are passed over."""
        value = random.randrange(2**31)
        self.say("ping", value)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.hear(left) == ("pong", [value]):
                return True
        return False

    def close(self):
        self.socket.close()


class Desk:
    """A server and what it was told."""

    def __init__(self, *sets, command=None, wall_clock=time.time):
        config = Config()
        for name, value in (("osc.port", 0), ("osc.subscribers", []), *sets):
            config = change(config, name, value)
        self.commands, self.bus = [], Bus()
        self.server = server.OscServer(command or self.commands.append, self.bus, config, wall_clock=wall_clock)
        self.server.start()
        self.peers = []

    def peer(self, host="127.0.0.1"):
        self.peers.append(Peer(self.server.port, host))
        return self.peers[-1]

    def stop(self):
        self.server.stop()
        for peer in self.peers:
            peer.close()

    def wait(self, count=1, seconds=5.0):
        """The commands, once there are so many."""
        until = time.monotonic() + seconds
        while len(self.commands) < count and time.monotonic() < until:
            time.sleep(0.002)
        return self.commands


@pytest.fixture
def desk():
    desk = Desk()
    yield desk
    desk.stop()


@pytest.fixture
def opened():
    """Makes desks with other settings."""
    made = []

    def open_desk(*sets, **more):
        made.append(Desk(*sets, **more))
        return made[-1]

    yield open_desk
    for one in made:
        one.stop()


# --- every control


def good(arg):
    """Values that an argument may have: both ends, and in another type where the table says so."""
    if arg.choices:
        return list(arg.choices)
    if arg.kind == "s":
        return ["verse 2", "a"] if arg.plain else ["jump", "région", ""]
    if arg.kind == "is":
        return [0, "voice"]
    low, high = (arg.low, arg.high) if arg.low is not None else (0, 9)
    return [int(low), float(low), int(high)] if arg.kind == "i" else [float(low), float(high), (low + high) / 2]


def bad(arg):
    """Values that it may not have."""
    wrong = [b"blob", None]
    if arg.kind == "s":
        wrong += [3, 0.5, "x" * 300, "two\nlines"]
        return [*wrong, "requiire"] if arg.choices else [*wrong, "../x", "", "/etc", ".x"] if arg.plain else wrong
    wrong += [float("nan"), float("inf")]
    if arg.kind == "is":
        return [*wrong, 1.5, -1, 2000] if arg.low is not None else [*wrong, 1.5]
    wrong += ["0.5", arg.low - 1, arg.high + 1 if arg.high < 2**31 - 1 else 2**40]
    return [*wrong, 0.5] if arg.kind == "i" else wrong


def calls(control):
    """(values that are taken, values that are refused) of a control; the first good value stands in for the others."""
    first = [good(arg)[0] for arg in control.args]
    spans = {"region": [0.25, 0.75], "tempo_range": [80.0, 160.0]}
    first = spans.get(control.name, first)
    taken, refused = [first, first[: sum(not arg.optional for arg in control.args)]], []
    for place, arg in enumerate(control.args):
        if control.name not in spans:
            taken += [[*first[:place], value, *first[place + 1 :]] for value in good(arg)]
        refused += [[*first[:place], value, *first[place + 1 :]] for value in bad(arg)]
    if not control.args or not control.args[-1].many:
        refused.append([*first, 1, 1])
    if first and not control.args[0].optional:
        refused.append([])
    if [None] in refused and control.args[0].optional:
        refused.remove([None])  # a bang is no value
    if control.name == "region":
        taken, refused = [*taken, [0, 1]], [*refused, [0.5, 0.5], [0.7, 0.1]]
    return taken, refused


def plain(value):
    return struct.unpack(">f", struct.pack(">f", value))[0] if isinstance(value, float) else value


@pytest.mark.parametrize("name", [one.name for one in CONTROLS.values() if not one.osc])
def test_what_a_control_may_be_told_arrives_and_what_not_is_answered(desk, name):
    control, peer = CONTROLS[name], desk.peer()
    taken, refused = calls(control)
    for count, values in enumerate(taken, 1):
        for address in (name, control.alias or name):
            desk.commands.clear()
            peer.say(address, *values)
            assert desk.wait(), f"{name} {values} did not arrive: {peer.hear(0.1)}"
        command = desk.commands[0]
        assert command.name == name and command.source == f"osc 127.0.0.1:{peer.port}"
        assert list(command.args) == pytest.approx([plain(v) for v in values]) if values else command.args == ()
        kinds = [control.args[min(n, len(control.args) - 1)].kind for n in range(len(values))]
        assert all(type(v).__name__[0] in kind for v, kind in zip(command.args, kinds, strict=True)), command
        assert desk.server.counts["obeyed"] >= count
    desk.commands.clear()
    before = desk.server.counts["refused"]
    for values in refused:
        peer.say(name, *values)
    assert peer.ping()
    assert desk.server.counts["refused"] - before == len(refused) and not desk.commands and peer.ping()
    assert not desk.server.counts["failed"]


def test_a_refusal_is_a_sentence_to_the_sender_and_to_all_who_look(desk):
    tap, peer = desk.bus.tap(), desk.peer()
    peer.say("temprature", 1.0)
    assert peer.hear() == ("error", ["there is no control 'temprature': did you mean 'temperature'?"])
    peer.say("temperature", 9.0)
    assert peer.hear() == ("error", ["temperature = 9.0: expected a number from 0.05 to 5"])
    name, (sentence,) = next(tap.drain())
    assert name == "error" and sentence.startswith(f"osc 127.0.0.1:{peer.port}: there is no control")
    peer.send(text("/temperature") + text(",f") + struct.pack(">f", 1))
    assert peer.hear() == ("error", ["there is nothing at '/temperature': addresses begin with /antiphon/"])


def test_refusals_are_told_ten_times_a_second_and_counted_for_ever(desk):
    peer = desk.peer()
    for number in range(400):
        peer.say("temperatur", number)
        time.sleep(0.0002)
    heard = []
    while got := peer.hear(0.3):
        heard.append(got)
    assert 5 <= len(heard) <= 20 and desk.server.counts["refused"] == 400
    peer.say("temperature", 99)
    assert "more were refused)" in peer.hear()[1][0]


def test_what_the_engine_refuses_is_answered(opened):
    def refuse(command):
        raise CommandError(f"there is no memory '{command.args[0]}'")

    desk = opened(command=refuse)
    peer = desk.peer()
    peer.say("memory", "x")
    assert peer.hear() == ("error", ["there is no memory 'x'"])


def test_an_engine_that_fails_does_not_take_the_server_along(opened):
    desk = opened(command=lambda command: 1 / 0)
    tap, peer = desk.bus.tap(), desk.peer()
    peer.say("jump")
    assert peer.ping() and desk.server.counts["failed"] == 1
    assert "ZeroDivisionError" in next(tap.drain())[1][0]


@pytest.mark.parametrize("fault", [ValueError, KeyError, OSError, ZeroDivisionError])
def test_a_fault_of_ours_is_no_refusal_and_keeps_its_traceback_in_the_log(opened, caplog, fault):
    def fail(command):
        raise fault("not the sender's mistake")

    desk = opened(command=fail)
    peer = desk.peer()
    peer.say("jump")
    assert peer.ping() and desk.server.counts["failed"] == 1 and not desk.server.counts["refused"]
    logged = [one for one in caplog.records if one.name == "antiphon.osc"]
    assert [one.exc_info[0] for one in logged] == [fault] and "in fail" in caplog.text


def test_two_agents_do_not_answer_each_other_for_ever(opened):
    desk = opened()
    peer = desk.peer()
    for name in [*REPORTS, *REPORTS]:
        peer.say(name, "x", 1, 2, 3)
    heard = []
    while got := peer.hear(0.2):
        heard.append(got)
    refused = 2 * len({"memory", "section"} & set(REPORTS))  # which are controls too
    assert [name for name, _ in heard] == ["error"] * refused
    assert desk.server.counts["echoes"] == 2 * len(REPORTS) - refused


# --- reports


def example(name):
    """Values of a report as the engine publishes them, numpy's among them."""
    values = []
    for field in REPORTS[name].fields:
        one = {"i": np.int64(7), "f": np.float32(-3.5), "s": "café", "d": 1_795_264_290.123456, "v": (0.25, "x", 3)}
        values += [one[field.kind]] * (3 if field.many else 1)
    return values


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_read_by_another_parser(desk, name):
    peer = desk.peer()
    peer.say("subscribe", peer.port, name)
    assert peer.ping()
    desk.bus.publish(name, *example(name))
    packet = peer.hear(raw=True)
    got = OscMessage(packet)
    assert got.address == ROOT + name and len(packet) <= outgoing.MAX_PACKET_BYTES
    types = packet[packet.index(b",") + 1 :].split(b"\0")[0].decode()
    assert set(types) <= set("ifs")
    wanted = REPORTS[name].types
    assert types == wanted or (wanted.endswith("...") and types.startswith(wanted[:-4]))
    assert decode(packet) == [(None, got.address, got.params)]
    assert not desk.server.counts["failed"]


def listens(port):
    """Has some program this UDP port?"""
    tables = [Path("/proc/net") / name for name in ("udp", "udp6")]
    if not tables[0].exists():
        time.sleep(1)
        return True
    return any(f":{port:04X} " in table.read_text() for table in tables if table.exists())


@pytest.mark.skipif(not shutil.which("oscdump"), reason="liblo's oscdump is not installed (liblo-tools)")
def test_every_report_is_read_by_liblo(desk):
    peer = desk.peer()
    free = peer.port
    peer.say("subscribe", free, *REPORTS)
    assert peer.ping()
    peer.close()
    with subprocess.Popen(["stdbuf", "-oL", "oscdump", str(free)], stdout=subprocess.PIPE, text=True) as dump:
        until = time.monotonic() + 5
        while not listens(free) and time.monotonic() < until:
            time.sleep(0.02)
        for name in REPORTS:
            desk.bus.publish(name, *example(name))
        lines = [dump.stdout.readline().split(" ", 3)[1:] for _ in REPORTS]
        dump.terminate()
    desk.peers.clear()
    assert [line[0] for line in lines] == [ROOT + name for name in REPORTS]
    read = {line[0].removeprefix(ROOT): line[1:] for line in lines}
    assert read["event"][0] == "isiiiifffsfiii" and read["event"][1].rstrip().endswith("20778 45090 123456")
    assert read["status"] == ["siffiis", '"café" 7 -3.500000 -3.500000 7 7 "café"\n']


PATCH = """#N canvas 0 0 450 300 12;
#X obj 10 10 netreceive -u -b {port};
#X obj 10 40 oscparse;
#X obj 10 70 list trim;
#X obj 10 100 print GOT;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 2 0 3 0;
"""


@pytest.mark.skipif(not shutil.which("pd"), reason="Pd is not installed (puredata-core)")
def test_an_event_is_whole_in_pd(desk, tmp_path):
    """Pd's parser loses its way after a 64 bit float, and its own numbers have 24 bits."""
    peer = desk.peer()
    peer.close()
    (tmp_path / "peer.pd").write_text(PATCH.format(port=peer.port))
    words = ["pd", "-nogui", "-noaudio", "-nomidi", "-stderr", "-open", str(tmp_path / "peer.pd")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as pd:
        desk.server.subscribers["127.0.0.1", peer.port] = ()
        stop = threading.Timer(20, pd.kill)
        stop.start()
        got = ""
        while pd.poll() is None and not got.startswith("GOT"):
            desk.bus.publish("event", *example("event"))
            ready, _, _ = select.select([pd.stderr], [], [], 0.1)
            got = pd.stderr.readline() if ready else ""
        stop.cancel()
        pd.kill()
    desk.peers.clear()
    words = got.split()
    assert " ".join(words[1:13]) == "antiphon event 7 café 7 7 7 7 -3.5 -3.5 -3.5 café"
    assert words[14:] == ["20778", "45090", "123456"]


def test_a_date_is_exact_in_three_numbers_of_24_bits():
    for unix in (0.0, 1_795_264_290.123456, 1_795_305_599.9999996, 4_102_444_799.999999):
        day, second, micro = outgoing.values("heard", (1, 2, 0.0, unix))[3:]
        assert day * 86400 + second + micro / 1e6 == pytest.approx(unix, abs=1e-6)
        assert all(float(np.float32(n)) == n for n in (day, second, micro)) and second < 86400 and micro < 10**6


def test_lead_is_counted_from_sending():
    values = example("event")
    values[-2:] = [9.0, time.time() + 0.25]
    assert outgoing.values("event", values)[10] == pytest.approx(0.25, abs=0.01)


def test_numbers_that_stop_a_peer_do_not_go_out():
    got = decode(encode("/x", [float("nan"), float("inf"), -float("inf"), 2**40, "a\0b", "\ud800", True]))[0][2]
    assert got == [0.0, largest(), -largest(), 2**31 - 1, "ab", "?", 1]


def largest():
    return struct.unpack(">f", b"\x7f\x7f\xff\xff")[0]


def test_each_subscriber_hears_what_it_asked_for(opened):
    desk = opened()
    everything, events, levels = desk.peer(), desk.peer(), desk.peer()
    everything.say("subscribe", everything.port)
    events.say("subscribe", events.port, "/antiphon/event", "plan")
    levels.say("subscribe", levels.port, "meter")
    assert everything.ping() and events.ping() and levels.ping()
    desk.bus.publish("plan", 4, 1, 2, 3, 4)
    desk.bus.publish("meter", -3.0, -4.0)
    desk.bus.publish("xruns", 1)
    assert everything.hear() == ("plan", [4, 1, 2, 3, 4]) and everything.hear() == ("xruns", [1])
    assert events.hear() == ("plan", [4, 1, 2, 3, 4]) and events.hear(0.1) is None
    assert levels.hear() == ("meter", [-3.0, -4.0]) and levels.hear(0.1) is None
    everything.say("unsubscribe", everything.port)
    assert everything.ping()
    desk.bus.publish("xruns", 2)
    assert everything.hear(0.1) is None


def test_there_is_room_for_sixteen(desk):
    peer = desk.peer()
    for port in range(50001, 50017):
        peer.say("subscribe", port, "none")
    assert peer.ping()
    peer.say("subscribe", 50017)
    assert peer.hear() == ("error", ["subscribe: 16 are told already, unsubscribe one of them first"])
    peer.say("subscribe", 50016)  # again is not one more
    assert peer.ping() and len(desk.server.subscribers) == 16


def test_a_subscriber_of_the_settings_is_told_from_the_beginning(opened):
    peer = Peer(0)
    desk = opened(("osc.subscribers", [f"127.0.0.1:{peer.port}"]))
    desk.bus.publish("xruns", 1)
    assert peer.hear() == ("xruns", [1])
    desk.bus.publish("xruns")  # a report that does not fit the table is nobody's but ours
    desk.bus.publish("nonsense", 1)
    desk.bus.publish("xruns", 2)
    assert peer.hear() == ("xruns", [2]) and peer.hear()[0] == "error" and desk.server.counts["failed"] == 2
    peer.close()


def test_state_is_every_setting_as_it_is(opened):
    desk = opened(("action.region", (0.25, 0.5)))
    peer = desk.peer()
    desk.bus.publish("changed", "temperature", 2.0)
    desk.bus.publish("changed", "mute", 1)
    desk.bus.publish("memory", "demo", 64, 32.0)
    desk.bus.publish("status", "playing", 3, 1.0, 2.0, 0, 0, "demo")
    time.sleep(0.05)
    peer.say("state")
    heard = []
    while got := peer.hear(0.2):
        heard.append(got)
    said = {values[0]: values[1:] for name, values in heard if name == "changed"}
    assert set(said) == {one.name for one in CONTROLS.values() if one.setting or one.toggle}
    assert said["temperature"] == [2.0] and said["mute"] == [1] and said["region"] == [0.25, 0.5]
    assert ("memory", ["demo", 64, 32.0]) in heard and heard[-1][0] == "status"
    for name, values in said.items():
        peer.say(name, *values)  # what was told may be told back
    assert len(desk.wait(len(said))) == len(said)


def test_sections_are_told_to_those_who_ask(desk):
    peer, other = desk.peer(), desk.peer()
    desk.bus.publish("section", "duo", "verse", 0.0, 6.5)
    desk.bus.publish("section", "duo", "Thème", 6.5, 8.0)
    time.sleep(0.05)
    other.say("state")
    other.say("ping", 7)
    heard = []
    while (got := other.hear()) != ("pong", [7]):
        heard.append(got)
    assert heard and all(name != "section" for name, _ in heard)
    peer.say("subscribe", peer.port, "section")
    assert [peer.hear(), peer.hear()] == [
        ("section", ["duo", "verse", 0.0, 6.5]), ("section", ["duo", "Thème", 6.5, 8.0]),
    ]  # fmt: skip


def test_reports_reach_the_peer_soon(desk):
    peer = desk.peer()
    peer.say("subscribe", peer.port)
    assert peer.ping()
    took = []
    for number in range(50):
        began = time.perf_counter()
        desk.bus.publish("xruns", number)
        assert peer.hear() == ("xruns", [number])
        took.append(time.perf_counter() - began)
    assert min(took) < 0.05, "the quickest of fifty: the machine may be busy, the server does not wait for a turn"


# --- who is heard


def test_a_stranger_is_not_heard_unless_named(opened):
    closed, named = opened(), opened(("osc.allow", ["127.0.0.0/30"]))
    stranger, friend = closed.peer("127.0.0.2"), named.peer("127.0.0.2")
    stranger.say("jump")
    stranger.send(b"x")
    assert not stranger.ping(0.2) and closed.server.counts["foreign"] == 3 and not closed.commands
    friend.say("jump")
    assert friend.ping() and len(named.commands) == 1
    far = named.peer("127.0.0.9")
    assert not far.ping(0.2) and named.server.counts["foreign"] == 1


def test_the_door_stays_shut_by_default(opened):
    desk = opened()
    assert desk.server._socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(ConfigError, match=r"osc\.allow is empty: name the machines"):
        opened(("osc.host", "0.0.0.0"))
    wide = opened(("osc.host", "0.0.0.0"), ("osc.allow", ["127.0.0.2"]))
    assert wide.peer().ping() and wide.peer("127.0.0.2").ping() and not wide.peer("127.0.0.3").ping(0.2)


def test_a_port_that_is_taken_is_a_sentence(opened):
    desk = opened()
    with pytest.raises(ConfigError, match=r"osc\.port = \d+ on 127\.0\.0\.1 cannot be had \(.*\): another program"):
        opened(("osc.port", desk.server.port))


# --- time


def test_a_bundle_waits_for_its_time_and_keeps_its_order(desk):
    peer = desk.peer()
    began = time.monotonic()
    late = bundle(message("temperature", "i", integer(1)), message("horizon", "i", integer(2)), when=timetag(0.6))
    peer.send(late, bundle(message("jump"), when=timetag(0.3)), bundle(message("like"), when=timetag(-100)))
    took = []
    for count in (1, 2, 4):
        names = [one.name for one in desk.wait(count)]
        took.append(time.monotonic() - began)
    assert names == ["like", "jump", "temperature", "horizon"]
    assert took[1] > 0.29 and took[2] > 0.59


def test_nothing_waits_longer_than_the_horizon_nor_in_great_number(desk):
    peer = desk.peer()
    for when in (timetag(11), b"\xff" * 8, struct.pack(">II", 120, 0)):
        peer.send(bundle(message("jump"), when=when))
        name, (sentence,) = peer.hear()
        assert name == "error" and "s ahead, expected 10 s at most" in sentence
    peer.send(*[bundle(*[message("jump")] * 20, when=timetag(5)) for _ in range(15)])
    assert peer.ping()
    assert desk.server.counts["scheduled"] == server.MAX_SCHEDULED and not desk.commands


@pytest.mark.parametrize("step", [-86_400.0, -3600.0, 9.0, 3600.0, 86_400.0])
def test_a_wall_clock_that_steps_neither_delays_nor_hastens_what_waits(opened, step):
    """Time tags are wall time; what waits for them is counted from their arrival by a clock that cannot step."""
    offset = [0.0]

    def clock():
        return time.time() + offset[0]

    desk = opened(wall_clock=clock)
    peer, began = desk.peer(), time.monotonic()
    peer.send(bundle(message("jump"), when=timetag(0.5, clock)))
    assert peer.ping() and desk.server.counts["scheduled"] == 1
    offset[0] = step
    peer.send(bundle(message("like"), when=timetag(0.2, clock)))  # by the clock as it is now
    assert [one.name for one in desk.wait(1)] == ["like"]
    assert [one.name for one in desk.wait(2)] == ["like", "jump"] and time.monotonic() - began > 0.49


# --- what is not OSC

OK = message("ping", "i", integer(1))
DEEP = OK
for _ in range(300):
    DEEP = bundle(DEEP)
DEEPEST = OK
while len(DEEPEST) < 60_000:
    DEEPEST = bundle(DEEPEST)
SHALLOW = OK
for _ in range(8):
    SHALLOW = bundle(SHALLOW)

MALFORMED = {
    "empty": b"",
    "one byte": b"/",
    "no slash": text("ping"),
    "types without comma": text("/antiphon/ping") + text("iii") + integer(1),
    "cut in a number": message("ping", "i") + b"\0\0",
    "no number": message("ping", "i"),
    "half a double": message("ping", "d", integer(1)),
    "half a timetag": message("ping", "it", integer(1), integer(1)),
    "cut in a text": message("ping", "s") + b"abcd",
    "cut in the address": b"/antiphon/ping.." + b"....",
    "cut in the types": text("/antiphon/ping") + b",iii",
    "more than its types": message("ping", "i", integer(1), integer(2)),
    "unknown type Q": message("ping", "iQi", integer(1), integer(2)),
    "type beyond ASCII": text("/antiphon/ping") + text(b",i\xff") + integer(1),
    "array": message("ping", "[i]", integer(1)),
    "unbalanced array": message("ping", "i]", integer(1)),
    "blob of -4": message("ping", "b", integer(-4)) + b"abcd",
    "blob too long": message("ping", "b", integer(2**31 - 1)) + b"abcd",
    "element of -4 (endless loop)": bundle() + integer(-4) + OK,
    "element of 0": bundle() + integer(0) * 2,
    "element of 6": bundle() + integer(6) + b"/abcd\0",
    "element too long": bundle() + integer(2**31 - 1) + OK,
    "element cut": bundle(OK)[:-4],
    "bundle without time": b"#bundle\0\0\0\0\0",
    "bundles 300 deep": DEEP,
    "bundles 3000 deep": DEEPEST[-65_000:],
    "good and bad": bundle(message("jump"), b"////"),
    "zeros": b"\0" * 400,
    "65 kB of nothing": b"\xff" * 65_504,
}
REFUSED = {
    "unknown type c in between": message("top_k", "ici", integer(1), integer(97), integer(2)),
    "wildcard *": message("*", "i", integer(1)),
    "wildcard that eats a regex": text(ROOT + "*" * 28 + "z") + text(",i") + integer(1),
    "wildcard {}": message("{jump,like}" * 12),
    "wildcard []": message("[z-a]"),
    "65 kB blob": message("temperature", "b", integer(65_000)) + b"x" * 65_000,
    "5000 numbers": message("temperature", "i" * 5000, integer(1) * 5000),
    "10000 labels": message("scenario/next", "i" * 10_000, integer(1) * 10_000),
    "60000 truths": message("scenario/next", "T" * 60_000),
    "address of 10000": message("a" * 10_000, "i", integer(1)),
    "not a number": message("temperature", "f", struct.pack(">f", float("nan"))),
    "without end": message("temperature", "f", struct.pack(">f", float("inf"))),
    "int64": message("horizon", "h", struct.pack(">q", 2**62)),
    "double 1e300": message("temperature", "d", struct.pack(">d", 1e300)),
    "timetag as value": message("temperature", "t", b"\xff" * 8),
    "empty blob": message("temperature", "b", integer(0)),
    "truth for a number": message("temperature", "T"),
    "bang for a number": message("temperature", "N"),
    "address in Latin-1": text(b"/antiphon/caf\xe9"),
    "root alone": text(ROOT),
    "slash": text("/"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_osc_is_counted_and_harms_nobody(desk, name):
    peer = desk.peer()
    with pytest.raises(PacketError):
        decode(MALFORMED[name])
    peer.send(MALFORMED[name])
    told, (sentence,) = peer.hear()
    assert told == "error" and sentence.startswith("this packet is not understood (")
    assert peer.ping() and desk.server.counts["malformed"] == 1
    assert not desk.commands and not desk.server.counts["failed"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_osc_but_nonsense_is_refused(desk, name):
    peer = desk.peer()
    peer.send(REFUSED[name])
    told, (sentence,) = peer.hear()
    assert told == "error" and len(sentence) < 300
    assert peer.ping() and desk.server.counts["refused"] == 1
    assert not desk.commands and not desk.server.counts["failed"]


@pytest.mark.parametrize(
    ("packet", "values"),
    [
        (message("preset/save", "s", text("caf\xe9".encode("latin-1"))), ("café",)),
        (message("preset/save", "s", text("café")), ("café",)),
        (message("preset/save", "S", text("symbol")), ("symbol",)),
        (message("mute", "T"), (1,)),
        (message("mute", "F"), (0,)),
        (message("mute", "N"), ()),
        (message("jump", "I"), ()),
        (text(ROOT + "jump"), ()),
        (message("temperature", "d", struct.pack(">d", 0.5)), (0.5,)),
        (message("temperature", "h", struct.pack(">q", 2)), (2.0,)),
        (message("horizon", "f", struct.pack(">f", 3)), (3,)),
        (message("memory", "c", integer(97)), ("a",)),
        (bundle(bundle(message("jump"))), ()),
    ],
)
def test_the_dialects_of_peers_are_understood(desk, packet, values):
    desk.peer().send(packet)
    assert desk.wait()[0].args == values


def test_the_button_of_a_tablet_acts_when_pressed(desk):
    peer = desk.peer()
    for value in (1.0, 0.0, 1, 0, True, False, 0.5):
        peer.say("jump", value)
    assert peer.ping() and [one.args for one in desk.commands] == [()] * 4 and not desk.server.counts["refused"]
    peer.say("jump", "now")
    assert peer.hear() == ("error", ["jump: 1 value was given, expected no value"])


def test_bundles_in_bundles_are_read_to_a_depth():
    assert len(decode(SHALLOW)) == 1
    with pytest.raises(PacketError):
        decode(bundle(SHALLOW))


def test_a_bundle_counts_whole_or_not_at_all(desk):
    peer = desk.peer()
    peer.send(bundle(message("jump"), message("like", "i")))
    assert peer.ping() and not desk.commands


# --- fuzz

SEEDS = [
    OK, message("jump"), bundle(OK, message("temperature", "f", struct.pack(">f", 0.5))),
    message("scenario", "iii", integer(3), integer(1), integer(2)), message("preset/save", "s", text("verse")),
    message("subscribe", "isb", integer(9001), text("event"), integer(4) + b"abcd"), SHALLOW,
    bundle(bundle(message("like"), when=b"\0" * 8), OK), message("memory", "hdtTFN", b"\1" * 24),
]  # fmt: skip


def mutated(rng):
    """A packet with a few bytes changed, cut, doubled or joined to another."""
    packet = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randrange(1, 5)):
        if not packet:
            break
        place = rng.randrange(len(packet))
        act = rng.random()
        if act < 0.6:
            packet[place] = rng.choice((0, 1, 4, 44, 47, 127, 128, 255, rng.randrange(256)))
        elif act < 0.7:
            packet[place : place + 4] = integer(rng.choice((-4, -1, 0, 4, 8, 2**31 - 1, -(2**31))))
        elif act < 0.8:
            del packet[place:]
        elif act < 0.9:
            packet[place:place] = packet[: rng.randrange(1, 40)]
        else:
            packet += rng.choice(SEEDS)
    return bytes(packet)


def fuzz(desk, packets, seed):
    """Send so many through the socket; every hundred the server must answer. Returns packets per second."""
    rng, peer = random.Random(seed), desk.peer()
    began = time.monotonic()
    for number in range(packets):
        peer.send(mutated(rng))
        if number % 100 == 99:
            assert peer.ping(5), f"no answer after packet {number}"
    counts = desk.server.counts
    assert not counts["failed"], counts
    assert counts["obeyed"] + counts["refused"] + counts["scheduled"] + counts["echoes"] >= packets * 0.9, counts
    assert peer.ping()
    return packets / (time.monotonic() - began)


def test_twenty_thousand_mutated_packets(desk):
    desk.server.rate = 1e9
    fuzz(desk, 20_000, seed=1)
    assert desk.server.counts["malformed"] > 5000 and desk.commands


@pytest.mark.slow
def test_a_million_mutated_packets(desk):
    desk.server.rate = 1e9
    speed = fuzz(desk, 1_000_000, seed=2)
    print(f"{speed:.0f} packets/s, {dict(desk.server.counts)}")


def test_a_flood_takes_no_more_than_its_share(desk):
    desk.server.rate = 500
    peer, began = desk.peer(), time.monotonic()
    while time.monotonic() - began < 1.0:
        peer.say("jump")
        time.sleep(0.0002)
    assert 100 <= len(desk.commands) <= 750
    time.sleep(0.6)
    assert any(peer.ping(1) for _ in range(5))  # the first may be lost with the rest


@pytest.mark.parametrize(
    "packet, count, weight",
    [
        (bundle(*[message("jump")] * 300), "obeyed", 1),
        (bundle(*[message("jump")] * 300, b"////"), "malformed", 300 * 24 / server.BYTES_PER_MESSAGE),
    ],
)
def test_a_flood_of_great_bundles_is_counted_by_what_it_costs(desk, packet, count, weight):
    rate = desk.server.rate = 500
    peer, began = desk.peer(), time.monotonic()
    while time.monotonic() - began < 1.0:
        peer.send(packet)
        time.sleep(0.002)
    read = desk.server.counts[count] * weight
    assert 0 < read <= rate * (server.RATE_BURST_S + time.monotonic() - began) + 320  # the last one is read whole
    time.sleep(1.0)
    desk.server.rate = 1e9
    assert any(peer.ping(1) for _ in range(5))


# --- the page


def test_the_page_is_the_table():
    assert PAGE.read_text(encoding="utf-8") == reference.markdown(), "run  antiphon osc > agent/OSC.md"
    for one in [*CONTROLS.values(), *REPORTS.values()]:
        assert one.meaning and f"`{one.address}`" in reference.markdown()
    assert all(alias in reference.markdown() for alias in ALIASES)


def test_the_verb_prints_page_and_data(antiphon):
    assert antiphon("osc").out == reference.markdown()
    said = json.loads(antiphon("osc", "--json").out)
    assert {one["address"] for one in said["controls"]} == {one.address for one in CONTROLS.values()}
    assert all(set(one["types"].replace("...", "")) <= set("ifs?") for one in said["reports"])
