"""Drum patterns by style, in sixteenths with accents and ghost notes, and fills.

A pattern has 16 signs per bar of four beats: X accent, x stroke, g ghost note, '.' rest. It is converted to triplets
where a beat has three steps, and cut where a bar has fewer beats.
"""

from __future__ import annotations

import random
from typing import NamedTuple

# General MIDI: hits by key.
KICK, STICK, SNARE, CLAP, OPEN, CRASH, CHINA, SHAKER, TAMBOURINE = 36, 37, 38, 39, 46, 49, 52, 82, 54
HAT, PEDAL, RIDE, BELL, COWBELL = 42, 44, 51, 53, 56
TOMS = (50, 48, 45, 43)
VELOCITIES = {"X": 108, "x": 82, "g": 42}  # MIDI velocity

KITS = {  # programs of General MIDI
    "rock": (0, 8, 16), "metal": (16, 0, 8), "funk": (0, 8), "jazz": (32, 40, 8), "bossa": (32, 0, 40),
    "ballad": (0, 8, 40), "reggae": (0, 8), "electronic": (24, 25, 26), "folk": (0, 40, 48), "blues": (0, 8, 32),
}  # fmt: skip
GROOVES: dict[str, tuple[dict[int, str], ...]] = {
    "rock": (
        {KICK: "X.......X.......", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
        {KICK: "X.....x.X.......", SNARE: "....X.......X...", RIDE: "X.x.X.x.X.x.X.x."},
        {KICK: "X..x....x.X.....", SNARE: "....X..g.g..X...", HAT: "X.x.X.x.X.x.X.x."},
        {KICK: "X.x...x.X.x.....", SNARE: "....X.......X...", OPEN: "X...X...X...X..."},
        {KICK: "X.......x.x.....", SNARE: "........X.......", CRASH: "X...............", RIDE: "X...x...X...x..."},
        {KICK: "X...X...X...X...", SNARE: "..X...X...X...X.", HAT: "X.x.X.x.X.x.X.x."},
        {KICK: "X.......X.......", SNARE: "X.x.X.x.X.x.X.xx", TOMS[3]: "x...x...x...x..."},
    ),
    "metal": (
        {KICK: "XxxxXxxxXxxxXxxx", SNARE: "....X.......X...", CHINA: "X...X...X...X..."},
        {KICK: "X.xxX.xxX.xxX.xx", SNARE: "....X.......X...", HAT: "X...X...X...X..."},
        {KICK: "X.X.X.X.X.X.X.X.", SNARE: ".x.x.x.x.x.x.x.x", RIDE: "X.x.X.x.X.x.X.x."},
        {KICK: "XxxxXxxxXxxxXxxx", SNARE: "........X.......", CRASH: "X.......X......."},
        {KICK: "X..X..X..X..X...", SNARE: "....X.......X...", CHINA: "X..X..X..X..X..."},
        {KICK: "X.x.x.x.X.x.x.x.", SNARE: "..X...X...X...X.", HAT: "X.x.X.x.X.x.X.x."},
    ),
    "funk": (
        {KICK: "X..x..x...x..x..", SNARE: "....X..g.g..X..g", HAT: "xgxgXgxgxgxgXgxg"},
        {KICK: "X.x.......xx....", SNARE: "....X..g.g.gX...", HAT: "X.x.x.xxX.x.x.x."},
        {KICK: "X..x..X.......x.", SNARE: "....X..X.g..X..g", HAT: "XxxxXxxxXxxxXxxx", OPEN: "..............x."},
        {KICK: "x.x...x..x......", SNARE: "....X.g..g..X.g.", COWBELL: "X...X...X...X..."},
    ),
    "jazz": (
        {RIDE: "X...X.x.X...X.x.", PEDAL: "....x.......x...", KICK: "g...g...g...g..."},
        {RIDE: "X...X.x.X...X.x.", PEDAL: "....x.......x...", SNARE: "......g.......g."},
        {RIDE: "X...X.x.X...X.x.X...X.x.X.x.X.x.", SNARE: "..g...x.......g.x.....g...g....."},
        {HAT: "x...X.x.x...X.x.", SNARE: "x...x...x...x...", KICK: "g...g...g...g..."},
    ),
    "bossa": (
        {KICK: "X.....x.X.....x.", STICK: "X.....x.....x.......x.....x.....", HAT: "x.x.x.x.x.x.x.x."},
        {KICK: "X.....x.X.....x.", STICK: "....x.....x.....x.....x.....x...", SHAKER: "Xgxgxgxgxgxgxgxg"},
        {KICK: "X.....x.X.....x.", SNARE: "X..x..x...x..x..", SHAKER: "X.x.X.x.X.x.X.x."},
    ),
    "ballad": (
        {KICK: "X.........x.....", STICK: "....x.......x...", HAT: "x.g.x.g.x.g.x.g."},
        {KICK: "X......xX.......", SNARE: "....x.......x...", RIDE: "x.g.x.g.x.g.x.g."},
        {KICK: "X...............", SNARE: "........X.......", SHAKER: "xgggxgggxgggxggg"},
        {STICK: "....x.......x...", TAMBOURINE: "....x.......x..."},
    ),
    "reggae": (
        {KICK: "........X.......", STICK: "........X.......", HAT: "x.X.x.X.x.X.x.X."},
        {KICK: "X...X...X...X...", STICK: "........X.......", HAT: "x.X.x.X.x.X.x.Xx"},
        {KICK: "X.......X.......", SNARE: "........X.....g.", HAT: "..x...x...x...xx"},
    ),
    "electronic": (
        {KICK: "X...X...X...X...", CLAP: "....X.......X...", OPEN: "..X...X...X...X.", HAT: "xgxgxgxgxgxgxgxg"},
        {KICK: "X...X...X...X...", OPEN: "..X...X...X...X."},
        {KICK: "X..x......x.....", SNARE: "....X.......X...", HAT: "xxxxxxxxxxxxxxxx"},
        {KICK: "X.........X.....", SNARE: "....X..x.x..X..x", HAT: "X.X.X.X.X.X.X.X."},
        {KICK: "X.....x...x.....", CLAP: "........X.......", HAT: "X.X.XxX.X.X.X.Xx"},
    ),
    "folk": (
        {KICK: "X...X...X...X...", SNARE: "xgXgxgXgxgXgxgXg"},
        {KICK: "X.......X.......", SNARE: "X.xxX.xxX.x.X.xx"},
        {KICK: "X.......X.......", TAMBOURINE: "....X.......X..."},
        {KICK: "X.......X.......", SNARE: "....X.......X.x."},
    ),
    "blues": (
        {KICK: "X.......X.....x.", SNARE: "....X.......X...", HAT: "X.x.X.x.X.x.X.x."},
        {KICK: "X.....x.X.......", SNARE: "....X..g....X..g", RIDE: "X.x.X.x.X.x.X.x."},
        {KICK: "X...x...X...x...", SNARE: "....X.......X...", RIDE: "X...X.x.X...X.x."},
    ),
}  # fmt: skip
WALTZ = (
    {KICK: "X...........", SNARE: "....x...x...", HAT: "X...x...x..."},
    {KICK: "X.........x.", SNARE: "........X...", RIDE: "X...x.x.x..."},
    {KICK: "X...........", PEDAL: "....x...x...", RIDE: "X...X.x.X..."},
)


class Stroke(NamedTuple):
    """A stroke of a pattern: position and time to the next stroke, in beats, and its number within the pattern."""

    position: float
    length: float
    velocity: int  # MIDI
    number: int  # from 0


def in_triplets(pattern: str) -> str:
    """A pattern of four steps per beat -> of three: the first, the second, and the third or else the fourth."""
    beats = [pattern[n : n + 4] for n in range(0, len(pattern), 4)]
    return "".join(beat[0] + beat[1] + (beat[2] if beat[2] != "." else beat[3]) for beat in beats)


def strokes(pattern: str, bar_beats: int, bars: int, steps: int = 4) -> list[Stroke]:
    """The strokes of a pattern of four beats per bar over `bars` bars of `bar_beats` beats, in order.

    steps: per beat, 4 or 3. Bars of two or four beats continue the pattern, others take its first beats.
    """
    pattern = pattern if steps == 4 else in_triplets(pattern)
    beats = len(pattern) // steps
    hits = []
    for bar in range(bars):
        start = bar * bar_beats if 4 % bar_beats == 0 or beats % bar_beats == 0 else 4 * bar
        for step in range(bar_beats * steps):
            at = (start * steps + step) % len(pattern)
            if pattern[at] != ".":
                number = at - pattern[:at].count(".")
                hits.append((bar * bar_beats + step / steps, VELOCITIES[pattern[at]], number))
    ends = [*(position for position, *_ in hits[1:]), float(bars * bar_beats)]
    return [Stroke(at, end - at, loud, number) for (at, loud, number), end in zip(hits, ends, strict=True)]


def draw_groove(style: str, bar_beats: int, rng: random.Random) -> dict[int, str]:
    """A random groove of a style, {key: pattern}, for bars of `bar_beats` beats."""
    return rng.choice(WALTZ if bar_beats == 3 else GROOVES[style])


def draw_fill(beats: int, steps: int, rng: random.Random) -> list[tuple[float, int, int]]:
    """A fill of `beats` beats: (position in beats, key, velocity), with a crescendo. steps: per beat."""
    drums, count = (SNARE, *TOMS), beats * steps
    chosen = [step for step in range(count) if rng.random() < 0.8]
    return [(step / steps, drums[step * len(drums) // count], 70 + 36 * step // count) for step in chosen]
