"""The grid of a MIDI file: steps that divide its beats, bar by bar, as its time signatures count them.

A beat has four steps, or three where the notes are triplets or three eighths are a beat. Its eighths may swing: then
the steps are where the notes are. A bar of 7/8 has three and a half beats of a quarter note, fourteen steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corpora.midi_file import DEFAULT_METRE, MidiFileError, TimeMap

MOST_STEPS = 60_000  # an hour and a half at 160 beats a minute
MOST_BARS_OFF = 0.8  # mean distance from the grid, as a share of chance, above which notes keep to none
STRAIGHT = 0.04  # swing, in beats, below which there is none


@dataclass(frozen=True)
class Grid:
    """ticks: (steps + 1,) float64, where each step begins and the last ends, rising.

    metre: (steps, 3) int [place in the beat in twelfths, beat in the bar, beats in it]. steps_per_beat: 4, or 3 for
    triplets. swing: place of the offbeat eighth in its beat, 0.5 straight. off: mean distance of the notes from the
    grid, 1 by chance, 0 exact.
    """

    ticks: np.ndarray
    metre: np.ndarray
    steps_per_beat: int
    swing: float
    off: float

    @property
    def bars(self) -> int:
        """The number of bars, the last may be incomplete."""
        return int(((self.metre[:, 0] == 0) & (self.metre[:, 1] == 0)).sum())

    @property
    def keeps_time(self) -> bool:
        """Whether the notes lie on the grid, rather than anywhere."""
        return self.off < MOST_BARS_OFF

    def steps(self, ticks: np.ndarray) -> np.ndarray:
        """(n,) ticks -> (n,) int: the nearest step."""
        return np.asarray(np.rint(np.interp(ticks, self.ticks, np.arange(len(self.ticks)))), int)

    def in_steps(self, notes: np.ndarray) -> np.ndarray:
        """(n, 4) notes in ticks -> (n, 4) int in steps, each at least one step long."""
        first = np.minimum(self.steps(notes[:, 0]), len(self.metre) - 1)
        return np.column_stack([first, np.maximum(self.steps(notes[:, 1]), first + 1), notes[:, 2:]])

    def in_ticks(self, notes: np.ndarray) -> np.ndarray:
        """(n, 4) notes in steps -> (n, 4) int in ticks."""
        return np.column_stack([np.round(self.ticks[notes[:, :2]]).astype(int), notes[:, 2:]])


def grid_of(time: TimeMap, notes: np.ndarray) -> Grid:
    """The grid over all notes (n, 4) in ticks, n >= 1, up to the end of the bar of the last; MidiFileError."""
    onsets, last = np.unique(notes[:, 0]), int(notes[:, 1].max())
    places = _places(time, onsets)
    swing = _swing(places)
    fours, threes = _off(places, _steps(4, swing)), _off(places, _steps(3, 0.5))
    triplets = threes < 0.8 * fours - 0.05  # swung eighths are on both
    steps = 3 if triplets else 4
    ticks, metre = _lay(time, last, steps, 0.5 if triplets else swing)
    return Grid(ticks, metre, steps, 0.5 if triplets else swing, min(fours, threes) if len(places) else 0.0)


def _bars(time: TimeMap, last: int) -> list[tuple[float, float, float, bool]]:
    """(first tick, ticks, ticks of a beat, compound) of each bar up to the tick `last`, included."""
    metres = sorted({0: DEFAULT_METRE, **time.metres}.items())
    stops = [*(tick for tick, _ in metres[1:]), np.inf]
    bars: list[tuple[float, float, float, bool]] = []
    for (first, (numerator, exponent)), stop in zip(metres, stops, strict=True):
        unit = time.ticks * 4.0 / 2.0**exponent
        compound = exponent >= 3 and numerator in (6, 9, 12)
        beat, at = 3 * unit if compound else float(time.ticks), float(first)
        while at < min(stop, last):
            if len(bars) > MOST_STEPS:
                raise MidiFileError(f"has more than {MOST_STEPS} bars: mend its time signature")
            bars.append((at, min(numerator * unit, stop - at), beat, compound))
            at += numerator * unit
    return bars


def _places(time: TimeMap, onsets: np.ndarray) -> np.ndarray:
    """(n,) places of ticks within their beats, 0 to 1, where a beat is a quarter note."""
    bars = _bars(time, int(onsets[-1]) + 1)
    firsts, beats = np.array([bar[0] for bar in bars]), np.array([bar[2] for bar in bars])
    simple = np.array([not bar[3] for bar in bars])
    of = np.searchsorted(firsts, onsets, "right") - 1
    return np.asarray(((onsets - firsts[of]) / beats[of] % 1)[simple[of]])


def _swing(places: np.ndarray) -> float:
    """Median place of the offbeat eighths; 0.5 where there are fewer than 8, they are straight, or part of triplets."""
    offbeat, second = places[(places > 0.42) & (places < 0.72)], (places > 0.28) & (places < 0.39)
    swing = float(np.median(offbeat)) if len(offbeat) >= 8 and second.sum() <= len(offbeat) / 4 else 0.5
    return swing if abs(swing - 0.5) > STRAIGHT else 0.5


def _steps(steps: int, swing: float) -> np.ndarray:
    """(steps,) places of the steps of a beat, 0 to 1."""
    return np.array([0, swing / 2, swing, (1 + swing) / 2]) if steps == 4 else np.arange(3) / 3


def _off(places: np.ndarray, steps: np.ndarray) -> float:
    """Mean distance of places from the nearest step, 1 by chance."""
    if not len(places):
        return 0.0
    distance = np.abs(places[:, None] - np.append(steps, 1.0)).min(1)
    return float(distance.mean() * 4 * len(steps))


def _lay(time: TimeMap, last: int, steps: int, swing: float) -> tuple[np.ndarray, np.ndarray]:
    """Ticks and metre of all steps."""
    ticks: list[np.ndarray] = []
    metre: list[np.ndarray] = []
    total = 0
    end = 0.0
    for first, length, beat, compound in _bars(time, last):
        inside = _steps(3, 0.5) if compound else _steps(steps, swing)
        beats = int(np.ceil(length / beat - 1e-6))
        at = ((np.arange(beats)[:, None] + inside) * beat).ravel()
        places = np.tile(12 * np.arange(len(inside)) // len(inside), beats)
        rows = np.column_stack([places, np.repeat(np.arange(beats), len(inside)), np.full(len(at), beats)])
        kept = at < length - 1e-6
        ticks.append(first + at[kept])
        metre.append(rows[kept])
        total, end = total + int(kept.sum()), first + length
        if total > MOST_STEPS:
            raise MidiFileError(
                f"is longer than {MOST_STEPS // steps} beats: cut it into parts, and fill one after the other"
            )
    return np.append(np.concatenate(ticks), end), np.concatenate(metre)
