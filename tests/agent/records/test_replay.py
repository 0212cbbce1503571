"""What a log replays is what was played, sample for sample, whatever happened on stage."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.control.bus import Bus
from agent.control.command import CommandError, parse_command
from agent.engine.buffers import AudioBuffers
from agent.engine.decision_loop import DecisionLoop
from agent.engine.engine import Engine
from agent.performance import loading
from agent.performance.controls import apply
from agent.performance.session import Session
from agent.records.replay import replay, sounds
from agent.records.session_log import LogError, SessionLog, read
from agent.settings.config import ConfigError
from corpora.build import label
from tests.conftest import KINDS, melody, samples, write

SOME = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
RATE = 8000
CONTROLS = st.one_of(
    st.tuples(st.just("record"), st.tuples(st.sampled_from(["input", "input", "self", "off"]))),
    st.tuples(st.just("memory"), st.tuples(st.sampled_from([0, 1, "live", "live", 7]))),
    st.tuples(st.sampled_from(["undo", "jump", "like", "back", "change", "play", "stop"]), st.just(())),
    st.tuples(st.sampled_from(["hold", "listen"]), st.tuples(st.integers(0, 1))),
    st.tuples(st.just("gain"), st.tuples(st.sampled_from([-20.0, 0.0, 12.0]))),
    st.tuples(st.just("follow_level"), st.tuples(st.sampled_from([0.0, 1.0]))),
    st.tuples(st.just("max_continuity"), st.tuples(st.sampled_from([1, 16]))),
    st.tuples(st.just("region"), st.sampled_from([(0.0, 1.0), (0.5, 1.0), (0.9, 1.0)])),
    st.tuples(st.just("rests"), st.tuples(st.sampled_from(["free", "never"]))),
    st.tuples(st.just("speed"), st.tuples(st.sampled_from([0.7, 1.0, 1.3]))),
    st.tuples(st.just("transpose"), st.tuples(st.sampled_from([-2, 0, 3]))),
    st.tuples(st.just("density"), st.tuples(st.sampled_from([0.3, 1.0]))),
    st.tuples(st.just("say"), st.tuples(st.sampled_from(["", "low piano", "fast flute", "fluet"]))),
    st.tuples(st.just("words"), st.tuples(st.sampled_from([0.5, 3.0]))),
    st.tuples(st.just("add"), st.tuples(st.sampled_from(["", "sparse", "loud and off the beat", "a bass", "basss"]))),
    st.tuples(st.just("guidance"), st.tuples(st.sampled_from([0.0, 1.0, 4.0]))),
)


@pytest.fixture(scope="module")
def other_memory(tmp_path_factory):
    """A second memory to select."""
    return write(tmp_path_factory.mktemp("second") / "second.wav", KINDS["glide"](6.0, RATE, 5), RATE, "FLOAT")


@pytest.fixture(scope="module")
def opened(stage, other_memory):
    """`opened(rate, hop)` -> a session of two memories that nobody has played, and their names."""
    known = {}

    def make(rate=RATE, hop=0.25):
        if (rate, hop) not in known:
            first = loading.open_session(stage.settings("action.taboo=0", hop=hop), rate)[0]
            audio = loading.load_recording(str(other_memory), rate, hop)[1]
            corpus = label(audio, "second", first.model.listener(rate, -50.0))
            known[rate, hop] = first, corpus, audio
        first, corpus, audio = known[rate, hop]
        session = Session(first.model, first.repertoire[0].corpus, first.config, rate, first.repertoire[0].sound.audio)
        session.repertoire.add(corpus, audio)
        return session, [str(stage.memory), str(other_memory)]

    return make


def heard_at(rate, seconds, seed):
    """What a musician plays: (n,) float32."""
    kinds = list(KINDS.values())
    return np.concatenate([kinds[(seed + n) % 3](seconds / 3, rate, seed + n) for n in range(3)])


def replayed(log):
    return np.concatenate(list(sounds(log)))


def same(log, spoken):
    again = replayed(log)
    assert len(again) == len(spoken)
    wrong = np.flatnonzero(again != spoken)
    assert not len(wrong), f"{len(wrong)} samples, from {wrong[0]} on"
    assert again.tobytes() == spoken.tobytes()


def try_control(session, state, name, args):
    """Apply it, or be told why not."""
    try:
        apply(session, state, name, args)
    except (CommandError, ConfigError):
        return False
    return True


# --- a session alone


@SOME
@given(controls=st.lists(st.lists(CONTROLS, max_size=3), min_size=10, max_size=40), seed=st.integers(0, 99),
       hop=st.sampled_from([0.25, 0.35]))  # fmt: skip
def test_all_controls_at_any_hop(opened, tmp_path, controls, seed, hop):
    session, names = opened(RATE + 3, hop)
    state, audio = session.start(seed), heard_at(RATE + 3, 14.5, seed)
    spoken, at = [np.zeros(session.repertoire.hop_frames(0), np.float32)], 0
    with SessionLog(tmp_path / "S.jsonl", session, names, bus=Bus()) as log:
        for asked in controls:
            for name, args in asked:
                if try_control(session, state, name, args):
                    log.control(name, args, "key", state.hop)
            n = session.listener.next_hop_samples(state.hearing)
            answer, event = session.step(state, audio[at : at + n])
            log.hop(event)
            spoken.append(answer)
            at += n
        log.end(sum(map(len, spoken)))
    assert log.error is None
    same(tmp_path / "S.jsonl", np.concatenate(spoken))


# --- the decision loop on its buffers, late or in time


STEPS = st.lists(
    st.one_of(
        CONTROLS,
        st.tuples(st.just("fade"), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 3000)),  # samples during which the decision loop works
        st.tuples(st.just("stall"), st.integers(1, 9000)),  # and during which it does not
    ),
    max_size=60,
)


class Hall:
    """A decision loop on its buffers, in one thread: the test says when it may think."""

    def __init__(self, opened, log, seed, slack=100, block=64):
        self.session, names = opened()
        self.buffers, self.block = AudioBuffers(self.session.hop, RATE, slack), block
        self.audio, self.spoken = heard_at(RATE, 60.0, seed), []
        self.log = SessionLog(log, self.session, names, slack=slack, bus=Bus())
        self.decision_loop = DecisionLoop(self.session, self.buffers, Bus(), log=self.log)

    def think(self):
        while self.decision_loop.step():
            pass

    def wait(self, samples, thinking=True):
        """So much time passes; `thinking` or stalled."""
        while samples > 0:
            out = np.empty(min(self.block, samples), np.float32)
            self.buffers.process(self.audio[self.buffers.samples_in : self.buffers.samples_in + len(out)], out)
            self.spoken.append(out)
            samples -= len(out)
            if thinking:
                self.think()

    def control(self, name, args=()):
        """Between two hops; False where it cannot be."""
        self.think()
        done = self.decision_loop.accepts_controls and try_control(self.session, self.decision_loop.state, name, args)
        if done:
            self.log.control(name, args, "key", self.decision_loop.state.hop)
        return done

    def play_take(self, samples, region):
        """Record so much and go on recording, while this part of the take is what is played, without rests."""
        self.wait(4300)
        assert self.control("record", ("input",))
        self.wait(samples)
        assert self.control("memory", ("live",)) and self.control("region", region)
        assert self.control("rests", ("never",))

    def end(self):
        """The log replays to what was played; its lines."""
        self.decision_loop.finish()
        self.log.__exit__(None)
        assert self.log.error is None
        same(self.log.path, np.concatenate(self.spoken))
        return [line for line in read(self.log.path)[1] if "why" in line]


@SOME
@given(steps=STEPS, seed=st.integers(0, 99), slack=st.integers(0, 700), block=st.sampled_from([37, 64, 480, 1999]))
def test_missed_hops_and_fader_and_growth(opened, tmp_path, steps, seed, slack, block):
    hall = Hall(opened, tmp_path / "S.jsonl", seed, slack, block)
    for what, value in [("wait", 4000), ("record", ("input",)), ("wait", 5000), *steps, ("wait", 3000)]:
        if what == "fade":
            hall.buffers.fade(value)
        elif what in ("wait", "stall"):
            hall.wait(value, what == "wait")
        else:
            hall.control(what, value)
    why = [line["why"] for line in hall.end()]
    assert hall.buffers.missed == 0 or "late" in why or "fade" in why


@pytest.mark.parametrize("seed", range(3))
def test_a_memory_that_grew_while_the_answer_was_late(opened, tmp_path, seed):
    """What was rendered at the end of a memory sounded as if the memory ended there, and so it is replayed."""
    hall = Hall(opened, tmp_path / "S.jsonl", seed)
    hall.play_take(10_000, region=(0.99, 1.0))
    for _ in range(4):
        hall.wait(2000)
        hall.wait(5000, thinking=False)
    lines = hall.end()
    grown = [line for line in lines if line["memory"] == 2 and line["why"] in ("late", "fade")]
    assert len(grown) > 3 and hall.buffers.missed > 3


@pytest.mark.parametrize("seed", range(3))
def test_a_take_undone_while_it_sounds_and_the_answer_is_late(opened, tmp_path, seed):
    hall = Hall(opened, tmp_path / "S.jsonl", seed)
    hall.play_take(20_000, region=(0.0, 0.3))
    hall.wait(4000)
    assert hall.control("undo")
    hall.wait(6000, thinking=False)
    hall.wait(8000)
    lines = hall.end()
    assert any(line["memory"] == 2 and line["why"] == "late" and line["segment"] >= 0 for line in lines)


# --- the engine


def test_an_engine_in_wait_mode(opened, tmp_path):
    """Controls come from another thread while it plays a minute as fast as it can."""
    session, names = opened(16000, 0.25)
    engine = Engine(session, samplerate=16000, slack_ms=40, bus=Bus(), wait=True)
    tap = engine.bus.tap()
    said = [("record", ("input",)), ("mute", (1,)), ("mute", (0,)), ("memory", ("live",)), ("gain", (-6.0,)),
            ("panic", ()), ("play", ()), ("record", ("self",)), ("hold", (1,)), ("hold", (0,)), ("undo", ()),
            ("memory", (1,)), ("jump", ()), ("stop", ()), ("play", ())]  # fmt: skip
    audio, spoken = heard_at(16000, 60.0, 4), []
    with SessionLog(tmp_path / "S.jsonl", session, names, slack=engine.buffers.slack, bus=engine.bus) as log:
        engine.start(log)
        for number, first in enumerate(range(0, len(audio), 256)):
            block = audio[first : first + 256]
            out = np.empty(len(block), np.float32)
            engine.buffers.process(block, out)
            spoken.append(out)
            if number % 200 == 100 and said:
                engine.command(parse_command(*said.pop(0), "test"))
        engine.stop()
    reports = [report for report in tap.drain() if report[0] == "error"]
    assert not reports and not said
    assert (tmp_path / "S.takes" / "take-2.wav").is_file()
    same(tmp_path / "S.jsonl", np.concatenate(spoken))
    controls = [line["control"] for line in read(tmp_path / "S.jsonl")[1] if "control" in line]
    assert controls[:3] == ["record", "mute", "mute"] and len(controls) == 15
    faders = [line for line in read(tmp_path / "S.jsonl")[1] if "fader" in line]
    assert [line["fader"] for line in faders[:4]] == [0, 1, 0, 1]


@pytest.mark.parametrize("where", ["propose", "accept", "hear", "fallback"])
def test_a_decision_loop_that_fails_and_is_asked_to_play_again(opened, tmp_path, monkeypatch, where):
    """The fallback, the fade and the silence of a failure are in the log; so is what came after it."""
    session, names = opened(16000, 0.25)
    engine = Engine(session, samplerate=16000, slack_ms=30, bus=Bus(), wait=True)
    tap, well, calls = engine.bus.tap(), getattr(session, where), []

    def failing(*args, **more):
        calls.append(engine.decision_loop.state.hop)
        if len(calls) in (9, 30):
            raise RuntimeError("on purpose")
        return well(*args, **more)

    monkeypatch.setattr(session, where, failing)
    audio, spoken = heard_at(16000, 15.0, 4), []
    with SessionLog(tmp_path / "S.jsonl", session, names, slack=engine.buffers.slack, bus=engine.bus) as log:
        engine.start(log)
        for number, first in enumerate(range(0, len(audio), 400)):
            out = np.empty(400, np.float32)
            engine.buffers.process(audio[first : first + 400], out)
            spoken.append(out)
            if number in (150, 400):
                engine.command(parse_command("play", (), "test"))
        engine.stop()
    assert sum("on purpose" in report[1][0] for report in tap.drain() if report[0] == "error") == 2
    assert log.error is None
    same(tmp_path / "S.jsonl", np.concatenate(spoken))
    assert np.abs(np.concatenate(spoken)[-48000:]).max() > 0.01, "it played again"


# --- damage


def grown(session, names, path, hops=12):
    """A log in which a memory has grown and is played, and what was spoken."""
    state, audio = session.start(), melody(6.0, RATE, 3)
    with SessionLog(path, session, names, bus=Bus()) as log:
        for number in range(hops):
            if number in (2, 6):
                apply(session, state, "record", ("input" if number == 2 else "off",))
            if number == 7:
                apply(session, state, "memory", ("live",))
            n = session.listener.next_hop_samples(state.hearing)
            log.hop(session.step(state, audio[number * n : (number + 1) * n])[1])
        log.end((hops + 1) * n)


def test_the_takes_are_plain_recordings(opened, tmp_path):
    session, names = opened()
    grown(session, names, tmp_path / "S.jsonl")
    assert samples(tmp_path / "S.takes/take-1.wav").tobytes() == melody(6.0, RATE, 3)[4000:12000].tobytes()


@pytest.mark.parametrize("how", ["gone", "cut", "empty"])
def test_a_lost_take_has_its_sentence(opened, antiphon, tmp_path, how):
    session, names = opened()
    grown(session, names, tmp_path / "S.jsonl")
    take = tmp_path / "S.takes" / "take-1.wav"
    if how == "gone":
        take.unlink()
    else:
        take.write_bytes(take.read_bytes()[: 3000 if how == "cut" else 0])
    assert "is missing or cut: put it back" in antiphon("replay", "S.jsonl", "-o", "o.wav").sentence
    with pytest.raises(LogError):
        replay(tmp_path / "S.jsonl", tmp_path / "o.wav")
    assert not (tmp_path / "o.wav").exists()


def test_a_log_moved_with_its_takes_replays(opened, tmp_path):
    session, names = opened()
    grown(session, names, tmp_path / "S.jsonl")
    before = replayed(tmp_path / "S.jsonl")
    (tmp_path / "S.jsonl").rename(tmp_path / "concert.jsonl")
    (tmp_path / "S.takes").rename(tmp_path / "concert.takes")
    assert replayed(tmp_path / "concert.jsonl").tobytes() == before.tobytes()
