"""The page's server: who may speak to it, what it lets through, and that nobody who does can hurt the music."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from agent.control import command as stage
from agent.control.bus import Bus
from agent.engine.engine import Engine
from agent.interfaces.monitor import Monitor
from agent.interfaces.web import messages, server
from agent.settings.config import ConfigError

HTML, JS = (server.FOLDER / "index.html").read_text(), "".join(p.read_text() for p in server.FOLDER.glob("*.js"))


class Desk(Engine):
    """The engine, without anyone to play on it: its mind does not run, and what it was told is kept."""

    def __init__(self, session):
        super().__init__(session, samplerate=session.samplerate, slack_ms=40, bus=Bus())
        self.commands: list[stage.Command] = []

    def command(self, command: stage.Command) -> None:
        self.commands.append(command)
        super().command(command)


@pytest.fixture(scope="module")
def session(request):
    return request.getfixturevalue("stage").session()


@pytest.fixture
def desk(session):
    return Desk(session)


@pytest.fixture
def page(desk):
    serving = server.PageServer(desk, Monitor(desk, desk.bus).start()).start()
    yield serving
    serving.close()
    serving.monitor.close()


def get(page, path: str, **headers: str) -> tuple[int, bytes, dict]:
    """Status, body and headers of a plain request."""
    request = urllib.request.Request(f"http://127.0.0.1:{page.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def socket_of(page, **more):
    return connect(f"ws://127.0.0.1:{page.port}/ws", **more)


def wait_for(ws, name: str, seconds: float = 5.0) -> list:
    """The next report of this name."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for report in json.loads(ws.recv(timeout=until - time.monotonic())):
            if report[0] == name:
                return report
    raise AssertionError(f"no {name}")


def obeyed(desk, count: int = 1) -> list:
    until = time.monotonic() + 5
    while len(desk.commands) < count and time.monotonic() < until:
        time.sleep(0.01)
    return desk.commands


# --- files


def test_the_page_is_served_whole(page):
    for path in server.FILES:
        status, body, headers = get(page, path)
        assert status == 200 and body == (server.FOLDER / server.FILES[path][0]).read_bytes()
        assert (
            headers["X-Content-Type-Options"] == "nosniff"
            and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        )
    wanted = re.findall(r'(?:src|href)="([\w.]+)"', HTML)
    assert wanted and {f"/{name}" for name in wanted} <= set(server.FILES)


@pytest.mark.parametrize("path", ["/nothing", "/../web.py", "/%2e%2e/web.py", "//etc/passwd", "/app.js/", "/ws/"])
def test_nothing_else_is_served(page, path):
    assert get(page, path)[0] == 404


def test_the_table_is_the_table(page):
    table = json.loads(get(page, "/table.json")[1])
    assert list(table["controls"]) == list(stage.CONTROLS) and list(table["reports"]) == list(stage.REPORTS)
    temperature = table["controls"]["temperature"]
    assert (temperature["args"][0]["low"], temperature["args"][0]["high"]) == (0.05, 5) and temperature[
        "default"
    ] == 1.0


def test_the_page_names_only_what_is_in_the_table():
    for words in re.findall(r'data-(?:buttons|settings)="([^"]+)"', HTML):
        assert set(words.split()) <= set(stage.CONTROLS)
    assert set(re.findall(r'(?:send|act)\("([\w/]+)"', JS)) <= set(stage.CONTROLS)
    known = re.search(r"const hear = \{(.*?)\n\};", JS, re.S).group(1)
    names = set(re.findall(r"^  (\w+)(?:\(|:)", known, re.M))
    assert names - set(stage.REPORTS) == {"about", "snapshot"} and {"heard", "plan", "event", "error"} <= names


def test_a_waveform_has_the_labels_of_its_memory(page, desk):
    wave = json.loads(get(page, "/waveform/0/48")[1])
    labels = desk.session.repertoire[0].labels
    assert len(wave["peaks"]) == 48 and wave["labels"] == [int(labels[i * len(labels) // 48]) for i in range(48)]
    assert all(0 <= peak <= 1.5 for peak in wave["peaks"])


@pytest.mark.parametrize("path", ["0/0", "0/-1", "0/1000000", "9/10", "-1/10", "x/10", "0", "0/1/2", "0/1e3", "0/"])
def test_a_waveform_that_is_not_there(page, path):
    assert get(page, f"/waveform/{path}")[0] == 404


# --- who may speak


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "192.168.0.1:{port}", "[::1", "x:y"]
)
def test_a_foreign_name_for_this_machine_is_refused(page, host):
    assert get(page, "/", Host=host.format(port=page.port))[0] == 403


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_our_own_names_are_known(page, host):
    assert get(page, "/", Host=host.format(port=page.port))[0] == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://localhost:{port}"],
)
def test_a_page_from_elsewhere_may_not_play(page, desk, origin):
    with pytest.raises(InvalidStatus) as refused:
        socket_of(page, origin=origin.format(port=page.port))
    assert refused.value.response.status_code == 403 and not desk.commands


