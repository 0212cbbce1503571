"""The features on the device equal those of the meter; its medians those of `perception.hpss`, bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perception import hpss
from tests.conftest import glide, melody
from train.data import device_hpss

RATE = hpss.SAMPLERATE
TOLERANCE_DB = 1e-4
CLICKS = np.zeros(20000, np.float32)
CLICKS[::1777] = 1
SOUNDS = {
    "noise": (0.1 * np.random.default_rng(0).standard_normal(20000)).astype(np.float32),
    "melody": melody(1.25, RATE)[:20000],
    "glide": glide(1.25, RATE)[:20000],
    "clicks": CLICKS,
    "half silent": np.append(melody(0.6, RATE)[:9000], np.zeros(11000, np.float32)),
    "silence": np.zeros(20000, np.float32),
}


def test_features_equal_those_of_the_meter():
    together = device_hpss.harmonic_percussive(torch.from_numpy(np.stack(list(SOUNDS.values())))).numpy()
    for name, computed in zip(SOUNDS, together, strict=True):
        np.testing.assert_allclose(computed, hpss.harmonic_percussive(SOUNDS[name]), atol=TOLERANCE_DB, err_msg=name)
    plain = device_hpss.mel_spectrogram(torch.from_numpy(np.stack(list(SOUNDS.values())))).numpy()
    for name, computed in zip(SOUNDS, plain, strict=True):
        np.testing.assert_allclose(computed, hpss.mel_spectrogram(SOUNDS[name]), atol=TOLERANCE_DB, err_msg=name)


@pytest.mark.parametrize("gain", [1e-3, 1e-6, 30.0])
def test_features_equal_those_of_the_meter_at_any_level(gain):
    sound = np.float32(gain) * SOUNDS["melody"]
    computed = device_hpss.harmonic_percussive(torch.from_numpy(sound)[None])[0].numpy()
    np.testing.assert_allclose(computed, hpss.harmonic_percussive(sound), atol=TOLERANCE_DB)


@settings(max_examples=40)
@given(st.integers(16, 120), st.integers(1, 20), st.integers(0, 2**32 - 1), st.sampled_from([0, 2, 1000]))
def test_medians_equal_those_of_the_meter(rows, m, seed, values):
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, values, (2, rows, m)) if values else rng.standard_normal((2, rows, m))
    columns = columns.astype(np.float32)
    computed = device_hpss.running_median(torch.from_numpy(columns)).numpy()
    for ours, column in zip(computed, columns, strict=True):
        np.testing.assert_array_equal(ours, hpss.running_median(column))
