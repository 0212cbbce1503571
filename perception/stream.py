"""Streaming perception: an endless mono signal in, one label per hop out, at any device rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import gcd

import numpy as np
import soxr

from perception.chroma import ChromaStream
from perception.level import level_db
from perception.onsets import OnsetStream
from perception.units import Alphabet
from perception.wav2vec2 import Encoder, EncoderState

# Samples at the encoder's rate (4 ms) by which resampled sound is delayed, since soxr's filter looks ahead.
RESAMPLER_DELAY = 64
DEFAULT_GATE_DB = -50.0  # dBFS


def boundary(hop: int, seconds: float, samplerate: int) -> int:
    """Sample at which hop number `hop` begins: rounded from its time, so that no hop drifts.

    >>> [boundary(hop, 0.35, 22050) for hop in range(4)]
    [0, 7717, 15435, 23152]
    """
    return round(hop * seconds * samplerate)


def hop_sizes(seconds: float, samplerate: int) -> Iterator[int]:
    """Samples of hop 0, 1, ..., without end; they differ by one where a hop is no whole number of samples."""
    return (boundary(n + 1, seconds, samplerate) - boundary(n, seconds, samplerate) for n in count())


@dataclass(frozen=True)
class LabelledHop:
    """The result of `Listener.step` for one hop."""

    label: int  # 0..K-1, or K for silence
    feature: np.ndarray  # (dim,) float32
    level_db: float  # dBFS, see `perception.level`
    chroma: np.ndarray | None = None  # (frames, 12) float32 that end in the hop, see `perception.chroma`; None: unknown
    onsets: np.ndarray | None = None  # (frames,) float32, likewise, see `perception.onsets`


@dataclass
class ListenerState:
    """State of a `Listener` after the hops since the stream began."""

    hops: int  # since the stream began
    encoder: EncoderState
    recent: np.ndarray  # newest samples at the device rate, oldest first
    chroma: ChromaStream = field(default_factory=ChromaStream)
    newest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # hop at the encoder's rate
    onsets: OnsetStream = field(default_factory=OnsetStream)


class Listener:
    """Labels each hop with the nearest unit of the alphabet; a hop below the gate is silence.

    encoder, alphabet: ValueError unless both have the same hop. samplerate: Hz, of the audio given to `step`. gate_db:
    dBFS RMS below which a hop is silence, unless `step` gets another.
    """

    def __init__(self, encoder: Encoder, alphabet: Alphabet, samplerate: int, gate_db: float = DEFAULT_GATE_DB):
        if round(alphabet.hop * encoder.samplerate) != encoder.hop:
            raise ValueError(f"the alphabet names hops of {alphabet.hop} s, the encoder makes {encoder.hop} samples")
        self.encoder, self.alphabet, self.samplerate, self.gate_db = encoder, alphabet, int(samplerate), gate_db
        common = gcd(self.samplerate, encoder.samplerate)
        self._grid = self.samplerate // common, encoder.samplerate // common  # samples that last equally long
        self._recent_samples = boundary(1, alphabet.hop, self.samplerate) + 2 * self._grid[0] + self.samplerate // 25

    @property
    def delay_s(self) -> float:
        """By how much the sound at the encoder's rate is late, s."""
        return 0.0 if self.samplerate == self.encoder.samplerate else RESAMPLER_DELAY / self.encoder.samplerate

    def start(self) -> ListenerState:
        """State of a stream that has not begun: silence before it."""
        return ListenerState(0, self.encoder.start(), np.zeros(0, np.float32))

    def next_hop_samples(self, state: ListenerState) -> int:
        """Number of samples the next hop has at the device rate (it varies by one where the hop is not whole)."""
        hop = self.alphabet.hop
        return boundary(state.hops + 1, hop, self.samplerate) - boundary(state.hops, hop, self.samplerate)

    def step(self, state: ListenerState, audio: np.ndarray, gate_db: float | None = None) -> LabelledHop:
        """Hear one hop, (next_hop_samples,) float32 in [-1, 1] at the device rate; ValueError for any other length.

        gate_db: dBFS, for this hop; None is the listener's own.
        """
        if audio.shape != (self.next_hop_samples(state),):
            raise ValueError(f"expected one hop of {self.next_hop_samples(state)} samples, got {audio.shape}")
        resampled = state.newest = self._resampled(state, audio)
        feature = self.encoder.step(state.encoder, resampled)
        state.hops += 1
        level = float(level_db(audio))
        silent = level < (self.gate_db if gate_db is None else gate_db)
        label = self.alphabet.silence if silent else int(self.alphabet.quantize(feature)[0])
        return LabelledHop(label, feature, level, state.chroma.hear(resampled), state.onsets.hear(resampled))

    def _resampled(self, state: ListenerState, audio: np.ndarray) -> np.ndarray:
        """The hop at the encoder's rate, (encoder.hop,) float32, RESAMPLER_DELAY samples late.

        Resampled afresh from the newest samples at each hop, so that the result depends on the input and not on
        the buffering of soxr's stream. Let the rates be a * g and b * g Hz with a and b coprime, for instance
        147 : 160 for 44.1 and 48 kHz. Sample i * a of the one and i * b of the other fall on the same instant, and
        nowhere else; a cut there leaves the phase of the resampling as it is. The hop wanted is [w, w + hop) with
        w = hops * hop - RESAMPLER_DELAY; the cut is the last common instant that lies RESAMPLER_DELAY before w, so
        that the filter has its past, and the delay behind the end gives it its future.
        """
        if self.samplerate == self.encoder.samplerate:
            return audio
        state.recent = np.concatenate([state.recent, audio.astype(np.float32)])[-self._recent_samples :]
        end = boundary(state.hops + 1, self.alphabet.hop, self.samplerate)
        wanted = state.hops * self.encoder.hop - RESAMPLER_DELAY
        period, encoder_period = self._grid
        cut = max((wanted - RESAMPLER_DELAY) // encoder_period, 0)
        available = end - len(state.recent)
        cut = max(cut, -(-available // period))
        resampled = soxr.resample(
            state.recent[cut * period - available :], self.samplerate, self.encoder.samplerate, "HQ"
        )
        resampled = resampled[max(wanted - cut * encoder_period, 0) :][: self.encoder.hop + min(wanted, 0)]
        return np.concatenate([np.zeros(self.encoder.hop - len(resampled), np.float32), resampled])
