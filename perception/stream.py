"""Streaming perception: an endless mono signal in, one token per hop out, at any device rate."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import soxr

from perception.units import Alphabet
from perception.wav2vec2 import Encoder, Frames

LAG = 64  # samples at the encoder's rate (4 ms) by which a resampled ear hears late: soxr's filter looks ahead


def boundary(hop: int, seconds: float, samplerate: int) -> int:
    """Sample at which hop number `hop` begins: rounded from its time, so that no hop drifts."""
    return round(hop * seconds * samplerate)


@dataclass(frozen=True)
class Heard:
    """One hop, named."""

    label: int  # 0..K-1, or K for silence
    feature: np.ndarray  # (dim,) float32
    level: float  # dBFS (RMS), -120 for digital silence


@dataclass
class Hearing:
    """What the ear remembers. Everything learned is in `Listener`, everything heard is here."""

    hops: int  # heard since the piece began
    frames: Frames
    recent: np.ndarray  # newest samples at the device rate, oldest first


class Listener:
    """Names each hop after the nearest unit of the alphabet; a hop below the gate is silence.

    encoder, alphabet: as trained, of the same hop. samplerate: of the audio given to `step`, Hz.
    gate: dBFS (RMS of the hop) below which a hop is the silence symbol.
    """

    def __init__(self, encoder: Encoder, alphabet: Alphabet, samplerate: int, gate: float = -50.0):
        if round(alphabet.hop * encoder.samplerate) != encoder.hop:
            raise ValueError(f"the alphabet names hops of {alphabet.hop} s, the encoder makes {encoder.hop} samples")
        self.encoder, self.alphabet, self.samplerate, self.gate = encoder, alphabet, int(samplerate), gate
        common = gcd(self.samplerate, encoder.samplerate)
        self.grid = self.samplerate // common, encoder.samplerate // common  # samples that last equally long
        self.memory = boundary(1, alphabet.hop, self.samplerate) + 2 * self.grid[0] + self.samplerate // 25

    def start(self) -> Hearing:
        """A piece that has not begun: nothing but silence before it."""
        return Hearing(0, self.encoder.start(), np.zeros(0, np.float32))

    def expected(self, hearing: Hearing) -> int:
        """Number of samples the next hop has at the device rate (it varies by one where the hop is not whole)."""
        hop = self.alphabet.hop
        return boundary(hearing.hops + 1, hop, self.samplerate) - boundary(hearing.hops, hop, self.samplerate)

    def step(self, hearing: Hearing, audio: np.ndarray) -> Heard:
        """Hear one hop, (expected,) float32 in [-1, 1] at the device rate."""
        if audio.shape != (self.expected(hearing),):
            raise ValueError(f"expected one hop of {self.expected(hearing)} samples, got {audio.shape}")
        feature = self.encoder.step(hearing.frames, self._resampled(hearing, audio))
        hearing.hops += 1
        level = 10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12)
        label = self.alphabet.silence if level < self.gate else int(self.alphabet.name(feature)[0])
        return Heard(label, feature, float(level))

    def _resampled(self, hearing: Hearing, audio: np.ndarray) -> np.ndarray:
        """The hop at the encoder's rate, `LAG` samples late.

        Resampled afresh from the newest samples, cut where both rates have a common sample, so that the result is
        a function of what was heard and not of how soxr's stream happens to buffer.
        """
        if self.samplerate == self.encoder.samplerate:
            return audio
        hearing.recent = np.concatenate([hearing.recent, audio.astype(np.float32)])[-self.memory :]
        end = boundary(hearing.hops + 1, self.alphabet.hop, self.samplerate)
        wanted = hearing.hops * self.encoder.hop - LAG
        here, there = self.grid
        cut = max((wanted - LAG) // there, 0)
        available = end - len(hearing.recent)
        cut = max(cut, -(-available // here))
        made = soxr.resample(hearing.recent[cut * here - available :], self.samplerate, self.encoder.samplerate, "HQ")
        made = made[max(wanted - cut * there, 0) :][: self.encoder.hop + min(wanted, 0)]
        return np.concatenate([np.zeros(self.encoder.hop - len(made), np.float32), made])
