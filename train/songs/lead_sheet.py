"""Lead sheets, chords over beats: of a song, brought to another tempo, or generated.

A position is counted in beats from the first beat of the sheet, so 2.5 is halfway between the third beat and the
fourth. `Sheet.seconds` converts it to s, with swing.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
QUALITIES = {  # semitones above the root, by the names that POP909 uses
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "sus2": (0, 2, 7), "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10), "minmaj7": (0, 3, 7, 11), "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10), "sus4(b7)": (0, 5, 7, 10), "5": (0, 7),
}  # fmt: skip
DEGREES = {
    "1": 0,
    "b2": 1,
    "2": 2,
    "b3": 3,
    "3": 4,
    "4": 5,
    "b5": 6,
    "5": 7,
    "#5": 8,
    "b6": 8,
    "6": 9,
    "b7": 10,
    "7": 11,
}
MAJOR = (0, 2, 4, 5, 7, 9, 11)


class Chord(NamedTuple):
    """A chord from start to end, s. root, bass: pitch classes 0-11; root None: no chord."""

    start: float
    end: float
    root: int | None
    quality: str = "maj"
    bass: int | None = None

    @property
    def tones(self) -> tuple[int, ...]:
        """Its pitch classes, the root first; () without a chord. An unknown quality counts as a bare fifth."""
        if self.root is None:
            return ()
        return tuple((self.root + step) % 12 for step in QUALITIES.get(self.quality, (0, 7)))

    @property
    def lowest(self) -> int:
        """The pitch class that the bass plays."""
        return self.bass if self.bass is not None else self.root or 0


SILENCE = Chord(0, 0, None)


def read_chord(start: float, end: float, name: str) -> Chord:
    """A chord by its name in POP909: root, ':', quality, optionally '/' and the degree in the bass; N: no chord."""
    root = ROOTS.get(name[0])
    if root is None:
        return Chord(start, end, None)
    root = (root + {"#": 1, "b": -1}.get(name[1:2], 0)) % 12
    quality, _, degree = name.partition(":")[2].partition("/")
    return Chord(start, end, root, quality or "maj", (root + DEGREES.get(degree, 0)) % 12)


class Bar(NamedTuple):
    """A bar: the index of its first beat, and its number of beats."""

    first: int
    beats: int


class Span(NamedTuple):
    """A chord from one position to another, within a bar."""

    begin: float
    end: float
    chord: Chord


@dataclass(frozen=True)
class Sheet:
    """Chords over beats, and the division of a beat.

    beats: (n, 2) [s, 1 on a downbeat else 0], n >= 2. steps: per beat, 4 or 3. swing: position of the offbeat as a
    share of the swung unit, 0.5 straight, 0.67 as triplets. swung: 1 if eighths swing, 2 if sixteenths do.
    """

    chords: list[Chord]
    beats: np.ndarray
    steps: int = 4
    swing: float = 0.5
    swung: int = 1

    @cached_property
    def _halves(self) -> list[Chord]:
        """The chord in each half of each beat."""
        starts, result = [chord.start for chord in self.chords], []
        for when in self.straight_seconds(np.arange(2 * len(self.beats)) / 2 + 0.1):
            at = bisect_right(starts, when) - 1
            result.append(self.chords[at] if at >= 0 and when < self.chords[at].end else SILENCE)
        return result

    @cached_property
    def bars(self) -> list[Bar]:
        """The bars from the first downbeat on; the last ends with the beats."""
        firsts = [*np.flatnonzero(self.beats[:, 1]).tolist(), len(self.beats)]
        return [Bar(a, b - a) for a, b in pairwise(firsts)]

    @cached_property
    def bar_beats(self) -> int:
        """The most common number of beats per bar."""
        return Counter(bar.beats for bar in self.bars).most_common(1)[0][0]

    @cached_property
    def key(self) -> frozenset[int]:
        """The seven pitch classes of the major scale that covers most of the chords' tones, weighted by duration."""
        weight = np.zeros(12)
        for chord in self.chords:
            weight[list(chord.tones)] += chord.end - chord.start
        fit = [sum(weight[(tonic + step) % 12] for step in MAJOR) for tonic in range(12)]
        return frozenset((int(np.argmax(fit)) + step) % 12 for step in MAJOR)

    @property
    def end(self) -> float:
        """End of the last beat, s."""
        return float(self.straight_seconds(np.array([len(self.beats)]))[0])

    def chord_at(self, position: float) -> Chord:
        """The chord at a position, in beats."""
        return self._halves[min(max(int(2 * position + 1e-6), 0), len(self._halves) - 1)]

    def scale_at(self, position: float) -> frozenset[int]:
        """Pitch classes of the chord at a position, and those of the key that are no semitone from any of them."""
        tones = self.chord_at(position).tones
        return frozenset(tones) | {tone for tone in self.key if all((tone - t) % 12 not in (1, 11) for t in tones)}

    def spans(self, bars: list[Bar]) -> list[Span]:
        """The chords of these bars, split at bar lines, without silence."""
        result: list[Span] = []
        for bar in bars:
            for half in range(2 * bar.first, 2 * (bar.first + bar.beats)):
                chord, begin = self.chord_at(half / 2), half / 2
                if result and result[-1].chord is chord and result[-1].end == begin > bar.first:
                    result[-1] = Span(result[-1].begin, begin + 0.5, chord)
                else:
                    result.append(Span(begin, begin + 0.5, chord))
        return [span for span in result if span.chord.tones]

    def straight_seconds(self, positions: np.ndarray) -> np.ndarray:
        """Positions in beats (n,) -> s (n,), without swing. The last beat's length is extrapolated by one beat."""
        times = self.beats[:, 0]
        grid = np.append(times, 2 * times[-1] - times[-2])
        return np.interp(positions, np.arange(len(grid)), grid)

    def seconds(self, positions: np.ndarray) -> np.ndarray:
        """Positions in beats (n,) -> s (n,), with swing."""
        swung_beats = np.asarray(positions, float) * self.swung
        whole, part = np.floor(swung_beats), swung_beats % 1
        late = np.where(part < 0.5, 2 * self.swing * part, self.swing + 2 * (1 - self.swing) * (part - 0.5))
        return self.straight_seconds((whole + late) / self.swung)

    def unswung(self, position: float) -> float:
        """The position whose time with swing is that of `position` without swing."""
        whole, part = divmod(position * self.swung, 1)
        late = part - self.swing
        straight = part / (2 * self.swing) if late < 0 else 0.5 + late / (2 * (1 - self.swing))
        return (whole + straight) / self.swung

    def position(self, seconds: np.ndarray) -> np.ndarray:
        """Times in s (n,) -> positions in beats (n,), without swing."""
        return np.interp(seconds, self.straight_seconds(np.arange(len(self.beats) + 1)), np.arange(len(self.beats) + 1))


