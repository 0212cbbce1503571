"""The engine: live = file, the answer never waits, a miss is remembered as what was played, errors are survived."""

import gc
import json
import resource
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.control.bus import Bus
from agent.control.command import Command, CommandError, parse_command
from agent.engine.buffers import AudioBuffers
from agent.engine.command_queue import COMMAND_QUEUE_SIZE
from agent.engine.engine import Engine
from agent.engine.file_transport import BlockLoop, Drain, Feeder, blocks_by_label
from agent.engine.remote_listener import RemoteListener
from agent.performance.hops import live_hops
from agent.performance.session import Session
from agent.records import replay
from agent.records.session_log import SessionLog
from corpora.corpus import Section
from corpora.whole_files import AudioError
from perception.stream import boundary
from tests.conftest import KINDS, melody, samples, write

BLOCKS = (256, 1000, 1999)
SLACK = 2100  # samples: more than every block that is driven by hand


class Unsteady(Session):
    """A session that can be held up, or fails, at a hop."""

    def prepare(self, stall=(), fail=None):
        self.stall, self.fail = set(stall), dict(fail or {})
        self.stalling, self.go = threading.Event(), threading.Event()
        return self

    def _perhaps(self, where, hop):
        if self.fail.get(where) == hop:
            del self.fail[where]
            raise RuntimeError(f"{where} broke")

    def perceive(self, state, audio):
        self._perhaps("perceive", state.hearing.hops)
        return super().perceive(state, audio)

    def hear(self, state, heard, audio=None):
        self._perhaps("hear", state.hearing.hops - 1)
        super().hear(state, heard, audio)

    def propose(self, state, times=None):
        hop = state.hop
        if hop in self.stall:
            self.go.clear()
            self.stalling.set()
            assert self.go.wait(10)
            self.stalling.clear()
        self._perhaps("propose", hop)
        return super().propose(state, times)

    def accept(self, state, proposal):
        self._perhaps("accept", state.hop)
        super().accept(state, proposal)


@pytest.fixture
def unsteady(stage):
    """`unsteady(*sets, hop=, rate=)` makes an `Unsteady` session on the shared memory."""

    def make(*sets, hop=0.25, rate=48000):
        session = stage.session(*sets, hop=hop, rate=rate)
        session.__class__ = Unsteady
        return session.prepare()

    return make


class Rig:
    """An engine driven by hand: between two blocks the decision loop has time enough, unless held up."""

    def __init__(self, session, tmp_path=None, slack=SLACK, **more):
        self.session, self.bus = session, Bus()
        self.tap = self.bus.tap(capacity=100_000)
        self.engine = Engine(session, samplerate=session.samplerate, slack_ms=0, bus=self.bus, **more)
        self.engine.buffers.slack = slack
        self.log = tmp_path / "S.jsonl" if tmp_path else None
        self.session_log = (
            SessionLog(self.log, session, str(session.test_memory), slack=slack, bus=self.bus) if tmp_path else None
        )
        self.out = []
        self.received = []

    def __enter__(self):
        self.engine.start(self.session_log)
        return self

    def __exit__(self, *error):
        if hasattr(self.session, "go"):
            self.session.stall = set()
            self.session.go.set()
        self.engine.stop()
        if self.session_log:
            self.session_log.__exit__(*error)

    def play(self, audio, block=1000):
        """Let it be heard; (n,) spoken."""
        out = np.zeros(len(audio), np.float32)
        for start in range(0, len(audio), block):
            self.engine.buffers.process(audio[start : start + block], out[start : start + block])
            self.settle()
        self.out.append(out)
        return out

    def settle(self):
        """Until the decision loop has nothing to do, or is held up."""
        until = time.monotonic() + 10
        while not self.idle():
            assert time.monotonic() < until, "the decision loop does not come to rest"
            time.sleep(0.0002)

    def idle(self):
        loop, buffers = self.engine.decision_loop, self.engine.buffers
        state = loop.state
        if self.held_up():
            return True
        if self.engine.commands_waiting and loop.accepts_controls:
            return False
        if state.hop == state.hearing.hops:
            return loop._pending is not None and buffers.answered(state.hop) is None
        return buffers.samples_in < buffers.boundary(state.hearing.hops + 1)

    def held_up(self):
        return hasattr(self.session, "stalling") and self.session.stalling.is_set()

    def release(self, *hops):
        """Let the decision loop go on, and be held up no more at these hops, or at all."""
        self.session.stall -= set(hops) or self.session.stall
        self.session.go.set()
        while self.session.stalling.is_set():
            time.sleep(0.0002)
        self.settle()

    def say(self, name, *args):
        self.engine.command(parse_command(name, args, "test"))
        self.settle()

    def reports(self, name):
        now = self.engine.idle_count
        while self.engine.idle_count == now and self.engine._thread.is_alive() and not self.held_up():
            time.sleep(0.0002)
        self.received += self.tap.drain()
        return [values for kind, values in self.received if kind == name]

    def spoken(self):
        return np.concatenate(self.out)

    def played(self):
        """What the log replays to."""
        return np.concatenate(list(replay.sounds(self.log)))


