"""Real Pd, liblo, Node and SuperCollider against the agent, both ways."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from scipy.signal import fftconvolve

from tests.conftest import melody, samples, write
from tests.live.jackrig import Rig, needs_jack
from tests.live.peers import PATCHES, RATE, Desk, Pd, absent, agent, free_ports, until

needs_pd = pytest.mark.skipif(bool(absent("pd")), reason=f"{absent('pd')}: apt install puredata-core")
needs_liblo = pytest.mark.skipif(bool(absent("oscsend", "oscdump")), reason="apt install liblo-tools")
needs_node = pytest.mark.skipif(bool(absent("node", "npm")), reason=f"{absent('node', 'npm')}: apt install nodejs npm")
needs_sc = pytest.mark.skipif(bool(absent("sclang")), reason="apt install supercollider-language")

LISTEN = """#N canvas 0 0 400 300 12;
#X obj 10 10 r antiphon-in;
#X obj 10 40 print TOLD;
#X connect 0 0 1 0;
"""
RECORD = """#N canvas 0 0 400 300 12;
#X obj 10 10 antiphon-player;
#X obj 10 40 r~ antiphon-player;
#X obj 10 70 writesf~ 1 4;
#X obj 200 10 r record;
#X obj 200 100 r end;
#X msg 200 130 stop;
#X obj 200 160 delay 200;
#X msg 200 190 \\; pd quit;
#X obj 300 10 loadbang;
#X obj 300 40 delay {ms};
#X connect 1 0 2 0;
#X connect 3 0 2 0;
#X connect 5 0 2 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
#X connect 8 0 9 0;
#X connect 9 0 5 0;
"""


@pytest.fixture
def desk():
    """The agent's OSC server."""
    with Desk() as one:
        yield one


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Audio whose every moment is like no other: (n,) float32."""
    rng = np.random.default_rng(seed)
    return (0.3 * rng.uniform(-1, 1, round(seconds * RATE))).astype(np.float32)


def found(recorded: np.ndarray, part: np.ndarray) -> tuple[int, float]:
    """Where `part` begins in a recording (sample), and its gain there (1: as it was)."""
    match = fftconvolve(recorded, part[::-1], "valid")
    at = int(np.argmax(np.abs(match)))
    return at, float(match[at] / (part @ part))


# --- Pd


@needs_pd
def test_pd_opens_every_patch_without_a_complaint(tmp_path):
    pd = Pd(tmp_path, free_ports(1)[0])
    for path in sorted(pd.folder.glob("*.pd")):
        with pd.run(path.name, send=("pd quit",)):
            time.sleep(0.6)
        assert not pd.said().strip(), f"{path.name}: {pd.said()}"


@needs_pd
def test_pd_steers_the_agent(tmp_path, desk):
    pd = Pd(tmp_path, desk.port)
    said = ("antiphon temperature 0.5", "antiphon mute 1", "antiphon jump", "antiphon preset/save verse",
            "antiphon region 0.25 0.75", "antiphon constraint prefer", "antiphon memory 2",
            "antiphon scenario/next 3 -1 4")  # fmt: skip
    with pd.run("antiphon-control.pd", send=said):
        until(lambda: desk.reports("scenario/next") and desk.has(pd.control), 10, "Pd's messages")
    got = {one.name: one.args for one in desk.commands}
    assert got == {"temperature": (0.5,), "mute": (1,), "jump": (), "preset/save": ("verse",), "region": (0.25, 0.75),
                   "constraint": ("prefer",), "memory": (2,), "scenario/next": (3, -1, 4)}  # fmt: skip


@needs_pd
def test_pd_widgets_send_and_follow_without_an_echo(tmp_path, desk):
    pd = Pd(tmp_path, desk.port)
    text = (pd.folder / "antiphon-control.pd").read_text().replace("\\$0-", "ui-")  # names a test can reach
    pd.write("surface.pd", text)
    with pd.run("surface.pd", send=("ui-mute-set 1", "ui-temperature-slide 1.5", "ui-jump bang", "ui-record 1",
                                    "ui-save symbol take", "ui-region-to 0.5", "ui-horizon-slide 3.4")):  # fmt: skip
        until(lambda: len(desk.commands) >= 7, 10, "the widgets' messages")
        got = {one.name: one.args for one in desk.commands}
        assert got == {"mute": (1,), "temperature": (1.5,), "jump": (), "record": ("self",), "save": ("take",),
                       "region": (0.0, 0.5), "horizon": (3,)}  # fmt: skip
        until(lambda: desk.has(pd.control), 10, "the subscription")
        before = len(desk.commands)
        for name, *values in (("temperature", 0.7), ("mute", 0), ("constraint", "none"), ("region", 0.1, 0.2)):
            desk.bus.publish("changed", name, *values)
        desk.status()
        time.sleep(0.5)
        assert desk.commands[before:] == [], "what the agent said came back to it"
    assert "error" not in pd.said() and "no method" not in pd.said(), pd.said()


@needs_pd
def test_pd_hears_what_the_agent_tells(tmp_path, desk):
    pd = Pd(tmp_path, desk.port)
    pd.write("listen.pd", LISTEN)
    with pd.run("antiphon-control.pd", "listen.pd"):
        until(lambda: desk.has(pd.control), 10, "the subscription")
        due = time.time() + 0.2
        desk.bus.publish("heard", 4, 2, -20.5, due)
        desk.event(5, 9, 0.5, due, memory="two words, $1; and é")
        desk.status()
        desk.bus.publish("error", "temperature = 9: expected a number from 0.05 to 5")
        until(lambda: "TOLD: error" in pd.said(), 5, "the reports")
    lines = [line for line in pd.said().splitlines() if line.startswith("TOLD: ")]
    assert "TOLD: heard 4 2 -20.5" in "\n".join(lines)
    event = next(line for line in lines if " event " in line)
    assert event.startswith("TOLD: event 5 jump 9 1 1 1 4.5 0.5 1 two\\ words\\,\\ \\$1\\;\\ and\\ é ")
    assert 0.1 < float(event.split(" é ")[1].split()[0]) <= 0.2, "lead"
    assert any("status playing 3 1 2 0 0 demo" in line for line in lines)
    assert "error: " not in pd.said().replace("TOLD: error: ", ""), pd.said()


@needs_pd
@pytest.mark.slow
def test_pd_player_plays_the_right_sounds_at_the_right_times(tmp_path, desk):
    hop, count = 0.25, round(0.25 * RATE)
    sound = noise(10)
    pd, out = Pd(tmp_path, desk.port), tmp_path / "out.wav"
    other = write(tmp_path / "other.wav", noise(3, 1), RATE, "FLOAT")
    first = write(tmp_path / "memory.wav", sound, RATE, "FLOAT")
    pd.write("record.pd", RECORD.format(ms=6000))
    send = (f"antiphon-slot-1-file symbol {first}", f"antiphon-slot-2-file symbol {other}",
            "antiphon-slot-1-name symbol demo", "antiphon-slot-2-name symbol other",
            f"record open -bytes 4 {out}", "record start")  # fmt: skip
    segments = [0, 1, 2, 20, 21, -1, -1, 9, 10, 30, 3, None]  # None: of the other memory
    with pd.run("record.pd", send=send):
        until(lambda: desk.has(pd.player), 10, "the subscription")
        start = time.time() + 0.5
        for n, segment in enumerate(segments):
            due = start + n * hop
            time.sleep(max(0, due - 0.15 - time.time()))
            desk.event(n, 4 if segment is None else segment, hop, due, memory="other" if segment is None else "demo")
        until(lambda: out.exists() and time.time() > start + 4.5, 20, "the recording")
        time.sleep(2)
    recorded = sf.read(out, dtype="float32")[0]
    zero = found(recorded, sound[:count])[0]
    for n, segment in enumerate(segments):
        if segment == -1:
            rest = recorded[zero + n * count + 4000 : zero + (n + 1) * count - 2000]
            assert np.abs(rest).max() < 1e-4, "a rest is silent"
            continue
        memory, at = (sound, segment) if segment is not None else (noise(3, 1), 4)
        part = memory[at * count + 3000 : (at + 1) * count - 1500]
        where, gain = found(recorded[: zero + 13 * count], part)
        assert abs(where - 3000 - zero - n * count) < 0.03 * RATE, f"hop {n}: {(where - zero) / RATE - n * hop:.3f} s"
        assert abs(gain - 1) < 0.02, f"hop {n}: gain {gain:.3f}"
    for n in (0, 1, 3, 7):  # what goes on is not cut: the samples themselves, but for Pd's 32 bit ramp
        part = sound[segments[n] * count + 3000 : (segments[n] + 2) * count - 1500]
        where, _ = found(recorded, part)
        assert np.abs(recorded[where : where + len(part)] - part).max() < 1e-3
    end = zero + len(segments) * count
    assert np.abs(recorded[end + round(0.4 * RATE) : end + RATE]).max() < 1e-4, "no event: it fades"


@needs_pd
@pytest.mark.slow
def test_pd_player_with_the_agent(tmp_path, tiny):
    """`antiphon play --output osc`: what Pd plays are the segments of the session log, at their hops."""
    port, hop = free_ports(1)[0], 0.5
    pd, out, log = Pd(tmp_path, port), tmp_path / "out.wav", tmp_path / "s.jsonl"
    wav = write(tmp_path / "memory.wav", noise(24), RATE, "FLOAT")
    guide = write(tmp_path / "guide.wav", melody(9, RATE, 1), RATE)
    pd.write("record.pd", RECORD.format(ms=120000))
    send = (f"antiphon-slot-1-file symbol {wav}", f"record open -bytes 4 {out}", "record start")
    with pd.run("record.pd", send=send):
        words = ("--model", tiny, "--memory", wav, "--input", guide, "--output", "osc", "--osc", port, "--log", log)
        with agent(tmp_path, *words, "--set", f"live.hop={hop}") as process:
            process.wait(90)
        time.sleep(1)
    assert process.returncode == 0, (tmp_path / "agent.log").read_text()
    recorded, sound = raw(out), noise(24)
    hops = [line for line in lines_of(log) if line.get("segment", -1) >= 0 and line["hop"] > 4]
    assert len(hops) >= 8  # of the first, some are over before the player has subscribed
    count, margin = round(hop * RATE), round(0.1 * RATE)
    parts = [sound[line["segment"] * count :][3000 : count - 3000] for line in hops]
    lags = [found(recorded, part)[0] - line["hop"] * count for line, part in zip(hops, parts, strict=True)]
    middle = int(np.median(lags))  # a segment may have been played twice: then it is looked for where it should be
    gains = []
    for line, part in zip(hops, parts, strict=True):
        begin = middle + line["hop"] * count - margin
        gains.append(found(recorded[begin : begin + len(part) + 2 * margin], part)[1])
    assert sum(abs(gain - 1) < 0.1 for gain in gains) >= len(hops) - 1, np.round(gains, 2)


def raw(path: Path) -> np.ndarray:
    """The samples of a WAV file whose writer was stopped: the header does not know their number."""
    data = path.read_bytes()
    at = data.index(b"data") + 8
    return np.frombuffer(data[at : at + (len(data) - at) // 4 * 4], np.float32)


STAGE = """#N canvas 0 0 400 300 12;
#X obj 10 10 readsf~ 1;
#X obj 10 40 dac~ 1;
#X obj 10 100 adc~ 1;
#X obj 10 130 writesf~ 1;
#X obj 200 10 r file;
#X obj 200 100 r record;
#X msg 300 10 \\; pd dsp 1;
#X obj 300 40 loadbang;
#X obj 10 200 antiphon-control;
#X obj 200 200 r antiphon-in;
#X obj 200 230 print TOLD;
#X obj 300 100 netreceive -u {port};
#X obj 300 130 route file antiphon;
#X obj 300 160 s file;
#X obj 300 190 s antiphon;
#X connect 0 0 1 0;
#X connect 2 0 3 0;
#X connect 4 0 0 0;
#X connect 5 0 3 0;
#X connect 7 0 6 0;
#X connect 9 0 10 0;
#X connect 11 0 12 0;
#X connect 12 0 13 0;
#X connect 12 1 14 0;
"""


@needs_pd
@needs_jack
@pytest.mark.slow
def test_pd_on_stage(tmp_path, tiny):
    """Pd plays a file into Antiphon over JACK, changes temperature and mutes it over OSC, and receives events."""
    port, hand = free_ports(2)
    guide = write(tmp_path / "guide.wav", melody(20, RATE, 5), RATE, "FLOAT")
    memory = write(tmp_path / "memory.wav", noise(24), RATE, "FLOAT")
    pd, out, log = Pd(tmp_path, port), tmp_path / "out.wav", tmp_path / "s.jsonl"
    pd.write("stage.pd", STAGE.format(port=hand))
    words = ("--model", tiny, "--memory", memory, "--input", "system", "--output", "system", "--osc", port,
             "--log", log, "--record", tmp_path / "take", "--set", "live.hop=0.5",
             "--set", "decision.rests=never")  # fmt: skip
    with Rig(period=1024) as rig, agent(tmp_path, *words, env=rig.env) as process:
        rig.wait_for("antiphon:out_0", 90)
        jack = "-jack -nojackconnect -jackname musician -inchannels 1 -outchannels 1"
        begin = (f"file open {guide}", f"record open -bytes 4 {out}", "record start")
        with pd.run("stage.pd", send=begin, words=jack, env=rig.env):
            rig.wait_for("musician:output_1", 30)
            for name in ("antiphon:in_0", "antiphon:out_0", "musician:output_1", "musician:input_1"):
                rig.unplug(name)
            rig.connect("musician:output_1", "antiphon:in_0")
            rig.connect("antiphon:out_0", "musician:input_1")
            until(lambda: "TOLD: status playing" in pd.said(), 10, "the heartbeat")
            plays(pd, hand)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, (tmp_path / "agent.log").read_text()
    heard, spoken = samples(tmp_path / "take" / "heard.wav"), samples(tmp_path / "take" / "spoken.wav")
    check_sound(log, heard, spoken, raw(out), samples(guide))
    check_words(log, pd.said())


def plays(pd: Pd, port: int) -> None:
    """What the musician does: begins, cools the agent down, mutes it for two seconds."""
    touch = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for message, pause in (
        ("file 1", 3),
        ("antiphon temperature 0.5", 1),
        ("antiphon mute 1", 2),
        ("antiphon mute 0", 3),
    ):
        touch.sendto(f"{message};\n".encode(), ("127.0.0.1", port))
        if message.startswith("antiphon"):
            answer = f"TOLD: changed {message.removeprefix('antiphon ')}"
            until(lambda answer=answer: answer in pd.said(), 5, answer)
        time.sleep(pause)


def check_sound(log: Path, heard, spoken, recorded, guide) -> None:
    """What Pd played is what the agent heard; what the agent spoke is what Pd recorded; the mute is silence in both."""
    second = guide[RATE // 2 : 2 * RATE]
    at, gain = found(heard, second)
    assert abs(gain - 1) < 0.05, f"the file reached the agent with gain {gain:.3f}"
    faders = [line for line in lines_of(log) if "fader" in line]
    down = next(line["at"] for line in faders if line["fader"] == 0)
    up = next(line["at"] for line in faders if line["fader"] > 0 and line["at"] > down)
    assert 1.8 * RATE < up - down < 4 * RATE and at < down
    assert np.abs(spoken[down + RATE // 50 : up]).max() == 0
    before = spoken[down - RATE : down]
    assert np.sqrt(np.mean(before**2)) > 0.05, "it played until it was muted"
    where, gain = found(recorded, before)
    assert abs(gain - 1) < 0.05, f"Pd recorded it with gain {gain:.3f}"
    quiet = recorded[where + RATE + RATE // 20 : where + RATE + (up - down) - RATE // 5]
    assert np.abs(quiet).max() == 0, "muted"
    after = recorded[where + RATE + (up - down) + RATE // 5 :][:RATE]
    assert np.sqrt(np.mean(after**2)) > 0.05, "it plays again"


def check_words(log: Path, said: str) -> None:
    """The events Pd received are those of the log, and the log knows who turned what."""
    hops = {line["hop"]: line for line in lines_of(log) if "segment" in line}
    events = [line.split()[2:] for line in said.splitlines() if line.startswith("TOLD: event ")]
    assert len(events) >= 12
    for hop, why, segment, label, *_ in events:
        if int(hop) in hops:
            line = hops[int(hop)]
            assert (why, int(segment), int(label)) == (line["why"], line["segment"], line["label"])
    assert len(hops.keys() & {int(event[0]) for event in events}) >= len(events) - 2
    controls = [(line["control"], *line["args"]) for line in lines_of(log) if "control" in line]
    assert [one[0] for one in controls if one[0] in ("temperature", "mute")] == ["temperature", "mute", "mute"]
    assert all(line["source"].startswith("osc 127.0.0.1:") for line in lines_of(log) if line.get("control") == "mute")
    assert "error: " not in said.replace("TOLD: error", ""), said


def lines_of(log: Path) -> list[dict]:
    """The lines of a session log."""
    return [json.loads(line) for line in log.read_text().splitlines()]


# --- liblo


@needs_liblo
def test_liblo_both_ways(tmp_path, desk):
    port = str(free_ports(1)[0])
    with (tmp_path / "dump").open("w") as out:
        dump = subprocess.Popen(["stdbuf", "-oL", "oscdump", port], stdout=out)
    try:
        for words in (["temperature", "f", "0.5"], ["temperature", "d", "0.75"], ["horizon", "i", "7"], ["mute", "T"],
                      ["mute", "F"], ["constraint", "s", "prefer"], ["jump"], ["region", "ff", "0.25", "0.5"],
                      ["subscribe", "iss", port, "event", "error"]):  # fmt: skip
            subprocess.run(["oscsend", "127.0.0.1", str(desk.port), f"/antiphon/{words[0]}", *words[1:]], check=True)
        until(lambda: desk.has(int(port)), 5, "oscsend")
        assert desk.reports("temperature") == [(0.5,), (0.75,)] and desk.reports("horizon") == [(7,)]
        assert desk.reports("mute") == [(1,), (0,)] and desk.reports("region") == [(0.25, 0.5)]
        assert desk.reports("jump") == [()] and desk.reports("constraint") == [("prefer",)]
        desk.event(5, 9, 0.5, time.time() + 1)
        desk.status()  # not asked for
        until(lambda: "/antiphon/event" in (tmp_path / "dump").read_text(), 5, "oscdump")
        time.sleep(0.1)
    finally:
        dump.terminate()
        dump.wait()
    lines = [line.split(" ", 1)[1] for line in (tmp_path / "dump").read_text().splitlines()]
    assert len(lines) == 1
    assert lines[0].startswith('/antiphon/event isiiiifffsfiii 5 "jump" 9 1 1 1 4.500000 0.500000 1.000000 "demo" ')


# --- Node


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Path:
    """A folder with our script and node-osc from npm."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("antiphon.mjs", "table.json", "package.json"):
        shutil.copy(PATCHES / "node" / name, folder)
    try:
        words = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=90)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm: {error}")
    if done.returncode:
        pytest.skip(f"npm install: {done.stderr[-300:]}")
    return folder


