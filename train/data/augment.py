"""What lies between a rendered stem and a recording: room, tone, noise and level, drawn at random."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve, lfilter

from perception.wav2vec2 import SAMPLERATE


def degrade(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) float32 at 16 kHz as a microphone in a room would have it: reverberation, spectral tilt, noise, level.

    Each is drawn with its own chance; now and then the beginning is silent, as before a piece. `audio` stays as it is.
    """
    if rng.random() < 0.5:
        decay = rng.uniform(0.1, 1.0)
        time_ = np.arange(int(decay * SAMPLERATE)) / SAMPLERATE
        room = rng.standard_normal(len(time_)) * np.exp(-6.9 * time_ / decay)
        wet = fftconvolve(audio, room.astype(np.float32))[: len(audio)]
        audio = audio + wet * rng.uniform(0.05, 0.7) * np.sqrt(np.mean(audio**2) / (np.mean(wet**2) + 1e-12))
    if rng.random() < 0.5:
        tilt = rng.uniform(-0.85, 0.85)
        audio = lfilter([1.0, tilt], [1.0 + abs(tilt)], audio)
    level = np.sqrt(np.mean(audio**2))
    if rng.random() < 0.5:
        noise = lfilter([1.0], [1.0, -rng.uniform(0, 0.98)], rng.standard_normal(len(audio)))
        audio = audio + noise * level / np.sqrt(np.mean(noise**2)) * 10 ** (-rng.uniform(10, 45) / 20)
    if rng.random() < 0.1:  # a piece begins: silence before it
        audio = audio.copy()
        audio[: rng.integers(len(audio) * 3 // 4)] = 0
    return (audio * 10 ** rng.uniform(-1.3, 0.3) * 0.1 / (level + 1e-6)).astype(np.float32)