def rig(session, stage, *where, **more):
    session.test_memory = stage.memory
    return Rig(session, *where, **more)


def offline(session, audio):
    """(spoken, events) by the generator of `respond`, to be heard SLACK later."""
    state = session.start()
    state.output_delay = SLACK
    hops = list(live_hops(session, state, [audio]))
    return np.concatenate([spoken for _, spoken, _ in hops]), [event for _, _, event in hops if event]


# --- live = file


@pytest.mark.parametrize(("hop", "rate"), [(0.25, 48000), (0.35, 44100), (0.5, 44100), (0.25, 22050)])
def test_live_is_file_whatever_the_block(stage, hop, rate):
    """Law 2, by the callback's own code: spoken[n + slack] live = spoken[n] from a file."""
    session, audio = stage.session("action.follow_level=0.5", hop=hop, rate=rate), melody(2.1, rate, 3)
    expected, _ = offline(session, audio)
    for block in BLOCKS:
        with rig(session, stage) as live:
            out = live.play(audio, block)
        np.testing.assert_array_equal(out[SLACK:], expected[: len(audio) - SLACK])
        assert not out[:SLACK].any() and live.engine.buffers.missed == 0


@pytest.mark.parametrize("block", [1, 480, 100_000])
def test_waiting_for_the_answer_live_is_file_without_slack(stage, block):
    session, audio = stage.session(hop=0.25, rate=22050), KINDS["glide"](1.3, 22050, 3)
    expected, events = offline(session, audio)
    live = rig(session, stage, slack=0, wait=True)
    with live:
        out = np.zeros_like(audio)
        for start in range(0, len(audio), block):
            live.engine.buffers.process(audio[start : start + block], out[start : start + block])
    np.testing.assert_array_equal(out, expected)
    assert [values[0:4] for values in live.reports("event")][: len(events)] == [
        (e.hop, e.why, e.segment, e.label) for e in events
    ]


def test_what_is_told_of_a_hop(stage, tmp_path):
    session = stage.session(hop=0.5)
    with rig(session, stage, tmp_path) as live:
        began = time.time()
        live.play(melody(2.6, 48000, 3))
        heard, events, plans = live.reports("heard"), live.reports("event"), live.reports("plan")
    assert [values[0] for values in heard] == [0, 1, 2, 3, 4]
    assert [values[0] for values in events] == [1, 2, 3, 4, 5] == [values[0] for values in plans]
    name = session.repertoire[0].name
    shifts = {line["hop"]: line.get("shift", 0) for line in replay.session_log.read(live.log)[1] if "segment" in line}
    for hop, _, segment, _, _, _, position, duration, gain, memory, lead, date in events:
        assert duration == 0.5 and gain == 1.0 and memory == name
        shift_s = shifts[hop] / session.samplerate
        assert position == (pytest.approx(0.5 * segment + shift_s) if segment >= 0 else -1)
        assert lead < 1 and began < date < time.time() + 1, "how late it may be is a matter of the machine"
    assert [values[0] for values in live.reports("memory")] == [name]


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_wall_clock_that_is_set_moves_dates_and_nothing_else(stage, monkeypatch, jump_s):
    """Others play by `lead`, the seconds until a hop sounds: an hour must not come into it."""
    session, real, jumped = stage.session(hop=0.25, rate=22050), time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + jumped[0])
    with rig(session, stage) as live:
        live.play(melody(1.0, 22050, 3))
        jumped[0] = jump_s
        live.play(melody(1.0, 22050, 3))
        events, heard = live.reports("event"), live.reports("heard")
    assert all(abs(values[-2]) < 60 for values in events), "leads"
    assert abs(events[-1][-1] - events[0][-1] - jump_s) < 60 > abs(heard[-1][-1] - heard[0][-1] - jump_s), "dates"
    assert [values[0] for values in events] == list(range(1, len(events) + 1))