# Another tempo


def in_dotted_beats(beats: np.ndarray) -> np.ndarray:
    """Beats (n, 2) of 6/8 in eighths -> beats in dotted quarters, two per bar."""
    downbeats = np.flatnonzero(beats[:, 1])
    since = (
        np.arange(len(beats)) - downbeats[np.maximum(np.searchsorted(downbeats, np.arange(len(beats)), "right") - 1, 0)]
    )
    return beats[since % 3 == 0]


def doubled(beats: np.ndarray) -> np.ndarray:
    """Beats (2 n, 2) at half the period, with twice as many bars."""
    times = beats[:, 0]
    middles = (times + np.append(times[1:], 2 * times[-1] - times[-2])) / 2
    result = np.column_stack([np.column_stack([times, middles]).ravel(), np.zeros(2 * len(beats))])
    downbeats = np.flatnonzero(beats[:, 1])
    for first, following in zip(downbeats, np.append(downbeats[1:], len(beats)), strict=True):
        result[[2 * first, min(first + following, len(result) - 1)], 1] = 1
    return result


def halved(beats: np.ndarray) -> np.ndarray:
    """Every second beat, with every second downbeat; unchanged where bars have odd numbers of beats."""
    downbeats = np.flatnonzero(beats[:, 1])
    if (np.diff(downbeats) % 2).any():
        return beats
    result = beats[downbeats[0] % 2 :: 2].copy()
    result[np.flatnonzero(result[:, 1])[1::2], 1] = 0
    return result