def test_our_own_page_may_play(page, desk):
    with socket_of(page, origin=f"http://127.0.0.1:{page.port}") as ws:
        ws.send('["jump"]')
        assert obeyed(desk)[0] == stage.Command("jump", (), "page")


def test_other_machines_only_if_they_are_named(desk):
    bus = desk.bus
    page = server.PageServer(desk, Monitor(desk, bus), host="0.0.0.0", allow=["192.168.1.7", "10.0.0.0/8"])
    welcome = {"127.0.0.1": True, "::1": True, "192.168.1.7": True, "10.2.3.4": True, "::ffff:192.168.1.7": True,
               "192.168.1.8": False, "fe80::1%eth0": False}  # fmt: skip
    assert {guest: page._is_allowed(guest) for guest in welcome} == welcome
    page.port = 80
    assert page._is_our_host("192.168.1.2") and not page._is_our_host("evil.example")


# --- what it lets through


def test_a_command_reaches_the_engine_checked_and_by_its_full_name(page, desk):
    with socket_of(page) as ws:
        for message in ('["gain", -6]', '["region", 0.25, 1]', '["memory", "memory"]', '["mute"]'):
            ws.send(message)
        assert [(c.name, c.args) for c in obeyed(desk, 4)] == [
            ("gain_db", (-6.0,)), ("region", (0.25, 1.0)), ("memory", ("memory",)), ("mute", ()),
        ]  # fmt: skip


BAD = [
    "", "{", "[]", "{}", "7", "null", '"play"', "[7]", "[null]", '[["play"]]', '["play", null]', '["play", {}]',
    '["nothing"]',     '["temperature"]', '["temperature", "hot"]', '["temperature", 99]', '["temperature", NaN]',
    '["temperature", Infinity]',
    '["temperature", 1e999]', '["temperature", 1, 2]', '["temperature", true]', '["memory", "\\ud800"]', '["\\ud800"]',
    '["save", "../../etc"]', '["save", ""]', '["taboo", 1' + "0" * 3000 + "]", "[" * 2000, "[" * 2000 + "]" * 2000,
    '["constraint", "requier"]', '["region", 0.5, 0.5]', b"\xff\x00", b'["play"]',
]  # fmt: skip


@pytest.mark.parametrize("message", BAD, ids=lambda m: repr(m)[:32])
def test_what_is_no_command_is_refused_in_a_sentence(page, desk, message):
    with socket_of(page) as ws:
        ws.send(message)
        sentence = wait_for(ws, "error")[1]
        assert "\n" not in sentence and 10 < len(sentence) < 300 and "Traceback" not in sentence
        ws.send('["jump"]')
        assert [c.name for c in obeyed(desk)] == ["jump"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=8,
)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60), ANYTHING.map(json.dumps)))
def test_no_message_does_more_than_be_refused(message):
    try:
        name, args = messages.parse_message(message)
        stage.parse_command(name, args, "page")
    except stage.CommandError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("fault", [ValueError, KeyError, RuntimeError])
def test_a_fault_of_ours_is_no_refusal_and_keeps_its_traceback_in_the_log(page, desk, caplog, monkeypatch, fault):
    def fail(command):
        raise fault("not the musician's mistake")

    monkeypatch.setattr(desk, "command", fail)
    with socket_of(page) as ws:
        for _ in range(2):  # the page lives on
            ws.send('["jump"]')
            assert wait_for(ws, "error")[1].startswith(f"a command failed ({fault.__name__}")
    logged = [one for one in caplog.records if one.name == "antiphon.web" and one.exc_info]
    assert [one.exc_info[0] for one in logged] == [fault] * 2 and "in fail" in caplog.text