# --- the answer never waits


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stalls=st.dictionaries(st.integers(1, 8), st.integers(1, 4), min_size=1, max_size=2),
    hop=st.sampled_from([0.25, 0.5]),
    seed=st.integers(0, 99),
)
def test_a_missed_hop_is_the_fallback_and_remembered_as_such(unsteady, stage, tmp_path, stalls, hop, seed):
    session = unsteady(f"agent.seed={seed}", hop=hop, rate=22050)
    session.stall = set(stalls)
    with rig(session, stage, tmp_path) as live:
        buffers, total = live.engine.buffers, 12
        audio = melody(total * hop, 22050, seed)
        late = set()
        for h in range(total):
            live.play(audio[buffers.boundary(h) : buffers.boundary(h + 1)])
            # Held up at hop n: nothing is answered until n + stalls[n] - 1 has begun, which is one hop later.
            held = max((n for n in stalls if n <= h + 1), default=None)
            if held and session.stalling.is_set() and buffers.current_hop >= held + stalls[held] - 1:
                live.release(held)
        state, events = live.engine.decision_loop.state, live.reports("event")
        late = {h for h in range(1, buffers.current_hop + 1) if buffers.answered(h) is False}
        recent, missed = list(state.recent_labels), buffers.missed
    assert len(late) == missed >= sum(stalls.values()) - 3
    lines = [line for line in replay.session_log.read(live.log)[1] if "segment" in line]
    assert [line["hop"] for line in lines] == list(range(1, len(lines) + 1))
    for line in lines:
        assert (line["why"] in ("late", "fade", "rest") and not line["plan"]) if line["hop"] in late else line["plan"]
    for before, line in pairwise(lines):
        if line["why"] == "late" and line["segment"] >= 0:
            assert line["segment"] == before["segment"] + 1, "what sounded goes on"
    assert recent == [line["label"] for line in lines][: len(recent)][-16:], "law 5"
    assert {values[0] for values in events if values[1] == "late"} <= late
    np.testing.assert_array_equal(live.played()[: len(audio)], live.spoken()[: len(live.played())])


def test_a_long_stall_goes_on_then_fades_then_is_silent_and_comes_back(unsteady, stage, tmp_path):
    session = unsteady("action.max_continuity=100", "decision.rests='never'", hop=0.25, rate=22050)
    session.stall = {4}
    with rig(session, stage, tmp_path) as live:
        live.play(melody(6.0, 22050, 1))
        assert session.stalling.is_set() and live.engine.buffers.missed == 20
        silent = live.spoken()[-22050:]
        assert not silent.any(), "silence after two seconds"
        assert live.spoken()[22050 + SLACK : 2 * 22050].any(), "and before it the memory went on"
        live.release()
        after = live.play(melody(2.0, 22050, 2))
        heard = [values[0] for values in live.reports("heard")]
    assert after.any() and heard == list(range(32)), "nothing that was heard is lost"
    assert live.engine.buffers.missed <= 21
    np.testing.assert_array_equal(live.played()[: len(live.spoken())], live.spoken())


