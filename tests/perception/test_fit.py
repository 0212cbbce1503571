"""Laws of the musical fit: what is the same fits, what is displaced does not, and no figure where nothing sounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception import fit
from perception.fit import ChromaSegments, centred


def changing_chords(segments: int, seed: int = 0) -> ChromaSegments:
    """Chroma that changes every half second."""
    rng = np.random.default_rng(seed)
    return ChromaSegments(centred(rng.random((segments, 12)) ** 3), np.full(segments, 0.1))


def rolled(sound: ChromaSegments, by: int) -> ChromaSegments:
    return ChromaSegments(np.roll(sound.vectors, by, axis=0), np.roll(sound.rms, by))


@given(st.integers(20, 80), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_a_sound_fits_itself_and_is_told_from_its_displacements(segments, seed):
    sound = changing_chords(segments, seed)
    assert fit.harmony(sound, sound) == pytest.approx(1, abs=1e-6)
    assert fit.ghost(sound, sound) > 3
    away = segments // 2
    assert fit.harmony(sound, rolled(sound, away)) < 0.9 and fit.ghost(sound, rolled(sound, away)) < 3


def test_one_held_chord_fits_everywhere_and_belongs_nowhere():
    chord = ChromaSegments(centred(np.tile(np.eye(12)[0] + np.eye(12)[7], (60, 1))), np.full(60, 0.1))
    assert fit.harmony(chord, chord) == pytest.approx(1, abs=1e-6)
    assert abs(fit.ghost(chord, chord)) < 1e-3


@given(st.integers(1, 11), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_transposing_both_alike_changes_nothing_and_one_alone_does(semitones, seed):
    a, b = changing_chords(40, seed), changing_chords(40, seed + 1)
    turned = [ChromaSegments(np.roll(x.vectors, semitones, axis=1), x.rms) for x in (a, b)]
    assert fit.harmony(*turned) == pytest.approx(fit.harmony(a, b), abs=1e-9)
    assert fit.ghost(*turned) == pytest.approx(fit.ghost(a, b), abs=1e-6)
    assert fit.harmony(a, turned[0]) < 0.9


def test_where_one_rests_nothing_is_compared_and_holes_are_counted():
    a, b = changing_chords(40), changing_chords(40)
    b.rms[10:20] = 0
    b.vectors[10:20] = -a.vectors[10:20]
    assert fit.harmony(a, b) == pytest.approx(1, abs=1e-6)
    assert fit.holes(a, b) == 0.25 and fit.holes(b, a) == 0
    assert np.isnan(fit.level_difference(a, ChromaSegments(a.vectors, a.rms * 0)))
    assert fit.level_difference(a, ChromaSegments(a.vectors, 2 * a.rms)) == pytest.approx(6.0206, abs=1e-3)


@pytest.mark.parametrize("segments", [0, 1, fit.LEAST_SEGMENTS - 1])
def test_too_little_is_no_figure(segments):
    sound = changing_chords(max(segments, 1)).first(segments)
    assert np.isnan(fit.harmony(sound, sound)) and np.isnan(fit.ghost(sound, sound))


BEATS = np.arange(1, 60) * 0.5


@pytest.mark.parametrize("late", [0.0, 0.05, 0.125])
@pytest.mark.parametrize("step", [0.25, 0.5, 1.0])
def test_onsets_on_half_beats_are_in_time_wherever_the_beat_is(step, late):
    times = np.arange(1, 29, step) + late
    assert fit.on_beat(times, np.ones(len(times)), BEATS) == pytest.approx(1)


def test_onsets_anywhere_are_not_in_time():
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0.5, 29.5, 400))
    assert fit.on_beat(times, rng.random(400), BEATS) < 3 / np.sqrt(400)


@given(st.integers(8, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_chance_is_subtracted(onsets, seed):
    """Few onsets share a place by chance; one place stays 1, and nothing is made better than it is."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 1, onsets)
    on = np.sort(rng.choice(BEATS[:-1], onsets, replace=True))
    assert fit.on_beat_beyond_chance(on, weights, BEATS) == pytest.approx(1)
    anywhere = rng.uniform(0.5, 29.5, onsets)
    assert 0 <= fit.on_beat_beyond_chance(anywhere, weights, BEATS) <= fit.on_beat(anywhere, weights, BEATS) + 1e-9


def test_chance_alone_is_nothing_on_average():
    rng = np.random.default_rng(0)
    squares = [fit.on_beat_beyond_chance(rng.uniform(0.5, 29.5, 10), np.ones(10), BEATS) ** 2 for _ in range(400)]
    plain = [fit.on_beat(rng.uniform(0.5, 29.5, 10), np.ones(10), BEATS) ** 2 for _ in range(400)]
    assert np.mean(squares) < 0.07 and np.mean(plain) == pytest.approx(0.1, abs=0.02)


def test_now_is_compared_with_what_went_before():
    a = changing_chords(60)
    assert fit.agreement_now(a, a, 20) > 0.5 > abs(fit.agreement_now(a, rolled(a, 7), 20))
    assert np.isnan(fit.agreement_now(a.first(20), a.first(20), 20))
    assert np.isnan(fit.agreement_now(a.first(0), a.first(0), 20))


def test_between_half_beats_is_as_far_from_in_time_as_can_be():
    times = np.arange(4, 100) * 0.125 + 0.5  # every quarter of a beat
    assert fit.on_beat(times, np.ones(len(times)), BEATS) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("beats", [BEATS[:0], BEATS[:1], BEATS[:5], BEATS + 1000])
def test_without_beats_or_onsets_among_them_there_is_no_time(beats):
    assert np.isnan(fit.on_beat(np.arange(1, 20) * 1.0, np.ones(19), beats))
