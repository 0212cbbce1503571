"""Traits are those that a sound was made with: how densely it begins, how high it lies, how loud it is."""

import numpy as np
import pytest

from perception.level import rms
from perception.onsets import onsets_of
from perception.traits import SILENT_DB, onset_times, traits

HOP = 0.5


def strokes(seconds: float, every_s: float, pitch: int, peak: float, rate: int) -> np.ndarray:
    """Decaying tones at a distance: (n,) float32."""
    time = np.arange(round(seconds * rate)) / rate
    return (
        peak * np.exp(-4 * (time % every_s) / every_s) * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
    ).astype(np.float32)


def of(audio: np.ndarray, rate: int, moments_s: np.ndarray):
    segments = round(len(audio) / rate / HOP)
    levels = rms(audio[: round(segments * HOP * rate)].reshape(segments, -1))
    return traits(moments_s, audio, rate, onsets_of(audio, rate), levels, HOP)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_halves_of_a_recording_have_what_they_were_made_with(rate):
    audio = np.concatenate([strokes(10, 1.0, 60, 0.3, rate), strokes(10, 0.2, 60, 0.3, rate)])
    assert of(audio, rate, np.array([5.0, 15.0])).density == pytest.approx([1, 5], abs=0.6)
    audio = np.concatenate([strokes(10, 0.25, 40, 0.05, rate), strokes(10, 0.25, 76, 0.5, rate)])
    found = of(audio, rate, np.array([5.0, 15.0]))
    assert found.register == pytest.approx([40, 76], abs=2.5)
    assert found.dynamics[1] - found.dynamics[0] == pytest.approx(20, abs=1)


def test_height_is_that_of_the_stronger_and_silence_has_none_that_is_wrong():
    low, high = strokes(8, 0.25, 45, 0.5, 16000), strokes(8, 0.25, 81, 0.05, 16000)
    assert of(low + high, 16000, np.array([4.0])).register[0] == pytest.approx(45, abs=3)
    silence = of(np.zeros(16000, np.float32), 16000, np.array([0.0, 0.5, 9.0]))
    assert np.isfinite(np.array(silence)).all() and (silence.density == 0).all()
    assert (silence.dynamics == SILENT_DB).all()


def test_windows_end_with_the_recording_and_moments_may_lie_outside():
    audio = strokes(3, 0.25, 60, 0.5, 16000)
    found = of(audio, 16000, np.array([-5.0, 0.0, 1.5, 3.0, 9.0]))
    assert all(trait.dtype == np.float32 and np.isfinite(trait).all() for trait in found)
    assert found.density[[1, 2, 3]] == pytest.approx([4, 4, 4], abs=1.01)


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_an_envelope_may_be_short(frames):
    assert not len(onset_times(np.ones(frames, np.float32), np.ones(1), HOP))