def test_a_real_stall_of_the_decision_loop_costs_hops_and_no_sound_of_the_stream(unsteady, stage):
    """In real time, as a device would: the callback's thread never waits."""
    session = unsteady(hop=0.25, rate=22050)
    with rig(session, stage) as live:
        session.stall, longest = {3}, 0.0
        audio, due = melody(3.0, 22050, 1), time.perf_counter()
        for start in range(0, len(audio), 256):
            due += 256 / 22050
            time.sleep(max(0, due - time.perf_counter()))
            began = time.perf_counter()
            live.engine.buffers.process(audio[start : start + 256], np.zeros_like(audio[start : start + 256]))
            longest = max(longest, time.perf_counter() - began)
            if start > 2 * 22050:
                session.stall = set()
                session.go.set()
        missed = live.engine.buffers.missed
    assert 4 <= missed <= 9 and longest < 0.2


# --- errors are survived


@pytest.mark.parametrize("where", ["propose", "accept", "hear", "perceive"])
def test_an_error_of_the_decision_loop_fades_out_and_play_resumes(unsteady, stage, tmp_path, where):
    session = unsteady("decision.rests='never'", hop=0.25, rate=22050)
    session.fail = {where: 5}
    with rig(session, stage, tmp_path) as live:
        live.play(melody(2.5, 22050, 1))
        assert live.engine.state == "error"
        assert [values for values in live.reports("error") if f"RuntimeError: {where} broke" in values[0]]
        (at, goal), *_ = live.engine.buffers.fades()
        assert goal == 0 and not live.spoken()[at + 221 :].any() and live.spoken()[:at].any()
        live.say("temperature", 0.5)
        live.say("play")
        resumed = live.play(melody(1.5, 22050, 2))
        assert live.engine.state == "playing" and resumed.any()
        assert [values[0] for values in live.reports("heard")] == list(range(16)), "the ear went on"
        assert live.engine.buffers.missed == 0
    np.testing.assert_array_equal(live.played()[: len(live.spoken())], live.spoken())
    assert ("play",) in live.reports("changed") and ("temperature", 0.5) in live.reports("changed")


def test_an_answer_that_is_no_sound_is_an_error_and_never_a_sound(stage):
    session = stage.session(hop=0.25, rate=22050)
    with rig(session, stage) as live:
        live.play(melody(1.0, 22050, 1))
        session.repertoire[0].sound._audio[:] = np.nan
        out = live.play(melody(2.0, 22050, 2))
        assert np.isfinite(out).all() and live.engine.state == "error"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_the_stream_survives_what_is_no_sound(stage, value):
    session, audio = stage.session(hop=0.25, rate=22050), melody(3.0, 22050, 1)
    audio[22050:33000:7] = value
    with rig(session, stage) as live:
        out = live.play(audio)
        assert live.engine.state == "playing" and live.engine.snapshot()["nan"] == len(audio[22050:33000:7])
    assert np.isfinite(out).all() and out[33000:].any()


# --- commands


def test_mute_is_at_once_and_what_is_decided_goes_on(stage):
    session, audio = stage.session("decision.rests='never'", hop=0.25, rate=22050), melody(4.0, 22050, 1)
    with rig(session, stage) as plain:
        whole = plain.play(audio)
    with rig(session, stage) as live:
        live.play(audio[:22050])
        live.say("mute", 1)
        assert live.engine.state == "muted"
        muted = live.play(audio[22050:44100])
        live.say("mute")
        again = live.play(audio[44100:])
        assert live.reports("changed") == [("mute", 1), ("mute", 0)] and live.engine.state == "playing"
    assert not muted[221:].any() and muted[:200].any()
    np.testing.assert_array_equal(again[221:], whole[44100 + 221 :])


@pytest.mark.parametrize("name", ["stop", "panic"])
def test_stop_rests_and_play_begins_a_new_piece(stage, tmp_path, name):
    session = stage.session("decision.rests='never'", hop=0.25, rate=22050)
    with rig(session, stage, tmp_path) as live:
        live.play(melody(1.1, 22050, 1))
        live.say(name)
        assert live.engine.state == "stopped"
        assert not live.play(melody(1.0, 22050, 2))[221:].any()
        assert {values[1] for values in live.reports("event")[-3:]} == {"rest"}
        live.say("play")
        first = live.engine.decision_loop.state.hop
        assert live.play(melody(1.0, 22050, 3)).any() and live.engine.state == "playing"
        begins = live.engine.buffers.fades()[-1][0]
        assert begins == live.engine.buffers.output_start(first), "the fader opens where the new piece begins"
        controls = [line["control"] for line in replay.session_log.read(live.log)[1] if "control" in line]
    np.testing.assert_array_equal(live.played()[: len(live.spoken())], live.spoken())
    controls = [line for line in replay.session_log.read(live.log)[1] if "control" in line]
    assert [line["control"] for line in controls] == [name, "play"] and controls[0]["source"] == "test"


