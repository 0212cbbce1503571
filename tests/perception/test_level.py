"""One measure of level, and no direct current in it, wherever level decides something."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action.concat import Concatenator
from agent.performance.memories import GrowingMemory
from corpora.build import build, label
from perception.coherence import audible
from perception.level import FLOOR_DB, level_db, rms
from tests.conftest import melody, noise, write
from train.data.stems import levels

OFFSETS = (0.0, 0.004, -0.004, 0.3)
RATE = 48000


def faint(seconds=2.0, rate=RATE, decibels=-75.0):
    """(n,) float32 noise at a level in dBFS."""
    return (10 ** (decibels / 20) * np.random.default_rng(0).standard_normal(round(seconds * rate))).astype(np.float32)


def offset_by(audio, offset):
    """The same with direct current added, float32."""
    return (audio + offset).astype(np.float32)


def rounding(audio):
    """Standard deviation that float32 itself adds: at most half a unit in the last place of the largest sample."""
    return float(np.spacing(np.float32(np.abs(audio).max()))) / 2


@settings(max_examples=100)
@given(st.integers(1, 500), st.integers(0, 99), st.floats(-100, 0), st.floats(-1, 1, width=32))
def test_an_offset_does_not_change_the_level(n, seed, decibels, offset):
    audio = (10 ** (decibels / 20) * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)
    moved = offset_by(audio, offset)
    assert abs(rms(moved) - rms(audio)) <= 2 * rounding(moved)


def test_level_is_that_of_a_sine_and_its_floor():
    sine = np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)
    assert float(rms(sine)) == pytest.approx(0.5**0.5)
    assert level_db(np.stack([sine, 0.1 * sine, 0 * sine])) == pytest.approx([-3.0103, -23.0103, FLOOR_DB], abs=1e-4)
    assert rms(np.zeros((3, 0))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("offset", OFFSETS)
def test_the_gate(load, offset):
    """Noise of -75 dBFS is silence at a gate of -50 dBFS, whatever direct current a converter adds."""
    for hop, rate in ((0.25, 48000), (0.35, 22050)):
        listener = load(hop).listener(rate, -50.0)
        state, audio, at, labels = listener.start(), offset_by(faint(2.0, rate), offset), 0, []
        while at + listener.next_hop_samples(state) <= len(audio):
            size = listener.next_hop_samples(state)
            labels.append(listener.step(state, audio[at : at + size]).label)
            at += size
        assert set(labels) == {listener.alphabet.silence}


def test_the_gate_is_told_at_each_hop_and_the_listener_stays_as_it_is(load):
    listener = load(0.5).listener(RATE, -50.0)
    before = dict(vars(listener))
    hop = melody(0.5, RATE, 1)
    state = listener.start()
    labels = [listener.step(state, hop, gate_db).label for gate_db in (0.0, None, -50.0, 0.0)]
    silence = listener.alphabet.silence
    assert [label == silence for label in labels] == [True, False, False, True]
    assert vars(listener) == before


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_memory(load, tmp_path, offset):
    """What a corpus, a labelled recording and a growing memory hold of a segment's level is alike."""
    audio = np.concatenate([noise(2.0, RATE, 1), faint(1.0)])
    moved = 0.5 * offset_by(audio, offset)
    model = load(0.5)
    file = write(tmp_path / "take.wav", moved, RATE, "FLOAT")
    built = build([file], lambda rate: model.listener(rate, -50.0), tmp_path / "corpus")
    labelled = label(moved, "take", model.listener(RATE, -50.0))
    segments = moved.reshape(-1, RATE // 2)
    growing = GrowingMemory("live", 65, Concatenator(np.zeros(0, np.float32), RATE, 0.5), np.eye(65), ("", 64))
    for segment in segments:
        growing.append(segment, 0, np.zeros(32))
    expected = rms(segments)
    for found in (built.rms, labelled.rms, growing.rms):
        # A corpus keeps 24 bits, float32 the level: both far below -75 dBFS.
        assert np.abs(found - expected).max() < 2**-24 + np.spacing(np.float32(1))
    assert (built.labels[-2:] == 64).all() and (labelled.labels[-2:] == 64).all()


@pytest.mark.parametrize("offset", OFFSETS)
def test_the_meter_and_the_recipes(offset):
    audio = offset_by(faint(), offset)
    assert not audible(audio) and audible(audio + melody(2.0, RATE))
    assert (levels(audio, 12000) < -70).all()
