"""The physics of stretching: tempo and pitch are what was asked, attacks are on time, nothing clicks or swells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action import stretch
from action.concat import Concatenator
from action.stretch import (
    CUTOFF,
    HALF_TAPS,
    KAISER_BETA,
    LOCKED_S,
    MAX_DRIFT_S,
    MAX_RATIO,
    MAX_SEMITONES,
    MIN_RATIO,
    ONE,
    TICK_S,
)

RATE, HOP = 48_000, 0.25
FRAMES = round(HOP * RATE)
RATIOS = (0.7, 0.83, 0.97, 1.03, 1.2, 1.4)
law = settings(max_examples=25)  # the first example compiles


def sine(hertz, amplitude=0.5, seconds=4.0):
    """(n,) float32 pure tone."""
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def noise(amplitude=0.1, seconds=4.0, seed=0):
    """(n,) float32 white noise."""
    return (amplitude * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def strokes(times, seconds=6.0, bed=0.0):
    """(n,) float32: decaying bursts of noise that begin at `times` (s), over a low tone."""
    audio = sine(82.4, bed, seconds)
    burst = noise(0.3, 0.1) * np.exp(-np.arange(4800) / 600).astype(np.float32)
    for time in times:
        at = round(time * RATE)
        audio[at : at + len(burst)] += burst[: len(audio) - at]
    return audio


def read(audio, ratio=1.0, semitones=0, samples=None, parts=(), start=0):
    """(n,) float32: a memory read in calls of these lengths, then in one for the rest."""
    source = stretch.Source(audio, 0, len(audio), stretch.lengths(RATE), *stretch.transpositions())
    samples = int((len(audio) - start) / ratio) if samples is None else samples
    head, out, done = stretch.start_at(start, semitones), np.zeros(samples, np.float32), 0
    for part in (*parts, samples):
        block = out[done : done + part]
        head = stretch.Playhead(*stretch.render(source, head, stretch.fixed(ratio), semitones, block))
        done += len(block)
    return out


def pitch(audio):
    """Hz of the strongest partial: the parabola through the peak of a Gaussian-windowed log spectrum is exact."""
    n = len(audio)
    window = np.exp(-0.5 * ((np.arange(n) - n / 2) / (n / 8)) ** 2)
    power = np.log(np.abs(np.fft.rfft(audio.astype(np.float64) * window)) + 1e-30)
    k = int(power[1:-1].argmax()) + 1
    left, middle, right = power[k - 1 : k + 2]
    return (k + 0.5 * (left - right) / (left - 2 * middle + right)) * RATE / n


# Bypass


@law
@given(st.integers(0, 99), st.integers(0, 2 * RATE), st.lists(st.integers(1, 5000), min_size=1, max_size=5))
def test_at_its_own_speed_and_pitch_a_memory_is_bit_identical(seed, start, parts):
    audio = noise(seed=seed)
    assert np.array_equal(read(audio, parts=parts, start=start), audio[start:])


def test_after_stretching_its_own_speed_is_the_recording_again():
    audio = noise()
    player = Concatenator(audio, RATE, HOP)
    voice = player.start()
    for _ in range(4):
        player.step(voice, max(player.following(voice), 0), FRAMES, ratio=1.2)
    player.step(voice, player.following(voice), FRAMES)  # a splice that has begun ends in it
    begin = voice.next_sample
    assert np.array_equal(player.step(voice, player.following(voice), FRAMES), audio[begin : begin + FRAMES])


# Any partition is the same


@law
@given(
    st.floats(MIN_RATIO, MAX_RATIO),
    st.integers(-MAX_SEMITONES, MAX_SEMITONES),
    st.lists(st.integers(1, 9000), min_size=1, max_size=9),
)
def test_any_partition_into_calls_gives_the_same_samples(ratio, semitones, parts):
    audio = strokes((0.1, 0.35, 0.6), 1.0, 0.2)
    whole = read(audio, ratio, semitones, samples=30_000)
    assert np.array_equal(read(audio, ratio, semitones, samples=30_000, parts=parts), whole)


# Tempo


@pytest.mark.parametrize("bed", [0.0, 0.1])
@pytest.mark.parametrize("spacing", [0.5, 0.25, 0.13, 0.09])
@pytest.mark.parametrize("ratio", RATIOS)
def test_strokes_are_played_once_and_at_their_time(ratio, spacing, bed):
    """An attack is found at the resolution of a tick, and may stay where it is when it is `LOCKED_S` off."""
    times = np.arange(0.3, 5.5, spacing)
    played = read(strokes(times, bed=bed), ratio)
    rough = np.abs(np.diff(played)) > 0.1  # the low tone is smoother, and so is what is left of a burst after 30 ms
    onsets = np.flatnonzero(rough)
    onsets = onsets[np.concatenate([[True], np.diff(onsets) > 0.03 * RATE])] / RATE
    assert len(onsets) == len(times)
    assert np.abs(onsets - times / ratio).max() <= TICK_S / MIN_RATIO + LOCKED_S


@law
@given(st.floats(MIN_RATIO, MAX_RATIO), st.integers(-4, 4), st.integers(0, 20))
def test_the_playhead_never_strays_from_its_tempo(ratio, semitones, seed):
    """It may go on drifting for as long as a crossfade, an attack or its end takes, then it is moved."""
    audio = noise(seed=seed) if seed % 2 else strokes(np.arange(0.2, 3.5, 0.11), 4.0, 0.2)
    source = stretch.Source(audio, 0, len(audio), stretch.lengths(RATE), *stretch.transpositions())
    head, out, strayed = stretch.start_at(0, semitones), np.zeros(200, np.float32), 0
    while head.nominal < (len(audio) - RATE // 5) * ONE:
        head = stretch.Playhead(*stretch.render(source, head, stretch.fixed(ratio), semitones, out))
        strayed = max(strayed, abs(head.position - head.nominal) / ONE)
    waiting_s = 2 * stretch.FADE_S + stretch.HOLD_S + 2 * TICK_S
    assert strayed <= (2 * MAX_DRIFT_S + waiting_s) * RATE


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_run_goes_on_with_the_segment_that_sounds(ratio):
    """The segment that is said to be played is never more than half a hop from where the memory is read."""
    player = Concatenator(noise(seconds=20), RATE, HOP)
    voice, segment = player.start(), 0
    while 0 <= segment < len(player) - 1:
        player.step(voice, segment, FRAMES, ratio=ratio)
        segment = player.following(voice)
        assert abs(voice.head.nominal / ONE - player.boundary(segment)) <= FRAMES / 2 + 1
    assert voice.head.nominal / ONE > 18.5 * RATE


# Pitch


@pytest.mark.parametrize("hertz", [55.0, 220.0, 1234.5])
@pytest.mark.parametrize("ratio, semitones", [*((ratio, 0) for ratio in RATIOS), (1.0, 2), (1.0, -2), (1.2, 7)])
def test_a_tone_has_the_pitch_asked_and_keeps_its_power(hertz, ratio, semitones):
    """Splices match periods to within half a sample; at least `MAX_DRIFT_S` / 2 of memory is read between two."""
    played = read(sine(hertz), ratio, semitones)[RATE // 4 : -RATE // 4]
    half_a_sample = 1200 * np.log2(1 + 0.5 / (MAX_DRIFT_S / 2 * RATE))
    wanted = hertz * 2 ** (semitones / 12)
    assert abs(1200 * np.log2(pitch(played) / wanted)) < half_a_sample
    window = round(RATE / wanted) * max(1, round(wanted * 0.02))
    power = np.convolve(played.astype(np.float64) ** 2, np.ones(window) / window, "valid")
    assert np.abs(10 * np.log10(power / 0.125)).max() < 0.2


def test_the_filters_pass_what_is_heard_and_stop_what_would_be_folded_back():
    """A Kaiser window of N samples: A = 8.7 + beta / 0.1102 dB, and a transition of (A - 8) / 2.285 (N - 1) rad.

    The cutoff is in the middle of the transition; 10 dB are left for the interpolation between rows.
    """
    attenuation = 8.7 + KAISER_BETA / 0.1102
    half = (attenuation - 8) / (2.285 * (2 * HALF_TAPS - 1)) / np.pi / 2
    for semitones in range(-MAX_SEMITONES, MAX_SEMITONES + 1):
        rows = stretch.transpositions()[1][semitones + MAX_SEMITONES]
        between = np.vstack([rows, (rows[1:] + rows[:-1]) / 2])
        cutoff = CUTOFF * min(1.0, 2 ** (-semitones / 12))
        for frequency, low, high in ((cutoff - half, -0.1, 0.1), (cutoff + half, -np.inf, 10 - attenuation)):
            if frequency < 1:
                response = between @ np.exp(1j * np.pi * frequency * np.arange(2 * HALF_TAPS))
                assert low < 20 * np.log10(np.abs(response).max()) < high


# Clicks and energy


@law
@given(st.floats(MIN_RATIO, MAX_RATIO), st.integers(-5, 5), st.sampled_from([0, 1]))
def test_smooth_material_never_clicks(ratio, semitones, kind):
    """A transposition makes slopes steeper by its step; a crossfade adds no more than its own slope."""
    audio = sine(97) if kind else (sine(220, 0.3) + sine(277.2, 0.2) + sine(331, 0.2)).astype(np.float32)
    steepest = np.abs(np.diff(audio)).max() * 2 ** (semitones / 12)
    own = np.pi / 2 / (stretch.FADE_S * RATE) * np.abs(audio).max() * np.sqrt(2)
    assert np.abs(np.diff(read(audio, ratio, semitones))).max() <= 1.01 * steepest + own


@pytest.mark.parametrize("ratio, semitones", [*((ratio, 0) for ratio in RATIOS), (1.0, 3), (1.0, -3)])
def test_noise_keeps_its_power(ratio, semitones):
    """The power of n samples of white noise is known to 4.34 sqrt(2 / n) dB (one deviation); five are allowed.

    A transposition downwards spreads the same samples, one upwards filters: both keep the band below the cutoff.
    """
    played = read(noise(seconds=8), ratio, semitones)
    n = len(played) * min(1.0, 2 ** (-semitones / 12))
    step = 2 ** (semitones / 12)
    kept = 1.0 if not semitones else CUTOFF * min(1.0, 1 / step)
    assert abs(10 * np.log10(np.mean(played.astype(np.float64) ** 2) / (0.01 * kept))) < 5 * 4.34 * np.sqrt(2 / n) + 0.2


# In a concatenator


@law
@given(
    st.lists(
        st.tuples(st.integers(-1, 15), st.floats(MIN_RATIO, MAX_RATIO), st.integers(-3, 3)), min_size=2, max_size=8
    )
)
def test_jumps_rests_and_changes_of_tempo_and_pitch_do_not_click(hops):
    audio = (sine(97) + sine(350, 0.3)).astype(np.float32)
    player = Concatenator(audio, RATE, HOP)
    voice, played = player.start(), []
    for segment, ratio, semitones in hops:
        for at in (segment, player.following(voice)):
            if at < len(player):
                played.append(player.step(voice, at, FRAMES, ratio=ratio, semitones=semitones))
    steepest = np.abs(np.diff(audio)).max() * 2 ** (3 / 12)
    assert np.abs(np.diff(np.concatenate([[0.0], *played]))).max() < 1.5 * steepest


def test_a_transposed_jump_meets_in_phase():
    player = Concatenator(sine(123.4), RATE, HOP)
    voice = player.start()
    played = [player.step(voice, segment, FRAMES, semitones=2) for segment in (1, 7, 3)]
    window = round(RATE / (123.4 * 2 ** (2 / 12))) * 2
    power = np.convolve(np.concatenate(played).astype(np.float64) ** 2, np.ones(window) / window, "valid")[2000:]
    assert np.abs(10 * np.log10(power / 0.125)).max() < 0.5


def test_leaving_a_stretched_memory_carries_its_sound_on():
    one, two = Concatenator(noise(), RATE, HOP, align=0), Concatenator(noise(), RATE, HOP, align=0)
    voice = one.start()
    for segment in (3, 4):
        one.step(voice, segment, FRAMES, ratio=1.3, semitones=1)
    other = one.detach(voice)
    arguments = {"ratio": 0.9, "semitones": -1}
    assert np.array_equal(two.step(other, 9, FRAMES, **arguments), one.step(voice, 9, FRAMES, **arguments))


@pytest.mark.parametrize("wrong", [{"ratio": 0.69}, {"ratio": 1.41}, {"ratio": float("nan")}, {"semitones": 13}])
def test_a_ratio_or_transposition_out_of_range_is_refused(wrong):
    player = Concatenator(noise(), RATE, HOP)
    with pytest.raises(ValueError, match=r"expected 0.7 to 1.4 and at most 12 either way"):
        player.step(player.start(), 0, FRAMES, **wrong)


def test_the_end_of_a_take_is_faded_out_at_any_speed():
    for ratio, semitones in ((0.7, 0), (1.4, 0), (1.0, 5)):
        player = Concatenator(sine(97, seconds=1.0), RATE, HOP)
        voice, played, segment = player.start(), [], 0
        while segment < len(player):
            played.append(player.step(voice, segment, FRAMES, ratio=ratio, semitones=semitones))
            segment = player.following(voice)
        played.append(player.step(voice, -1, FRAMES))
        audio = np.concatenate(played)
        assert np.abs(np.diff(audio)).max() < 1.5 * np.abs(np.diff(player.audio)).max() * 2 ** (5 / 12)
        sounding = np.flatnonzero(audio)[-1] / RATE
        assert -0.001 < sounding - 1 / ratio < 0.05, "after the end no more than a crossfade"