def test_panic_and_play_within_one_hop(stage):
    session = stage.session("decision.rests='never'", hop=0.5, rate=22050)
    with rig(session, stage) as live:
        live.play(melody(1.8, 22050, 1))
        for name in ("panic", "play", "panic", "play"):
            live.say(name)
        out = live.play(melody(1.0, 22050, 2))
        start = live.engine.buffers.output_start(4) - round(1.8 * 22050)
        assert not out[221:start].any() and out[start + 300 :].any()


def test_a_section_is_told_asked_for_and_ended_by_a_region(stage):
    session = stage.session(hop=0.25, rate=22050)
    session.repertoire[0].corpus.sections = [Section("verse", 0.0, 6.0), Section("chorus", 6.0, 24.0)]
    with rig(session, stage) as live:
        name = session.repertoire[0].name
        assert live.reports("section") == [(name, "verse", 0.0, 6.0), (name, "chorus", 6.0, 24.0)]
        live.play(melody(1.6, 22050, 1))
        live.say("section", "chorus")
        now = live.engine.snapshot()
        assert now["settings"]["section"] == "chorus" and now["region"] == [0.25, 1.0]
        live.say("section", "bridge")
        assert "it has verse, chorus" in live.reports("error")[0][0]
        live.say("region", 0.5, 1.0)
        now = live.engine.snapshot()
        assert now["settings"]["section"] == "" and now["region"] == [0.5, 1.0]
        assert [told for told in live.reports("changed") if told[0] == "section"] == [
            ("section", "chorus"),
            ("section", ""),
        ]


def test_the_latency_counts_every_hop_of_lookahead(stage):
    session = stage.session(hop=0.25, rate=22050)
    with rig(session, stage) as live:
        before = live.engine.snapshot()["latency"]
        live.say("lookahead", 3)
        now = live.engine.snapshot()["latency"]
    assert before["hop"] == 250 and now["hop"] == 750
    assert now["total"] == pytest.approx(before["total"] + 500)
    assert now["total"] == pytest.approx(sum(now[part] for part in ("hop", "slack", "in", "out")))


