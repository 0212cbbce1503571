"""Pictures of a guide and its answer: waveforms, onsets, constant-Q transforms and beats."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from librosa import amplitude_to_db, cqt

from train.evaluate.listening_measures import HOP_SAMPLES, SAMPLERATE, onsets

EXCERPT_S = 20.0
OCTAVES = 6  # shown, from C2
LOWEST_HZ = 440 * 2 ** (-33 / 12)
COLOURS = {"guide": "#555555", "answer": "#1b6ca8"}


def busiest(guide: np.ndarray, answer: np.ndarray) -> int:
    """First sample of the excerpt in which the quieter of both is loudest, a multiple of 5 s."""
    step, length = 5 * SAMPLERATE, round(EXCERPT_S * SAMPLERATE)
    starts = range(0, max(1, min(len(guide), len(answer)) - length + 1), step)
    return max(starts, key=lambda at: min(_level(x[at : at + length]) for x in (guide, answer)))


def _level(audio: np.ndarray) -> float:
    return float(np.abs(audio).mean()) if len(audio) else 0.0


def png(guide: np.ndarray, answer: np.ndarray, beats: np.ndarray, title: str) -> bytes:
    """The busiest 20 s of both, (n,) at the rate of the measures, as PNG. beats: s, drawn as lines, every second bold.

    Of each, from above: its waveform with its onsets, and its constant-Q transform.
    """
    from matplotlib.figure import Figure

    first = busiest(guide, answer)
    part = slice(first, first + round(EXCERPT_S * SAMPLERATE))
    figure = Figure(figsize=(16, 9), layout="constrained")
    rows = figure.subplots(4, 1, sharex=True, height_ratios=(1, 2, 1, 2))
    for panel, (name, audio) in enumerate((("guide", guide), ("answer", answer))):
        _wave(rows[2 * panel], audio[part], first / SAMPLERATE, name)
        _spectrum(rows[2 * panel + 1], audio[part], first / SAMPLERATE)
    for axes in rows:
        for number, beat in enumerate(beats):
            axes.axvline(beat, color="#c0392b", linewidth=1.0 if number % 2 == 0 else 0.4, alpha=0.6)
        axes.set_xlim(first / SAMPLERATE, first / SAMPLERATE + EXCERPT_S)
    rows[-1].set_xlabel("s; red: beats, triangles: onsets")
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, metadata={"Software": "antiphon"})
    return buffer.getvalue()


def _wave(axes: Any, audio: np.ndarray, begin: float, name: str) -> None:
    """Peaks of 5 ms each, and the onsets above them."""
    size = round(0.005 * SAMPLERATE)
    peaks = np.abs(audio[: len(audio) // size * size]).reshape(-1, size).max(axis=1)
    time = begin + np.arange(len(peaks)) * size / SAMPLERATE
    axes.fill_between(time, -peaks, peaks, color=COLOURS[name], linewidth=0)
    top = float(peaks.max(initial=1e-3))
    at, strength = onsets(audio)
    axes.scatter(begin + at, np.full(len(at), 1.15 * top), s=10 + 60 * strength / (strength.max(initial=0) + 1e-9),
                 marker="v", color="black")  # fmt: skip
    axes.set_ylim(-top, 1.35 * top)
    axes.set_ylabel(name)


def _spectrum(axes: Any, audio: np.ndarray, begin: float) -> None:
    """Constant-Q transform in dB below its strongest tone, three bins a semitone."""
    tones = np.abs(
        cqt(audio, sr=SAMPLERATE, hop_length=HOP_SAMPLES, fmin=LOWEST_HZ, n_bins=36 * OCTAVES, bins_per_octave=36)
    )
    axes.imshow(
        amplitude_to_db(tones, ref=np.max), origin="lower", aspect="auto", cmap="magma", vmin=-60, vmax=0,
        extent=(begin, begin + len(audio) / SAMPLERATE, 0, OCTAVES),
    )  # fmt: skip
    axes.set_yticks(range(OCTAVES), [f"C{octave + 2}" for octave in range(OCTAVES)])