@needs_node
def test_node_both_ways(node, desk):
    words = ["node", "antiphon.mjs", "--port", str(desk.port)]
    process = subprocess.Popen(
        words, cwd=node, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said = "temperature 1\nhorizon 7\nmute 1\npreset/save verse\nscenario/next 1 2 -1\nregion 0 0.5\nnonsense\n"
    process.stdin.write(said + "temperature 99\n")
    process.stdin.flush()
    until(lambda: desk.reports("region") and len(desk.server.subscribers) > 1, 10, "node")
    desk.event(5, 9, 0.5, time.time() + 1)
    desk.status()
    time.sleep(0.7)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert (
        desk.reports("temperature") == [(1.0,)] and desk.reports("horizon") == [(7,)] and desk.reports("mute") == [(1,)]
    )
    assert desk.reports("preset/save") == [("verse",)] and desk.reports("scenario/next") == [(1, 2, -1)]
    assert "there is no control 'nonsense'" in err
    reports = [json.loads(line) for line in out.splitlines()]
    assert next(one for one in reports if one[0] == "event")[:8] == ["event", 5, "jump", 9, 1, 1, 1, 4.5]
    assert any(one[0] == "error" and "temperature = 99" in one[1] for one in reports)
    assert ["changed", "top_k", 0] in reports, "how things stand"
    assert len(desk.server.subscribers) == 1, "it said good-bye"


@needs_node
def test_node_as_a_library(node, desk):
    script = """import { Antiphon } from './antiphon.mjs';
const agent = new Antiphon({ port: Number(process.argv[2]) });
agent.on('event', async ({ hop, why, memory, lead, time }) => {
  console.log(JSON.stringify([hop, why, memory, lead > 0.5, Math.abs(time - Date.now() - 1000 * lead) < 50]));
  await agent.close();
});
await agent.send('temperature', 2);
await agent.send('nothing').catch((error) => console.log(error.message));
"""
    (node / "library.mjs").write_text(script)
    process = subprocess.Popen(["node", "library.mjs", str(desk.port)], cwd=node, stdout=subprocess.PIPE, text=True)
    until(lambda: len(desk.server.subscribers) > 1, 10, "node")
    desk.event(5, 9, 0.5, time.time() + 1)
    out, _ = process.communicate(timeout=10)
    assert out.splitlines() == ["there is no control 'nothing'", '[5,"jump","demo",true,true]']
    assert desk.reports("temperature") == [(2.0,)]


# --- SuperCollider


def scd_checks() -> str:
    """SuperCollider code that compiles every block of our .scd files, and builds their SynthDef, without a server."""
    code = []
    for name in ("antiphon-player.scd", "antiphon-example.scd"):
        text = (PATCHES / "sc" / name).read_text()
        blocks = re.findall(r"^\(\n(.*?)^\)$", text, re.S | re.M) or [text]
        for block in blocks:
            quoted = block.replace("\\", "\\\\").replace('"', '\\"')
            code.append(f'if("{quoted}".compile.isNil) {{ "NOT COMPILED: {name}".postln }};')
        for synth in re.findall(r"SynthDef\(.*?\}\)(?=\.add)", text, re.S):
            code.append(f'if(({synth}).asBytes.size < 100) {{ "NO SYNTH: {name}".postln }};')
    return "\n".join(code)


@needs_sc
@pytest.mark.slow
def test_supercollider_both_ways(tmp_path, desk):
    extensions = tmp_path / ".local" / "share" / "SuperCollider" / "Extensions"
    extensions.mkdir(parents=True)
    shutil.copy(PATCHES / "sc" / "Antiphon.sc", extensions)
    script = tmp_path / "test.scd"
    script.write_text(
        f"""{scd_checks()}
        fork {{
        a = Antiphon.new(port: {desk.port});
        a.on(\\event, {{ |hop, why, segment, label, match, run, position, duration, gain, memory, lead|
            ("GOT" + [hop, why, segment, position, memory, lead > 0.5]).postln }});
        a.on(\\error, {{ |sentence| ("SAID" + sentence).postln }});
        0.5.wait;
        a.temperature(2); a.horizon(7); a.mute(1); a.mute; a.region(0.25, 0.5); a.presetSave("verse");
        a.scenarioNext(1, 2, -1); a.constraint("prefer"); a.sendLater(0.5, \\jump); a.temperature(99);
        3.wait;
        ("STATE" + a.state[\\top_k] + a.state[\\region]).postln;
        a.free; 0.2.wait; 0.exit;
        }};"""
    )
    env = os.environ | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "QT_QPA_PLATFORM": "offscreen",
                        "QTWEBENGINE_DISABLE_SANDBOX": "1"}  # fmt: skip
    env.pop("XDG_DATA_HOME", None)
    words = ["sclang", "-u", str(free_ports(1)[0]), str(script)]
    process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: desk.reports("constraint"), 40, "sclang")
        desk.event(5, 9, 0.5, time.time() + 1)
        desk.status()
        until(lambda: desk.reports("jump"), 5, "the bundle")
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert "ERROR" not in out and "NOT COMPILED" not in out and "NO SYNTH" not in out, out
    assert desk.reports("temperature") == [(2.0,)] and desk.reports("region") == [(0.25, 0.5)]
    assert desk.reports("mute") == [(1,), ()] and desk.reports("scenario/next") == [(1, 2, -1)]
    assert "GOT [ 5, jump, 9, 4.5, demo, true ]" in out and "STATE 0 [ 0.0, 1.0 ]" in out
    assert "SAID osc 127.0.0.1" in out and len(desk.server.subscribers) == 1