def test_settings_and_the_rest_of_the_vocabulary_reach_the_session(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = stage.session(hop=0.25, rate=22050)
    with rig(session, stage) as live:
        live.play(melody(1.6, 22050, 1))
        live.say("region", 0.25, 0.5)
        live.say("gain", -6)
        live.say("hold", 1)
        assert live.engine.state == "held"
        live.say("listen")
        assert live.engine.state == "listening"
        live.say("memory", 7)
        live.say("save", "nothing")
        now = live.engine.snapshot()
        assert now["settings"]["region"] == [0.25, 0.5] == now["region"] and now["settings"]["gain_db"] == -6
        refused = [values[0] for values in live.reports("error")]
        assert "there is no memory 7" in refused[0] and refused[1].startswith("save: nothing has been recorded")
        live.say("record", "input")
        live.play(melody(1.5, 22050, 2))
        live.say("record", "off")
        live.say("save", "take")
        live.say("preset/save", "mine")
        live.say("gain", 3)
        live.say("preset/recall", "mine")
        live.engine._file_worker.submit(lambda: None).result()
        live.settle()
        assert live.engine.snapshot()["settings"]["gain_db"] == -6
        assert ("save", "take") in live.reports("changed") and ("preset/save", "mine") in live.reports("changed")
    from corpora import corpus

    assert len(corpus.load(tmp_path / "take")) == 6


def test_a_thousand_commands_a_second(stage):
    """From several threads, while it plays in real time: every hop answered, the last word counts, nothing is lost."""
    session = stage.session(hop=0.25, rate=22050)
    with rig(session, stage) as live:
        sent = [0]

        def flood(name, low, high):
            for k in range(1, 701):  # a count, so that a slow machine sends as many
                live.engine.command(parse_command(name, [low + (high - low) * (k % 7) / 7], "flood"))
                sent[0] += 1
                time.sleep(0.0009)

        hands = [threading.Thread(target=flood, args=about) for about in
                 (("temperature", 0.5, 2.0), ("top_p", 0.1, 1.0), ("gain", -9, 0), ("density", 0.5, 1.0))]  # fmt: skip
        for hand in hands:
            hand.start()
        audio, due, played = melody(2.6, 22050, 1), time.perf_counter(), 0
        while played < len(audio) or any(hand.is_alive() for hand in hands):
            due += 480 / 22050
            time.sleep(max(0, due - time.perf_counter()))
            block = np.resize(audio[played % len(audio) :], 480)
            live.engine.buffers.process(block, np.zeros_like(block))
            played += 480
        for hand in hands:
            hand.join()
        live.settle()
        live.say("temperature", 1.25)
        assert sent[0] > 2500 and not live.reports("error")
        assert live.engine.snapshot()["settings"]["temperature"] == 1.25
        assert live.engine.buffers.missed <= 2, "two cores shared with others; alone it is 0"
        assert len(live.reports("event")) >= 8


@pytest.mark.parametrize("name", ["panic", "stop", "mute", "quit"])
def test_what_is_urgent_is_done_however_many_commands_wait(stage, name):
    session = stage.session("decision.rests='never'", hop=0.25, rate=22050)
    with rig(session, stage) as live:
        live.play(melody(1.5, 22050, 1))
        live.engine.command(Command("play", (), "test"))
        with live.engine._commands._lock:  # nothing is carried out meanwhile
            live.engine._commands._waiting.extend(Command("jump", (), "test") for _ in range(COMMAND_QUEUE_SIZE))
        live.engine.command(parse_command(name, (), "test"))
        out = live.play(melody(1.0, 22050, 2))
        assert not out[221:].any(), "silence within 10 ms"
        assert live.engine.state == ("muted" if name == "mute" else "stopped")
        assert (name,) == live.reports("changed")[0][:1] or live.reports("changed")[0] == ("play",)
        assert live.engine.over.is_set() == (name == "quit")


def test_an_error_of_ours_keeps_its_traceback(unsteady, stage, caplog):
    """The musician gets a sentence, who mends it the traceback; a command that fails likewise."""
    session = unsteady(hop=0.25, rate=22050)
    session.fail = {"propose": 3}
    with rig(session, stage) as live:
        live.play(melody(1.5, 22050, 1))
        live.engine.command(Command("gain", (), "test"))  # has not passed the door: its value is missing
        live.play(melody(0.5, 22050, 1))
        (first, *_) = live.reports("error")
    assert "RuntimeError: propose broke" in first[0] and "Traceback" not in first[0]
    traces = [record for record in caplog.records if record.name == "antiphon.engine" and record.exc_info]
    assert [record.exc_info[0] for record in traces] == [RuntimeError, IndexError]
    assert {record.levelname for record in traces} == {"ERROR"}


def test_without_a_handler_nothing_of_the_log_is_printed(capfd):
    words = "import agent, logging; logging.getLogger('antiphon.engine').error('a traceback')"
    subprocess.run([sys.executable, "-c", words], check=True)
    assert capfd.readouterr() == ("", "")


def test_too_many_commands_are_refused(stage):
    session = stage.session(hop=0.25, rate=22050)
    engine = Engine(session, samplerate=22050, slack_ms=40, bus=Bus())
    with pytest.raises(CommandError, match="10000 commands are waiting"):
        for _ in range(10_001):
            engine.command(Command("jump"))
    with pytest.raises(CommandError, match="start with  --input osc"):
        engine.command(Command("hear/label", (3,)))
    with pytest.raises(ValueError, match="samplerate = 48000"):
        Engine(session, samplerate=48000, slack_ms=40, bus=Bus())


def test_controls_of_others_go_to_them(stage):
    session, seen = stage.session(hop=0.25, rate=22050), []
    with rig(session, stage) as live:
        for name, flags in (("midi/learn", "--midi PORT"), ("fill/say", "--midi PORT --fill PORT")):
            with pytest.raises(CommandError, match=f"{name}: nobody is here to do it: start with  {flags}$"):
                live.say(name, "mute")
        live.engine.add_handler("midi/learn", seen.append)
        live.say("midi/learn", "mute")
        assert [command.args for command in seen] == [("mute",)]
        assert not live.engine.over.is_set()
        live.say("quit")
        assert live.engine.over.is_set()
        assert not live.play(melody(1, 22050))[221:].any()


# --- an ear elsewhere


def test_a_patch_is_heard_instead_of_sound(stage):
    session = stage.session(hop=0.25, rate=22050)
    remote = RemoteListener(session)
    with rig(session, stage, remote=remote) as live:
        hop = np.zeros(boundary(1, 0.25, 22050) + 1, np.float32)
        heard = []
        for command in [("hear/label", 3), None, None, None, ("hear/label", 5, -6.0), ("hear/label", 16)]:
            if command:
                live.engine.command(parse_command(command[0], command[1:], "osc"))
            live.play(hop[: live.engine.buffers.boundary(len(heard) + 1) - live.engine.buffers.boundary(len(heard))])
            heard.append(live.reports("heard")[-1][1:3])
        assert heard == [(3, -20.0), (3, -20.0), (16, -120.0), (16, -120.0), (5, -6.0), (16, -120.0)]
        for label in range(9):
            live.engine.command(parse_command("hear/label", [label], "osc"))
        live.play(hop)
        assert live.reports("heard")[-1][1] == 7, "of many the oldest are left out"
        mean = session.model.alphabet.mean
        live.engine.command(parse_command("hear/feature", [float(x) for x in mean], "osc"))
        with pytest.raises(CommandError, match="hear/feature: 2 values, expected"):
            live.engine.command(parse_command("hear/feature", [1.0, 2.0], "osc"))
        with pytest.raises(CommandError, match="hear/label = 17: expected 0 to 16"):
            live.engine.command(parse_command("hear/label", [17], "osc"))


def test_the_labels_of_a_patch_may_be_the_clock(stage):
    """Each label is a hop, however many come at once; nothing is left out and nothing goes on by itself."""
    session = stage.session(hop=0.25, rate=22050)
    remote = RemoteListener(session, clock=True)
    live = rig(session, stage, slack=500, wait=True, remote=remote)
    with live:
        loop = BlockLoop(live.engine, blocks_by_label(live.engine, remote))
        labels = [3, 5, 16, 0, 1, 2, 3, 4, 5]
        for label in labels:
            live.engine.command(parse_command("hear/label", [label], "osc"))
        until = time.monotonic() + 10
        while live.engine.decision_loop.state.hearing.hops < len(labels) and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.05)
        assert live.engine.buffers.samples_in == boundary(len(labels), 0.25, 22050)
        live.engine.over.set()
        loop.close()
    assert [values[1] for values in live.reports("heard")] == labels
    assert live.engine.buffers.missed == 0 and loop.error is None