def test_a_waveform_that_fails_is_not_a_waveform_that_is_not_there(page, desk, monkeypatch):
    monkeypatch.setattr(desk, "waveform", lambda memory, points: [][0])
    assert get(page, "/waveform/0/100")[0] == 500 and get(page, "/waveform/7/100")[0] == 404


def test_too_long_a_message_ends_that_page_alone(page, desk):
    with socket_of(page) as good, socket_of(page) as bad:
        bad.send('["save", "' + "x" * server.MAX_MESSAGE_BYTES + '"]')
        with pytest.raises(ConnectionClosed):
            while True:
                bad.recv(timeout=5)
        good.send('["like"]')
        assert obeyed(desk)[0].name == "like"


# --- what it tells


def test_a_page_that_comes_late_knows_all(page, desk):
    with socket_of(page) as ws:
        about, snapshot = json.loads(ws.recv(timeout=5))
    assert about[0] == "about" and about[1]["silence"] == desk.session.silence
    assert about[1]["memories"][0]["segments"] == len(desk.session.repertoire[0])
    assert about[1]["memories"][0]["sections"] == []
    assert snapshot[0] == "snapshot" and snapshot[1]["settings"]["temperature"] == 1.0


def test_reports_go_to_every_page_in_order(page):
    with socket_of(page) as one, socket_of(page) as other:
        until = time.monotonic() + 5
        while len(page._pages) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        for hop in range(5):
            page.bus.publish("heard", np.int32(hop), 7, np.float32(-20), float("nan"))
        for ws in (one, other):
            assert wait_for(ws, "heard") == ["heard", 0, 7, -20.0, None]


def test_a_page_that_does_not_read_is_dropped_and_the_others_go_on(page, monkeypatch):
    monkeypatch.setattr(server, "MAX_UNSENT_BYTES", 20_000)
    slow = socket.create_connection(("127.0.0.1", page.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    with socket_of(page) as good:
        until = time.monotonic() + 10
        while len(page._pages) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert len(page._pages) == 2
        while len(page._pages) == 2 and time.monotonic() < until:
            for _ in range(100):
                page.bus.publish("error", "x" * 1000)
            wait_for(good, "error")
        assert len(page._pages) == 1
        page.bus.publish("pong", 1)
        wait_for(good, "pong")
    slow.close()


def test_too_many_pages_are_refused(page, monkeypatch):
    monkeypatch.setattr(server, "MAX_PAGES", 1)
    with socket_of(page) as ws:
        ws.recv(timeout=5)
        time.sleep(0.05)
        with pytest.raises(InvalidStatus) as refused:
            socket_of(page)
        assert refused.value.response.status_code == 503


def test_presets_are_told_old_and_new(desk, tmp_path, monkeypatch):
    path = tmp_path / "presets.toml"
    path.write_text("[soft]\ngain_db = -3.0\n")
    monkeypatch.setattr(desk.session, "config", SimpleNamespace(live=SimpleNamespace(presets=str(path))))
    page = server.PageServer(desk, Monitor(desk, desk.bus)).start()
    with socket_of(page) as ws:
        assert wait_for(ws, "about")[1]["presets"] == ["soft"]
        page.bus.publish("changed", "preset/save", "loud")
        while wait_for(ws, "about")[1]["presets"] != ["soft", "loud"]:
            pass
    page.close()
    path.write_text("no TOML")
    assert messages.preset_names(desk) == []


# --- the port


def test_a_port_that_is_taken(page, desk):
    with pytest.raises(ConfigError, match=rf"port {page.port} .*give another with --page"):
        server.PageServer(desk, page.monitor, port=page.port).start()


def test_closing_frees_the_port_and_says_goodbye(desk):
    bus = desk.bus
    page = server.PageServer(desk, Monitor(desk, bus).start()).start()
    with socket_of(page) as ws:
        page.close()
        with pytest.raises(ConnectionClosed):
            while True:
                ws.recv(timeout=5)
    assert not page._thread.is_alive() and not bus._taps
    again = server.PageServer(desk, page.monitor, port=page.port).start()
    again.close()
    page.monitor.close()


def test_closing_twice_and_before_it_began(desk):
    bus = desk.bus
    page = server.PageServer(desk, Monitor(desk, bus))
    page.close()
    page = server.PageServer(desk, page.monitor).start()
    page.close()
    page.close()
    assert asyncio.run(asyncio.sleep(0, True))
