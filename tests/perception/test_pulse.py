"""Laws of the pulse: causal, one for any block size, exact on clicks, honest where there is no beat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.pulse import (
    NO_BEAT,
    SAMPLERATE,
    Beat,
    PulseTracker,
    beats_of,
    phase_of,
)

CLICK = np.exp(-np.arange(400) / 60) * np.random.default_rng(0).standard_normal(400) * 0.5


def clicks(bpm: float, seconds: float, first_s: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """A click track, (n,) float32 at 16 kHz, and the times of its clicks in s."""
    audio, times = np.zeros(int(seconds * SAMPLERATE), np.float32), np.arange(first_s, seconds - 0.1, 60 / bpm)
    for time_s in times:
        begin = round(time_s * SAMPLERATE)
        audio[begin : begin + len(CLICK)] += CLICK
    return audio, times


def followed(audio: np.ndarray, block: int = 4000, tracker: PulseTracker | None = None):
    """(state, beat) after the audio was heard in blocks."""
    tracker = tracker or PulseTracker()
    state, beat = tracker.start(), NO_BEAT
    for begin in range(0, len(audio), block):
        beat = tracker.step(state, audio[begin : begin + block])
    return state, beat


def error_s(beat: Beat, time_s: float) -> float:
    """How far the nearest beat of the line is from a moment, s."""
    phase = beat.phase_at(time_s)
    return min(phase, 1 - phase) * beat.period_s


MUSIC = clicks(127, 8)[0] + 0.02 * np.random.default_rng(1).standard_normal(8 * SAMPLERATE).astype(np.float32)


@settings(max_examples=6)
@given(st.lists(st.integers(200, 9000), min_size=1, max_size=12))
def test_what_it_says_does_not_depend_on_the_blocks(blocks):
    tracker = PulseTracker()
    whole, _ = followed(MUSIC, len(MUSIC))
    state, begin = tracker.start(), 0
    while begin < len(MUSIC):
        for block in blocks:
            tracker.step(state, MUSIC[begin : begin + block])
            begin += block
    assert np.array_equal(state.line, whole.line)
    assert np.array_equal(state.belief, whole.belief)
    assert state.samples == whole.samples


@settings(max_examples=6)
@given(st.integers(1, len(MUSIC) - 1))
def test_it_is_causal(now):
    changed = MUSIC.copy()
    changed[now:] = np.random.default_rng(now).standard_normal(len(MUSIC) - now)
    assert followed(MUSIC[:now])[1] == followed(changed[:now])[1]
    one, other = PulseTracker().start(), PulseTracker().start()
    said = [[PulseTracker().step(state, audio[n : n + 800]) for n in range(0, now - 800, 800)]
            for state, audio in ((one, MUSIC), (other, changed))]  # fmt: skip
    assert said[0] == said[1]


@pytest.mark.parametrize("bpm", [66, 80, 97.3, 120, 127, 143, 180, 200])
def test_it_predicts_clicks_that_it_has_not_heard(bpm):
    audio, _ = clicks(bpm, 15)
    _, beat = followed(audio)
    assert 60 / beat.period_s == pytest.approx(bpm, rel=0.003)
    next_click = 0.5 + np.ceil((15 - 0.5) * bpm / 60) * 60 / bpm
    assert error_s(beat, next_click) < 0.015
    assert error_s(beat, next_click + 4 * 60 / bpm) < 0.02
    assert beat.confidence > 0.5


@pytest.mark.parametrize("gain_db", [-40, -20, 6])
def test_the_level_does_not_matter(gain_db):
    audio, _ = clicks(105, 10)
    loud, soft = followed(audio)[1], followed((audio * 10 ** (gain_db / 20)).astype(np.float32))[1]
    assert soft.period_s == pytest.approx(loud.period_s, rel=0.002)
    assert error_s(soft, loud.time_s) < 0.01
    assert soft.confidence == pytest.approx(loud.confidence, abs=0.1)


def test_a_click_track_is_found_within_four_seconds():
    audio, times = clicks(120, 4)
    assert error_s(followed(audio)[1], times[-1] + 0.5) < 0.02


def test_it_follows_a_change_of_tempo():
    before, _ = clicks(120, 10)
    after, times = clicks(132, 6, first_s=0.0)
    _, beat = followed(np.concatenate([before, after]))
    assert 60 / beat.period_s == pytest.approx(132, rel=0.02)
    assert error_s(beat, 10 + times[-1] + 60 / 132) < 0.03


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_silence_have_no_beat(seed):
    noise = 0.1 * np.random.default_rng(seed).standard_normal(15 * SAMPLERATE).astype(np.float32)
    assert followed(noise)[1].confidence < 0.15
    assert followed(np.zeros(10 * SAMPLERATE, np.float32))[1] == NO_BEAT
    found = beats_of(noise, SAMPLERATE)
    assert not len(found.confidence) or found.confidence.mean() < 0.15


def test_in_a_rest_the_beat_goes_on_and_is_trusted_less_and_less():
    audio, times = clicks(110, 10)
    tracker = PulseTracker()
    state, playing = followed(audio, tracker=tracker)
    trust = [tracker.step(state, np.zeros(SAMPLERATE, np.float32)) for _ in range(10)]
    assert error_s(trust[3], times[-1] + 8 * 60 / 110) < 0.05
    assert trust[-1].confidence < 0.5 * playing.confidence


@pytest.mark.parametrize("factor", [2, 0.5])
def test_half_and_double_keep_the_beat_and_hold(factor):
    audio, times = clicks(100, 20)
    tracker = PulseTracker()
    state, _ = followed(audio[: 10 * SAMPLERATE], tracker=tracker)
    before = tracker.beat(state)
    tracker.scale_tempo(state, factor)
    assert tracker.beat(state).time_s == before.time_s
    for begin in range(10 * SAMPLERATE, 20 * SAMPLERATE, 4000):
        beat = tracker.step(state, audio[begin : begin + 4000])
    assert 60 / beat.period_s == pytest.approx(100 * factor, rel=0.01)
    errors = [error_s(beat, time_s + 0.6 * 17) for time_s in times]
    assert np.min(errors) < 0.03
    tracker.scale_tempo(state, 8.0)
    assert tracker.beat(state) == beat, "a tempo outside the state space changes nothing"


@pytest.mark.parametrize(("tempo_range", "bpm"), [((60, 110), 80), ((110, 220), 160)])
def test_the_tempo_range_settles_the_octave(tempo_range, bpm):
    audio, _ = clicks(80, 15)
    audio[: 14 * SAMPLERATE] += 0.7 * clicks(80, 14, first_s=0.5 + 60 / 160)[0]
    _, beat = followed(audio, tracker=PulseTracker(tempo_range))
    assert 60 / beat.period_s == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("tempo_range", [(30, 100), (100, 300), (120, 60), (100, 100), (float("nan"), 100)])
def test_a_range_outside_the_state_space_is_refused(tempo_range):
    with pytest.raises(ValueError, match="expected two tempi from 40 to 240"):
        PulseTracker(tempo_range)
    with pytest.raises(ValueError, match="expected two tempi"):
        beats_of(np.zeros(9 * SAMPLERATE, np.float32), SAMPLERATE, tempo_range)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_hindsight_finds_every_click_at_any_rate(rate):
    audio, _ = clicks(113, 12)
    times_s = np.arange(0.5, 11.9, 60 / 113)
    n = np.arange(12 * rate)
    resampled = np.interp(n / rate, np.arange(len(audio)) / SAMPLERATE, audio).astype(np.float32)
    found = beats_of(resampled, rate)
    inner = times_s[1:-1]
    assert np.abs(found.times_s[:, None] - inner).min(axis=0).max() < 0.025
    assert np.median(found.periods_s) == pytest.approx(60 / 113, rel=0.01)
    assert found.confidence.mean() > 0.5
    assert found.times_s.shape == found.periods_s.shape == found.confidence.shape


@pytest.mark.parametrize("samples", [0, 1, 100, 16000])
def test_a_recording_too_short_for_a_beat_has_none(samples):
    assert [len(part) for part in beats_of(np.zeros(samples, np.float32), SAMPLERATE)] == [0, 0, 0]
    phase, period = phase_of(beats_of(np.zeros(samples, np.float32), SAMPLERATE), np.array([0.0, 1.0]))
    assert np.isnan(phase).all() and np.isnan(period).all()