def tempo_of(beats: np.ndarray) -> float:
    """Tempo of beats (n, 2), beats per minute, by the median interval."""
    return float(60 / np.median(np.diff(beats[:, 0])))


def in_tempo(beats: np.ndarray, tempo: float) -> tuple[np.ndarray, float]:
    """(beats at a tempo, factor of all times), with the least change of time.

    tempo: beats per minute. Beats are doubled or halved where that is nearer; the factor is clipped to 0.55 to 1.8.
    """
    counted = [beats, doubled(beats), halved(beats)]
    nearest = min(counted, key=lambda each: abs(np.log(tempo_of(each) / tempo)))
    factor = float(np.clip(tempo_of(nearest) / tempo, 0.55, 1.8))
    return nearest * [factor, 1], factor


# Generated songs

PROGRESSIONS = {  # degrees of a mode in semitones with qualities, a bar each
    "major": ["0 9m 5 7", "0 7 9m 5", "0 5 7 5", "0 4m 5 5m", "2m7 7_7 0M7 0M7", "0 0 5 7_7", "9m 5 0 7"],
    "minor": ["0m 8 3 10", "0m 10 8 7_7", "0m 5m 7m 0m", "0m 0m 5m 7_7", "0m7 5m7 10_7 3M7", "2h 7_7 0m7 0m7"],
    "modal": ["0m7 5_7 0m7 5_7", "0 10 5 0", "0m7 2m7 0m7 2m7", "0M7 2 0M7 2", "0m 0m 10 10", "0_7 0_7 10 5"],
    "blues": ["0_7 0_7 0_7 0_7 5_7 5_7 0_7 0_7 7_7 5_7 0_7 7_7", "0m7 0m7 0m7 0m7 5m7 5m7 0m7 0m7 8_7 7_7 0m7 0m7"],
    "metal": ["0+ 0+ 1+ 0+", "0+ 3+ 1+ 0+", "0+ 8+ 10+ 0+", "0+ 0+ 6+ 5+", "0+ 10+ 8+ 7+", "0+ 1+ 3+ 1+"],
}  # fmt: skip
SIGNS = {"": "maj", "m": "min", "M7": "maj7", "m7": "min7", "_7": "7", "h": "hdim7", "+": "5"}


def invented_song(rng: random.Random, seconds: float = 150.0) -> tuple[list[Chord], np.ndarray]:
    """(chords, beats (n, 2)) of a generated song of at least `seconds` s: one progression per section, in one key."""
    tonic, kind = rng.randrange(12), rng.choice(sorted(PROGRESSIONS))
    bar_beats = rng.choices((4, 3, 6), weights=(8, 1, 1))[0]
    beat = 60 / np.exp(rng.uniform(np.log(60), np.log(180))) / (2 if bar_beats == 6 else 1)
    section = {name: rng.choice(PROGRESSIONS[kind]).split() for name in "AB"}
    rate = rng.choices((1, 2, 0.5), weights=(6, 2, 2))[0] if bar_beats == 4 else 1  # bars of a chord
    names: list[str] = []
    while len(names) * rate * bar_beats * beat < seconds:
        names += 2 * section[rng.choice("AAB")]
    names.append(names[0])
    count = int(np.ceil(len(names) * rate)) * bar_beats
    drift = np.cumsum([rng.gauss(0, 0.002) for _ in range(count)])  # people do not play to a click
    times = np.cumsum(beat * (1 + np.clip(drift, -0.03, 0.03))) - beat + rng.uniform(0.05, 1.0)
    sheet = Sheet([], np.column_stack([times, np.arange(count) % bar_beats == 0]))
    edges = sheet.straight_seconds(np.arange(len(names) + 1) * rate * bar_beats)
    chords = []
    for name, start, end in zip(names, edges[:-1], edges[1:], strict=True):
        degree, sign = re.fullmatch(r"(\d+)(.*)", name).groups()  # type: ignore[union-attr]
        root = (tonic + int(degree)) % 12
        chords.append(Chord(float(start), float(end), root, SIGNS[sign], root))
    return chords, sheet.beats