# --- drivers


def test_a_file_is_fed_to_a_device_ahead_of_time(stage):
    buffers, audio = AudioBuffers(0.25, 22050, 500), melody(12.0, 22050, 1)
    feeder, block, heard = Feeder(buffers, iter(np.split(audio, 27))), np.zeros(1050, np.float32), 0
    while not feeder.finished:
        if buffers.input_pending >= 1050 or feeder.done:
            buffers.process(block, block.copy())
            heard += 1050
        time.sleep(0.0005)
    feeder.close()
    assert feeder.samples_fed == len(audio) and feeder.error is None
    np.testing.assert_array_equal(buffers.read_input(0, len(audio)), audio)


def test_a_file_that_breaks_off_is_told(stage):
    def broken():
        yield np.zeros(100, np.float32)
        raise AudioError("'x.wav' cannot be read beyond 0.1 s")

    session = stage.session(hop=0.25, rate=22050)
    with rig(session, stage, slack=0, wait=True) as live:
        feeder = Feeder(AudioBuffers(0.25, 22050, 0), broken())
        loop = BlockLoop(live.engine, broken())
        assert live.engine.over.wait(5)
        deadline = time.monotonic() + 5
        while feeder.error is None and time.monotonic() < deadline:  # it has a thread of its own
            time.sleep(0.001)
        loop.close()
        feeder.close()
    assert isinstance(loop.error, AudioError) and isinstance(feeder.error, AudioError)


