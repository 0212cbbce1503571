"""MIDI clock: real byte streams to beats, whatever the jitter, start, stop, continue and song position."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.devices.midi_clock import CLOCK, CONTINUE, SONG_POSITION, START, STOP, MidiClock
from corpora.midi_file import CLOCKS_PER_BEAT


class Sender:
    """A sender of clocks and what was told."""

    def __init__(self, bpm=120.0, jitter_s=0.0, seed=0):
        self.reports, self.time_s = [], 10.0
        self.clock = MidiClock(lambda *what: self.reports.append(what))
        self.tick_s, self.jitter_s, self.rng = 60 / bpm / CLOCKS_PER_BEAT, jitter_s, np.random.default_rng(seed)

    def send(self, *message):
        return self.clock.receive(bytes(message), self.time_s + self.rng.uniform(0, self.jitter_s or 1e-12))

    def run(self, clocks):
        for _ in range(clocks):
            assert self.send(CLOCK)
            self.time_s += self.tick_s

    def times(self, what):
        return [time_s for name, _, time_s in self.reports if name == what]

    def tempi(self):
        return [value for name, value, _ in self.reports if name == "tempo"]


@settings(max_examples=30)
@given(st.floats(40, 300), st.floats(0, 0.003), st.integers(0, 99))
def test_beats_and_tempo_by_the_line(bpm, jitter_s, seed):
    sender = Sender(bpm, jitter_s, seed)
    sender.send(START)
    sender.run(24 * 8 + 1)
    true = 10.0 + np.arange(9) * 60 / bpm
    assert len(sender.times("beat")) == 9
    assert np.abs(np.array(sender.times("beat")) - true - jitter_s / 2).max() <= jitter_s / 2 + 1e-6
    assert sender.tempi()[-1] == pytest.approx(bpm, rel=0.02 * jitter_s / 0.003 + 1e-6)


def test_start_stop_continue_and_song_position():
    sender = Sender()
    sender.run(7)
    sender.send(START)
    sender.run(30)
    assert sender.times("beat")[-2:] == pytest.approx([10 + 7 * sender.tick_s, 10 + 31 * sender.tick_s])
    sender.send(STOP)
    assert sender.reports[-1][0] == "beat/stop"
    told = len(sender.reports)
    sender.run(40)
    assert len(sender.reports) == told, "a sender that is stopped goes on sending clocks"
    sender.send(SONG_POSITION, 6, 0)  # a beat and a half
    sender.send(CONTINUE)
    began = sender.time_s
    sender.run(13)
    assert sender.times("beat")[-1] == pytest.approx(began + 12 * sender.tick_s)


@pytest.mark.parametrize("at", range(60, 110, 7))
def test_a_burst_of_late_clocks_moves_neither_beat_nor_tempo(at):
    sender = Sender(120)
    for n in range(24 * 6 + 1):
        late = max(0.0, 0.2 - (n - at) * sender.tick_s) if at <= n < at + 10 else 0.0
        sender.clock.receive(bytes([CLOCK]), 10 + n * sender.tick_s + late)
    assert sender.tempi()[1:] == pytest.approx([120] * len(sender.tempi()[1:]), rel=0.01)
    assert sender.times("beat")[3:] == pytest.approx(list(10 + np.arange(3, 7) * 0.5), abs=0.01)


def test_a_pause_begins_a_new_line():
    sender = Sender(100)
    sender.run(97)
    sender.time_s += 3.0
    sender.tick_s /= 1.5
    sender.run(96)
    assert sender.tempi()[-1] == pytest.approx(150, rel=1e-6)


@given(st.binary(max_size=4))
def test_any_bytes_are_taken(message):
    clock = MidiClock(lambda *_: None)
    taken = clock.receive(message, 0.0)
    assert taken <= (message[:1] in (b"\xf8", b"\xfa", b"\xfb", b"\xfc", b"\xf2"))