def test_a_failing_decision_loop_writes_no_file(unsteady, stage, tmp_path):
    session = unsteady(hop=0.25, rate=22050)
    session.fail = {"propose": 3}
    with rig(session, stage, slack=0, wait=True) as live:
        loop = BlockLoop(live.engine, np.split(melody(2.0, 22050, 1), 20), write=lambda audio: None, strict=True)
        assert live.engine.over.wait(10)
        loop.close()
    assert str(loop.error) == "propose broke"


@pytest.mark.parametrize("block", [64, 5000])
def test_what_a_device_played_is_drained_for_a_file(stage, block):
    session, audio, got = stage.session(hop=0.25, rate=22050), melody(1.5, 22050, 1), []
    expected, _ = offline(session, audio)
    with rig(session, stage, slack=0, wait=True) as live:
        drain = Drain(live.engine.buffers, got.append)
        for start in range(0, len(audio), block):
            part = audio[start : start + block]
            live.engine.buffers.process(part, np.zeros_like(part))
            drain.pull()
    np.testing.assert_array_equal(np.concatenate(got), expected)


# --- an hour


@pytest.mark.slow
def test_memory_stays_flat(stage):
    """Two minutes as fast as they go, everything counted: what is kept does not grow with time."""
    session = stage.session(hop=0.25, rate=8000)
    live = rig(session, stage, slack=0, wait=True)
    live.tap = live.bus.tap(capacity=16)
    audio = melody(30.0, 8000, 1)
    out = np.zeros(2000, np.float32)
    with live:
        seen = []
        for _ in range(4):
            for start in range(0, len(audio), 2000):
                live.engine.buffers.process(audio[start : start + 2000], out)
            live.engine.snapshot()
            gc.collect()
            seen.append((len(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    assert seen[-1][0] - seen[1][0] < 2000, seen
    assert seen[-1][1] - seen[1][1] < 8000, seen  # kB


def test_the_waveform_for_a_picture(stage):
    session = stage.session(hop=0.25, rate=22050)
    engine = Engine(session, samplerate=22050, slack_ms=40, bus=Bus())
    peaks, audio = engine.waveform(0, 100), session.repertoire[0].sound.audio
    assert len(peaks) == 100 and max(peaks) == np.abs(audio).max()
    assert engine.waveform(0, 10 * len(audio))[0] == abs(audio[0])
    with pytest.raises(IndexError):
        engine.waveform(5, 10)


# --- the command


def test_play_in_real_time_through_the_engine(antiphon, tiny, memory, tmp_path):
    """A file heard, events told, no device: the sample counter is the clock."""
    guide = write(tmp_path / "guide.wav", melody(1.6, 22050, 3), 22050)
    found = json.loads(antiphon("play", "--input", guide, "--output", "osc", "--osc", 0, "--model", tiny,
                                "--memory", memory, "--memory", guide, "--log", "S.jsonl", "--record", "rec",
                                "--json").out)  # fmt: skip
    assert found["samples"] == len(samples(guide)) and found["state"] == "stopped"
    assert [name.rsplit("/", 1)[-1] for name in found["memories"]] == ["memory.wav", "guide.wav"]
    np.testing.assert_allclose(samples(tmp_path / "rec" / "heard.wav"), samples(guide))
    assert antiphon("replay", "S.jsonl", "-o", "R.wav").code == 0
    np.testing.assert_allclose(samples(tmp_path / "R.wav"), samples(tmp_path / "rec" / "spoken.wav"), atol=2**-23)
